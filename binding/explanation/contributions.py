"""The sum that pk is, taken apart: numbers alone, without names and files.

pk = constant + prior share + network share * mean over the networks of (constant + ligand term + sum over pairs)
+ geometry share * (ligand + sum over pairs + sum over residues), exactly; see ``binding.model.interaction.Output`` and
``binding.explanation.geometry_shares``. Nothing is estimated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from torch import Tensor

from binding.domain.words import site_words
from binding.explanation.geometry_shares import geometry_shares
from binding.graph.batch import Batch
from binding.graph.fields import ComplexGraph
from binding.model.ensemble import Scorer
from binding.model.geometric_sums import head_weights
from binding.model.interaction import Geometry, Output
from binding.model.layers.contacts import Contacts
from binding.score.network import bounded

#: The parts of pk, in the order of the output.
PARTS: Final = {
    "prior_ligand": "prior: the ligand at any site",
    "prior_site": "prior: what this site adds",
    "constant": "constant: of the sum and of the networks",
    "ligand_term": "networks: the ligand alone",
    "contacts_vina": "contacts: Vina's terms",
    "contacts_learned": "contacts: what the networks learned",
    "geometry_ligand": "geometry: the ligand with no protein",
    "geometry_contacts": "geometry: its contacts, by kind, distance and angle",
    "geometry_burial": "geometry: how deep it is buried, and in what",
    "bound": "bound: no such pK was ever measured",
}
#: Those that hang on how the ligand lies in its site; residues and atoms share these out.
CONTACTS: Final = ("contacts_vina", "contacts_learned", "geometry_contacts")


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
        network_parts: Names of these; without ``contacts_vina`` where Vina's terms are no part of the model, and only
            the constant where the networks have no weight in pk.
        pocket_rows: (k,) the pocket's residues that are within reach of the ligand, in its order: within the cutoff of
            the networks or of the geometry expert's contacts.
        distances: (k,) Å, least distance of each to a ligand atom.
        residues: (k) shares of these residues; they add up to those of the contacts.
        atoms: (ligand atoms) shares of the atoms; they add up to the same.
        pair_atom: (E,) ligand atom of each pair, from 0.
        pair_residue: (E,) place of its residue in ``pocket_rows``.
        pair_distance: (E,) Å, least distance of its heavy atoms.
        pairs: (E) shares of the pairs, of networks and geometry together.
        heads: (len(HEADS), E) pK, the geometry expert's part of these by head; without rows where there is no expert.
        counts: (classes of protein atoms, E) protein atoms of each class that these heads count in each pair.
        geometry: pK by part, ``geometry_ligand``, ``geometry_contacts`` and ``geometry_burial``; empty where the
            weights have no geometry expert.
        burial: (pocket residues,) pK, shares of all residues of the pocket in ``geometry_burial``, to which they add
            up; no part of ``residues``.
        known: How near the complex is to a measurement, 0 to 1, where that decides how pk is joined; else 0.
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
    heads: np.ndarray
    counts: np.ndarray
    geometry: dict[str, float]
    burial: np.ndarray
    known: float = 0.0
    bound: float = 0.0

    @property
    def pk(self) -> float:
        """The sum of all parts, pK."""
        closed = sum(self.prior.values()) + sum(self.geometry.values())
        return closed + float(self.network.pk.sum()) + self.bound

    def bounded(self) -> Contributions:
        """The same with the part that takes a sum beyond what was ever measured back to the bound."""
        return replace(self, bound=self.bound + float(bounded(np.array([self.pk]))[0]) - self.pk)

    def part(self, name: str) -> tuple[float, float]:
        """pK and its standard deviation over the networks; NaN for what there is not."""
        if name == "bound" and self.bound:
            return self.bound, float("nan")
        for known in (self.prior, self.geometry):
            if name in known:
                return known[name], float("nan")
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
    known = float(scorer.known([graph])[0])
    scorer = scorer.knowing(known)
    batch, geometry, outputs = scorer.outputs(graph)
    line = scorer.line
    parts, pairs = _of_networks(scorer, batch, geometry, outputs)
    places = _PairPlaces.of(geometry.contacts)
    by_geometry, burial = dict[str, float](), np.zeros(graph.pocket.num_residues)
    heads, counts = np.zeros((2, 0, pairs.shape[1]))
    if scorer.geometry is not None and line.geometry:
        contacts, features = scorer.contacts_of(batch, geometry)
        shares = geometry_shares(scorer.geometry, batch, contacts, features)
        burial = line.geometry * shares.burial
        by_geometry = {
            "geometry_ligand": line.geometry * shares.ligand,
            "geometry_contacts": line.geometry * float(shares.pairs.sum()),
            "geometry_burial": float(burial.sum()),
        }
        of_geometry = _PairPlaces.of(contacts)
        places, column, other = of_geometry.joined(places)
        pairs = _placed(pairs, other, len(places.atom)) + _placed(
            line.geometry * shares.pairs, column, len(places.atom)
        )
        heads = _placed(line.geometry * shares.heads, column, len(places.atom))
        counts = _placed(head_weights(features).T.double().cpu().numpy(), column, len(places.atom))
    rows, residue = np.unique(places.residue, return_inverse=True)
    distances = np.full(len(rows), np.inf)
    np.minimum.at(distances, residue, places.distance)
    return Contributions(
        prior=_prior(graph, scorer),
        network=Shares(np.concatenate(list(parts.values()), axis=1)),
        network_parts=tuple(parts),
        pocket_rows=rows,
        distances=distances,
        residues=_shared_out(pairs, residue, len(rows)),
        atoms=_shared_out(pairs, places.atom, graph.ligand.num_atoms),
        pair_atom=places.atom,
        pair_residue=residue,
        pair_distance=places.distance,
        pairs=Shares(pairs),
        heads=heads,
        counts=counts,
        geometry=by_geometry,
        burial=burial,
        known=known,
    )


def _of_networks(
    scorer: Scorer, batch: Batch, geometry: Geometry, outputs: list[Output]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The networks' parts of pk, (networks, 1) each, and shares of their pairs (networks, E).

    Networks without weight in pk have no part in it: only the constant of the sum is left, and nothing has a spread.
    """
    line = scorer.line
    if not line.network:
        return {"constant": np.full((1, 1), line.offset)}, np.zeros((1, len(geometry.contacts.pair_atom)))
    pairs = line.network * _stacked([output.contributions for output in outputs])
    parts = {
        "constant": line.offset + line.network * _stacked([member.interaction.bias for member in scorer.members]),
        "ligand_term": line.network * _stacked([output.ligand_term for output in outputs]),
    }
    vina = [member.interaction.vina_contributions(batch, geometry) for member in scorer.members]
    by_vina = [found for found in vina if found is not None]
    if by_vina:
        parts["contacts_vina"] = line.network * _stacked(by_vina).sum(axis=1, keepdims=True)
    learned = pairs.sum(axis=1, keepdims=True)
    parts["contacts_learned"] = learned - parts["contacts_vina"] if by_vina else learned
    return parts, pairs


