/* A decoder in one call: emissions of a checkpoint to hypotheses with aligned words. */
#include "words.h"

int32_t nordlyd_decode(const SearchOptions *options, const float *emissions, long frames,
                       long width, const int32_t *column, float lowest, double *scores,
                       SearchResult *result) {
    *result = (SearchResult){0};
    float *logp = malloc(((size_t)frames * options->columns + 1) * sizeof *logp);
    if (!logp) return NO_MEMORY;
    int32_t status = 0;
    result->bad = nordlyd_columns(emissions, frames, width, column, options->columns, lowest, logp);
    if (result->bad >= 0) {
        status = NOT_FINITE;
    } else {
        result->text = search_columns(options, logp, frames, &result->count, scores, &result->spans,
                                      &result->posteriors);
        if (!result->text) status = -result->count;
    }
    free(logp);
    return status;
}
