/* Activations in int8, each row by its own scale. */
#include "amx.h"
#ifdef NORDLYD_AMX

static inline __m512i to_int8_range(const bf16 *from, __m512 factor) {
    return _mm512_cvtps_epi32(_mm512_mul_ps(load_bf16(from, 0xffff), factor));
}

void nordlyd_quantise(const bf16 *a, long blocks, long columns, int8_t *out, float *scales) {
    const long steps = columns / KSTEP;
#pragma omp parallel for schedule(static)
    for (long block = 0; block < blocks; block++) {
        const bf16 *from = a + block * BLOCK * columns;
        __m512 largest[BLOCK];
        float factors[BLOCK];
        for (long r = 0; r < BLOCK; r++) largest[r] = _mm512_setzero_ps();
        for (long step = 0; step < steps; step++)
            for (long r = 0; r < BLOCK; r++) {
                const bf16 *row = from + step * 1024 + r * KSTEP;
                largest[r] = _mm512_max_ps(largest[r], _mm512_abs_ps(load_bf16(row, 0xffff)));
                largest[r] = _mm512_max_ps(largest[r], _mm512_abs_ps(load_bf16(row + 16, 0xffff)));
            }
        for (long r = 0; r < BLOCK; r++) {
            const float top = _mm512_reduce_max_ps(largest[r]);
            scales[block * BLOCK + r] = top / 127.0f;
            factors[r] = top > 0 ? 127.0f / top : 0;
        }
        for (long step = 0; step < steps; step++)
            for (long r = 0; r < BLOCK; r++) {
                const bf16 *row = from + step * 1024 + r * KSTEP;
                const __m512 factor = _mm512_set1_ps(factors[r]);
                int8_t *to = out + (block * (steps / 2) + step / 2) * 2048 + r * 64 + step % 2 * 32;
                _mm_storeu_si128((__m128i *)to, _mm512_cvtsepi32_epi8(to_int8_range(row, factor)));
                _mm_storeu_si128((__m128i *)(to + 16),
                                 _mm512_cvtsepi32_epi8(to_int8_range(row + 16, factor)));
            }
    }
}
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
