"""Tables of native contacts, counted in crystal complexes: what ``binding.model.contact_potential`` reads.

A kind of protein atom is its class, and for classes that are frequent in a type of residue both together. Counts are
smoothed over neighbouring knots. The log odds of a distance compare its share among the contacts of two kinds with its
share among all contacts; those of an angle compare its share at that distance with its share among all contacts at all
distances. What few contacts say is drawn towards what is expected of the two kinds by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from binding.constants import ATOM_CLASSES, RESIDUE_TYPES
from binding.data.cache import ComplexCache
from binding.graph.batch import collate
from binding.model.contact_potential import ContactPotential

OFTEN: Final = 200  # atoms of a class in a type of residue that make a kind of their own
SMOOTH: Final = {"distance": 1.0, "angle": 0.6}  # knots
#: Contacts of two kinds (at one distance, for angles) that weigh as much as what is expected of them.
DRAWN: Final = {"distance": 20.0, "angle": 50.0}
MOST: Final = 3.0  # of a log odds, either way
_EMPTY = 1e-3  # contacts at a knot where there are none
_TOGETHER = 8  # graphs in a batch


def protein_kinds(cache: ComplexCache) -> torch.Tensor:
    """(residue types, atom classes) int64, the kind of each protein atom."""
    counts = np.zeros((len(RESIDUE_TYPES), len(ATOM_CLASSES)), dtype=np.int64)
    for row in range(len(cache)):
        pocket = cache.graph(row).pocket
        np.add.at(counts, (pocket.residue_types[pocket.atom_residue], pocket.atom_classes), 1)
    kinds = np.tile(np.arange(len(ATOM_CLASSES)), (len(RESIDUE_TYPES), 1))
    often = counts >= OFTEN
    kinds[often] = len(ATOM_CLASSES) + np.arange(often.sum())
    return torch.from_numpy(kinds)


def counted(cache: ComplexCache, rows: Sequence[int], kinds: torch.Tensor) -> ContactPotential:
    """Contacts of some complexes, in tables of counts."""
    found = ContactPotential.empty(kinds)
    for start in range(0, len(rows), _TOGETHER):
        found.count(collate([cache.graph(row) for row in rows[start : start + _TOGETHER]], torch.float32))
    return found


def potential_of(counts: Sequence[ContactPotential]) -> ContactPotential:
    """Log odds from the sum of some tables of counts."""
    whole = {
        name: sum(getattr(part, name) for part in counts).numpy() for name in ("distance", "at_protein", "at_ligand")
    }
    tables = (
        distance_odds(whole["distance"]),
        angle_odds(whole["at_protein"]),
        angle_odds(whole["at_ligand"]),
    )
    return ContactPotential(counts[0].protein_kinds, *(torch.from_numpy(table).float() for table in tables))


def distance_odds(counts: np.ndarray) -> np.ndarray:
    """Log odds (kinds, P, knots) of distances, from counts of that shape."""
    counts, drawn = gaussian_filter1d(counts, SMOOTH["distance"], axis=2) + _EMPTY, DRAWN["distance"]
    whole = counts.sum(axis=(0, 1))
    usual = whole / whole.sum()
    expected = (
        usual * _ratio(counts.sum(axis=1), usual, drawn)[:, None] * _ratio(counts.sum(axis=0), usual, drawn)[None]
    )
    expected /= expected.sum(axis=2, keepdims=True)
    share = (counts + drawn * expected) / (counts.sum(axis=2, keepdims=True) + drawn)
    return np.clip(np.log(share / usual), -MOST, MOST)


def angle_odds(counts: np.ndarray) -> np.ndarray:
    """Log odds (kinds, P, distances, angles) of angles, from counts of that shape."""
    counts, drawn = gaussian_filter1d(counts, SMOOTH["angle"], axis=2) + _EMPTY, DRAWN["angle"]
    usual = counts.sum(axis=(0, 1))
    usual /= usual.sum(axis=1, keepdims=True)  # at each distance
    of_ligand, of_protein = (_ratio(counts.sum(axis=axis), usual, drawn) for axis in (1, 0))
    expected = usual * of_ligand[:, None] * of_protein[None]
    expected /= expected.sum(axis=3, keepdims=True)
    share = (counts + drawn * expected) / (counts.sum(axis=3, keepdims=True) + drawn)
    return np.clip(np.log(share / usual.mean(axis=0)), -MOST, MOST)


def _ratio(counts: np.ndarray, usual: np.ndarray, drawn: float) -> np.ndarray:
    """How many times as often as usual each entry of the last axis is; one where nothing is known."""
    return (counts + drawn * usual) / (counts.sum(axis=-1, keepdims=True) + drawn) / usual
