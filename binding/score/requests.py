"""Input as a list of requests, however it was given: files, molecules, tables or folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rdkit import Chem

from binding.errors import BindingError, FileError, UsageError
from binding.io.files import split_suffix
from binding.io.formats import STRUCTURE_SUFFIXES, TEXT_TABLE_SUFFIXES
from binding.io.ligand import BadRecord, prepare_ligand
from binding.io.names import one_line
from binding.io.table import Request, is_selection, read_folder, read_requests
from binding.score.featurize import load_protein
from binding.structures import Ligand, Protein

LigandInput = str | Path | Chem.Mol | Ligand


def requests_from(
    source: str | Path | Protein | Sequence[Request],
    ligands: LigandInput | Sequence[LigandInput] | None = None,
    *,
    ligand: str = "auto",
) -> list[Request]:
    """The requests that a source stands for; paths named directly are checked to exist.

    Args:
        source, ligands, ligand: As for ``binding.predict``.

    Raises:
        FileError: A file named here is missing, or the protein is not one.
        StructureError: The protein cannot be used.
        TableError: The table or folder cannot be used.
        UsageError: The arguments do not fit together.
    """
    if ligands is not None:
        items = [ligands] if isinstance(ligands, str | Path | Chem.Mol | Ligand) else list(ligands)
        inside = [item for item in items if isinstance(item, str) and is_selection(item) and not Path(item).exists()]
        if not inside or not isinstance(source, str | Path):
            return _with_ligands(source, items)
        if len(inside) < len(items):
            raise UsageError(
                "Both files and ligands inside the structure were given.",
                "Score them in two runs, or in a table of pairs.",
            )
        return [request for name in inside for request in requests_from(source, ligand=name)]
    if isinstance(source, Protein):
        raise UsageError("A protein was given and no ligand.", "Give ligands: files or RDKit molecules.")
    if not isinstance(source, str | Path):
        return list(source)
    path = Path(source)
    if not path.exists():
        raise FileError(f"There is no file or folder {path}.", "Check the path.", "file_not_found")
    suffix = split_suffix(path)[1]
    if ligand != "auto" and (path.is_dir() or suffix in TEXT_TABLE_SUFFIXES):
        raise UsageError(
            f"The ligand {ligand!r} can be chosen in a structure file only, and {path.name} is not one.",
            "In a table of pairs, write it in the column ligand.",
        )
    if path.is_dir():
        return read_folder(path)
    if suffix in TEXT_TABLE_SUFFIXES:
        return read_requests(path)
    if suffix in STRUCTURE_SUFFIXES:
        load_protein(path)  # a complex without a protein ends the run here, with its reason
        return [Request(None, path, ligand)]
    raise UsageError(
        f"{path.name} is neither a complex, a table nor a folder.",
        "Give a protein and a ligand file, a .pdb or .cif with its ligand, a .csv of pairs, or a folder.",
    )


def _with_ligands(source: str | Path | Protein | Sequence[Request], items: Sequence[LigandInput]) -> list[Request]:
    if not isinstance(source, str | Path | Protein):
        raise UsageError(
            "Ligands go with one protein, not with a list of requests.", "Name the ligand in each request."
        )
    if not items:
        raise UsageError("The list of ligands is empty.", "Give at least one file or molecule.")
    protein = source if isinstance(source, Protein) else Path(source)
    if isinstance(protein, Path):
        load_protein(protein)
    return [Request(None, protein, _ligand_of(item, number)) for number, item in enumerate(items, start=1)]


def _ligand_of(item: LigandInput, number: int) -> Path | Ligand | BadRecord:
    if isinstance(item, Chem.Mol):
        return _from_mol(item, number)
    return _existing(Path(item)) if isinstance(item, str | Path) else item


def _existing(path: Path) -> Path:
    if path.is_file():
        return path
    if path.is_dir():
        raise UsageError(f"The ligand {path} is a folder.", "Give the files in it, or a table of pairs.")
    if path.exists():
        raise UsageError(
            f"The ligand {path} is a pipe or a device, not a file.", "Write it to a file, or pipe it into -l -."
        )
    raise FileError(f"There is no ligand file {path}.", "Check the path.", "file_not_found")


def _from_mol(mol: Chem.Mol, number: int) -> Ligand | BadRecord:
    name = one_line(mol.GetProp("_Name") if mol.HasProp("_Name") else "") or f"ligand_{number}"
    try:
        return prepare_ligand(mol, name, properties={k: str(v) for k, v in mol.GetPropsAsDict().items()})
    except BindingError as error:
        return BadRecord(name, number - 1, error)
