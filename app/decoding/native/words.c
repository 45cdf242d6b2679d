/* Grows the trees of letters and words, and scores words as they are finished. */
#include "words.h"

/* Letters after which an unknown word costs more; pyctcdecode's AVG_TOKEN_LEN. */
#define LONG_WORD 6

void *grown(Search *search, void *memory, size_t bytes) {
    void *larger = realloc(memory, bytes);
    if (!larger) longjmp(search->ended, NO_MEMORY);
    return larger;
}

/* Of a word that is not in the lexicon, as far as it is spelled. */
static double unknown_score(const SearchOptions *options, const Letters *word) {
    return options->unknown + options->character_weight * word->spelling;
}

static double partial_score(const SearchOptions *options, const Letters *word) {
    if (word->hotword > 0) {
        const int32_t shortest = options->hotwords->first[word->hotword];
        return options->weights[shortest] * word->letters / options->lengths[shortest];
    }
    if (!options->ngrams || (options->lexicon && word->lexicon >= 0)) return 0;
    if (options->characters) {
        const double score = options->alpha * LN10 * unknown_score(options, word);
        return score < 0 ? score : 0;
    }
    return word->letters > LONG_WORD ? options->unknown * word->letters / LONG_WORD : options->unknown;
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
                          .context = WORD_EDGE};
        return search->letters_used++;
    }
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
    word->context = before.context;
    word->spelling = before.spelling;
    for (const char *byte = label; options->characters && *byte; byte++)
        word->spelling += characters_step(options->characters, &word->context, (uint8_t)*byte);
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

/* log10 probability of a word after a history, with what is added for an unknown one. */
static double word_score(Search *search, const State *state, int32_t word, State *next) {
    const SearchOptions *options = search->options;
    Letters *letters = &search->letters[word];
    if (letters->number < 0) {
        const size_t bytes = spell(search, word, 0);
        letters->number = ngrams_word(options->ngrams, search->text, bytes);
    }
    const int listed =
        !options->lexicon || (letters->lexicon >= 0 && options->lexicon->word[letters->lexicon] >= 0);
    const float score = ngrams_score(options->ngrams, state, (uint32_t)letters->number, next);
    if (listed && letters->number) return score;
    if (!options->characters) return score + options->unknown;
    uint64_t context = letters->context;
    const double end = characters_step(options->characters, &context, WORD_EDGE);
    return score + unknown_score(options, letters) + options->character_weight * end;
}

/* The number of a history's state: that of an earlier one which sees the same words. */
static int32_t number_state(Search *search, int32_t number) {
    const State *state = &search->histories[number].state;
    const uint64_t key = ngrams_hash((const char *)state->words, 4 * (uint64_t)state->length);
    const int32_t there = table_get(&search->states, key);
    if (there >= 0) {
        const State *other = &search->histories[there].state;
        const int alike = other->length == state->length &&
                          !memcmp(other->words, state->words, 4 * (size_t)state->length);
        return alike ? there : number;
    }
    if (!table_add(&search->states, key, number)) longjmp(search->ended, NO_MEMORY);
    return number;
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
    const History *before = &search->histories[beam->history];
    *history = (History){.parent = beam->history, .word = beam->word, .first = beam->first,
                         .past = beam->past, .score = before->score, .state_number = -1};
    if (options->ngrams) {
        const double score = word_score(search, &before->state, beam->word, &history->state);
        history->score += options->alpha * score * LN10 + options->beta;
        history->state_number = number_state(search, child);
    }
    const int32_t hot = search->letters[beam->word].hotword;
    if (hot > 0 && options->hotwords->word[hot] >= 0)
        history->score += options->weights[options->hotwords->word[hot]];
    if (!table_add(&search->history_children, key, child)) longjmp(search->ended, NO_MEMORY);
    return child;
}

void begin_words(Search *search) {
    const SearchOptions *options = search->options;
    if (!table_make(&search->letter_children, 1024) ||
        !table_make(&search->history_children, 256) || !table_make(&search->states, 256))
        longjmp(search->ended, NO_MEMORY);
    search->labels = grown(search, NULL, (options->columns + 1) * sizeof *search->labels);
    const char *label = options->labels;
    for (int32_t column = 0; column < options->columns; column++, label += strlen(label) + 1)
        search->labels[column] = label;
    search->letters_room = search->histories_room = 256;
    search->letters = grown(search, NULL, 256 * sizeof *search->letters);
    search->histories = grown(search, NULL, 256 * sizeof *search->histories);
    add_letters(search, -1, 0);
    search->histories[0] = (History){.parent = -1};
    search->histories_used = 1;
    if (options->ngrams) {
        ngrams_begin(options->ngrams, options->sentence, &search->histories[0].state);
        number_state(search, 0);
    }
}
