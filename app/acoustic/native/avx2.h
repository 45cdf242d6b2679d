/* Primitives of AVX2 with FMA: see simd.h for what each must do. */
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define LANES 8
#define ROWS 6 /* 12 sums, two vectors of weights, one of activations: 15 of 16 registers */
#define VECTORS 2

typedef __m256 vf;
typedef __m256i vi;

#define OP static inline __attribute__((always_inline))

OP vf vf_load(const float *from) { return _mm256_loadu_ps(from); }
OP void vf_store(float *to, vf x) { _mm256_storeu_ps(to, x); }
OP vf vf_set(float x) { return _mm256_set1_ps(x); }
OP vf vf_add(vf a, vf b) { return _mm256_add_ps(a, b); }
OP vf vf_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
OP vf vf_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
OP vf vf_div(vf a, vf b) { return _mm256_div_ps(a, b); }
OP vf vf_max(vf a, vf b) { return _mm256_max_ps(a, b); }
OP vf vf_min(vf a, vf b) { return _mm256_min_ps(a, b); }
OP vf vf_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
OP vf vf_round(vf x) {
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
OP vf vf_scale(vf x, vf power) {
    const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(power), _mm256_set1_epi32(127));
    return _mm256_mul_ps(x, _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)));
}
OP float vf_total(vf x) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
OP float vf_top(vf x) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

OP vi vi_load(const void *from) { return _mm256_loadu_si256(from); }
OP void vi_store(void *to, vi x) { _mm256_storeu_si256(to, x); }
OP vi vi_splat(const void *from) {
    int32_t unit;
    memcpy(&unit, from, 4);
    return _mm256_set1_epi32(unit);
}
OP vi vi_set(int32_t x) { return _mm256_set1_epi32(x); }
OP vi vi_add(vi a, vi b) { return _mm256_add_epi32(a, b); }
OP vi vi_sub(vi a, vi b) { return _mm256_sub_epi32(a, b); }
OP vi vi_from_float(vf x) { return _mm256_cvtps_epi32(x); }
OP vf vi_to_float(vi x) { return _mm256_cvtepi32_ps(x); }
OP void store_bytes(void *to, vi x) {
    const __m256i low = _mm256_set1_epi32(0x0c080400);
    const __m256i bytes = _mm256_shuffle_epi8(x, low);
    _mm_storel_epi64(to, _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes),
                                            _mm256_extracti128_si256(bytes, 1)));
}
OP void store_shorts(void *to, vi x) {
    _mm_storeu_si128(to, _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1)));
}

#ifdef WITH_VNNI
#define INT8_DEPTH 4
#define INT8_OFFSET 128
OP vi load_int8(const void *from) { return vi_load(from); }
OP vi dot_int8(vi sum, vi a, vi b) { return _mm256_dpbusd_avx_epi32(sum, a, b); }
#else
/* vpmaddubsw saturates: pairs of 16 bits do not, and are as fast as its three instructions. */
#define INT8_DEPTH 2
#define INT8_OFFSET 0
OP vi load_int8(const void *from) { return _mm256_cvtepi8_epi16(_mm_loadu_si128(from)); }
OP vi dot_int8(vi sum, vi a, vi b) { return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b)); }
#endif
