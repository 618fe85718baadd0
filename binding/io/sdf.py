"""SD files and mol blocks, V2000 and V3000."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rdkit import Chem

from binding.errors import LigandError
from binding.graph.molecule import atoms_of
from binding.io.perceive import with_perceived_bonds

_TAG = re.compile(r"^>.*?<([^>]+)>")
_NOT_A_NUMBER = re.compile(r"(?i)(?<![a-z])[-+]?(?:nan|inf(?:inity)?)(?![a-z])|\*{4,}")
_MARKS = re.compile(r"V[23]000\s*$|^M  END|^\$\$\$\$", re.MULTILINE)
_COUNTS = re.compile(r".*V[23]000\s*$")
_OLD_COUNTS = re.compile(r"\s*\d{1,3}\s+\d{1,3}(\s+\d{1,3}){0,10}\s*$")  # of files older than V2000
_HEADER_LINES = 3  # title, program, comment
_PROGRAM = re.compile(r"[23]D(?:\b|\s*$)")  # the second line of the header
_V2000 = re.compile(r"V2000(?=\s*$)", re.MULTILINE)
_V3000_TABLE = "M  V30 BEGIN CTAB"
_PLACES = (slice(0, 10), slice(10, 20), slice(20, 30))  # of x, y and z in an atom line of V2000
_NUMBER = re.compile(r"[ ]*[-+]?(?:\d+\.?\d*|\.\d+)[ ]*")
_USUAL_NUMBERS = re.compile(r"(?: *-?\d+\.\d{4})*")  # as nearly all programs write them: the point in the sixth column
_LONE_PAIR = "LP"
_NOTHING = " \t\r\v\f\0\x1a"  # the last one ends a file on old systems


class SdfFormat:
    """SDF and MOL; see ``binding.io.formats.LigandFormat``."""

    name = "SDF"
    suffixes: tuple[str, ...] = (".sdf", ".sd", ".mol", ".mdl")
    folder_suffixes: tuple[str, ...] = suffixes
    record_mark: bytes | None = b"$$$$"
    titled = True

    def recognises(self, text: str) -> bool:
        return _MARKS.search(text) is not None and "@<TRIPOS>" not in text

    def split(self, lines: Iterable[str]) -> Iterator[str]:
        """A record ends at ``$$$$``, or where another mol block begins after ``M  END``."""
        block: list[str] = []
        end: int | None = None  # row of the last M  END
        tag: int | None = None  # row of the first tag behind it
        for line in lines:
            if line.startswith("$$$$"):
                yield "\n".join((*block, "")) if block else ""
                block, end, tag = [], None, None
                continue
            if end is not None and _begins_another(block, line, end, tag):
                head = len(block) - _HEADER_LINES
                yield "\n".join((*block[:head], ""))
                block, end, tag = block[head:], None, None
            if line.startswith("M  END"):
                end, tag = len(block), None
            elif tag is None and end is not None and line.startswith(">"):
                tag = len(block)
            block.append(line)
        if any(line.strip(_NOTHING) for line in block):
            yield "\n".join((*block, ""))

    def title(self, text: str) -> str:
        return _whole_header(text).split("\n", 1)[0]

    def read(self, text: str, name: str) -> tuple[Chem.Mol, list[str]]:
        """See ``LigandFormat``.

        Raises:
            LigandError: ``no_atoms``, ``nan_coordinates`` or ``bad_record``.
        """
        text = _whole_header(text)
        if _V3000_TABLE in text:
            text = _V2000.sub("V3000", text, count=1)  # a counts line that names the other version
        counts = text.split("\n", 4)[3] if text.count("\n") > 3 else ""
        if re.match(r"\s*0\s+0\b.*V2000", counts):
            raise LigandError(f"Ligand {name} has no atoms.", "Check the record.", "no_atoms")
        mol = Chem.MolFromMolBlock(text, sanitize=False, removeHs=False, strictParsing=False)
        if mol is not None:
            if _V2000.search(counts):
                _check_columns(text, counts, name)
            return with_perceived_bonds(_without_queries(_without_lone_pairs(mol, text)), name)
        if _NOT_A_NUMBER.search(text.split("M  END")[0].split("\n", 3)[-1]):
            raise LigandError(
                f"Ligand {name} has coordinates that are not numbers.", "Mend or remove the record.", "nan_coordinates"
            )
        hint = "Check the record's counts line and atom lines."
        if "\nM  END" not in text:
            hint = "It has no line `M  END`: the block breaks off, or a script dropped the line."
        raise LigandError(f"Ligand {name} is not a valid mol block.", hint, "bad_record")

    def tags(self, text: str) -> dict[str, str]:
        found: dict[str, str] = {}
        key: str | None = None
        value: list[str] = []
        for line in text.partition("M  END")[2].split("\n"):
            tag = _TAG.match(line)
            if tag:
                if key is not None:
                    found[key] = "\n".join(value).rstrip("\n")
                key, value = tag.group(1), []
            elif key is not None:
                value.append(line)
        if key is not None:
            found[key] = "\n".join(value).rstrip("\n")
        return found


def _whole_header(text: str) -> str:
    """A record whose counts line is the fourth: scripts strip an empty title, or write a line too many."""
    lines = text.split("\n", _HEADER_LINES + 3)
    place = next((row for row, line in enumerate(lines[: _HEADER_LINES + 2]) if _COUNTS.match(line)), _HEADER_LINES)
    if place == _HEADER_LINES:
        return text
    header = lines[:place]
    if place > _HEADER_LINES:
        header = header[1:] if not header[0].strip() else header[:_HEADER_LINES]
    else:
        lost = [""] * (_HEADER_LINES - place)
        header = [*lost, *header] if not header or _PROGRAM.search(header[0]) else [*header, *lost]
    return "\n".join((*header, *lines[place:]))


def _check_columns(text: str, counts: str, name: str) -> None:
    """Refuse atom lines of V2000 whose coordinates are not one number in each field: RDKit reads what it finds there.

    Raises:
        LigandError: ``nan_coordinates``.
    """
    try:
        count = int(counts[:3])
    except ValueError:
        return
    lines = text.split("\n", _HEADER_LINES + count + 1)[_HEADER_LINES + 1 : -1]
    columns = "".join([line[:30] for line in lines])
    points = "." * (3 * len(lines))
    if columns[5::10] == points and columns.count(".") == len(points) and _USUAL_NUMBERS.fullmatch(columns):
        return
    for line in lines:
        if not all(_NUMBER.fullmatch(line, place.start, place.stop) for place in _PLACES):
            raise LigandError(
                f"Ligand {name} has an atom line whose coordinates cannot be read: {line[:40].strip()!r}.",
                "x, y and z stand in columns 1-10, 11-20 and 21-30, with a decimal point.",
                "nan_coordinates",
            )


def _without_lone_pairs(mol: Chem.Mol, text: str) -> Chem.Mol:
    """The molecule without the lone pairs that GOLD writes as atoms."""
    if _LONE_PAIR not in text:
        return mol
    lines = text.split("\n", _HEADER_LINES + mol.GetNumAtoms() + 1)[_HEADER_LINES + 1 : -1]
    pairs = [row for row, line in enumerate(lines) if line[31:34].strip() == _LONE_PAIR]
    work = Chem.RWMol(mol)
    for row in reversed(pairs):
        work.RemoveAtom(row)
    return work.GetMol()


def _without_queries(mol: Chem.Mol) -> Chem.Mol:
    """The molecule whose atoms ask for nothing: numbers of hydrogens, neighbours or ring bonds do not change it.

    Atoms that may be of one element or another stay queries, and are refused later.
    """
    if not mol.HasQuery():
        return mol
    asking = [row for row, atom in enumerate(atoms_of(mol)) if atom.HasQuery() and atom.GetAtomicNum()]
    if not asking:
        return mol
    work = Chem.RWMol(mol)
    for row in asking:
        old = work.GetAtomWithIdx(row)
        new = Chem.Atom(old.GetAtomicNum())
        new.SetFormalCharge(old.GetFormalCharge())
        new.SetIsotope(old.GetIsotope())
        new.SetNumRadicalElectrons(old.GetNumRadicalElectrons())
        work.ReplaceAtom(row, new)
    return work.GetMol()


def _begins_another(block: list[str], line: str, end: int, tag: int | None) -> bool:
    """Whether a line is the counts line of another mol block, and not part of the value of a tag.

    Args:
        block: The lines before it.
        line: The line.
        end: Row of the last ``M  END``; a value may have very many lines, so that it is not looked for here.
        tag: Row of the first tag behind it.
    """
    head = len(block) - _HEADER_LINES
    if end >= head:
        return False
    if not _COUNTS.match(line):
        return end == head - 1 and tag is None and _OLD_COUNTS.match(line) is not None
    return tag is None or tag >= head or not block[head - 1].strip()
