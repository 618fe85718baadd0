"""A ligand file cut into the texts of its records, streamed, without parsing them.

RDKit's own suppliers lose the good record after a malformed one and stop at an empty one;
here a record's text ends where its format says so, whatever is in it.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from binding.errors import FileError
from binding.io.files import check_content, open_error, split_suffix

LIGAND_SUFFIXES = {
    ".sdf": "sdf",
    ".sd": "sdf",
    ".mol": "sdf",
    ".mdl": "sdf",
    ".mol2": "mol2",
    ".pdbqt": "pdb",
    ".pdb": "pdb",
    ".ent": "pdb",
}
_HEAD_BYTES = 65_536
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_ATOM_LINE = re.compile(r"^(?:ATOM  |HETATM)", re.MULTILINE)
_CR_TEXT = b"M  END\r"  # within a line: a record with old Mac line ends, in a file whose others have LF
_MODEL_LINE = re.compile(r"MODEL\s+\d+\s*$")


def split_records(path: str | Path) -> Iterator[str]:
    """The text of each record of a ligand file, in order, without reading the file as a whole.

    Args:
        path: SDF, MOL2, PDB or PDBQT, also gzipped (told by content).

    Yields:
        The lines of one record with ``\\n`` at their ends; an empty record is an empty text.

    Raises:
        FileError: Missing, empty, of another format; or damaged, after the records before the damage.
    """
    path = Path(path)
    with _open(path) as stream:
        head = _read_head(path, stream)
        check_content(path, head)
        head = head.removeprefix(_BYTE_ORDER_MARK)  # it would become part of the first title
        kind = _file_kind(path, head.decode("utf-8", errors="replace"))
        lines = _lines(path, head, stream)
        yield from {"sdf": _split_sdf, "mol2": _split_mol2, "pdb": _split_models}[kind](lines)


def text_lines(path: str | Path) -> Iterator[str]:
    """The lines of a text file without their ends, without reading it as a whole.

    Args:
        path: Plain or gzipped (told by content), UTF-8.

    Raises:
        FileError: Missing or empty; or damaged, after the lines before the damage.
    """
    path = Path(path)
    with _open(path) as stream:
        head = _read_head(path, stream)
        check_content(path, head)
        yield from _lines(path, head.removeprefix(_BYTE_ORDER_MARK), stream)


def record_kind(text: str) -> str:
    """``"sdf"``, ``"mol2"`` or ``"pdb"`` (also PDBQT), told from a record's text."""
    if "@<TRIPOS>" in text:
        return "mol2"
    if _ATOM_LINE.search(text) and not re.search(r"V[23]000\s*$", text, re.MULTILINE):
        return "pdb"
    return "sdf"


def _open(path: Path) -> BinaryIO:
    try:
        with path.open("rb") as probe:
            packed = probe.read(2) == b"\x1f\x8b"
        return cast(BinaryIO, gzip.open(path, "rb")) if packed else path.open("rb")
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
    saved: list[bytes] = []
    try:
        for line in stream:
            saved.append(line)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        if not saved:
            raise _damaged(path, error) from None
    return b"".join(saved)


def _lines(path: Path, head: bytes, stream: BinaryIO) -> Iterator[str]:
    """Lines without their ends, whether they end in LF, CRLF, CR (old Mac) or these mixed."""
    all_cr = b"\r" in head and b"\n" not in head
    for line in _up_to_lf(path, head, stream):
        if b"\r" not in line:
            yield line.decode("utf-8", errors="replace")
            continue
        line = line.rstrip(b"\r")
        for part in line.split(b"\r") if all_cr or _CR_TEXT in line else [line]:  # a CR alone may belong to a title
            yield part.decode("utf-8", errors="replace")


def _up_to_lf(path: Path, head: bytes, stream: BinaryIO) -> Iterator[bytes]:
    *whole, rest = head.split(b"\n")
    yield from whole
    try:
        for line in stream:
            rest += line
            if rest.endswith(b"\n"):
                yield rest[:-1]
                rest = b""
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(path, error) from None
    if rest:
        yield rest


def _file_kind(path: Path, head: str) -> str:
    """The format, told from the content first and from the suffix where the content leaves it open."""
    head = head.replace("\r\n", "\n").replace("\r", "\n")
    if "@<TRIPOS>" in head:
        return "mol2"
    if re.search(r"V[23]000\s*$|^M  END|^\$\$\$\$", head, re.MULTILINE):
        return "sdf"
    if _ATOM_LINE.search(head):
        return "pdb"
    suffix = split_suffix(path)[1]
    if suffix in LIGAND_SUFFIXES:
        return LIGAND_SUFFIXES[suffix]
    hint = f"Ligands are read from {', '.join(sorted(LIGAND_SUFFIXES))}, also gzipped."
    if suffix in (".smi", ".smiles", ".ism", ".csv", ".txt"):
        hint = "A SMILES has no pose: give the docked or crystal pose as SDF. " + hint
    raise FileError(f"{path} is no ligand file that can be read.", hint, "wrong_format")


def _split_sdf(lines: Iterable[str]) -> Iterator[str]:
    block: list[str] = []
    for line in lines:
        if line.startswith("$$$$"):
            yield "\n".join((*block, "")) if block else ""
            block = []
        else:
            block.append(line)
    if any(line.strip() for line in block):
        yield "\n".join((*block, ""))


def _split_mol2(lines: Iterable[str]) -> Iterator[str]:
    block: list[str] | None = None
    for line in lines:
        if line.startswith("@<TRIPOS>MOLECULE"):
            if block is not None:
                yield "\n".join((*block, ""))
            block = []
        if block is not None and not line.startswith("#"):
            block.append(line)
    if block is not None:
        yield "\n".join((*block, ""))


def _split_models(lines: Iterable[str]) -> Iterator[str]:
    """PDB and PDBQT: one record a model; the whole file where there is none."""
    before: list[str] = []  # of the whole file: remarks such as the SMILES belong to every model
    block: list[str] | None = None
    models = 0
    for line in lines:
        if _MODEL_LINE.match(line):
            if block is not None:  # ENDMDL is missing
                yield "\n".join((*before, *block, ""))
            block, models = [], models + 1
        elif line.startswith("ENDMDL"):
            if block is not None:
                yield "\n".join((*before, *block, ""))
            block = None
        elif block is not None:
            block.append(line)
        elif not models:
            before.append(line)
    if block is not None or not models:
        yield "\n".join((*before, *(block or []), ""))
