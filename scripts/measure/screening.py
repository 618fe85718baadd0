"""Enrichment on screening sets by `binding screen`, beside other rankings -> docs/figures/screening_sets.json.

    python -m scripts.measure.screening dock ../shared/data/screening/dude__inha docked/dude__inha
    python -m scripts.measure.screening measure ../shared/data/screening [--docked RUN ...] [--vina FOLDER]

A set is a folder with ``receptor.pdb``, ``poses.sdf.gz`` (record title = compound) and ``compounds.csv`` (``id``,
``smiles``, ``label``, 1 for actives). Compounds are judged by their rank score, whose order is that of `binder` too,
and by the other numbers of the pose that has the best. ``vina`` is Vina's function of the poses as given
(``binding.poses.vina``), and ``vina_program`` the score of AutoDock Vina itself (extra ``binding[dock]``, hydrogens as
for docking, not with --no-program); each is the best of a compound's poses. --vina names a folder where both are kept.

``dock`` docks a sample of a set without poses (``crystal_ligand.sdf`` marks the pocket): all actives and, for each of
them, some inactives drawn with a fixed seed. The run folder must have the set's name; --docked scores its poses again
with the weights asked for. A compound without a pose ranks last, for every scorer.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from binding import api
from binding.errors import LigandError
from binding.graph.site import PocketSpec, select_pocket
from binding.io.ligand import BadRecord, read_ligands
from binding.io.results import OK, RECORD_END
from binding.io.structure import read_protein
from binding.poses.dock import Box, Docker
from binding.poses.states import protonate
from binding.poses.vina import CUTOFF, PairTable, affinity, ligand_types, protein_types
from binding.structures import Ligand, Protein
from scripts.figures import FIGURES, machine, name_of, write_figures

SEED = 0
MARGIN = 1.0  # Å about the poses whose scores are asked for


# ---------------------------------------------------------------- Vina's function and Vina itself


def vina_affinity(protein: Protein, ligand: Ligand) -> float:
    """Vina's function of a pose as it lies, kcal/mol."""
    pocket = select_pocket(protein, ligand, PocketSpec(cutoff=CUTOFF))
    energy, _ = PairTable(ligand_types(ligand.mol), protein_types(pocket)).energy(ligand.positions, pocket.positions)
    return affinity(energy, rdMolDescriptors.CalcNumRotatableBonds(ligand.mol))


def vina_scores(folder: Path, program: bool = True) -> pd.DataFrame:
    """A row for each compound: minus its best affinity by our function and by Vina, kcal/mol; higher is better."""
    protein = read_protein(folder / "receptor.pdb")
    ligands = [ligand for ligand in read_ligands(folder / "poses.sdf.gz") if isinstance(ligand, Ligand)]
    # The maps are not read for a score.
    docker = Docker(protein, _box(ligands), spacing=MARGIN) if program else None
    rows = []
    for ligand in ligands:
        own = -vina_affinity(protein, ligand)
        asked = {} if docker is None else {"vina_program": _program(docker, ligand)}
        rows.append({"id": ligand.name, "vina": own} | asked)
    return pd.DataFrame(rows).groupby("id", sort=False).max().reset_index()


def _program(docker: Docker, ligand: Ligand) -> float:
    """NaN where Vina cannot read it."""
    try:
        return -docker.score(Chem.AddHs(protonate(ligand.mol), addCoords=True), ligand.name)
    except LigandError:
        return float("nan")


def _box(ligands: list[Ligand]) -> Box:
    """About all poses; scores need no more room than the ligands take."""
    positions = np.concatenate([ligand.positions for ligand in ligands])
    low, high = positions.min(axis=0) - MARGIN, positions.max(axis=0) + MARGIN
    (x, y, z), (a, b, c) = ((low + high) / 2).tolist(), (high - low).tolist()
    return Box((x, y, z), (a, b, c))


