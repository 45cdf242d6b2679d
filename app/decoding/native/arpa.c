/* ARPA text as the hash tables of KenLM's default type. */
#include "ngram.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_TOKENS (MAX_ORDER + 2)

typedef struct {
    const char *at, *end;
    long line;
    const char *tokens[MAX_TOKENS + 1]; /* of the line read last */
    uint64_t lengths[MAX_TOKENS + 1];
    int count;
    uint64_t counts[MAX_ORDER + 1];
    Ngrams *ngrams;
    char *error;
} Arpa;

static int refuse(const Arpa *arpa, const char *why) {
    snprintf(arpa->error, ERROR_BYTES, "line %ld: %s", arpa->line, why);
    return 0;
}

/* The tokens of the next line that has any; 0 at the end of the text. */
static int next_line(Arpa *arpa) {
    arpa->count = 0;
    while (!arpa->count && arpa->at < arpa->end) {
        arpa->line++;
        while (arpa->at < arpa->end && *arpa->at != '\n') {
            const char *start = arpa->at;
            while (arpa->at < arpa->end && !memchr(" \t\r\n", *arpa->at, 4)) arpa->at++;
            if (arpa->at == start) {
                arpa->at++;
                continue;
            }
            if (arpa->count <= MAX_TOKENS) {
                arpa->tokens[arpa->count] = start;
                arpa->lengths[arpa->count++] = (uint64_t)(arpa->at - start);
            }
        }
        arpa->at += arpa->at < arpa->end;
    }
    return arpa->count > 0;
}

static int token_is(const Arpa *arpa, int token, const char *text) {
    return token < arpa->count && arpa->lengths[token] == strlen(text) &&
           !memcmp(arpa->tokens[token], text, strlen(text));
}

/* A token as a number; NaN where it is none. */
static float number(const Arpa *arpa, int token) {
    char text[64], *end;
    if (arpa->lengths[token] >= sizeof text) return NAN;
    memcpy(text, arpa->tokens[token], arpa->lengths[token]);
    text[arpa->lengths[token]] = 0;
    const float value = strtof(text, &end);
    return *end ? NAN : value;
}

static int read_counts(Arpa *arpa) {
    const uint64_t size = (uint64_t)(arpa->end - arpa->at);
    do {
        if (!next_line(arpa)) return refuse(arpa, "there is no \\data\\: no KenLM and no ARPA file");
    } while (*arpa->tokens[0] == '#');
    if (!token_is(arpa, 0, "\\data\\"))
        return refuse(arpa, "the first line is not \\data\\: no KenLM and no ARPA file");
    int order = 0;
    while (next_line(arpa) && token_is(arpa, 0, "ngram")) {
        unsigned long long count;
        int named;
        char text[64];
        if (arpa->count != 2 || arpa->lengths[1] >= sizeof text)
            return refuse(arpa, "a count must read: ngram 1=1000");
        memcpy(text, arpa->tokens[1], arpa->lengths[1]);
        text[arpa->lengths[1]] = 0;
        if (sscanf(text, "%d=%llu", &named, &count) != 2 || named != order + 1)
            return refuse(arpa, "a count must read: ngram 1=1000");
        if (++order > MAX_ORDER) return refuse(arpa, "n-grams of more than 7 words are not read");
        if (count > size) return refuse(arpa, "it claims more n-grams than it has letters");
        arpa->counts[order] = count;
    }
    if (order < 2) return refuse(arpa, "n-grams of two words at least are needed");
    arpa->ngrams->order = order;
    return 1;
}

/* All tables in one block, with room for n-grams that the file leaves out. */
static int make_tables(Arpa *arpa) {
    Ngrams *ngrams = arpa->ngrams;
    uint64_t bytes = 0;
    ngrams->hashed = 1;
    ngrams->vocabulary_entries = arpa->counts[1] * 2 + 16;
    bytes += ngrams->vocabulary_entries * WORD_BYTES + (arpa->counts[1] + 1) * 8;
    for (int order = 2; order <= ngrams->order; order++) {
        ngrams->levels[order].entries = arpa->counts[order] * 2 + 1024;
        bytes += ngrams->levels[order].entries *
                 (order == ngrams->order ? LONGEST_BYTES : MIDDLE_BYTES);
    }
    uint8_t *memory = ngrams->owned = calloc(bytes, 1);
    if (!memory) return refuse(arpa, "no memory for so many n-grams");
    ngrams->vocabulary = memory;
    memory += ngrams->vocabulary_entries * WORD_BYTES;
    ngrams->unigrams = memory;
    memory += (arpa->counts[1] + 1) * 8;
    for (int order = 2; order <= ngrams->order; order++) {
        ngrams->levels[order].table = memory;
        memory += ngrams->levels[order].entries *
                  (order == ngrams->order ? LONGEST_BYTES : MIDDLE_BYTES);
    }
    return 1;
}

