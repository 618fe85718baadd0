"""Bytes of a file, or the reason why there are none."""

from __future__ import annotations

import gzip
import io
import os
import re
import zlib
from pathlib import Path
from typing import IO

from binding.errors import FileError

_HTML = re.compile(rb"\s*<(?:!doctype\s+html|html|head|\?xml[^>]*>\s*<(?:!doctype\s+html|html))", re.IGNORECASE)
#: Beginnings of files that hold other files, or no text at all.
_BINARY = {
    b"PK\x03\x04": "a zip archive (or a spreadsheet)",
    b"\xfd7zXZ\x00": "an xz archive",
    b"BZh": "a bzip2 archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a rar archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"\x1f\x8b": "a gzip archive inside a gzip archive",
    b"\x1f\x9d": "an archive of compress (.Z)",
    b"%PDF": "a PDF document",
    b"{\\rtf": "a document in RTF",
    b"\x89PNG": "a picture",
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF": "an HDF5 file",
    b"\xd0\xcf\x11\xe0": "a document of an old Excel or Word",
    b"VjCD0100": "a ChemDraw file",
}
_TAR_MARK = slice(257, 262)
_WIDE_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_ENCODING_BYTES = 256  # of a file's beginning, which tell its encoding
#: Bytes of a file that is read as a whole, unpacked. The largest entries of the PDB have some 300 MB.
MOST_BYTES = 512 << 20
_CHUNK = 1 << 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # some editors begin a text file with it


def split_suffix(path: Path) -> tuple[str, str]:
    """Stem and lower-case suffix of a file name, ``.gz`` set aside.

    Args:
        path: Such as ``dir/1abc.pdb.gz``, which gives ``("1abc", ".pdb")``.
    """
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    inner = Path(name)
    return inner.stem, inner.suffix.lower()


def read_bytes(path: str | Path) -> bytes:
    """Content of a file, decompressed where it is gzip (recognised from the content, not the name).

    Raises:
        FileError: ``file_not_found``, ``empty_file``, ``unreadable`` (no permission, a folder,
            a damaged gzip stream, more than ``MOST_BYTES``) or ``wrong_format`` (an archive, an HTML page).
    """
    path = Path(path)
    try:
        with open(path, "rb", opener=without_waiting) as file:
            data = _no_more(path, file)
    except OSError as error:
        raise open_error(path, error) from None
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
                data = _no_more(path, packed)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise FileError(
                f"{path} is a damaged gzip file: {error}.",
                "It may be an incomplete download: fetch it again.",
                "unreadable",
            ) from None
    check_content(path, data)
    return data


def without_waiting(path: str, flags: int) -> int:
    """Open a file; a named pipe that nobody writes to is empty, where else the process would wait for ever.

    Args:
        path: The file.
        flags: As ``open`` gives them to its ``opener``.
    """
    file = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    os.set_blocking(file, True)
    return file


def _no_more(path: Path, stream: IO[bytes] | gzip.GzipFile) -> bytes:
    """What a stream holds, in memory as it comes: what a header says of its length may be a lie."""
    chunks, size = list[bytes](), 0
    while chunk := stream.read(_CHUNK):
        chunks.append(chunk)
        size += len(chunk)
        if size > MOST_BYTES:
            raise too_long(path, f"more than {MOST_BYTES >> 20} MB")
    return b"".join(chunks)


def too_long(path: Path, what: str) -> FileError:
    """For a file that would fill the memory, as one can be made to do that has a few kB itself.

    Args:
        path: The file.
        what: That it holds.
    """
    return FileError(
        f"{path} holds {what}.", "Check where it comes from; split it if it is what it should be.", "unreadable"
    )


def read_structure_bytes(path: str | Path) -> bytes:
    """Content of a PDB or mmCIF file; where its lines end in CR alone (old Mac), they end in LF.

    Byte order marks are removed: each would hide the atom line, or the ``data_`` line, that it stands before. Files
    that were joined may hold several.

    Raises:
        FileError: As ``read_bytes``.
    """
    data = read_bytes(path)
    check_encoding(Path(path), data)
    data = data.replace(BYTE_ORDER_MARK, b"")
    return data if b"\n" in data else data.replace(b"\r", b"\n")


def open_error(path: Path, error: OSError) -> FileError:
    """What the system says about a file that cannot be opened, in the user's words."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return FileError(f"There is no file {path}.", "Check the path.", "file_not_found")
    if isinstance(error, IsADirectoryError):
        return FileError(f"{path} is a folder, not a file.", "Name a file inside it.", "unreadable")
    return FileError(f"{path} cannot be read: {error.strerror}.", "Check the permissions.", "unreadable")


def check_content(path: Path, head: bytes) -> None:
    """Refuse what is not text: an empty file, an archive, a web page.

    Args:
        path: Named in the message.
        head: The content, or its beginning.

    Raises:
        FileError: ``empty_file`` or ``wrong_format``.
    """
    if not head.strip(b" \t\r\n\0"):
        raise FileError(f"{path} is empty.", "It may be an incomplete download: fetch it again.", "empty_file")
    kind = next((what for mark, what in _BINARY.items() if head.startswith(mark)), "")
    if head[_TAR_MARK] == b"ustar":
        kind = "a tar archive"
    if kind:
        raise FileError(
            f"{path} is {kind}, not a text file.",
            "Unpack or export it, and give the files in it; .gz alone is read as it is.",
            "wrong_format",
        )
    if _HTML.match(head):
        raise FileError(
            f"{path} holds an HTML page, not a structure.",
            "A download probably returned a web page: fetch the file itself.",
            "wrong_format",
        )


def check_encoding(
    path: Path,
    head: bytes,
    hint: str = "Save it in UTF-8 or ASCII.",
    instead: str = "Export it as PDB, mmCIF, SDF or MOL2.",
) -> None:
    """Refuse a file whose text is not ASCII or UTF-8, and what is no text at all.

    Args:
        path: Named in the message.
        head: The content, or its beginning.
        hint: What to do where it is text in another encoding.
        instead: What to do where it is no text.

    Raises:
        FileError: ``wrong_format``.
    """
    kind = _wide_encoding(head)
    if kind:
        raise FileError(f"{path} is text in {kind}, not in UTF-8.", hint, "wrong_format")
    if b"\x00" in head[:_ENCODING_BYTES].strip(b"\x00"):
        raise FileError(f"{path} is a binary file, not text.", instead, "wrong_format")


def decode_text(path: Path, data: bytes, hint: str = "Save it in UTF-8.") -> str:
    """The text of a file in UTF-8, with or without a byte order mark.

    Args:
        path: Named in the message.
        data: The content.
        hint: What to do where it is in another encoding.

    Raises:
        FileError: ``wrong_format``, naming the encoding as far as it can be told.
    """
    check_encoding(path, data, hint, instead=hint)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileError(
            f"{path} is not in UTF-8: line {line} holds the byte 0x{data[error.start]:02x}.",
            f"It may be in Windows-1252 or Latin-1. {hint}",
            "wrong_format",
        ) from None


def _wide_encoding(data: bytes) -> str:
    """UTF-16 or UTF-32 where a file's beginning shows it, with or without a mark; else nothing."""
    found = next((name for mark, name in _WIDE_MARKS.items() if data.startswith(mark)), "")
    head = data[:_ENCODING_BYTES]
    if found or len(head) < 8:
        return found
    for first in (0, 1):  # each second byte of Latin letters is zero
        if not head[first::2].strip(b"\x00") and 0 not in head[1 - first :: 2]:
            return "UTF-16"
    return ""
