/* Which kernels this CPU can run: app/native_header.py reads this file. */
#ifndef NORDLYD_ACOUSTIC_API_H
#define NORDLYD_ACOUSTIC_API_H

/* 1 where the processor has AMX bf16 and AVX-512 bf16 and the kernel grants the tile state. */
int nordlyd_amx_available(void);
/* The levels of simd.h that this CPU, under this operating system, can run: a bit for each. */
long nordlyd_levels(void);

#endif
