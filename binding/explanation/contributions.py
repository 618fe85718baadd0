"""The sum that pk is, taken apart: numbers alone, without names and files.

pk = prior share + network share * mean over the networks of (constant + ligand term + sum over pairs), exactly; see
``binding.model.interaction.Output``. So nothing has to be estimated, and no gradient is needed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from torch import Tensor

from binding.domain.words import pocket_words
from binding.graph.fields import ComplexGraph
from binding.model.ensemble import Scorer
from binding.score.network import bounded

#: The parts of pk, in the order of the output.
PARTS: Final = {
    "prior_ligand": "prior: the ligand at any site",
    "prior_site": "prior: what this site adds",
    "constant": "networks: constant",
    "ligand_term": "networks: the ligand alone",
    "contacts_vina": "contacts: Vina's terms",
    "contacts_learned": "contacts: what was learned",
    "bound": "bound: no such pK was ever measured",
}
#: Those that hang on how the ligand lies in its site; residues and atoms share these out.
CONTACTS: Final = ("contacts_vina", "contacts_learned")


@dataclass(frozen=True, eq=False)
class Shares:
    """Contributions of k terms to pk, for each network.

    Attributes:
        networks: (networks, k) pK, as it enters pk: ``pk`` is their mean.
    """

    networks: np.ndarray

    @property
    def pk(self) -> np.ndarray:
        """(k,) pK; above zero binds tighter."""
        return self.networks.mean(axis=0)

    @property
    def pk_std(self) -> np.ndarray:
        """(k,) pK, standard deviation over the networks; NaN where there is one network only."""
        if len(self.networks) == 1:
            return np.full(self.networks.shape[1], np.nan)
        return self.networks.std(axis=0)


@dataclass(frozen=True, eq=False)
class Contributions:
    """The terms that add up to pk of one complex.

    Attributes:
        prior: pK by part, ``prior_ligand`` and ``prior_site``; empty where the weights have no prior.
        network: Shares of the networks' parts, in the order of ``network_parts``.
        network_parts: Names of these; without ``contacts_vina`` where Vina's terms are no part of the model.
        pocket_rows: (k,) the pocket's residues that are within the model's cutoff of the ligand, in its order.
        distances: (k,) Å, least distance of each to a ligand atom.
        residues: (k) shares of these residues; they add up to those of the contacts.
        atoms: (ligand atoms) shares of the atoms; they add up to the same.
        pair_atom: (E,) ligand atom of each pair, from 0.
        pair_residue: (E,) place of its residue in ``pocket_rows``.
        pair_distance: (E,) Å, least distance of its heavy atoms.
        pairs: (E) shares of the pairs.
        bound: What takes the sum of all else back to the tightest or weakest binding ever measured, pK; zero for nearly
            all complexes, and wherever ``bounded`` was not asked for.
    """

    prior: dict[str, float]
    network: Shares
    network_parts: tuple[str, ...]
    pocket_rows: np.ndarray
    distances: np.ndarray
    residues: Shares
    atoms: Shares
    pair_atom: np.ndarray
    pair_residue: np.ndarray
    pair_distance: np.ndarray
    pairs: Shares
    bound: float = 0.0

    @property
    def pk(self) -> float:
        """The sum of all parts, pK."""
        return sum(self.prior.values()) + float(self.network.pk.sum()) + self.bound

    def bounded(self) -> Contributions:
        """The same with the part that takes a sum beyond what was ever measured back to the bound."""
        return replace(self, bound=self.bound + float(bounded(np.array([self.pk]))[0]) - self.pk)

    def part(self, name: str) -> tuple[float, float]:
        """pK and its standard deviation over the networks; NaN for what there is not."""
        if name == "bound" and self.bound:
            return self.bound, float("nan")
        if name in self.prior:
            return self.prior[name], float("nan")
        if name not in self.network_parts:
            return float("nan"), float("nan")
        place = self.network_parts.index(name)
        return float(self.network.pk[place]), float(self.network.pk_std[place])


@torch.inference_mode()
def contributions_of(graph: ComplexGraph, scorer: Scorer) -> Contributions:
    """Takes pk of one complex apart.

    Args:
        graph: The complex.
        scorer: The model; its pk of the complex is the sum of what is found, but for rounding.
    """
    batch, geometry, outputs = scorer.outputs(graph)
    contacts = geometry.contacts
    weight = scorer.members[0].interaction.config.network_weight
    vina = [member.interaction.vina_contributions(batch, geometry) for member in scorer.members]
    pairs = weight * _stacked([output.contributions for output in outputs])  # (networks, pairs)
    parts = {
        "constant": weight * _stacked([member.interaction.bias for member in scorer.members]),
        "ligand_term": weight * _stacked([output.ligand_term for output in outputs]),
    }
    by_vina = [found for found in vina if found is not None]
    if by_vina:
        parts["contacts_vina"] = weight * _stacked(by_vina).sum(axis=1, keepdims=True)
    learned = pairs.sum(axis=1, keepdims=True)
    parts["contacts_learned"] = learned - parts["contacts_vina"] if by_vina else learned
    rows, residue = np.unique(_array(contacts.pair_residue), return_inverse=True)
    distances = np.full(len(rows), np.inf)
    np.minimum.at(distances, residue, _array(contacts.pair_distance))
    return Contributions(
        prior=_prior(graph, scorer),
        network=Shares(np.concatenate(list(parts.values()), axis=1)),
        network_parts=tuple(parts),
        pocket_rows=rows,
        distances=distances,
        residues=_shared_out(pairs, residue, len(rows)),
        atoms=_shared_out(pairs, _array(contacts.pair_atom), graph.ligand.num_atoms),
        pair_atom=_array(contacts.pair_atom),
        pair_residue=residue,
        pair_distance=_array(contacts.pair_distance).astype(np.float64),
        pairs=Shares(pairs),
    )


def _prior(graph: ComplexGraph, scorer: Scorer) -> dict[str, float]:
    """The prior's parts of pk: the ligand's, for an unknown site, and what its site adds to that."""
    if scorer.prior is None:
        return {}
    nowhere = np.zeros(0, dtype=np.uint32)
    sites = [pocket_words(graph.pocket, graph.ligand.positions), nowhere]
    here, anywhere = scorer.prior.predict_at([graph.ligand], sites, np.zeros(2, dtype=np.int64)).at_site.tolist()
    weight = scorer.members[0].interaction.config.prior_weight
    return {"prior_ligand": weight * anywhere, "prior_site": weight * (here - anywhere)}


def _shared_out(pairs: np.ndarray, owner: np.ndarray, count: int) -> Shares:
    """Sums of pairs (networks, pairs) over what owns them."""
    sums = [np.bincount(owner, weights=values, minlength=count) for values in pairs]
    return Shares(np.stack(sums))


def _stacked(tensors: list[Tensor]) -> np.ndarray:
    """(networks, k) float64, of one tensor a network."""
    return torch.stack([tensor.reshape(-1) for tensor in tensors]).double().cpu().numpy()


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.cpu().numpy()
