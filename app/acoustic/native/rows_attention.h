/* Bidirectional self-attention of one utterance: see rows.h.
 *
 * All keys' scores of a block of queries fit the second-level cache, so softmax is done whole:
 * FlashAttention's data flow (Dao et al., 2022) without the running rescaling that a GPU's
 * small memory needs.
 */

typedef struct {
    const float *qkv; /* [frames, 3 * heads * width]: queries, keys, values side by side */
    long frames, heads, width;
    float *out; /* [frames, heads * width] */
    long format, threads;
    char *scratch; /* as many bytes as `attention_scratch` says, aligned to 64 */
} attention;

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

static void pack_heads_part(const void *task, long thread, long threads) {
    const attention *a = task;
    const int format = (int)a->format;
    const long stride = 3 * a->heads * a->width, key_panels = parts_of(a->frames, COLUMNS);
    const long value_panels = parts_of(a->width, COLUMNS), each = key_panels + value_panels;
    const long items = a->heads * each;
    for (long item = items * thread / threads; item < items * (thread + 1) / threads; item++) {
        const long head = item / each, panel = item % each;
        char *to = a->scratch + head * (keys_bytes(a) + values_bytes(a));
        const float *keys = a->qkv + (a->heads + head) * a->width;
        if (panel < key_panels)
            pack_panel(format, keys + panel * COLUMNS * stride, stride, 1,
                       least(COLUMNS, a->frames - panel * COLUMNS), a->width,
                       to + panel * panel_bytes(format, a->width));
        else
            pack_panel(format, keys + a->heads * a->width + (panel - key_panels) * COLUMNS, 1,
                       stride, least(COLUMNS, a->width - (panel - key_panels) * COLUMNS), a->frames,
                       to + keys_bytes(a) + (panel - key_panels) * panel_bytes(format, a->frames));
    }
}

/* Scores [panels][ROWS][COLUMNS] become exponentials, zero beyond the last key; returns in
 * `inverse` what divides each row by its sum. */
static void exponentiate(float *scores, long frames, float scale, float *inverse) {
    const long panels = parts_of(frames, COLUMNS);
    for (long r = 0; r < ROWS; r++) {
        vf tops = vf_set(-3.0e38f), sums = vf_set(0.0f);
        float rest[COLUMNS];
        for (long panel = 0; panel < panels; panel++) {
            float *row = scores + panel * ROWS * COLUMNS + r * COLUMNS;
            for (long i = frames - panel * COLUMNS; i < COLUMNS; i++) row[i] = -3.0e38f;
            for (int v = 0; v < VECTORS; v++) tops = vf_max(tops, vf_load(row + v * LANES));
        }
        const vf offset = vf_set(-vf_top(tops) * scale);
        for (long panel = 0; panel < panels; panel++) {
            float *row = scores + panel * ROWS * COLUMNS + r * COLUMNS;
            const long real = least(COLUMNS, frames - panel * COLUMNS);
            for (int v = 0; v < VECTORS; v++) {
                vf x = power_of_two(vf_fma(vf_load(row + v * LANES), vf_set(scale), offset));
                if (real < COLUMNS) {
                    vf_store(rest + v * LANES, x);
                    for (long i = 0; i < LANES; i++)
                        if (v * LANES + i >= real) rest[v * LANES + i] = 0.0f;
                    x = vf_load(rest + v * LANES);
                }
                sums = vf_add(sums, x);
                vf_store(row + v * LANES, x);
            }
        }
        inverse[r] = 1.0f / vf_total(sums);
    }
}

static void attention_part(const void *task, long thread, long threads) {
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
    for (long item = items * thread / threads; item < items * (thread + 1) / threads; item++) {
        const long head = item / blocks, row = item % blocks * ROWS;
        const long rows = least(ROWS, a->frames - row);
        const char *keys = a->scratch + head * (keys_bytes(a) + values_bytes(a));
        pack_block(format, a->qkv + row * stride + head * a->width, stride, rows, a->width, queries,
                   NULL);
        for (long panel = 0; panel < panels; panel++)
            multiply(format, queries, keys + panel * panel_bytes(format, a->width),
                     steps_of(format, a->width), scores + panel * ROWS * COLUMNS, 1);
        exponentiate(scores, a->frames, scale, inverse);
        for (long panel = 0; panel < panels; panel++)
            pack_block(format, scores + panel * ROWS * COLUMNS, COLUMNS, ROWS, COLUMNS,
                       weights + panel * block_words(format, COLUMNS), NULL);
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
