"""The one list of input formats: their suffixes, how their content is recognised, and who reads them.

A ligand format is one class that fits ``LigandFormat`` and one registration; see ``docs/developing/ligand_format.md``.
Everything that reads ligands (``predict``, ``screen``, ``explain``, ``place``, ``prepare``) goes through this list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final, Protocol

from rdkit import Chem

from binding.errors import FileError
from binding.io.cif_ligand import CifFormat
from binding.io.files import split_suffix
from binding.io.mol2 import Mol2Format
from binding.io.pdb_ligand import PdbFormat
from binding.io.sdf import SdfFormat

ENTRY_POINTS: Final = "binding.ligand_formats"

STRUCTURE_SUFFIXES: Final = {".pdb": "pdb", ".ent": "pdb", ".pdbqt": "pdb", ".cif": "cif", ".mmcif": "cif"}
SMILES_SUFFIXES: Final = (".smi", ".smiles", ".ism")
TEXT_TABLE_SUFFIXES: Final = (".csv", ".tsv", ".txt", ".xlsx")

#: Text formats of other programs, by what they hold: their names, and how people get what is read here.
_FOREIGN: Final = (
    (re.compile(r"s_m_m2io_version"), "a Maestro file", "Export SDF or PDB from Maestro."),
    (
        re.compile(r"^(?:DOCKED: |INPUT-LIGAND-PDBQT)", re.MULTILINE),
        "a log of AutoDock",
        "Write its poses as SDF: mk_export.py FILE -s poses.sdf.",
    ),
    (re.compile(r"<(?:\w+:)?datablock\b"), "a PDBML file", "Fetch the entry as mmCIF or PDB."),
    (re.compile(r"<(?:CDXML|cml|MDocument|molecule)\b"), "a drawing in XML", "Export 3D poses as SDF or MOL2."),
    (
        re.compile(r"\Aversion https://git-lfs\.github\.com/"),
        "a pointer of Git LFS",
        "Fetch the file that it stands for: git lfs pull.",
    ),
    (
        re.compile(r"\A\s*(?:HTTP/[\d.]+ )?(?:40[0-9]|410|429|50[0-9])\b[: ]+[A-Z][a-z]"),
        "an error message of a server",
        "A download failed: fetch the file again.",
    ),
    (re.compile(r"\A\s*InChI="), "an InChI", "An InChI has no pose: give poses as SDF."),
    (re.compile(r"\A\s*[\[{]\s*[\"{]"), "JSON", "Give poses as SDF, structures as PDB or mmCIF."),
)
_STRUCTURE_WORDS: Final = (b"ATOM  ", b"HETATM")


class LigandFormat(Protocol):
    """A file format of ligand poses.

    Attributes:
        name: For messages, such as ``SDF``.
        suffixes: Lower case, with the dot; they decide only where the content is not recognised.
        folder_suffixes: Those that are ligands where they lie in a folder; a PDB file there is taken for a receptor.
        record_mark: Bytes that each record holds once, for estimates of how many there are; None where nothing does.
        titled: Whether a record's title names the compound; else records are named after the file.
    """

    name: str
    suffixes: tuple[str, ...]
    folder_suffixes: tuple[str, ...]
    record_mark: bytes | None
    titled: bool

    def recognises(self, text: str) -> bool:
        """Whether text is of this format.

        Args:
            text: A record, or the beginning of a file, with ``\\n`` at the ends of its lines.
        """

    def split(self, lines: Iterable[str]) -> Iterator[str]:
        """Cut a file into the texts of its records, without parsing them: the one rule for where a record ends.

        A malformed record must not take its neighbours with it, and none may be lost.

        Args:
            lines: Lines of the file, without line ends.

        Yields:
            The lines of one record, each with ``\\n`` at its end; an empty record is an empty text.
        """

    def title(self, text: str) -> str:
        """The title of a record, empty where it has none."""

    def read(self, text: str, name: str) -> tuple[Chem.Mol, list[str]]:
        """The molecule of a record.

        Args:
            text: As ``split`` gives it.
            name: For messages.

        Returns:
            A molecule with one conformer (Å), which need not be sanitized and may hold hydrogens, and one note for
            each decision.

        Raises:
            LigandError: With a code of its own for each reason.
        """

    def tags(self, text: str) -> dict[str, str]:
        """Properties of a record by name, in order."""


_FORMATS: list[LigandFormat] = [Mol2Format(), SdfFormat(), CifFormat(), PdbFormat()]
_loaded_plugins: list[str] = []


def ligand_formats() -> tuple[LigandFormat, ...]:
    """All ligand formats, in the order in which they are asked whether they recognise a text.

    Installed packages add formats through the entry point group ``binding.ligand_formats``, so that worker processes
    know them too.
    """
    if not _loaded_plugins:
        _loaded_plugins.append(ENTRY_POINTS)
        for point in entry_points(group=ENTRY_POINTS):
            register_format(point.load()())
    return tuple(_FORMATS)


def register_format(new: LigandFormat) -> None:
    """Add a ligand format; it is asked before those that were there.

    Args:
        new: See ``LigandFormat``.

    Raises:
        ValueError: Its name or one of its suffixes is taken.
    """
    for known in _FORMATS:
        taken = sorted({known.name, *known.suffixes} & {new.name, *new.suffixes})
        if taken:
            raise ValueError(f"{taken[0]} is already registered for the ligand format {known.name}.")
    _FORMATS.insert(0, new)


def unregister_format(name: str) -> None:
    """Remove a ligand format by its name."""
    _FORMATS[:] = [known for known in _FORMATS if known.name != name]


def ligand_suffixes(*, in_folders: bool = False) -> tuple[str, ...]:
    """The suffixes of all ligand formats, sorted.

    Args:
        in_folders: Only those of files that are taken for ligands where they lie in a folder.
    """
    known = ligand_formats()
    return tuple(sorted(suffix for one in known for suffix in (one.folder_suffixes if in_folders else one.suffixes)))


def format_of_suffix(suffix: str) -> LigandFormat | None:
    """The ligand format that a suffix such as ``.sdf`` stands for."""
    return next((known for known in ligand_formats() if suffix in known.suffixes), None)


def format_of_record(text: str, path: str | Path = "") -> LigandFormat:
    """The format of a record: what its text shows, else what the file's suffix says, else SDF.

    Args:
        text: As ``split_records`` gives it.
        path: The file that it comes from.
    """
    for known in ligand_formats():
        if known.recognises(text):
            return known
    named = format_of_suffix(split_suffix(Path(path))[1])
    return named or next(known for known in ligand_formats() if isinstance(known, SdfFormat))


def format_of_file(path: Path, head: str) -> LigandFormat:
    """The format of a ligand file: what its content shows, else what its suffix says.

    Args:
        path: The file.
        head: The beginning of its content.

    Raises:
        FileError: ``wrong_format``.
    """
    head = head.replace("\r\n", "\n").replace("\r", "\n")
    _refuse_foreign(path, head)
    found = next((known for known in ligand_formats() if known.recognises(head)), None)
    suffix = split_suffix(path)[1]
    found = found or format_of_suffix(suffix)
    if found is not None:
        return found
    hint = f"Ligands are read from {', '.join(ligand_suffixes())}, also gzipped."
    if suffix in (*SMILES_SUFFIXES, *TEXT_TABLE_SUFFIXES):
        hint = (
            "A SMILES has no pose: give poses as SDF, or make them with `binding place`, `binding screen --place-on` "
            f"or `binding screen --dock`. {hint}"
        )
    raise FileError(f"{path} is not a ligand file that can be read.", hint, "wrong_format")


def structure_format(path: Path, data: bytes) -> str:
    """``"pdb"`` or ``"cif"``, recognised from the content; the suffix is only a hint for the message.

    Raises:
        FileError: ``wrong_format``.
    """
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head[:5].lower() == b"data_" or (head.startswith((b"#", b"loop_")) and b"_atom_site." in data):
        return "cif"
    if any(data.startswith(word) or b"\n" + word in data for word in _STRUCTURE_WORDS):
        return "pdb"
    if b"M  END" in data or b"$$$$" in data or b"@<TRIPOS>" in data:
        raise FileError(
            f"{path} is a small-molecule file, not a protein structure.",
            "Give it as the ligand; the protein must be PDB or mmCIF.",
            "wrong_format",
        )
    _refuse_foreign(path, data[:65_536].decode("utf-8", errors="replace"))
    raise FileError(
        f"{path} holds no atom records of PDB or mmCIF.",
        f"Proteins are read from {', '.join(sorted(STRUCTURE_SUFFIXES))}, also gzipped.",
        "wrong_format",
    )


def _refuse_foreign(path: Path, head: str) -> None:
    """Say which other program's format a file is of.

    Raises:
        FileError: ``wrong_format``.
    """
    for mark, name, hint in _FOREIGN:
        if mark.search(head):
            raise FileError(f"{path} is {name}, which is not read.", hint, "wrong_format")
