/* Long audio is aligned in parts that are cut at pauses, so that it takes time in proportion to
   its length. */
#include "poll.h"
#include "word_spans.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PART_FRAMES 600

typedef struct {
    const float *logp;
    long columns;
    int32_t delimiter;
    const int32_t *labels, *words;
    long letters, count;
    int32_t *spans; /* a part's rough frames are read before its placed ones are written */
    double *posteriors;
    int32_t *renumbered, *first, *past;
} Alignment;

/* Without a pause to cut at, a part may be too short for its words: the search's own frames within
   it, one word after the other. */
static void place_roughly(const Alignment *a, long word, long end, long token, long start, long past) {
    long earliest = start;
    for (; word < end; word++) {
        long first = a->spans[2 * word];
        first = first < earliest ? earliest : first;
        first = first > past ? past : first;
        long stop = a->spans[2 * word + 1];
        stop = stop < first + 1 ? first + 1 : stop;
        earliest = stop > past ? past : stop;
        double sum = 0;
        long letters = 0;
        for (; token < a->letters && a->words[token] == word; token++, letters++) {
            float best = -INFINITY;
            for (long frame = first < past ? first : past - 1; frame < earliest; frame++) {
                const float logp = a->logp[frame * a->columns + a->labels[token]];
                best = logp > best ? logp : best;
            }
            sum += best;
        }
        a->spans[2 * word] = (int32_t)first;
        a->spans[2 * word + 1] = (int32_t)earliest;
        a->posteriors[word] = letters ? exp(sum / (double)letters) : 0;
    }
}

/* Place the words from one to before another, whose letters begin with a token. */
static int32_t align_part(const Alignment *a, long word, long end, long token, long start, long past) {
    if (word == end) return 0;
    long stop = token;
    while (stop < a->letters && a->words[stop] < end) stop++;
    for (long at = token; at < stop; at++) a->renumbered[at] = a->words[at] - (int32_t)word;
    const int32_t result = word_spans(
        a->logp + start * a->columns, past - start, a->columns, a->delimiter, a->labels + token,
        a->renumbered + token, stop - token, a->first, a->past, a->posteriors + word);
    if (result == NO_MEMORY) return NO_MEMORY;
    if (result == DOES_NOT_FIT) {
        place_roughly(a, word, end, token, start, past);
        return 0;
    }
    for (long at = word; at < end; at++) {
        a->spans[2 * at] = (int32_t)(start + a->first[at - word]);
        a->spans[2 * at + 1] = (int32_t)(start + a->past[at - word]);
        const double mean = a->posteriors[at];
        a->posteriors[at] = exp(mean < 0 ? mean : 0);
    }
    return 0;
}

/* The word with the longest pause before it, of those that begin in the second half of a part's
   longest stretch; or -1. */
static long cut_at(const Alignment *a, long word, long start) {
    long best = -1, longest = 0;
    for (long at = word + 1; at < a->count; at++) {
        const long begin = a->spans[2 * at];
        if (begin > start + PART_FRAMES) break;
        if (begin <= start + PART_FRAMES / 2) continue;
        const long pause = begin - a->spans[2 * at - 1];
        if (best < 0 || pause > longest) best = at, longest = pause;
    }
    return best;
}

static int32_t align_all(const Alignment *a, long frames, int32_t (*poll)(void)) {
    long word = 0, token = 0, start = 0;
    int64_t polled = 0;
    for (;;) {
        if (!may_continue(poll, &polled)) return STOPPED;
        const long cut = frames - start > PART_FRAMES ? cut_at(a, word, start) : -1;
        if (cut < 0) return align_part(a, word, a->count, token, start, frames);
        long past = (a->spans[2 * cut - 1] + (long)a->spans[2 * cut]) / 2;
        if (past <= start) past = start + 1;
        const int32_t result = align_part(a, word, cut, token, start, past);
        if (result) return result;
        while (token < a->letters && a->words[token] < cut) token++;
        word = cut;
        start = past;
    }
}

int32_t nordlyd_align_words(const float *logp, long frames, long columns, int32_t delimiter,
                            const int32_t *labels, const int32_t *words, long letters, long count,
                            int32_t *spans, double *posteriors, int32_t (*poll)(void)) {
    Alignment a = {logp, columns, delimiter, labels, words, letters, count, spans, posteriors,
                 NULL, NULL, NULL};
    if (!count) return 0;
    a.renumbered = malloc(letters * sizeof *a.renumbered);
    a.first = malloc(count * sizeof *a.first);
    a.past = malloc(count * sizeof *a.past);
    const int32_t result =
        a.renumbered && a.first && a.past ? align_all(&a, frames, poll) : NO_MEMORY;
    free(a.renumbered);
    free(a.first);
    free(a.past);
    return result;
}
