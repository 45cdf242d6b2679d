/* A hash table from 64-bit keys to 32-bit values: open addressing, linear probing. */
#ifndef NORDLYD_TABLE_H
#define NORDLYD_TABLE_H

#include <stdint.h>
#include <stdlib.h>

typedef struct {
    uint64_t *keys; /* 0: free; else key + 1 */
    int32_t *values;
    uint32_t mask, used;
} Table;

static inline uint32_t table_place(uint64_t key) {
    key ^= key >> 32;
    key *= 0x9e3779b97f4a7c15u;
    return (uint32_t)(key >> 32);
}

static inline int table_make(Table *table, uint32_t room) {
    table->mask = room - 1; /* room is a power of two */
    table->used = 0;
    table->keys = calloc(room, sizeof *table->keys);
    table->values = malloc(room * sizeof *table->values);
    return table->keys && table->values;
}

static inline void table_free(Table *table) {
    free(table->keys);
    free(table->values);
}

/* The value of a key, or -1. */
static inline int32_t table_get(const Table *table, uint64_t key) {
    for (uint32_t at = table_place(key) & table->mask;; at = (at + 1) & table->mask) {
        if (table->keys[at] == key + 1) return table->values[at];
        if (!table->keys[at]) return -1;
    }
}

/* Add a key that is not there yet; 0 where there is no memory. */
static inline int table_add(Table *table, uint64_t key, int32_t value) {
    if (++table->used * 3 > table->mask * 2) {
        Table larger;
        if (!table_make(&larger, (table->mask + 1) * 2)) {
            table_free(&larger);
            return 0;
        }
        for (uint32_t from = 0; from <= table->mask; from++)
            if (table->keys[from]) table_add(&larger, table->keys[from] - 1, table->values[from]);
        larger.used = table->used;
        table_free(table);
        *table = larger;
    }
    uint32_t at = table_place(key) & table->mask;
    while (table->keys[at]) at = (at + 1) & table->mask;
    table->keys[at] = key + 1;
    table->values[at] = value;
    return 1;
}

#endif
