/* A beam: one hypothesis of the search. */
#ifndef NORDLYD_BEAMS_H
#define NORDLYD_BEAMS_H

#include "api.h"
#include "lexicon.h"
#include "ngram.h"

typedef struct {
    int32_t history;  /* the words before this one, as a node of a tree */
    int32_t word;     /* its letters so far, as a node of another; 0: none */
    int32_t column;   /* emitted last; -1: none */
    int32_t first, past;  /* frames of the letters */
    double emitted;   /* log-probability of all paths to here */
    double score;     /* with the language model and the hotwords */
} Beam;

#endif
