/* Matrix products with packed bf16 weights and everything that follows them in one pass.
 *
 * A linear layer, a convolution whose windows are rows of a strided view, and a grouped
 * convolution are one function: rows of A may overlap, since only their distance is given.
 */
#include "amx.h"
#ifdef NORDLYD_AMX

/* Rows that stay in the second-level cache while all panels of weights pass by. */
#define CHUNK_ROWS 512

typedef struct {
    const float *bias;     /* [columns], never null */
    const bf16 *residual;  /* added after the activation; may be null */
    long residual_stride;
    void *out;             /* bf16, or float where out_float */
    long out_stride;
    int activation;        /* 0 none, 1 GELU */
    int out_float;
} epilogue;

static inline void finish_block(const float *c, long rows, long row, long column, long columns,
                                const epilogue *e) {
    for (long half = 0; half < 2; half++) {
        const long first = column + half * 16;
        if (first >= columns) return;
        const long width = at_most(columns - first, 16);
        const __mmask16 mask = (__mmask16)((1u << width) - 1);
        const __m512 bias = _mm512_maskz_loadu_ps(mask, e->bias + first);
        for (long r = 0; r < rows; r++) {
            __m512 value = _mm512_add_ps(_mm512_load_ps(c + r * BLOCK + half * 16), bias);
            if (e->activation) value = gelu(value);
            if (e->residual)
                value = _mm512_add_ps(
                    value, load_bf16(e->residual + (row + r) * e->residual_stride + first, mask));
            const long at = (row + r) * e->out_stride + first;
            if (e->out_float)
                _mm512_mask_storeu_ps((float *)e->out + at, mask, value);
            else
                store_bf16((bf16 *)e->out + at, value, mask);
        }
    }
}

/* out[g] = activation(A[g] * W[g]' + bias[g]) + residual[g], for each group g.
 *
 * a: bf16, row i of group g starts at a + g * a_group + i * lda; `depth` (a multiple of 32)
 * values of it count. packed: per group, panels of 32 columns of [depth / 32] pairs of tiles.
 * Group g writes `columns` columns starting at column g * columns.
 */
void nordlyd_linear(const bf16 *a, long lda, long a_group, long rows, const bf16 *packed,
                    long groups, long columns, long depth, const float *bias,
                    const bf16 *residual, long residual_stride, void *out, long out_stride,
                    int activation, int out_float) {
    const long panels = (columns + BLOCK - 1) / BLOCK, steps = depth / KSTEP;
    const long panel_size = steps * 1024;
    /* Few panels cannot occupy many threads: then the rows are divided as well. */
    const long chunk = groups * panels >= 16 ? CHUNK_ROWS : 4 * BLOCK;
    const long chunks = (rows + chunk - 1) / chunk;
#pragma omp parallel
    {
        float c[BLOCK * BLOCK] __attribute__((aligned(64)));
        configure_tiles(BLOCK);
#pragma omp for collapse(3) schedule(static)
        for (long group = 0; group < groups; group++)
            for (long part = 0; part < chunks; part++)
                for (long panel = 0; panel < panels; panel++) {
                    const epilogue e = {bias + group * columns,
                                        residual ? residual + group * columns : 0,
                                        residual_stride,
                                        out_float ? (void *)((float *)out + group * columns)
                                                  : (void *)((bf16 *)out + group * columns),
                                        out_stride, activation, out_float};
                    const bf16 *b = packed + (group * panels + panel) * panel_size;
                    const char *next = (const char *)(b + panel_size);
                    const long last = at_most(rows, (part + 1) * chunk);
                    const long blocks = (last - part * chunk + BLOCK - 1) / BLOCK;
                    const long lines = panel + 1 < panels ? (32 + blocks - 1) / blocks : 0;
                    for (long row = part * chunk, n = 0; row < last; row += BLOCK, n++) {
                        const long real = at_most(last - row, BLOCK);
                        if (real < BLOCK) configure_tiles(real);
                        multiply_block(a + group * a_group + row * lda, lda, real, b, steps, c,
                                       BLOCK, next + n * steps * lines * 64, lines);
                        if (real < BLOCK) configure_tiles(BLOCK);
                        finish_block(c, real, row, panel * BLOCK, columns, &e);
                    }
                }
        _tile_release();
    }
}

