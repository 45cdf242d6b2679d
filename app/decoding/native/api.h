/* The functions that Python calls and their structures: app/native_library.py reads this file.
 *
 * A declaration a statement, in plain C types, without macros.
 */
#ifndef NORDLYD_DECODING_API_H
#define NORDLYD_DECODING_API_H

#include <stdint.h>

typedef struct Ngrams Ngrams;
typedef struct Lexicon Lexicon;
typedef struct Characters Characters;

/* Results of nordlyd_decode and nordlyd_align_words; 0 is success. DOES_NOT_FIT is internal. */
enum { NO_MEMORY = 1, STOPPED = 2, NOT_FINITE = 3, DOES_NOT_FIT = 4 };

/* Returns -1, or the first frame that holds NaN, infinity or no probability at all.
 *
 * `column` [width] is the column of each token; the probabilities of one column's tokens are added
 * and each row of `out` [frames, columns] is normalised. Values below `lowest` are raised to it.
 */
long nordlyd_columns(const float *emissions, long frames, long width, const int32_t *column,
                     long columns, float lowest, float *out);

/* `words`: UTF-8, each ended by a newline; numbered from 0. NULL where there is no memory. */
Lexicon *nordlyd_lexicon_create(const char *words, long bytes);
void nordlyd_lexicon_free(Lexicon *lexicon);

/* A character n-gram model of the words, UTF-8, each ended by a newline. `lexicon` is made of the
 * same words, or NULL: then no search can use the model. NULL where there is no memory. */
Characters *nordlyd_characters_create(const char *words, long bytes, const Lexicon *lexicon);
void nordlyd_characters_free(Characters *characters);
/* log10 probability of each of the words, each ended by a newline. */
void nordlyd_characters_score(const Characters *characters, const char *words, long bytes,
                              double *scores);

/* Reads a model from the bytes of a file. The bytes of a binary file must outlive the model; those
 * of an ARPA file need not. Returns NULL, with the reason in `error` [256], for any other file. */
Ngrams *nordlyd_ngrams_open(const uint8_t *bytes, uint64_t size, char *error);
void nordlyd_ngrams_free(Ngrams *ngrams);
int32_t nordlyd_ngrams_order(const Ngrams *ngrams);
/* For each of the words, each ended by a newline, whether the model contains it. */
void nordlyd_ngrams_known(const Ngrams *ngrams, const char *words, long bytes, uint8_t *known);
/* The number of each of the words, each ended by a newline; 0 where the model lacks it. */
void nordlyd_ngrams_numbers(const Ngrams *ngrams, const char *words, long bytes, uint32_t *numbers);
/* Returns how many n-grams of so many words a trie has, or -1: hash tables do not have the words. */
long nordlyd_ngrams_count(const Ngrams *ngrams, int32_t order);
/* Lists them: the numbers of their words, `words` [count, order], and their log10 probabilities and
 * back-offs [count]. Returns how many were written, of a damaged file fewer; or -1, as above. */
long nordlyd_ngrams_list(const Ngrams *ngrams, int32_t order, uint32_t *words, float *probabilities,
                         float *backoffs);
/* log10 probability of each of the words, each ended by a newline, after those before it; with
 * `sentence` from the beginning of a sentence, and with its end as one more score. */
void nordlyd_ngrams_score(const Ngrams *ngrams, const char *words, long bytes, int32_t sentence,
                          float *scores);

typedef struct {
    const char *labels;      /* the text of each column, each ended by a NUL; column 0 is blank */
    int32_t columns;
    int32_t delimiter;       /* column that separates words, or -1 */
    const Ngrams *ngrams;    /* NULL: no language model */
    const Lexicon *lexicon;  /* words of the language model; NULL: no list of them */
    int32_t sentence;        /* whether the text begins and ends a sentence */
    double alpha;
    double beta;
    double unknown;          /* added for a word that is not in the lexicon */
    const Characters *characters; /* of the words of the lexicon; NULL: none */
    double character_weight;      /* of their log10 probability */
    const Lexicon *hotwords; /* NULL: none */
    const double *weights;   /* of each hotword */
    const int32_t *lengths;  /* of each hotword, in characters */
    int32_t beam_width;
    double prune_logp;
    double min_token_logp;
    int32_t n_best;
    int32_t (*poll)(void);   /* called every few milliseconds; 0 ends the search. Or NULL */
} SearchOptions;

typedef struct {
    char *text;         /* of all hypotheses: a space after each word, a NUL after each */
    int32_t *spans;     /* [words, 2]: first frame and one past the last */
    double *posteriors; /* [words] */
    int64_t bad;        /* the first frame that is no distribution */
    int32_t count;      /* of hypotheses */
} SearchResult;

/* Decodes float32 [frames, width]; `column` and `lowest` are those of nordlyd_columns. `scores` has
 * room for n_best. The caller gives the result's memory to nordlyd_release. Returns 0, NO_MEMORY,
 * STOPPED or NOT_FINITE. */
int32_t nordlyd_decode(const SearchOptions *options, const float *emissions, long frames,
                       long width, const int32_t *column, float lowest, double *scores,
                       SearchResult *result);
void nordlyd_release(void *memory);

/* Aligns decoded words to their columns, in parts that are cut at pauses.
 *
 * `labels` [letters] are the columns of all letters and `words` [letters] the word of each, from 0
 * and without a gap. `spans` [count, 2] are roughly the first frame of each word and the one past
 * its last; they become those of the most probable path, and `posteriors` [count] the geometric
 * mean over a word's letters of the highest probability each reaches. Returns 0, NO_MEMORY or
 * STOPPED. */
int32_t nordlyd_align_words(const float *logp, long frames, long columns, int32_t delimiter,
                            const int32_t *labels, const int32_t *words, long letters, long count,
                            int32_t *spans, double *posteriors, int32_t (*poll)(void));

/* The forward pass of the Viterbi alignment of app/decoding/align, over `frames` frames, the first
 * of which is frame `start` of `total`.
 *
 * `scores` [frames, columns]; `labels` [tokens] and `gaps` [tokens + 1] are the column of each
 * token and gap, `penalty` [tokens] 0, or minus infinity where a token may not follow the one
 * before it without a gap. `rows` and `work` are two rows of tokens + 2 floats each: entry k + 1
 * belongs to gap k in the first and to token k in the second, whose entry 0 is minus infinity.
 * `rows` holds the scores before the frames and after the call those after them.
 * `from_gap` and `from_label` [frames, tokens + 1] receive the back-pointers, or are NULL. */
void nordlyd_viterbi_forward(const float *scores, long start, long frames, long total,
                             long columns, const int32_t *labels, const int32_t *gaps,
                             const float *penalty, long tokens, const int32_t *jump_gaps,
                             const float *jump_scores, long jumps, float *rows, float *work,
                             uint8_t *from_gap, uint8_t *from_label);
/* Fills `path` [frames] from its end in `state`; returns the state before its first frame. */
long nordlyd_viterbi_backward(const uint8_t *from_gap, const uint8_t *from_label, long frames,
                              long tokens, const int32_t *jumped_from, long state, int32_t *path);

#endif
