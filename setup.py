"""Compiles the AMX kernels where there is a C compiler; without one the install goes on."""

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

setup(ext_modules=[kernels] if platform.machine() == "x86_64" else [])
