/* The Viterbi alignment of words to a short stretch of columns. */
#ifndef NORDLYD_WORD_SPANS_H
#define NORDLYD_WORD_SPANS_H

#include "api.h"

/* `labels` [tokens] are the columns of all letters and `words` [tokens] the word of each, from 0.
   Column 0 is the blank. Writes for each word its first frame, the one past its last, and the mean
   over its letters of the highest log-probability each reaches. Returns 0, DOES_NOT_FIT or
   NO_MEMORY. */
int32_t word_spans(const float *logp, long frames, long columns, int32_t delimiter,
                           const int32_t *labels, const int32_t *words, long tokens,
                           int32_t *first, int32_t *past, double *means);

#endif