static void put_float(const uint8_t *to, float value) { memcpy((uint8_t *)to, &value, 4); }
static void put32(const uint8_t *to, uint32_t value) { memcpy((uint8_t *)to, &value, 4); }
static void put64(const uint8_t *to, uint64_t value) { memcpy((uint8_t *)to, &value, 8); }

/* The sign marks that no longer n-gram ends like this: see `unigram` and `longer` of ngram.c. */
static void put_probability(const uint8_t *to, float value) { put_float(to, -fabsf(value)); }
static void mark_extended(const uint8_t *to) { put_float(to, fabsf(load_float(to))); }

static void mark_context(const uint8_t *backoff) {
    if (load_float(backoff) == 0) put_float(backoff, 0.0f);
}

/* Probability and back-off at the ends of the line; 0 with an error. */
static int read_weights(Arpa *arpa, int order, float *probability, float *backoff) {
    if (arpa->count != order + 1 && arpa->count != order + 2)
        return refuse(arpa, "an n-gram must read: log-probability, its words, back-off");
    *probability = number(arpa, 0);
    if (isnan(*probability) || *probability > 0)
        return refuse(arpa, "a log-probability must be 0 or below");
    *backoff = arpa->count == order + 2 ? number(arpa, order + 1) : -0.0f;
    if (!isfinite(*backoff)) return refuse(arpa, "a back-off must be a number");
    if (*backoff == 0) *backoff = -0.0f;
    return 1;
}

static int begin_order(Arpa *arpa, int order) {
    char header[32];
    snprintf(header, sizeof header, "\\%d-grams:", order);
    if (!token_is(arpa, 0, header) || arpa->count != 1) {
        snprintf(arpa->error, ERROR_BYTES, "line %ld: %s must stand here", arpa->line, header);
        return 0;
    }
    return 1;
}

static int read_words(Arpa *arpa) {
    Ngrams *ngrams = arpa->ngrams;
    uint32_t next = 1;
    int unknown = 0;
    if (!begin_order(arpa, 1)) return 0;
    for (uint64_t at = 0; at < arpa->counts[1]; at++) {
        float probability, backoff;
        if (!next_line(arpa)) return refuse(arpa, "the file ends amid its words");
        if (!read_weights(arpa, 1, &probability, &backoff)) return 0;
        uint32_t word = 0;
        if (token_is(arpa, 1, "<unk>") || token_is(arpa, 1, "<UNK>")) {
            unknown = 1;
        } else {
            const uint64_t key = ngrams_hash(arpa->tokens[1], arpa->lengths[1]);
            const uint8_t *bucket =
                bucket_of(ngrams->vocabulary, ngrams->vocabulary_entries, WORD_BYTES, key);
            if (load64(bucket)) return refuse(arpa, "a word stands twice");
            word = next++;
            put64(bucket, key);
            put32(bucket + 8, word);
        }
        put_probability(ngrams->unigrams + 8 * (uint64_t)word, probability);
        put_float(ngrams->unigrams + 8 * (uint64_t)word + 4, backoff);
    }
    ngrams->words = next;
    if (!unknown) put_float(ngrams->unigrams, -100), put_float(ngrams->unigrams + 4, 0);
    if (!ngrams_word(ngrams, "<s>", 3) || !ngrams_word(ngrams, "</s>", 4))
        return refuse(arpa, "among its words are no <s> and </s>");
    return 1;
}

/* Give n-grams that the file leaves out, though longer ones end like them, what backing off gives:
   `between` are the ends of an n-gram, the longest first, of which the last is in the file. */
static void fill(const Ngrams *ngrams, int order, const uint32_t *words, const uint8_t **between,
                 int count) {
    float probability = -fabsf(load_float(between[count - 1]));
    uint64_t context = words[1];
    for (int basis = 1, at = count - 2; basis < order - 1; basis++) {
        if (basis > 1) context = combined(context, words[basis]);
        if (basis < order - count) continue;
        const Level *level = &ngrams->levels[basis];
        const uint8_t *found =
            basis == 1 ? ngrams->unigrams + 8 * (uint64_t)words[1] - 8
                       : find_key(level->table, level->entries, MIDDLE_BYTES, context);
        if (found) {
            mark_context(found + 12);
            probability += load_float(found + 12);
        }
        put_probability(between[at--], probability);
    }
}

