"""A ligand file cut into the texts of its records, streamed, without parsing them.

RDKit's own suppliers lose the good record after a malformed one and stop at an empty one. Here each format's ``split``
alone decides where a record ends, whether or not the record can be parsed.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from binding.errors import FileError
from binding.io.files import BYTE_ORDER_MARK, check_content, check_encoding, open_error, too_long, without_waiting
from binding.io.formats import format_of_file

_HEAD_BYTES = 65_536
_MOST_LINE = 64 << 20  # bytes; an SDF file of old Macs is one line
_MOST_RECORD = 64 << 20  # characters; a ligand has some thousand
_CR_TEXT = b"M  END\r"  # within a line: a record with old Mac line ends, in a file whose others have LF


def split_records(path: str | Path) -> Iterator[str]:
    """The text of each record of a ligand file, in order, without reading the file as a whole.

    Args:
        path: A file of any format in ``binding.io.formats``, also gzipped (recognised from the content).

    Yields:
        The lines of one record with ``\\n`` at their ends; an empty record is an empty text.

    Raises:
        FileError: Missing, empty, of another format; or damaged, after the records before the damage.
    """
    path = Path(path)
    with _open(path) as stream:
        head = _read_head(path, stream)
        check_content(path, head)
        check_encoding(path, head)
        head = head.removeprefix(BYTE_ORDER_MARK)  # it would become part of the first title
        found = format_of_file(path, head.decode("utf-8", errors="replace"))
        budget = _Budget(path)
        for text in found.split(budget.counted(_lines(path, head, stream))):
            budget.spent = 0
            yield text


class _Budget:
    """How much text was read since the last record: nobody's record is as long as what may fill the memory.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.spent = 0

    def counted(self, lines: Iterator[str]) -> Iterator[str]:
        """The lines, as long as they are not too many for one record."""
        for line in lines:
            self.spent += len(line)
            if self.spent > _MOST_RECORD:
                raise too_long(self._path, f"a record of more than {_MOST_RECORD >> 20} MB")
            yield line


def text_lines(path: str | Path) -> Iterator[str]:
    """The lines of a text file without their ends, without reading it as a whole.

    Args:
        path: Plain or gzipped (recognised from the content), UTF-8.

    Raises:
        FileError: Missing or empty; or damaged, after the lines before the damage.
    """
    path = Path(path)
    with _open(path) as stream:
        head = _read_head(path, stream)
        check_content(path, head)
        yield from _lines(path, head.removeprefix(BYTE_ORDER_MARK), stream)


def _open(path: Path) -> BinaryIO:
    try:
        with open(path, "rb", opener=without_waiting) as probe:
            packed = probe.read(2) == b"\x1f\x8b"
        return cast(BinaryIO, gzip.open(path, "rb")) if packed else open(path, "rb", opener=without_waiting)
    except OSError as error:
        raise open_error(path, error) from None


def _damaged(path: Path, error: Exception) -> FileError:
    return FileError(
        f"{path} is a damaged gzip file: {error}.", "It may be an incomplete download: fetch it again.", "unreadable"
    )


def _read_head(path: Path, stream: BinaryIO) -> bytes:
    try:
        return stream.read(_HEAD_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        pass
    # The damage lies in the first block: salvage what precedes it, line by line.
    stream.seek(0)
    saved, size = list[bytes](), 0
    try:
        while line := stream.readline(_MOST_LINE):
            saved.append(line)
            size += len(line)
            if size > _MOST_RECORD:
                raise too_long(path, f"more than {_MOST_RECORD >> 20} MB before it breaks off")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        if not saved:
            raise _damaged(path, error) from None
    return b"".join(saved)


def _lines(path: Path, head: bytes, stream: BinaryIO) -> Iterator[str]:
    """Lines without their ends, whether they end in LF, CRLF, CR (old Mac) or these mixed."""
    all_cr = b"\r" in head and b"\n" not in head
    for line in _up_to_lf(path, head, stream):
        line = line.removeprefix(BYTE_ORDER_MARK)  # of a file that was joined to another
        if b"\r" not in line:
            yield line.decode("utf-8", errors="replace")
            continue
        line = line.rstrip(b"\r")
        for part in line.split(b"\r") if all_cr or _CR_TEXT in line else [line]:  # a CR alone may belong to a title
            yield part.decode("utf-8", errors="replace")


def _up_to_lf(path: Path, head: bytes, stream: BinaryIO) -> Iterator[bytes]:
    *whole, rest = head.split(b"\n")
    yield from whole
    read = stream.readline
    try:
        while line := read(_MOST_LINE):
            rest += line
            if rest.endswith(b"\n"):
                yield rest[:-1]
                rest = b""
            elif len(rest) > _MOST_LINE:
                raise too_long(path, f"a line of more than {_MOST_LINE >> 20} MB")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(path, error) from None
    if rest:
        yield rest
