/* Shared by the AMX kernels: tile configuration, bf16 conversion, the exact GELU, reductions.
 *
 * Compiled for x86-64 with AMX by function attributes, so that the object file also loads on
 * a machine without AMX; the caller checks nordlyd_amx_available() first.
 */
#ifndef NORDLYD_AMX_H
#define NORDLYD_AMX_H

#if defined(__x86_64__) && defined(__linux__)
#define NORDLYD_AMX 1
#if defined(__clang__) /* what includes this ends it */
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,amx-tile,amx-bf16,amx-int8,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,amx-tile,amx-bf16,amx-int8,fma")
#endif
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "amx_api.h"

#define TILE_ROWS 16
#define BLOCK 32 /* rows and columns of one register block: 2 x 2 tiles */
#define KSTEP 32 /* bf16 values that one tile product consumes */

typedef uint16_t bf16;

typedef struct {
    uint8_t palette;
    uint8_t start_row;
    uint8_t reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} __attribute__((packed)) tile_config;

/* Tiles 0..3 accumulate the 2 x 2 block, 4 and 5 hold rows of A, 6 and 7 columns of B. */
static inline void configure_tiles(long rows) {
    const uint8_t upper = rows < TILE_ROWS ? (uint8_t)rows : TILE_ROWS;
    const uint8_t lower = rows > TILE_ROWS ? (uint8_t)(rows - TILE_ROWS) : TILE_ROWS;
    const uint8_t heights[8] = {upper, upper, lower, lower, upper, lower, TILE_ROWS, TILE_ROWS};
    tile_config config;
    memset(&config, 0, sizeof config);
    config.palette = 1;
    for (int tile = 0; tile < 8; tile++) {
        config.row_bytes[tile] = 64;
        config.rows[tile] = heights[tile];
    }
    _tile_loadconfig(&config);
}

static inline long at_most(long value, long limit) { return value < limit ? value : limit; }

static inline __m512 load_bf16(const bf16 *from, __mmask16 mask) {
    const __m512i wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, from));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

static inline void store_bf16(bf16 *to, __m512 value, __mmask16 mask) {
    _mm256_mask_storeu_epi16(to, mask, (__m256i)_mm512_cvtneps_pbh(value));
}

/* x * Phi(x): Phi(x) - 1/2 = x * Q(x^2) by a minimax polynomial on |x| <= 4.4, where the
 * error of the product stays under 5e-5, a hundredth of a bf16 step at 1. */
static inline __m512 gelu(__m512 x) {
    const __m512 bound = _mm512_set1_ps(4.4f);
    const __m512 c = _mm512_max_ps(_mm512_min_ps(x, bound), _mm512_sub_ps(_mm512_setzero_ps(), bound));
    const __m512 u = _mm512_mul_ps(c, c);
    __m512 q = _mm512_set1_ps(3.572352136327339e-11f);
    q = _mm512_fmadd_ps(q, u, _mm512_set1_ps(-3.756391642184553e-09f));
    q = _mm512_fmadd_ps(q, u, _mm512_set1_ps(1.7416232367395423e-07f));
    q = _mm512_fmadd_ps(q, u, _mm512_set1_ps(-4.726240149466321e-06f));
    q = _mm512_fmadd_ps(q, u, _mm512_set1_ps(8.430696470895782e-05f));
    q = _mm512_fmadd_ps(q, u, _mm512_set1_ps(-0.001055074273608625f));
    q = _mm512_fmadd_ps(q, u, _mm512_set1_ps(0.009643289260566235f));
    q = _mm512_fmadd_ps(q, u, _mm512_set1_ps(-0.06607683002948761f));
    q = _mm512_fmadd_ps(q, u, _mm512_set1_ps(0.3987618088722229f));
    return _mm512_mul_ps(x, _mm512_fmadd_ps(q, c, _mm512_set1_ps(0.5f)));
}

/* Where the elements of a matrix stand: rows in blocks of 32, columns in steps of 32.
 *
 * Row-major is {ld, 32, 32 * ld}. "Tiles" is {32, 1024, 32 * columns}: each 32 x 32 block
 * contiguous, so that a tile product streams through memory and no two rows share a cache set.
 */
typedef struct {
    long row, step, block;
} layout;

/* c (+)= A * B for one 32 x 32 block, `rows` of it real, over `steps` steps.
 *
 * bf16 in and fp32 out, or `quantised`: int8 in, twice as many values in the same 64 bytes, and
 * int32 out. a: the block's first row and step. b: packed weights, `steps` pairs of tiles. c: [32][32].
 * Sixteen kilobytes of b stay in the first-level cache while row after row passes by: a longer
 * run of steps would read both sides from the second level, at two thirds of the speed.
 */
static inline __attribute__((always_inline)) void multiply_block(const bf16 *a, layout at,
                                                                 long rows, const bf16 *b,
                                                                 long steps, float *c, int first,
                                                                 const int quantised) {
    const long stride = at.row * (long)sizeof(bf16), lower = TILE_ROWS * at.row;
    float *below = c + TILE_ROWS * BLOCK;
    if (first) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    } else {
        _tile_loadd(0, c, 4 * BLOCK);
        _tile_loadd(1, c + 16, 4 * BLOCK);
        _tile_loadd(2, below, 4 * BLOCK);
        _tile_loadd(3, below + 16, 4 * BLOCK);
    }
    if (rows > TILE_ROWS) {
        for (long step = 0; step < steps; step++) {
            _tile_loadd(4, a + step * at.step, stride);
            _tile_loadd(6, b + step * 1024, 64);
            _tile_loadd(5, a + step * at.step + lower, stride);
            _tile_loadd(7, b + step * 1024 + 512, 64);
            if (quantised) {
                _tile_dpbssd(0, 4, 6);
                _tile_dpbssd(2, 5, 6);
                _tile_dpbssd(1, 4, 7);
                _tile_dpbssd(3, 5, 7);
            } else {
                _tile_dpbf16ps(0, 4, 6);
                _tile_dpbf16ps(2, 5, 6);
                _tile_dpbf16ps(1, 4, 7);
                _tile_dpbf16ps(3, 5, 7);
            }
        }
    } else {
        for (long step = 0; step < steps; step++) {
            _tile_loadd(4, a + step * at.step, stride);
            _tile_loadd(6, b + step * 1024, 64);
            _tile_loadd(7, b + step * 1024 + 512, 64);
            if (quantised) {
                _tile_dpbssd(0, 4, 6);
                _tile_dpbssd(1, 4, 7);
            } else {
                _tile_dpbf16ps(0, 4, 6);
                _tile_dpbf16ps(1, 4, 7);
            }
        }
    }
    _tile_stored(0, c, 4 * BLOCK);
    _tile_stored(1, c + 16, 4 * BLOCK);
    _tile_stored(2, below, 4 * BLOCK);
    _tile_stored(3, below + 16, 4 * BLOCK);
}

#endif
#endif
