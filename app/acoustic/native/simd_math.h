/* Elementwise functions of the encoder, and the layer norm of one row: see simd.h. */

/* The first `n` of LANES floats; zeros beyond them. */
OP vf load_some(const float *from, long n) {
    float whole[LANES] = {0};
    if (n >= LANES) return vf_load(from);
    for (long i = 0; i < n; i++) whole[i] = from[i];
    return vf_load(whole);
}

OP void store_some(float *to, vf x, long n) {
    float whole[LANES];
    if (n >= LANES) {
        vf_store(to, x);
        return;
    }
    vf_store(whole, x);
    for (long i = 0; i < n; i++) to[i] = whole[i];
}

/* 2^x for x <= 0, relative error 2e-7: Taylor's polynomial on the fraction. */
OP vf power_of_two(vf x) {
    x = vf_max(vf_set(-126.0f), x); /* in this order NaN stays NaN */
    const vf whole = vf_round(x), f = vf_sub(x, whole);
    vf p = vf_set(1.540353e-4f);
    p = vf_fma(p, f, vf_set(1.3333558e-3f));
    p = vf_fma(p, f, vf_set(9.6181291e-3f));
    p = vf_fma(p, f, vf_set(5.5504109e-2f));
    p = vf_fma(p, f, vf_set(2.4022651e-1f));
    p = vf_fma(p, f, vf_set(6.9314718e-1f));
    p = vf_fma(p, f, vf_set(1.0f));
    return vf_scale(p, whole);
}

/* x * Phi(x), by the complementary error function of Abramowitz and Stegun, 7.1.26, whose
 * error is under 2e-7: x - x * tail above zero, x * tail below, tail = Phi(-|x|). */
OP vf gelu(vf x) {
    const vf zero = vf_set(0.0f), size = vf_max(x, vf_sub(zero, x));
    const vf t = vf_div(vf_set(1.0f), vf_fma(size, vf_set(0.3275911f * 0.70710678f), vf_set(1.0f)));
    vf p = vf_set(0.5f * 1.061405429f);
    p = vf_fma(p, t, vf_set(0.5f * -1.453152027f));
    p = vf_fma(p, t, vf_set(0.5f * 1.421413741f));
    p = vf_fma(p, t, vf_set(0.5f * -0.284496736f));
    p = vf_fma(p, t, vf_set(0.5f * 0.254829592f));
    const vf bell = power_of_two(vf_mul(vf_mul(x, x), vf_set(-0.72134752f)));
    return vf_sub(vf_max(x, zero), vf_mul(size, vf_mul(vf_mul(p, t), bell)));
}

/* to = LayerNorm(from), with `activation` then GELU; both [columns], and may be the same. */
static void norm_row(const float *from, long columns, const float *gain, const float *shift,
                     float eps, int activation, float *to) {
    vf sums = vf_set(0.0f), squares = vf_set(0.0f);
    for (long i = 0; i < columns; i += LANES) sums = vf_add(sums, load_some(from + i, columns - i));
    const vf mean = vf_set(vf_total(sums) / (float)columns);
    for (long i = 0; i + LANES <= columns; i += LANES) {
        const vf x = vf_sub(vf_load(from + i), mean);
        squares = vf_fma(x, x, squares);
    }
    float square = vf_total(squares);
    for (long i = columns - columns % LANES; i < columns; i++) {
        const float x = from[i] - vf_total(sums) / (float)columns;
        square += x * x;
    }
    const vf scale = vf_set(1.0f / __builtin_sqrtf(square / (float)columns + eps));
    for (long i = 0; i < columns; i += LANES) {
        const long n = columns - i;
        vf x = vf_mul(vf_sub(load_some(from + i, n), mean), scale);
        x = vf_fma(x, load_some(gain + i, n), load_some(shift + i, n));
        store_some(to + i, activation ? gelu(x) : x, n);
    }
}
