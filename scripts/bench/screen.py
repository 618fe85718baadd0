"""Times a screen of one pocket: 100 poses warm and cold, thousands end to end, the network alone, its peak memory.

    python -m scripts.bench.screen [--sizes 1000 4000 10000] [--large] [--complexes FOLDER] [-o docs/figures]

The library is made from ``data/examples``: analogues of four ligands of 18 to 43 atoms (one to three hydrogens
become F, Cl or CH3), one pose of each in the pocket of 5HT1B, turned and moved at random. No two compounds are
alike, so that nothing is gained from poses that share a compound. CPU seconds are given beside wall time, since a
busy machine disturbs them less; ``--large`` adds 100,000 and 200,000 poses. ``--complexes`` times 100 complexes of
different proteins as well, from a folder in PDBbind layout (``../shared/data/casf2016``). Figures go to
docs/figures/benchmark_screen.json.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import math
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem
from scipy.spatial.transform import Rotation

from scripts.figures import FIGURES, ROOT, machine, name_of, write_figures

EXAMPLES = ROOT / "data" / "examples"
RECEPTOR, REFERENCE = EXAMPLES / "5ht1b_protein.pdb.gz", EXAMPLES / "5ht1b_poses.sdf.gz"
ONE_POCKET = ("--pocket-ligand", str(REFERENCE))
LARGE = (100_000, 200_000)
FEW, ALMOST_NONE, OWN_POCKETS = 100, 4, 10_000
COPIES, APART = 5, 100.0  # Å
ATOMS, WINDINGS = 300, 18
RING, TUBE = 8.0, 4.0  # Å, so that neighbours along the ring are 1.5 Å apart
_SUBSTITUENTS = (9, 17, 6)
_SAMPLE_SECONDS = 0.2


# ---------------------------------------------------------------- the library


def write_library(path: Path, count: int, seed: int = 0) -> None:
    """A gzipped SDF file of ``count`` compounds, one pose each, in the pocket of 5HT1B."""
    from binding.io.ligand import read_ligands
    from binding.io.structure import read_complex
    from binding.structures import Ligand

    generator = np.random.default_rng(seed)
    files = (REFERENCE, *(EXAMPLES / f"{name}_ligand.sdf" for name in ("1s2g", "1ia1")))
    firsts = [next(iter(read_ligands(file))) for file in files]
    found = [*firsts, *read_complex(EXAMPLES / "6wqa_complex.cif.gz", "A:ZMA:1202")[1]]
    parents = [ligand for ligand in found if isinstance(ligand, Ligand)]
    assert len(parents) == len(found)
    full = [Chem.AddHs(parent.mol, addCoords=True) for parent in parents]
    centre = parents[0].positions.mean(axis=0)
    with gzip.open(path, "wt", compresslevel=1) as stream:
        for number in range(count):
            mol = _analogue(full[number % len(full)], generator)
            conformer = mol.GetConformer()
            positions = conformer.GetPositions() - conformer.GetPositions().mean(axis=0)
            near = number % len(full) == 0  # the ligand of the pocket stays about where it is
            turn = (
                Rotation.from_rotvec(generator.normal(0, 0.05, 3)) if near else Rotation.random(random_state=generator)
            )
            conformer.SetPositions(turn.apply(positions) + centre + generator.normal(0, 0.3 if near else 1.0, 3))
            mol.SetProp("_Name", f"compound_{number:06d}")
            stream.write(Chem.MolToMolBlock(mol) + "$$$$\n")


def write_beginning(whole: Path, path: Path, count: int) -> None:
    """The first ``count`` records of a library as a file of its own."""
    with gzip.open(whole, "rt") as source, gzip.open(path, "wt", compresslevel=1) as stream:
        for line in source:
            stream.write(line)
            count -= line == "$$$$\n"
            if not count:
                return


def _analogue(mol: Chem.Mol, generator: np.random.Generator) -> Chem.Mol:
    """Some hydrogens on carbon become F, Cl or C; without the others."""
    changed = Chem.RWMol(mol)
    places = [a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() == 1 and a.GetNeighbors()[0].GetAtomicNum() == 6]
    for place in generator.choice(places, size=int(generator.integers(1, 4)), replace=False).tolist():
        changed.GetAtomWithIdx(place).SetAtomicNum(int(generator.choice(_SUBSTITUENTS)))
    return Chem.RemoveHs(changed)


# ---------------------------------------------------------------- whole processes


@dataclass
class Run:
    """What a command took.

    Attributes:
        seconds: By the clock.
        cpu_seconds: Of all its processes.
        peak_mb: Most memory of all its processes together, a page that n of them share counted as 1/n in each (PSS).
        peak_resident_mb: The same with such a page counted n times (RSS), as ``ps`` and ``top`` show it.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float | None = None
    peak_resident_mb: float | None = None

    def as_json(self, poses: int) -> dict[str, Any]:
        found = {"peak_mb": self.peak_mb, "peak_resident_mb": self.peak_resident_mb}
        peak = {name: round(megabytes) for name, megabytes in found.items() if megabytes is not None}
        return {"poses": poses, "seconds": round(self.seconds, 2), "cpu_seconds": round(self.cpu_seconds, 2)} | peak


