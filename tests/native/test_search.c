/* The beam search against the sum over all paths, the columns against double precision, and many
   searches at once over one language model. */
#include "app/decoding/native/words.h"
#include "check.h"

#include <pthread.h>
#include <string.h>


#define MAX_TEXTS 4096
#define MAX_HYPOTHESES 100

typedef struct {
    char text[64];
    double score;
} Hypothesis;

static const char LABELS[] = "\0 \0a\0\xc3\xa5\0"
                             "b";
static const char *const LETTER[] = {"", " ", "a", "\xc3\xa5", "b"};

static int better(const void *left, const void *right) {
    const double a = ((const Hypothesis *)left)->score, b = ((const Hypothesis *)right)->score;
    return (a < b) - (a > b);
}

/* Every text and the sum of its paths, best first; words end with a space, as the search has it. */
static int enumerate_hypotheses(const float *logp, long frames, long columns, Hypothesis *found) {
    long paths = 1;
    int count = 0;
    for (long frame = 0; frame < frames; frame++) paths *= columns;
    for (long path = 0; path < paths; path++) {
        char text[64] = "";
        double score = 0;
        long before = -1, left = path;
        for (long frame = 0; frame < frames; frame++, left /= columns) {
            const long column = left % columns;
            score += logp[frame * columns + column];
            const size_t length = strlen(text);
            if (column != before && column == 1) {
                if (length && text[length - 1] != ' ') strcat(text, " ");
            } else if (column != before && column) {
                strcat(text, LETTER[column]);
            }
            before = column;
        }
        const size_t length = strlen(text);
        if (length && text[length - 1] != ' ') strcat(text, " ");
        int at = 0;
        while (at < count && strcmp(found[at].text, text)) at++;
        if (at == count) {
            CHECK(count < MAX_TEXTS, "too many texts");
            strcpy(found[count].text, text);
            found[count++].score = score;
        } else {
            const double high = fmax(found[at].score, score);
            found[at].score = high + log(exp(found[at].score - high) + exp(score - high));
        }
    }
    return count;
}

/* Add the weight of each hotword that a text has. */
static void weigh(Hypothesis *hypotheses, int count, const char *const *words, const double *weights,
                  int hotwords) {
    for (int at = 0; at < count; at++) {
        char text[64], *left;
        strcpy(text, hypotheses[at].text);
        for (char *word = strtok_r(text, " ", &left); word; word = strtok_r(NULL, " ", &left))
            for (int hot = 0; hot < hotwords; hot++)
                if (!strcmp(word, words[hot])) hypotheses[at].score += weights[hot];
    }
}

static SearchOptions plain_options(long columns) {
    SearchOptions options = {0};
    options.labels = LABELS;
    options.columns = (int32_t)columns;
    options.delimiter = columns > 1 ? 1 : -1;
    options.beam_width = 100000;
    options.prune_logp = options.min_token_logp = -INFINITY;
    options.n_best = MAX_HYPOTHESES;
    return options;
}

/* For one hypothesis, paths that will be merged later may be dropped: it scores no more. */
static void check_one(const char *text, int32_t count, double score, const Hypothesis *expected,
                      int texts) {
    CHECK(text && count == 1, "%d hypotheses", count);
    int at = 0;
    while (at < texts && strcmp(text, expected[at].text)) at++;
    CHECK(at < texts && score <= expected[at].score + 1e-5, "'%s': %g", text, score);
}

