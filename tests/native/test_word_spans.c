/* Frames of words against a dynamic program in double precision over the same states. */
#include "app/decoding/native/word_spans.h"
#include "check.h"

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
    const int32_t result =
        word_spans(logp, frames, columns, delimiter, labels, words, tokens, first, past, means);
    CHECK(result == (isfinite(expected) ? 0 : DOES_NOT_FIT), "%ld frames, %ld letters: %d", frames, tokens, result);
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

/* Words with a long silence between them, over many parts: the frames that were emitted. */
static void check_long(long count) {
    const long columns = 5, step = 60, frames = count * step;
    float *logp = allocated(frames * columns * sizeof *logp);
    int32_t *labels = allocated(2 * count * sizeof *labels);
    int32_t *words = allocated(2 * count * sizeof *words);
    int32_t *rough = allocated(2 * count * sizeof *rough);
    double *posteriors = allocated(count * sizeof *posteriors);
    for (long at = 0; at < frames * columns; at++) logp[at] = at % columns ? -20 : -1e-6f;
    for (long word = 0; word < count; word++) {
        const long start = word * step + random_long(5, 40);
        for (int letter = 0; letter < 2; letter++) {
            labels[2 * word + letter] = 2 + letter;
            words[2 * word + letter] = (int32_t)word;
            logp[(start + letter) * columns] = -20;
            logp[(start + letter) * columns + 2 + letter] = -1e-6f;
        }
        rough[2 * word] = (int32_t)start;
        rough[2 * word + 1] = (int32_t)start + 2;
    }
    int32_t *placed = allocated(2 * count * sizeof *placed);
    for (long at = 0; at < 2 * count; at++) placed[at] = rough[at] + (at % 2 ? 1 : -1);
    CHECK(nordlyd_align_words(logp, frames, columns, 1, labels, words, 2 * count, count, placed,
                        posteriors, NULL) == 0, "%ld words", count);
    for (long word = 0; word < count; word++) {
        CHECK(placed[2 * word] == rough[2 * word] && placed[2 * word + 1] == rough[2 * word + 1],
              "word %ld: %d to %d, not %d to %d", word, placed[2 * word], placed[2 * word + 1],
              rough[2 * word], rough[2 * word + 1]);
        CHECK(posteriors[word] > 0.99, "word %ld: %g", word, posteriors[word]);
    }
    free(logp), free(labels), free(words), free(rough), free(placed), free(posteriors);
}

/* Any words at any rough frames, too many for the audio among them: frames ascend, in bounds. */
static void check_any_places(long frames, long columns, long tokens) {
    float *logp = random_columns(frames, columns, 8);
    int32_t *labels = allocated(tokens * sizeof *labels), *words = allocated(tokens * sizeof *words);
    for (long k = 0; k < tokens; k++) {
        labels[k] = (int32_t)random_long(1, columns - 1);
        words[k] = k ? words[k - 1] + (random_unit() < 0.4) : 0;
    }
    const long count = words[tokens - 1] + 1;
    int32_t *placed = allocated(2 * count * sizeof *placed);
    double *posteriors = allocated(count * sizeof *posteriors);
    for (long word = 0; word < count; word++) {
        placed[2 * word] = (int32_t)(word * frames / count);
        placed[2 * word + 1] = placed[2 * word] + (int32_t)random_long(1, 9);
    }
    CHECK(nordlyd_align_words(logp, frames, columns, -1, labels, words, tokens, count, placed,
                        posteriors, NULL) == 0, "%ld letters", tokens);
    for (long word = 0; word < count; word++) {
        CHECK(0 <= placed[2 * word] && placed[2 * word] <= placed[2 * word + 1] &&
                  placed[2 * word + 1] <= frames, "%d to %d", placed[2 * word], placed[2 * word + 1]);
        CHECK(!word || placed[2 * word] >= placed[2 * word - 1], "word %ld before the last", word);
        CHECK(0 <= posteriors[word] && posteriors[word] <= 1, "%g", posteriors[word]);
    }
    free(logp), free(labels), free(words), free(placed), free(posteriors);
}

static int32_t never(void) { return 0; }

static void check_stopped(void) {
    float logp[4] = {-1, -1, -1, -1};
    int32_t labels[] = {1}, words[] = {0}, placed[] = {0, 1};
    double posterior;
    CHECK(nordlyd_align_words(logp, 2, 2, -1, labels, words, 1, 1, placed, &posterior, never) ==
              STOPPED, "not stopped");
}

int main(void) {
    check_long(1);
    check_long(9);
    check_long(300);
    for (int round = 0; round < 40; round++)
        check_any_places(random_long(1, 3000), random_long(2, 6), random_long(1, 900));
    check_stopped();
    for (int round = 0; round < 2000; round++)
        check(random_long(1, 30), random_long(2, 8), random_long(1, 10), 12 * random_unit());
    check(1, 2, 1, 0);
    check(3, 2, 2000, 0); /* cannot fit */
    check(50, 5, 25, 60);
    check(3000, 40, 400, 8);
    return 0;
}
