/* Frames of words on their most probable path: the Viterbi alignment of app/decoding/align for
   short stretches of columns, without the arrays that its general form needs. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { STAY = 0, STEP = 1, SKIP = 2 };

typedef struct {
    const float *logp;
    long frames, columns, tokens;
    int32_t delimiter;
    const int32_t *labels, *words;
    uint8_t *from; /* [frames][2 * tokens + 1]: gaps, then tokens */
    float *gap, *label; /* [tokens + 1] */
} Alignment;

/* A gap is the blank; before and after words it may also be the delimiter. */
static int outside(const Alignment *a, long k) {
    return k == 0 || k == a->tokens || a->words[k] != a->words[k - 1];
}

static void forward(const Alignment *a) {
    const long tokens = a->tokens;
    for (long frame = 0; frame < a->frames; frame++) {
        const float *now = a->logp + frame * a->columns;
        uint8_t *from_gap = a->from + frame * (2 * tokens + 1), *from_label = from_gap + tokens + 1;
        float peak = now[0];
        for (long column = 1; column < a->columns; column++)
            if (now[column] > peak) peak = now[column];
        const float blank = now[0] - peak;
        const float pause = a->delimiter > 0 && now[a->delimiter] > now[0]
                                ? now[a->delimiter] - peak : blank;
        /* From the last token down: each needs what its neighbours were a frame ago. */
        long first = tokens - (a->frames - frame), past = frame + 1 < tokens ? frame + 1 : tokens;
        if (first < 0) first = 0;
        for (long k = past; k >= first; k--) {
            const float before = k ? a->label[k - 1] : -INFINITY;
            if (k < tokens) {
                const float stay = a->label[k], gap = a->gap[k];
                const float direct = k && a->labels[k] != a->labels[k - 1] ? before : -INFINITY;
                float best = gap > stay ? gap : stay;
                from_label[k] = direct > best ? SKIP : gap > stay ? STEP : STAY;
                best = direct > best ? direct : best;
                a->label[k] = best + now[a->labels[k]] - peak;
            }
            from_gap[k] = before > a->gap[k] ? STEP : STAY;
            a->gap[k] = (before > a->gap[k] ? before : a->gap[k]) + (outside(a, k) ? pause : blank);
        }
    }
}

static int backward(const Alignment *a, int32_t *first, int32_t *past, double *means) {
    const long tokens = a->tokens;
    const int in_token = a->label[tokens - 1] > a->gap[tokens];
    if (!isfinite(in_token ? a->label[tokens - 1] : a->gap[tokens])) return 1;
    long state = in_token ? 2 * tokens - 1 : 2 * tokens;
    double peak = -INFINITY;
    long counted = 0;
    for (long frame = a->frames - 1; frame >= 0; frame--) {
        const uint8_t *from = a->from + frame * (2 * tokens + 1);
        if (state % 2 == 0) {
            state -= from[state / 2];
            continue;
        }
        const long k = state / 2;
        const int32_t word = a->words[k];
        const double logp = a->logp[frame * a->columns + a->labels[k]];
        if (past[word] < 0) {
            past[word] = (int32_t)frame + 1;
            means[word] = 0;
            counted = 0;
        }
        first[word] = (int32_t)frame;
        if (logp > peak) peak = logp;
        state -= from[tokens + 1 + k];
        if (state / 2 != k || state % 2 == 0 || frame == 0) {
            means[word] += (peak - means[word]) / (double)++counted;
            peak = -INFINITY;
        }
    }
    return 0;
}

/* `labels` [tokens] are the columns of all letters and `words` [tokens] the word of each, from 0.
   Column 0 is the blank. For each word: its first frame, the one past its last, and the mean over
   its letters of the highest log-probability each reaches. Returns 0; 1 where the letters do not
   fit into the frames; 2 where there is no memory. */
int nordlyd_spans(const float *logp, long frames, long columns, int32_t delimiter,
                  const int32_t *labels, const int32_t *words, long tokens, int32_t *first,
                  int32_t *past, double *means) {
    Alignment a = {logp, frames, columns, tokens, delimiter, labels, words, NULL, NULL, NULL};
    a.from = malloc(frames * (2 * tokens + 1) + 1);
    a.gap = malloc((tokens + 1) * sizeof *a.gap);
    a.label = malloc((tokens + 1) * sizeof *a.label);
    int result = 2;
    if (a.from && a.gap && a.label) {
        for (long k = 0; k <= tokens; k++) a.gap[k] = a.label[k] = -INFINITY;
        a.gap[0] = 0;
        for (long k = 0; k < tokens; k++) past[words[k]] = -1;
        forward(&a);
        result = backward(&a, first, past, means);
    }
    free(a.from);
    free(a.gap);
    free(a.label);
    return result;
}