static void check_exact(long frames, long columns, double sharpness, int hot) {
    static const char *const words[] = {"a", "b", "a\xc3\xa5", "ba"};
    static const int32_t lengths[] = {1, 1, 2, 2};
    static Hypothesis expected[MAX_TEXTS];
    float *logp = random_columns(frames, columns, sharpness);
    double weights[4], scores[MAX_HYPOTHESES];
    for (int at = 0; at < 4; at++) weights[at] = 20 * random_unit() - 10;
    const int texts = enumerate_hypotheses(logp, frames, columns, expected);
    SearchOptions options = plain_options(columns);
    Lexicon *hotwords = hot ? nordlyd_lexicon_create("a\nb\na\xc3\xa5\nba\n", 11) : NULL;
    if (hot) {
        options.hotwords = hotwords, options.weights = weights, options.lengths = lengths;
        weigh(expected, texts, words, weights, 4);
    }
    qsort(expected, texts, sizeof *expected, better);
    int32_t count = 0, *spans = NULL;
    double *posteriors;
    char *text = search_columns(&options, logp, frames, &count, scores, &spans, &posteriors);
    CHECK(text, "no memory");
    CHECK(count == (texts < MAX_HYPOTHESES ? texts : MAX_HYPOTHESES), "%d of %d", count, texts);
    const char *hypothesis = text;
    const int32_t *span = spans;
    const double *posterior = posteriors;
    for (int at = 0; at < count; at++, hypothesis += strlen(hypothesis) + 1) {
        CHECK(close_to(scores[at], expected[at].score, 1e-6),
              "%ld frames, hypothesis %d: %g, not %g",
              frames, at, scores[at], expected[at].score);
        const int tie = (at && expected[at - 1].score - expected[at].score < 1e-9) ||
                        (at + 1 < texts && expected[at].score - expected[at + 1].score < 1e-9);
        CHECK(tie || !strcmp(hypothesis, expected[at].text), "'%s', not '%s'", hypothesis,
              expected[at].text);
        for (const char *byte = hypothesis; *byte; byte++)
            if (*byte == ' ') {
                CHECK(0 <= span[0] && span[0] < span[1] && span[1] <= frames, "%d to %d", span[0],
                      span[1]);
                CHECK(0 <= *posterior && *posterior <= 1, "posterior %g", *posterior);
                span += 2, posterior++;
            }
    }
    nordlyd_release(text), nordlyd_release(spans), nordlyd_release(posteriors);
    options.n_best = 1;
    text = search_columns(&options, logp, frames, &count, scores, &spans, &posteriors);
    check_one(text, count, scores[0], expected, texts);
    nordlyd_release(text), nordlyd_release(spans), nordlyd_release(posteriors);
    nordlyd_lexicon_free(hotwords);
    free(logp);
}

/* Any values of the options, over more frames than could be enumerated: it ends, in bounds. */
static void check_any(long frames, long columns) {
    static const double prunes[] = {0, -1, -10, -100, -1e30, -INFINITY};
    static const double weights[] = {1e308, -1e308, 1e-308, 0};
    static const int32_t lengths[] = {1, 1, 2, 2};
    float *logp = random_columns(frames, columns, 12 * random_unit());
    SearchOptions options = plain_options(columns);
    options.beam_width = (int32_t)random_long(1, 200);
    options.prune_logp = prunes[random_long(0, 5)];
    options.min_token_logp = prunes[random_long(0, 5)];
    options.n_best = (int32_t)random_long(1, MAX_HYPOTHESES);
    Lexicon *hotwords = nordlyd_lexicon_create("a\nb\na\xc3\xa5\nba\n", 11);
    options.hotwords = hotwords, options.weights = weights, options.lengths = lengths;
    double scores[MAX_HYPOTHESES];
    int32_t count = -1, *spans = NULL;
    double *posteriors;
    char *text = search_columns(&options, logp, frames, &count, scores, &spans, &posteriors);
    CHECK(text, "weights without bounds left no text at all");
    CHECK(0 <= count && count <= options.n_best, "%d hypotheses", count);
    nordlyd_release(text), nordlyd_release(spans), nordlyd_release(posteriors);
    nordlyd_lexicon_free(hotwords);
    free(logp);
}

/* A model of the words a, å, aå, b, with back-offs. */
static const char ARPA[] =
    "\\data\\\nngram 1=7\nngram 2=4\nngram 3=2\n\n\\1-grams:\n-2\t<unk>\t-0.1\n-99\t<s>\t-0.4\n"
    "-0.9\t</s>\n-0.7\ta\t-0.3\n-0.8\t\xc3\xa5\t-0.2\n-1.1\ta\xc3\xa5\t-0.1\n-1.2\tb\n\n"
    "\\2-grams:\n-0.3\t<s> a\t-0.2\n-0.4\ta b\t-0.1\n-0.5\tb a\t-0.3\n-0.6\tb </s>\n\n"
    "\\3-grams:\n-0.1\t<s> a b\n-0.2\ta b a\n\n\\end\\\n";

