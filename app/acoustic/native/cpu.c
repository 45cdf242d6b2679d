/* Which of the levels of simd.h this CPU, under this operating system, can run. Plain C: nothing
 * here needs more than any processor of its family has.
 */
#include "api.h"

#include <stdint.h>

enum { AVX2 = 1, AVX2_VNNI = 2, AVX512 = 4, AVX512_VNNI = 8, AVX512_BF16 = 16 };
enum { NEON = 1, NEON_DOTPROD = 2, NEON_I8MM = 4, NEON_BF16 = 8 };

#if defined(__x86_64__)
#include <cpuid.h>

/* The parts of the registers that the operating system saves. */
static uint32_t saved_state(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static int bit(uint32_t word, int at) { return (word >> at) & 1; }

long nordlyd_levels(void) {
    uint32_t a, b, c, d, features, more = 0;
    long levels = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !bit(c, 27)) return 0;
    const int fma = bit(c, 12), ymm = (saved_state() & 0x06) == 0x06;
    const int zmm = (saved_state() & 0xe6) == 0xe6;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
    features = b;
    const int vnni = bit(c, 11);
    if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) more = a;
    if (ymm && fma && bit(features, 5)) levels |= AVX2;
    if (levels & AVX2 && bit(more, 4)) levels |= AVX2_VNNI;
    /* AVX-512 F, DQ, BW and VL. */
    if (levels & AVX2 && zmm && bit(features, 16) && bit(features, 17) && bit(features, 30) &&
        bit(features, 31))
        levels |= AVX512;
    if (levels & AVX512 && vnni) levels |= AVX512_VNNI;
    if (levels & AVX512_VNNI && bit(more, 5)) levels |= AVX512_BF16;
    return levels;
}
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

/* From Linux's asm/hwcap.h. */
#define CAP_DOTPROD (1ul << 20)
#define CAP2_I8MM (1ul << 13)
#define CAP2_BF16 (1ul << 14)

long nordlyd_levels(void) {
    const unsigned long first = getauxval(AT_HWCAP), second = getauxval(AT_HWCAP2);
    long levels = NEON;
    if (first & CAP_DOTPROD) levels |= NEON_DOTPROD;
    if (first & CAP_DOTPROD && second & CAP2_I8MM) levels |= NEON_I8MM;
    if (levels & NEON_I8MM && second & CAP2_BF16) levels |= NEON_BF16;
    return levels;
}
#else
long nordlyd_levels(void) { return 0; }
#endif
