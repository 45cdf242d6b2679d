/* The kernels of simd.h for AVX2 and FMA with AVX-VNNI. */
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,avxvnni"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,avxvnni")
#endif
#define LEVEL avx2_vnni
#define WITH_VNNI
#include "avx2.h"
#include "simd.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
