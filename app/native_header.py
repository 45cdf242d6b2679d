"""ctypes signatures and structures, read from the C header that the functions are compiled against.

The compiler checks each definition against its header, and ctypes gets the very same declarations:
so no signature is written twice. A header may hold comments, preprocessor lines, enums, typedefs,
structures and prototypes; a declaration that cannot be read is an error.
"""

import ctypes
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.native_library import Signature

_SCALARS: Mapping[str, Any] = {
    "void": None,
    "char": ctypes.c_char,
    "int": ctypes.c_int,
    "long": ctypes.c_long,
    "float": ctypes.c_float,
    "double": ctypes.c_double,
    "int8_t": ctypes.c_int8,
    "uint8_t": ctypes.c_uint8,
    "uint16_t": ctypes.c_uint16,
    "int32_t": ctypes.c_int32,
    "uint32_t": ctypes.c_uint32,
    "int64_t": ctypes.c_int64,
    "uint64_t": ctypes.c_uint64,
}

_IGNORED = re.compile(r"/\*.*?\*/|^[ \t]*#.*?(?<!\\)$", re.DOTALL | re.MULTILINE)
_STRUCTURE = re.compile(r"typedef\s+struct\s*\{(?P<fields>[^{}]*)\}\s*(?P<name>\w+)$")
_OPAQUE = re.compile(r"typedef\s+struct\s+(\w+)\s+\1$")
_ENUM = re.compile(r"enum\s*\{[^{}]*\}$")
_FUNCTION = re.compile(
    r"(?P<result>[\w\s*]+?)(?P<name>PUBLIC\(\w+\)|\w+)\s*\((?P<arguments>.*)\)$", re.DOTALL
)
_CALLBACK = re.compile(
    r"(?P<result>[\w\s*]+?)\(\*(?P<name>\w+)\)\s*\((?P<arguments>.*)\)$", re.DOTALL
)
_VARIABLE = re.compile(r"(?P<type>[\w\s*]*?[\s*])(?P<name>\w+)$")


class HeaderError(ValueError):
    """A declaration that this module cannot read."""


@dataclass(frozen=True, slots=True)
class Header:
    """The declarations of a header.

    Attributes:
        functions: signature of each function. `PUBLIC(linear)`, a function that is compiled once
            for each instruction set, keeps that name.
        structures: a subclass of `ctypes.Structure` for each structure.
    """

    functions: Mapping[str, Signature]
    structures: Mapping[str, type[ctypes.Structure]]


def read_header(path: Path) -> Header:
    """Returns the declarations of a header file.

    Raises:
        HeaderError: a declaration cannot be read.
    """
    return parse_header(path.read_text(encoding="utf-8"))


def parse_header(text: str) -> Header:
    """Returns the declarations of a header.

    Pointers become `c_void_p`, those to constant characters `c_char_p`, and pointers to functions
    the types of `ctypes.CFUNCTYPE`, one for each declaration of the same form.

    Raises:
        HeaderError: a declaration cannot be read.
    """
    functions: dict[str, Signature] = {}
    structures: dict[str, type[ctypes.Structure]] = {}
    for statement in _statements(_IGNORED.sub(" ", text)):
        if _OPAQUE.match(statement) or _ENUM.match(statement):
            continue
        if found := _STRUCTURE.match(statement):
            fields = [one for field in _split(found["fields"], ";") for one in _fields(field)]
            structures[found["name"]] = type(
                found["name"], (ctypes.Structure,), {"_fields_": fields}
            )
        elif found := _FUNCTION.match(statement):
            functions[found["name"]] = (_type_of(found["result"]), _arguments(found["arguments"]))
        else:
            raise HeaderError(f"cannot read the declaration {' '.join(statement.split())!r}")
    return Header(functions, structures)


def _statements(text: str) -> list[str]:
    """Splits at the semicolons outside of braces."""
    statements, depth, start = [], 0, 0
    for place, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if char == ";" and depth == 0:
            statements.append(text[start:place].strip())
            start = place + 1
    if text[start:].strip():
        raise HeaderError(f"a declaration without its end: {text[start:].strip()[:60]!r}")
    return statements


def _split(text: str, separator: str) -> list[str]:
    return [part.strip() for part in text.split(separator) if part.strip()]


def _fields(declaration: str) -> list[tuple[str, Any]]:
    """Reads `long rows, columns` or `float *gain, *shift`."""
    if "(" in declaration:
        return [_variable(declaration)]
    first, *others = declaration.split(",")
    base = re.sub(r"[\s*]*\w+$", " ", first)
    return [_variable(first), *(_variable(base + other.strip()) for other in others)]


def _variable(declaration: str) -> tuple[str, Any]:
    if found := _CALLBACK.match(declaration):
        return found["name"], _callback(found)
    found = _VARIABLE.match(declaration)
    if found is None:
        raise HeaderError(f"cannot read the declaration {declaration!r}")
    return found["name"], _type_of(found["type"])


def _arguments(text: str) -> tuple[Any, ...]:
    if text.strip() == "void":
        return ()
    # A pointer to a function has parentheses, in which commas separate its own arguments.
    parts = re.split(r",(?![^()]*\))", text)
    return tuple(_variable(part.strip())[1] for part in parts)


def _callback(found: re.Match[str]) -> Callable[..., Any]:
    return ctypes.CFUNCTYPE(_type_of(found["result"]), *_arguments(found["arguments"]))


def _type_of(text: str) -> Any:  # noqa: ANN401 - ctypes has no common type for its types
    words = text.replace("*", " * ").split()
    if words.count("*") == 1 and words[:2] == ["const", "char"]:
        return ctypes.c_char_p
    if "*" in words:
        return ctypes.c_void_p
    [name] = [word for word in words if word != "const"] or [""]
    if name not in _SCALARS:
        raise HeaderError(f"unknown type {text.strip()!r}")
    return _SCALARS[name]
