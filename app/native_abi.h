/* The stamp by which the loader knows from which sources an object file was compiled: see
   app/native_library.py. Included by one source file of each library. */
#ifndef NORDLYD_ABI
#define NORDLYD_ABI "none"
#endif

const char nordlyd_abi[] = NORDLYD_ABI;
