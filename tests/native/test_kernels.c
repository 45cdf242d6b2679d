/* The SIMD kernels of every level that this CPU runs, against plain C in double precision. */
#include "check.h"

#include <string.h>

#include "app/acoustic/native/simd_api.h"

typedef struct {
    const char *name;
    long bit;
    int int8, bf16;
    void (*linear)(const product *);
    long (*linear_scratch)(const product *);
    void (*convolution)(const product *);
    long (*convolution_scratch)(const product *);
    void (*attend)(const attention *);
    long (*attention_scratch)(const attention *);
    void (*layer_norm)(const norm *);
    long (*packed_bytes)(long, long, long, long);
    void (*pack)(long, const void *, long, long, long, char *);
    long (*int8_offset)(void);
} Level;

#define DECLARE(L)                                                   \
    void nordlyd_##L##_linear(const product *);                      \
    long nordlyd_##L##_linear_scratch(const product *);              \
    void nordlyd_##L##_convolution(const product *);                 \
    long nordlyd_##L##_convolution_scratch(const product *);         \
    void nordlyd_##L##_attention(const attention *);                 \
    long nordlyd_##L##_attention_scratch(const attention *);         \
    void nordlyd_##L##_layer_norm(const norm *);                     \
    long nordlyd_##L##_packed_bytes(long, long, long, long);         \
    void nordlyd_##L##_pack(long, const void *, long, long, long, char *); \
    long nordlyd_##L##_int8_offset(void);
