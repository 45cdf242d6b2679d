/* Bidirectional self-attention of one utterance, everything in tiles (see amx.h).
 *
 * All keys' scores of 32 queries fit the second-level cache, so softmax is done whole, in
 * fp32, and only the probabilities are rounded to bf16: FlashAttention's data flow (Dao et
 * al., 2022) without the running rescaling that a GPU's small memory needs.
 */
#include "amx.h"
#ifdef NORDLYD_AMX

extern int omp_get_thread_num(void);

/* 2^x for x <= 0: a minimax polynomial on the fraction, relative error 4e-6. */
static inline __m512 power_of_two(__m512 x) {
    x = _mm512_max_ps(x, _mm512_set1_ps(-126.0f));
    const __m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m512 f = _mm512_sub_ps(x, whole);
    __m512 p = _mm512_set1_ps(0.009676037356257439f);
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.05592203512787819f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.2402210682630539f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.6931210160255432f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0000001192092896f));
    return _mm512_scalef_ps(p, whole);
}

/* A tile of 16 keys x 32 values becomes the right-hand side of a product: pairs of values as
 * 32-bit elements, rows and columns exchanged. */
static void transpose_tile(const bf16 *from, bf16 *to) {
    __m512i r[16], t[16];
    for (int i = 0; i < 16; i++) r[i] = _mm512_loadu_si512(from + 32 * i);
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        const __m512i even_low = _mm512_shuffle_i32x4(r[i], r[4 + i], 0x88);
        const __m512i even_high = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0x88);
        const __m512i odd_low = _mm512_shuffle_i32x4(r[i], r[4 + i], 0xdd);
        const __m512i odd_high = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0xdd);
        _mm512_storeu_si512(to + 32 * i, _mm512_shuffle_i32x4(even_low, even_high, 0x88));
        _mm512_storeu_si512(to + 32 * (4 + i), _mm512_shuffle_i32x4(odd_low, odd_high, 0x88));
        _mm512_storeu_si512(to + 32 * (8 + i), _mm512_shuffle_i32x4(even_low, even_high, 0xdd));
        _mm512_storeu_si512(to + 32 * (12 + i), _mm512_shuffle_i32x4(odd_low, odd_high, 0xdd));
    }
}

/* A block of 32 keys x 32 values, `keys` of them real, as the right-hand side of P * V: two
 * tiles of 16 columns with pairs of keys side by side. */
static void interleave_block(const bf16 *from, long keys, bf16 *to) {
    int16_t order[2][32];
    for (int i = 0; i < 32; i++)
        for (int half = 0; half < 2; half++)
            order[half][i] = (int16_t)(half * 16 + i / 2 + i % 2 * 32);
    for (long pair = 0; pair < 16; pair++) {
        /* What stands beyond the last key may be no number: 0 x NaN would spoil the sum. */
        const __m512i even = 2 * pair < keys ? _mm512_loadu_si512(from + 64 * pair)
                                             : _mm512_setzero_si512();
        const __m512i odd = 2 * pair + 1 < keys ? _mm512_loadu_si512(from + 64 * pair + 32)
                                                : _mm512_setzero_si512();
        for (int half = 0; half < 2; half++)
            _mm512_storeu_si512(
                to + half * 512 + pair * 32,
                _mm512_permutex2var_epi16(even, _mm512_loadu_si512(order[half]), odd));
    }
}

static inline __mmask16 live(long keys) {
    return keys >= 16 ? 0xffff : keys <= 0 ? 0 : (__mmask16)((1u << keys) - 1);
}

/* Keep the largest score of each query, over `keys` keys of one block. */
static inline void raise_tops(const float *scores, long keys, __m512 *tops) {
    const __mmask16 low = live(keys), high = live(keys - 16);
    for (long r = 0; r < BLOCK; r++) {
        tops[r] = _mm512_mask_max_ps(tops[r], low, tops[r], _mm512_load_ps(scores + r * BLOCK));
        tops[r] = _mm512_mask_max_ps(tops[r], high, tops[r], _mm512_load_ps(scores + r * BLOCK + 16));
    }
}

/* Scores of one block become probabilities in bf16, not yet divided by their `sums`. */
static inline void exponentiate(const float *scores, long keys, __m512 scale, const __m512 *offsets,
                                __m512 *sums, bf16 *p) {
    const __mmask16 low_live = live(keys), high_live = live(keys - 16);
    for (long r = 0; r < BLOCK; r++) {
        const __m512 low = _mm512_maskz_mov_ps(
            low_live,
            power_of_two(_mm512_fmadd_ps(_mm512_load_ps(scores + r * BLOCK), scale, offsets[r])));
        const __m512 high = _mm512_maskz_mov_ps(
            high_live, power_of_two(_mm512_fmadd_ps(_mm512_load_ps(scores + r * BLOCK + 16), scale,
                                                    offsets[r])));
        sums[r] = _mm512_add_ps(sums[r], _mm512_add_ps(low, high));
        _mm512_storeu_si512(p + r * KSTEP, (__m512i)_mm512_cvtne2ps_pbh(high, low));
    }
}

