/* KenLM's binary files, version 5: hash tables, and tries with or without quantised weights and
   compressed pointers (lm/binary_format.cc, lm/trie.cc, lm/quantize.hh, lm/bhiksha.cc of KenLM). */
#include "ngram.h"

#include <stdio.h>
#include <stdlib.h>

enum { PROBING = 0, REST_PROBING = 1, TRIE = 2, QUANTISED = 1, ARRAY = 2 };

/* Magic, test numbers and padding; then the parameters: order, multiplier, type, words, version. */
#define SANITY_BYTES 88
#define PARAMETER_BYTES 20

typedef struct {
    const uint8_t *bytes;
    uint64_t size, at;
    uint64_t counts[MAX_ORDER + 1];
    Ngrams *ngrams;
    char *error;
} File;

static int refuse(const File *file, const char *why) {
    snprintf(file->error, ERROR_BYTES, "%s", why);
    return 0;
}

/* Step over so many bytes; 0 where the file ends before. */
static const uint8_t *taken(File *file, uint64_t bytes) {
    if (bytes > file->size - file->at) {
        snprintf(file->error, ERROR_BYTES,
                 "the file is cut short: it has %llu bytes, at least %llu are needed",
                 (unsigned long long)file->size, (unsigned long long)(file->at + bytes));
        return NULL;
    }
    const uint8_t *start = file->bytes + file->at;
    file->at += bytes;
    return start;
}

static int bits_for(uint64_t most) {
    int count = 0;
    for (; most; most >>= 1) count++;
    return count;
}

static uint64_t buckets_for(uint64_t entries, float multiplier) {
    const uint64_t buckets = (uint64_t)(multiplier * (float)entries);
    return buckets > entries + 1 ? buckets : entries + 1;
}

static int read_hashed(File *file, float multiplier) {
    Ngrams *ngrams = file->ngrams;
    const uint64_t *counts = file->counts;
    ngrams->hashed = 1;
    const uint8_t *header = taken(file, 8);
    if (!header) return 0;
    if (load32(header)) return refuse(file, "its vocabulary is of another version of KenLM");
    ngrams->vocabulary_entries = buckets_for(counts[1], multiplier);
    ngrams->vocabulary = taken(file, ngrams->vocabulary_entries * WORD_BYTES);
    if (!ngrams->vocabulary) return 0;
    ngrams->unigrams = taken(file, (counts[1] + 1) * 8);
    if (!ngrams->unigrams) return 0;
    for (int order = 2; order <= ngrams->order; order++) {
        Level *level = &ngrams->levels[order];
        level->entries = buckets_for(counts[order], multiplier);
        level->table = taken(
            file, level->entries * (order == ngrams->order ? LONGEST_BYTES : MIDDLE_BYTES));
        if (!level->table) return 0;
    }
    return 1;
}

static int read_quantisation(File *file) {
    Ngrams *ngrams = file->ngrams;
    const uint8_t *header = taken(file, 8);
    if (!header) return 0;
    if (header[0] != 2) return refuse(file, "its quantisation is of another version of KenLM");
    ngrams->probability_bits = header[1];
    ngrams->backoff_bits = header[2];
    if (header[1] < 1 || header[1] > 25 || header[2] < 1 || header[2] > 25)
        return refuse(file, "its weights have no number of bits from 1 to 25");
    for (int order = 2; order <= ngrams->order; order++) {
        Level *level = &ngrams->levels[order];
        level->probabilities = taken(file, (uint64_t)4 << header[1]);
        if (!level->probabilities) return 0;
        if (order == ngrams->order) break;
        level->backoffs = taken(file, (uint64_t)4 << header[2]);
        if (!level->backoffs) return 0;
    }
    return 1;
}

/* How many bits of a pointer are kept apart, at most so many: KenLM takes the smallest file. */
static int bits_apart(uint64_t places, uint64_t most, int allowed) {
    const int needed = bits_for(most);
    int best = 0;
    int64_t least = INT64_MAX;
    for (int apart = 0; apart <= needed && apart <= allowed; apart++) {
        const int64_t change =
            (int64_t)(most >> (needed - apart)) * 64 - (int64_t)places * (int64_t)apart;
        if (change < least) {
            least = change;
            best = apart;
        }
    }
    return best;
}

