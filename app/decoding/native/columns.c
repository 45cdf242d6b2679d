/* Emissions of a checkpoint to normalised columns of a beam search. */
#include "api.h"

#include <math.h>

long nordlyd_columns(const float *emissions, long frames, long width, const int32_t *column,
                     long columns, float lowest, float *out) {
    for (long frame = 0; frame < frames; frame++, emissions += width, out += columns) {
        float peak = -INFINITY;
        int numbers = 1;
        for (long token = 0; token < width; token++) {
            numbers &= emissions[token] == emissions[token];
            if (emissions[token] > peak) peak = emissions[token];
        }
        if (!numbers || isinf(peak)) return frame;
        for (long c = 0; c < columns; c++) out[c] = -INFINITY;
        double total = 0;
        for (long token = 0; token < width; token++) {
            const float x = emissions[token] - peak;
            float *const sum = &out[column[token]];
            /* What is below cannot change the sum of float32 values. */
            if (x > -20) total += exp(x);
            if (*sum == -INFINITY || x - *sum > 40)
                *sum = x;
            else if (*sum - x < 40)
                *sum = *sum > x ? *sum + log1pf(expf(x - *sum)) : x + log1pf(expf(*sum - x));
        }
        const double norm = log(total);
        for (long c = 0; c < columns; c++) {
            const float logp = (float)(out[c] - norm);
            out[c] = logp < lowest ? lowest : logp > 0 ? 0 : logp;
        }
    }
    return -1;
}
