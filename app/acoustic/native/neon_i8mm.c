/* The kernels of simd.h for 64-bit ARM with the int8 matrix product. */
#if defined(__aarch64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("dotprod,i8mm"))), apply_to = function)
#else
#pragma GCC target("arch=armv8.2-a+dotprod+i8mm")
#endif
#define LEVEL neon_i8mm
#define WITH_I8MM
#include "neon.h"
#include "simd.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
