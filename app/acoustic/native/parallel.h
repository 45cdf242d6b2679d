/* Runs a task on the threads of the OpenMP runtime that is in the process, whichever compiler
 * built this: GOMP_parallel is in GNU's runtime and, for compatibility, in LLVM's and Intel's.
 * Where there is none, everything runs on the calling thread.
 */
#ifndef NORDLYD_PARALLEL_H
#define NORDLYD_PARALLEL_H

extern void GOMP_parallel(void (*run)(void *), void *data, unsigned threads, unsigned flags)
    __attribute__((weak));
extern int omp_get_thread_num(void) __attribute__((weak));
extern int omp_get_num_threads(void) __attribute__((weak));

/* Does the share of `thread` among `threads`. */
typedef void (*part)(const void *task, long thread, long threads);

typedef struct {
    part run;
    const void *task;
} team;

static void join_team(void *data) {
    const team *all = data;
    all->run(all->task, omp_get_thread_num(), omp_get_num_threads());
}

static inline void in_parallel(part run, const void *task, long threads) {
    team all = {run, task};
    if (threads > 1 && GOMP_parallel)
        GOMP_parallel(join_team, &all, (unsigned)threads, 0);
    else
        run(task, 0, 1);
}

#endif
