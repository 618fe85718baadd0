"""What each pair and each residue adds to what the geometry expert says: exact shares of a readout that is no sum.

The readout is a curved function of sums over pairs and over protein atoms. Its value less that of the same ligand with
no protein is shared out among the sums as they all grow from nothing to what they are, in step (Aumann & Shapley 1974):
each sum gets the integral of its slope along that way, and each pair its part of the sum. The shares add up to the
difference exactly; what the quadrature misses is spread over them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from binding.graph.batch import Batch
from binding.model.geometric_sums import ProteinGrid, Sums, geometric_sums, pair_shares
from binding.model.kernel_readout import KernelReadout
from binding.model.layers.contacts import Contacts
from binding.model.layers.geometry import PairFeatures

_POINTS: Final = 128  # of the quadrature; t = s² along the way, in which roots of counts are straight lines


@dataclass(frozen=True, eq=False)
class GeometryShares:
    """The geometry expert's number of one complex, taken apart; ``ligand + pairs.sum() + burial.sum()`` is that number.

    Attributes:
        ligand: What the readout says of the ligand with no protein, pK.
        pairs: (E,) shares of the pairs, pK.
        heads: (len(HEADS), E) the same by head, pK; they add up to ``pairs``.
        burial: (R,) shares of the pocket's residues, of how deep they bury the ligand and of what kinds they are, pK.
        missed: What the quadrature missed before it was spread, pK.
    """

    ligand: float
    pairs: np.ndarray
    heads: np.ndarray
    burial: np.ndarray
    missed: float


def geometry_shares(readout: KernelReadout, batch: Batch, contacts: Contacts, features: PairFeatures) -> GeometryShares:
    """Shares of one complex.

    Args:
        readout: The readout.
        batch: A batch of this complex alone.
        contacts: Its contacts within the reach of the sums.
        features: Of their pairs.
    """
    sums = geometric_sums(batch, contacts, features).double()
    of_pairs, of_residues = _slopes(readout, sums)
    heads = pair_shares(batch, contacts, features, of_pairs).cpu().numpy()
    grid = ProteinGrid.of(batch)
    atoms = (grid.terms()[0].double() * of_residues).sum(1)
    residues = atoms.new_zeros(len(batch.anchors)).index_add_(0, grid.residues[0], atoms)
    whole, ligand = (float(readout(each)[0]) for each in (sums, _scaled(sums, torch.zeros(1, dtype=torch.float64))))
    by_pair, by_residue = heads.sum(1), residues.cpu().numpy()
    missed = whole - ligand - float(by_pair.sum() + by_residue.sum())
    size = float(np.abs(by_pair).sum() + np.abs(by_residue).sum())
    factor = missed / size if size > 0 else 0.0
    spread = [share + factor * np.abs(share) for share in (by_pair, by_residue)]
    by_head = heads.T * (1.0 + factor * np.sign(by_pair))
    return GeometryShares(ligand, pairs=spread[0], heads=by_head, burial=spread[1], missed=missed)


def _scaled(sums: Sums, factors: Tensor) -> Sums:
    """The sums of one complex (1, ..) times (points,) factors, the ligand's own numbers as they are."""
    grown = factors.to(sums.pairs).unsqueeze(1)
    ligand, sizes = sums.ligand.expand(len(factors), -1), sums.sizes.expand(len(factors))
    return Sums(ligand, sizes, sums.pairs * grown, sums.residues * grown)


def _slopes(readout: KernelReadout, sums: Sums) -> tuple[Tensor, Tensor]:
    """Mean slopes along the way, of the sums over pairs (1, PAIR_WIDTH) and over residues (1, RESIDUE_WIDTH)."""
    nodes, weights = np.polynomial.legendre.leggauss(_POINTS)
    steps = torch.from_numpy((nodes + 1.0) / 2.0)
    with torch.inference_mode(False), torch.enable_grad():
        kept = Sums(*(tensor.clone() for tensor in sums.tensors()))
        grown = _scaled(kept, steps**2)
        pairs, residues = (tensor.requires_grad_() for tensor in (grown.pairs, grown.residues))
        said = readout(Sums(grown.ligand, grown.sizes, pairs, residues)).sum()
        slopes = torch.autograd.grad(said, [pairs, residues])
    measure = (torch.from_numpy(weights) * steps).to(sums.pairs).unsqueeze(1)  # dt = 2 s ds, and half the weights
    return tuple((slope.to(measure) * measure).sum(0, keepdim=True) for slope in slopes)  # type: ignore[return-value]
