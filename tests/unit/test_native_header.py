"""C headers as the only source of ctypes signatures and structures."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

from app.acoustic.native.library import LIBRARY as KERNELS
from app.decoding.native.library import LIBRARY as DECODING
from app.native_header import HeaderError, parse_header

HEADER = """
/* A comment; with a semicolon, and void in_a_comment(void); */
#ifndef GUARD_H
#define LONG(a, b) \\
    a##b
#include <stdint.h>
typedef struct Opaque Opaque;
enum { A = 1, B = 2 };
typedef struct {
    const char *text;
    float *first, *second;
    long rows, columns;
    int32_t (*poll)(void); /* or NULL */
} task;
#ifdef PUBLIC
void PUBLIC(run)(const task *t);
#endif
const Opaque *opened(const char *path, uint64_t size, char *error);
double scored(const Opaque *o, int8_t small, float x,
              int32_t (*poll)(long a, double b));
#endif
"""


def test_signatures_and_structures_of_a_header_are_parsed() -> None:
    header = parse_header(HEADER)
    poll = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_long, ctypes.c_double)
    assert header.functions == {
        "PUBLIC(run)": (None, (ctypes.c_void_p,)),
        "opened": (ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_uint64, ctypes.c_void_p)),
        "scored": (
            ctypes.c_double,
            (ctypes.c_void_p, ctypes.c_int8, ctypes.c_float, poll),
        ),
    }
    assert list(header.structures) == ["task"]
    assert header.structures["task"]._fields_ == [
        ("text", ctypes.c_char_p),
        ("first", ctypes.c_void_p),
        ("second", ctypes.c_void_p),
        ("rows", ctypes.c_long),
        ("columns", ctypes.c_long),
        ("poll", ctypes.CFUNCTYPE(ctypes.c_int32)),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "size_t unknown(void);",
        "void unnamed(int);",
        "void variadic(const char *format, ...);",
        "typedef struct { size_t rows; } task;",
        "typedef struct { float values[4]; } task;",
        "static int x = 3;",
        "void without_an_end(void)",
    ],
)
def test_declaration_that_cannot_be_read_is_an_error(text: str) -> None:
    with pytest.raises(HeaderError):
        parse_header(text)


@pytest.mark.parametrize("library", [DECODING, KERNELS], ids=lambda library: library.name)
def test_sources_disagreeing_with_their_header_do_not_compile(library, tmp_path: Path) -> None:
    """A signature that is wrong in the header would be wrong in ctypes as well."""
    folder = tmp_path / "app" / "x" / "native"
    shutil.copytree(library.folder, folder, ignore=shutil.ignore_patterns("*.so", "*.py"))
    shutil.copy(Path(__file__).parents[2] / "app" / "native_abi.h", tmp_path / "app")
    source, header = {
        "_decoding": ("columns.c", "api.h"),
        "_kernels": ("cpu.c", "api.h"),
    }[library.name]

    def compiles() -> bool:
        command = ["cc", "-std=gnu11", "-fsyntax-only", source]
        return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0

    assert compiles()
    text = (folder / header).read_text("utf-8")
    changed = text.replace("long nordlyd_", "int nordlyd_")
    assert changed != text
    (folder / header).write_text(changed, encoding="utf-8")
    assert not compiles()


@pytest.mark.parametrize("library", [DECODING, KERNELS], ids=lambda library: library.name)
def test_every_exported_function_is_in_a_header(library) -> None:
    (file,) = library.folder.glob(f"{library.name}.*so")
    symbols = subprocess.run(
        ["nm", "-D", "--defined-only", file], capture_output=True, text=True, check=True
    ).stdout
    exported = {line.split()[-1] for line in symbols.splitlines() if " T nordlyd_" in line}
    assert exported == set(library.signatures)
