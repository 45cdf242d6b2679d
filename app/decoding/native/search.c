/* CTC prefix beam search with a word language model and hotwords: pyctcdecode's search.
   Frames in which a single token is tried, the same as before, move every hypothesis alike and
   are only added up. */
#include "../../native_abi.h"
#include "poll.h"
#include "words.h"

#include <math.h>

/* The share of `prune_logp` that holds for hypotheses in the midst of an unknown word. */
#define UNKNOWN_PRUNE 0.6

static void poll(Search *search) {
    if (!may_continue(search->options->poll, &search->polled)) longjmp(search->ended, STOPPED);
}

static double log_sum(double a, double b) {
    return a >= b ? a + log1p(exp(b - a)) : b + log1p(exp(a - b));
}

static void make_room(Search *search, int64_t beams) {
    if (beams <= search->room) return;
    while (search->room < beams) search->room *= 2;
    search->beams = grown(search, search->beams, search->room * sizeof *search->beams);
    search->next = grown(search, search->next, search->room * sizeof *search->next);
    search->merge_mask = search->room * 2 - 1;
    search->merged = grown(search, search->merged, search->room * 2 * sizeof *search->merged);
    search->stamps = grown(search, search->stamps, search->room * 2 * sizeof *search->stamps);
    memset(search->stamps, 0, search->room * 2 * sizeof *search->stamps);
    search->stamp = 1;
}

/* Add a beam to `next`, or its probability to the equal one that is there. */
static int32_t merge(Search *search, int32_t count, const Beam *beam) {
    const uint64_t key = ((uint64_t)beam->history * 0x9e3779b97f4a7c15u) ^
                         ((uint64_t)beam->word << 20) ^ (uint32_t)(beam->column + 1);
    uint32_t at = table_place(key) & search->merge_mask;
    for (; search->stamps[at] == search->stamp; at = (at + 1) & search->merge_mask) {
        Beam *there = &search->next[search->merged[at]];
        if (there->history != beam->history || there->word != beam->word ||
            there->column != beam->column)
            continue;
        const double sum = log_sum(there->emitted, beam->emitted);
        if (beam->emitted > there->emitted) there->first = beam->first, there->past = beam->past;
        there->emitted = sum;
        return count;
    }
    search->stamps[at] = search->stamp;
    search->merged[at] = count;
    search->next[count] = *beam;
    return count + 1;
}

static Beam extended(Search *search, const Beam *beam, int32_t column, int32_t frame, double logp) {
    Beam longer = *beam;
    longer.emitted += logp;
    longer.column = column;
    if (column == 0) return longer;
    if (column == search->options->delimiter) {
        if (beam->column != column && beam->word) {
            longer.history = next_history(search, beam);
            longer.word = 0;
        }
        return longer;
    }
    if (beam->column != column) {
        longer.word = next_letters(search, beam->word, column);
        if (!beam->word) longer.first = frame;
    }
    longer.past = frame + 1;
    return longer;
}

/* Keep the best `width` of `count` beams in front, in any order (Hoare's quickselect). */
static void select_best(Beam *beams, int32_t count, int32_t width) {
    int32_t low = 0, high = count - 1;
    while (low < high) {
        const double pivot = beams[(low + high) / 2].score;
        int32_t left = low, right = high;
        while (left <= right) {
            while (beams[left].score > pivot) left++;
            while (beams[right].score < pivot) right--;
            if (left <= right) {
                const Beam swap = beams[left];
                beams[left++] = beams[right];
                beams[right--] = swap;
            }
        }
        if (width - 1 <= right)
            high = right;
        else if (width - 1 >= left)
            low = left;
        else
            return;
    }
}

/* The score below which beams are dropped, the word that is begun being unknown or not. */
static double lowest_score(const Search *search, double best, int unknown) {
    return best + search->options->prune_logp * (unknown ? UNKNOWN_PRUNE : 1);
}

/* Drop what is far below the best, and what is over the width. */
static int32_t prune(const Search *search, Beam *beams, int32_t count) {
    double best = -INFINITY;
    for (int32_t at = 0; at < count; at++)
        if (beams[at].score > best) best = beams[at].score;
    const double lowest[] = {lowest_score(search, best, 0), lowest_score(search, best, 1)};
    int32_t kept = 0;
    for (int32_t at = 0; at < count; at++)
        if (beams[at].score >= lowest[search->letters[beams[at].word].unknown])
            beams[kept++] = beams[at];
    if (kept <= search->options->beam_width) return kept;
    select_best(beams, kept, search->options->beam_width);
    return search->options->beam_width;
}

/* What the scores of all that may follow a beam depend on. */
typedef struct {
    int32_t state, word, column;
} Future;

static Future future_of(const Search *search, const Beam *beam) {
    const Letters *word = &search->letters[beam->word];
    const History *history = &search->histories[beam->history];
    if (word->unknown)
        return (Future){history->unknown_state, -1 - word->spelling.state, beam->column};
    return (Future){history->state, beam->word, beam->column};
}