#define LEVEL(L, BIT, WITH_INT8, WITH_HALF)                                              \
    {#L, BIT, WITH_INT8, WITH_HALF, nordlyd_##L##_linear, nordlyd_##L##_linear_scratch,  \
     nordlyd_##L##_convolution, nordlyd_##L##_convolution_scratch,                       \
     nordlyd_##L##_attention, nordlyd_##L##_attention_scratch, nordlyd_##L##_layer_norm, \
     nordlyd_##L##_packed_bytes, nordlyd_##L##_pack, nordlyd_##L##_int8_offset}

#if defined(__x86_64__)
DECLARE(avx2) DECLARE(avx2_vnni) DECLARE(avx512) DECLARE(avx512_vnni) DECLARE(avx512_bf16)
static const Level LEVELS[] = {LEVEL(avx2, 1, 1, 0), LEVEL(avx2_vnni, 2, 1, 0),
                               LEVEL(avx512, 4, 1, 0), LEVEL(avx512_vnni, 8, 1, 0),
                               LEVEL(avx512_bf16, 16, 1, 1)};
#else
DECLARE(neon) DECLARE(neon_dotprod) DECLARE(neon_i8mm) DECLARE(neon_bf16)
static const Level LEVELS[] = {LEVEL(neon, 1, 0, 0), LEVEL(neon_dotprod, 2, 1, 0),
                               LEVEL(neon_i8mm, 4, 1, 0), LEVEL(neon_bf16, 8, 1, 1)};
#endif

long nordlyd_levels(void);

/* In place of an OpenMP runtime: the members of a team, one after another. */
static unsigned member, members;
void GOMP_parallel(void (*run)(void *), void *data, unsigned threads, unsigned flags) {
    (void)flags;
    members = threads;
    for (member = 0; member < threads; member++) run(data);
}
int omp_get_thread_num(void) { return (int)member; }
int omp_get_num_threads(void) { return (int)members; }

static float *random_floats(long count, double size) {
    float *x = allocated((size_t)count * sizeof *x);
    for (long i = 0; i < count; i++) x[i] = (float)(size * (2 * random_unit() - 1));
    return x;
}

static char *scratch_of(long bytes) {
    char *memory = aligned_alloc(64, (size_t)(bytes + 63) / 64 * 64 + 64);
    CHECK(memory, "no memory");
    memset(memory, 0xa5, (size_t)bytes); /* nothing may rely on what stands there */
    return memory;
}

static double rounded(float x, int format) {
    if (format != BF16) return x;
    uint32_t bits;
    memcpy(&bits, &x, 4);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
    memcpy(&x, &bits, 4);
    return x;
}

static double gelu_of(double x) { return x * 0.5 * erfc(-x / sqrt(2.0)); }

/* One row of the result, by the definition. */
static void plain_row(const product *p, const float *weight, long row, double *out) {
    const long all = p->groups * p->columns;
    for (long column = 0; column < all; column++) {
        const long group = column / p->columns;
        const float *a = p->a + group * p->group_stride + row * p->row_stride;
        double sum = p->bias[column];
        for (long i = 0; i < p->depth; i++)
            sum += rounded(a[i], (int)p->format) *
                   rounded(weight[column * p->depth + i], (int)p->format);
        out[column] = sum;
    }
    if (p->gain) {
        double mean = 0, square = 0;
        for (long column = 0; column < all; column++) mean += out[column] / (double)all;
        for (long column = 0; column < all; column++)
            square += (out[column] - mean) * (out[column] - mean) / (double)all;
        for (long column = 0; column < all; column++)
            out[column] = (out[column] - mean) / sqrt(square + p->eps) * p->gain[column] +
                          p->shift[column];
    }
    for (long column = 0; column < all; column++) {
        if (p->activation) out[column] = gelu_of(out[column]);
        if (p->residual) out[column] += p->residual[row * p->out_stride + column];
    }
}

static void run(const Level *level, int linear, product *p) {
    p->scratch = scratch_of(linear ? level->linear_scratch(p) : level->convolution_scratch(p));
    if (linear)
        level->linear(p);
    else
        level->convolution(p);
    free(p->scratch);
}

/* A random product against plain C; then some of its rows alone, on other threads, to the bit. */
static void check_product(const Level *level, int linear, int format, long groups, long rows,
                          long columns, long depth, long row_stride, int normed) {
    const long all = groups * columns, length = (rows - 1) * row_stride + depth;
    float *a = random_floats(groups * length, 2), *weight = random_floats(all * depth, 1);
    float *bias = random_floats(all, 1), *gain = random_floats(all, 2), *shift = random_floats(all, 1);
    float *residual = random_floats(rows * all, 1), *out = random_floats(rows * all, 1);
    char *packed = allocated((size_t)level->packed_bytes(format, groups, columns, depth));
    level->pack(format, weight, groups, columns, depth, packed);
    product p = {.a = a, .group_stride = length, .row_stride = row_stride, .rows = rows};
    p.packed = packed, p.groups = groups, p.columns = columns, p.depth = depth, p.bias = bias;
    p.out = out, p.out_stride = all, p.format = format, p.threads = random_long(1, 5), p.eps = 1e-5f;
    p.activation = random_long(0, 1);
    if (normed)
        p.gain = gain, p.shift = shift;
    else if (random_long(0, 1))
        p.residual = residual;
    run(level, linear, &p);
    double *expected = allocated((size_t)all * sizeof *expected);
    for (long row = 0; row < rows; row++) {
        plain_row(&p, weight, row, expected);
        for (long column = 0; column < all; column++)
            CHECK(fabs(out[row * all + column] - expected[column]) <
                      (normed ? 2e-4 : 1e-5) * (2 + sqrt((double)depth)),
                  "%s format %d, row %ld column %ld of %ld x %ld depth %ld: %g, expected %g",
                  level->name, format, row, column, rows, all, depth, out[row * all + column],
                  expected[column]);
    }
    const long first = random_long(0, rows - 1), some = random_long(1, rows - first);
    float *alone = random_floats(some * all, 1);
    product part = p;
    part.a = a + first * row_stride, part.rows = some, part.out = alone, part.threads = 1;
    if (p.residual) part.residual = residual + first * all;
    run(level, linear, &part);
    CHECK(!memcmp(alone, out + first * all, (size_t)(some * all) * 4),
          "%s format %d: rows %ld to %ld differ alone", level->name, format, first, first + some);
    free(a), free(weight), free(bias), free(gain), free(shift), free(residual), free(out);
    free(packed), free(expected), free(alone);
}

/* int8 whose scales are one, so that every result is a whole number; `extreme` has only the
   largest magnitudes, with equal signs in some columns and rows. */
static void check_int8(const Level *level, long rows, long columns, long depth, int extreme) {
    float *a = allocated((size_t)(rows * depth) * sizeof *a), *ones = random_floats(columns, 0);
    float *bias = random_floats(columns, 0), *out = random_floats(rows * columns, 1);
    int8_t *weight = allocated((size_t)(columns * depth));
    int32_t *offsets = allocated((size_t)columns * sizeof *offsets);
    for (long i = 0; i < rows * depth; i++)
        a[i] = extreme ? (i / depth % 3 == 0 || random_long(0, 1) ? 127 : -127)
                       : (float)random_long(-127, 127);
    for (long row = 0; row < rows; row++) a[row * depth + random_long(0, depth - 1)] = 127;
    for (long column = 0; column < columns; column++) {
        ones[column] = 1;
        offsets[column] = 0;
        for (long i = 0; i < depth; i++) {
            const long value = !extreme        ? random_long(-128, 127)
                               : column % 3 == 0 ? 127
                               : column % 3 == 1 ? -128
                                                 : (random_long(0, 1) ? 127 : -128);
            weight[column * depth + i] = (int8_t)value;
            offsets[column] += (int32_t)(value * level->int8_offset());
        }
    }
    char *packed = allocated((size_t)level->packed_bytes(INT8, 1, columns, depth));
    level->pack(INT8, weight, 1, columns, depth, packed);
    product p = {.a = a, .row_stride = depth, .rows = rows, .packed = packed, .groups = 1};
    p.columns = columns, p.depth = depth, p.bias = bias, p.out = out, p.out_stride = columns;
    p.format = INT8, p.threads = random_long(1, 3), p.column_scales = ones, p.offsets = offsets;
    run(level, 1, &p);
    for (long row = 0; row < rows; row++)
        for (long column = 0; column < columns; column++) {
            int64_t exact = 0;
            for (long i = 0; i < depth; i++)
                exact += (int64_t)a[row * depth + i] * weight[column * depth + i];
            CHECK(out[row * columns + column] == (float)exact,
                  "%s int8, row %ld column %ld depth %ld: %g, exactly %lld", level->name, row,
                  column, depth, out[row * columns + column], (long long)exact);
        }
    free(a), free(ones), free(bias), free(out), free(weight), free(offsets), free(packed);
}

/* Rows that are no numbers, or have no bound, end as no numbers; rows of zeros as the bias. */
static void check_int8_oddities(const Level *level) {
    const long columns = 5, depth = 40;
    float *a = random_floats(4 * depth, 1), *scales = random_floats(columns, 1);
    float *bias = random_floats(columns, 1), *out = random_floats(4 * columns, 1);
    int8_t weight[5 * 40];
    int32_t offsets[5] = {0};
    for (long i = 0; i < columns * depth; i++) {
        weight[i] = (int8_t)random_long(-127, 127);
        offsets[i / depth] += (int32_t)(weight[i] * level->int8_offset());
    }
    memset(a, 0, (size_t)depth * 4);
    a[depth + 3] = NAN, a[2 * depth + 7] = INFINITY, a[3 * depth] = 1e-44f;
    char *packed = allocated((size_t)level->packed_bytes(INT8, 1, columns, depth));
    level->pack(INT8, weight, 1, columns, depth, packed);
    product p = {.a = a, .row_stride = depth, .rows = 4, .packed = packed, .groups = 1};
    p.columns = columns, p.depth = depth, p.bias = bias, p.out = out, p.out_stride = columns;
    p.format = INT8, p.threads = 1, p.column_scales = scales, p.offsets = offsets;
    run(level, 1, &p);
    for (long column = 0; column < columns; column++) {
        CHECK(out[column] == bias[column], "zeros: %g", out[column]);
        CHECK(isnan(out[columns + column]), "NaN: %g", out[columns + column]);
        CHECK(!isfinite(out[2 * columns + column]), "infinity: %g", out[2 * columns + column]);
        CHECK(isfinite(out[3 * columns + column]), "tiny: %g", out[3 * columns + column]);
    }
    free(a), free(scales), free(bias), free(out), free(packed);
}

static void check_attention(const Level *level, int format, long frames, long heads, long width) {
    const long all = heads * width;
    float *qkv = random_floats(frames * 3 * all, 3), *out = random_floats(frames * all, 1);
    attention task = {.qkv = qkv, .frames = frames, .heads = heads, .width = width, .out = out};
    task.format = format, task.threads = random_long(1, 4);
    task.scratch = scratch_of(level->attention_scratch(&task));
    level->attend(&task);
    free(task.scratch);
    double *score = allocated((size_t)frames * sizeof *score);
    for (long head = 0; head < heads; head++)
        for (long query = 0; query < frames; query += random_long(1, 4)) {
            double top = -INFINITY, total = 0;
            for (long key = 0; key < frames; key++) {
                score[key] = 0;
                for (long i = 0; i < width; i++)
                    score[key] += rounded(qkv[query * 3 * all + head * width + i], format) *
                                  rounded(qkv[key * 3 * all + all + head * width + i], format);
                score[key] /= sqrt((double)width);
                if (score[key] > top) top = score[key];
            }
            for (long key = 0; key < frames; key++) total += score[key] = exp(score[key] - top);
            for (long i = 0; i < width; i++) {
                double expected = 0;
                for (long key = 0; key < frames; key++)
                    expected += score[key] / total *
                                rounded(qkv[key * 3 * all + 2 * all + head * width + i], format);
                const float found = out[query * all + head * width + i];
                CHECK(fabs(found - expected) < (format == BF16 ? 2e-2 : 2e-5),
                      "%s attention format %d, %ld frames, %ld wide: %g, expected %g", level->name,
                      format, frames, width, found, expected);
            }
        }
    free(qkv), free(out), free(score);
}

static void check_norm(const Level *level, long rows, long columns, float size) {
    float *a = random_floats(rows * columns, size), *gain = random_floats(columns, 2);
    float *shift = random_floats(columns, 1), *out = random_floats(rows * columns, 1);
    norm task = {.a = a, .rows = rows, .columns = columns, .gain = gain, .shift = shift};
    task.out = out, task.threads = random_long(1, 4), task.eps = 1e-5f;
    level->layer_norm(&task);
    for (long row = 0; row < rows; row++) {
        double mean = 0, square = 0;
        for (long i = 0; i < columns; i++) mean += a[row * columns + i] / (double)columns;
        for (long i = 0; i < columns; i++)
            square += pow(a[row * columns + i] - mean, 2) / (double)columns;
        for (long i = 0; i < columns; i++) {
            const double expected =
                (a[row * columns + i] - mean) / sqrt(square + 1e-5) * gain[i] + shift[i];
            CHECK(close_to(out[row * columns + i], expected, 1e-4), "%s norm: %g, expected %g",
                  level->name, out[row * columns + i], expected);
        }
    }
    free(a), free(gain), free(shift), free(out);
}

static void check_level(const Level *level) {
    static const long sizes[] = {1, 2, 3, 7, 15, 16, 17, 31, 33, 64, 70};
    const long count = sizeof sizes / sizeof *sizes;
    for (int format = F32; format <= (level->bf16 ? BF16 : F32); format++) {
        for (long i = 0; i < 60; i++) {
            const long rows = sizes[random_long(0, count - 1)], depth = sizes[random_long(0, count - 1)];
            const long columns = sizes[random_long(0, count - 1)];
            check_product(level, 1, format, 1, rows, columns, depth, depth + random_long(0, 9), 0);
            /* Rows that overlap, in groups or with a norm. */
            const int normed = columns > 15 && random_long(0, 1);
            check_product(level, 0, format, normed ? 1 : random_long(1, 3), rows, columns, depth,
                          random_long(1, depth), normed);
            check_attention(level, format, rows, random_long(1, 3), columns);
        }
        check_product(level, 1, format, 1, 70, 33, 1500, 1500, 0);
        check_product(level, 0, format, 1, 150, 64, 700, 300, 1);
        check_attention(level, format, 333, 2, 80);
    }
    for (long i = 0; i < count * count; i++)
        check_norm(level, sizes[i % count], sizes[i / count] + 1, i % 2 ? 100.0f : 1.0f);
    if (!level->int8) return;
    for (long i = 0; i < 60; i++)
        check_int8(level, sizes[random_long(0, count - 1)], sizes[random_long(0, count - 1)],
                   sizes[random_long(0, count - 1)], i % 2);
    check_int8(level, 17, 35, 5120, 1);
    check_int8(level, 17, 35, 4093, 0);
    check_int8_oddities(level);
}

int main(void) {
    const long here = nordlyd_levels();
    for (size_t i = 0; i < sizeof LEVELS / sizeof *LEVELS; i++) {
        if (here & LEVELS[i].bit) check_level(&LEVELS[i]);
        printf("%s %s\n", LEVELS[i].name, here & LEVELS[i].bit ? "passed" : "is not run by this CPU");
    }
    return 0;
}
