/* Linear layers, convolutions and norms: see simd.h.
 *
 * A convolution is a product whose rows overlap: only their distance is given.
 */

static inline long aligned(long bytes) { return (bytes + 63) / 64 * 64; }

/* Blocks of a convolution's rows that are packed and multiplied together: they stay in the
 * second-level cache. */
static inline long convolution_blocks(const product *p) {
    const long fitting = 384 * 1024 / (4 * block_words((int)p->format, p->depth));
    return fitting < 4 ? 4 : fitting;
}

/* The same of a linear layer, whose rows were packed before: they may come from the third level,
 * as long as the weights are read seldom. Few columns cannot occupy many threads: then rows are
 * divided as well. */
static inline long linear_blocks(const product *p) {
    const long blocks = parts_of(p->rows, ROWS), panels = parts_of(p->columns, COLUMNS);
    const long fitting = 2048 * 1024 / (4 * block_words((int)p->format, p->depth));
    const long parts = parts_of(2 * p->threads, panels);
    return least(fitting < 16 ? 16 : fitting, parts_of(blocks, parts));
}

/* bias, GELU and residual for a block whose sums are complete; out: its first element. */
static void finish_block(const product *p, const float *sums, long rows, long all, long columns,
                         const float *row_scales, int activation, const float *residual,
                         float *out, long stride) {
    UNROLLED for (int v = 0; v < VECTORS; v++) {
        const long n = columns - v * LANES, at = all + v * LANES;
        if (n <= 0) return;
        const vf bias = load_some(p->bias + at, n);
        vf scales = vf_set(0.0f);
        vi offset = vi_set(0);
        if (row_scales) {
            int32_t some[LANES] = {0};
            scales = load_some(p->column_scales + at, n);
            for (long i = 0; i < least(n, LANES); i++) some[i] = p->offsets[at + i];
            offset = vi_load(some);
        }
        for (long r = 0; r < rows; r++) {
            vf x = vf_load(sums + r * COLUMNS + v * LANES);
            if (row_scales) {
                const vi sum = vi_sub(vi_load(sums + r * COLUMNS + v * LANES), offset);
                x = vf_mul(vi_to_float(sum), vf_mul(scales, vf_set(row_scales[r])));
            }
            x = vf_add(x, bias);
            if (activation) x = gelu(x);
            if (residual) x = vf_add(x, load_some(residual + r * stride + v * LANES, n));
            store_some(out + r * stride + v * LANES, x, n);
        }
    }
}

/* Steps that are multiplied together: as many as NEAR_BYTES of weights hold. */
static inline long near_steps(const product *p) { return NEAR_BYTES / step_bytes((int)p->format); }

/* One block of packed rows times one panel, the steps from `step` on that are multiplied
 * together. Returns whether the sums are complete. */
static int multiply_near(const product *p, const uint32_t *rows, const char *b, long step,
                         float *sums) {
    const int format = (int)p->format;
    const long left = steps_of(format, p->depth) - step, near = near_steps(p);
    multiply(format, rows + step * ROWS * row_words(format), b + step * step_bytes(format),
             least(near, left), sums, step == 0);
    return left <= near;
}

static void pack_rows_part(const void *task, long thread, long share, long shares) {
    (void)thread;
    const product *p = task;
    const long blocks = parts_of(p->rows, ROWS), words = block_words((int)p->format, p->depth);
    uint32_t *packed = (uint32_t *)p->scratch;
    float *scales = (float *)(p->scratch + aligned(blocks * words * 4));
    for (long block = blocks * share / shares; block < blocks * (share + 1) / shares; block++)
        pack_block((int)p->format, p->a + block * ROWS * p->row_stride, p->row_stride,
                   least(ROWS, p->rows - block * ROWS), p->depth, packed + block * words,
                   scales + block * ROWS);
}

static long shared_bytes(const product *p) {
    const long blocks = parts_of(p->rows, ROWS), words = block_words((int)p->format, p->depth);
    return aligned(blocks * words * 4) + aligned(blocks * ROWS * 4);
}

static void linear_part(const void *task, long thread, long share, long shares) {
    const product *p = task;
    const int format = (int)p->format;
    const long blocks = parts_of(p->rows, ROWS), panels = parts_of(p->columns, COLUMNS);
    const long words = block_words(format, p->depth), step = linear_blocks(p);
    const uint32_t *packed = (const uint32_t *)p->scratch;
    const float *scales = (const float *)(p->scratch + aligned(blocks * words * 4));
    float *sums = (float *)(p->scratch + shared_bytes(p)) + thread * step * ROWS * COLUMNS;
    const long items = parts_of(blocks, step) * panels;
    const long steps = steps_of(format, p->depth), near = near_steps(p);
    for (long item = items * share / shares; item < items * (share + 1) / shares; item++) {
        const long start = item / panels * step, panel = item % panels, column = panel * COLUMNS;
        const char *b = p->packed + panel * panel_bytes(format, p->depth);
        for (long first = 0; first < steps; first += near)
            for (long block = start; block < least(start + step, blocks); block++) {
                float *sum = sums + (block - start) * ROWS * COLUMNS;
                const long row = block * ROWS, at = row * p->out_stride + column;
                /* Finished at once: its stores continue while the next block is multiplied. */
                if (multiply_near(p, packed + block * words, b, first, sum))
                    finish_block(p, sum, least(ROWS, p->rows - row), column, p->columns - column,
                                 format == INT8 ? scales + row : NULL, (int)p->activation,
                                 p->residual ? p->residual + at : NULL, p->out + at,
                                 p->out_stride);
            }
    }
}

