"""Compiles the kernels where there is a C compiler; without one the install goes on."""

import platform

from setuptools import Extension, setup

SOURCES = ("available", "linear", "convolution", "attention", "quantise")

kernels = Extension(
    "app.acoustic.native._kernels",
    sources=[f"app/acoustic/native/{name}.c" for name in SOURCES],
    depends=["app/acoustic/native/amx.h"],
    # OpenMP is compiled in but not linked: the process already has torch's runtime.
    extra_compile_args=["-O3", "-std=gnu11", "-fopenmp", "-fno-math-errno"],
    optional=True,
)

alignment = Extension(
    "app.decoding.align._viterbi",
    sources=["app/decoding/align/viterbi.c"],
    extra_compile_args=["-O3", "-std=gnu11"],
    optional=True,
)

SEARCH_SOURCES = ("cache", "columns", "lexicon", "search", "spans", "words")

search = Extension(
    "app.decoding.search._search",
    sources=[f"app/decoding/search/{name}.c" for name in SEARCH_SOURCES],
    depends=[f"app/decoding/search/{name}.h" for name in ("lexicon", "search", "table", "words")],
    libraries=["m"],
    extra_compile_args=["-O3", "-std=gnu11", "-fno-math-errno"],
    optional=True,
)

setup(ext_modules=[alignment, search, *([kernels] if platform.machine() == "x86_64" else [])])
