/* For every test program: reproducible random numbers, and checks that report their place. */
#ifndef NORDLYD_CHECK_H
#define NORDLYD_CHECK_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the program if the condition is false; the other arguments are a printf message. */
#define CHECK(condition, ...)                                                      \
    do {                                                                           \
        if (!(condition)) {                                                        \
            fprintf(stderr, "%s:%d: not %s: ", __FILE__, __LINE__, #condition);    \
            fprintf(stderr, __VA_ARGS__);                                          \
            fprintf(stderr, "\n");                                                 \
            exit(1);                                                               \
        }                                                                          \
    } while (0)

static uint64_t random_state = 1;

/* The same numbers in every run (Vigna's splitmix64). */
static inline uint64_t random_bits(void) {
    uint64_t z = (random_state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* A whole number from `low` to `high`, both included. */
static inline long random_long(long low, long high) {
    return low + (long)(random_bits() % (uint64_t)(high - low + 1));
}

/* A number from 0 to below 1. */
static inline double random_unit(void) { return (double)(random_bits() >> 11) * 0x1p-53; }

static inline void *allocated(size_t bytes) {
    void *memory = malloc(bytes ? bytes : 1);
    CHECK(memory, "no memory");
    return memory;
}

/* float32 [frames, columns] of natural-log probabilities, each row normalised. `sharpness` 0 gives
   equal ones; above some 20 nearly all is in one column. */
static inline float *random_columns(long frames, long columns, double sharpness) {
    float *logp = allocated((size_t)(frames * columns) * sizeof *logp);
    for (long frame = 0; frame < frames; frame++) {
        double total = 0;
        float *row = logp + frame * columns;
        for (long column = 0; column < columns; column++) {
            row[column] = (float)(sharpness * random_unit());
            total += exp(row[column]);
        }
        for (long column = 0; column < columns; column++) row[column] -= (float)log(total);
    }
    return logp;
}

static inline int close_to(double a, double b, double tolerance) {
    return a == b || fabs(a - b) <= tolerance * (1 + fabs(b));
}

#endif