/* One group, no norm: all rows are packed once, then rows and columns are shared out. */
void PUBLIC(linear)(const product *p) {
    in_parallel(pack_rows_part, p, p->threads);
    in_parallel(linear_part, p, p->threads);
}

/* Bytes of scratch that `linear` needs. */
long PUBLIC(linear_scratch)(const product *p) {
    return shared_bytes(p) + p->threads * linear_blocks(p) * ROWS * COLUMNS * 4;
}

static long convolution_bytes(const product *p) {
    const long step = convolution_blocks(p), words = block_words((int)p->format, p->depth);
    return aligned(step * words * 4) + aligned(step * ROWS * 4) + step * ROWS * COLUMNS * 4 +
           aligned(p->gain ? step * ROWS * p->columns * 4 : 0);
}

static void convolution_part(const void *task, long thread, long share, long shares) {
    const product *p = task;
    const int format = (int)p->format;
    const long blocks = parts_of(p->rows, ROWS), panels = parts_of(p->columns, COLUMNS);
    const long words = block_words(format, p->depth), step = convolution_blocks(p);
    const long chunks = parts_of(blocks, step), items = p->groups * chunks;
    const long steps = steps_of(format, p->depth);
    uint32_t *packed = (uint32_t *)(p->scratch + thread * convolution_bytes(p));
    float *scales = (float *)((char *)packed + aligned(step * words * 4));
    float *sums = (float *)((char *)scales + aligned(step * ROWS * 4));
    float *whole = sums + step * ROWS * COLUMNS; /* rows that wait for their norm */
    for (long item = items * share / shares; item < items * (share + 1) / shares; item++) {
        const long group = item / chunks, first = item % chunks * step;
        const long count = least(step, blocks - first);
        const float *a = p->a + group * p->group_stride;
        for (long block = 0; block < count; block++) {
            const long row = (first + block) * ROWS;
            pack_block(format, a + row * p->row_stride, p->row_stride, least(ROWS, p->rows - row),
                       p->depth, packed + block * words, scales + block * ROWS);
        }
        for (long panel = 0; panel < panels; panel++) {
            const long column = panel * COLUMNS, all = group * p->columns + column;
            const char *b =
                p->packed + (group * panels + panel) * panel_bytes(format, p->depth);
            for (long from = 0; from < steps; from += near_steps(p))
                for (long block = 0; block < count; block++)
                    multiply_near(p, packed + block * words, b, from, sums + block * ROWS * COLUMNS);
            for (long block = 0; block < count; block++) {
                const long row = (first + block) * ROWS, at = row * p->out_stride + all;
                const float *sum = sums + block * ROWS * COLUMNS;
                const float *row_scales = format == INT8 ? scales + block * ROWS : NULL;
                const long rows = least(ROWS, p->rows - row);
                if (p->gain)
                    finish_block(p, sum, rows, all, p->columns - column, row_scales, 0, NULL,
                                 whole + block * ROWS * p->columns + column, p->columns);
                else
                    finish_block(p, sum, rows, all, p->columns - column, row_scales,
                                 (int)p->activation, p->residual ? p->residual + at : NULL,
                                 p->out + at, p->out_stride);
            }
        }
        if (p->gain)
            for (long r = 0; r < least(count * ROWS, p->rows - first * ROWS); r++)
                norm_row(whole + r * p->columns, p->columns, p->gain, p->shift, p->eps,
                         (int)p->activation, p->out + (first * ROWS + r) * p->out_stride);
    }
}

/* Groups and norm, no residual with a norm: each thread packs the rows that it multiplies. */
void PUBLIC(convolution)(const product *p) { in_parallel(convolution_part, p, p->threads); }

/* Bytes of scratch that `convolution` needs. */
long PUBLIC(convolution_scratch)(const product *p) { return p->threads * convolution_bytes(p); }

/* Bytes of the packed weights of a product. */
long PUBLIC(packed_bytes)(long format, long groups, long columns, long depth) {
    return groups * parts_of(columns, COLUMNS) * panel_bytes((int)format, depth);
}

/* weight: [groups, columns, depth], float32, or int8 where `format` is INT8. */
void PUBLIC(pack)(long format, const void *weight, long groups, long columns, long depth,
                  char *packed) {
    const long panels = parts_of(columns, COLUMNS), size = format == INT8 ? 1 : 4;
    for (long panel = 0; panel < groups * panels; panel++) {
        const long column = panel % panels * COLUMNS;
        const long first = (panel / panels * columns + column) * depth;
        pack_panel((int)format, (const char *)weight + first * size, depth,
                   least(COLUMNS, columns - column), depth,
                   packed + panel * panel_bytes((int)format, depth));
    }
}

/* What must be added for the activations' offset: INT8_OFFSET. */
long PUBLIC(int8_offset)(void) {
#ifdef NO_INT8
    return 0;
#else
    return INT8_OFFSET;
#endif
}

static void norm_part(const void *task, long thread, long share, long shares) {
    (void)thread;
    const norm *n = task;
    for (long r = n->rows * share / shares; r < n->rows * (share + 1) / shares; r++)
        norm_row(n->a + r * n->columns, n->columns, n->gain, n->shift, n->eps, 0,
                 n->out + r * n->columns);
}

void PUBLIC(layer_norm)(const norm *n) { in_parallel(norm_part, n, n->threads); }
