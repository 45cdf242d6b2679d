/* An n-gram language model in memory: KenLM's binary files as they are, and ARPA as a hash table. */
#ifndef NORDLYD_NGRAM_H
#define NORDLYD_NGRAM_H

#include "api.h"

#include <string.h>

#define MAX_ORDER 7

/* The words that the model still sees, last one first, and what each costs if it is left out. */
typedef struct {
    uint32_t words[MAX_ORDER - 1];
    float backoff[MAX_ORDER - 1];
    int32_t length;
} State;

/* The n-grams of one order from 2 on. */
typedef struct {
    const uint8_t *table;
    uint64_t entries;   /* buckets of a hash table, n-grams of a trie */
    uint64_t following; /* n-grams of the next order */
    int32_t value_bits, next_bits, total_bits; /* of an n-gram in a trie, after its word */
    const uint8_t *high; /* where the upper bits of the pointers change, or NULL */
    uint64_t high_count;
    const uint8_t *probabilities, *backoffs; /* of quantised ones, or NULL */
} Level;

struct Ngrams {
    int32_t order, hashed;
    int32_t word_bits, probability_bits, backoff_bits;
    uint64_t words; /* word 0 is the unknown one */
    const uint8_t *vocabulary;
    uint64_t vocabulary_entries;
    const uint8_t *unigrams;
    Level levels[MAX_ORDER + 1]; /* [n] has the n-grams of n words, n from 2 */
    uint32_t begin, end; /* <s> and </s> */
    uint8_t *owned;      /* memory of an ARPA model, else NULL */
};

/* Why a file was refused: printf into `error`, which has so many bytes. */
#define ERROR_BYTES 256

Ngrams *ngrams_from_binary(const uint8_t *bytes, uint64_t size, char *error);
Ngrams *ngrams_from_arpa(const char *text, uint64_t size, char *error);

/* The number of a word; 0 where the model does not know it. */
uint32_t ngrams_word(const Ngrams *ngrams, const char *word, uint64_t bytes);
void ngrams_begin(const Ngrams *ngrams, int sentence, State *state);
/* log10 probability of a word after a state; `next` may not be `state`. */
float ngrams_score(const Ngrams *ngrams, const State *state, uint32_t word, State *next);

static inline uint32_t load32(const uint8_t *from) {
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline uint64_t load64(const uint8_t *from) {
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline float load_float(const uint8_t *from) {
    float value;
    memcpy(&value, from, sizeof value);
    return value;
}

uint64_t ngrams_hash(const char *text, uint64_t bytes);

static inline uint64_t combined(uint64_t hash, uint32_t word) {
    return (hash * 8978948897894561157u) ^ ((uint64_t)(1 + word) * 17894857484156487943u);
}

/* Sizes of KenLM's hash tables: words to numbers, n-grams with and without a back-off. */
#define WORD_BYTES 12
#define MIDDLE_BYTES 16
#define LONGEST_BYTES 12

/* The bucket of a key, or the free one where it would be, or NULL in a table without either. */
static inline const uint8_t *bucket_of(const uint8_t *table, uint64_t buckets, int bytes,
                                       uint64_t key) {
    uint64_t at = buckets ? key % buckets : 0;
    for (uint64_t tries = 0; tries < buckets; tries++) {
        const uint8_t *bucket = table + at * bytes;
        const uint64_t found = load64(bucket);
        if (found == key || !found) return bucket;
        if (++at == buckets) at = 0;
    }
    return NULL;
}

/* As above, or NULL where the key is not there. */
static inline const uint8_t *find_key(const uint8_t *table, uint64_t buckets, int bytes,
                                      uint64_t key) {
    const uint8_t *bucket = bucket_of(table, buckets, bytes, key);
    return bucket && load64(bucket) == key && key ? bucket : NULL;
}

#endif
