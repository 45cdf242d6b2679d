/* Products of packed rows with packed weights, in registers: see simd.h.
 *
 * A step is what one instruction consumes along the depth: one fp32 value, two of bf16, two,
 * four or eight of int8. Packed rows are blocks of ROWS rows of 32-bit words: [spans][ROWS][span
 * of words], so that a vector of a row is stored as a whole and still all rows of a step lie
 * together. Packed weights are panels of COLUMNS columns, [steps][COLUMNS] units. What is beyond
 * the last row, column or value is zero, or meets a zero.
 */

#ifndef INT8_DEPTH
#define INT8_DEPTH 1
#define NO_INT8
#endif
#define INT8_WORDS (INT8_DEPTH > 4 ? 2 : 1) /* of 32 bits in a unit of packed rows */

/* Bytes of weights, [steps][COLUMNS], that stay in the second-level cache while all blocks of
 * rows pass by: they arrive faster than they are multiplied, and most sums are complete at once. A
 * whole number of spans. */
#define NEAR_BYTES 65536

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
/* Words of a row that lie side by side: those of a cache line, but one step's where two rows
 * are multiplied by one instruction. */
#define SPAN 16
static inline long span_of(int format) { return row_words(format) == 1 ? SPAN : row_words(format); }
static inline long values_of_word(int format) { return depth_of_step(format) / row_words(format); }
/* 32-bit words of a block of packed rows. */
static inline long block_words(int format, long depth) {
    const long span = span_of(format);
    return parts_of(steps_of(format, depth) * row_words(format), span) * span * ROWS;
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

/* One panel of columns that are `stride` elements apart. */
OP void pack_as(const int format, const void *from, long stride, long columns, long depth,
                char *to) {
    const long unit = depth_of_step(format), steps = steps_of(format, depth);
    if (columns < COLUMNS || depth % unit) memset(to, 0, (size_t)(steps * step_bytes(format)));
    /* Along what is contiguous in memory, without leaving a few cache lines of the panel. */
    const long run = 16;
    for (long start = 0; start < depth; start += run)
        for (long n = 0; n < columns; n++)
            for (long i = start; i < least(depth, start + run); i++) {
                const long at = n * stride + i;
                const long place = i / unit * unit * COLUMNS + n * unit + i % unit;
                if (format == F32)
                    ((float *)to)[place] = ((const float *)from)[at];
                else if (format == BF16)
                    ((uint16_t *)to)[place] = to_bf16(((const float *)from)[at]);
                else
                    to[place] = ((const char *)from)[at];
            }
}

static void pack_panel(int format, const void *from, long stride, long columns, long depth,
                       char *to) {
    if (format == F32) pack_as(F32, from, stride, columns, depth, to);
    if (format == BF16) pack_as(BF16, from, stride, columns, depth, to);
    if (format == INT8) pack_as(INT8, from, stride, columns, depth, to);
}

/* A vector of a row in the format of a product, but int8. */
OP void store_values(const int format, void *to, vf x) {
    if (format == F32) vf_store(to, x);
#ifdef WITH_BF16
    if (format == BF16) store_bf16(to, x);
#endif
}

#ifndef NO_INT8
OP void store_quantised(void *to, vf x, float factor) {
    const vi q = vi_add(vi_from_float(vf_mul(x, vf_set(factor))), vi_set(INT8_OFFSET));
#if INT8_DEPTH == 2
    store_shorts(to, q);
#else
    store_bytes(to, q);
#endif
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
    /* NaN and infinity must not become finite. */
    *scale = top / 127.0f + vf_total(spoilt);
    /* The smallest numbers have no reciprocal. */
    return top > 1e-30f ? 127.0f / top : 0.0f;
}
#endif

OP void pack_block_as(const int format, const float *from, long pitch, long rows, long depth,
                      uint32_t *to, float *scales) {
    const long span = span_of(format), each = values_of_word(format), values = span * each;
    (void)scales;
    for (long r = 0; r < ROWS; r++) {
        const float *row = from + r * pitch;
#ifndef NO_INT8
        float factor = 0;
        if (format == INT8) {
            scales[r] = 0;
            if (r < rows) factor = row_factor(row, depth, scales + r);
        }
#endif
        uint32_t *line = to + r * span;
        for (long first = 0; first < depth; first += values, line += ROWS * span) {
            if (r >= rows) {
                memset(line, 0, (size_t)span * 4);
                continue;
            }
            for (long i = 0; i < values; i += LANES) {
                const vf x = load_some(row + first + i, depth - first - i);
#ifndef NO_INT8
                if (format == INT8) store_quantised(line + i / each, x, factor);
#endif
                store_values(format, line + i / each, x);
            }
        }
    }
}

/* A block of rows, `rows` of them real; with INT8 each by its own scale. */
static void pack_block(int format, const float *from, long pitch, long rows, long depth,
                       uint32_t *to, float *scales) {
    if (format == F32) pack_block_as(F32, from, pitch, rows, depth, to, scales);
    if (format == BF16) pack_block_as(BF16, from, pitch, rows, depth, to, scales);
    if (format == INT8) pack_block_as(INT8, from, pitch, rows, depth, to, scales);
}

/* sums (+)= rows * weights over `steps` steps; sums: [ROWS][COLUMNS] of what DOT returns. */
#define MULTIPLY(NAME, SUM, LOAD_SUM, STORE_SUM, ZERO, WORD, LOAD, SPLAT, DOT, BYTES)       \
    static void NAME(const uint32_t *a, const char *b, long steps, void *sums, int first) { \
        SUM c[ROWS][VECTORS];                                                               \
        float *at = sums;                                                                   \
        UNROLLED for (int r = 0; r < ROWS; r++) UNROLLED for (int v = 0; v < VECTORS; v++)  \
            c[r][v] = first ? ZERO : LOAD_SUM(at + r * COLUMNS + v * LANES);                \
        for (long left = steps; left > 0; left -= SPAN, a += (ROWS - 1) * SPAN)             \
            for (const uint32_t *end = a + least(left, SPAN); a < end; a++) {               \
                WORD w[VECTORS];                                                            \
                UNROLLED for (int v = 0; v < VECTORS; v++) w[v] = LOAD(b + v * LANES * (BYTES)); \
                UNROLLED for (int r = 0; r < ROWS; r++) {                                   \
                    const WORD x = SPLAT(a + r * SPAN);                                     \
                    UNROLLED for (int v = 0; v < VECTORS; v++) c[r][v] = DOT(c[r][v], x, w[v]); \
                }                                                                           \
                b += COLUMNS * (BYTES);                                                     \
            }                                                                               \
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