/* Of hypotheses that everything to come will score alike, only the best can still win. So where
   one hypothesis is requested, keep one for each state of the language model, word begun and last
   token: hypotheses of long audio that differ far back would crowd out all others. Of an unknown
   word its last letters are enough, those which the character model sees. */
static int32_t keep_winners(Search *search, int32_t count) {
    search->stamp++;
    int32_t kept = 0;
    for (int32_t from = 0; from < count; from++) {
        const Beam beam = search->next[from];
        const Future future = future_of(search, &beam);
        const uint64_t key = ((uint64_t)(future.state + 1) * 0x9e3779b97f4a7c15u) ^
                             ((uint64_t)(uint32_t)future.word << 20) ^
                             (uint32_t)(future.column + 1);
        uint32_t at = table_place(key) & search->merge_mask;
        Beam *there = NULL;
        for (; search->stamps[at] == search->stamp; at = (at + 1) & search->merge_mask) {
            Beam *other = &search->next[search->merged[at]];
            const Future found = future_of(search, other);
            if (found.state == future.state && found.word == future.word &&
                found.column == future.column) {
                there = other;
                break;
            }
        }
        if (there) {
            if (beam.score > there->score) *there = beam;
            continue;
        }
        search->stamps[at] = search->stamp;
        search->merged[at] = kept;
        search->next[kept++] = beam;
    }
    return kept;
}

/* The score that the best beam of a frame will have at least: one that adds no letter. */
static double least_best(const Search *search, int32_t count, const float *logp, int32_t tries) {
    double blank = -INFINITY, best = -INFINITY;
    if (tries && search->tried[0] == 0) blank = logp[0];
    for (int32_t at = 0; at < count; at++) {
        const Beam *beam = &search->beams[at];
        double own = blank;
        if (beam->column > 0 && logp[beam->column] > own &&
            logp[beam->column] >= search->options->min_token_logp)
            own = logp[beam->column];
        if (beam->score + own > best) best = beam->score + own;
    }
    return best;
}

static int32_t step(Search *search, int32_t count, const float *logp, int32_t frame,
                    int32_t tries) {
    const SearchOptions *options = search->options;
    const int32_t *tried = search->tried;
    make_room(search, (int64_t)count * tries);
    search->stamp++;
    /* The score of an unknown word falls with each letter: what is too low stays so. */
    double lowest = -INFINITY;
    if (options->characters && options->alpha >= 0)
        lowest = lowest_score(search, least_best(search, count, logp, tries), 1);
    int32_t made = 0;
    for (int32_t at = 0; at < tries; at++) {
        poll(search);
        const int32_t column = tried[at];
        for (int32_t from = 0; from < count; from++) {
            const Beam *beam = &search->beams[from];
            if (search->letters[beam->word].unknown && beam->score + logp[column] < lowest) continue;
            Beam longer = extended(search, beam, column, frame, logp[column]);
            if (search->letters[longer.word].unknown &&
                (unknown_score_bound(search, &longer) < lowest ||
                 unknown_score(search, &longer) < lowest))
                continue;
            made = merge(search, made, &longer);
        }
    }
    for (int32_t at = 0; at < made; at++)
        search->next[at].score = beam_score(search, &search->next[at]);
    if (options->n_best == 1) made = keep_winners(search, made);
    made = prune(search, search->next, made);
    Beam *swap = search->beams;
    search->beams = search->next;
    search->next = swap;
    return made;
}

static int32_t finish(Search *search, int32_t count) {
    const SearchOptions *options = search->options;
    search->stamp++;
    int32_t made = 0;
    for (int32_t at = 0; at < count; at++) {
        Beam beam = search->beams[at];
        if (beam.word) beam.history = next_history(search, &beam);
        beam.word = 0;
        beam.column = -1;
        made = merge(search, made, &beam);
    }
    for (int32_t at = 0; at < made; at++) {
        Beam *beam = &search->next[at];
        const History *history = &search->histories[beam->history];
        beam->score = beam->emitted + history->score;
        if (options->ngrams && options->sentence) {
            State after;
            const double end = ngrams_score(options->ngrams, &search->states[history->state],
                                            options->ngrams->end, &after);
            beam->score += options->alpha * end * LN10;
        }
    }
    return prune(search, search->next, made);
}

static int better(const void *left, const void *right) {
    const Beam *a = left, *b = right;
    if (a->score != b->score) return a->score < b->score ? 1 : -1;
    return (a->history > b->history) - (a->history < b->history);
}

/* The words of a hypothesis, from `at` in `text` on, a space after each, and a NUL; their letters and
   rough frames go to `labels`, `words` and `spans`. Returns the number of letters. */
