"""A table of PDB ids -> which complexes are wanted."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from binding.errors import BindingError, TableError
from binding.io.index import AFFINITY_COLUMNS, IndexEntry, is_pdbbind_index, read_index, table_entry
from binding.io.rows import TextRow, read_rows
from binding.io.table import is_selection

_OWN = ("pdb_id", "ligand_code", "chain", "number", "smiles")  # columns with a meaning here, besides id
_OTHER_NAMES = {"ligand": "ligand_code", "het_code": "ligand_code", "ligand_id": "ligand_code"}
# `binding prepare` takes a column of this name for the folder's.
_RENAMED = {"protein": "protein_name", "receptor": "protein_name"}
_PDB_ID = re.compile(r"[0-9][a-z0-9]{3}|pdb_[a-z0-9]{8}", re.ASCII)
_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9]{1,5}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]+[A-Za-z]?", re.ASCII)
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


@dataclass(frozen=True)
class Wanted:
    """One row of the table.

    Attributes:
        id: Name of the complex; its folder's.
        pdb_id: The entry, lower case.
        ligand: ``auto``, a component's code, or groups as ``A:LIG:301`` joined by ``+``.
        chain: Chain of the ligand where ``ligand`` is a code; empty for any.
        number: Number of the ligand, likewise.
        smiles: Bond orders of the ligand; empty for the dictionary's.
        columns: What goes on to the index, affinity included.
        refusal: Why the row cannot be fetched, or None.
    """

    id: str
    pdb_id: str
    ligand: str = "auto"
    chain: str = ""
    number: str = ""
    smiles: str = ""
    columns: dict[str, str] = field(default_factory=dict, hash=False)
    refusal: BindingError | None = None

    @property
    def request(self) -> dict[str, str]:
        """What decides the files that are written."""
        names = ("pdb_id", "ligand", "chain", "number", "smiles")
        return {name: getattr(self, name) for name in names}


def read_wanted(path: str | Path) -> list[Wanted]:
    """Reads which complexes are wanted, in the order of the file.

    Args:
        path: A table with ``id`` or ``pdb_id`` (both where a row's name is not its PDB id) and, as needed,
            ``ligand_code``, ``chain``, ``number``, ``smiles``, ``pk`` or ``affinity``, and any others; or a PDBbind
            ``INDEX_*`` file.

    Returns:
        Every row; one that cannot be fetched says why in ``refusal``: ``bad_row`` (too few or too many cells),
        ``bad_id``, ``duplicate_id``, ``bad_ligand_name``, or ``no_affinity``, ``bad_affinity`` or ``bad_unit`` for
        its affinity.

    Raises:
        FileError: The file is missing, empty or not text.
        TableError: The table has no column ``id`` or no row.
    """
    path = Path(path)
    if is_pdbbind_index(path):
        rows = [_wanted(entry.id, _pdbbind_columns(entry)) for entry in read_index(path)]
    else:
        rows = [_table_row(path, row) for row in read_rows(path, required=("id",))]
    return _refuse_later_ones(rows)


def _pdbbind_columns(entry: IndexEntry) -> dict[str, str]:
    affinity = entry.affinity
    published = _FLIPPED.get(affinity.relation, affinity.relation)  # an index holds the sign of the constant
    return {"pk": f"{affinity.pk:.2f}", "relation": published, "measure": affinity.measure} | entry.extra


def _table_row(path: Path, row: TextRow) -> Wanted:
    wanted = _wanted(row.cells["id"], {name: text for name, text in row.cells.items() if name != "id"})
    refusal = row.error
    if wanted.refusal is None and any(name in row.cells for name in AFFINITY_COLUMNS):
        try:
            table_entry(path, row)
        except TableError as error:
            refusal = error
    return wanted if refusal is None else Wanted(wanted.id, wanted.pdb_id, columns=wanted.columns, refusal=refusal)


def _wanted(name: str, row: dict[str, str]) -> Wanted:
    own: dict[str, str] = {}
    columns: dict[str, str] = {}
    for column, text in row.items():
        lower = _OTHER_NAMES.get(column.lower(), column.lower())
        if lower in _OWN and lower not in own:
            own[lower] = text
        else:
            columns[_RENAMED.get(column, column)] = text
    pdb_id = (own.get("pdb_id") or name).lower()
    ligand = own.get("ligand_code") or "auto"
    if ligand.lower() == "auto":
        ligand = "auto"
    elif _CODE.fullmatch(ligand):
        ligand = ligand.upper()
    chain, number = own.get("chain", ""), own.get("number", "")
    try:
        _check(name, pdb_id, ligand, chain, number)
    except TableError as error:
        return Wanted(name, pdb_id, columns=columns, refusal=error)
    return Wanted(name, pdb_id, ligand, chain, number, own.get("smiles", ""), columns)


def _check(name: str, pdb_id: str, ligand: str, chain: str, number: str) -> None:
    if not _FOLDER.fullmatch(name):
        raise TableError(f"The id {name!r} cannot name a folder.", "Use letters, digits and . _ + - in it.", "bad_id")
    if not _PDB_ID.fullmatch(pdb_id):
        raise TableError(
            f"{pdb_id!r} is no PDB id.", "Give ids such as 4cup, or a column pdb_id beside your own id.", "bad_id"
        )
    if not is_selection(ligand):
        raise TableError(
            f"{ligand!r} names no ligand of {pdb_id}.",
            "Write a component's code such as ZYB, groups such as A:LIG:301+A:LIG:302, or leave the cell empty.",
            "bad_ligand_name",
        )
    if (chain or number) and (":" in ligand or ligand == "auto"):
        raise TableError(
            f"Chain and number of {pdb_id} need a component's code, not {ligand!r}.",
            "Fill in ligand_code, or empty chain and number.",
            "bad_ligand_name",
        )
    if number and not _NUMBER.fullmatch(number):
        raise TableError(f"{number!r} is no residue number.", "Write it as 301 or 301A.", "bad_ligand_name")


def _refuse_later_ones(rows: list[Wanted]) -> list[Wanted]:
    """The rows, a name's second use refused; case does not make a name another folder everywhere."""
    seen: set[str] = set()
    checked = []
    for row in rows:
        if row.refusal is None and row.id.lower() in seen:
            error = TableError(
                f"The id {row.id!r} is there more than once; the first row was taken.",
                "Give each row an id of its own and the entry in a column pdb_id.",
                "duplicate_id",
            )
            row = Wanted(row.id, row.pdb_id, columns=row.columns, refusal=error)
        elif row.refusal is None:
            seen.add(row.id.lower())
        checked.append(row)
    return checked
