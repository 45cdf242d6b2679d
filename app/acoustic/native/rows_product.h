/* Products of packed rows with packed weights, in registers: see rows.h.
 *
 * A step is what one instruction consumes along the depth: one fp32 value, two of bf16, two,
 * four or eight of int8. Packed rows are blocks of ROWS rows, [steps][ROWS] units of 32 (or
 * 64) bits each; packed weights are panels of COLUMNS columns, [steps][COLUMNS] units. What
 * is beyond the last row, column or value is zero.
 */

#ifndef INT8_DEPTH
#define INT8_DEPTH 1
#define NO_INT8
#endif
#define INT8_WORDS (INT8_DEPTH > 4 ? 2 : 1) /* of 32 bits in a unit of packed rows */

/* Bytes of weights, [steps][COLUMNS], that stay in the first-level cache while all blocks of
 * rows pass by. */
#define NEAR_BYTES 16384

static inline long depth_of_step(int format) {
    return format == INT8 ? INT8_DEPTH : format == BF16 ? 2 : 1;
}
static inline long steps_of(int format, long depth) {
    return parts_of(depth, depth_of_step(format));
}
static inline long row_words(int format) { return format == INT8 ? INT8_WORDS : 1; }
static inline long step_bytes(int format) {
    return COLUMNS * (format == INT8 ? INT8_DEPTH : 4);
}
/* 32-bit words of a block of packed rows. */
static inline long block_words(int format, long depth) {
    return steps_of(format, depth) * ROWS * row_words(format);
}
static inline long panel_bytes(int format, long depth) {
    return steps_of(format, depth) * step_bytes(format);
}