static long write_words(Search *search, const Beam *beam, size_t *at, int32_t words, int32_t *spans) {
    long letters = 0;
    int32_t left = words;
    search->path = grown(search, search->path, (words + 1) * sizeof *search->path);
    for (int32_t node = beam->history; node; node = search->histories[node].parent)
        search->path[--left] = node;
    for (int32_t word = 0; word < words; word++) {
        const History *history = &search->histories[search->path[word]];
        long end = letters;
        for (int32_t node = history->word; node; node = search->letters[node].parent) end++;
        search->labels_of = grown(search, search->labels_of, (end + 1) * sizeof(int32_t));
        search->words_of = grown(search, search->words_of, (end + 1) * sizeof(int32_t));
        long place = end;
        for (int32_t node = history->word; node; node = search->letters[node].parent) {
            search->labels_of[--place] = search->letters[node].column;
            search->words_of[place] = word;
        }
        letters = end;
        *at = spell(search, history->word, *at);
        search->text[(*at)++] = ' ';
        spans[2 * word] = history->first;
        spans[2 * word + 1] = history->past;
    }
    *at = spell(search, 0, *at) + 1;
    return letters;
}

/* Each hypothesis as `write_words` has it; `spans` gets two frames a word, `posteriors` a number. */
static char *write_hypotheses(Search *search, int32_t count, const float *logp, long frames,
                            double *scores) {
    size_t at = 0, words = 0;
    /* Also where weights beyond all bounds left no hypothesis whose score is a number. */
    spell(search, 0, 0);
    for (int32_t index = 0; index < count; index++) {
        const Beam *beam = &search->next[index];
        const SearchOptions *options = search->options;
        scores[index] = beam->score;
        int32_t length = 0;
        for (int32_t node = beam->history; node; node = search->histories[node].parent) length++;
        const size_t room = words + (size_t)length + 1;
        search->spans = grown(search, search->spans, 2 * room * sizeof *search->spans);
        search->posteriors = grown(search, search->posteriors, room * sizeof *search->posteriors);
        int32_t *spans = search->spans + 2 * words;
        const long letters = write_words(search, beam, &at, length, spans);
        const int result = nordlyd_align_words(logp, frames, options->columns, options->delimiter,
                                         search->labels_of, search->words_of, letters, length,
                                         spans, search->posteriors + words, options->poll);
        if (result) longjmp(search->ended, result);
        words += (size_t)length;
    }
    char *text = search->text;
    search->text = NULL;
    return text;
}

static void free_search(Search *search) {
    free(search->labels);
    free(search->letters);
    free(search->histories);
    table_free(&search->letter_children);
    table_free(&search->history_children);
    table_free(&search->state_numbers);
    free(search->states);
    free(search->beams);
    free(search->next);
    free(search->merged);
    free(search->stamps);
    free(search->text);
    free(search->tried);
    free(search->path);
    free(search->spans);
    free(search->posteriors);
    free(search->labels_of);
    free(search->words_of);
    free(search);
}

/* Go through all frames; returns the number of beams in `next`, best first. */
static int32_t run(Search *search, const float *logp, long frames, double *alike) {
    const SearchOptions *options = search->options;
    search->room = 64;
    make_room(search, 256);
    search->beams[0] = (Beam){0, 0, -1, 0, 0, 0, 0};
    search->tried = grown(search, NULL, (options->columns + 1) * sizeof *search->tried);
    int32_t *tried = search->tried, beams = 1, before = -1;
    for (long frame = 0; frame < frames; frame++, logp += options->columns) {
        int32_t tries = 0, best = 0;
        for (int32_t column = 0; column < options->columns; column++) {
            if (logp[column] > logp[best]) best = column;
            tried[tries] = column;
            tries += logp[column] >= options->min_token_logp;
        }
        if (!tries) tried[tries++] = best;
        const int32_t only = tries == 1 ? tried[0] : -1;
        if (only >= 0 && only == before) {
            *alike += logp[only];
            for (int32_t beam = 0; only > 0 && beam < beams; beam++)
                search->beams[beam].past += only != options->delimiter;
            continue;
        }
        beams = step(search, beams, logp, (int32_t)frame, tries);
        before = only;
    }
    beams = finish(search, beams);
    qsort(search->next, beams, sizeof *search->next, better);
    return beams < options->n_best ? beams : options->n_best;
}

/* Run a search whose arrays are its own; NULL with the reason, below 0, in `count`. */
static char *text_of(Search *search, const float *logp, long frames, int32_t *count,
                     double *scores) {
    switch (setjmp(search->ended)) {
    case 0:
        break;
    case STOPPED:
        *count = -STOPPED;
        return NULL;
    default:
        *count = -NO_MEMORY;
        return NULL;
    }
    double alike = 0;
    begin_words(search);
    *count = run(search, logp, frames, &alike);
    char *text = write_hypotheses(search, *count, logp, frames, scores);
    for (int32_t index = 0; index < *count; index++) scores[index] += alike;
    return text;
}

char *search_columns(const SearchOptions *options, const float *logp, long frames, int32_t *count,
                     double *scores, int32_t **spans, double **posteriors) {
    Search *search = calloc(1, sizeof *search);
    *spans = NULL;
    *posteriors = NULL;
    *count = -NO_MEMORY;
    if (!search) return NULL;
    search->options = options;
    char *text = text_of(search, logp, frames, count, scores);
    if (text) {
        *spans = search->spans;
        *posteriors = search->posteriors;
        search->spans = NULL;
        search->posteriors = NULL;
    }
    free_search(search);
    return text;
}

void nordlyd_release(void *memory) { free(memory); }