@dataclass(frozen=True, eq=False)
class _PairPlaces:
    """Where E pairs are.

    Attributes:
        atom: (E,) ligand atom.
        residue: (E,) row of the pocket.
        distance: (E,) Å.
    """

    atom: np.ndarray
    residue: np.ndarray
    distance: np.ndarray

    @classmethod
    def of(cls, contacts: Contacts) -> _PairPlaces:
        distance = _array(contacts.pair_distance).astype(np.float64)
        return cls(_array(contacts.pair_atom), _array(contacts.pair_residue), distance)

    def joined(self, other: _PairPlaces) -> tuple[_PairPlaces, np.ndarray, np.ndarray]:
        """These pairs and others, which may be the same ones, in order of atoms and residues; where each of them is."""
        keys = np.stack([np.concatenate([self.atom, other.atom]), np.concatenate([self.residue, other.residue])])
        found, first, place = np.unique(keys, axis=1, return_index=True, return_inverse=True)
        place = place.reshape(-1)
        distance = np.concatenate([self.distance, other.distance])[first]
        return _PairPlaces(found[0], found[1], distance), place[: len(self.atom)], place[len(self.atom) :]


def _placed(values: np.ndarray, place: np.ndarray, count: int) -> np.ndarray:
    """Values (..., pairs) at their places among ``count`` pairs; zero elsewhere."""
    placed = np.zeros((*values.shape[:-1], count))
    placed[..., place] = values
    return placed


def _prior(graph: ComplexGraph, scorer: Scorer) -> dict[str, float]:
    """The prior's parts of pk: the ligand's, for an unknown site, and what its site adds to that."""
    weight = scorer.line.prior
    if scorer.prior is None or not weight:
        return {}
    nowhere = np.zeros(0, dtype=np.uint32)
    sites = [site_words(graph), nowhere]
    here, anywhere = scorer.prior.predict_at([graph.ligand], sites, np.zeros(2, dtype=np.int64)).at_site.tolist()
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
