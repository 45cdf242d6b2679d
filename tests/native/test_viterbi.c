/* The alignment against a dynamic program over all states in double precision. */
#include "app/decoding/native/api.h"
#include "check.h"

#include <string.h>

typedef struct {
    long frames, columns, tokens, jumps;
    float *scores, *penalty, *jump_scores;
    int32_t *labels, *gaps, *jump_gaps;
} Trellis;

/* The best score of all paths; with `path`, of those that are in its state in every frame. */
static double plain(const Trellis *t, const int32_t *path) {
    const long states = 2 * t->tokens + 1;
    double *before = allocated(states * sizeof *before), *after = allocated(states * sizeof *after);
    for (long state = 0; state < states; state++) before[state] = state ? -INFINITY : 0;
    for (long frame = 0; frame < t->frames; frame++) {
        const float *now = t->scores + frame * t->columns;
        for (long state = 0; state < states; state++) {
            double best = before[state];
            if (state && before[state - 1] > best) best = before[state - 1];
            if (state % 2 && state > 1 && before[state - 2] + t->penalty[state / 2] > best)
                best = before[state - 2] + t->penalty[state / 2];
            after[state] = best + now[state % 2 ? t->labels[state / 2] : t->gaps[state / 2]];
        }
        for (long jump = 0; jump < t->jumps; jump++) {
            const double jumped = after[2 * t->jump_gaps[jump]] + t->jump_scores[jump];
            if (jumped > after[2 * t->jump_gaps[jump + 1]])
                after[2 * t->jump_gaps[jump + 1]] = jumped;
        }
        if (path)
            for (long state = 0; state < states; state++)
                /* A jump ends in a gap within the frame that it leaves: the gap stays open. */
                if (state != path[frame]) after[state] = -INFINITY;
        double *swap = before;
        before = after, after = swap;
    }
    double best = before[states - 1];
    if (t->tokens && before[states - 2] > best) best = before[states - 2];
    free(before);
    free(after);
    return best;
}

static Trellis random_trellis(long frames, long columns, long tokens, long jumps) {
    Trellis t = {frames, columns, tokens, jumps, NULL, NULL, NULL, NULL, NULL, NULL};
    t.scores = allocated(frames * columns * sizeof *t.scores);
    const int extreme = random_unit() < 0.3;
    for (long at = 0; at < frames * columns; at++)
        t.scores[at] = extreme ? (random_unit() < 0.5 ? -1e4f : 0) : (float)(-8 * random_unit());
    t.labels = allocated(tokens * sizeof *t.labels);
    t.penalty = allocated(tokens * sizeof *t.penalty);
    t.gaps = allocated((tokens + 1) * sizeof *t.gaps);
    for (long k = 0; k <= tokens; k++) t.gaps[k] = (int32_t)random_long(0, 1) % columns;
    for (long k = 0; k < tokens; k++) {
        t.labels[k] = (int32_t)random_long(0, columns - 1);
        t.penalty[k] = k && t.labels[k] != t.labels[k - 1] ? 0 : -INFINITY;
    }
    t.jump_gaps = allocated((jumps + 1) * sizeof *t.jump_gaps);
    t.jump_scores = allocated(jumps * sizeof *t.jump_scores);
    for (long jump = 0; jump <= jumps; jump++) t.jump_gaps[jump] = (int32_t)(jump * tokens / (jumps ? jumps : 1));
    for (long jump = 0; jump < jumps; jump++) t.jump_scores[jump] = (float)(-3 * random_unit());
    return t;
}

static void free_trellis(Trellis *t) {
    free(t->scores), free(t->penalty), free(t->jump_scores);
    free(t->labels), free(t->gaps), free(t->jump_gaps);
}

/* As best_path of viterbi.py, in blocks of so many frames. */
static double aligned(const Trellis *t, long block, int32_t *path) {
    const long row = t->tokens + 2, width = t->tokens + 1;
    float *rows = allocated(2 * row * sizeof *rows), *work = allocated(2 * row * sizeof *work);
    for (long at = 0; at < 2 * row; at++) rows[at] = work[at] = -INFINITY;
    rows[1] = 0;
    uint8_t *from_gap = allocated(t->frames * width), *from_label = allocated(t->frames * width);
    for (long start = 0; start < t->frames; start += block) {
        const long frames = start + block < t->frames ? block : t->frames - start;
        nordlyd_viterbi_forward(t->scores + start * t->columns, start, frames, t->frames,
                                t->columns, t->labels, t->gaps, t->penalty, t->tokens,
                                t->jump_gaps, t->jump_scores, t->jumps, rows, work,
                                path ? from_gap + start * width : NULL,
                                path ? from_label + start * width : NULL);
    }
    const double gap = rows[t->tokens + 1], label = t->tokens ? rows[row + t->tokens] : -INFINITY;
    if (path && isfinite(label > gap ? label : gap)) {
        int32_t *origin = calloc(width, sizeof *origin);
        CHECK(origin, "no memory");
        for (long jump = 0; jump < t->jumps; jump++)
            origin[t->jump_gaps[jump + 1]] = t->jump_gaps[jump];
        const long state = label > gap ? 2 * t->tokens - 1 : 2 * t->tokens;
        const long first = nordlyd_viterbi_backward(from_gap, from_label, t->frames, t->tokens,
                                                    origin, state, path);
        CHECK(first == 0, "the path begins in state %ld", first);
        free(origin);
    }
    free(rows), free(work), free(from_gap), free(from_label);
    return label > gap ? label : gap;
}

static void check(long frames, long columns, long tokens, long jumps) {
    Trellis t = random_trellis(frames, columns, tokens, jumps);
    const double expected = plain(&t, NULL);
    int32_t *path = allocated(frames * sizeof *path);
    const double whole = aligned(&t, frames ? frames : 1, path);
    CHECK(close_to(whole, expected, 1e-4), "%ld frames, %ld tokens, %ld jumps: %g, expected %g",
          frames, tokens, jumps, whole, expected);
    const double pieces = aligned(&t, frames / 3 + 1, NULL);
    CHECK(pieces == whole, "in pieces %g, at once %g", pieces, whole);
    if (isfinite(expected) && !jumps) {
        const double again = plain(&t, path);
        CHECK(close_to(again, expected, 1e-4), "the path scores %g, the best %g", again, expected);
    }
    free(path);
    free_trellis(&t);
}

int main(void) {
    for (int round = 0; round < 400; round++) {
        const long tokens = random_long(0, 14);
        check(random_long(0, 40), random_long(1, 6), tokens, 0);
        if (tokens) check(random_long(1, 40), random_long(2, 6), tokens, random_long(1, tokens));
    }
    check(1, 1, 0, 0);
    check(1, 2, 1, 0);
    check(5, 3, 500, 0); /* cannot fit */
    check(64, 3, 64, 0);
    check(1500, 40, 300, 0);
    check(1500, 40, 300, 30);
    return 0;
}
