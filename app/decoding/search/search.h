/* What a beam search works on, and what it asks of a language model. */
#ifndef NORDLYD_SEARCH_H
#define NORDLYD_SEARCH_H

#include "lexicon.h"

/* log10 probability of a word after a state, with what is added for an unknown one. */
typedef double (*ScoreWord)(int32_t state, const char *word, int32_t *next);
/* log10 probability that the text ends after a state. */
typedef double (*ScoreEnd)(int32_t state);

typedef struct Cache Cache;

Cache *nordlyd_cache_create(void);
void nordlyd_cache_free(Cache *cache);
/* 1 and the answer where it is known. */
int cache_get(Cache *cache, int32_t state, int32_t word, double *score, int32_t *next);
void cache_put(Cache *cache, int32_t state, int32_t word, double score, int32_t next);

typedef struct {
    const char *labels;      /* the text of each column, each ended by a NUL; column 0 is blank */
    int32_t columns;
    int32_t delimiter;       /* column that parts words, or -1 */
    ScoreWord score_word;    /* NULL: no language model */
    ScoreEnd score_end;
    int32_t start_state;
    const Lexicon *lexicon;  /* words that the model knows; NULL: no list of them */
    Cache *cache;            /* answers for words of the lexicon */
    double alpha, beta, unknown;
    const Lexicon *hotwords; /* NULL: none */
    const double *weights;   /* of each hotword */
    const int32_t *lengths;  /* of each hotword, in characters */
    int32_t beam_width;
    double prune_logp, min_token_logp;
    int32_t n_best;
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
