/* A decoder in one call: emissions of a checkpoint to readings with placed words. */
#include "words.h"

long nordlyd_columns(const float *emissions, long frames, long width, const int32_t *column,
                     long columns, float lowest, float *out);
char *nordlyd_search(const Task *task, const float *logp, long frames, int32_t *count,
                     double *scores, int32_t **spans, double **posteriors);

enum { NOT_FINITE = 3 };

typedef struct {
    char *text;         /* of all readings, as nordlyd_search has it */
    int32_t *spans;     /* two frames of each word */
    double *posteriors; /* of each word */
    int64_t bad;        /* the first frame that is no distribution */
    int32_t count;      /* of readings */
} Result;

/* Decode float32 [frames, width], whose tokens belong to the columns in `column` [width]; what is
   below `lowest` is taken for that. `scores` has room for n_best. Returns 0 with a result whose
   memory the caller gives to nordlyd_release; NO_MEMORY, STOPPED, or NOT_FINITE. */
int32_t nordlyd_decode(const Task *task, const float *emissions, long frames, long width,
                       const int32_t *column, float lowest, double *scores, Result *result) {
    *result = (Result){0};
    float *logp = malloc(((size_t)frames * task->columns + 1) * sizeof *logp);
    if (!logp) return NO_MEMORY;
    int32_t status = 0;
    result->bad = nordlyd_columns(emissions, frames, width, column, task->columns, lowest, logp);
    if (result->bad >= 0) {
        status = NOT_FINITE;
    } else {
        result->text = nordlyd_search(task, logp, frames, &result->count, scores, &result->spans,
                                      &result->posteriors);
        if (!result->text) status = -result->count;
    }
    free(logp);
    return status;
}