def agreement(scores: pd.DataFrame) -> dict[str, float]:
    """How alike our function and Vina score a set's compounds."""
    both = scores.dropna()
    return {
        "n": len(both),
        "not_read": int(scores["vina_program"].isna().sum()),
        "r": round(float(both["vina"].corr(both["vina_program"])), 3),
        "mean_difference": round(float((both["vina"] - both["vina_program"]).abs().mean()), 2),
    }


# ---------------------------------------------------------------- a sample of a set without poses, docked


def sample(compounds: pd.DataFrame, per_active: int) -> pd.DataFrame:
    """All actives and ``per_active`` times as many inactives, in random order; the same rows each time."""
    active = compounds["label"] == 1
    wanted = min(per_active * int(active.sum()), int((~active).sum()))
    drawn = compounds[~active].sample(wanted, random_state=SEED)
    return pd.concat([compounds[active], drawn]).sample(frac=1, random_state=SEED)


def dock(options: argparse.Namespace) -> None:
    """`binding screen --dock` of a set's sample; a run that was stopped is resumed."""
    compounds = pd.read_csv(options.folder / "compounds.csv", dtype={"id": str})
    library = options.output.with_name(f"{options.output.name}.csv")
    library.parent.mkdir(parents=True, exist_ok=True)
    sample(compounds, options.per_active)[["id", "smiles"]].to_csv(library, index=False)
    command = [
        "screen", "-p", str(options.folder / "receptor.pdb"), "--dock",
        "--pocket-ligand", str(options.folder / "crystal_ligand.sdf"), "--exhaustiveness", str(options.exhaustiveness),
        "-l", str(library), "-o", str(options.output), "--workers", str(options.workers),
    ]  # fmt: skip
    sys.exit(subprocess.run([sys.executable, "-m", "binding", *command], check=False).returncode)


# ---------------------------------------------------------------- poses that are given, and poses that were docked


def posed_set(folder: Path, model: str | None, scratch: Path, kept: Path | None, program: bool) -> dict[str, Any]:
    """Figures of a set that comes with poses."""
    table = (kept or scratch) / f"{folder.name}.csv"
    if not table.is_file():
        vina_scores(folder, program).to_csv(table, index=False)
    scores = pd.read_csv(table, dtype={"id": str})
    truth = pd.read_csv(folder / "compounds.csv", dtype={"id": str})
    figures = screened(folder, folder / "poses.sdf.gz", None, truth, scores, model, scratch)
    return figures | ({"vina_agreement": agreement(scores)} if "vina_program" in scores else {})


def docked_set(folder: Path, run: Path, model: str | None, scratch: Path) -> dict[str, Any]:
    """Figures of the sample of a set that was docked: its compounds, posed or not."""
    parts = pd.concat([pd.read_parquet(path) for path in sorted((run / "parts").glob("part-*.parquet"))])
    poses = scratch / "docked.sdf"
    with poses.open("w", encoding="utf-8") as stream:
        for block in parts.loc[parts["status"] == OK, "pose_block"]:
            stream.write(f"{block}{RECORD_END}")
    scores = pd.DataFrame(_dock_scores(poses)).groupby("id", sort=False).max().reset_index()
    everything = pd.read_csv(folder / "compounds.csv", dtype={"id": str})
    truth = everything[everything["id"].isin(parts["compound"])]
    figures = screened(folder, poses, folder / "crystal_ligand.sdf", truth, scores, model, scratch)
    settings = json.loads((run / "run.json").read_text(encoding="utf-8"))["decides"]["posing"]
    return figures | {
        "docked": {
            "of_actives": int(everything["label"].sum()),
            "of_inactives": int((everything["label"] == 0).sum()),
            "no_pose": len(truth) - len(scores),
            "exhaustiveness": settings["exhaustiveness"],
            "poses": settings["poses"],
        }
    }


def _dock_scores(poses: Path) -> Iterator[dict[str, Any]]:
    for ligand in read_ligands(poses):
        if isinstance(ligand, BadRecord):
            raise SystemExit(f"{poses}, record {ligand.index + 1}: {ligand.error}")
        yield {"id": ligand.name, "dock_score": -float(ligand.properties["dock_score"])}


