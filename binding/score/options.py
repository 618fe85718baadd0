"""How complexes are scored: one set of options for predicting, screening and explaining, checked in one place."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from binding.constants import Experts
from binding.errors import LigandError, UsageError
from binding.graph.site import PocketSpec
from binding.io.columns import OutputColumn, evidence_columns
from binding.io.ligand import BadRecord, read_ligands
from binding.io.template import parse_template
from binding.score.limits import check_seconds
from binding.score.plausibility import PoseChecks

if TYPE_CHECKING:
    from binding.model.weights import Scorer

DEFAULT_BATCH_SIZE = 128
PocketInput = PocketSpec | Path | str
MOST_EVIDENCE = 100
_CACHED_FILES = 8
_NUMBER = r"[-+]?[0-9]*\.?[0-9]+"


@dataclass(frozen=True, eq=False, kw_only=True)
class ScoringOptions:
    """What decides how requests are scored, besides the requests themselves.

    Attributes:
        pocket: For requests that name no pocket of their own; by default residues within 10 Å of each ligand.
        template: SMILES with the bond orders of ligands that have none (PDB, PDBQT).
        model: A loaded model, the name of a shipped one or a ``.safetensors`` file; None for the shipped default.
        device: Where a model is loaded that is not loaded yet: ``auto``, ``cpu``, ``cuda`` or ``cuda:1``.
        workers: Processes that read files; 0 reads in this process, None chooses by the number of requests.
        batch_size: Complexes in one pass of the network.
        experts: What ``pk`` is made of: ``all``, ``network`` (networks and geometry) or ``prior``.
        checks: The tests of plausibility that each pose goes through; none if None.
        evidence: Measurements behind the prior's part of pk to list in each row.
        time_limit: Seconds that a record may take before it is given up; None for those of ``binding.score.limits``.
            What is read in this process has no limit.
        guarded: Whether few requests, too, are read in another process, so that the limit holds for them.
        one_network: Whether the first network alone judges ``pose``, as in a screen; see ``Scorer.with_one_network``.

    Raises:
        UsageError: A number is out of range.
        LigandError: The template cannot be read.
    """

    pocket: PocketSpec = field(default_factory=PocketSpec)
    template: str | None = None
    model: Scorer | str | Path | None = None
    device: str = "auto"
    workers: int | None = None
    batch_size: int = DEFAULT_BATCH_SIZE
    experts: Experts | str = Experts.all
    checks: PoseChecks | None = None
    evidence: int = 0
    time_limit: float | None = None
    guarded: bool = False
    one_network: bool = False

    def __post_init__(self) -> None:
        if self.batch_size < 1 or (self.workers is not None and self.workers < 0):
            raise UsageError("batch_size must be 1 or more and workers 0 or more.", "Usual are 32 and 2.")
        check_seconds(self.time_limit)
        if not 0 <= self.evidence <= MOST_EVIDENCE:
            raise UsageError(f"evidence must be 0 to {MOST_EVIDENCE}.", "A row lists so many measurements at most.")
        if self.experts not in list(Experts):
            raise UsageError(f"There are no experts {self.experts!r}.", f"Use one of {', '.join(Experts)}.")
        if self.template is not None:
            parse_template(self.template)

    @property
    def requested_columns(self) -> tuple[OutputColumn, ...]:
        """Columns that the rows have on request only: checks of the pose, and evidence."""
        checks = () if self.checks is None else self.checks.columns
        return (*checks, *evidence_columns(self.evidence))

    def load(self) -> Scorer:
        """The model, loaded if it is not yet.

        Raises:
            WeightsError: The weights are missing, damaged or of another version.
            UsageError: There is no such device, or the weights lack the experts that were asked for.
        """
        from binding.model.weights import load_model

        if self.model is None or isinstance(self.model, str | Path):
            scorer = load_model(self.model, device=self.device)
        else:
            scorer = self.model
        if self.one_network:
            scorer = scorer.with_one_network()
        return scorer if self.experts == Experts.all else scorer.of_experts(Experts(self.experts))


def parse_pocket(text: str) -> PocketSpec:
    """A pocket in words.

    Args:
        text: ``8`` is a cutoff about the ligand in Å; ``12.5, -3, 40.1, 10`` a centre and a radius in Å;
            ``A:ASP:25, A:27`` a list of residues.

    Raises:
        UsageError: None of these.
    """
    items = [item for item in re.split(r"[,\s]+", text.strip()) if item]
    numbers = [float(item) for item in items if re.fullmatch(_NUMBER, item)]
    if items and len(numbers) == len(items):
        if len(numbers) == 1:
            return PocketSpec(cutoff=numbers[0])
        if len(numbers) == 4:
            return PocketSpec(center=(numbers[0], numbers[1], numbers[2]), radius=numbers[3])
    elif items and all(":" in item for item in items):
        return PocketSpec(residues=tuple(items))
    raise UsageError(
        f"The pocket {text!r} is not understood.",
        "Write a reference file, a cutoff (8), a centre and a radius (x, y, z, r) or residues (A:ASP:25, A:27).",
    )


def resolve_pocket(pocket: PocketInput | None) -> PocketSpec:
    """The choice of residues, with the reference ligand read where one is named; the default for None.

    Raises:
        UsageError: Words that name no pocket.
        FileError: The reference ligand's file cannot be read.
        LigandError: Its first record cannot be read.
    """
    if pocket is None:
        return PocketSpec()
    if isinstance(pocket, PocketSpec):
        return pocket
    if isinstance(pocket, Path) or Path(pocket).is_file():
        path = Path(pocket)
        return PocketSpec(reference=_reference(path, file_version(path)))
    return parse_pocket(pocket)


def file_version(path: Path) -> tuple[int, int] | None:
    """Changes when the file does; None for a missing file, which the reader then reports."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


@lru_cache(maxsize=_CACHED_FILES)
def _reference(path: Path, version: tuple[int, int] | None) -> np.ndarray:
    for record in read_ligands(path):
        if isinstance(record, BadRecord):
            raise record.error
        return record.positions
    raise LigandError(f"{path} holds no ligand to take the pocket from.", "Check the file.", "no_atoms")
