/* Bidirectional self-attention over packed queries, keys and values, one utterance at a time.
 *
 * All keys' scores of 32 queries fit the second-level cache, so softmax is done whole, in
 * fp32, and only the probabilities are rounded to bf16 (as in FlashAttention, without its
 * running maximum).
 */
#include "amx.h"
#ifdef NORDLYD_AMX

/* 2^x for x <= 0 in fp32: a minimax polynomial on the fraction, relative error 8e-8. */
static inline __m512 power_of_two(__m512 x) {
    x = _mm512_max_ps(x, _mm512_set1_ps(-126.0f));
    const __m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m512 f = _mm512_sub_ps(x, whole);
    __m512 p = _mm512_set1_ps(0.0013400432653725147f);
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.009676037356257439f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.05550327152013779f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.2402210682630539f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.6931471824645996f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(p, whole);
}

/* Keys [frames, width] as the right-hand side of Q * K': panels of 32 keys, pairs of values. */
static void pack_keys(const bf16 *k, long stride, long frames, long padded, long width, long steps,
                      bf16 *out) {
    memset(out, 0, (size_t)(padded * steps * KSTEP) * sizeof(bf16));
    for (long key = 0; key < frames; key++) {
        const bf16 *from = k + key * stride;
        bf16 *panel = out + (key / BLOCK) * steps * 1024 + ((key % BLOCK) / 16) * 512 + (key % 16) * 2;
        for (long i = 0; i < width; i += 2)
            memcpy(panel + (i / KSTEP) * 1024 + ((i % KSTEP) / 2) * 32, from + i, 4);
    }
}

/* Values [frames, width] as the right-hand side of P * V: panels of 32 columns, pairs of keys. */
static void pack_values(const bf16 *v, long stride, long frames, long padded, long width,
                        long panels, bf16 *out) {
    const long steps = padded / KSTEP;
    memset(out, 0, (size_t)(padded * panels * BLOCK) * sizeof(bf16));
    for (long key = 0; key < frames; key++)
        for (long i = 0; i < width; i++)
            out[(i / BLOCK) * steps * 1024 + (key / KSTEP) * 1024 + ((i % BLOCK) / 16) * 512 +
                ((key % KSTEP) / 2) * 32 + (i % 16) * 2 + (key & 1)] = v[key * stride + i];
}

/* Scores [rows, padded] become probabilities in bf16, unnormalised; `sums` gets their sums. */
static void softmax_rows(const float *scores, long rows, long frames, long padded, float scale,
                         bf16 *p, float *sums) {
    const __m512 factor = _mm512_set1_ps(scale);
    const long whole = frames / 16 * 16;
    const __mmask16 tail = (__mmask16)((1u << (frames - whole)) - 1);
    for (long r = 0; r < rows; r++) {
        const float *s = scores + r * padded;
        __m512 top = _mm512_set1_ps(-3.0e38f);
        for (long i = 0; i < whole; i += 16) top = _mm512_max_ps(top, _mm512_load_ps(s + i));
        top = _mm512_mask_max_ps(top, tail, top, _mm512_load_ps(s + at_most(whole, padded - 16)));
        const __m512 offset = _mm512_set1_ps(-_mm512_reduce_max_ps(top) * scale);
        __m512 sum = _mm512_setzero_ps();
        bf16 *to = p + r * padded;
        for (long i = 0; i < padded; i += 16) {
            const __mmask16 live = i < whole ? 0xffff : i == whole ? tail : 0;
            const __m512 e = _mm512_maskz_mov_ps(
                live, power_of_two(_mm512_fmadd_ps(_mm512_load_ps(s + i), factor, offset)));
            sum = _mm512_add_ps(sum, e);
            store_bf16(to + i, e, 0xffff);
        }
        sums[r] = _mm512_reduce_add_ps(sum);
    }
}

