/* Scores words with an n-gram model, as KenLM's lm/model.cc does (Heafield 2011, "KenLM: Faster and
   Smaller Language Model Queries"). No number of a file is trusted: whatever is in its tables, no
   memory outside them is read. */
#include "ngram.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* An n-gram on the way from its last word back: a hash, or a range of a trie's next order. */
typedef struct {
    uint64_t hash, begin, end;
    int final; /* no longer n-gram ends like this */
} Node;

typedef struct {
    float probability, backoff;
} Weights;

/* MurmurHash64A of Austin Appleby, by which KenLM knows words. */
uint64_t ngrams_hash(const char *text, uint64_t bytes) {
    const uint64_t m = 0xc6a4a7935bd1e995u;
    uint64_t h = bytes * m;
    for (; bytes >= 8; bytes -= 8, text += 8) {
        uint64_t k = load64((const uint8_t *)text) * m;
        k = (k ^ (k >> 47)) * m;
        h = (h ^ k) * m;
    }
    if (bytes) {
        uint64_t rest = 0;
        for (uint64_t at = 0; at < bytes; at++) rest |= (uint64_t)(uint8_t)text[at] << (8 * at);
        h = (h ^ rest) * m;
    }
    h = (h ^ (h >> 47)) * m;
    return h ^ (h >> 47);
}

uint32_t ngrams_word(const Ngrams *ngrams, const char *word, uint64_t bytes) {
    const uint64_t key = ngrams_hash(word, bytes);
    uint64_t found = 0;
    if (ngrams->hashed) {
        const uint8_t *entry =
            find_key(ngrams->vocabulary, ngrams->vocabulary_entries, WORD_BYTES, key);
        if (entry) found = load32(entry + 8);
    } else {
        uint64_t low = 0, high = ngrams->vocabulary_entries;
        while (low < high) {
            const uint64_t middle = low + (high - low) / 2, there = load64(ngrams->vocabulary + 8 * middle);
            if (there == key) {
                found = middle + 1;
                break;
            }
            if (there < key)
                low = middle + 1;
            else
                high = middle;
        }
    }
    return found < ngrams->words ? (uint32_t)found : 0;
}

/* Up to 57 bits from a bit on. */
static uint64_t bits(const uint8_t *table, uint64_t at, int count) {
    return (load64(table + (at >> 3)) >> (at & 7)) & (((uint64_t)1 << count) - 1);
}

static float as_float(uint32_t pattern) {
    float value;
    memcpy(&value, &pattern, sizeof value);
    return value;
}

static float negative(float value) {
    uint32_t pattern;
    memcpy(&pattern, &value, sizeof pattern);
    return as_float(pattern | 0x80000000u);
}

/* KenLM marks with -0 a back-off of what no longer n-gram begins with. */
static int has_extension(float backoff) {
    uint32_t pattern;
    memcpy(&pattern, &backoff, sizeof pattern);
    return pattern != 0x80000000u;
}

static Weights unigram(const Ngrams *ngrams, uint32_t word, Node *node) {
    const uint8_t *entry = ngrams->unigrams + (uint64_t)word * (ngrams->hashed ? 8 : 16);
    Weights weights = {load_float(entry), load_float(entry + 4)};
    *node = (Node){word, 0, 0, 0};
    if (ngrams->hashed) {
        node->final = signbit(weights.probability) != 0;
        weights.probability = negative(weights.probability);
    } else {
        const uint64_t entries = ngrams->levels[2].entries;
        node->begin = load64(entry + 8);
        node->end = load64(entry + 24);
        if (node->end > entries) node->end = entries;
        node->final = node->begin >= node->end;
    }
    return weights;
}

/* The place of a word in a range of a trie's order, or -1. */
static int64_t place_in(const Level *level, int word_bits, uint64_t begin, uint64_t end,
                        uint32_t word) {
    while (begin < end) {
        const uint64_t middle = begin + (end - begin) / 2;
        const uint64_t there = bits(level->table, middle * level->total_bits, word_bits);
        if (there == word) return (int64_t)middle;
        if (there < word)
            begin = middle + 1;
        else
            end = middle;
    }
    return -1;
}

