"""The best poses as SDF: records read again from the library's files, their own tags kept.

An SDF record is written as it was given, hydrogens and all; a record of another format as the heavy atoms
that were scored. A pose that is in no ligand file, such as one made of SMILES, stands in the results themselves.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from rdkit import Chem

from binding.errors import FileError
from binding.files import atomic
from binding.io.columns import FAILED_CHECKS, PLAUSIBLE, SCREEN_TAG, names
from binding.io.formats import format_of_record
from binding.io.ligand import BadRecord, parse_record, split_records
from binding.io.results import SDF_PREFIX, cell_text, mol_block, sdf_record
from binding.io.sdf import SdfFormat
from binding.screening.parts import POSE_COLUMN
from binding.structures import Ligand

#: Results that go into the SDF file as ``binding_<column>``.
TAG_COLUMNS: Final = names(SCREEN_TAG)
_END: Final = "M  END\n"


def write_poses(rows: pa.Table, path: Path, template: str | None = None, *, resumes: bool = False) -> None:
    """Writes the poses of some results, in their order, whole or not at all.

    Args:
        rows: Rows of ``binding.screening.store.RESULT_COLUMNS`` and ``POSE_COLUMN``.
        path: The SDF file; an older one is replaced.
        template: SMILES that gave the bond orders when the poses were scored.
        resumes: As for ``atomic``.

    Raises:
        FileError: ``file_not_found`` or ``source_changed``: a library file is not where or what it was.
    """
    wanted = rows.to_pylist()
    with atomic(path, resumes=resumes, shared=True) as partial, tempfile.TemporaryFile(dir=path.parent) as spool:
        places: dict[int, tuple[int, int]] = {}
        for place, text in _records(wanted, template):  # in the order of the files: each is read once
            data = text.encode()
            places[place] = (spool.tell(), len(data))
            spool.write(data)
        with partial.open("wb") as out:
            for place in range(len(wanted)):
                start, length = places[place]
                spool.seek(start)
                out.write(spool.read(length))


def pose_texts(rows: pa.Table, template: str | None = None) -> list[str]:
    """The SDF records of the poses of some results, in their order; see ``write_poses``.

    Raises:
        FileError: ``file_not_found`` or ``source_changed``: a library file is not where or what it was.
    """
    wanted = rows.to_pylist()
    found = dict(_records(wanted, template))
    return [found[place] for place in range(len(wanted))]


def _records(rows: list[dict[str, Any]], template: str | None) -> Iterator[tuple[int, str]]:
    """Place and SDF record of each row, file by file."""
    by_file: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for place, row in enumerate(rows):
        if row[POSE_COLUMN] is None:
            by_file[row["ligand_file"]][row["record"]].append(place)
            continue
        text = row[POSE_COLUMN]
        posed = parse_record(text, row["ligand_file"], row["record"])
        yield (
            place,
            _tagged(row, text.partition(_END)[0] + _END, {} if isinstance(posed, BadRecord) else posed.properties),
        )
    for name, wanted in by_file.items():
        path = Path(name)
        last = max(wanted)
        left = set(wanted)
        for number, text in enumerate(split_records(path)):
            for place in wanted.get(number, ()):
                yield place, _as_given(rows[place], text, path, template)
            left.discard(number)
            if number == last:
                break
        if left:
            raise _changed(path, min(left))


def _as_given(row: Mapping[str, Any], text: str, path: Path, template: str | None) -> str:
    """A record of a file, once it is known to be the one that was scored."""
    ligand = parse_record(text, path, row["record"], template=template)
    if isinstance(ligand, BadRecord) or not _is_same(ligand, row):
        raise _changed(path, row["record"])
    block, end, _ = text.partition(_END)
    whole = end and isinstance(format_of_record(text, path), SdfFormat)
    return _tagged(row, block + end if whole else mol_block(ligand), ligand.properties)


def _tagged(row: Mapping[str, Any], block: str, own: Mapping[str, str]) -> str:
    tags = {name: value for name, value in own.items() if not name.startswith(SDF_PREFIX)}
    shown = (*TAG_COLUMNS, *(name for name in (PLAUSIBLE, FAILED_CHECKS) if name in row))
    return sdf_record(block, tags | {f"{SDF_PREFIX}{name}": cell_text(row[name]) for name in shown})


def _is_same(ligand: Ligand, row: Mapping[str, Any]) -> bool:
    return row["smiles"] is None or Chem.MolToSmiles(ligand.mol) == row["smiles"]


def _changed(path: Path, number: int) -> FileError:
    return FileError(
        f"Record {number + 1} of {path} is not the one that was scored: the file has changed since.",
        "Put the library's file back, or write .csv or .parquet, which need it no more.",
        "source_changed",
    )
