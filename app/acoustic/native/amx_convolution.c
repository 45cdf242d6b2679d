/* Layers of the feature extractor, and the layer norm. */
#include "amx.h"
#ifdef NORDLYD_AMX

extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);

#define TALL_BLOCKS 8 /* blocks of rows whose sums of all columns stay in cache */
#define NEAR_STEPS 8  /* steps of weights that stay in the first-level cache */
/* Distance of two blocks of sums, in floats: off the power of two that shares cache sets. */
#define SUMS (BLOCK * BLOCK + 32)

static inline void norm_gelu_row(const float *c, long columns, const float *bias,
                                 const float *gain, const float *shift, float eps, bf16 *out) {
    __m512 sum = _mm512_setzero_ps(), squares = _mm512_setzero_ps();
    for (long i = 0; i < columns; i += 16)
        sum = _mm512_add_ps(sum, _mm512_add_ps(_mm512_load_ps(c + (i / BLOCK) * SUMS + i % BLOCK),
                                               _mm512_loadu_ps(bias + i)));
    const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum) / (float)columns);
    for (long i = 0; i < columns; i += 16) {
        const __m512 raw = _mm512_load_ps(c + (i / BLOCK) * SUMS + i % BLOCK);
        const __m512 value = _mm512_sub_ps(_mm512_add_ps(raw, _mm512_loadu_ps(bias + i)), mean);
        squares = _mm512_fmadd_ps(value, value, squares);
    }
    const float variance = _mm512_reduce_add_ps(squares) / (float)columns;
    const __m512 scale = _mm512_set1_ps(1.0f / __builtin_sqrtf(variance + eps));
    for (long i = 0; i < columns; i += 16) {
        const __m512 raw = _mm512_load_ps(c + (i / BLOCK) * SUMS + i % BLOCK);
        const __m512 value = _mm512_sub_ps(_mm512_add_ps(raw, _mm512_loadu_ps(bias + i)), mean);
        const __m512 normal = _mm512_fmadd_ps(_mm512_mul_ps(value, scale),
                                              _mm512_loadu_ps(gain + i), _mm512_loadu_ps(shift + i));
        store_bf16(out + i, gelu(normal), 0xffff);
    }
}

long nordlyd_convolution_scratch(long columns) { return columns / BLOCK * TALL_BLOCKS * SUMS; }

void nordlyd_convolution(const bf16 *a, long row_stride, long pitch, long taps, long width,
                         long rows, const bf16 *packed, long columns, const float *bias,
                         const float *gain, const float *shift, float eps, bf16 *out,
                         long out_pitch, float *scratch) {
    const long panels = columns / BLOCK, steps = width / KSTEP;
    const long blocks = (rows + BLOCK - 1) / BLOCK;
    const layout at = {row_stride, KSTEP, BLOCK * row_stride};
#pragma omp parallel
    {
        float *sums = scratch + omp_get_thread_num() * nordlyd_convolution_scratch(columns);
        const long share = (blocks + omp_get_num_threads() - 1) / omp_get_num_threads();
        const long tall = at_most(TALL_BLOCKS, share);
        configure_tiles(BLOCK);
#pragma omp for schedule(static)
        for (long part = 0; part < (blocks + tall - 1) / tall; part++) {
            const long first = part * tall, last = at_most(blocks, first + tall);
            for (long panel = 0; panel < panels; panel++)
                for (long tap = 0; tap < taps; tap++)
                    for (long step = 0; step < steps; step += NEAR_STEPS) {
                        const bf16 *b = packed + ((panel * taps + tap) * steps + step) * 1024;
                        for (long block = first; block < last; block++) {
                            const long real = at_most(rows - block * BLOCK, BLOCK);
                            if (real < BLOCK) configure_tiles(real);
                            multiply_block(a + block * at.block + tap * pitch + step * KSTEP, at,
                                           real, b, at_most(steps - step, NEAR_STEPS),
                                           sums + ((block - first) * panels + panel) * SUMS,
                                           tap + step == 0, 0);
                            if (real < BLOCK) configure_tiles(BLOCK);
                        }
                    }
            for (long row = first * BLOCK; row < at_most(rows, last * BLOCK); row++)
                norm_gelu_row(sums + (row / BLOCK - first) * panels * SUMS + row % BLOCK * BLOCK,
                              columns, bias, gain, shift, eps, out + row * out_pitch);
        }
        _tile_release();
    }
}

/* Sixteen rows of one tile column: 16 times 32 values, summed row by row. */
static inline void widen(const bf16 *tile, long r, __m512 *low, __m512 *high) {
    *low = load_bf16(tile + r * KSTEP, 0xffff);
    *high = load_bf16(tile + r * KSTEP + 16, 0xffff);
}

void nordlyd_layer_norm(const bf16 *a, long blocks, long columns, const float *gain,
                        const float *shift, float eps, bf16 *out) {
    const long steps = columns / KSTEP;
#pragma omp parallel for schedule(static)
    for (long half = 0; half < 2 * blocks; half++) {
        const long start = half / 2 * BLOCK * columns + half % 2 * 512;
        __m512 sums[TILE_ROWS], squares[TILE_ROWS], scales[TILE_ROWS], low, high;
        for (long r = 0; r < TILE_ROWS; r++) sums[r] = squares[r] = _mm512_setzero_ps();
        for (long step = 0; step < steps; step++)
            for (long r = 0; r < TILE_ROWS; r++) {
                widen(a + start + step * 1024, r, &low, &high);
                sums[r] = _mm512_add_ps(sums[r], _mm512_add_ps(low, high));
            }
        for (long r = 0; r < TILE_ROWS; r++)
            sums[r] = _mm512_set1_ps(_mm512_reduce_add_ps(sums[r]) / (float)columns);
        for (long step = 0; step < steps; step++)
            for (long r = 0; r < TILE_ROWS; r++) {
                widen(a + start + step * 1024, r, &low, &high);
                low = _mm512_sub_ps(low, sums[r]);
                high = _mm512_sub_ps(high, sums[r]);
                squares[r] = _mm512_fmadd_ps(low, low, _mm512_fmadd_ps(high, high, squares[r]));
            }
        for (long r = 0; r < TILE_ROWS; r++) {
            const float variance = _mm512_reduce_add_ps(squares[r]) / (float)columns;
            scales[r] = _mm512_set1_ps(1.0f / __builtin_sqrtf(variance + eps));
        }
        for (long step = 0; step < steps; step++) {
            const __m512 gain_low = _mm512_loadu_ps(gain + step * KSTEP);
            const __m512 gain_high = _mm512_loadu_ps(gain + step * KSTEP + 16);
            const __m512 shift_low = _mm512_loadu_ps(shift + step * KSTEP);
            const __m512 shift_high = _mm512_loadu_ps(shift + step * KSTEP + 16);
            for (long r = 0; r < TILE_ROWS; r++) {
                widen(a + start + step * 1024, r, &low, &high);
                low = _mm512_mul_ps(_mm512_sub_ps(low, sums[r]), scales[r]);
                high = _mm512_mul_ps(_mm512_sub_ps(high, sums[r]), scales[r]);
                bf16 *to = out + start + step * 1024 + r * KSTEP;
                store_bf16(to, _mm512_fmadd_ps(low, gain_low, shift_low), 0xffff);
                store_bf16(to + 16, _mm512_fmadd_ps(high, gain_high, shift_high), 0xffff);
            }
        }
    }
}
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