def timed(*arguments: str) -> Run:
    """Runs a command that must succeed; memory is that of all its processes together."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT
    )
    peak, done = np.zeros(2), threading.Event()

    def watch() -> None:
        while not done.wait(_SAMPLE_SECONDS):
            now = np.sum([_megabytes(pid) for pid in _tree(process.pid)], axis=0)
            np.maximum(peak, now, out=peak)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    _, stderr = process.communicate()
    seconds = time.perf_counter() - start
    done.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} exited {process.returncode}\n{stderr.decode()}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(seconds, cpu, *(peak.tolist() if peak.any() else ()))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            listed = children.read_text(encoding="ascii").split()
        except OSError:  # it has just ended
            continue
        for child in listed:
            yield from _tree(int(child))


def _megabytes(pid: int) -> tuple[float, float]:
    """Proportional and resident memory of a process; zero where it cannot be read."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0, 0.0
    found = {line.split(":")[0]: float(line.split()[1]) / 1024 for line in lines[1:]}
    return found["Pss"], found["Rss"]


def screened(folder: Path, whole: Path, count: int, pocket: tuple[str, ...] = ONE_POCKET) -> dict[str, Any]:
    """``binding screen`` of the first poses of a library, by all cores.

    Args:
        folder: For files.
        whole: The library.
        count: How many poses.
        pocket: Options that choose it; none for that of each pose.
    """
    library, output = folder / f"{count}.sdf.gz", folder / f"run_{count}"
    write_beginning(whole, library, count)
    run = timed(
        "-m", "binding", "screen", "-p", str(RECEPTOR), *pocket, "-l", str(library), "-o", str(output), "--quiet",
    )  # fmt: skip
    report = json.loads((output / "run.json").read_text(encoding="utf-8"))
    if report["counts"]["scored"] != count:
        raise SystemExit(f"only {report['counts']} of {count} poses were scored")
    library.unlink()
    shutil.rmtree(output)
    return run.as_json(count) | {"stages": report["stages"]}


# ---------------------------------------------------------------- in this process


def few_poses(folder: Path) -> dict[str, Any]:
    """100 poses from files to numbers: in a process that holds the model, and from the command line."""
    import binding

    library, table = folder / "few.sdf.gz", folder / "few.csv"
    write_library(library, FEW)
    model = binding.load_model(device="cpu")

    def predict() -> object:
        return binding.predict(RECEPTOR, library, pocket=REFERENCE, model=model, workers=0)

    predict()
    warm, cpu = least(predict)
    cold = timed(
        "-m", "binding", "predict", "-p", str(RECEPTOR), "-l", str(library), "--pocket-ligand", str(REFERENCE),
        "-o", str(table), "--print", "none", "--quiet",
    )  # fmt: skip
    return {"warm": Run(warm, cpu).as_json(FEW), "cold": cold.as_json(FEW)}


