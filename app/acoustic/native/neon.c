/* The kernels of simd.h for 64-bit ARM. */
#if defined(__aarch64__)
#define LEVEL neon
#include "neon.h"
#include "simd.h"
#endif
