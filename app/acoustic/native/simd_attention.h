/* Bidirectional self-attention of one utterance: see simd.h.
 *
 * All keys' scores of a block of queries fit the second-level cache, so softmax is done whole:
 * FlashAttention's data flow (Dao et al., 2022) without the running rescaling that a GPU's
 * small memory needs.
 */

/* Packed keys, then packed values, of one head. */
static inline long keys_bytes(const attention *a) {
    return aligned(parts_of(a->frames, COLUMNS) * panel_bytes((int)a->format, a->width));
}
static inline long values_bytes(const attention *a) {
    return aligned(parts_of(a->width, COLUMNS) * panel_bytes((int)a->format, a->frames));
}
static inline long own_bytes(const attention *a) {
    const long panels = parts_of(a->frames, COLUMNS), format = a->format;
    return aligned(block_words((int)format, a->width) * 4) + panels * ROWS * COLUMNS * 4 +
           aligned(block_words((int)format, panels * COLUMNS) * 4) + ROWS * COLUMNS * 4;
}

/* A panel of up to COLUMNS keys: their words stand across it. */
OP void pack_keys_as(const int format, const float *from, long stride, long keys, long width,
                     uint32_t *to) {
    uint32_t lines[COLUMNS][SPAN];
    const long each = depth_of_step(format), steps = steps_of(format, width);
    memset(lines, 0, sizeof lines);
    for (long first = 0; first < steps; first += SPAN, to += COLUMNS * SPAN) {
        for (long n = 0; n < keys; n++)
            for (long i = 0; i < SPAN * each; i += LANES) {
                const long at = first * each + i;
                store_values(format, lines[n] + i / each,
                             load_some(from + n * stride + at, width - at));
            }
        for (long w = 0; w < least(SPAN, steps - first); w++)
            for (long n = 0; n < COLUMNS; n++) to[w * COLUMNS + n] = lines[n][w];
    }
}

/* Some frames of a panel of up to COLUMNS columns of values: those of two frames make a word of bf16. */
OP void pack_values_as(const int format, const float *from, long stride, long columns,
                       long frames, uint32_t *to) {
    for (long frame = 0; frame < frames; frame += depth_of_step(format), to += COLUMNS) {
        const float *row = from + frame * stride;
        if (format == F32) {
            for (int v = 0; v < VECTORS; v++)
                vf_store((float *)to + v * LANES, load_some(row + v * LANES, columns - v * LANES));
        } else {
            uint16_t pair[2][COLUMNS] = {{0}};
            for (int v = 0; v < VECTORS; v++) {
                const long n = columns - v * LANES;
                store_values(format, pair[0] + v * LANES, load_some(row + v * LANES, n));
                store_values(format, pair[1] + v * LANES,
                             load_some(row + stride + v * LANES, frame + 1 < frames ? n : 0));
            }
            for (int n = 0; n < COLUMNS; n++) to[n] = pair[0][n] | (uint32_t)pair[1][n] << 16;
        }
    }
}

/* Shared out by frames first, heads then: so memory is read in its order. */
OP void pack_heads_as(const int format, const attention *a, long share, long shares) {
    const long stride = 3 * a->heads * a->width, items = parts_of(a->frames, COLUMNS) * a->heads;
    for (long item = items * share / shares; item < items * (share + 1) / shares; item++) {
        const long panel = item / a->heads, head = item % a->heads, first = panel * COLUMNS;
        const long frames = least(COLUMNS, a->frames - first);
        const float *keys = a->qkv + first * stride + (a->heads + head) * a->width;
        const float *values = keys + a->heads * a->width;
        for (long n = 0; n < frames; n++)
            for (long i = 0; i < a->width; i += 16) {
                __builtin_prefetch(keys + n * stride + a->width + i, 0, 2);
                __builtin_prefetch(values + n * stride + a->width + i, 0, 2);
            }
        char *to = a->scratch + head * (keys_bytes(a) + values_bytes(a));
        pack_keys_as(format, keys, stride, frames, a->width,
                     (uint32_t *)(to + panel * panel_bytes(format, a->width)));
        to += keys_bytes(a) + panel_bytes(format, first);
        for (long column = 0; column < a->width; column += COLUMNS)
            pack_values_as(format, values + column, stride, least(COLUMNS, a->width - column),
                           frames,
                           (uint32_t *)(to + column / COLUMNS * panel_bytes(format, a->frames)));
    }
}

static void pack_heads_part(const void *task, long thread, long share, long shares) {
    (void)thread;
    const attention *a = task;
    if (a->format == F32) pack_heads_as(F32, a, share, shares);
    if (a->format == BF16) pack_heads_as(BF16, a, share, shares);
}

/* Scores [panels][ROWS][COLUMNS] become packed rows of exponentials, zero beyond the last key;
 * returns in `inverse` what divides each row by its sum. */
