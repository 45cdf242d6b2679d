"""Compiles the C libraries where there is a compiler, and adds the models to a wheel.

Without a compiler the installation continues: the reason is written beside the sources, where
app/native_library.py finds it.
"""

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


def _module(path: Path):  # noqa: ANN202
    """Imports a file that needs the standard library only."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


native_library = _module(ROOT / "app" / "native_library.py")


def library(name: str, folder: str, sources: tuple[str, ...], **options: object) -> Extension:
    """Returns a library of the C files of one folder, with the stamp that its loader compares."""
    headers = [str(path.relative_to(ROOT)) for path in sorted((ROOT / folder).rglob("*.h"))]
    return Extension(
        f"{folder.replace('/', '.')}.{name}",
        sources=[f"{folder}/{source}.c" for source in sources],
        depends=["app/native_abi.h", *headers],
        define_macros=[("NORDLYD_ABI", f'"{native_library.source_stamp(ROOT / folder)}"')],
        optional=True,
        **options,
    )


class BuildPackages(build_py):
    """Leaves the benchmarks out of a wheel, and puts the catalogue and the demo models in."""

    def run(self) -> None:
        """Copies the modules, and the models as data of `app.bundled`."""
        if self.editable_mode:
            super().run()
            return
        self.packages = [name for name in self.packages if name.split(".")[0] != "bench"]
        super().run()
        shutil.copytree(
            ROOT / "models",
            Path(self.build_lib) / "app" / "bundled" / "models",
            ignore=shutil.ignore_patterns(
                "report.*", "*.png", "training_log.csv", "language_models", "former_language_models"
            ),
            dirs_exist_ok=True,
        )


class BuildLibraries(build_ext):
    """Compiles every library, and keeps the reason where that fails."""

    def run(self) -> None:
        """Compiles, then writes the failures beside the sources, or where they would be."""
        # The stamp of the sources may change without their dates.
        self.force = True
        self.failures: dict[str, str] = {}
        super().run()
        root = ROOT if self.inplace or self.editable_mode else Path(self.build_lib)
        for ext in self.extensions:
            *package, name = ext.name.split(".")
            folder = root.joinpath(*package)
            record = folder / (name + native_library.FAILURE_SUFFIX)
            record.unlink(missing_ok=True)
            if ext.name in self.failures:
                folder.mkdir(parents=True, exist_ok=True)
                record.write_text(self.failures[ext.name] + "\n", encoding="utf-8")
                (root / self.get_ext_filename(ext.name)).unlink(missing_ok=True)

    def _is_clang(self) -> bool:
        command = getattr(self.compiler, "compiler", ["cc"])[0]
        try:
            printed = subprocess.run(  # noqa: S603
                [command, "--version"], capture_output=True, text=True, check=False
            )
        except OSError:
            return False
        return "clang" in printed.stdout

    def build_extension(self, ext: Extension) -> None:
        """Compiles one library."""
        if self._is_clang():
            # Its OpenMP needs a runtime of its own. The SIMD kernels do without, those for AMX
            # then use one thread.
            kept_flags = [flag for flag in ext.extra_compile_args if flag != "-fopenmp"]
            ext.extra_compile_args = kept_flags
        with _standard_error() as kept:
            try:
                super().build_extension(ext)
            except Exception as error:
                kept.seek(0)
                lines = kept.read().decode(errors="replace").splitlines()
                # The compiler's own message goes before that of its exit status.
                errors = (line.strip() for line in lines if "error" in line.lower())
                self.failures[ext.name] = next(errors, str(error).splitlines()[0])
                raise


@contextmanager
def _standard_error() -> Iterator:
    """Keeps the compiler's standard error, and shows it afterwards."""
    with tempfile.TemporaryFile() as kept:
        shown = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield kept
        finally:
            os.dup2(shown, 2)
            kept.seek(0)
            os.write(shown, kept.read())
            os.close(shown)


HAS_KERNELS = sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64")
KERNELS = "app/acoustic/native"
kernels = library(
    "_kernels",
    KERNELS,
    # Each file holds code for one kind of machine, and is empty on others.
    tuple(path.stem for path in sorted((ROOT / KERNELS).glob("*.c"))),
    # OpenMP is compiled in but not linked: the process already has torch's runtime.
    extra_compile_args=["-O3", "-std=gnu11", "-fopenmp", "-fno-math-errno", "-fno-strict-aliasing"],
)
DECODING = "app/decoding/native"
decoding = library(
    "_decoding",
    DECODING,
    tuple(path.stem for path in sorted((ROOT / DECODING).glob("*.c"))),
    libraries=["m"],
    extra_compile_args=["-O3", "-std=gnu11", "-fno-math-errno"],
)

setup(
    ext_modules=[decoding, *([kernels] if HAS_KERNELS else [])],
    cmdclass={"build_ext": BuildLibraries, "build_py": BuildPackages},
)
