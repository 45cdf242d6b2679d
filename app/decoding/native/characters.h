/* A character n-gram model of the words that a language model knows: how likely a word that is not
   among them is spelled. Over the bytes of UTF-8; read by many threads once it is made. */
#ifndef NORDLYD_CHARACTERS_H
#define NORDLYD_CHARACTERS_H

#include "api.h"
#include "table.h"

/* The byte before the first and after the last one of a word. */
#define WORD_EDGE '\n'

struct Characters {
    Table places;       /* the bytes of an n-gram, the last one lowest -> its place in these */
    float *probability; /* log10 of the last byte after those before it */
    float *backoff;     /* log10 of what the n-gram, as a context, leaves to shorter ones */
};

/* log10 probability of a byte after a context, which the byte is added to. */
double characters_step(const Characters *characters, uint64_t *context, uint8_t byte);

#endif
