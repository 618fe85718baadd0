"""Where the CPU time of a screened pose goes, by stage, beside what others take -> docs/figures/screen_stages.json.

    python -m scripts.bench.screen_stages [--poses 256] [--repeats 3] [-o docs/figures/screen_stages.json]

One process and thread, different compounds (``scripts.bench.screen``), once with one pocket for all poses and once with
the default pocket of each. Each function named below is timed without those that are timed within it; what is left is
"the rest". In the same run, in turn: RDKit's parsing of the same records with ECFP4, and AutoDock Vina's score of a few
of the poses as they are, prepared by meeko, by its Python interface. All figures are CPU milliseconds a pose, the least
of the repeats: a busy machine lengthens them all, so that ratios say more.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from rdkit import Chem, rdBase
from rdkit.Chem import rdFingerprintGenerator

from binding.domain.fingerprint import _bits
from binding.graph import ligand
from binding.graph.site import PocketSpec
from binding.io.ligand import read_ligands
from binding.memory import keep_freed_memory
from binding.score.featurize import load_protein
from binding.score.options import ScoringOptions
from binding.screening.library import Library
from binding.screening.plan import ScreenTask
from binding.screening.records import PartJob
from binding.screening.score import PartScorer
from binding.structures import Ligand
from scripts.bench.screen import RECEPTOR, REFERENCE, write_library
from scripts.figures import FIGURES, machine, write_figures

OUTPUT: Final = FIGURES / "screen_stages.json"
STAGES: Final = {
    "reading, repairs, tautomers": ("binding.screening.score:PartScorer._read",),
    "features of the ligand": ("binding.score.featurize:build_ligand_graphs",),
    "checks of the pose": (
        "binding.score.featurize:check_ligand",
        "binding.score.featurize:Meeting.of",
        "binding.score.featurize:check_pose",
    ),
    "cutting the pocket": ("binding.score.pockets:PocketMaker.of",),
    "features of the pocket": ("binding.score.pockets:ReceptorPockets._graph",),
    "words of the site": ("binding.score.pockets:Pocket.site_words",),
    "encoding the pocket": (
        "binding.model.ensemble:Scorer._pockets",
        "binding.model.ensemble:Scorer._encoded",
        "binding.model.interaction:InteractionModel.encode_pocket",
    ),
    "contacts and pairs": ("binding.model.interaction:InteractionModel.measure",),
    "networks for pose": (
        "binding.model.interaction:InteractionModel.interact",
        "binding.model.interaction:InteractionModel.orient",
        "binding.model.layers.encoders:MoleculeEncoder.forward",
    ),
    "tables of native contacts": ("binding.model.ensemble:pose_sums",),
    "geometric sums and their readout": (
        "binding.model.ensemble:geometric_sums",
        "binding.model.kernel_readout:KernelReadout.judge",
    ),
    "prior": ("binding.prior.model:Prior.predict_at",),
    "domain": ("binding.domain.index:Domain.judge",),
}
REST: Final = "the rest"
_WARM: Final = 64  # poses that are scored first, so that what a process does once is not counted
_BOX: Final = 40.0  # Å, of Vina's grid: poses of the library lie some Å beyond the pocket
_VINA_POSES: Final = 8


class Clock:
    """CPU seconds of functions without those of the functions within them."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._running: list[str] = []
        self._since = 0.0

    def _charge(self) -> None:
        now = time.process_time()
        if self._running:
            self.spent[self._running[-1]] = self.spent.get(self._running[-1], 0.0) + now - self._since
        self._since = now

    def of(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed."""

        @functools.wraps(work)
        def timed(*given: Any, **named: Any) -> Any:
            self._charge()
            self._running.append(stage)
            try:
                return work(*given, **named)
            finally:
                self._charge()
                self._running.pop()

        return timed

    def watch(self) -> None:
        """Times the functions of ``STAGES`` from now on."""
        for stage, places in STAGES.items():
            for place in places:
                module, _, path = place.partition(":")
                *outer, name = path.split(".")
                owner = functools.reduce(getattr, outer, importlib.import_module(module))
                held = vars(owner)[name]
                if isinstance(held, classmethod):
                    setattr(owner, name, classmethod(self.of(stage, held.__func__)))
                else:
                    setattr(owner, name, self.of(stage, held))


def forget(score: PartScorer) -> None:
    """What was kept of the ligands, so that each repeat finds them new."""
    ligand._kept.clear()
    _bits.cache_clear()
    domain = score.scorer.domain
    assert domain is not None, "the shipped weights know their training set"
    domain._ligands.clear()
    for index in domain.indices:
        index._greatest.clear()


def stages(clock: Clock, library: Path, pocket: Path | None, repeats: int) -> dict[str, float]:
    """CPU ms a pose by stage."""
    chosen = PocketSpec() if pocket is None else PocketSpec(reference=_positions(pocket))
    options = ScoringOptions(device="cpu", one_network=True, pocket=chosen)
    task = ScreenTask(scoring=options, receptor=load_protein(RECEPTOR), receptor_name=RECEPTOR.name)
    score = PartScorer(task)
    records = tuple(Library([library]).records())
    score(PartJob(0, 0, records[:_WARM]))
    whole = clock.of(REST, score.__call__)
    found: list[dict[str, float]] = []
    for _ in range(repeats):
        forget(score)
        clock.spent = {}
        whole(PartJob(0, 0, records))
        found.append({stage: 1000 * seconds / len(records) for stage, seconds in clock.spent.items()})
    best = {stage: min(each.get(stage, 0.0) for each in found) for stage in (*STAGES, REST)}
    return {stage: round(ms, 3) for stage, ms in (best | {"all": sum(best.values())}).items()}


def _positions(path: Path) -> np.ndarray:
    """(atoms, 3) Å of the first ligand of a file."""
    return next(pose for pose in read_ligands(path) if isinstance(pose, Ligand)).positions


def parsing(library: Path, repeats: int) -> float:
    """CPU ms that RDKit takes for a record and its ECFP4."""
    texts = [record.text for record in Library([library]).records()]
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)

    def read() -> None:
        for text in texts:
            generator.GetFingerprint(Chem.MolFromMolBlock(text))

    return least(read, repeats) / len(texts)


def vina(library: Path, repeats: int) -> dict[str, float] | None:
    """CPU ms that Vina's score of a pose takes, with the preparation of its file and without; None where it is not."""
    try:
        from binding.poses.dock import Box, Docker, _ligand_pdbqt
    except ImportError:
        return None
    x, y, z = _positions(REFERENCE).mean(axis=0).tolist()
    box = Box((x, y, z), (_BOX, _BOX, _BOX))
    docker = Docker(load_protein(RECEPTOR), box)
    poses = [pose for pose in read_ligands(library) if isinstance(pose, Ligand)][:_VINA_POSES]
    mols = [Chem.AddHs(pose.mol, addCoords=True) for pose in poses]
    docker.score(mols[0], "first")  # the maps are computed once

    def whole() -> None:
        for mol in mols:
            docker.score(mol, "pose")

    def prepare() -> None:
        for mol in mols:
            _ligand_pdbqt(docker._shifted(mol))

    each = least(whole, repeats) / len(mols)
    return {"prepared and scored": round(each, 3), "scored": round(each - least(prepare, repeats) / len(mols), 3)}


def least(work: Callable[[], None], repeats: int) -> float:
    """CPU ms of the fastest call."""
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        with rdBase.BlockLogs():
            work()
        spent.append(1000 * (time.process_time() - start))
    return min(spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--poses", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()  # as the workers of a screen do
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "library.sdf.gz"
        write_library(library, options.poses)
        parsed = parsing(library, options.repeats)
        clock = Clock()
        clock.watch()
        found = {
            "one pocket": stages(clock, library, REFERENCE, options.repeats),
            "default pocket": stages(clock, library, None, options.repeats),
        }
        others = {"parsing and ECFP4": round(parsed, 3), "vina": vina(library, options.repeats)}
    ratios = {name: round(each["all"] / parsed, 1) for name, each in found.items()}
    content = {"machine": machine(), "load": round(os.getloadavg()[0], 1), "poses": options.poses}
    content |= {"cpu_ms": found, "others_cpu_ms": others, "times_parsing_and_ecfp4": ratios}
    write_figures(options.output, content, None)
    sys.stdout.write(options.output.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
