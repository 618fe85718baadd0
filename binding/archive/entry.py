"""What an mmCIF entry says about itself, and the entry without its ligand as a receptor file."""

from __future__ import annotations

import gzip
import re
from collections.abc import Collection
from dataclasses import dataclass

import gemmi

# Atoms, sequences, and where they come from; the rest (refinement, validation, citations) is left behind.
_KEPT = frozenset(
    "entry struct exptl cell symmetry entity entity_poly entity_poly_seq struct_asym struct_ref struct_ref_seq "
    "chem_comp pdbx_poly_seq_scheme pdbx_database_status pdbx_audit_revision_history database_2 atom_type "
    "atom_site".split()
)


@dataclass(frozen=True)
class EntryInfo:
    """Figures of an entry, as text; empty where the entry has none.

    Attributes:
        resolution: Å.
        method: Such as ``X-RAY DIFFRACTION``.
        year: Year of the first release.
        uniprot: UniProt accession by chain.
    """

    resolution: str
    method: str
    year: str
    uniprot: dict[str, str]


def read_entry_info(block: gemmi.cif.Block) -> EntryInfo:
    """What the index of a training set needs to filter and to split by.

    Args:
        block: The entry's.
    """
    resolution = next(
        (text for tag in ("_refine.ls_d_res_high", "_em_3d_reconstruction.resolution") if (text := _value(block, tag))),
        "",
    )
    dates = [
        row.str(0)
        for tag in ("_pdbx_audit_revision_history.revision_date", "_database_PDB_rev.date")
        for row in block.find([tag])
    ]
    years = sorted(match[0] for date in dates if (match := re.match(r"\d{4}", date)))
    accessions = {row.str(0): row.str(1) for row in block.find("_struct_ref.", ["id", "db_name"])}
    uniprot: dict[str, str] = {}
    for row in block.find("_struct_ref_seq.", ["ref_id", "pdbx_strand_id", "pdbx_db_accession"]):
        if accessions.get(row.str(0)) == "UNP" and row.str(2):
            for chain in row.str(1).split(","):
                uniprot.setdefault(chain.strip(), row.str(2))
    return EntryInfo(resolution, _value(block, "_exptl.method"), years[0] if years else "", uniprot)


def _value(block: gemmi.cif.Block, tag: str) -> str:
    """The first value of a tag, or nothing where it is absent or unknown."""
    return next((text for row in block.find([tag]) if (text := row.str(0))), "")


def receptor_file(block: gemmi.cif.Block, without: Collection[str]) -> bytes:
    """The entry's first model without some groups, with sequences and references, as gzipped mmCIF.

    Args:
        block: The entry's; it is changed.
        without: Groups to leave out, ``chain:NAME:number`` with insertion code, by the author's numbering.
    """
    for category in block.get_mmcif_category_names():
        if category.strip("_.") not in _KEPT:
            block.find_mmcif_category(category).erase()
    loop = block.find_mmcif_category("_atom_site.").loop
    columns = {tag.partition(".")[2]: place for place, tag in enumerate(loop.tags)}
    width, values = loop.width(), loop.values
    rows = [values[start : start + width] for start in range(0, len(values), width)]
    model = columns.get("pdbx_PDB_model_num")
    first = rows[0][model] if model is not None else ""
    gone = frozenset(without)
    kept = [row for row in rows if (model is None or row[model] == first) and gone.isdisjoint(_names(row, columns))]
    loop.set_all_values([list(column) for column in zip(*kept, strict=True)])
    document = gemmi.cif.Document()
    document.add_copied_block(block)
    return gzip.compress(document.as_string().encode(), compresslevel=6, mtime=0)


def _names(row: list[str], columns: dict[str, int]) -> set[str]:
    """What the group of an atom row may be called; author's and archive's component name differ in rare entries."""

    def cell(*tags: str) -> str:
        place = next((columns[tag] for tag in tags if tag in columns), None)
        text = "" if place is None else gemmi.cif.as_string(row[place])
        return "" if text in ("?", ".") else text

    where = cell("auth_asym_id", "label_asym_id"), cell("auth_seq_id", "label_seq_id") + cell("pdbx_PDB_ins_code")
    return {f"{where[0]}:{cell(tag)}:{where[1]}" for tag in ("auth_comp_id", "label_comp_id") if tag in columns}