/* How many bytes of workspace nordlyd_attention needs. */
long nordlyd_attention_workspace(long frames, long heads, long width, long threads) {
    const long padded = (frames + KSTEP - 1) / KSTEP * KSTEP;
    const long steps = (width + KSTEP - 1) / KSTEP;
    const long shared = heads * padded * steps * KSTEP * 2 * (long)sizeof(bf16);
    const long own = BLOCK * padded * (4 + 2) + BLOCK * steps * KSTEP * (2 + 4) + 4096;
    return shared + threads * ((own + 4095) / 4096 * 4096);
}

/* out[frames, heads * width] = softmax(Q K' / sqrt(width)) V.
 *
 * qkv: bf16 [frames, 3 * heads * width], queries, keys, values side by side; width even.
 * workspace: 64-byte aligned, as large as nordlyd_attention_workspace says.
 */
void nordlyd_attention(const bf16 *qkv, long frames, long heads, long width, bf16 *out,
                       char *workspace) {
    const long hidden = heads * width, stride = 3 * hidden;
    const long padded = (frames + KSTEP - 1) / KSTEP * KSTEP;
    const long steps = (width + KSTEP - 1) / KSTEP, wide = steps * KSTEP;
    const long head_size = padded * wide, queries = (frames + BLOCK - 1) / BLOCK;
    bf16 *keys = (bf16 *)workspace, *values = keys + heads * head_size;
    const long own = (BLOCK * padded * 6 + BLOCK * wide * 6 + 4096 + 4095) / 4096 * 4096;
    /* Scores are divided by sqrt(width) and the exponential is taken to base two. */
    const float scale = 1.4426950408889634f / __builtin_sqrtf((float)width);
    extern int omp_get_thread_num(void);
#pragma omp parallel
    {
        char *mine = (char *)(values + heads * head_size) + omp_get_thread_num() * own;
        float *scores = (float *)mine;
        float *c = scores + BLOCK * padded;
        bf16 *p = (bf16 *)(c + BLOCK * wide);
        bf16 *q = p + BLOCK * padded;
        float *sums = (float *)(q + BLOCK * wide);
#pragma omp for schedule(static)
        for (long head = 0; head < heads; head++) {
            pack_keys(qkv + hidden + head * width, stride, frames, padded, width, steps,
                      keys + head * head_size);
            pack_values(qkv + 2 * hidden + head * width, stride, frames, padded, width, steps,
                        values + head * head_size);
        }
        configure_tiles(BLOCK);
#pragma omp for collapse(2) schedule(static)
        for (long head = 0; head < heads; head++)
            for (long block = 0; block < queries; block++) {
                const long first = block * BLOCK, rows = at_most(frames - first, BLOCK);
                memset(q, 0, (size_t)(BLOCK * wide) * sizeof(bf16));
                for (long r = 0; r < rows; r++)
                    memcpy(q + r * wide, qkv + (first + r) * stride + head * width,
                           (size_t)width * sizeof(bf16));
                for (long key = 0; key < padded; key += BLOCK)
                    multiply_block(q, wide, BLOCK, keys + head * head_size + key * wide, steps,
                                   scores + key, padded, 0, 0);
                softmax_rows(scores, rows, frames, padded, scale, p, sums);
                for (long panel = 0; panel < steps; panel++)
                    multiply_block(p, padded, BLOCK,
                                   values + head * head_size + panel * BLOCK * padded,
                                   padded / KSTEP, c + panel * BLOCK, wide, 0, 0);
                for (long r = 0; r < rows; r++) {
                    const __m512 share = _mm512_set1_ps(1.0f / sums[r]);
                    bf16 *to = out + (first + r) * hidden + head * width;
                    for (long i = 0; i < width; i += 16)
                        store_bf16(to + i, _mm512_mul_ps(_mm512_loadu_ps(c + r * wide + i), share),
                                   (__mmask16)((1u << at_most(width - i, 16)) - 1));
                }
            }
        _tile_release();
    }
}
#endif
