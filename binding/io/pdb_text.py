"""PDB text put right before it is parsed: what gemmi would pass over or take for something else.

gemmi stops at the first ``END``, reads ``2  52.24`` as 2 and an atom without an element column by its name alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from binding.errors import StructureError
from binding.io.elements import element_of
from binding.io.files import split_suffix
from binding.io.vocabulary import AUTODOCK_TYPES, FOUR_LETTER_NAMES

_COORDINATES = re.compile(rb"^(?:ATOM  |HETATM).{23}([^\r\n]{25})", re.MULTILINE)  # columns 30 to 54
_ATOM_LINES = re.compile(rb"^(?:ATOM  |HETATM)[^\r\n]*", re.MULTILINE)
_NO_ELEMENT = re.compile(
    rb"^(?:ATOM  |HETATM)(?:[^\r\n]{48,70}|[^\r\n]{70}[^A-Za-z\r\n]|[^\r\n]{70}[^A-Za-z\r\n]{2}[^\r\n]*)(?=\r?$)",
    re.MULTILINE,
)
_FOUR_LETTER_WATER = re.compile(rb"^((?:ATOM  |HETATM).{11})(TIP[2-5]|SPCE)", re.MULTILINE)
_PDBQT_TYPE = re.compile(rb"^((?:ATOM  |HETATM)[^\r\n]{70}) (\S{1,2})[^\r\n]*", re.MULTILINE)
# A partial charge and an AutoDock type at the end of the line.
_DOCKED_LINE = re.compile(rb"(?:ATOM  |HETATM).{60} {3}[ +-][ +-]?\d?\.\d{3} [A-Za-z]{1,2}[ \t]*")
_ATOM, _HETERO_ATOM = b"ATOM  ", b"HETATM"
_SPACES = np.frombuffer(b" \t\n\r\f\v", dtype=np.uint8)
_NUMBERS = 10_000  # of residues that four columns hold
_FEWEST_RESIDUES = 5  # that are taken for a chain without numbers
_FEW_LINES = 5  # that tell PDBQT from PDB
_FOUR_LETTERS = re.compile(rb"^((?:ATOM  |HETATM).{11})(\S{4})", re.MULTILINE)  # columns 18 to 21
_END = re.compile(rb"^END[ \t]*\r?$\n?", re.MULTILINE)
_SAME_PARTS = 0.5  # of the atoms' names and numbers: parts between END lines are then frames, like models


def mended_pdb(path: Path, data: bytes) -> bytes:
    """A PDB or PDBQT file as gemmi reads it right.

    Args:
        path: The file; the suffix says whether it is PDBQT.
        data: Its content.

    Raises:
        StructureError: ``nan_coordinates``; columns 31 to 54 of an atom are not three numbers.
    """
    data = _one_byte_a_letter(data)
    if b"TIP" in data or b"SPCE" in data:
        # CHARMM and Amber write four-letter water names into the column of the chain's first letter.
        data = _FOUR_LETTER_WATER.sub(rb"\1HOH ", data)
    if split_suffix(path)[1] == ".pdbqt" or _is_pdbqt(data):
        data = _PDBQT_TYPE.sub(_with_autodock_element, data)
    lines = _AtomLines.of(data)
    _check_coordinates(path, data, lines)
    if lines is None or lines.have_four_letters():
        data = _without_four_letter_names(data)
    if lines is None or lines.lack_element():
        return _NO_ELEMENT.sub(_with_element, _past_end(_with_numbers(data)))
    return _past_end(_with_numbers(data))


@dataclass(frozen=True, eq=False)
class _AtomLines:
    """The lines of a file's n atoms, looked at together: to search each costs more than to parse the file.

    Attributes:
        letters: (bytes of the file,) uint8.
        start: (n,) where each begins.
        length: (n,) without its end.
    """

    letters: np.ndarray
    start: np.ndarray
    length: np.ndarray

    @classmethod
    def of(cls, data: bytes) -> _AtomLines | None:
        """Those of a file; None where its lines do not simply end in one byte."""
        if b"\r" in data:
            return None
        letters = np.frombuffer(data, dtype=np.uint8)
        ends = np.append(np.flatnonzero(letters == ord("\n")), len(letters))
        start = np.append(0, ends[:-1] + 1)
        length = ends - start
        start, length = start[length >= len(_ATOM)], length[length >= len(_ATOM)]
        record = letters[start[:, None] + np.arange(len(_ATOM))]
        atoms = (record == np.frombuffer(_ATOM, np.uint8)).all(axis=1)
        atoms |= (record == np.frombuffer(_HETERO_ATOM, np.uint8)).all(axis=1)
        return cls(letters, start[atoms], length[atoms])

    def columns(self, first: int, last: int) -> np.ndarray | None:
        """(n, columns) letters of a range of columns, counted from 0; None where a line does not reach so far."""
        if (self.length < last).any():
            return None
        return self.letters[self.start[:, None] + np.arange(first, last)]

    def have_four_letters(self) -> bool:
        """Whether ``_FOUR_LETTERS`` may find anything."""
        names = self.columns(17, 21)
        return names is None or bool((~np.isin(names, _SPACES)).all(axis=1).any())

    def lack_element(self) -> bool:
        """Whether ``_NO_ELEMENT`` may find anything."""
        columns = self.columns(76, 78)
        return columns is None or not _are_letters(columns).any(axis=1).all()


def _are_letters(columns: np.ndarray) -> np.ndarray:
    upper = columns & ~np.uint8(0x20)
    return (upper >= ord("A")) & (upper <= ord("Z"))


def _one_byte_a_letter(data: bytes) -> bytes:
    """A file in ASCII: a letter of several bytes would move the columns behind it."""
    if data.isascii():
        return data
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.encode("ascii", errors="replace")


def _is_pdbqt(data: bytes) -> bool:
    """Whether the first atom lines are those of PDBQT, under whatever name."""
    first = [found.group() for found, _ in zip(_ATOM_LINES.finditer(data), range(_FEW_LINES), strict=False)]
    return all(_DOCKED_LINE.fullmatch(line) for line in first)


def _check_coordinates(path: Path, data: bytes, lines: _AtomLines | None) -> None:
    """Refuse atoms whose columns 31 to 54 are not three numbers: missing, words, or slipped."""
    letters = None if lines is None else lines.columns(29, 54)
    if letters is None:
        fields = _COORDINATES.findall(data)
        if len(fields) == len(_ATOM_LINES.findall(data)):
            letters = np.frombuffer(b"".join(fields), dtype=np.uint8).reshape(-1, 25)
    if letters is not None:
        blank = letters == ord(" ")
        digit = (letters >= ord("0")) & (letters <= ord("9"))
        sign = (letters == ord("-")) | (letters == ord("+"))
        point = letters == ord(".")
        numbers = [slice(1, 9), slice(9, 17), slice(17, 25)]
        good = blank[:, 0] & (blank | digit | sign | point).all(axis=1)
        for field in numbers:
            solid = ~blank[:, field]
            # One run of letters, a sign only at its beginning, one point at most, and a digit.
            begins = solid[:, 0].astype(int) + (solid[:, 1:] & ~solid[:, :-1]).sum(axis=1)
            good &= (begins == 1) & digit[:, field].any(axis=1) & (point[:, field].sum(axis=1) <= 1)
            good &= ~(sign[:, field][:, 1:] & solid[:, :-1]).any(axis=1)
        if good.all():
            return
        row = int(np.flatnonzero(~good)[0])
        line = [match.group() for match in _ATOM_LINES.finditer(data)][row]
    else:
        line = next(m.group() for m in _ATOM_LINES.finditer(data) if not _COORDINATES.match(m.group()))
    shown = line[:60].decode("ascii", errors="replace").strip()
    raise StructureError(
        f"{path} has an atom whose coordinates are not numbers: {shown!r}.",
        "Mend the columns of the line (x, y and z stand in columns 31-54), or remove the atom.",
        "nan_coordinates",
    )


def _past_end(data: bytes) -> bytes:
    """A file whose END lines stand at its end alone; parts that hold the same atoms again become models."""
    last = max(data.rfind(b"\nATOM  "), data.rfind(b"\nHETATM"))
    if not data.startswith(b"END") and data.find(b"\nEND", 0, max(last, 0)) < 0:
        return data
    ends = [match for match in _END.finditer(data) if match.start() < last]
    if not ends:
        return data
    if re.search(rb"^MODEL ", data, re.MULTILINE):
        return _END.sub(b"" if b"\nENDMDL" in data else b"ENDMDL\n", data)
    cuts = [0, *(match.end() for match in ends), len(data)]
    parts = [data[begin:end] for begin, end in pairwise(cuts)]
    names = [{line[12:27] for line in _ATOM_LINES.findall(part)} for part in parts]
    frames = any(len(names[0] & other) > _SAME_PARTS * len(other) for other in names[1:] if other)
    if not frames:
        return b"".join(_END.sub(b"", part) for part in parts)
    models = [_END.sub(b"", part) for part, held in zip(parts, names, strict=True) if held]
    return b"".join(b"MODEL %8d\n%sENDMDL\n" % numbered for numbered in enumerate(models, start=1))


def _with_numbers(data: bytes) -> bytes:
    """A file whose residues are numbered, where all of its ATOM lines have one number or none: gemmi would join them.

    A residue begins where the name or the chain changes, and where the name of an atom comes again.
    """
    first, last = data.find(b"ATOM  "), data.rfind(b"\nATOM  ") + 1
    numbers = [data[start + 22 : start + 27] for start in (first, last)]
    if first < 0 or numbers[0] != numbers[1]:
        return data
    lines = data.split(b"\n")
    rows = [row for row, line in enumerate(lines) if line.startswith(b"ATOM  ")]
    names = {lines[row][12:20] for row in rows}
    if len({lines[row][22:27] for row in rows}) > 1 or len(names) == len(rows):
        return data  # numbered, or one residue
    number, held, seen = 0, b"", set[bytes]()
    for row in rows:
        line = lines[row]
        if line[17:22] != held or line[12:17] in seen:
            number, held, seen = number + 1, line[17:22], set()
        seen.add(line[12:17])
        lines[row] = line[:22] + b"%4d " % (number % _NUMBERS) + line[27:]
    return b"\n".join(lines) if number >= _FEWEST_RESIDUES else data


def _without_four_letter_names(data: bytes) -> bytes:
    """Residue names such as NALA and HISE by their standard names, whose fourth letter gemmi takes for the chain's.

    Where column 21 holds other letters too, chain names have two letters, and nothing is changed.
    """
    found = {match.group(2) for match in _FOUR_LETTERS.finditer(data)}
    standard = {name: FOUR_LETTER_NAMES.get(name.decode("ascii", errors="replace")) for name in found}
    if not found or not all(standard.values()):
        return data
    return _FOUR_LETTERS.sub(lambda m: m.group(1) + f"{standard[m.group(2)]:>3} ".encode(), data)


def _with_autodock_element(line: re.Match[bytes]) -> bytes:
    """A PDBQT atom line with its AutoDock type replaced by the element, where PDB has it."""
    kind = line.group(2).decode("ascii", errors="replace")
    return line.group(1) + AUTODOCK_TYPES.get(kind.upper(), kind).upper().rjust(2).encode()


def _with_element(found: re.Match[bytes]) -> bytes:
    """An atom line with its element column filled from the names."""
    line = found.group()
    name, residue = line[12:16].decode("ascii", errors="replace"), line[17:21].decode("ascii", errors="replace")
    element = element_of("", name, residue)
    return line[:76].ljust(76) + element.upper().rjust(2).encode()