OP void exponentiate_as(const int format, float *scores, long frames, float scale,
                        uint32_t *weights, float *inverse) {
    const long each = values_of_word(format), span = SPAN * each;
    const long panels = parts_of(frames, COLUMNS), last = (panels - 1) * COLUMNS;
    float offsets[ROWS];
    for (long r = 0; r < ROWS; r++) {
        vf tops[VECTORS];
        for (int v = 0; v < VECTORS; v++) tops[v] = vf_set(-3.0e38f);
        float *some = scores + r * COLUMNS;
        for (long i = frames - last; i < COLUMNS; i++) some[last * ROWS + i] = -3.0e38f;
        for (long panel = 0; panel < panels; panel++, some += ROWS * COLUMNS)
            UNROLLED for (int v = 0; v < VECTORS; v++)
                tops[v] = vf_max(tops[v], vf_load(some + v * LANES));
        for (int v = 1; v < VECTORS; v++) tops[0] = vf_max(tops[0], tops[v]);
        offsets[r] = -vf_top(tops[0]) * scale;
    }
    for (long r = 0; r < ROWS; r++) {
        vf sums[VECTORS];
        for (int v = 0; v < VECTORS; v++) sums[v] = vf_set(0.0f);
        const float *some = scores + r * COLUMNS;
        const vf offset = vf_set(offsets[r]);
        for (long first = 0; first <= last; first += COLUMNS, some += ROWS * COLUMNS) {
            vf x[VECTORS];
            UNROLLED for (int v = 0; v < VECTORS; v++)
                x[v] = power_of_two(vf_fma(vf_load(some + v * LANES), vf_set(scale), offset));
            if (first + COLUMNS > frames)
                for (int v = 0; v < VECTORS; v++) {
                    float part[LANES];
                    vf_store(part, x[v]);
                    x[v] = load_some(part, frames - first - v * LANES);
                }
            UNROLLED for (int v = 0; v < VECTORS; v++) {
                const long i = first + v * LANES;
                sums[v] = vf_add(sums[v], x[v]);
                store_values(format, weights + (i / span * ROWS + r) * SPAN + i % span / each, x[v]);
            }
        }
        for (int v = 1; v < VECTORS; v++) sums[0] = vf_add(sums[0], sums[v]);
        inverse[r] = 1.0f / vf_total(sums[0]);
    }
}

static void exponentiate(int format, float *scores, long frames, float scale, uint32_t *weights,
                         float *inverse) {
    if (format == F32) exponentiate_as(F32, scores, frames, scale, weights, inverse);
    if (format == BF16) exponentiate_as(BF16, scores, frames, scale, weights, inverse);
}

static void attention_part(const void *task, long thread, long share, long shares) {
    const attention *a = task;
    const int format = (int)a->format;
    const long stride = 3 * a->heads * a->width, panels = parts_of(a->frames, COLUMNS);
    const long blocks = parts_of(a->frames, ROWS), items = a->heads * blocks;
    const long all = a->heads * (keys_bytes(a) + values_bytes(a));
    /* The exponential is taken to base two. */
    const float scale = 1.4426950408889634f / __builtin_sqrtf((float)a->width);
    uint32_t *queries = (uint32_t *)(a->scratch + all + thread * own_bytes(a));
    float *scores = (float *)((char *)queries + aligned(block_words(format, a->width) * 4));
    uint32_t *weights = (uint32_t *)(scores + panels * ROWS * COLUMNS);
    float *sums = (float *)((char *)weights + aligned(block_words(format, panels * COLUMNS) * 4));
    float inverse[ROWS];
    for (long item = items * share / shares; item < items * (share + 1) / shares; item++) {
        const long head = item / blocks, row = item % blocks * ROWS;
        const long rows = least(ROWS, a->frames - row);
        const char *keys = a->scratch + head * (keys_bytes(a) + values_bytes(a));
        pack_block(format, a->qkv + row * stride + head * a->width, stride, rows, a->width, queries,
                   NULL);
        for (long panel = 0; panel < panels; panel++)
            multiply(format, queries, keys + panel * panel_bytes(format, a->width),
                     steps_of(format, a->width), scores + panel * ROWS * COLUMNS, 1);
        exponentiate(format, scores, a->frames, scale, weights, inverse);
        for (long column = 0; column < a->width; column += COLUMNS) {
            const char *values = keys + keys_bytes(a) + column / COLUMNS * panel_bytes(format, a->frames);
            multiply(format, weights, values, steps_of(format, a->frames), sums, 1);
            for (long r = 0; r < rows; r++)
                for (int v = 0; v < VECTORS; v++) {
                    const long n = a->width - column - v * LANES;
                    if (n <= 0) break;
                    store_some(a->out + ((row + r) * a->heads + head) * a->width + column + v * LANES,
                               vf_mul(vf_load(sums + r * COLUMNS + v * LANES), vf_set(inverse[r])), n);
                }
        }
    }
}

/* out = softmax(Q K' / sqrt(width)) V for each head; format F32 or BF16. */
void PUBLIC(attention)(const attention *a) {
    in_parallel(pack_heads_part, a, a->threads);
    in_parallel(attention_part, a, a->threads);
}

/* Bytes of scratch that `attention` needs. */
long PUBLIC(attention_scratch)(const attention *a) {
    return a->heads * (keys_bytes(a) + values_bytes(a)) + a->threads * own_bytes(a);
}