static Ngrams *small_model(void) {
    char error[ERROR_BYTES];
    Ngrams *ngrams = nordlyd_ngrams_open((const uint8_t *)ARPA, sizeof ARPA - 1, error);
    CHECK(ngrams, "%s", error);
    return ngrams;
}

/* The words that are not unknown where there is a character model. */
static const char *const LISTED[] = {"a", "\xc3\xa5", "b"};

/* The number of a word in the language model; 0: it counts as unknown. */
static uint32_t number_of(const Ngrams *ngrams, const SearchOptions *options, const char *word) {
    int listed = !options->characters;
    for (int at = 0; at < 3; at++) listed |= !strcmp(word, LISTED[at]);
    return listed ? ngrams_word(ngrams, word, strlen(word)) : 0;
}

/* What an unknown word costs besides its n-gram. */
static double unknown_cost(const SearchOptions *options, const char *word) {
    if (!options->characters) return options->unknown;
    char line[66];
    double score;
    const int bytes = snprintf(line, sizeof line, "%s\n", word);
    nordlyd_characters_score(options->characters, line, bytes, &score);
    return options->unknown + options->character_weight * score;
}

/* Add the language model's score of each text, with that of the end of the sentence. */
static void judge(const Ngrams *ngrams, const SearchOptions *options, Hypothesis *hypotheses,
                  int count) {
    for (int at = 0; at < count; at++) {
        State states[2];
        int now = 0;
        double score = 0;
        ngrams_begin(ngrams, 1, &states[now]);
        char text[64], *left;
        strcpy(text, hypotheses[at].text);
        for (char *word = strtok_r(text, " ", &left); word; word = strtok_r(NULL, " ", &left), now = !now) {
            const uint32_t number = number_of(ngrams, options, word);
            double one = ngrams_score(ngrams, &states[now], number, &states[!now]);
            if (!number) one += unknown_cost(options, word);
            score += options->alpha * LN10 * one + options->beta;
        }
        score += options->alpha * LN10 * ngrams_score(ngrams, &states[now], ngrams->end, &states[!now]);
        hypotheses[at].score += score;
    }
}

typedef struct {
    const Ngrams *ngrams;
    const Lexicon *lexicon;
    const Characters *characters;
    uint64_t seed;
} Job;

/* Searches with a language model that other threads use too, each against the sum over all paths. */
static void *search_with_model(void *argument) {
    const Job *job = argument;
    Hypothesis *expected = allocated(MAX_TEXTS * sizeof *expected);
    uint64_t state = job->seed;
    for (int round = 0; round < 30; round++) {
        const long frames = 1 + round % 5, columns = 5;
        float logp[25];
        for (long at = 0; at < frames * columns; at++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            logp[at] = (float)(-6 * (double)(state >> 40) * 0x1p-24);
        }
        SearchOptions options = plain_options(columns);
        options.ngrams = job->ngrams;
        options.sentence = 1;
        options.alpha = 0.7, options.beta = 1.3, options.unknown = -4;
        if (round % 2) {
            options.lexicon = job->lexicon;
            options.characters = job->characters, options.character_weight = 0.6;
        }
        const int texts = enumerate_hypotheses(logp, frames, columns, expected);
        judge(job->ngrams, &options, expected, texts);
        qsort(expected, texts, sizeof *expected, better);
        double scores[MAX_HYPOTHESES];
        int32_t count, *spans;
        double *posteriors;
        char *text = search_columns(&options, logp, frames, &count, scores, &spans, &posteriors);
        CHECK(text && count == (texts < MAX_HYPOTHESES ? texts : MAX_HYPOTHESES), "%d", count);
        for (int at = 0; at < count; at++)
            CHECK(close_to(scores[at], expected[at].score, 1e-5), "hypothesis %d: %g, not %g", at,
                  scores[at], expected[at].score);
        nordlyd_release(text), nordlyd_release(spans), nordlyd_release(posteriors);
        options.n_best = 1;
        text = search_columns(&options, logp, frames, &count, scores, &spans, &posteriors);
        check_one(text, count, scores[0], expected, texts);
        nordlyd_release(text), nordlyd_release(spans), nordlyd_release(posteriors);
    }
    free(expected);
    return NULL;
}

