/* Answers of a language model, kept for all searches that use it. */
#include "search.h"

#include <pthread.h>

struct Cache {
    pthread_mutex_t lock;
    Table places; /* state << 32 | word -> place in the arrays */
    double *scores;
    int32_t *next;
    uint32_t room;
};

Cache *nordlyd_cache_create(void) {
    Cache *cache = calloc(1, sizeof *cache);
    if (!cache) return NULL;
    if (!table_make(&cache->places, 1024)) {
        table_free(&cache->places);
        free(cache);
        return NULL;
    }
    pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

void nordlyd_cache_free(Cache *cache) {
    if (!cache) return;
    pthread_mutex_destroy(&cache->lock);
    table_free(&cache->places);
    free(cache->scores);
    free(cache->next);
    free(cache);
}

int cache_get(Cache *cache, int32_t state, int32_t word, double *score, int32_t *next) {
    pthread_mutex_lock(&cache->lock);
    const int32_t at = table_get(&cache->places, (uint64_t)state << 32 | (uint32_t)word);
    if (at >= 0) {
        *score = cache->scores[at];
        *next = cache->next[at];
    }
    pthread_mutex_unlock(&cache->lock);
    return at >= 0;
}

void cache_put(Cache *cache, int32_t state, int32_t word, double score, int32_t next) {
    const uint64_t key = (uint64_t)state << 32 | (uint32_t)word;
    pthread_mutex_lock(&cache->lock);
    const uint32_t at = cache->places.used;
    if (at == cache->room) {
        const uint32_t room = cache->room ? cache->room * 2 : 1024;
        double *scores = realloc(cache->scores, room * sizeof *scores);
        if (scores) cache->scores = scores;
        int32_t *states = realloc(cache->next, room * sizeof *states);
        if (states) cache->next = states;
        if (scores && states) cache->room = room;
    }
    /* Without memory the answer is simply asked for again. */
    if (at < cache->room && table_get(&cache->places, key) < 0) {
        cache->scores[at] = score;
        cache->next[at] = next;
        table_add(&cache->places, key, (int32_t)at);
    }
    pthread_mutex_unlock(&cache->lock);
}
