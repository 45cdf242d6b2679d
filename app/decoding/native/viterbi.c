/* Viterbi over the CTC topology: see app/decoding/align/viterbi.py, whose numpy form is the reference. */
#include "api.h"

/* ThreadSanitizer does not start where functions are chosen by the dynamic linker. */
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_THREAD__)
#define FOR_THIS_CPU __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define FOR_THIS_CPU
#endif

enum { STAY = 0, STEP = 1, SKIP = 2, JUMP = 3 };

/* One frame: rows of gaps and labels before it in, after it out; tokens first <= k < past. */
FOR_THIS_CPU
static void score(const float *restrict scores, const int32_t *restrict labels,
                  const int32_t *restrict gaps, const float *restrict penalty,
                  const float *restrict gap_in, const float *restrict label_in,
                  float *restrict gap_out, float *restrict label_out, long first, long past) {
    for (long k = first; k < past; k++) {
        const float from_gap = gap_in[k], stay = label_in[k];
        const float direct = label_in[k - 1] + penalty[k], before = label_in[k - 1];
        float best = from_gap > stay ? from_gap : stay;
        best = direct > best ? direct : best;
        label_out[k] = best + scores[labels[k]];
        gap_out[k] = (before > from_gap ? before : from_gap) + scores[gaps[k]];
    }
}

FOR_THIS_CPU
static void point(const float *restrict penalty, const float *restrict gap_in,
                  const float *restrict label_in, uint8_t *restrict from_gap,
                  uint8_t *restrict from_label, long first, long past) {
    for (long k = first; k < past; k++) {
        const float gap = gap_in[k], stay = label_in[k];
        const float direct = label_in[k - 1] + penalty[k], before = label_in[k - 1];
        const float best = gap > stay ? gap : stay;
        const uint8_t step = gap > stay ? STEP : STAY;
        from_label[k] = direct > best ? SKIP : step;
        from_gap[k] = before > gap ? STEP : STAY;
    }
}

void nordlyd_viterbi_forward(const float *scores, long start, long frames, long total,
                             long columns, const int32_t *labels, const int32_t *gaps,
                             const float *penalty, long tokens, const int32_t *jump_gaps,
                             const float *jump_scores, long jumps, float *rows, float *work,
                             uint8_t *from_gap, uint8_t *from_label) {
    const long row = tokens + 2;
    float *gap_in = rows + 1, *label_in = rows + row + 1;
    float *gap_out = work + 1, *label_out = work + row + 1;
    for (long t = 0; t < frames; t++) {
        const float *now = scores + t * columns;
        const long frame = start + t;
        long first = 0, past = tokens;
        if (!jumps) {
            /* What cannot be reached from the first frame, or cannot reach the last. */
            first = tokens - (total - frame);
            first = first < 0 ? 0 : first;
            past = frame + 1 < tokens ? frame + 1 : tokens;
        }
        score(now, labels, gaps, penalty, gap_in, label_in, gap_out, label_out, first, past);
        gap_out[past] = (label_in[past - 1] > gap_in[past] ? label_in[past - 1] : gap_in[past]) +
                        now[gaps[past]];
        if (from_gap) {
            uint8_t *gap_pointer = from_gap + t * (tokens + 1);
            point(penalty, gap_in, label_in, gap_pointer, from_label + t * (tokens + 1), first,
                  past);
            gap_pointer[past] = label_in[past - 1] > gap_in[past] ? STEP : STAY;
        }
        for (long j = 0; j < jumps; j++) {
            const float jumped = gap_out[jump_gaps[j]] + jump_scores[j];
            if (jumped > gap_out[jump_gaps[j + 1]]) {
                gap_out[jump_gaps[j + 1]] = jumped;
                if (from_gap) from_gap[t * (tokens + 1) + jump_gaps[j + 1]] = JUMP;
            }
        }
        float *swap = gap_in;
        gap_in = gap_out, gap_out = swap;
        swap = label_in;
        label_in = label_out, label_out = swap;
    }
    if (frames % 2) {
        for (long k = -1; k <= tokens; k++) {
            gap_out[k] = gap_in[k];
            label_out[k] = label_in[k];
        }
    }
}

long nordlyd_viterbi_backward(const uint8_t *from_gap, const uint8_t *from_label, long frames,
                              long tokens, const int32_t *jumped_from, long state,
                              int32_t *path) {
    for (long t = frames - 1; t >= 0; t--) {
        const uint8_t *gap = from_gap + t * (tokens + 1), *label = from_label + t * (tokens + 1);
        while (!(state & 1) && gap[state >> 1] == JUMP) state = 2L * jumped_from[state >> 1];
        path[t] = (int32_t)state;
        state -= state & 1 ? label[state >> 1] : gap[state >> 1];
    }
    return state;
}
