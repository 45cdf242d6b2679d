/* The kernels of simd.h for 64-bit ARM with the int8 matrix product and bf16. */
#if defined(__aarch64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("dotprod,i8mm,bf16"))), apply_to = function)
#else
#pragma GCC target("arch=armv8.2-a+dotprod+i8mm+bf16")
#endif
#define LEVEL neon_bf16
#define WITH_I8MM
#define WITH_BF16
#include "neon.h"
#include "simd.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
