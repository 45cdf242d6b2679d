/* The kernels of simd.h for 64-bit ARM with the dot product. */
#if defined(__aarch64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#else
#pragma GCC target("arch=armv8.2-a+dotprod")
#endif
#define LEVEL neon_dotprod
#define WITH_DOTPROD
#include "neon.h"
#include "simd.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
