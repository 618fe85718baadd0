"""Docking power on CASF-2016 with poses of our own: how often the best-scored pose is a right one.

    python -m scripts.measure.redocking ../shared/data/casf2016              poses that are missing, then all figures
    python -m scripts.measure.redocking ../shared/data/casf2016 --only score  with other weights, or newer ones

Poses: AutoDock Vina from fresh conformers of the ligand by quick searches, and fresh conformers laid about where the
crystal ligand lies, in about its torsions, and minimized, so that most targets have right poses. No bond length, angle
or ring of the crystal's conformer is in them. Poses beyond 10 Å RMSD are dropped, and so is, of two within 0.5 Å, the
one of higher energy. The crystal pose is not among them, except in the figures that say so.
`vina` is the energy that Vina's search minimizes, of ligand and protein and of the ligand itself, the same function for
all poses; the crystal pose takes part in it as minimized, which is what a search would have found.

Writes docs/figures/redocking.json. Poses are kept under WORK, one file a target; a run that was stopped goes on there.
"""

from __future__ import annotations

import argparse
import time
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem, rdBase
from rdkit.Chem import rdMolAlign, rdMolTransforms
from scipy.spatial.transform import Rotation

from binding.errors import BindingError, LigandError
from binding.evaluation.docking import NEAR_NATIVE, TOPS, success
from binding.graph.site import PocketSpec
from binding.io.structure import read_protein
from binding.metrics import difference, estimate, mean_over_groups
from binding.model.weights import STRICT_MODEL, load_model
from binding.poses.dock import DockedPose, Docker
from binding.poses.embedding import embed
from binding.poses.torsions import rotatable_bonds
from binding.score.featurize import Featurized, featurize
from binding.score.jobs import Job
from binding.score.network import launch_graphs
from binding.structures import Ligand, Protein
from scripts.figures import FIGURES, ROOT, write_figures
from scripts.release.decoys import box_about, on_native, rmsd
from scripts.release.posed import first, write_done

FARTHEST = 10.0  # Å RMSD
DISTINCT = 0.5  # Å RMSD between two poses
MARGIN = 4.0  # Å on each side of the crystal ligand, of the box that is searched
ENOUGH, MOST_CONFORMERS = 50, 6  # poses of a target; fresh conformers that are searched from until there are so many
docker_of = partial(Docker, exhaustiveness=8, max_evals=5_000, num_poses=50, energy_range=30.0, spacing=0.5)
LAID = 5  # poses minimized from about where the crystal ligand lies
COLUMNS = ("id", "target", "status", "error_code", "origin", "rmsd", "energy", "cpu_s")
RESAMPLES, SEED = 2000, 0


# ---------------------------------------------------------------- poses


@dataclass(frozen=True)
class Pose:
    """A pose in the crystal's order of atoms, its energy in kcal/mol and its RMSD to the crystal pose in Å."""

    origin: str
    mol: Chem.Mol
    energy: float
    rmsd: float

    @classmethod
    def of(cls, origin: str, pose: DockedPose, native: Chem.Mol) -> Pose:
        mol = on_native(pose.mol, native)
        return cls(origin, mol, pose.energy, rmsd(mol, native))


def sample(protein: Protein, ligand: Ligand) -> list[Pose]:
    """The crystal pose, with the energy of its minimum, and others by energy."""
    name, box = ligand.name, box_about(ligand.positions, MARGIN)
    docker = docker_of(protein, box, reference=ligand.positions)
    native = docker.minimize(Chem.AddHs(ligand.mol, addCoords=True), name)
    crystal = Pose("native", ligand.mol, native.energy, 0.0)
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    found: list[Pose] = []
    for row, width in enumerate(np.linspace(0.0, 1.0, LAID)):
        start = laid_on(ligand, MOST_CONFORMERS + row, float(width), generator)
        try:
            placed = docker.minimize(start, name)
        except LigandError:  # it begins outside the box or is driven out of it; the crystal pose has been minimized
            continue
        found.append(Pose.of("laid", placed, ligand.mol))
    for seed in range(MOST_CONFORMERS):
        poses = docker.dock_conformer(embed(ligand.mol, name, seed=seed), name)
        found = distinct(found + [Pose.of("searched", pose, ligand.mol) for pose in poses])
        if len(found) >= ENOUGH:
            break
    return [crystal, *found]