def screened(
    folder: Path,
    poses: Path,
    pocket: Path | None,
    truth: pd.DataFrame,
    scores: pd.DataFrame,
    model: str | None,
    scratch: Path,
) -> dict[str, Any]:
    """Screens a library of poses and judges the best of each compound, beside other scores by ``id``."""
    start = time.perf_counter()
    result = api.screen(poses, scratch / "run", protein=folder / "receptor.pdb", pocket=pocket, model=model)
    seconds = time.perf_counter() - start
    rows = pd.read_parquet(scratch / "run" / "results.parquet").rename(columns={"id": "pose_id", "compound": "id"})
    # Of the pose that stands for the compound, the one of the best rank score.
    named = {"pk": "pk_of_pose", "pose": "pose_probability"}
    peers = rows[["id", *named]].rename(columns=named).merge(scores, on="id", how="outer")
    peers.to_csv(scratch / "peers.csv", index=False)
    # One protein, so that pK of two scorers rank alike whatever the group is called.
    truth[["id", "label"]].assign(target=folder.name).to_csv(scratch / "truth.csv", index=False)
    report = api.evaluate(
        rows, scratch / "truth.csv", column="rank_score", label="label", group="target", peers=scratch / "peers.csv"
    )
    return {
        "set": folder.name,
        "asked": result.asked,
        "scored": result.scored,
        "seconds": round(seconds, 1),
        "actives": int(truth["label"].sum()),
        "inactives": int((truth["label"] == 0).sum()),
        "enrichment": report.as_dict()["enrichment"],
    }


def measured(options: argparse.Namespace) -> None:
    """Every set that has poses, and the docked samples."""
    if options.vina is not None:
        options.vina.mkdir(parents=True, exist_ok=True)
    sets = []
    with ExitStack() as stack:
        scratch = options.runs or stack.enter_context(tempfile.TemporaryDirectory())

        def add(found: dict[str, Any]) -> None:
            sets.append(found)
            print(json.dumps({k: v for k, v in found.items() if k != "enrichment"}), flush=True)

        for folder in sorted(path.parent for path in options.folder.glob("*/poses.sdf.gz")):
            work = Path(scratch) / folder.name
            work.mkdir(parents=True, exist_ok=True)
            add(posed_set(folder, options.model, work, options.vina, options.program))
        for run in options.docked:
            work = Path(scratch) / run.name
            work.mkdir(parents=True, exist_ok=True)
            add(docked_set(options.folder / run.name, run, options.model, work))
    content = {"model": name_of(options.model), "machine": machine(), "sets": sets}
    write_figures(options.output / "screening_sets.json", content, options.model)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(dest="step", required=True)
    step = steps.add_parser("measure", help="enrichment of all sets with poses")
    step.add_argument("folder", type=Path, help="of the sets, one folder each")
    step.add_argument("--model", default=None)
    step.add_argument("--docked", type=Path, nargs="*", default=[], metavar="RUN", help="runs of docked sets")
    step.add_argument("--vina", type=Path, metavar="FOLDER", help="where Vina's scores of the poses are kept")
    step.add_argument("--no-program", dest="program", action="store_false", help="leave out AutoDock Vina itself")
    step.add_argument("--runs", type=Path, metavar="FOLDER", help="where the screens are kept, to go on after a stop")
    step.add_argument("--output", type=Path, default=FIGURES)
    step.set_defaults(call=measured)
    step = steps.add_parser("dock", help="dock a sample of a set without poses")
    step.add_argument("folder", type=Path, help="of one set")
    step.add_argument("output", type=Path, help="folder of the run; the sample goes to OUTPUT.csv")
    step.add_argument("--per-active", type=int, default=8, help="inactives docked for each active")
    step.add_argument("--exhaustiveness", type=int, default=1)
    step.add_argument("--workers", type=int, default=1)
    step.set_defaults(call=dock)
    options = parser.parse_args()
    options.call(options)


if __name__ == "__main__":
    main()
