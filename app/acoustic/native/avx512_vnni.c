/* The kernels of simd.h for AVX-512 with VNNI. */
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma")
#endif
#define LEVEL avx512_vnni
#define WITH_VNNI
#include "avx512.h"
#include "simd.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
