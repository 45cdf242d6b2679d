/* The character model against its definition, over words of any bytes. */
#include "app/decoding/native/characters.h"
#include "check.h"

#include <string.h>

#define MAX_BYTES 4000
#define LONGEST 5 /* bytes of a context */

/* Random words of few different bytes, so that n-grams are seen again and again. */
static long random_words(char *words, long most) {
    long bytes = 0;
    const long kinds = random_long(1, 30);
    while (bytes + 1 < most) {
        for (long left = random_long(0, 12); left && bytes + 1 < most; left--) {
            const char byte = (char)(random_unit() < 0.02 ? random_bits() : 'a' + random_bits() % kinds);
            words[bytes++] = byte == WORD_EDGE ? 'a' : byte;
        }
        words[bytes++] = WORD_EDGE;
    }
    return bytes;
}

/* How often a context was followed by `byte`, or, where it is -1, by anything. */
static long count(const char *words, long bytes, const uint8_t *context, int length, int byte) {
    long seen = 0;
    char word[32];
    int used = 1;
    word[0] = WORD_EDGE;
    for (long at = 0; at < bytes; at++) {
        if (!words[at]) continue;
        const int there = used >= length && !memcmp(word + used - length, context, (size_t)length);
        seen += there && (byte < 0 || (uint8_t)words[at] == byte);
        word[used++] = words[at];
        if (words[at] == WORD_EDGE) used = 1;
    }
    return seen;
}

/* Witten-Bell, as it is defined. */
static double probability(const char *words, long bytes, const uint8_t *context, int length, int byte) {
    long kinds = 0;
    for (int other = 1; other < 256; other++)
        kinds += count(words, bytes, context, length, other) > 0;
    const double shorter =
        length ? probability(words, bytes, context + 1, length - 1, byte) : 1 / 256.0;
    const long total = count(words, bytes, context, length, -1);
    if (!total) return shorter;
    return (count(words, bytes, context, length, byte) + kinds * shorter) / (double)(total + kinds);
}

static void check_definition(void) {
    char words[MAX_BYTES];
    const long bytes = random_words(words, random_long(0, 200));
    Characters *model = nordlyd_characters_create(words, bytes, NULL);
    CHECK(model, "no memory");
    for (int round = 0; round < 10; round++) {
        uint8_t context[LONGEST] = {0};
        const int length = (int)random_long(0, LONGEST);
        Spelling spelling = {0};
        for (int at = 0; at < length; at++) {
            context[at] = !at && random_unit() < 0.3 ? WORD_EDGE : (uint8_t)('a' + random_bits() % 4);
            characters_spell(model, &spelling, context[at]);
        }
        spelling.score = 0;
        const int byte = random_unit() < 0.2 ? WORD_EDGE : (int)('a' + random_bits() % 5);
        const double expected = log10(probability(words, bytes, context, length, byte));
        characters_spell(model, &spelling, (uint8_t)byte);
        CHECK(close_to(spelling.score, expected, 1e-5), "%g, not %g, for %d after %d bytes",
              spelling.score, expected, byte, length);
    }
    nordlyd_characters_free(model);
}

static void check_sum(void) {
    char words[MAX_BYTES];
    Characters *model = nordlyd_characters_create(words, random_words(words, MAX_BYTES), NULL);
    CHECK(model, "no memory");
    for (int round = 0; round < 20; round++) {
        Spelling context = {0};
        for (long left = random_long(0, 7); left; left--)
            characters_spell(model, &context, (uint8_t)('a' + random_bits() % 30));
        context.score = 0;
        double sum = 0;
        for (int byte = 0; byte < 256; byte++) {
            Spelling after = context;
            characters_spell(model, &after, (uint8_t)byte);
            sum += pow(10, after.score);
        }
        CHECK(close_to(sum, 1, 1e-4), "probabilities add up to %g", sum);
    }
    nordlyd_characters_free(model);
}

static void check_words(void) {
    static const char words[] = "skole\nskolen\nskoler\nskolene\ndag\ndagen\n";
    static const char scored[] = "skoledag\nskgledag\n\n";
    Characters *model = nordlyd_characters_create(words, sizeof words - 1, NULL);
    CHECK(model, "no memory");
    double scores[3];
    nordlyd_characters_score(model, scored, sizeof scored - 1, scores);
    CHECK(scores[1] < scores[0] && scores[0] < 0, "%g and %g", scores[0], scores[1]);
    CHECK(scores[2] < 0, "%g", scores[2]);
    nordlyd_characters_free(model);
    nordlyd_characters_free(NULL);
}

int main(void) {
    for (int round = 0; round < 100; round++) check_definition();
    for (int round = 0; round < 20; round++) check_sum();
    check_words();
    return 0;
}
