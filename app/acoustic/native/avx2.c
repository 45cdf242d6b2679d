/* The kernels of simd.h for AVX2 and FMA. */
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#define LEVEL avx2
#include "avx2.h"
#include "simd.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
