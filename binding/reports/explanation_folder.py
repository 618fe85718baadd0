"""The folder of files that ``binding explain`` writes: tables, the ligands with their shares, a page, structures."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from binding.explanation.evidence import EVIDENCE_COLUMNS
from binding.explanation.interactions import INTERACTION_COLUMNS
from binding.explanation.plain import as_plain
from binding.explanation.rows import ATOM_COLUMNS, PAIR_COLUMNS, PART_COLUMNS, RESIDUE_COLUMNS, Explanation, atom_text
from binding.files import atomic, make_folder
from binding.io.results import SDF_PREFIX, cell_text, mol_block, sdf_record
from binding.reports.structures import STRUCTURE_FILES

#: Complexes that the report draws; all are in the tables.
DRAWN: Final = 50
_PARTS, _RESIDUES, _ATOMS, _PAIRS = "parts.csv", "residues.csv", "atoms.csv", "pairs.csv"
_EVIDENCE, _INTERACTIONS = "evidence.csv", "interactions.csv"
_LIGANDS, _REPORT, _JSON = "ligands.sdf", "report.html", "explanation.json"
#: Of the ligands: one number a heavy atom, pK, in the order of the record.
CONTRIBUTIONS_TAG: Final = "pk_contributions"
#: What a folder of explanations holds.
FILES: Final = (_PARTS, _RESIDUES, _ATOMS, _PAIRS, _EVIDENCE, _INTERACTIONS, _LIGANDS, _JSON, *STRUCTURE_FILES, _REPORT)
_TABLES: Final = {
    _PARTS: PART_COLUMNS,
    _RESIDUES: RESIDUE_COLUMNS,
    _ATOMS: ATOM_COLUMNS,
    _PAIRS: PAIR_COLUMNS,
    _EVIDENCE: EVIDENCE_COLUMNS,
    _INTERACTIONS: INTERACTION_COLUMNS,
}


class ExplanationFolder:
    """Takes explanations one by one and leaves ``FILES`` in a folder; use it as a context manager.

    Leaving the block normally puts all files in their places. Leaving it by an exception, Ctrl-C included, leaves
    those of an earlier run as they were.

    Args:
        folder: Made where it is missing.

    Raises:
        FileError: ``not_writable`` or ``disk_full``.
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder)
        self._drawn: list[Explanation] = []
        self._failed: list[Explanation] = []
        self._counts: Counter[str] = Counter()

    def __enter__(self) -> Self:
        make_folder(self.path)
        with ExitStack() as stack:  # the last one opened is the first in its place: the parts close the list
            self._tables = {
                name: csv.DictWriter(self._open(stack, name), columns, lineterminator="\n")
                for name, columns in _TABLES.items()
            }
            self._ligands, self._report = self._open(stack, _LIGANDS), self._open(stack, _REPORT)
            self._structures = {name: self._open(stack, name) for name in STRUCTURE_FILES}
            self._json = self._open(stack, _JSON)
            self._json.write("[")
            for table in self._tables.values():
                table.writeheader()
            self._files = stack.pop_all()
        return self

    def write(self, explanation: Explanation) -> Explanation:
        """Takes one explanation, and gives it back."""
        self._put(_PARTS, [explanation.parts()])
        self._put(_RESIDUES, explanation.residues())
        self._put(_ATOMS, explanation.atoms())
        self._put(_PAIRS, explanation.pairs())
        self._put(_EVIDENCE, explanation.evidence())
        self._put(_INTERACTIONS, explanation.interactions())
        begin = ",\n" if self._counts.total() else "\n"
        self._json.write(begin + json.dumps(as_plain(explanation), ensure_ascii=False, allow_nan=False))
        reasons = explanation.reasons
        self._counts["failed" if reasons is None else "ok"] += 1
        if reasons is None:
            self._failed = (self._failed + [explanation])[:DRAWN]
            return explanation
        shares = atom_text(reasons.contributions.atoms.pk)
        ours = {f"{SDF_PREFIX}id": explanation.row.id, f"{SDF_PREFIX}pk": cell_text(explanation.row.pk)}
        tags = reasons.ligand.properties | ours | {CONTRIBUTIONS_TAG: shares}
        self._ligands.write(sdf_record(mol_block(reasons.ligand), tags))
        if len(self._drawn) < DRAWN:
            self._drawn.append(explanation)
        return explanation

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._files.__exit__(kind, error, trace)
            return
        from binding.reports.explanation import render

        with self._files:
            self._json.write("\n]\n")
            for name, write in STRUCTURE_FILES.items():
                self._structures[name].write(write(self._drawn))
            self._report.write(render(self._drawn, self._failed, self._counts))

    def _open(self, stack: ExitStack, name: str) -> IO[str]:
        partial = stack.enter_context(atomic(self.path / name))
        return stack.enter_context(open(partial, "w", encoding="utf-8", newline=""))

    def _put(self, name: str, rows: Iterable[dict[str, Any]]) -> None:
        self._tables[name].writerows({column: cell_text(value) for column, value in row.items()} for row in rows)
