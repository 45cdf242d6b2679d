/* Matrix products with packed bf16 weights and all that follows them, in one pass.
 *
 * A linear layer and a grouped convolution are one function: rows of A may overlap, since
 * only their distance is given.
 */
#include "amx.h"
#ifdef NORDLYD_AMX

extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);

#define CHUNK_BLOCKS 16 /* rows of A, in blocks, that stay in the second-level cache */
#define DEEP_STEPS 32   /* steps of A that do: 512 x 1024 values */
#define NEAR_STEPS 8    /* steps of B that stay in the first-level cache */
#define BLOCK_SIZE (BLOCK * BLOCK)

typedef struct {
    const bf16 *a;
    layout a_at;
    long a_group, rows;
    const bf16 *packed;
    long groups, columns, depth;
    const float *bias;
    const bf16 *residual;
    void *out;
    layout out_at; /* of the residual too */
    int activation, out_float;
    const float *row_scales, *column_scales; /* of int8 values; null for bf16 */
} product;

static inline void finish_block(const product *p, const float *c, long row, long rows, long group,
                                long column) {
    const layout at = p->out_at;
    const long base = (row / BLOCK) * at.block;
    const int activation = p->activation, out_float = p->out_float;
    for (long half = 0; half < 2; half++) {
        const long first = column + half * 16;
        if (first >= p->columns) return;
        const __mmask16 mask = (__mmask16)((1u << at_most(p->columns - first, 16)) - 1);
        const long all = group * p->columns + first; /* among the columns of all groups */
        const __m512 bias = _mm512_maskz_loadu_ps(mask, p->bias + all);
        const long to = base + (all / KSTEP) * at.step + all % KSTEP;
        const bf16 *residual = p->residual ? p->residual + to : 0;
        const float *row_scales = p->row_scales ? p->row_scales + row : 0;
        const __m512 scales = row_scales ? _mm512_maskz_loadu_ps(mask, p->column_scales + all)
                                         : _mm512_setzero_ps();
        for (long r = 0; r < rows; r++) {
            __m512 value = _mm512_load_ps(c + r * BLOCK + half * 16);
            if (row_scales)
                value = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_castps_si512(value)),
                                      _mm512_mul_ps(scales, _mm512_set1_ps(row_scales[r])));
            value = _mm512_add_ps(value, bias);
            if (activation) value = gelu(value);
            if (residual) value = _mm512_add_ps(value, load_bf16(residual + r * at.row, mask));
            if (out_float)
                _mm512_mask_storeu_ps((float *)p->out + to + r * at.row, mask, value);
            else
                store_bf16((bf16 *)p->out + to + r * at.row, value, mask);
        }
    }
}

/* Panels `from` to `to` of one chunk of rows; `c` holds their sums where the depth is cut. */
static void multiply_panels(const product *p, long group, long chunk, long chunk_blocks, long from,
                            long to, float *c) {
    const long steps = p->depth / KSTEP, panels = (p->columns + BLOCK - 1) / BLOCK;
    const long blocks = (p->rows + BLOCK - 1) / BLOCK;
    const long first = chunk * chunk_blocks, last = at_most(blocks, first + chunk_blocks);
    const long kept = steps > DEEP_STEPS ? chunk_blocks * BLOCK_SIZE : 0;
    for (long deep = 0; deep < steps; deep += DEEP_STEPS)
        for (long panel = from; panel < to; panel++) {
            const bf16 *b = p->packed + (group * panels + panel) * steps * 1024;
            float *sums = c + (panel - from) * kept;
            for (long near = deep; near < at_most(steps, deep + DEEP_STEPS); near += NEAR_STEPS) {
                const long run = at_most(steps - near, NEAR_STEPS);
                for (long block = first; block < last; block++) {
                    const long row = block * BLOCK, rows = at_most(p->rows - row, BLOCK);
                    float *sum = sums + (block - first) * BLOCK_SIZE;
                    /* Fetch what the next run will need of B while this one computes. */
                    const char *ahead = (const char *)(b + (near + run) * 1024);
                    for (long line = (block - first) * 16; line < (block - first + 1) * 16; line++)
                        _mm_prefetch(ahead + line * 64, _MM_HINT_T1);
                    if (rows < BLOCK) configure_tiles(rows);
                    const bf16 *a = p->a + group * p->a_group + block * p->a_at.block +
                                    near * p->a_at.step;
                    if (p->row_scales)
                        multiply_block(a, p->a_at, rows, b + near * 1024, run, sum, near == 0, 1);
                    else
                        multiply_block(a, p->a_at, rows, b + near * 1024, run, sum, near == 0, 0);
                    if (rows < BLOCK) configure_tiles(BLOCK);
                    if (near + run == steps) finish_block(p, sum, row, rows, group, panel * BLOCK);
                }
            }
        }
}

long nordlyd_linear_scratch(long columns, long depth) {
    const long panels = (columns + BLOCK - 1) / BLOCK;
    return (depth > DEEP_STEPS * KSTEP ? panels : 1) * CHUNK_BLOCKS * BLOCK_SIZE;
}

void nordlyd_linear(const bf16 *a, long a_row, long a_step, long a_block, long a_group, long rows,
                    const bf16 *packed, long groups, long columns, long depth, const float *bias,
                    const bf16 *residual, void *out, long out_row, long out_step, long out_block,
                    int activation, int out_float, const float *row_scales,
                    const float *column_scales, float *scratch) {
    const product p = {.a = a,
                       .a_at = {a_row, a_step, a_block},
                       .a_group = a_group,
                       .rows = rows,
                       .packed = packed,
                       .groups = groups,
                       .columns = columns,
                       .depth = depth,
                       .bias = bias,
                       .residual = residual,
                       .out = out,
                       .out_at = {out_row, out_step, out_block},
                       .activation = activation,
                       .out_float = out_float,
                       .row_scales = row_scales,
                       .column_scales = column_scales};
    const long panels = (columns + BLOCK - 1) / BLOCK, blocks = (rows + BLOCK - 1) / BLOCK;
    const long own = nordlyd_linear_scratch(columns, depth);
#pragma omp parallel
    {
        const long threads = omp_get_num_threads(), thread = omp_get_thread_num();
        /* Few panels cannot occupy many threads: then the rows are divided as well. */
        const long parts = at_most(blocks, (2 * threads + groups * panels - 1) / (groups * panels));
        const long chunk_blocks = at_most(CHUNK_BLOCKS, (blocks + parts - 1) / parts);
        const long chunks = (blocks + chunk_blocks - 1) / chunk_blocks;
        const long items = groups * chunks * panels;
        const long end = items * (thread + 1) / threads;
        configure_tiles(BLOCK);
        for (long item = items * thread / threads; item < end;) {
            const long panel = item % panels, run = at_most(panels - panel, end - item);
            multiply_panels(&p, item / panels / chunks, item / panels % chunks, chunk_blocks,
                            panel, panel + run, scratch + thread * own);
            item += run;
        }
        _tile_release();
    }
}
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