def laid_on(ligand: Ligand, seed: int, width: float, generator: np.random.Generator) -> Chem.Mol:
    """A fresh conformer in about the crystal's torsions, about where the crystal ligand lies.

    Args:
        ligand: As in the crystal.
        seed: Of the conformer: lengths, angles and rings are its own.
        width: 0 to 1, of the displacement: at 1 torsions are off by 40°, the place by 1.5 Å and 40°.
        generator: Of the displacement.
    """
    full = embed(ligand.mol, ligand.name, seed=seed)
    own, crystal = full.GetConformer(), ligand.mol.GetConformer()
    for bond in rotatable_bonds(ligand.mol):
        first_end, second_end = (ligand.mol.GetAtomWithIdx(int(atom)) for atom in bond)
        before = next(n.GetIdx() for n in first_end.GetNeighbors() if n.GetIdx() != second_end.GetIdx())
        after = next(n.GetIdx() for n in second_end.GetNeighbors() if n.GetIdx() != first_end.GetIdx())
        four = (before, first_end.GetIdx(), second_end.GetIdx(), after)
        angle = rdMolTransforms.GetDihedralRad(crystal, *four) + generator.normal(scale=np.radians(40) * width)
        rdMolTransforms.SetDihedralRad(own, *four, angle)
    rdMolAlign.AlignMol(full, ligand.mol, atomMap=[(atom, atom) for atom in range(ligand.num_atoms)])
    positions = own.GetPositions()
    centre = positions.mean(axis=0)
    axis, shift = generator.normal(size=(2, 3))
    turn = Rotation.from_rotvec(np.radians(40) * width * axis / np.linalg.norm(axis))
    own.SetPositions(turn.apply(positions - centre) + centre + 1.5 * width * shift / np.linalg.norm(shift))
    return full


def distinct(poses: list[Pose]) -> list[Pose]:
    """Poses by energy, without those that are too far away, and those that are nearly one of lower energy."""
    kept: list[Pose] = []
    places: list[np.ndarray] = []
    for pose in sorted(poses, key=lambda pose: pose.energy):
        position = pose.mol.GetConformer().GetPositions()
        away = [float(np.sqrt(((position - other) ** 2).sum(axis=1).mean())) for other in places]
        if pose.rmsd <= FARTHEST and min(away, default=np.inf) >= DISTINCT:
            kept.append(pose)
            places.append(position)
    return kept


def target_poses(name: str, folder: Path) -> tuple[list[dict[str, object]], list[Chem.Mol]]:
    """The rows and poses of a target."""
    protein, ligand = read_protein(folder / f"{name}_protein.pdb"), first(folder / f"{name}_ligand.sdf")
    rows: list[dict[str, object]] = []
    mols: list[Chem.Mol] = []
    for pose in sample(protein, ligand):
        title = f"{name}_{len(mols):03d}"
        mols.append(Chem.Mol(pose.mol))
        mols[-1].SetProp("_Name", title)
        row: dict[str, object] = {"id": title, "target": name, "status": "ok"}
        rows.append(row | {key: getattr(pose, key) for key in ("origin", "rmsd", "energy")})
    return rows, mols


def make_poses(data: Path, work: Path, deadline: float) -> None:
    """Targets in an order by chance, so that any beginning is fair to all."""
    names = pd.read_csv(data / "index.csv", usecols=["id"], dtype=str)["id"]
    for name in sorted(names, key=lambda text: zlib.crc32(text.encode())):
        if (work / f"{name}.csv").exists():
            continue
        if time.time() > deadline:
            return
        began = time.process_time()
        try:
            rows, mols = target_poses(name, data / name)
        except BindingError as error:
            rows, mols = [{"id": f"{name}_000", "target": name, "status": "failed", "error_code": error.code}], []
        rows[0]["cpu_s"] = round(time.process_time() - began, 2)
        write_done(work / name, rows, mols, COLUMNS)


# ---------------------------------------------------------------- scores