def different_proteins(data: Path, folder: Path) -> dict[str, Any]:
    """100 complexes of different proteins from files to numbers, in a process that holds the model.

    Args:
        data: A folder for each, which holds ``*_protein.pdb`` and ``*_ligand.sdf``.
        folder: For files.
    """
    import binding

    data = data.resolve()  # the table lies elsewhere
    names = sorted(path.name for path in data.iterdir() if path.is_dir())
    chosen = [names[place] for place in np.linspace(0, len(names) - 1, FEW).astype(int).tolist()]
    table = folder / "complexes.csv"
    with table.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("id", "protein", "ligand"))
        writer.writerows((n, data / n / f"{n}_protein.pdb", data / n / f"{n}_ligand.sdf") for n in chosen)
    model = binding.load_model(device="cpu")
    found = {}
    for workers, what in ((0, "one process"), (2, "two workers")):

        def predict(workers: int = workers) -> object:
            rows = binding.predict(table, model=model, workers=workers)
            if failed := int((rows["status"] != "ok").sum()):
                raise SystemExit(f"{failed} of {FEW} complexes were not scored")
            return rows

        before, (wall, cpu) = children_cpu(), least(predict)
        found[what] = Run(wall, cpu + (children_cpu() - before) / 3).as_json(FEW)
    return found


