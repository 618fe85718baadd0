"""What pk loses without a residue or a piece of the ligand: the rest is predicted again, so nothing is approximated.

The test of every other attribution; it says what this model draws from a part, not what a mutation would do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from binding.explanation.fragments import LigandPiece, pieces_of, without
from binding.graph.fields import ComplexGraph
from binding.graph.ligand import build_ligand_graph
from binding.graph.pocket import build_pocket_graph
from binding.model.ensemble import Scorer
from binding.structures import Ligand, Protein

_AT_ONCE: Final = 32  # complexes in one pass of the network; each has a pocket of its own


@dataclass(frozen=True)
class Fragment:
    """A piece of the ligand and what it is worth.

    Attributes:
        piece: Its atoms.
        pk: pK that ``pk`` loses without it; NaN where the rest is no molecule.
        pk_network: The same without the prior.
    """

    piece: LigandPiece
    pk: float
    pk_network: float


@dataclass(frozen=True, eq=False)
class Occlusion:
    """What deleting costs. Above zero: the part holds the ligand.

    Attributes:
        residue_labels: (k) such as ``A:ASP:25``.
        residues: (k,) pK that ``pk`` loses without each residue; NaN where no pocket is left.
        residues_network: (k,) the same without the prior.
        fragments: Rings, linkers and substituents of the ligand.
    """

    residue_labels: tuple[str, ...]
    residues: np.ndarray
    residues_network: np.ndarray
    fragments: tuple[Fragment, ...]


def occlude(pocket: Protein, ligand: Ligand, graph: ComplexGraph, scorer: Scorer, rows: Sequence[int]) -> Occlusion:
    """Deletes residues and pieces of the ligand, one at a time, and predicts again.

    Args:
        pocket: The pocket, in the graph's order.
        ligand: The pose.
        graph: The complex as it was scored.
        scorer: The model.
        rows: (k,) the pocket's residues to delete.
    """
    numbers = np.arange(pocket.num_residues)
    possible = pocket.num_residues > 1
    pockets = [build_pocket_graph(pocket.select(numbers != row)) for row in rows] if possible else []
    pieces = pieces_of(ligand.mol)
    rests = [without(ligand, piece.atoms) for piece in pieces]
    graphs = [graph, *(ComplexGraph(graph.ligand, less) for less in pockets)]
    graphs += [ComplexGraph(build_ligand_graph(rest), graph.pocket) for rest in rests if rest is not None]
    network, pk = numbers_of(scorer.at(graph), graphs)  # what is left is judged with the weights of the whole
    lost_network, lost = iter(network[0] - network[1:]), iter(pk[0] - pk[1:])
    residues = np.full((2, len(rows)), np.nan)
    for place in range(len(pockets)):
        residues[:, place] = next(lost), next(lost_network)
    fragments = tuple(
        Fragment(piece, float("nan"), float("nan"))
        if rest is None
        else Fragment(piece, float(next(lost)), float(next(lost_network)))
        for piece, rest in zip(pieces, rests, strict=True)
    )
    labels = pocket.residue_ids
    return Occlusion(tuple(labels[row] for row in rows), residues[0], residues[1], fragments)


def numbers_of(scorer: Scorer, graphs: Sequence[ComplexGraph]) -> tuple[np.ndarray, np.ndarray]:
    """pk without the prior, and pk itself, before it is bounded: (n,) each."""
    pieces = [scorer.score(graphs[start : start + _AT_ONCE]) for start in range(0, len(graphs), _AT_ONCE)]
    pk, prior = (np.concatenate([getattr(piece, name) for piece in pieces]) for name in ("pk", "pk_prior"))
    return pk - scorer.line.weights(scorer.known(graphs))["prior"] * np.nan_to_num(prior), pk
