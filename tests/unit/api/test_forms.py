"""Multipart bodies in chunks of any size, and the one file that holds their files."""

import asyncio
import io
import os
from collections.abc import AsyncIterator

import httpx
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from app.api.forms import MAX_FIELD_BYTES, Form, FormLimits, read_form
from app.errors import InvalidRequestError
from app.storage import IN_MEMORY_BYTES, SpooledBodies

LIMITS = FormLimits(files=3, fields=3)
TYPE = "multipart/form-data; boundary=b"


async def pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def read(body: bytes, content_type: str = TYPE, size: int = 2**16) -> tuple[Form, SpooledBodies]:
    async def run() -> tuple[Form, SpooledBodies]:
        bodies = SpooledBodies()
        try:
            return await read_form(content_type, pieces(body, size), bodies, LIMITS), bodies
        except BaseException:
            bodies.close()
            raise

    return asyncio.run(run())


def contents(form: Form, bodies: SpooledBodies) -> list[bytes]:
    files = [bodies.open(part.start, part.size) for part in form.files]
    bodies.close()
    data = []
    for file in files:
        with file:
            data.append(file.read())
    return data


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters='"\\\r\n\0%', categories=("L", "N", "Zs")),
    min_size=1, max_size=20,
)  # fmt: skip


@settings(max_examples=examples(60))
@given(
    st.lists(st.tuples(NAMES, st.binary(max_size=300)), max_size=3),
    st.lists(st.tuples(NAMES, st.text(max_size=30)), max_size=3),
    st.integers(1, 200),
)
def test_form_is_read_as_sent_in_chunks_of_any_size(
    files: list[tuple[str, bytes]], fields: list[tuple[str, str]], size: int
) -> None:
    parts = [("file", (name, io.BytesIO(data), "audio/wav")) for name, data in files]
    # httpx writes a form only if there is something that looks like a file.
    parts += [(name, (None, text.encode())) for name, text in fields]  # type: ignore[misc]
    if not parts:
        return
    sent = httpx.Request("POST", "http://here", files=parts)
    form, bodies = read(sent.read(), sent.headers["content-type"], size)
    assert [part.name for part in form.files] == [name for name, _ in files]
    assert {(part.field, part.content_type) for part in form.files} <= {("file", "audio/wav")}
    assert list(form.fields) == fields
    assert contents(form, bodies) == [data for _, data in files]


def test_many_large_files_share_one_file_on_disk() -> None:
    blocks = [bytes([number]) * (IN_MEMORY_BYTES // 2 + number) for number in range(3)]
    parts = [("file", (f"{number}.wav", block)) for number, block in enumerate(blocks)]
    sent = httpx.Request("POST", "http://here", files=parts)
    form, bodies = read(sent.read(), sent.headers["content-type"])
    assert bodies.on_disk
    shared = bodies._file
    assert contents(form, bodies) == blocks
    # All of them are closed, and so is the file.
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(shared)


def test_files_of_a_form_can_be_read_independently() -> None:
    body = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n%b\r\n' % data
        for data in (b"0123456789", b"abc")
    )
    form, bodies = read(body + b"--b--\r\n")
    first, second = (bodies.open(part.start, part.size) for part in form.files)
    assert (first.read(4), second.read(), second.read(), first.read(2)) == (
        b"0123", b"abc", b"", b"45",
    )  # fmt: skip
    assert (first.seek(-2, io.SEEK_END), first.read(), first.tell()) == (8, b"89", 10)
    assert (first.seek(3), first.seek(2, io.SEEK_CUR), first.read(1)) == (3, 5, b"5")
    assert (first.seek(99), first.read()) == (99, b"")
    with pytest.raises(ValueError, match="-1"):
        first.seek(-1)
    bodies.close()
    first.close()
    assert second.seek(0) == 0
    assert second.read() == b"abc"
    second.close()
    second.close()


FIELD = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n'
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n1\r\n'


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b"", "multipart/form-data", "names no boundary"),
        (b"", TYPE, "breaks off"),
        (b"no form at all", TYPE, "not valid"),
        (FILE, TYPE, "breaks off"),
        (FILE + b"--b\r\nContent-Disp", TYPE, "breaks off"),
        (FILE + b"--b\r\nno header\r\n\r\n", TYPE, "not valid"),
        (b"--b\r\n\r\n1\r\n--b--\r\n", TYPE, "has no name"),
        (b"--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--\r\n", TYPE, "has no name"),
        (FIELD * 4 + b"--b--\r\n", TYPE, "more fields than the 3"),
        (FILE * 4 + b"--b--\r\n", TYPE, "more files than the 3"),
        (
            FIELD.replace(b"1", b"1" * (MAX_FIELD_BYTES + 1)) + b"--b--\r\n",
            TYPE,
            "longer than the 1024 KiB",
        ),
        (
            b"--b\r\n" + b"x" * 100_000 + b": y\r\n\r\n1\r\n--b--\r\n",
            TYPE,
            "not valid",
        ),
        (FILE + b"--b--\r\n", "multipart/form-data; boundary=" + "b" * 5_000, "not valid"),
    ],
)
def test_malformed_form_or_one_over_a_limit_is_refused(
    body: bytes, content_type: str, message: str
) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        read(body, content_type)


