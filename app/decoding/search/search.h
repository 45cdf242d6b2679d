/* What a beam search works on. */
#ifndef NORDLYD_SEARCH_H
#define NORDLYD_SEARCH_H

#include "lexicon.h"
#include "ngram.h"

typedef struct {
    const char *labels;      /* the text of each column, each ended by a NUL; column 0 is blank */
    int32_t columns;
    int32_t delimiter;       /* column that parts words, or -1 */
    const Ngrams *ngrams;    /* NULL: no language model */
    const Lexicon *lexicon;  /* words that the model knows; NULL: no list of them */
    int32_t sentence;        /* whether the text begins and ends a sentence */
    double alpha, beta, unknown;
    const Lexicon *hotwords; /* NULL: none */
    const double *weights;   /* of each hotword */
    const int32_t *lengths;  /* of each hotword, in characters */
    int32_t beam_width;
    double prune_logp, min_token_logp;
    int32_t n_best;
    int32_t (*poll)(void);   /* called every few milliseconds; 0 ends the search. Or NULL */
} Task;

typedef struct {
    int32_t history;  /* the words before this one, as a node of a tree */
    int32_t word;     /* its letters so far, as a node of another; 0: none */
    int32_t column;   /* emitted last; -1: none */
    int32_t first, past;  /* frames of the letters */
    double emitted;   /* log-probability of all paths to here */
    double score;     /* with the language model and the hotwords */
} Beam;

#endif
