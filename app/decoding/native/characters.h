/* A character n-gram model of the words that a language model knows: how likely a word that is not
   among them is spelled. Over the bytes of UTF-8; read by many threads once it is made.

   An automaton: a state for each context, with an arc for each byte that was seen after it, and
   with the next shorter context for all other bytes. */
#ifndef NORDLYD_CHARACTERS_H
#define NORDLYD_CHARACTERS_H

#include "api.h"
#include "lexicon.h"

/* The byte before the first and after the last one of a word. */
#define WORD_EDGE '\n'

/* The beginning of a word: the state after its bytes, and their log10 probability. */
typedef struct {
    int32_t state;
    double score;
} Spelling;

typedef struct {
    uint32_t first;  /* its first arc; the next state's is one past its last */
    int32_t shorter; /* the state of the context without its first byte */
    float backoff;   /* log10 of what this context leaves to that one */
} CharacterState;

typedef struct {
    int32_t next;
    float score; /* log10 probability of the byte */
} CharacterArc;

struct Characters {
    CharacterState *states; /* 0 is the empty context */
    uint8_t *bytes;         /* of each arc */
    CharacterArc *arcs;
    int32_t begin;    /* the state in which every word begins */
    Spelling *listed; /* [nodes of the lexicon]; NULL: none */
};

/* Adds a byte. */
void characters_spell(const Characters *characters, Spelling *spelling, uint8_t byte);

#endif