/* Add an n-gram; `words` are its words, the last first. */
static int add(Arpa *arpa, int order, const uint32_t *words, float probability, float backoff) {
    const Ngrams *ngrams = arpa->ngrams;
    uint64_t keys[MAX_ORDER + 1], context = words[1];
    keys[1] = words[0];
    for (int n = 2; n <= order; n++) keys[n] = combined(keys[n - 1], words[n - 1]);
    for (int n = 2; n < order; n++) context = combined(context, words[n]);
    const Level *level = &ngrams->levels[order], *below = &ngrams->levels[order - 1];
    const int last = order == ngrams->order;
    const uint8_t *bucket = bucket_of(level->table, level->entries,
                                      last ? LONGEST_BYTES : MIDDLE_BYTES, keys[order]);
    if (!bucket) return refuse(arpa, "too many n-grams are left out of which longer ones are made");
    put64(bucket, keys[order]);
    put_probability(bucket + 8, probability);
    if (!last) put_float(bucket + 12, backoff);

    const uint8_t *between[MAX_ORDER];
    int count = 0, lower = order - 1;
    for (int there = 0; !there && lower > 1; lower -= !there) {
        const Level *level = &ngrams->levels[lower];
        bucket = bucket_of(level->table, level->entries, MIDDLE_BYTES, keys[lower]);
        if (!bucket)
            return refuse(arpa, "too many n-grams are left out of which longer ones are made");
        there = load64(bucket) == keys[lower];
        if (!there) {
            put64(bucket, keys[lower]);
            put_float(bucket + 12, -0.0f);
        }
        between[count++] = bucket + 8;
    }
    if (lower == 1) between[count++] = ngrams->unigrams + 8 * (uint64_t)words[0];
    if (count > 1) fill(ngrams, order, words, between, count);
    for (int at = 0; at < count; at++) mark_extended(between[at]);

    if (order == 2) {
        mark_context(ngrams->unigrams + 8 * (uint64_t)words[1] + 4);
        return 1;
    }
    const uint8_t *before = find_key(below->table, below->entries, MIDDLE_BYTES, context);
    if (!before) return refuse(arpa, "the beginning of an n-gram is not in the file");
    mark_context(before + 12);
    return 1;
}

static int read_order(Arpa *arpa, int order) {
    if (!next_line(arpa)) return refuse(arpa, "the file ends before its last n-grams");
    if (!begin_order(arpa, order)) return 0;
    for (uint64_t at = 0; at < arpa->counts[order]; at++) {
        uint32_t words[MAX_ORDER];
        float probability, backoff;
        if (!next_line(arpa)) return refuse(arpa, "the file ends amid its n-grams");
        if (!read_weights(arpa, order, &probability, &backoff)) return 0;
        for (int n = 0; n < order; n++) {
            const int token = order - n;
            words[n] = ngrams_word(arpa->ngrams, arpa->tokens[token], arpa->lengths[token]);
            if (!words[n] && !token_is(arpa, token, "<unk>") && !token_is(arpa, token, "<UNK>"))
                return refuse(arpa, "a word is not among the n-grams of one word");
        }
        if (!add(arpa, order, words, probability, backoff)) return 0;
    }
    return 1;
}

static int read_all(Arpa *arpa) {
    if (!read_counts(arpa) || !make_tables(arpa) || !read_words(arpa)) return 0;
    for (int order = 2; order <= arpa->ngrams->order; order++)
        if (!read_order(arpa, order)) return 0;
    if (!next_line(arpa) || !token_is(arpa, 0, "\\end\\"))
        return refuse(arpa, "\\end\\ must stand here: the file is cut short, or has more n-grams");
    return 1;
}

Ngrams *ngrams_from_arpa(const char *text, uint64_t size, char *error) {
    Arpa arpa = {.at = text, .end = text + size, .ngrams = calloc(1, sizeof(Ngrams)), .error = error};
    snprintf(error, ERROR_BYTES, "no memory");
    if (!arpa.ngrams) return NULL;
    if (read_all(&arpa)) return arpa.ngrams;
    free(arpa.ngrams->owned);
    free(arpa.ngrams);
    return NULL;
}
