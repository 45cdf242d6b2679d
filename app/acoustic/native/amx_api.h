/* The AMX kernels: app/native_header.py reads this file. bf16 values are uint16_t. */
#ifndef NORDLYD_AMX_API_H
#define NORDLYD_AMX_API_H

#include <stdint.h>

/* How many floats of scratch nordlyd_linear needs for each thread. */
long nordlyd_linear_scratch(long columns, long depth);

/* out = activation(A[g] * W[g]' + bias[g]) + residual, side by side for each group g.
 *
 * a: bf16, laid out by a_row, a_step, a_block (see `layout`); group g starts at g * a_group.
 * packed: per group, panels of 32 columns of depth / 32 pairs of tiles; depth divides by 32.
 * out, residual: laid out by out_row, out_step, out_block; bf16, or float `out_float`.
 * activation: 0 none, 1 GELU. scratch: 64-byte aligned.
 * With row_scales and column_scales, a and packed hold int8 values, two where one bf16 stands
 * (so `depth` and a's layout count pairs), and the product is scaled by both.
 */
void nordlyd_linear(const uint16_t *a, long a_row, long a_step, long a_block, long a_group, long rows,
                    const uint16_t *packed, long groups, long columns, long depth, const float *bias,
                    const uint16_t *residual, void *out, long out_row, long out_step, long out_block,
                    int activation, int out_float, const float *row_scales,
                    const float *column_scales, float *scratch);

/* out = round(a / scale) for each row, scale = largest magnitude of the row / 127.
 *
 * a: bf16 in tiles, `blocks` blocks of 32 rows; columns divides by 64. out: int8, [blocks,
 * columns / 64, 32, 64]. A row's scale does not depend on other rows, so that an
 * utterance does not depend on the rest of its batch.
 */
void nordlyd_quantise(const uint16_t *a, long blocks, long columns, int8_t *out, float *scales);

/* How many floats of scratch nordlyd_convolution needs for each thread. */
long nordlyd_convolution_scratch(long columns);

/* out = GELU(LayerNorm(convolution(a) + bias)), bf16 [rows, columns], rows `out_pitch` apart.
 *
 * a: frames of `width` channels, `pitch` values apart; output row i reads `taps` frames from
 * frame i * hop on, where hop is `row_stride` values. packed: panels of 32 columns, for each
 * tap width / 32 pairs of tiles. columns and width divide by 32. scratch: 64-byte aligned.
 */
void nordlyd_convolution(const uint16_t *a, long row_stride, long pitch, long taps, long width,
                         long rows, const uint16_t *packed, long columns, const float *bias,
                         const float *gain, const float *shift, float eps, uint16_t *out,
                         long out_pitch, float *scratch);

/* out = LayerNorm(a) over the columns; both bf16 in tiles, `blocks` blocks of 32 rows. */
void nordlyd_layer_norm(const uint16_t *a, long blocks, long columns, const float *gain,
                        const float *shift, float eps, uint16_t *out);

/* How many bytes of scratch nordlyd_attention needs. */
long nordlyd_attention_scratch(long frames, long heads, long width, long threads);

/* out = softmax(Q K' / sqrt(true_width)) V, bf16 in tiles [frames, heads * width].
 *
 * qkv: bf16 in tiles [frames, 3 * heads * width]: queries, keys, values side by side. width
 * divides by 32; where the model's own width does not, the rest of each head is zero.
 * scratch: 64-byte aligned.
 */
void nordlyd_attention(const uint16_t *qkv, long frames, long heads, long width, long true_width,
                       uint16_t *out, char *scratch);

#endif
