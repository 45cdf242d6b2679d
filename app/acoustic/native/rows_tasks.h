/* What the functions of rows.h are given; rows.py has the same structures. */
#ifndef NORDLYD_ROWS_TASKS_H
#define NORDLYD_ROWS_TASKS_H

#include <stdint.h>

/* Number formats of a product's factors. */
enum { F32, BF16, INT8 };

/* out = f(A[g] * W[g]' + bias[g]), side by side for each group g, where f is the layer norm, the
 * GELU and the residual that are wanted, in this order. Python fills it: see rows.py.
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
    char *scratch; /* as many bytes as `scratch` says, aligned to 64 */
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
    char *scratch; /* as many bytes as `attention_scratch` says, aligned to 64 */
} attention;

#endif
