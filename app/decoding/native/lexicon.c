/* Builds a trie from words. */
#include "lexicon.h"

static int32_t add_node(Lexicon *lexicon, int32_t first) {
    if (lexicon->nodes == lexicon->room) {
        lexicon->room = lexicon->room ? lexicon->room * 2 : 1024;
        int32_t *word = realloc(lexicon->word, lexicon->room * sizeof *word);
        if (word) lexicon->word = word;
        int32_t *firsts = realloc(lexicon->first, lexicon->room * sizeof *firsts);
        if (firsts) lexicon->first = firsts;
        if (!word || !firsts) return -1;
    }
    lexicon->word[lexicon->nodes] = -1;
    lexicon->first[lexicon->nodes] = first;
    return lexicon->nodes++;
}

Lexicon *nordlyd_lexicon_create(const char *words, long bytes) {
    Lexicon *lexicon = calloc(1, sizeof *lexicon);
    if (!lexicon) return NULL;
    if (!table_make(&lexicon->children, 1024) || add_node(lexicon, 0) < 0) goto failed;
    int32_t node = 0, number = 0;
    for (long at = 0; at < bytes; at++) {
        if (words[at] == '\n') {
            lexicon->word[node] = number++;
            node = 0;
            continue;
        }
        const uint64_t key = (uint64_t)node << 8 | (uint8_t)words[at];
        int32_t child = table_get(&lexicon->children, key);
        if (child < 0) {
            child = add_node(lexicon, number);
            if (child < 0 || !table_add(&lexicon->children, key, child)) goto failed;
        }
        node = child;
    }
    return lexicon;
failed:
    nordlyd_lexicon_free(lexicon);
    return NULL;
}

void nordlyd_lexicon_free(Lexicon *lexicon) {
    if (!lexicon) return;
    table_free(&lexicon->children);
    free(lexicon->word);
    free(lexicon->first);
    free(lexicon);
}
