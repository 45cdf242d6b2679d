/* Polls the caller of a long computation, at most once in some milliseconds. */
#ifndef NORDLYD_POLL_H
#define NORDLYD_POLL_H

#include <stdint.h>
#include <time.h>

#define POLL_NANOSECONDS 5000000

/* Calls `poll`, if there is one and some milliseconds have passed since `polled`. Returns 0 where
   the computation must end. */
static inline int may_continue(int32_t (*poll)(void), int64_t *polled) {
    if (!poll) return 1;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const int64_t at = now.tv_sec * (int64_t)1000000000 + now.tv_nsec;
    if (at - *polled < POLL_NANOSECONDS) return 1;
    *polled = at;
    return poll() != 0;
}

#endif
