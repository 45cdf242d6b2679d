/* Runs a task on the threads of the OpenMP runtime that is in the process, whichever compiler
 * built this: GOMP_parallel is in GNU's runtime and, for compatibility, in LLVM's and Intel's.
 * Where there is none, everything runs on the calling thread.
 */
#ifndef NORDLYD_PARALLEL_H
#define NORDLYD_PARALLEL_H

#include <stdatomic.h>

extern void GOMP_parallel(void (*run)(void *), void *data, unsigned threads, unsigned flags)
    __attribute__((weak));
extern int omp_get_thread_num(void) __attribute__((weak));

/* A thread has so many shares of its own, next to each other in memory, and takes those of others
 * once it is done. So one that loses its core for a while delays the others by a share and not by
 * half of the work: the event loop and text decoding have the same cores. */
enum { SHARES_OF_THREAD = 8 };

/* Does one of `shares` shares. `thread` is who does it: what has scratch of its own. */
typedef void (*part)(const void *task, long thread, long share, long shares);

/* The next share of one thread, on a cache line of its own. */
typedef struct {
    _Alignas(64) atomic_long next;
} turn;

typedef struct {
    part run;
    const void *task;
    long threads;
    turn *turns;
} team;

static void join_team(void *data) {
    const team *all = data;
    const long thread = omp_get_thread_num();
    for (long owner = thread; owner < thread + all->threads; owner++) {
        const long first = owner % all->threads * SHARES_OF_THREAD;
        atomic_long *next = &all->turns[owner % all->threads].next;
        for (long share; (share = atomic_fetch_add(next, 1)) < SHARES_OF_THREAD;)
            all->run(all->task, thread, first + share, SHARES_OF_THREAD * all->threads);
    }
}

static inline void in_parallel(part run, const void *task, long threads) {
    if (threads < 2 || !GOMP_parallel) {
        run(task, 0, 0, 1);
        return;
    }
    turn turns[threads];
    for (long thread = 0; thread < threads; thread++) atomic_init(&turns[thread].next, 0);
    team all = {run, task, threads, turns};
    GOMP_parallel(join_team, &all, (unsigned)threads, 0);
}

#endif
