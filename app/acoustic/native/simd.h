/* The encoder's operations on plain rows of fp32, written once for all vector units.
 *
 * A file for each level of instructions (avx2.c, avx512_vnni.c, neon.c, ...) includes the
 * primitives of its unit, defines LEVEL, and then includes this. What the primitives give:
 *
 *   vf, vi          a vector of LANES floats, or of as many 32-bit words
 *   ROWS, VECTORS   the block of a product whose sums stay in registers: ROWS x COLUMNS
 *   vf_*, vi_*      loads and stores that need no alignment, arithmetic, sums and maxima of
 *                   a vector; vf_scale(x, n) is x * 2^n for whole n of -126 to 127
 *   store_bytes     the low 8 bits (store_shorts: 16) of each word of a vector
 *   dot_int8        sum + a * b over the INT8_DEPTH values in each word, exact: where the
 *                   instruction takes unsigned activations, INT8_OFFSET has been added to them
 *   dot_bf16        sum + a * b over the two bf16 values in each word; store_bf16 rounds
 *
 * int8 is there where INT8_DEPTH is defined, bf16 where WITH_BF16 is.
 *
 * Every element of a product is summed over its depth from first to last, independently of the
 * other rows and of the number of threads: so a row's result is bit-identical in any batch.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define COLUMNS (VECTORS * LANES)
#define PASTE_(a, b, c) a##b##c
#define PASTE(a, b, c) PASTE_(a, b, c)
/* nordlyd_<level>_<name>: what Python calls. */
#define PUBLIC(name) PASTE(nordlyd_, LEVEL, _##name)

#include "parallel.h"
#include "simd_api.h"

#if defined(__clang__)
#define UNROLLED _Pragma("unroll")
#else
#define UNROLLED _Pragma("GCC unroll 32")
#endif

static inline long least(long a, long b) { return a < b ? a : b; }
static inline long parts_of(long whole, long part) { return (whole + part - 1) / part; }

#include "simd_math.h"
#include "simd_product.h"
#include "simd_layers.h"
#include "simd_attention.h"