static inline uint16_t to_bf16(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* One panel: columns `column_stride` and values of the depth `depth_stride` elements apart. */
static void pack_panel(int format, const void *from, long column_stride, long depth_stride,
                       long columns, long depth, char *to) {
    const long unit = depth_of_step(format), steps = steps_of(format, depth);
    if (columns < COLUMNS || depth % unit) memset(to, 0, (size_t)(steps * step_bytes(format)));
    if (format == F32) {
        const float *values = from;
        float *packed = (float *)to;
        for (long i = 0; i < depth; i++)
            for (long n = 0; n < columns; n++)
                packed[i * COLUMNS + n] = values[n * column_stride + i * depth_stride];
    } else if (format == BF16) {
        const float *values = from;
        uint16_t *packed = (uint16_t *)to;
        for (long i = 0; i < depth; i++)
            for (long n = 0; n < columns; n++)
                packed[i / 2 * 2 * COLUMNS + n * 2 + i % 2] =
                    to_bf16(values[n * column_stride + i * depth_stride]);
    } else {
        const int8_t *values = from;
        for (long i = 0; i < depth; i++)
            for (long n = 0; n < columns; n++)
                to[i / unit * unit * COLUMNS + n * unit + i % unit] =
                    (char)values[n * column_stride + i * depth_stride];
    }
}

#define SEGMENT 64 /* words of each row that are converted before they are packed */

#ifndef NO_INT8
static void quantise_segment(const float *from, long depth, float factor, void *to) {
    const vi offset = vi_set(INT8_OFFSET);
    for (long i = 0; i < depth; i += LANES) {
        const vf x = vf_mul(load_some(from + i, depth - i), vf_set(factor));
        const vi q = vi_add(vi_from_float(x), offset);
#if INT8_DEPTH == 2
        store_shorts((int16_t *)to + i, q);
#else
        store_bytes((int8_t *)to + i, q);
#endif
    }
}

/* The factor that takes a row into int8; `scale` takes it back. */
static float row_factor(const float *row, long depth, float *scale) {
    vf tops = vf_set(0.0f), spoilt = vf_set(0.0f);
    for (long i = 0; i < depth; i += LANES) {
        const vf x = load_some(row + i, depth - i);
        tops = vf_max(tops, vf_max(x, vf_sub(vf_set(0.0f), x)));
        spoilt = vf_fma(x, vf_set(0.0f), spoilt);
    }
    const float top = vf_top(tops);
    /* What is no number or has no bound must not end as a number. */
    *scale = top / 127.0f + vf_total(spoilt);
    /* The smallest numbers have no reciprocal. */
    return top > 1e-30f ? 127.0f / top : 0.0f;
}
#endif

/* A block of rows, `rows` of them real; with INT8 each by its own scale. */
static void pack_block(int format, const float *from, long pitch, long rows, long depth,
                       uint32_t *to, float *scales) {
    const long words = row_words(format), total = steps_of(format, depth) * words;
    const long values = depth_of_step(format) / words; /* in a word */
    float factors[ROWS] = {0};
    uint32_t lines[ROWS][SEGMENT + 2 * LANES];
    (void)factors;
    (void)scales;
    memset(lines, 0, sizeof lines);
#ifndef NO_INT8
    if (format == INT8)
        for (long r = 0; r < ROWS; r++) {
            scales[r] = 0;
            if (r < rows) factors[r] = row_factor(from + r * pitch, depth, scales + r);
        }
#endif
    for (long word = 0; word < total; word += SEGMENT) {
        const long n = least(SEGMENT, total - word);
        const long first = word * values, real = least(n * values, depth - first);
        for (long r = 0; r < rows; r++) {
            const float *row = from + r * pitch + first;
            if (format == F32)
                memcpy(lines[r], row, (size_t)real * 4);
#ifdef WITH_BF16
            else if (format == BF16)
                for (long i = 0; i < real; i += LANES)
                    store_bf16((uint16_t *)lines[r] + i, load_some(row + i, real - i));
#endif
#ifndef NO_INT8
            else
                quantise_segment(row, real, factors[r], lines[r]);
#endif
        }
        for (long w = 0; w < n; w += words)
            for (long r = 0; r < ROWS; r++)
                for (long half = 0; half < words; half++)
                    to[(word + w) * ROWS + r * words + half] = lines[r][w + half];
    }
}

/* sums (+)= rows * weights over `steps` steps; sums: [ROWS][COLUMNS] of what DOT returns. */
#define MULTIPLY(NAME, SUM, LOAD_SUM, STORE_SUM, ZERO, WORD, LOAD, SPLAT, DOT, BYTES)       \
    static void NAME(const uint32_t *a, const char *b, long steps, void *sums, int first) { \
        SUM c[ROWS][VECTORS];                                                               \
        float *at = sums;                                                                   \
        UNROLLED for (int r = 0; r < ROWS; r++) UNROLLED for (int v = 0; v < VECTORS; v++)  \
            c[r][v] = first ? ZERO : LOAD_SUM(at + r * COLUMNS + v * LANES);                \
        for (long step = 0; step < steps; step++) {                                         \
            WORD w[VECTORS];                                                                \
            UNROLLED for (int v = 0; v < VECTORS; v++) w[v] = LOAD(b + v * LANES * (BYTES)); \
            UNROLLED for (int r = 0; r < ROWS; r++) {                                       \
                const WORD x = SPLAT(a + r);                                                \
                UNROLLED for (int v = 0; v < VECTORS; v++) c[r][v] = DOT(c[r][v], x, w[v]); \
            }                                                                               \
            a += ROWS;                                                                      \
            b += COLUMNS * (BYTES);                                                         \
        }                                                                                   \
        UNROLLED for (int r = 0; r < ROWS; r++) UNROLLED for (int v = 0; v < VECTORS; v++)  \
            STORE_SUM(at + r * COLUMNS + v * LANES, c[r][v]);                               \
    }

OP vf load_floats(const void *from) { return vf_load(from); }
OP vf splat_float(const void *from) {
    float x;
    memcpy(&x, from, 4);
    return vf_set(x);
}
OP vf dot_f32(vf sum, vf a, vf b) { return vf_fma(a, b, sum); }
MULTIPLY(multiply_f32, vf, vf_load, vf_store, vf_set(0.0f), vf, load_floats, splat_float, dot_f32, 4)
#ifdef WITH_BF16
MULTIPLY(multiply_bf16, vf, vf_load, vf_store, vf_set(0.0f), vi, vi_load, vi_splat, dot_bf16, 4)
#endif
#if !defined(NO_INT8) && INT8_DEPTH <= 4
MULTIPLY(multiply_int8, vi, vi_load, vi_store, vi_set(0), vi, load_int8, vi_splat, dot_int8,
         INT8_DEPTH)
#endif

static inline void multiply(int format, const uint32_t *a, const char *b, long steps, void *sums,
                            int first) {
    if (format == F32) multiply_f32(a, b, steps, sums, first);
#ifdef WITH_BF16
    if (format == BF16) multiply_bf16(a, b, steps, sums, first);
#endif
#ifndef NO_INT8
    if (format == INT8) multiply_int8(a, b, steps, sums, first);
#endif
}
