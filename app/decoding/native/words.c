/* Grows the trees of letters and words, and scores words as they are finished. */
#include "words.h"

#include <math.h>

/* Letters after which an unknown word costs more; pyctcdecode's AVG_TOKEN_LEN. */
#define LONG_WORD 6

/* The part of an unknown word's cost, besides its spelling, that its beginning does not have yet.
   Known words have none of theirs while they are begun: with the whole cost from the first letter
   on, unknown words are dropped that would win, and with none of it more of them are kept than the
   beam has time for. */
#define DUE_LATER 0.5

void *grown(Search *search, void *memory, size_t bytes) {
    void *larger = realloc(memory, bytes);
    if (!larger) longjmp(search->ended, NO_MEMORY);
    return larger;
}

/* Of the spelling of a word that is not in the lexicon. */
static double spelling_score(const SearchOptions *options, double spelling) {
    return options->alpha * LN10 * (options->unknown + options->character_weight * spelling);
}

static double partial_score(const SearchOptions *options, const Letters *word) {
    if (word->hotword > 0) {
        const int32_t shortest = options->hotwords->first[word->hotword];
        return options->weights[shortest] * word->letters / options->lengths[shortest];
    }
    if (!options->ngrams || (options->lexicon && word->lexicon >= 0)) return 0;
    if (options->characters) return spelling_score(options, word->spelling.score);
    return word->letters > LONG_WORD ? options->unknown * word->letters / LONG_WORD : options->unknown;
}

/* Scores the last label of a word that is not in the lexicon, where that was not done yet. */
static void score_label(Search *search, Letters *word) {
    const SearchOptions *options = search->options;
    if (word->spelled) return;
    word->spelled = 1;
    for (const char *byte = search->labels[word->column]; *byte; byte++)
        characters_spell(options->characters, &word->spelling, (uint8_t)*byte);
    if (word->unknown) word->partial = spelling_score(options, word->spelling.score);
}

static int32_t add_letters(Search *search, int32_t parent, int32_t column) {
    const SearchOptions *options = search->options;
    if (search->letters_used == search->letters_room) {
        search->letters_room *= 2;
        search->letters =
            grown(search, search->letters, search->letters_room * sizeof *search->letters);
    }
    Letters *word = &search->letters[search->letters_used];
    if (parent < 0) {
        *word = (Letters){.parent = -1, .lexicon = options->lexicon ? 0 : -1,
                          .hotword = options->hotwords ? 0 : -1, .number = -1,
                          .spelled = 1};
        return search->letters_used++;
    }
    score_label(search, &search->letters[parent]);
    const Letters before = search->letters[parent];
    const char *label = search->labels[column];
    int32_t letters = 0;
    for (const char *byte = label; *byte; byte++) letters += (*byte & 0xc0) != 0x80;
    word->parent = parent;
    word->column = column;
    word->letters = before.letters + letters;
    word->number = -1;
    word->lexicon = before.lexicon < 0 ? -1 : lexicon_step(options->lexicon, before.lexicon, label);
    word->hotword = before.hotword < 0 ? -1 : lexicon_step(options->hotwords, before.hotword, label);
    word->spelled = !options->characters || word->lexicon >= 0;
    word->unknown = !word->spelled && word->hotword < 0;
    if (!word->spelled)
        word->spelling =
            before.lexicon < 0 ? before.spelling : options->characters->listed[before.lexicon];
    word->partial = partial_score(options, word);
    return search->letters_used++;
}

int32_t next_letters(Search *search, int32_t parent, int32_t column) {
    const uint64_t key = (uint64_t)parent << 32 | (uint32_t)column;
    int32_t child = table_get(&search->letter_children, key);
    if (child < 0) {
        child = add_letters(search, parent, column);
        if (!table_add(&search->letter_children, key, child)) longjmp(search->ended, NO_MEMORY);
    }
    return child;
}

size_t spell(Search *search, int32_t word, size_t at) {
    size_t bytes = 0;
    for (int32_t node = word; node; node = search->letters[node].parent)
        bytes += strlen(search->labels[search->letters[node].column]);
    if (at + bytes + 2 > search->text_room) {
        search->text_room = (at + bytes + 2) * 2;
        search->text = grown(search, search->text, search->text_room);
    }
    char *end = search->text + at + bytes;
    *end = 0;
    for (int32_t node = word; node; node = search->letters[node].parent) {
        const char *label = search->labels[search->letters[node].column];
        const size_t length = strlen(label);
        end -= length;
        memcpy(end, label, length);
    }
    return at + bytes;
}

/* The number of a state, which equal ones share. */
static int32_t number_state(Search *search, const State *state) {
    const uint64_t key = ngrams_hash((const char *)state->words, 4 * (uint64_t)state->length);
    const int32_t there = table_get(&search->state_numbers, key);
    if (there >= 0) {
        const State *other = &search->states[there];
        if (other->length == state->length &&
            !memcmp(other->words, state->words, 4 * (size_t)state->length))
            return there;
    }
    if (search->states_used == search->states_room) {
        search->states_room *= 2;
        search->states = grown(search, search->states, search->states_room * sizeof *search->states);
    }
    if (there < 0 && !table_add(&search->state_numbers, key, search->states_used))
        longjmp(search->ended, NO_MEMORY);
    search->states[search->states_used] = *state;
    return search->states_used++;
}