def children_cpu() -> float:
    """CPU seconds of processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def least(work: Callable[[], object], repeats: int = 3) -> tuple[float, float]:
    """Least wall and CPU seconds of some calls."""
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return min(walls), min(cpus)


def graphs_of(folder: Path, count: int) -> tuple[list[Any], float]:
    """Graphs of a library, and the CPU seconds that one took to read and build."""
    from binding.score.featurize import Featurized, featurize
    from binding.score.jobs import Job

    library = folder / f"graphs_{count}.sdf.gz"
    write_library(library, count)
    featurize(Job(RECEPTOR, library, REFERENCE))
    start = time.process_time()
    found = featurize(Job(RECEPTOR, library, REFERENCE))
    seconds = (time.process_time() - start) / count
    return [item.graph for item in found if isinstance(item, Featurized)], seconds


def network_alone(folder: Path, batch_size: int = 32, count: int = 256) -> dict[str, Any]:
    """The network on graphs that are ready, one thread."""
    import torch

    from binding.model.weights import load_model

    torch.set_num_threads(1)
    scorer = load_model(device="cpu")
    graphs, featurize_seconds = graphs_of(folder, count)

    def score() -> None:
        for start in range(0, len(graphs), batch_size):
            scorer.score(graphs[start : start + batch_size])

    score()
    _, cpu = least(score)
    return {
        "networks": len(scorer.members),
        "heavy_atoms": round(float(np.mean([graph.ligand.num_atoms for graph in graphs])), 1),
        "residues": graphs[0].pocket.num_residues,
        "network_ms": round(1000 * cpu / len(graphs), 2),
        "featurize_ms": round(1000 * featurize_seconds, 2),
    }


# ---------------------------------------------------------------- one very large complex
# Five copies of 5HT1B side by side make a pocket of 1,510 residues, all taken; a ring of carbon that winds about a
# ring, laid over the pocket, makes a macrocycle of 300 atoms, the most that is scored. Only the sizes count.


def large_complexes(receptor: Path, ligand: Path) -> list[dict[str, Any]]:
    """What was scored, and the largest memory of its process, MB.

    Args:
        receptor: Gzipped PDB of the usual protein.
        ligand: A file whose first record is a pose in it.
    """
    from binding.io.ligand import read_ligands
    from binding.structures import Ligand

    pose = next(read_ligands(ligand))
    assert isinstance(pose, Ligand)
    centre = pose.positions.mean(axis=0)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        wide, one, ring = folder / "wide.pdb", folder / "one.sdf", folder / "ring.sdf"
        residues = write_copies(receptor, wide)
        for path, mol in ((one, pose.mol), (ring, macrocycle(centre))):
            path.write_text(Chem.MolToMolBlock(mol) + "$$$$\n", encoding="ascii")
        everything = ["--center", *(f"{x:.3f}" for x in centre), "--radius", str(COPIES * APART)]
        return [
            {"what": f"a pocket of {residues:,} residues"} | predicted(wide, one, everything),
            {"what": f"a macrocycle of {ATOMS} atoms"} | predicted(receptor, ring, []),
            {"what": "both"} | predicted(wide, ring, everything),
        ]


def write_copies(receptor: Path, path: Path) -> int:
    """Copies of a protein side by side as a PDB file; how many residues they have together."""
    with gzip.open(receptor, "rt") as source:
        atoms = [line for line in source if line.startswith("ATOM")]
    with path.open("w", encoding="ascii") as stream:
        for copy in range(COPIES):
            for line in atoms:
                x = float(line[30:38]) + copy * APART
                stream.write(f"{line[:21]}{'ABCDEFGH'[copy]}{line[22:30]}{x:8.3f}{line[38:]}")
        stream.write("END\n")
    return COPIES * len({line[21:27] for line in atoms})


def macrocycle(centre: np.ndarray) -> Chem.Mol:
    """A ring of ``ATOMS`` carbons about a place, Å."""
    turn = np.linspace(0.0, 2.0 * np.pi, ATOMS, endpoint=False)
    out = RING + TUBE * np.cos(WINDINGS * turn)
    positions = np.stack([out * np.cos(turn), out * np.sin(turn), TUBE * np.sin(WINDINGS * turn)], axis=1)
    mol = Chem.MolFromSmiles("C1" + "C" * (ATOMS - 2) + "C1")
    conformer = Chem.Conformer(ATOMS)
    conformer.SetPositions(positions + centre)
    mol.AddConformer(conformer)
    mol.SetProp("_Name", "ring")
    return mol


def predicted(protein: Path, ligand: Path, pocket: list[str]) -> dict[str, Any]:
    """Memory and seconds of a prediction that must succeed."""
    table = ligand.with_suffix(".csv")
    command = [
        sys.executable, "-m", "binding", "predict", "-p", str(protein), "-l", str(ligand), *pocket,
        "-o", str(table), "--workers", "0", "--print", "none", "--quiet",
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} exited {process.returncode}\n{said}")
    with table.open(encoding="utf-8") as stream:
        row = next(csv.DictReader(stream))
    if row["status"] != "ok":
        raise SystemExit(f"{ligand} was not scored: {row['message']}")
    return {"peak_mb": round(usage.ru_maxrss / 1024), "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1)}


# ---------------------------------------------------------------- a report


def slope(start: dict[str, Any], runs: list[dict[str, Any]]) -> float | None:
    """Exponent of CPU seconds over poses, those of a run of almost none taken off; 1 is linear."""
    first, last = runs[0], runs[-1]
    if first is last:
        return None
    growth = (last["cpu_seconds"] - start["cpu_seconds"]) / (first["cpu_seconds"] - start["cpu_seconds"])
    return round(math.log(growth) / math.log(last["poses"] / first["poses"]), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 4000, 10_000])
    parser.add_argument("--large", action="store_true", help=f"also {' and '.join(f'{n:,}' for n in LARGE)} poses")
    parser.add_argument("--complexes", type=Path, metavar="FOLDER", help="complexes in PDBbind layout")
    parser.add_argument("-o", "--output", type=Path, default=FIGURES, metavar="FOLDER")
    options = parser.parse_args()
    sizes = sorted({*options.sizes, *(LARGE if options.large else ())})
    content: dict[str, Any] = {"model": name_of(), "machine": machine(), "load": round(os.getloadavg()[0], 1)}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        content["alone"] = network_alone(folder)
        content["few"] = few_poses(folder)
        if options.complexes is not None:
            content["complexes"] = different_proteins(options.complexes, folder)
        content["large_complexes"] = large_complexes(RECEPTOR, REFERENCE)
        whole = folder / "library.sdf.gz"
        write_library(whole, sizes[-1])
        content["start"] = screened(folder, whole, ALMOST_NONE)
        content["runs"] = []
        for size in sizes:
            content["runs"].append(screened(folder, whole, size))
            sys.stderr.write(f"{content['runs'][-1]}\n")
        content["default_pocket"] = screened(folder, whole, min(OWN_POCKETS, sizes[-1]), pocket=())
        sys.stderr.write(f"{content['default_pocket']}\n")
        content["slope"] = slope(content["start"], content["runs"])
    write_figures(options.output / "benchmark_screen.json", content, None)
    sys.stdout.write(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
