/* Estimates a character n-gram model and scores bytes with it.

   Witten-Bell smoothing, interpolated (Witten and Bell 1991, "The zero-frequency problem"; equation
   16 of Chen and Goodman 1998, TR-10-98). Every word counts once: what a new word looks like follows
   from how many words there are of a kind, not from how often each is used. */
#include "characters.h"

#include <math.h>

/* Bytes of the longest n-gram; a key has room for 7. */
#define ORDER 6
#define BYTES 256.0

typedef struct {
    Characters *model;
    uint64_t *keys;               /* [room] n-grams in the order they were first seen */
    uint32_t *counts;             /* [room] how often each was seen */
    uint32_t *totals, *followers; /* [room] all bytes seen after each, and how many different ones */
    int32_t used, room;
} Counts;

static uint64_t last_bytes(uint64_t bytes, int count) {
    return bytes & (((uint64_t)1 << 8 * count) - 1);
}

static int length_of(uint64_t bytes) {
    int length = 0;
    for (; bytes; bytes >>= 8) length++;
    return length;
}

static int grow(Counts *counts) {
    const int32_t room = counts->room ? counts->room * 2 : 4096;
    uint64_t *keys = realloc(counts->keys, (size_t)room * sizeof *keys);
    if (keys) counts->keys = keys;
    uint32_t *seen = realloc(counts->counts, (size_t)room * sizeof *seen);
    if (seen) counts->counts = seen;
    if (!keys || !seen) return 0;
    counts->room = room;
    return 1;
}

static int count(Counts *counts, uint64_t key) {
    int32_t place = table_get(&counts->model->places, key);
    if (place < 0) {
        if (counts->used == counts->room && !grow(counts)) return 0;
        place = counts->used;
        if (!table_add(&counts->model->places, key, place)) return 0;
        counts->keys[place] = key;
        counts->counts[place] = 0;
        counts->used++;
    }
    counts->counts[place]++;
    return 1;
}

/* Counts the n-grams of the words. Place 0 is the empty context. */
static int count_words(Counts *counts, const char *words, long bytes) {
    uint64_t context = WORD_EDGE;
    if (!count(counts, 0)) return 0;
    for (long at = 0; at < bytes; at++) {
        const uint8_t byte = (uint8_t)words[at];
        if (!byte) continue;
        context = last_bytes(context << 8 | byte, ORDER);
        const int length = length_of(context);
        for (int order = 1; order <= length; order++)
            if (!count(counts, last_bytes(context, order))) return 0;
        if (byte == WORD_EDGE) context = WORD_EDGE;
    }
    return 1;
}

static int32_t context_of(const Counts *counts, int32_t place) {
    return table_get(&counts->model->places, counts->keys[place] >> 8);
}

static int count_followers(Counts *counts) {
    counts->totals = calloc((size_t)counts->used, sizeof *counts->totals);
    counts->followers = calloc((size_t)counts->used, sizeof *counts->followers);
    if (!counts->totals || !counts->followers) return 0;
    for (int32_t place = 1; place < counts->used; place++) {
        const int32_t context = context_of(counts, place);
        counts->totals[context] += counts->counts[place];
        counts->followers[context]++;
    }
    return 1;
}

static int estimate(const Counts *counts) {
    Characters *model = counts->model;
    model->probability = malloc((size_t)counts->used * sizeof *model->probability);
    model->backoff = calloc((size_t)counts->used, sizeof *model->backoff);
    double *probability = malloc((size_t)counts->used * sizeof *probability);
    if (!model->probability || !model->backoff || !probability) {
        free(probability);
        return 0;
    }
    probability[0] = 1 / BYTES;
    for (int order = 1; order <= ORDER; order++)
        for (int32_t place = 1; place < counts->used; place++) {
            if (length_of(counts->keys[place]) != order) continue;
            const uint64_t shorter = last_bytes(counts->keys[place], order - 1);
            const int32_t context = context_of(counts, place);
            const double kinds = counts->followers[context];
            probability[place] =
                (counts->counts[place] + kinds * probability[table_get(&model->places, shorter)]) /
                (counts->totals[context] + kinds);
        }
    for (int32_t place = 0; place < counts->used; place++) {
        const double kinds = counts->followers[place];
        model->probability[place] = (float)log10(probability[place]);
        if (kinds > 0) model->backoff[place] = (float)log10(kinds / (counts->totals[place] + kinds));
    }
    free(probability);
    return 1;
}

Characters *nordlyd_characters_create(const char *words, long bytes) {
    Characters *model = calloc(1, sizeof *model);
    if (!model) return NULL;
    Counts counts = {.model = model};
    const int made = table_make(&model->places, 4096) && count_words(&counts, words, bytes) &&
                     count_followers(&counts) && estimate(&counts);
    free(counts.keys);
    free(counts.counts);
    free(counts.totals);
    free(counts.followers);
    if (made) return model;
    nordlyd_characters_free(model);
    return NULL;
}

void nordlyd_characters_free(Characters *characters) {
    if (!characters) return;
    table_free(&characters->places);
    free(characters->probability);
    free(characters->backoff);
    free(characters);
}

double characters_step(const Characters *characters, uint64_t *context, uint8_t byte) {
    uint64_t history = last_bytes(*context, ORDER - 1);
    double score = 0;
    *context = last_bytes(*context << 8 | byte, ORDER - 1);
    for (int length = length_of(history);; history = last_bytes(history, --length)) {
        const int32_t found = table_get(&characters->places, history << 8 | byte);
        if (found > 0) return score + characters->probability[found];
        const int32_t place = table_get(&characters->places, history);
        if (place >= 0) score += characters->backoff[place];
        if (!length) return score + characters->probability[0];
    }
}

void nordlyd_characters_score(const Characters *characters, const char *words, long bytes,
                              double *scores) {
    uint64_t context = WORD_EDGE;
    double score = 0;
    for (long at = 0; at < bytes; at++) {
        score += characters_step(characters, &context, (uint8_t)words[at]);
        if (words[at] != WORD_EDGE) continue;
        *scores++ = score;
        score = 0;
        context = WORD_EDGE;
    }
}
