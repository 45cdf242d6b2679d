/* Primitives of AVX-512: see simd.h for what each must do. */
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define LANES 16
#define ROWS 14 /* 28 sums, two vectors of weights, one of activations: 31 of 32 registers */
#define VECTORS 2

typedef __m512 vf;
typedef __m512i vi;

#define OP static inline __attribute__((always_inline))

OP vf vf_load(const float *from) { return _mm512_loadu_ps(from); }
OP void vf_store(float *to, vf x) { _mm512_storeu_ps(to, x); }
OP vf vf_set(float x) { return _mm512_set1_ps(x); }
OP vf vf_add(vf a, vf b) { return _mm512_add_ps(a, b); }
OP vf vf_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
OP vf vf_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
OP vf vf_div(vf a, vf b) { return _mm512_div_ps(a, b); }
OP vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
OP vf vf_min(vf a, vf b) { return _mm512_min_ps(a, b); }
OP vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
OP vf vf_round(vf x) {
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
OP vf vf_scale(vf x, vf power) { return _mm512_scalef_ps(x, power); }
OP float vf_total(vf x) { return _mm512_reduce_add_ps(x); }
OP float vf_top(vf x) { return _mm512_reduce_max_ps(x); }

OP vi vi_load(const void *from) { return _mm512_loadu_si512(from); }
OP void vi_store(void *to, vi x) { _mm512_storeu_si512(to, x); }
OP vi vi_splat(const void *from) {
    int32_t unit;
    memcpy(&unit, from, 4);
    return _mm512_set1_epi32(unit);
}
OP vi vi_set(int32_t x) { return _mm512_set1_epi32(x); }
OP vi vi_add(vi a, vi b) { return _mm512_add_epi32(a, b); }
OP vi vi_sub(vi a, vi b) { return _mm512_sub_epi32(a, b); }
OP vi vi_from_float(vf x) { return _mm512_cvtps_epi32(x); }
OP vf vi_to_float(vi x) { return _mm512_cvtepi32_ps(x); }
OP void store_bytes(void *to, vi x) { _mm_storeu_si128(to, _mm512_cvtepi32_epi8(x)); }
OP void store_shorts(void *to, vi x) { _mm256_storeu_si256(to, _mm512_cvtepi32_epi16(x)); }

#ifdef WITH_VNNI
#define INT8_DEPTH 4
#define INT8_OFFSET 128
OP vi load_int8(const void *from) { return vi_load(from); }
OP vi dot_int8(vi sum, vi a, vi b) { return _mm512_dpbusd_epi32(sum, a, b); }
#else
#define INT8_DEPTH 2
#define INT8_OFFSET 0
OP vi load_int8(const void *from) { return _mm512_cvtepi8_epi16(_mm256_loadu_si256(from)); }
OP vi dot_int8(vi sum, vi a, vi b) { return _mm512_add_epi32(sum, _mm512_madd_epi16(a, b)); }
#endif

#ifdef WITH_BF16
OP vf dot_bf16(vf sum, vi a, vi b) { return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b); }
OP void store_bf16(void *to, vf x) { _mm256_storeu_si256(to, (__m256i)_mm512_cvtneps_pbh(x)); }
#endif