static inline void norm_gelu_row(const float *c, long columns, const float *bias,
                                 const float *gain, const float *shift, float eps, bf16 *out) {
    __m512 sum = _mm512_setzero_ps(), squares = _mm512_setzero_ps();
    for (long i = 0; i < columns; i += 16) {
        const __m512 value = _mm512_add_ps(_mm512_load_ps(c + i), _mm512_loadu_ps(bias + i));
        sum = _mm512_add_ps(sum, value);
    }
    const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum) / (float)columns);
    for (long i = 0; i < columns; i += 16) {
        const __m512 value = _mm512_sub_ps(
            _mm512_add_ps(_mm512_load_ps(c + i), _mm512_loadu_ps(bias + i)), mean);
        squares = _mm512_fmadd_ps(value, value, squares);
    }
    const float variance = _mm512_reduce_add_ps(squares) / (float)columns;
    const __m512 scale = _mm512_set1_ps(1.0f / __builtin_sqrtf(variance + eps));
    for (long i = 0; i < columns; i += 16) {
        const __m512 value = _mm512_sub_ps(
            _mm512_add_ps(_mm512_load_ps(c + i), _mm512_loadu_ps(bias + i)), mean);
        const __m512 normal = _mm512_fmadd_ps(_mm512_mul_ps(value, scale),
                                              _mm512_loadu_ps(gain + i), _mm512_loadu_ps(shift + i));
        store_bf16(out + i, gelu(normal), 0xffff);
    }
}

/* One layer of the feature extractor: out = GELU(LayerNorm(A * W' + bias)), bf16 [rows, columns].
 *
 * Blocks of 64 rows keep all their columns in cache until the norm has seen them. `columns`
 * and `depth` are multiples of 32. `scratch` holds 64 * columns floats for each thread.
 */
void nordlyd_conv_norm_gelu(const bf16 *a, long lda, long rows, const bf16 *packed, long columns,
                            long depth, const float *bias, const float *gain, const float *shift,
                            float eps, bf16 *out, float *scratch) {
    const long panels = columns / BLOCK, steps = depth / KSTEP, tall = 2 * BLOCK;
    const long parts = (rows + tall - 1) / tall;
    extern int omp_get_thread_num(void);
#pragma omp parallel
    {
        float *c = scratch + (long)omp_get_thread_num() * tall * columns;
        configure_tiles(BLOCK);
#pragma omp for schedule(static)
        for (long part = 0; part < parts; part++) {
            const long first = part * tall, height = at_most(rows - first, tall);
            for (long panel = 0; panel < panels; panel++)
                for (long row = 0; row < height; row += BLOCK) {
                    const long real = at_most(height - row, BLOCK);
                    if (real < BLOCK) configure_tiles(real);
                    multiply_block(a + (first + row) * lda, lda, real,
                                   packed + panel * steps * 1024, steps,
                                   c + row * columns + panel * BLOCK, columns, 0, 0);
                    if (real < BLOCK) configure_tiles(BLOCK);
                }
            for (long row = 0; row < height; row++)
                norm_gelu_row(c + row * columns, columns, bias, gain, shift, eps,
                              out + (first + row) * columns);
        }
        _tile_release();
    }
}

/* out = LayerNorm(a) over the last axis, bf16 [rows, columns]; columns a multiple of 16. */
void nordlyd_layer_norm(const bf16 *a, long rows, long columns, const float *gain,
                        const float *shift, float eps, bf16 *out) {
#pragma omp parallel for schedule(static)
    for (long row = 0; row < rows; row++) {
        const bf16 *from = a + row * columns;
        __m512 sum = _mm512_setzero_ps(), squares = _mm512_setzero_ps();
        for (long i = 0; i < columns; i += 16) sum = _mm512_add_ps(sum, load_bf16(from + i, 0xffff));
        const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum) / (float)columns);
        for (long i = 0; i < columns; i += 16) {
            const __m512 value = _mm512_sub_ps(load_bf16(from + i, 0xffff), mean);
            squares = _mm512_fmadd_ps(value, value, squares);
        }
        const float variance = _mm512_reduce_add_ps(squares) / (float)columns;
        const __m512 scale = _mm512_set1_ps(1.0f / __builtin_sqrtf(variance + eps));
        for (long i = 0; i < columns; i += 16) {
            const __m512 value = _mm512_mul_ps(
                _mm512_sub_ps(load_bf16(from + i, 0xffff), mean), scale);
            store_bf16(out + row * columns + i,
                       _mm512_fmadd_ps(value, _mm512_loadu_ps(gain + i), _mm512_loadu_ps(shift + i)),
                       0xffff);
        }
    }
}
#endif