@pytest.mark.parametrize("size", [1, 7, 2**16])
@given(body=st.binary(max_size=200))
@settings(max_examples=examples(50))
def test_arbitrary_bytes_are_a_form_or_refused(size: int, body: bytes) -> None:
    try:
        _, bodies = read(b"--b\r\n" + body, TYPE, size)
    except InvalidRequestError:
        return
    bodies.close()


def disposition(options: str) -> bytes:
    return f'Content-Disposition: form-data; name="file"; {options}'.encode()


@pytest.mark.parametrize("size", [1, 7, 2**16])
@pytest.mark.parametrize(
    ("head", "name"),
    [
        (disposition("filename*=UTF-8''m%C3%B8te.wav"), "møte.wav"),
        (disposition("filename=\"mote.wav\"; filename*=utf-8'nb'm%C3%B8te.wav"), "møte.wav"),
        (disposition("filename*=iso-8859-1''m%F8te.wav; filename=\"mote.wav\""), "møte.wav"),
        (disposition("filename=\"a; filename*=UTF-8''b.wav\""), "a; filename*=UTF-8''b.wav"),
        (b"content-disposition:form-data;\r\n\tname=file;\r\n filename=x.wav", "x.wav"),
        (b"Content-Transfer-Encoding: binary\r\n" + disposition('filename="x.wav"'), "x.wav"),
    ],
)
@pytest.mark.parametrize("line_break", [b"\r\n", b"\n"])
@pytest.mark.parametrize("before", [b"", b"\r\n", b"A preamble.\r\n--bo\r\n", b"--box\r\n"])
def test_every_form_that_the_rfcs_allow_is_read(
    before: bytes, line_break: bytes, head: bytes, name: str, size: int
) -> None:
    data = b"\r\n--\n--bee\r\n--b\t \x00\r\n\n--b-1 \r"
    lines = [b"--b \t", head, b"", data, b"--b--", b"An epilogue."]
    crlf = b"\r\n"
    body = before + line_break.join(
        line if line is data else line.replace(crlf, line_break) for line in lines
    )
    form, bodies = read(body, size=size)
    assert [part.name for part in form.files] == [name]
    assert contents(form, bodies) == [data]


def test_part_with_a_transfer_encoding_is_refused() -> None:
    body = FILE.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n")
    with pytest.raises(InvalidRequestError, match="base64"):
        read(body + b"--b--\r\n")


def test_empty_part_is_read() -> None:
    form, bodies = read(FIELD.replace(b"1\r\n", b"\r\n") + b"--b--")
    bodies.close()
    assert form.fields == (("x", ""),)


def test_latin_1_form_fields_are_decoded() -> None:
    body = FIELD.replace(b"1", "på".encode("latin-1")) + b"--b--\r\n"
    form, bodies = read(body)
    bodies.close()
    assert form.fields == (("x", "på"),)
