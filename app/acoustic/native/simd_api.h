/* The kernels of simd.h and their arguments: app/native_header.py reads this file.
 *
 * PUBLIC(linear) is nordlyd_<level>_linear, a function for each level of instructions.
 */
#ifndef NORDLYD_SIMD_API_H
#define NORDLYD_SIMD_API_H

#include <stdint.h>

/* Number formats of a product's factors. */
enum { F32, BF16, INT8 };

/* out = f(A[g] * W[g]' + bias[g]), side by side for each group g, where f is layer norm, GELU
 * and residual, those that are given, in this order.
 */
typedef struct {
    const float *a; /* group g's row r starts at a + g * group_stride + r * row_stride */
    long group_stride, row_stride, rows;
    const char *packed; /* of each group, its panels */
    long groups, columns, depth;
    const float *bias;          /* [groups * columns] */
    const float *column_scales; /* [groups * columns], INT8 only */
    const int32_t *offsets;     /* [groups * columns], INT8 only: INT8_OFFSET * sum of weights */
    const float *gain, *shift;  /* [groups * columns], or null for no norm */
    const float *residual;      /* laid out as `out`, or null; may be `out` */
    float *out;                 /* [rows, groups * columns], rows out_stride apart */
    long out_stride;
    long format, activation, threads;
    char *scratch; /* as many bytes as linear_scratch or convolution_scratch returns, aligned to 64 */
    float eps;
} product;

/* The layer norm of each row. */
typedef struct {
    const float *a; /* [rows, columns] */
    long rows, columns;
    const float *gain, *shift;
    float *out;
    long threads;
    float eps;
} norm;

/* Bidirectional self-attention of one utterance. */
typedef struct {
    const float *qkv; /* [frames, 3 * heads * width]: queries, keys, values side by side */
    long frames, heads, width;
    float *out; /* [frames, heads * width] */
    long format, threads;
    char *scratch; /* as many bytes as attention_scratch returns, aligned to 64 */
} attention;

#ifdef PUBLIC
/* One group, no norm. */
void PUBLIC(linear)(const product *p);
/* Groups and norm, but no residual with a norm. */
void PUBLIC(convolution)(const product *p);
void PUBLIC(attention)(const attention *a);
void PUBLIC(layer_norm)(const norm *n);
/* Bytes of scratch that each needs. */
long PUBLIC(linear_scratch)(const product *p);
long PUBLIC(convolution_scratch)(const product *p);
long PUBLIC(attention_scratch)(const attention *a);
/* Bytes of the packed weights of a product. */
long PUBLIC(packed_bytes)(long format, long groups, long columns, long depth);
/* Packs weights [groups, columns, depth], float32, or int8 where `format` is INT8. */
void PUBLIC(pack)(long format, const void *weight, long groups, long columns, long depth,
                  char *packed);
/* What is added to int8 activations before they are multiplied: INT8_OFFSET. */
long PUBLIC(int8_offset)(void);
#endif

#endif
