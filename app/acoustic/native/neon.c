/* The kernels of rows.h for 64-bit ARM. */
#if defined(__aarch64__)
#define LEVEL neon
#include "neon.h"
#include "rows.h"
#endif
