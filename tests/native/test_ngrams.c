/* Language models whose files are damaged: refused, or read without touching memory beside them. */
#include "app/decoding/native/ngram.h"
#include "check.h"

#include <string.h>


static const char WORDS[] = "det\ner\nen\ngod\ndag\nen\nkonge\nukjent\nhavet\nvi\nses\nigjen\n";
#define COUNT 12

static uint8_t *contents(const char *path, uint64_t *size) {
    FILE *file = fopen(path, "rb");
    CHECK(file, "%s is missing", path);
    fseek(file, 0, SEEK_END);
    *size = (uint64_t)ftell(file);
    rewind(file);
    uint8_t *bytes = allocated(*size);
    CHECK(fread(bytes, 1, *size, file) == *size, "%s", path);
    fclose(file);
    return bytes;
}

/* Of a trie all n-grams can be listed; of a damaged one at most as many as it claims to have. */
static void list(const Ngrams *ngrams) {
    for (int32_t order = 0; order <= nordlyd_ngrams_order(ngrams) + 1; order++) {
        const long count = nordlyd_ngrams_count(ngrams, order);
        if (count < 0) {
            CHECK(nordlyd_ngrams_list(ngrams, order, NULL, NULL, NULL) == -1, "order %d", order);
            continue;
        }
        uint32_t *words = allocated((uint64_t)(count + 1) * (uint64_t)order * sizeof *words);
        float *probabilities = allocated((uint64_t)(count + 1) * sizeof *probabilities);
        float *backoffs = allocated((uint64_t)(count + 1) * sizeof *backoffs);
        const long written = nordlyd_ngrams_list(ngrams, order, words, probabilities, backoffs);
        CHECK(written >= 0 && written <= count, "%ld of %ld n-grams", written, count);
        free(words);
        free(probabilities);
        free(backoffs);
    }
}

/* 1 where the file was taken, and scores are numbers. */
static int use(const uint8_t *bytes, uint64_t size) {
    char error[ERROR_BYTES] = "";
    Ngrams *ngrams = nordlyd_ngrams_open(bytes, size, error);
    CHECK(ngrams || *error, "refused without a reason");
    if (!ngrams) return 0;
    float scores[COUNT + 1];
    uint8_t known[COUNT];
    for (int sentence = 0; sentence < 2; sentence++) {
        nordlyd_ngrams_score(ngrams, WORDS, sizeof WORDS - 1, sentence, scores);
        for (int at = 0; at < COUNT + sentence; at++)
            CHECK(isfinite(scores[at]), "score %d is %g", at, scores[at]);
    }
    nordlyd_ngrams_known(ngrams, WORDS, sizeof WORDS - 1, known);
    uint32_t numbers[COUNT];
    nordlyd_ngrams_numbers(ngrams, WORDS, sizeof WORDS - 1, numbers);
    for (int at = 0; at < COUNT; at++) CHECK(!numbers[at] == !known[at], "word %d", at);
    list(ngrams);
    nordlyd_ngrams_free(ngrams);
    return 1;
}

static void check(const char *path) {
    uint64_t size;
    uint8_t *bytes = contents(path, &size);
    CHECK(use(bytes, size), "%s was refused", path);
    int taken = 0;
    for (int round = 0; round < 1500; round++) {
        /* A block of its own, so that a byte read beyond it is seen. */
        const uint64_t kept = round % 3 ? size : (uint64_t)random_long(0, (long)size - 1);
        uint8_t *changed = allocated(kept);
        memcpy(changed, bytes, kept);
        const long most = round % 2 && kept > 400 ? 400 : (long)kept;
        for (long changes = round % 3 ? random_long(1, 8) : 0; changes && most; changes--)
            changed[random_long(0, most - 1)] =
                random_unit() < 0.5 ? (uint8_t)random_bits() : (uint8_t)-(random_bits() & 1);
        taken += use(changed, kept);
        free(changed);
    }
    CHECK(taken < 1000, "%s: %d of 1500 damaged files were taken", path, taken);
    free(bytes);
}

int main(void) {
    check("../data/kenlm/4gram.arpa");
    check("../data/kenlm/probing.bin");
    check("../data/kenlm/trie.bin");
    check("../data/kenlm/quantised.bin");
    check("../data/kenlm/array.bin");
    check("../data/kenlm/quantised-array.bin");
    return 0;
}
