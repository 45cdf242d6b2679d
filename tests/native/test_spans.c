/* Frames of words against a dynamic program in double precision over the same states. */
#include "check.h"

int nordlyd_spans(const float *logp, long frames, long columns, int32_t delimiter,
                  const int32_t *labels, const int32_t *words, long tokens, int32_t *first,
                  int32_t *past, double *means);

typedef struct {
    const float *logp;
    long frames, columns, tokens;
    int32_t delimiter;
    const int32_t *labels, *words;
} Case;

/* May a path be in this state in this frame, if the words have these spans? */
static int allowed(const Case *c, long state, long frame, const int32_t *first,
                   const int32_t *past) {
    const long k = state / 2;
    if (state % 2) return first[c->words[k]] <= frame && frame < past[c->words[k]];
    const int inside = k && k < c->tokens && c->words[k] == c->words[k - 1];
    if (inside) return first[c->words[k]] < frame && frame < past[c->words[k]] - 1;
    return (!k || frame >= past[c->words[k - 1]]) && (k == c->tokens || frame < first[c->words[k]]);
}

/* The best score of all paths, or of those that agree with spans. */
static double plain(const Case *c, const int32_t *first, const int32_t *past) {
    const long states = 2 * c->tokens + 1;
    double *before = allocated(states * sizeof *before), *after = allocated(states * sizeof *after);
    for (long state = 0; state < states; state++) before[state] = state ? -INFINITY : 0;
    for (long frame = 0; frame < c->frames; frame++) {
        const float *now = c->logp + frame * c->columns;
        for (long state = 0; state < states; state++) {
            const long k = state / 2;
            double best = before[state], emitted;
            if (state && before[state - 1] > best) best = before[state - 1];
            if (state % 2 && k && c->labels[k] != c->labels[k - 1] && before[state - 2] > best)
                best = before[state - 2];
            if (state % 2) {
                emitted = now[c->labels[k]];
            } else {
                const int inside = k && k < c->tokens && c->words[k] == c->words[k - 1];
                emitted = now[0];
                if (!inside && c->delimiter > 0 && now[c->delimiter] > emitted)
                    emitted = now[c->delimiter];
            }
            after[state] = first && !allowed(c, state, frame, first, past) ? -INFINITY
                                                                           : best + emitted;
        }
        double *swap = before;
        before = after, after = swap;
    }
    const double label = before[states - 2], gap = before[states - 1];
    free(before), free(after);
    return label > gap ? label : gap;
}

static void check(long frames, long columns, long tokens, double sharpness) {
    float *logp = random_columns(frames, columns, sharpness);
    const int32_t delimiter = columns > 2 && random_unit() < 0.7 ? 1 : -1;
    int32_t *labels = allocated(tokens * sizeof *labels), *words = allocated(tokens * sizeof *words);
    for (long k = 0; k < tokens; k++) {
        labels[k] = (int32_t)random_long(delimiter > 0 ? 2 : 1, columns - 1);
        words[k] = k ? words[k - 1] + (random_unit() < 0.3) : 0;
    }
    const long count = words[tokens - 1] + 1;
    int32_t *first = allocated(count * sizeof *first), *past = allocated(count * sizeof *past);
    double *means = allocated(count * sizeof *means);
    const Case c = {logp, frames, columns, tokens, delimiter, labels, words};
    const double expected = plain(&c, NULL, NULL);
    const int result =
        nordlyd_spans(logp, frames, columns, delimiter, labels, words, tokens, first, past, means);
    CHECK(result == !isfinite(expected), "%ld frames, %ld letters: %d", frames, tokens, result);
    if (!result) {
        const double found = plain(&c, first, past);
        CHECK(close_to(found, expected, 1e-4), "the spans score %g, the best %g", found, expected);
        long letter = 0;
        for (long word = 0; word < count; word++) {
            const long begin = letter;
            while (letter < tokens && words[letter] == word) letter++;
            CHECK(means[word] <= 0 && isfinite(means[word]), "mean %g", means[word]);
            if (past[word] - first[word] != letter - begin) continue;
            double mean = 0; /* one frame a letter: there is one path */
            for (long k = begin; k < letter; k++)
                mean += logp[(first[word] + k - begin) * columns + labels[k]] / (letter - begin);
            CHECK(close_to(means[word], mean, 1e-5), "mean %g, expected %g", means[word], mean);
        }
    }
    free(logp), free(labels), free(words), free(first), free(past), free(means);
}

int main(void) {
    for (int round = 0; round < 2000; round++)
        check(random_long(1, 30), random_long(2, 8), random_long(1, 10), 12 * random_unit());
    check(1, 2, 1, 0);
    check(3, 2, 2000, 0); /* cannot fit */
    check(50, 5, 25, 60);
    check(3000, 40, 400, 8);
    return 0;
}
