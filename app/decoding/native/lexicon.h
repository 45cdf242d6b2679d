/* A set of words as a trie over their UTF-8 bytes; read by many threads once it is made. */
#ifndef NORDLYD_LEXICON_H
#define NORDLYD_LEXICON_H

#include "api.h"
#include "table.h"

struct Lexicon {
    Table children;  /* node << 8 | byte -> node; node 0 is the beginning of every word */
    int32_t *word;   /* [nodes] number of the word that ends here, or -1 */
    int32_t *first;  /* [nodes] number of the first word that leads through here */
    int32_t nodes, room;
};

/* The node that some bytes lead to from a node, or -1 where no word continues so. */
static inline int32_t lexicon_step(const Lexicon *lexicon, int32_t node, const char *bytes) {
    for (; *bytes && node >= 0; bytes++)
        node = table_get(&lexicon->children, (uint64_t)node << 8 | (uint8_t)*bytes);
    return node;
}

#endif
