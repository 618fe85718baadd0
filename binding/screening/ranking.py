"""The work of one part of a ranking without poses: SMILES to how near the nearest measurement is.

It is the number that `binder` counts beside the pose, at the site where compounds are to be posed; see
``docs/explanation/screening.md``. A pure function of job and task, as in ``binding.screening.score``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from rdkit import Chem

from binding.config import ModelConfig
from binding.domain.fingerprint import fingerprint
from binding.domain.words import SITE_CUTOFF, Residues
from binding.errors import UsageError
from binding.graph.around import Around
from binding.graph.checks import MOST_ATOMS
from binding.graph.ligand import build_structure_graphs
from binding.graph.site import PocketSpec, chosen_residues
from binding.io.series import compound_from_smiles
from binding.memory import keep_freed_memory
from binding.model.cards import load_card
from binding.poses.poser import Posing
from binding.prior.one_site import OneSite
from binding.screening.plan import ScreenTask
from binding.screening.records import PartJob, Record, RecordKind
from binding.screening.score import FinishedPart
from binding.structures import Protein
from binding.worker import begin, tell

#: Of a part of the ranking: a row for each record of the library, in its order.
RANKING: Final = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),  # its place in the library, from 0
        pa.field("id", pa.string(), nullable=False),
        pa.field("compound", pa.string(), nullable=False),
        pa.field("nearest_measurement", pa.float64()),  # 0 to 1, by ligand and site; null where it cannot be ranked
        pa.field("smiles", pa.string()),  # as given
        pa.field("ligand_file", pa.string(), nullable=False),
        pa.field("record", pa.int64(), nullable=False),
    ]
)
_TOLD: Final = 256  # compounds between two words on how far a part is


@dataclass(frozen=True, eq=False)
class RankTask:
    """What every process needs to rank compounds; it can be pickled.

    Attributes:
        model: Path of the weights.
        site: Words of the site; see ``site_of``.
        time_limit: Seconds that a record may take; None for the usual.
    """

    model: str
    site: np.ndarray
    time_limit: float | None = None


def check_weights(weights: Path) -> None:
    """Refuse weights that know no measurements.

    Args:
        weights: Such as ``model.safetensors``.

    Raises:
        UsageError: ``no_prior``.
    """
    if not ModelConfig.model_validate(load_card(weights)["config"]).prior_weight:
        raise UsageError(
            f"{weights.name} cannot rank compounds without a pose: these weights have no prior.",
            "Leave out --prefilter, or use weights with a prior, such as those of the package.",
            "no_prior",
        )


def site_of(protein: Protein, pocket: PocketSpec, posing: Posing) -> np.ndarray:
    """The words of the site where compounds are to be posed; see ``binding.domain.words.pocket_words``.

    Args:
        protein: The receptor.
        pocket: Its reference ligand, centre or residues say where the site is.
        posing: Where it has a reference, as for placing, that says it before all.

    Returns:
        (words,) uint32; none where nothing says where the site is.
    """
    from binding.poses.place import read_references  # only a run that begins to rank needs it

    posed = [] if posing.reference is None else [ligand.positions for ligand in read_references(posing.reference)]
    if pocket.reference is not None:
        posed = posed or [np.asarray(pocket.reference, dtype=np.float64).reshape(-1, 3)]
    if posed:
        near = Around.of(protein, np.concatenate(posed), SITE_CUTOFF).residues_within(SITE_CUTOFF)
    else:
        found = chosen_residues(protein, pocket)
        near = np.zeros(protein.num_residues, dtype=bool) if found is None else found
    return Residues.of_protein(protein).words(near)


def ranking_task(task: ScreenTask) -> RankTask:
    """What ranks the compounds of a run that poses them."""
    assert task.posing is not None, "a prefilter is refused without SMILES, and these without a way to pose them"
    assert task.receptor is not None, "SMILES are posed in the receptor of the run"
    site = site_of(task.receptor, task.scoring.pocket, task.posing)
    return RankTask(str(task.scoring.model), site, task.scoring.time_limit)


class PartRanker:
    """Ranks parts in one process: holds the measurements at the site.

    Args:
        site: What was measured there.
        told: Called now and then with the number of compounds of the job under way that are done.
    """

    def __init__(self, site: OneSite, told: Callable[[int], None] = lambda done: None) -> None:
        self._site, self._told = site, told

    def __call__(self, job: PartJob) -> FinishedPart:
        """Ranks the compounds of a job: those that cannot be ranked have no number, and whoever poses them says why."""
        start = time.perf_counter()
        places, mols = list[int](), list[Chem.Mol]()
        for place, record in enumerate(job.records):
            if record.kind is RecordKind.SMILES and job.first + place not in job.lost:
                begin(place)
                mol = _structure(record)
                if mol is not None:
                    places.append(place)
                    mols.append(mol)
        known = np.full(len(job.records), np.nan)
        for first in range(0, len(mols), _TOLD):
            some = slice(first, first + _TOLD)
            known[places[some]] = self._known(mols[some], places[some])
            self._told(places[some][-1] + 1)
        begin(None)
        records = job.records
        columns = {
            "row": range(job.first, job.first + len(records)),
            "id": [record.id for record in records],
            "compound": [record.name or record.id for record in records],
            "nearest_measurement": pa.array(known, from_pandas=True),
            "smiles": [record.text if record.kind is RecordKind.SMILES else None for record in records],
            "ligand_file": [record.file for record in records],
            "record": [record.number for record in records],
        }
        table = pa.table({name: pa.array(columns[name]) for name in RANKING.names}).cast(RANKING)
        return FinishedPart(job.number, job.first, len(records), table, {"rank": time.perf_counter() - start})

    def _known(self, mols: list[Chem.Mol], places: list[int]) -> np.ndarray:
        """(n,) of some structures; NaN where RDKit fails."""
        try:
            graphs = build_structure_graphs(mols, lambda row: begin(places[row]))
            return np.array([self._site.known(fingerprint(graph)) for graph in graphs])
        except Exception:  # noqa: BLE001 - one structure must not cost the others their ranks
            if len(mols) == 1:
                return np.full(1, np.nan)
            each = zip(mols, places, strict=True)
            return np.concatenate([self._known([mol], [place]) for mol, place in each])


def _structure(record: Record) -> Chem.Mol | None:
    """What is posed of a record, without salts; None where it cannot be read or is too large for any pose."""
    try:
        mol = compound_from_smiles(record.text, record.name or record.id).mol
    except Exception:  # noqa: BLE001 - whoever poses it says why
        return None
    return mol if mol.GetNumAtoms() <= MOST_ATOMS else None


def rank_parts(task: RankTask) -> PartRanker:
    """The function of the worker processes; see ``binding.pool.WorkerPool``."""
    from binding.model.weights import load_model

    keep_freed_memory()
    prior = load_model(Path(task.model), device="cpu").prior
    assert prior is not None, "weights without one are refused before"
    return PartRanker(OneSite(prior, task.site), told=tell)
