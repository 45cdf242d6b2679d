/* Estimates a character n-gram model and scores bytes with it.

   Witten-Bell smoothing, interpolated (Witten and Bell 1991, "The zero-frequency problem"; equation
   16 of Chen and Goodman 1998, TR-10-98). Every word counts once: what a new word looks like follows
   from how many words there are of a kind, not from how often each is used. */
#include "characters.h"

#include <math.h>

/* Bytes of the longest n-gram; a key has room for 7. */
#define ORDER 6
#define BYTES 256.0

/* log10 probability of a byte that no word has. */
#define UNSEEN (-2.408239965311849)

typedef struct {
    Table places;                 /* the bytes of an n-gram, the last one lowest -> its place in these */
    uint64_t *keys;               /* [room] n-grams in the order they were first seen */
    uint32_t *counts;             /* [room] how often each was seen */
    uint32_t *totals, *followers; /* [room] all bytes seen after each, and how many different ones */
    double *probability;          /* [room] of the last byte after those before it */
    int32_t *states;              /* [room] the state of each as a context; -1: nothing follows it */
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
    int32_t place = table_get(&counts->places, key);
    if (place < 0) {
        if (counts->used == counts->room && !grow(counts)) return 0;
        place = counts->used;
        if (!table_add(&counts->places, key, place)) return 0;
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
    return table_get(&counts->places, counts->keys[place] >> 8);
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

static int estimate(Counts *counts) {
    counts->probability = malloc((size_t)counts->used * sizeof *counts->probability);
    if (!counts->probability) return 0;
    counts->probability[0] = 1 / BYTES;
    for (int order = 1; order <= ORDER; order++)
        for (int32_t place = 1; place < counts->used; place++) {
            if (length_of(counts->keys[place]) != order) continue;
            const uint64_t shorter = last_bytes(counts->keys[place], order - 1);
            const int32_t context = context_of(counts, place);
            const double kinds = counts->followers[context];
            counts->probability[place] =
                (counts->counts[place] +
                 kinds * counts->probability[table_get(&counts->places, shorter)]) /
                (counts->totals[context] + kinds);
        }
    return 1;
}

/* The state of the longest context that some bytes end with. */
static int32_t state_of(const Counts *counts, uint64_t bytes) {
    for (int length = length_of(bytes);; bytes = last_bytes(bytes, --length)) {
        const int32_t place = table_get(&counts->places, bytes);
        if (place >= 0 && counts->states[place] >= 0) return counts->states[place];
    }
}

/* Makes a state of the empty context, the first one, and of each that bytes follow. */
static int make_states(Counts *counts, Characters *model) {
    counts->states = malloc((size_t)counts->used * sizeof *counts->states);
    model->states = malloc(((size_t)counts->used + 1) * sizeof *model->states);
    model->bytes = malloc((size_t)counts->used * sizeof *model->bytes);
    model->arcs = malloc((size_t)counts->used * sizeof *model->arcs);
    if (!counts->states || !model->states || !model->bytes || !model->arcs) return 0;
    int32_t states = 0;
    uint32_t arcs = 0;
    for (int32_t place = 0; place < counts->used; place++) {
        const double kinds = counts->followers[place];
        counts->states[place] = !place || kinds > 0 ? states : -1;
        if (counts->states[place] < 0) continue;
        const double left = kinds > 0 ? kinds / (counts->totals[place] + kinds) : 1;
        model->states[states++] = (CharacterState){.first = arcs, .backoff = (float)log10(left)};
        arcs += counts->followers[place];
    }
    model->states[states] = (CharacterState){.first = arcs};
    return 1;
}

static void connect_states(Counts *counts, Characters *model) {
    for (int32_t place = 1; place < counts->used; place++) {
        const uint64_t key = counts->keys[place];
        const int32_t context = context_of(counts, place), state = counts->states[place];
        if (state >= 0)
            model->states[state].shorter = state_of(counts, last_bytes(key, length_of(key) - 1));
        const uint32_t arc =
            model->states[counts->states[context]].first + --counts->followers[context];
        model->bytes[arc] = (uint8_t)key;
        model->arcs[arc] = (CharacterArc){state_of(counts, last_bytes(key, ORDER - 1)),
                                          (float)log10(counts->probability[place])};
    }
    model->begin = state_of(counts, WORD_EDGE);
}

/* The spelling of each beginning of a word of the lexicon, which is made of the same words. */
static int spell_lexicon(Characters *model, const Lexicon *lexicon, const char *words, long bytes) {
    model->listed = malloc((size_t)lexicon->nodes * sizeof *model->listed);
    if (!model->listed) return 0;
    model->listed[0] = (Spelling){model->begin, 0};
    int32_t node = 0;
    for (long at = 0; at < bytes; at++) {
        if (words[at] == WORD_EDGE) {
            node = 0;
            continue;
        }
        Spelling spelling = model->listed[node];
        characters_spell(model, &spelling, (uint8_t)words[at]);
        node = table_get(&lexicon->children, (uint64_t)node << 8 | (uint8_t)words[at]);
        if (node < 0) return 0;
        model->listed[node] = spelling;
    }
    return 1;
}

Characters *nordlyd_characters_create(const char *words, long bytes, const Lexicon *lexicon) {
    Characters *model = calloc(1, sizeof *model);
    if (!model) return NULL;
    Counts counts = {0};
    int made = table_make(&counts.places, 4096) && count_words(&counts, words, bytes) &&
               count_followers(&counts) && estimate(&counts) && make_states(&counts, model);
    if (made) connect_states(&counts, model);
    made = made && (!lexicon || spell_lexicon(model, lexicon, words, bytes));
    table_free(&counts.places);
    free(counts.keys);
    free(counts.counts);
    free(counts.totals);
    free(counts.followers);
    free(counts.probability);
    free(counts.states);
    if (made) return model;
    nordlyd_characters_free(model);
    return NULL;
}

void nordlyd_characters_free(Characters *characters) {
    if (!characters) return;
    free(characters->states);
    free(characters->bytes);
    free(characters->arcs);
    free(characters->listed);
    free(characters);
}

void characters_spell(const Characters *characters, Spelling *spelling, uint8_t byte) {
    for (int32_t at = spelling->state;; at = characters->states[at].shorter) {
        const CharacterState *state = &characters->states[at];
        const uint32_t end = state[1].first;
        uint32_t found = state->first;
        /* A handful: memchr takes longer. */
        while (found < end && characters->bytes[found] != byte) found++;
        if (found < end) {
            const CharacterArc *arc = &characters->arcs[found];
            spelling->state = arc->next;
            spelling->score += arc->score;
            return;
        }
        spelling->score += state->backoff;
        if (at) continue;
        spelling->state = 0;
        spelling->score += UNSEEN;
        return;
    }
}

void nordlyd_characters_score(const Characters *characters, const char *words, long bytes,
                              double *scores) {
    Spelling spelling = {characters->begin, 0};
    for (long at = 0; at < bytes; at++) {
        characters_spell(characters, &spelling, (uint8_t)words[at]);
        if (words[at] != WORD_EDGE) continue;
        *scores++ = spelling.score;
        spelling = (Spelling){characters->begin, 0};
    }
}
