/* Long audio is aligned in parts that are cut at pauses, so that it takes time in proportion to
   its length. */
#include "place.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PART_FRAMES 600

typedef struct {
    const float *logp;
    long columns;
    int32_t delimiter;
    const int32_t *labels, *words;
    long tokens, count;
    int32_t *frames_of; /* a part's rough frames are read before its placed ones are written */
    double *posteriors;
    int32_t *renumbered, *first, *past;
} Placing;

/* Without a pause to cut at, a part may be too short for its words: the search's own frames within
   it, one word after the other. */
static void place_roughly(const Placing *p, long word, long end, long token, long start, long past) {
    long earliest = start;
    for (; word < end; word++) {
        long first = p->frames_of[2 * word];
        first = first < earliest ? earliest : first;
        first = first > past ? past : first;
        long stop = p->frames_of[2 * word + 1];
        stop = stop < first + 1 ? first + 1 : stop;
        earliest = stop > past ? past : stop;
        double sum = 0;
        long letters = 0;
        for (; token < p->tokens && p->words[token] == word; token++, letters++) {
            float best = -INFINITY;
            for (long frame = first < past ? first : past - 1; frame < earliest; frame++) {
                const float logp = p->logp[frame * p->columns + p->labels[token]];
                best = logp > best ? logp : best;
            }
            sum += best;
        }
        p->frames_of[2 * word] = (int32_t)first;
        p->frames_of[2 * word + 1] = (int32_t)earliest;
        p->posteriors[word] = letters ? exp(sum / (double)letters) : 0;
    }
}

/* Place the words from one to before another, whose letters begin with a token. */
static int place_part(const Placing *p, long word, long end, long token, long start, long past) {
    if (word == end) return PLACED;
    long stop = token;
    while (stop < p->tokens && p->words[stop] < end) stop++;
    for (long at = token; at < stop; at++) p->renumbered[at] = p->words[at] - (int32_t)word;
    const int result = nordlyd_spans(
        p->logp + start * p->columns, past - start, p->columns, p->delimiter, p->labels + token,
        p->renumbered + token, stop - token, p->first, p->past, p->posteriors + word);
    if (result == 2) return PLACE_NO_MEMORY;
    if (result == 1) {
        place_roughly(p, word, end, token, start, past);
        return PLACED;
    }
    for (long at = word; at < end; at++) {
        p->frames_of[2 * at] = (int32_t)(start + p->first[at - word]);
        p->frames_of[2 * at + 1] = (int32_t)(start + p->past[at - word]);
        const double mean = p->posteriors[at];
        p->posteriors[at] = exp(mean < 0 ? mean : 0);
    }
    return PLACED;
}

/* The word with the longest pause before it, of those that begin in the second half of a part's
   longest stretch; or -1. */
static long cut_at(const Placing *p, long word, long start) {
    long best = -1, longest = 0;
    for (long at = word + 1; at < p->count; at++) {
        const long begin = p->frames_of[2 * at];
        if (begin > start + PART_FRAMES) break;
        if (begin <= start + PART_FRAMES / 2) continue;
        const long pause = begin - p->frames_of[2 * at - 1];
        if (best < 0 || pause > longest) best = at, longest = pause;
    }
    return best;
}

static int place_all(const Placing *p, long frames, int32_t (*poll)(void)) {
    long word = 0, token = 0, start = 0;
    int64_t polled = 0;
    for (;;) {
        if (!may_go_on(poll, &polled)) return PLACE_STOPPED;
        const long cut = frames - start > PART_FRAMES ? cut_at(p, word, start) : -1;
        if (cut < 0) return place_part(p, word, p->count, token, start, frames);
        long past = (p->frames_of[2 * cut - 1] + (long)p->frames_of[2 * cut]) / 2;
        if (past <= start) past = start + 1;
        const int result = place_part(p, word, cut, token, start, past);
        if (result) return result;
        while (token < p->tokens && p->words[token] < cut) token++;
        word = cut;
        start = past;
    }
}

int nordlyd_place(const float *logp, long frames, long columns, int32_t delimiter,
                  const int32_t *labels, const int32_t *words, long tokens, long count,
                  int32_t *frames_of, double *posteriors, int32_t (*poll)(void)) {
    Placing p = {logp, columns, delimiter, labels, words, tokens, count, frames_of, posteriors,
                 NULL, NULL, NULL};
    if (!count) return PLACED;
    p.renumbered = malloc(tokens * sizeof *p.renumbered);
    p.first = malloc(count * sizeof *p.first);
    p.past = malloc(count * sizeof *p.past);
    const int result =
        p.renumbered && p.first && p.past ? place_all(&p, frames, poll) : PLACE_NO_MEMORY;
    free(p.renumbered);
    free(p.first);
    free(p.past);
    return result;
}