static int read_level(File *file, int order, int array, int *allowed) {
    Ngrams *ngrams = file->ngrams;
    Level *level = &ngrams->levels[order];
    const int last = order == ngrams->order, quantised = level->probabilities != NULL;
    level->entries = file->counts[order];
    level->value_bits = last ? 31 : 63;
    if (quantised) level->value_bits = ngrams->probability_bits + (last ? 0 : ngrams->backoff_bits);
    if (!last) {
        level->following = file->counts[order + 1];
        level->next_bits = bits_for(level->following);
        if (array) {
            const uint64_t padding = -file->at & 7, places = level->entries + 1;
            const uint8_t *header = taken(file, 8 + 7); /* with room to align */
            if (!header) return 0;
            if (order == 2) {
                if (header[0]) return refuse(file, "its pointers are of another version of KenLM");
                *allowed = header[1];
            }
            const int apart = bits_apart(places, level->following, *allowed);
            level->high_count = (level->following >> (level->next_bits - apart)) + 1;
            level->next_bits -= apart;
            if (!taken(file, 8 * level->high_count)) return 0;
            level->high = header + padding + 8;
        }
    }
    level->total_bits = ngrams->word_bits + level->value_bits + level->next_bits;
    level->table = taken(file, ((level->entries + 1) * (uint64_t)level->total_bits + 7) / 8 + 8);
    return level->table != NULL;
}

static int read_trie(File *file, int type) {
    Ngrams *ngrams = file->ngrams;
    const uint64_t *counts = file->counts;
    const uint8_t *header = taken(file, 8);
    if (!header) return 0;
    ngrams->vocabulary_entries = load64(header);
    if (ngrams->vocabulary_entries > counts[1])
        return refuse(file, "it has more words than n-grams of one word");
    ngrams->vocabulary = taken(file, 8 * counts[1]);
    if (!ngrams->vocabulary) return 0;
    ngrams->word_bits = bits_for(counts[1]);
    if ((type - TRIE) & QUANTISED && !read_quantisation(file)) return 0;
    ngrams->unigrams = taken(file, (counts[1] + 2) * 16);
    if (!ngrams->unigrams) return 0;
    int allowed = 0;
    for (int order = 2; order <= ngrams->order; order++)
        if (!read_level(file, order, (type - TRIE) & ARRAY, &allowed)) return 0;
    return 1;
}

static int read_all(File *file) {
    static const char magic[] = "mmap lm http://kheafield.com/code format version 5\n";
    Ngrams *ngrams = file->ngrams;
    if (!taken(file, SANITY_BYTES)) return 0;
    if (memcmp(file->bytes, magic, sizeof magic - 1))
        return refuse(file, "it is of another version of KenLM, or was not written to its end");
    const uint8_t *numbers = file->bytes + 56;
    if (load_float(numbers) != 0 || load_float(numbers + 4) != 1 ||
        load_float(numbers + 8) != -0.5f || load32(numbers + 12) != 1 ||
        load32(numbers + 16) != UINT32_MAX || load64(numbers + 24) != 1)
        return refuse(file, "its test numbers are wrong: another machine's, or damaged");
    const uint8_t *parameters = taken(file, PARAMETER_BYTES);
    if (!parameters) return 0;
    ngrams->order = parameters[0];
    const float multiplier = load_float(parameters + 4);
    const uint32_t type = load32(parameters + 8), version = load32(parameters + 16);
    if (ngrams->order < 2 || ngrams->order > MAX_ORDER) {
        snprintf(file->error, ERROR_BYTES, "it has n-grams of %d words; 2 to %d are read",
                 ngrams->order, MAX_ORDER);
        return 0;
    }
    if (type == REST_PROBING || type > TRIE + QUANTISED + ARRAY)
        return refuse(file, "it is of a type that is not read: build it as probing or trie");
    if (version != (type == PROBING ? 0 : 1))
        return refuse(file, "its tables are of another version of KenLM");
    if (!(multiplier >= 1 && multiplier < 1000))
        return refuse(file, "the size of its hash tables is no number above 1");
    const uint8_t *counts = taken(file, 8 * (uint64_t)ngrams->order);
    if (!counts) return 0;
    for (int order = 1; order <= ngrams->order; order++) {
        file->counts[order] = load64(counts + 8 * (order - 1));
        /* None takes less than a bit, so that no product below overflows. */
        if (file->counts[order] / 8 > file->size || file->counts[order] >> 40)
            return refuse(file, "it claims more n-grams than it has bits");
    }
    if (!file->counts[1] || file->counts[1] > UINT32_MAX)
        return refuse(file, "it has no words, or too many");
    ngrams->words = file->counts[1] + 1; /* KenLM leaves room for an unknown word */
    file->at = (file->at + 7) & ~(uint64_t)7;
    if (!(type == PROBING ? read_hashed(file, multiplier) : read_trie(file, (int)type))) return 0;
    /* Where the words themselves are kept, the first shows whether the tables end where they must. */
    if (parameters[12] && (file->size - file->at < 6 || memcmp(file->bytes + file->at, "<unk>", 6)))
        return refuse(file, "its words are not where its tables end");
    return 1;
}

Ngrams *ngrams_from_binary(const uint8_t *bytes, uint64_t size, char *error) {
    File file = {bytes, size, 0, {0}, calloc(1, sizeof(Ngrams)), error};
    if (!file.ngrams) {
        refuse(&file, "no memory");
        return NULL;
    }
    if (read_all(&file)) return file.ngrams;
    free(file.ngrams);
    return NULL;
}