/* What an unknown word costs after a history, besides its spelling. */
static void score_unknown(Search *search, History *history) {
    const SearchOptions *options = search->options;
    State next;
    const float score = ngrams_score(options->ngrams, &search->states[history->state], 0, &next);
    history->unknown = options->alpha * score * LN10 + options->beta;
    history->unknown_state = number_state(search, &next);
}

double unknown_score_bound(Search *search, const Beam *beam) {
    History *history = &search->histories[beam->history];
    if (history->unknown_state < 0) score_unknown(search, history);
    return beam->emitted + history->score + search->letters[beam->word].partial +
           history->unknown - search->unknown_later;
}

double unknown_score(Search *search, const Beam *beam) {
    score_label(search, &search->letters[beam->word]);
    return unknown_score_bound(search, beam);
}

/* Adds the score of a word that the language model has, or where all others cost the same. */
static void score_known(Search *search, History *history, const State *before, int32_t listed) {
    const SearchOptions *options = search->options;
    Letters *letters = &search->letters[history->word];
    if (letters->number < 0) {
        const size_t bytes = spell(search, history->word, 0);
        letters->number = ngrams_word(options->ngrams, search->text, bytes);
    }
    State next;
    double score = ngrams_score(options->ngrams, before, (uint32_t)letters->number, &next);
    if (!listed || !letters->number) score += options->unknown;
    history->score += options->alpha * score * LN10 + options->beta;
    history->state = number_state(search, &next);
}

/* Adds the score of a word, `history->word`, after the history before it. */
static void score_word(Search *search, History *history, History *before) {
    const SearchOptions *options = search->options;
    Letters *letters = &search->letters[history->word];
    const int listed =
        !options->lexicon || (letters->lexicon >= 0 && options->lexicon->word[letters->lexicon] >= 0);
    if (listed || !options->characters) {
        score_known(search, history, &search->states[before->state], listed);
        return;
    }
    score_label(search, letters);
    Spelling spelling =
        letters->lexicon < 0 ? letters->spelling : options->characters->listed[letters->lexicon];
    characters_spell(options->characters, &spelling, WORD_EDGE);
    if (before->unknown_state < 0) score_unknown(search, before);
    history->score += before->unknown + spelling_score(options, spelling.score);
    history->state = before->unknown_state;
}

int32_t next_history(Search *search, const Beam *beam) {
    const SearchOptions *options = search->options;
    const uint64_t key = (uint64_t)beam->history << 32 | (uint32_t)beam->word;
    int32_t child = table_get(&search->history_children, key);
    if (child >= 0) return child;
    if (search->histories_used == search->histories_room) {
        search->histories_room *= 2;
        search->histories =
            grown(search, search->histories, search->histories_room * sizeof *search->histories);
    }
    child = search->histories_used++;
    History *history = &search->histories[child];
    History *before = &search->histories[beam->history];
    *history = (History){.parent = beam->history, .word = beam->word, .first = beam->first,
                         .past = beam->past, .state = -1, .unknown_state = -1,
                         .score = before->score};
    if (options->ngrams) score_word(search, history, before);
    const int32_t hot = search->letters[beam->word].hotword;
    if (hot > 0 && options->hotwords->word[hot] >= 0)
        history->score += options->weights[options->hotwords->word[hot]];
    if (!table_add(&search->history_children, key, child)) longjmp(search->ended, NO_MEMORY);
    return child;
}

void begin_words(Search *search) {
    const SearchOptions *options = search->options;
    if (!table_make(&search->letter_children, 1024) ||
        !table_make(&search->history_children, 256) || !table_make(&search->state_numbers, 256))
        longjmp(search->ended, NO_MEMORY);
    search->labels = grown(search, NULL, (options->columns + 1) * sizeof *search->labels);
    const char *label = options->labels;
    for (int32_t column = 0; column < options->columns; column++, label += strlen(label) + 1)
        search->labels[column] = label;
    search->letters_room = search->histories_room = search->states_room = 256;
    search->letters = grown(search, NULL, 256 * sizeof *search->letters);
    search->histories = grown(search, NULL, 256 * sizeof *search->histories);
    search->states = grown(search, NULL, 256 * sizeof *search->states);
    add_letters(search, -1, 0);
    search->histories[0] = (History){.parent = -1, .unknown_state = -1};
    search->histories_used = 1;
    State begin = {0};
    if (options->ngrams) ngrams_begin(options->ngrams, options->sentence, &begin);
    search->histories[0].state = number_state(search, &begin);
    if (!options->characters) return;
    State nothing = {0}, next;
    const double score = ngrams_score(options->ngrams, &nothing, 0, &next);
    search->unknown_later = DUE_LATER * fmin(options->alpha * score * LN10 + options->beta, 0);
}