static void check_threads(void) {
    static const char listed[] = "a\n\xc3\xa5\nb\n";
    Ngrams *ngrams = small_model();
    Lexicon *lexicon = nordlyd_lexicon_create(listed, sizeof listed - 1);
    Characters *characters = nordlyd_characters_create(listed, sizeof listed - 1, lexicon);
    CHECK(lexicon && characters, "no memory");
    pthread_t threads[4];
    Job jobs[4];
    for (int at = 0; at < 4; at++) {
        jobs[at] = (Job){ngrams, lexicon, characters, random_bits()};
        CHECK(!pthread_create(&threads[at], NULL, search_with_model, &jobs[at]), "no thread");
    }
    for (int at = 0; at < 4; at++) pthread_join(threads[at], NULL);
    nordlyd_ngrams_free(ngrams);
    nordlyd_lexicon_free(lexicon);
    nordlyd_characters_free(characters);
}

static int polls;

static int32_t go_on(void) { return ++polls < 3; }

/* A cancelled search ends at a poll and frees its memory. */
static void check_stopped(void) {
    const long frames = 20000;
    float *logp = random_columns(frames, 5, 0.1);
    SearchOptions options = plain_options(5);
    options.beam_width = 500;
    options.prune_logp = -100;
    options.poll = go_on;
    double scores[MAX_HYPOTHESES];
    int32_t count, *spans;
    double *posteriors;
    char *text = search_columns(&options, logp, frames, &count, scores, &spans, &posteriors);
    CHECK(!text && !spans && !posteriors && count == -2 && polls == 3, "%d polls, count %d", polls, count);
    free(logp);
}

static void check_columns(long frames, long width, long columns, double spread) {
    float *emissions = allocated(frames * width * sizeof *emissions);
    float *out = allocated(frames * columns * sizeof *out);
    int32_t *column = allocated(width * sizeof *column);
    for (long token = 0; token < width; token++)
        column[token] = (int32_t)(token < columns ? token : random_long(0, columns - 1));
    for (long at = 0; at < frames * width; at++)
        emissions[at] = (float)(spread * (random_unit() - 0.5));
    const float lowest = -34.5f;
    CHECK(nordlyd_columns(emissions, frames, width, column, columns, lowest, out) == -1, "refused");
    for (long frame = 0; frame < frames; frame++) {
        const float *row = emissions + frame * width;
        double peak = -INFINITY, total = 0;
        for (long token = 0; token < width; token++) peak = fmax(peak, row[token]);
        for (long token = 0; token < width; token++) total += exp(row[token] - peak);
        for (long c = 0; c < columns; c++) {
            double sum = 0;
            for (long token = 0; token < width; token++)
                if (column[token] == c) sum += exp(row[token] - peak);
            const double expected = fmax(log(sum / total), lowest);
            CHECK(close_to(out[frame * columns + c], expected, 1e-5), "%g, not %g",
                  out[frame * columns + c], expected);
        }
    }
    if (frames) {
        const long bad = random_long(0, frames - 1);
        emissions[bad * width + random_long(0, width - 1)] = random_unit() < 0.5 ? NAN : INFINITY;
        CHECK(nordlyd_columns(emissions, frames, width, column, columns, lowest, out) == bad,
              "a frame without numbers was taken");
    }
    free(emissions), free(out), free(column);
}

int main(void) {
    for (int round = 0; round < 150; round++)
        check_exact(random_long(1, 5), random_long(1, 5), 12 * random_unit(), round % 2);
    check_exact(7, 3, 4, 1);
    check_threads();
    check_stopped();
    for (int round = 0; round < 150; round++) check_any(random_long(1, 60), random_long(1, 5));
    for (int round = 0; round < 100; round++) {
        const long width = random_long(1, 80);
        check_columns(random_long(0, 20), width, random_long(1, width), 200 * random_unit());
    }
    return 0;
}