static long own_bytes(long blocks) {
    return (blocks * (4096 + 2048) + 4096 + 3 * BLOCK * 64 + 4095) / 4096 * 4096;
}

long nordlyd_attention_scratch(long frames, long heads, long width, long threads) {
    const long blocks = (frames + BLOCK - 1) / BLOCK;
    return 2 * heads * blocks * width * BLOCK * (long)sizeof(bf16) + threads * own_bytes(blocks);
}

void nordlyd_attention(const bf16 *qkv, long frames, long heads, long width, long true_width,
                       bf16 *out, char *scratch) {
    const long blocks = (frames + BLOCK - 1) / BLOCK, steps = width / KSTEP;
    const long head_size = blocks * steps * 1024;
    const layout in = {KSTEP, 1024, 3 * heads * steps * 1024};
    bf16 *keys = (bf16 *)scratch, *values = keys + heads * head_size;
    /* The exponential is taken to base two. */
    const float scale = 1.4426950408889634f / __builtin_sqrtf((float)true_width);
#pragma omp parallel
    {
        char *own = (char *)(values + heads * head_size) + omp_get_thread_num() * own_bytes(blocks);
        float *scores = (float *)own, *c = scores + blocks * 1024;
        __m512 *tops = (__m512 *)(c + 1024), *sums = tops + BLOCK;
        bf16 *p = (bf16 *)(sums + BLOCK);
        configure_tiles(BLOCK);
#pragma omp for collapse(2) schedule(static)
        for (long head = 0; head < heads; head++)
            for (long block = 0; block < blocks; block++)
                for (long step = 0; step < steps; step++) {
                    const bf16 *k = qkv + block * in.block + ((heads + head) * steps + step) * 1024;
                    const bf16 *v = k + heads * steps * 1024;
                    bf16 *to = keys + head * head_size + (block * steps + step) * 1024;
                    transpose_tile(k, to);
                    transpose_tile(k + 512, to + 512);
                    interleave_block(v, frames - block * BLOCK,
                                     values + head * head_size + (step * blocks + block) * 1024);
                }
#pragma omp for collapse(2) schedule(static)
        for (long head = 0; head < heads; head++)
            for (long query = 0; query < blocks; query++) {
                const bf16 *q = qkv + query * in.block + head * steps * 1024;
                for (long r = 0; r < BLOCK; r++) tops[r] = _mm512_set1_ps(-3.0e38f);
                for (long block = 0; block < blocks; block++) {
                    multiply_block(q, in, BLOCK, keys + head * head_size + block * steps * 1024,
                                   steps, scores + block * 1024, 1, 0);
                    raise_tops(scores + block * 1024, frames - block * BLOCK, tops);
                }
                for (long r = 0; r < BLOCK; r++) {
                    tops[r] = _mm512_set1_ps(-_mm512_reduce_max_ps(tops[r]) * scale);
                    sums[r] = _mm512_setzero_ps();
                }
                for (long block = 0; block < blocks; block++)
                    exponentiate(scores + block * 1024, frames - block * BLOCK,
                                 _mm512_set1_ps(scale), tops, sums, p + block * 1024);
                for (long r = 0; r < BLOCK; r++)
                    sums[r] = _mm512_set1_ps(1.0f / _mm512_reduce_add_ps(sums[r]));
                for (long panel = 0; panel < steps; panel++) {
                    const layout along = {KSTEP, 1024, 0};
                    bf16 *to = out + ((query * heads + head) * steps + panel) * 1024;
                    multiply_block(p, along, BLOCK,
                                   values + head * head_size + panel * blocks * 1024, blocks, c, 1,
                                   0);
                    for (long r = 0; r < BLOCK; r++) {
                        const __m512 low = _mm512_mul_ps(_mm512_load_ps(c + r * BLOCK), sums[r]);
                        const __m512 high = _mm512_mul_ps(_mm512_load_ps(c + r * BLOCK + 16), sums[r]);
                        _mm512_storeu_si512(to + r * KSTEP, (__m512i)_mm512_cvtne2ps_pbh(high, low));
                    }
                }
            }
        _tile_release();
    }
}
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
