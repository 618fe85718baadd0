"""Measures what `checkpointing` and `attention_chunk` save in training on large complexes, and what they cost.

    python -m scripts.bench.memory

Made complexes, 300 ligand atoms in a pocket of 1,500 residues, are trained on in batches of four, with the default
model and its twin; every setting in a process of its own. Kept is what the forward pass leaves for the backward pass;
the peak is what a step needs beyond what lies there before (of the process on a CPU, of torch on a GPU). Figures go to
docs/figures/bench_memory.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.spatial import cKDTree

from binding.config import ModelConfig
from binding.graph.batch import Batch, collate
from binding.graph.fields import ATOM_CATEGORIES, BOND_CATEGORIES, DESCRIPTORS, ComplexGraph, LigandGraph, PocketGraph
from binding.graph.pocket import build_pocket_graph
from binding.model.weights import Member
from binding.structures import Protein, ResidueKind
from binding.training.largest import kept_by
from scripts.figures import FIGURES, machine, write_figures

OUTPUT = FIGURES / "bench_memory.json"
#: (checkpointing, attention_chunk) of each process.
SETTINGS = ((False, None), (False, 64), (True, None), (True, 64))
SPACING = 5.2  # Å between residues: a protein has one in about 135 Å³
BOND = 1.5  # Å
CLEARANCE = 3.2  # Å, of protein atoms from ligand atoms
WIDTH = 12  # atoms across the ligand, which is a sheet
ATOM_NAMES = ("N", "CA", "C", "O", "CB", "CG", "CD1", "CD2")  # leucine
ELEMENTS = (7, 6, 6, 8, 6, 6, 6, 6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--residues", type=int, default=1500)
    parser.add_argument("--atoms", type=int, default=300)
    parser.add_argument("--complexes", type=int, default=4, help="a step")
    parser.add_argument("--steps", type=int, default=3, help="timed, of which the fastest is told")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)  # this process measures one of SETTINGS
    options = parser.parse_args()
    if options.one is not None:
        sys.stdout.write(json.dumps(measured(options, *SETTINGS[options.one])) + "\n")
        return
    figures: dict[str, Any] = {"machine": machine(), "device": device()}
    figures |= {name: getattr(options, name) for name in ("residues", "atoms", "complexes")}
    figures["settings"] = [in_a_process(row) for row in range(len(SETTINGS))]
    write_figures(options.output, figures)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


def device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def in_a_process(row: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "scripts.bench.memory", *sys.argv[1:], "--one", str(row)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def measured(options: argparse.Namespace, checkpointing: bool, chunk: int | None) -> dict[str, Any]:
    """One setting: megabytes that are kept and at the peak, seconds a step."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    graphs = [made_complex(options.residues, options.atoms, seed) for seed in range(options.complexes)]
    batch = collate(graphs).to(device())
    member = Member(ModelConfig()).to(device()).train()
    member.interaction.save_memory(checkpointing, chunk)
    step(member, collate(graphs[:1]).to(device()))  # what torch makes once, before the floor is taken
    member.zero_grad()
    floor, seconds = begin(), []
    for _ in range(options.steps):
        start = time.process_time() if device() == "cpu" else time.perf_counter()
        pairs = step(member, batch)
        end = time.process_time() if device() == "cpu" else time.perf_counter()
        seconds.append(end - start)
        member.zero_grad()
    found = {"checkpointing": checkpointing, "attention_chunk": chunk, "pairs": pairs}
    found["peak_mb"] = round(peak() - floor)
    return found | {"kept_mb": round(kept_by(member, batch) / 2**20), "seconds": round(min(seconds), 2)}


def step(member: Member, batch: Batch) -> int:
    """Forward and backward; the number of pairs."""
    output = member.interaction(batch)
    loss = (output.pk + output.log_variance + output.pose_logit).sum()
    if member.ligand_only is not None:
        loss = loss + member.ligand_only(batch).sum()
    loss.backward()
    if device() == "cuda":
        torch.cuda.synchronize()
    return len(output.contributions)


def begin() -> float:
    """Megabytes in use, from which on the peak is looked for."""
    if device() == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated() / 2**20
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _status("VmRSS")


def peak() -> float:
    """Megabytes at the peak since then."""
    return torch.cuda.max_memory_allocated() / 2**20 if device() == "cuda" else _status("VmHWM")


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024


# ---------------------------------------------------------------- a made complex


def made_complex(residues: int, atoms: int, seed: int = 0) -> ComplexGraph:
    """A sheet of carbons in a slit of a ball of leucines, as dense as a protein; no chemistry, but the sizes are right.

    Args:
        residues: Of the pocket.
        atoms: Of the ligand.
        seed: Of what is drawn.
    """
    generator = np.random.default_rng(seed)
    ligand = _made_ligand(atoms, generator)
    return ComplexGraph(ligand, _made_pocket(residues, ligand.positions, generator))


def _made_ligand(atoms: int, generator: np.random.Generator) -> LigandGraph:
    places = np.stack(np.divmod(np.arange(atoms), WIDTH), axis=1) - np.array([atoms / WIDTH, WIDTH]) / 2
    positions = np.concatenate([BOND * places, np.zeros((atoms, 1))], axis=1) + generator.normal(0, 0.1, (atoms, 3))
    bonds = np.stack([np.arange(atoms - 1), np.arange(1, atoms)], axis=1)
    bonds = bonds[bonds[:, 1] % WIDTH != 0]
    return LigandGraph(
        positions=positions,
        atom_categories=_drawn(ATOM_CATEGORIES, atoms, generator),
        radii=np.full(atoms, 1.9, dtype=np.float32),
        bonds=bonds.astype(np.int16),
        bond_categories=_drawn(BOND_CATEGORIES, len(bonds), generator),
        descriptors=generator.normal(size=len(DESCRIPTORS)).astype(np.float32),
    )


def _drawn(categories: dict[str, int], rows: int, generator: np.random.Generator) -> np.ndarray:
    return generator.integers(0, list(categories.values()), (rows, len(categories))).astype(np.uint8)


def _made_pocket(residues: int, ligand: np.ndarray, generator: np.random.Generator) -> PocketGraph:
    side = np.arange(-14, 15) * SPACING
    places = np.stack(np.meshgrid(side, side, side), axis=-1).reshape(-1, 3) + generator.normal(0, 0.4, (29**3, 3))
    offsets = generator.normal(0, 1.3, (len(places), len(ATOM_NAMES), 3))
    away, _ = cKDTree(ligand).query((places[:, None] + offsets).reshape(-1, 3))
    free = (away.reshape(len(places), -1) > CLEARANCE).all(axis=1)
    places, offsets = places[free], offsets[free]
    chosen = np.sort(np.argsort(np.linalg.norm(places, axis=1), kind="stable")[:residues])
    return build_pocket_graph(
        Protein(
            name="made",
            positions=(places[chosen][:, None] + offsets[chosen]).reshape(-1, 3),
            elements=np.tile(np.array(ELEMENTS, dtype=np.int16), residues),
            atom_names=np.tile(np.array(ATOM_NAMES, dtype="<U4"), residues),
            atom_residue=np.repeat(np.arange(residues, dtype=np.int32), len(ATOM_NAMES)),
            residue_names=np.full(residues, "LEU", dtype="<U8"),
            residue_kinds=np.full(residues, ResidueKind.AMINO_ACID, dtype=np.int8),
            chain_ids=np.full(residues, "A", dtype="<U8"),
            residue_numbers=np.arange(residues, dtype=np.int32),
            insertion_codes=np.full(residues, "", dtype="<U1"),
        )
    )


if __name__ == "__main__":
    main()
