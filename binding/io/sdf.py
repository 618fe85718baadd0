"""SD files and mol blocks, V2000 and V3000."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rdkit import Chem

from binding.errors import LigandError
from binding.io.perceive import with_perceived_bonds

_TAG = re.compile(r"^>.*?<([^>]+)>")
_NOT_A_NUMBER = re.compile(r"(?i)(?<![a-z])[-+]?(?:nan|inf(?:inity)?)(?![a-z])|\*{4,}")
_MARKS = re.compile(r"V[23]000\s*$|^M  END|^\$\$\$\$", re.MULTILINE)
_COUNTS = re.compile(r".*V[23]000\s*$")
_OLD_COUNTS = re.compile(r"\s*\d{1,3}\s+\d{1,3}(\s+\d{1,3}){0,10}\s*$")  # of files older than V2000
_HEADER_LINES = 3  # title, program, comment


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
        ended = False  # whether M  END was seen
        for line in lines:
            if line.startswith("$$$$"):
                yield "\n".join((*block, "")) if block else ""
                block, ended = [], False
                continue
            if ended and _begins_another(block, line):
                head = len(block) - _HEADER_LINES
                yield "\n".join((*block[:head], ""))
                block, ended = block[head:], False
            ended = ended or line.startswith("M  END")
            block.append(line)
        if any(line.strip() for line in block):
            yield "\n".join((*block, ""))

    def title(self, text: str) -> str:
        return text.split("\n", 1)[0]

    def read(self, text: str, name: str) -> tuple[Chem.Mol, list[str]]:
        """See ``LigandFormat``.

        Raises:
            LigandError: ``no_atoms``, ``nan_coordinates`` or ``bad_record``.
        """
        counts = text.split("\n", 4)[3] if text.count("\n") > 3 else ""
        if re.match(r"\s*0\s+0\b.*V2000", counts):
            raise LigandError(f"Ligand {name} has no atoms.", "Check the record.", "no_atoms")
        mol = Chem.MolFromMolBlock(text, sanitize=False, removeHs=False, strictParsing=False)
        if mol is not None:
            return with_perceived_bonds(mol, name)
        if _NOT_A_NUMBER.search(text.split("M  END")[0].split("\n", 3)[-1]):
            raise LigandError(
                f"Ligand {name} has coordinates that are not numbers.", "Mend or remove the record.", "nan_coordinates"
            )
        raise LigandError(
            f"Ligand {name} is not a valid mol block.", "Check the record's counts line and atom lines.", "bad_record"
        )

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


def _begins_another(block: list[str], line: str) -> bool:
    """Whether a line is the counts line of another mol block, and not part of the value of a tag."""
    head = len(block) - _HEADER_LINES
    end = next((row for row in reversed(range(len(block))) if block[row].startswith("M  END")), len(block))
    if end >= head:
        return False
    if not _COUNTS.match(line):
        return end == head - 1 and _OLD_COUNTS.match(line) is not None
    tags = any(text.startswith(">") for text in block[end:head])
    return not tags or not block[head - 1].strip()
