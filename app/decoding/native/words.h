/* The two trees a search grows: letters of words, and words of hypotheses. */
#ifndef NORDLYD_WORDS_H
#define NORDLYD_WORDS_H

#include "beams.h"
#include "characters.h"

#include <setjmp.h>
#include <string.h>

#define LN10 2.302585092994045684

typedef struct {
    int32_t parent, column, letters;
    int32_t lexicon, hotword; /* nodes there, or -1 */
    int64_t number;           /* of the word in the language model; -1: not looked up yet */
    double partial;           /* score of a word that begins so and is not finished */
    int32_t unknown;          /* whether `partial` is that of its spelling */
    int32_t spelled;          /* whether `partial` and `spelling` have the last label already */
    Spelling spelling;        /* where no word of the lexicon begins so */
} Letters;

typedef struct {
    int32_t parent, word, first, past;
    int32_t state;         /* of the language model, in `states` */
    int32_t unknown_state; /* the same after an unknown word; -1: not looked up yet */
    double unknown;        /* score of an unknown word besides its spelling */
    double score;          /* of all words up to here: language model and hotwords */
} History;

typedef struct {
    const SearchOptions *options;
    const char **labels;
    Letters *letters;
    History *histories;
    State *states; /* distinct ones, which what follows depends on */
    Table letter_children, history_children, state_numbers;
    int32_t letters_used, letters_room, histories_used, histories_room, states_used, states_room;
    Beam *beams, *next; /* [room] */
    int32_t *merged;    /* [merge_mask + 1] places in `next`, valid where the stamp is the frame's */
    uint32_t *stamps;
    uint32_t stamp, merge_mask;
    int32_t room;
    char *text;
    size_t text_room;
    int32_t *tried;       /* [columns] of a frame */
    int32_t *path, *labels_of, *words_of; /* of a hypothesis */
    int32_t *spans;                       /* of all hypotheses */
    double *posteriors;
    double unknown_later;  /* of what every unknown word costs: the part that is due at its end */
    int64_t polled;        /* when, in nanoseconds */
    jmp_buf ended;         /* for NO_MEMORY or STOPPED */
} Search;

/* realloc that leaves the search where there is no memory. */
void *grown(Search *search, void *memory, size_t bytes);
void begin_words(Search *search);
/* The word with one more label. */
int32_t next_letters(Search *search, int32_t parent, int32_t column);
/* The history with the letters of a beam as one more word. */
int32_t next_history(Search *search, const Beam *beam);
/* Where the last letters of an unknown word were not scored yet, at least its score: what it costs
   to look them up is saved where even this is too low. Requires that alpha is not below 0. */
double unknown_score_bound(Search *search, const Beam *beam);
double unknown_score(Search *search, const Beam *beam);
/* Score of a beam: its paths, the words before, and the word that is begun. */
static inline double beam_score(Search *search, const Beam *beam) {
    const Letters *word = &search->letters[beam->word];
    if (word->unknown) return unknown_score(search, beam);
    return beam->emitted + search->histories[beam->history].score + word->partial;
}
/* Append the text of a word to `text` at a place, with a NUL; the place of that NUL. */
size_t spell(Search *search, int32_t word, size_t at);

/* Searches float32 [frames, columns]. Returns the hypotheses' texts, best first: a space after each
   word, a NUL after each; their number in `count`, their scores in `scores` [n_best], and of all
   words in order the frames in `spans` and the posteriors. Text, spans and posteriors are the
   caller's to free. NULL where there is no memory, with -NO_MEMORY in `count`, or where the poll
   ended the search, with -STOPPED. */
char *search_columns(const SearchOptions *options, const float *logp, long frames, int32_t *count,
                     double *scores, int32_t **spans, double **posteriors);

#endif
