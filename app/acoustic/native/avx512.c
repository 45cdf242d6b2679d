/* The kernels of simd.h for AVX-512. */
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,fma")
#endif
#define LEVEL avx512
#include "avx512.h"
#include "simd.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
