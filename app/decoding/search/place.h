/* Places words on the columns they were found in. */
#ifndef NORDLYD_PLACE_H
#define NORDLYD_PLACE_H

#include <stdint.h>
#include <time.h>

#define POLL_NANOSECONDS 5000000

/* Calls `poll`, where there is one and some milliseconds have passed since `polled`; 0 where the
   work is to end. */
static inline int may_go_on(int32_t (*poll)(void), int64_t *polled) {
    if (!poll) return 1;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const int64_t at = now.tv_sec * (int64_t)1000000000 + now.tv_nsec;
    if (at - *polled < POLL_NANOSECONDS) return 1;
    *polled = at;
    return poll() != 0;
}

enum { PLACED = 0, PLACE_NO_MEMORY = 1, PLACE_STOPPED = 2 };

int nordlyd_spans(const float *logp, long frames, long columns, int32_t delimiter,
                  const int32_t *labels, const int32_t *words, long tokens, int32_t *first,
                  int32_t *past, double *means);

/* `labels` [tokens] are the columns of all letters and `words` [tokens] the word of each, from 0
   and without a gap. `frames_of` [2 * count] are roughly the first frame of each word and the one
   past its last; they become those of its most probable path, and `posteriors` [count] the
   geometric mean over its letters of the highest probability each reaches. */
int nordlyd_place(const float *logp, long frames, long columns, int32_t delimiter,
                  const int32_t *labels, const int32_t *words, long tokens, long count,
                  int32_t *frames_of, double *posteriors, int32_t (*poll)(void));

#endif
