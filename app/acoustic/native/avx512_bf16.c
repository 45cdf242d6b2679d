/* The kernels of simd.h for AVX-512 with VNNI and BF16. */
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,fma")
#endif
#define LEVEL avx512_bf16
#define WITH_VNNI
#define WITH_BF16
#include "avx512.h"
#include "simd.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