def score_poses(data: Path, work: Path, model: str) -> pd.DataFrame:
    """A row a pose, with ``pk``, ``pose`` and ``vina``; higher is better in each. NaN where a pose was not scored."""
    scorer = load_model(model)
    tables = []
    for path in sorted(work.glob("*.csv")):
        rows = pd.read_csv(path, dtype={"target": str, "error_code": str})
        rows = rows[rows["status"] == "ok"]
        if rows.empty:
            continue
        job = Job(data / path.stem / f"{path.stem}_protein.pdb", path.with_suffix(".sdf"), PocketSpec())
        items = {item.ligand.name: item for item in featurize(job) if isinstance(item, Featurized)}
        names = [name for name in rows["id"] if name in items]
        numbers = launch_graphs([items[name].graph for name in names], scorer)()
        known = {name: n for name, n in zip(names, numbers, strict=True) if not isinstance(n, BindingError)}
        for column in ("pk", "pose"):
            rows[column] = [getattr(known[name], column) if name in known else np.nan for name in rows["id"]]
        tables.append(rows.assign(vina=-rows["energy"]))
    return pd.concat(tables, ignore_index=True)


def figures(rows: pd.DataFrame) -> dict[str, Any]:
    """Success of each score over targets, with 95 % bootstrap intervals, and what it has over Vina's."""
    columns = ["pose", "pk", "vina"]
    near = (rows["rmsd"] <= NEAR_NATIVE).to_numpy()
    members = [np.asarray(places) for places in rows.groupby("target").indices.values()]
    scores = {name: rows[name].to_numpy(dtype=np.float64) for name in columns}
    scores["random"] = np.zeros(len(rows))
    found: dict[str, Any] = {}
    for scope, chosen in {
        "all": members,
        "with_near_native": [places for places in members if near[places].any()],
    }.items():
        tables = {
            name: {top: np.array([success(values[p], near[p], top) for p in chosen]) for top in TOPS}
            for name, values in scores.items()
        }
        found[scope] = {"targets": len(chosen), "scores": {}}
        for name, table in tables.items():
            entry: dict[str, Any] = {}
            for top in TOPS:
                own = mean_over_groups(table[top], np.ones(len(chosen)), resamples=RESAMPLES, seed=SEED)
                entry[f"top{top}"] = plain(estimate(*own))
                if name not in ("vina", "random"):
                    base = mean_over_groups(tables["vina"][top], np.ones(len(chosen)), resamples=RESAMPLES, seed=SEED)
                    entry[f"top{top}_minus_vina"] = plain(difference(own[0] - base[0], own[1] - base[1]))
            found[scope]["scores"][name] = entry
    return found


def plain(figure: Any) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in vars(figure).items()}


def summary(rows: pd.DataFrame, work: Path, asked: int, model: str) -> dict[str, Any]:
    decoys = rows[rows["origin"] != "native"]
    size = decoys.groupby("target").size()
    states = pd.concat([pd.read_csv(path, dtype={"error_code": str}) for path in sorted(work.glob("*.csv"))])
    spread = np.histogram(decoys["rmsd"], bins=[0, 1, 2, 3, 4, 6, 8, FARTHEST])[0]
    return {
        "model": model,
        "targets": {"asked": asked, "docked": int(size.size), "failed": int((states["status"] == "failed").sum())},
        "errors": {k: int(v) for k, v in states["error_code"].dropna().value_counts().items()},
        "poses": {
            "total": len(decoys),
            "median": float(size.median()),
            "least": int(size.min()),
            "most": int(size.max()),
            "targets_with_50": int((size >= 50).sum()),
            "unscored": int(decoys["pose"].isna().sum()),
            "by_rmsd": spread.tolist(),
            "bins": [0, 1, 2, 3, 4, 6, 8, FARTHEST],
        },
        "cpu_minutes": round(float(states["cpu_s"].sum()) / 60, 1),
        "without_native": figures(decoys.reset_index(drop=True)),
        "with_native": figures(rows),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of CASF-2016 in PDBbind layout")
    parser.add_argument("--work", type=Path, default=ROOT / "cache" / "redocking", help="where the poses are kept")
    parser.add_argument("--only", choices=["dock", "score"], help="one of the two steps")
    parser.add_argument("--model", default=STRICT_MODEL)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no further target after so long")
    parser.add_argument("-o", "--output", type=Path, default=FIGURES / "redocking.json")
    arguments = parser.parse_args()
    rdBase.DisableLog("rdApp.*")
    if arguments.only != "score":
        make_poses(arguments.data, arguments.work, time.time() + 60.0 * arguments.minutes)
    if arguments.only == "dock":
        return
    rows = score_poses(arguments.data, arguments.work, arguments.model)
    asked = len(pd.read_csv(arguments.data / "index.csv", usecols=["id"]))
    found = summary(rows, arguments.work, asked, arguments.model)
    write_figures(arguments.output, found, arguments.model)


if __name__ == "__main__":
    main()
