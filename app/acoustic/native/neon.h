/* Primitives of 64-bit ARM: see simd.h for what each must do.
 *
 * What is newer than ARMv8.0 is in assembly: older compilers lack the functions.
 */
#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#define LANES 4
#define ROWS 12 /* 24 sums, two vectors of weights, activations: of 32 registers */
#define VECTORS 2

typedef float32x4_t vf;
typedef int32x4_t vi;

#define OP static inline __attribute__((always_inline))

OP vf vf_load(const float *from) { return vld1q_f32(from); }
OP void vf_store(float *to, vf x) { vst1q_f32(to, x); }
OP vf vf_set(float x) { return vdupq_n_f32(x); }
OP vf vf_add(vf a, vf b) { return vaddq_f32(a, b); }
OP vf vf_sub(vf a, vf b) { return vsubq_f32(a, b); }
OP vf vf_mul(vf a, vf b) { return vmulq_f32(a, b); }
OP vf vf_div(vf a, vf b) { return vdivq_f32(a, b); }
OP vf vf_max(vf a, vf b) { return vmaxq_f32(a, b); }
OP vf vf_min(vf a, vf b) { return vminq_f32(a, b); }
OP vf vf_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
OP vf vf_round(vf x) { return vrndnq_f32(x); }
OP vf vf_scale(vf x, vf power) {
    const int32x4_t exponent = vaddq_s32(vcvtq_s32_f32(power), vdupq_n_s32(127));
    return vmulq_f32(x, vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23)));
}
OP float vf_total(vf x) { return vaddvq_f32(x); }
OP float vf_top(vf x) { return vmaxvq_f32(x); }

OP vi vi_load(const void *from) { return vreinterpretq_s32_u8(vld1q_u8(from)); }
OP void vi_store(void *to, vi x) { vst1q_u8(to, vreinterpretq_u8_s32(x)); }
OP vi vi_splat(const void *from) {
    int32_t unit;
    memcpy(&unit, from, 4);
    return vdupq_n_s32(unit);
}
OP vi vi_set(int32_t x) { return vdupq_n_s32(x); }
OP vi vi_add(vi a, vi b) { return vaddq_s32(a, b); }
OP vi vi_sub(vi a, vi b) { return vsubq_s32(a, b); }
OP vi vi_from_float(vf x) { return vcvtnq_s32_f32(x); }
OP vf vi_to_float(vi x) { return vcvtq_f32_s32(x); }
OP void store_bytes(void *to, vi x) {
    const int8x8_t bytes = vmovn_s16(vcombine_s16(vmovn_s32(x), vmovn_s32(x)));
    memcpy(to, &bytes, 4);
}

#ifdef WITH_DOTPROD
#define INT8_DEPTH 4
#define INT8_OFFSET 0
OP vi load_int8(const void *from) { return vi_load(from); }
OP vi dot_int8(vi sum, vi a, vi b) {
    __asm__("sdot %0.4s, %1.16b, %2.16b" : "+w"(sum) : "w"(a), "w"(b));
    return sum;
}
#endif

#ifdef WITH_I8MM
#define INT8_DEPTH 8
#define INT8_OFFSET 0
/* Two rows times two columns in one instruction: rows and columns lie in pairs of eight bytes,
 * and the sums of a pair of rows are put in order at the end. */
static void multiply_int8(const uint32_t *a, const char *b, long steps, void *sums, int first) {
    int32x4_t c[ROWS / 2][LANES];
    int32_t *at = sums;
    const long width = VECTORS * LANES;
    for (int r = 0; r < ROWS / 2; r++)
        for (int v = 0; v < LANES; v++)
            c[r][v] = first ? vdupq_n_s32(0)
                            : vcombine_s32(vld1_s32(at + 2 * r * width + 2 * v),
                                           vld1_s32(at + (2 * r + 1) * width + 2 * v));
    for (long step = 0; step < steps; step++) {
        int8x16_t w[LANES];
        for (int v = 0; v < LANES; v++) w[v] = vld1q_s8((const int8_t *)b + 16 * v);
        for (int r = 0; r < ROWS / 2; r++) {
            const int8x16_t x = vld1q_s8((const int8_t *)a + 16 * r);
            for (int v = 0; v < LANES; v++)
                __asm__("smmla %0.4s, %1.16b, %2.16b"
                        : "+w"(c[r][v])
                        : "w"(x), "w"(w[v]));
        }
        a += 2 * ROWS;
        b += 16 * LANES;
    }
    for (int r = 0; r < ROWS / 2; r++)
        for (int v = 0; v < LANES; v++) {
            vst1_s32(at + 2 * r * width + 2 * v, vget_low_s32(c[r][v]));
            vst1_s32(at + (2 * r + 1) * width + 2 * v, vget_high_s32(c[r][v]));
        }
}
#endif

#ifdef WITH_BF16
OP vf dot_bf16(vf sum, vi a, vi b) {
    __asm__("bfdot %0.4s, %1.8h, %2.8h" : "+w"(sum) : "w"(a), "w"(b));
    return sum;
}
OP void store_bf16(void *to, vf x) {
    int16x4_t half;
    __asm__("bfcvtn %0.4h, %1.4s" : "=w"(half) : "w"(x));
    memcpy(to, &half, 8);
}
#endif
