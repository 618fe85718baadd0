"""The best poses of a screen in 3D: scenes for ``static/viewer.js``, whose residues are shared by all poses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.spatial.distance import cdist

from binding.errors import BindingError
from binding.files import file_sha256
from binding.graph.site import PocketSpec, select_pocket
from binding.io.ligand import BadRecord, parse_record
from binding.reports import viewer
from binding.score.featurize import load_protein
from binding.structures import Ligand, Protein

SHOWN: Final = 25  # poses
_AROUND: Final = 9.0  # Å about the ligand: residues whose backbone is drawn
_TOUCHING: Final = 4.5  # Å: residues that are drawn whole
_POLAR: Final = 3.5  # Å between N or O of both sides: a dashed line
_MOST_LINES: Final = 10
_HETERO: Final = (7, 8)


def scenes(about: dict[str, Any], names: Sequence[str], poses: Sequence[str]) -> dict[str, Any] | None:
    """What the page draws in 3D.

    Args:
        about: ``run.json``, which says where the receptor is.
        names: Of the best compounds.
        poses: Their SDF records, empty where they are not to be had.

    Returns:
        ``pool``, the residues, and ``hits``; None where the receptor has been moved or changed, or no pose is there.
    """
    receptor = _receptor(about)
    if receptor is None:
        return None
    pool, hits = viewer.Pool(), []
    for name, text in list(zip(names, poses, strict=True))[:SHOWN]:
        ligand = parse_record(text.removesuffix("$$$$\n"), "pose.sdf", 0) if text else None
        if ligand is None or isinstance(ligand, BadRecord):
            continue
        hits.append(_hit(name, receptor, ligand, pool))
    return {"pool": pool.residues, "hits": hits} if hits else None


def _receptor(about: dict[str, Any]) -> Protein | None:
    """The run's receptor, if it is where and what it was."""
    named = about.get("receptor") or {}
    path = Path(str(named.get("file", "")))
    try:
        return load_protein(path) if path.is_file() and file_sha256(path) == named.get("sha256") else None
    except (BindingError, OSError):
        return None


def _hit(name: str, receptor: Protein, ligand: Ligand, pool: viewer.Pool) -> dict[str, Any]:
    pocket = select_pocket(receptor, ligand, PocketSpec(cutoff=_AROUND))
    away = cdist(ligand.positions, pocket.positions)
    near = np.unique(pocket.atom_residue[(away <= _TOUCHING).any(axis=0)]).tolist()
    return {
        "name": name,
        "ligand": viewer.ligand_scene(ligand),
        "places": pool.places(pocket, near),
        "lines": _lines(ligand, pocket, near, away),
    }


def _lines(ligand: Ligand, pocket: Protein, near: Sequence[int], away: np.ndarray) -> list[dict[str, Any]]:
    """Polar contacts, shortest first: at most one of an atom and a residue."""
    own = np.array([atom.GetAtomicNum() in _HETERO for atom in ligand.mol.GetAtoms()])
    polar = own[:, None] & np.isin(pocket.elements, _HETERO)[None, :] & (away <= _POLAR)
    found: dict[tuple[int, int], float] = {}
    for atom, other in zip(*np.nonzero(polar), strict=True):
        key = int(atom), int(pocket.atom_residue[other])
        found[key] = min(found.get(key, np.inf), float(away[atom, other]))
    place = {row: k for k, row in enumerate(near)}
    shortest = sorted(found.items(), key=lambda item: item[1])[:_MOST_LINES]
    return [
        viewer.line(ligand, atom, pocket, row, place[row], f"{pocket.residue_ids[row]} {length:.1f} Å")
        for (atom, row), length in shortest
    ]