/* How many of the ascending numbers are not above one. */
static uint64_t count_upto(const Level *level, uint64_t number) {
    uint64_t low = 0, high = level->high_count;
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if (load64(level->high + 8 * middle) <= number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint64_t pointer_of(const Level *level, int word_bits, uint64_t place) {
    const uint64_t at = place * level->total_bits + word_bits + level->value_bits;
    uint64_t pointer = bits(level->table, at, level->next_bits);
    if (level->high) {
        const uint64_t upper = count_upto(level, place);
        pointer |= (upper ? upper - 1 : 0) << level->next_bits;
    }
    return pointer < level->following ? pointer : level->following;
}

/* The weights of an n-gram of a trie, of two words or more. */
static Weights weights_at(const Ngrams *ngrams, int order, uint64_t place) {
    const Level *level = &ngrams->levels[order];
    const uint64_t at = place * level->total_bits + ngrams->word_bits;
    const int last = order == ngrams->order;
    if (level->probabilities) {
        const int backoff_bits = last ? 0 : ngrams->backoff_bits;
        const uint64_t bin = bits(level->table, at + backoff_bits, ngrams->probability_bits);
        return (Weights){
            load_float(level->probabilities + 4 * bin),
            last ? 0 : load_float(level->backoffs + 4 * bits(level->table, at, backoff_bits))};
    }
    return (Weights){as_float((uint32_t)bits(level->table, at, 31) | 0x80000000u),
                     last ? 0 : as_float((uint32_t)bits(level->table, at + 31, 32))};
}

/* One word further back: 1 and its weights where that n-gram is in the model. */
static int longer(const Ngrams *ngrams, int order, uint32_t word, Node *node, Weights *weights) {
    const Level *level = &ngrams->levels[order];
    if (ngrams->hashed) {
        const int last = order == ngrams->order;
        node->hash = combined(node->hash, word);
        const uint8_t *entry = find_key(level->table, level->entries,
                                        last ? LONGEST_BYTES : MIDDLE_BYTES, node->hash);
        if (!entry) return 0;
        weights->probability = load_float(entry + 8);
        weights->backoff = last ? 0 : load_float(entry + 12);
        node->final = last || signbit(weights->probability);
        weights->probability = negative(weights->probability);
        return 1;
    }
    const int64_t place = place_in(level, ngrams->word_bits, node->begin, node->end, word);
    if (place < 0) return 0;
    const int last = order == ngrams->order;
    *weights = weights_at(ngrams, order, (uint64_t)place);
    node->final = last;
    if (!last) {
        node->begin = pointer_of(level, ngrams->word_bits, (uint64_t)place);
        node->end = pointer_of(level, ngrams->word_bits, (uint64_t)place + 1);
        node->final = node->begin >= node->end;
    }
    return 1;
}

void ngrams_begin(const Ngrams *ngrams, int sentence, State *state) {
    memset(state, 0, sizeof *state);
    if (!sentence) return;
    Node node;
    state->length = 1;
    state->words[0] = ngrams->begin;
    state->backoff[0] = unigram(ngrams, ngrams->begin, &node).backoff;
}

float ngrams_score(const Ngrams *ngrams, const State *state, uint32_t word, State *next) {
    Node node;
    Weights weights = unigram(ngrams, word, &node);
    float score = weights.probability;
    int found = 1;
    memset(next, 0, sizeof *next);
    next->words[0] = word;
    next->backoff[0] = weights.backoff;
    next->length = has_extension(weights.backoff);
    for (int order = 2; order <= state->length + 1 && !node.final; order++) {
        if (!longer(ngrams, order, state->words[order - 2], &node, &weights)) break;
        score = weights.probability;
        found = order;
        if (order == ngrams->order) break;
        next->backoff[order - 1] = weights.backoff;
        if (has_extension(weights.backoff)) next->length = order;
    }
    for (int at = found - 1; at < state->length; at++) score += state->backoff[at];
    for (int at = 1; at < next->length; at++) next->words[at] = state->words[at - 1];
    for (int at = next->length; at < MAX_ORDER - 1; at++) next->backoff[at] = 0, next->words[at] = 0;
    /* Only a damaged file has what is no probability. */
    return isfinite(score) ? score : -100;
}

Ngrams *nordlyd_ngrams_open(const uint8_t *bytes, uint64_t size, char *error) {
    static const char magic[] = "mmap lm http://kheafield.com/code";
    const int binary = size >= sizeof magic && !memcmp(bytes, magic, sizeof magic - 1);
    Ngrams *ngrams = binary ? ngrams_from_binary(bytes, size, error)
                            : ngrams_from_arpa((const char *)bytes, size, error);
    if (!ngrams) return NULL;
    ngrams->begin = ngrams_word(ngrams, "<s>", 3);
    ngrams->end = ngrams_word(ngrams, "</s>", 4);
    return ngrams;
}

void nordlyd_ngrams_free(Ngrams *ngrams) {
    if (ngrams) free(ngrams->owned);
    free(ngrams);
}

int32_t nordlyd_ngrams_order(const Ngrams *ngrams) { return ngrams->order; }

void nordlyd_ngrams_known(const Ngrams *ngrams, const char *words, long bytes, uint8_t *known) {
    const char *word = words;
    for (const char *at = words; at < words + bytes; at++)
        if (*at == '\n') {
            *known++ = ngrams_word(ngrams, word, (uint64_t)(at - word)) != 0;
            word = at + 1;
        }
}

void nordlyd_ngrams_score(const Ngrams *ngrams, const char *words, long bytes, int32_t sentence,
                          float *scores) {
    State states[2];
    int now = 0;
    ngrams_begin(ngrams, sentence, &states[now]);
    const char *word = words;
    for (const char *at = words; at < words + bytes; at++)
        if (*at == '\n') {
            const uint32_t number = ngrams_word(ngrams, word, (uint64_t)(at - word));
            *scores++ = ngrams_score(ngrams, &states[now], number, &states[!now]);
            now = !now;
            word = at + 1;
        }
    if (sentence) *scores = ngrams_score(ngrams, &states[now], ngrams->end, &states[!now]);
}

void nordlyd_ngrams_numbers(const Ngrams *ngrams, const char *words, long bytes, uint32_t *numbers) {
    const char *word = words;
    for (const char *at = words; at < words + bytes; at++)
        if (*at == '\n') {
            *numbers++ = ngrams_word(ngrams, word, (uint64_t)(at - word));
            word = at + 1;
        }
}

long nordlyd_ngrams_count(const Ngrams *ngrams, int32_t order) {
    if (ngrams->hashed || order < 1 || order > ngrams->order) return -1;
    return (long)(order == 1 ? ngrams->vocabulary_entries + 1 : ngrams->levels[order].entries);
}

/* The n-grams of one order as they are found; `path` has their words from the last one back. */
typedef struct {
    const Ngrams *ngrams;
    int order;
    long room, count;
    uint32_t path[MAX_ORDER + 1];
    uint32_t *words;
    float *probabilities, *backoffs;
} Listing;

static void list_one(Listing *listing, Weights weights) {
    if (listing->count == listing->room) return;
    uint32_t *words = listing->words + listing->count * listing->order;
    for (int at = 0; at < listing->order; at++) words[at] = listing->path[listing->order - 1 - at];
    listing->probabilities[listing->count] = weights.probability;
    listing->backoffs[listing->count++] = weights.backoff;
}

static void list_longer(Listing *listing, int order, uint64_t begin, uint64_t end) {
    const Ngrams *ngrams = listing->ngrams;
    const Level *level = &ngrams->levels[order];
    for (uint64_t place = begin; place < end && place < level->entries; place++) {
        if (listing->count == listing->room) return;
        const uint64_t at = place * level->total_bits;
        listing->path[order - 1] = (uint32_t)bits(level->table, at, ngrams->word_bits);
        if (order == listing->order)
            list_one(listing, weights_at(ngrams, order, place));
        else if (order < MAX_ORDER) /* always; compilers that unroll this do not know */
            list_longer(listing, order + 1, pointer_of(level, ngrams->word_bits, place),
                        pointer_of(level, ngrams->word_bits, place + 1));
    }
}

long nordlyd_ngrams_list(const Ngrams *ngrams, int32_t order, uint32_t *words, float *probabilities,
                         float *backoffs) {
    const long room = nordlyd_ngrams_count(ngrams, order);
    if (room < 0) return -1;
    Listing listing = {ngrams, order, room, 0, {0}, words, probabilities, backoffs};
    for (uint64_t word = 0; word <= ngrams->vocabulary_entries; word++) {
        Node node;
        const Weights weights = unigram(ngrams, (uint32_t)word, &node);
        listing.path[0] = (uint32_t)word;
        if (order == 1)
            list_one(&listing, weights);
        else
            list_longer(&listing, 2, node.begin, node.end);
    }
    return listing.count;
}
