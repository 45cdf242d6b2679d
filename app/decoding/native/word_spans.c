/* The Viterbi alignment of words to a short stretch of columns. */
#include "word_spans.h"

#include <math.h>
#include <stdlib.h>

/* Frames whose scores are prepared at once; even, so that a pass leaves its rows in place. */
#define BLOCK_FRAMES 64

typedef struct {
    float *scores;               /* [BLOCK_FRAMES, columns + 1] */
    int32_t *gaps;               /* [tokens + 1] */
    float *penalty, *rows, *work;
    uint8_t *from_gap, *from_label;
    int32_t *origins, *path;
} Memory;

static int allocate(Memory *memory, long frames, long columns, long tokens) {
    const size_t row = (size_t)tokens + 2, cells = (size_t)frames * (tokens + 1) + 1;
    memory->scores = malloc(BLOCK_FRAMES * (columns + 1) * sizeof(float));
    memory->gaps = malloc(row * sizeof(int32_t));
    memory->penalty = malloc(row * sizeof(float));
    memory->rows = malloc(2 * row * sizeof(float));
    memory->work = malloc(2 * row * sizeof(float));
    memory->from_gap = malloc(cells);
    memory->from_label = malloc(cells);
    memory->origins = calloc(row, sizeof(int32_t));
    memory->path = malloc(((size_t)frames + 1) * sizeof(int32_t));
    return memory->scores && memory->gaps && memory->penalty && memory->rows && memory->work &&
           memory->from_gap && memory->from_label && memory->origins && memory->path;
}

static void release(const Memory *memory) {
    free(memory->scores);
    free(memory->gaps);
    free(memory->penalty);
    free(memory->rows);
    free(memory->work);
    free(memory->from_gap);
    free(memory->from_label);
    free(memory->origins);
    free(memory->path);
}

/* Scores against the best of each frame, and in one more column the better of blank and delimiter:
   what may stand between words. */
static void relative(const float *logp, long frames, long columns, int32_t delimiter, float *out) {
    for (long frame = 0; frame < frames; frame++, logp += columns, out += columns + 1) {
        float peak = logp[0];
        for (long column = 1; column < columns; column++)
            if (logp[column] > peak) peak = logp[column];
        for (long column = 0; column < columns; column++) out[column] = logp[column] - peak;
        out[columns] = delimiter > 0 && out[delimiter] > out[0] ? out[delimiter] : out[0];
    }
}

/* Reads spans and means off a path. */
static void read_path(const float *logp, long frames, long columns, const int32_t *labels,
                      const int32_t *words, const int32_t *path, int32_t *first, int32_t *past,
                      double *means) {
    double peak = -INFINITY;
    long letters = 0;
    for (long frame = frames - 1; frame >= 0; frame--) {
        const int32_t state = path[frame];
        if (state % 2 == 0) continue;
        const int32_t word = words[state / 2];
        if (past[word] < 0) {
            past[word] = (int32_t)frame + 1;
            means[word] = 0;
            letters = 0;
        }
        first[word] = (int32_t)frame;
        const double score = logp[frame * columns + labels[state / 2]];
        if (score > peak) peak = score;
        if (frame == 0 || path[frame - 1] != state) {
            means[word] += (peak - means[word]) / (double)++letters;
            peak = -INFINITY;
        }
    }
}

int32_t word_spans(const float *logp, long frames, long columns, int32_t delimiter,
                           const int32_t *labels, const int32_t *words, long tokens,
                           int32_t *first, int32_t *past, double *means) {
    Memory m;
    if (!allocate(&m, frames, columns, tokens)) {
        release(&m);
        return NO_MEMORY;
    }
    const long row = tokens + 2;
    for (long k = 0; k < 2 * row; k++) m.rows[k] = m.work[k] = -INFINITY;
    m.rows[1] = 0;
    for (long k = 0; k <= tokens; k++) {
        const int within = k > 0 && k < tokens && words[k] == words[k - 1];
        m.gaps[k] = within ? 0 : (int32_t)columns;
    }
    for (long k = 0; k < tokens; k++) {
        m.penalty[k] = k && labels[k] != labels[k - 1] ? 0 : -INFINITY;
        past[words[k]] = -1;
    }
    for (long start = 0; start < frames; start += BLOCK_FRAMES) {
        const long count = frames - start < BLOCK_FRAMES ? frames - start : BLOCK_FRAMES;
        relative(logp + start * columns, count, columns, delimiter, m.scores);
        nordlyd_viterbi_forward(m.scores, start, count, frames, columns + 1, labels, m.gaps,
                                m.penalty, tokens, NULL, NULL, 0, m.rows, m.work,
                                m.from_gap + start * (tokens + 1),
                                m.from_label + start * (tokens + 1));
    }
    const float in_gap = m.rows[tokens + 1], in_token = m.rows[row + tokens];
    const int ends_in_token = in_token > in_gap;
    const int32_t result = isfinite(ends_in_token ? in_token : in_gap) ? 0 : DOES_NOT_FIT;
    if (!result) {
        nordlyd_viterbi_backward(m.from_gap, m.from_label, frames, tokens, m.origins,
                                 2 * tokens - ends_in_token, m.path);
        read_path(logp, frames, columns, labels, words, m.path, first, past, means);
    }
    release(&m);
    return result;
}
