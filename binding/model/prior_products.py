"""What the prior says, as products of matrices on a device: a host, which takes one ligand at a time, would hold it up.

Numbers are those of ``Prior.predict_features`` but for the order of sums. The nearest training ligand, for which the
domain asks next, is read off the same products.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor

from binding.domain.bits import BitIndex
from binding.domain.fingerprint import NUM_BITS
from binding.graph.batch import sent
from binding.graph.fields import DESCRIPTORS
from binding.prior.kernel import DESCRIPTOR_SHARE, Features
from binding.prior.model import Prior
from binding.recent import Recent

_LIGANDS_AT_ONCE: Final = 256  # whose likeness to all known ones is held, 60 MB at 30,000 of them
_KEPT_SITES: Final = 64  # half a megabyte each


class PriorProducts:
    """A prior on a device.

    Args:
        prior: The prior.
        others: Fingerprints of further training ligands, of which the domain asks for the nearest.
        device: Where they lie, 8 kB a known ligand.
    """

    def __init__(self, prior: Prior, others: Sequence[BitIndex], device: torch.device) -> None:
        self.prior, self.device = prior, device
        self._indices = [prior.index, *(index for index in others if index is not prior.index)]
        self._bits = [self._placed(index.matrix().astype(np.float32).T) for index in self._indices]
        self._counts = [self._placed(index.counts) for index in self._indices]
        self._watched = [self._placed(index.watched) for index in self._indices]
        known = prior.features.descriptors
        self._descriptors = self._placed(known.T / np.float32(len(DESCRIPTORS)))
        self._squares = self._placed(np.square(known).sum(axis=1) / np.float32(2 * len(DESCRIPTORS)))
        self._weights = self._placed(np.stack([prior.weights, prior.anywhere], axis=1))
        self._sites = Recent[tuple[Tensor, Tensor]](_KEPT_SITES)

    def _placed(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

    @property
    def num_indices(self) -> int:
        """Sets of known ligands whose nearest is told."""
        return len(self._indices)

    def predict(self, features: Features, sites: Sequence[np.ndarray], ligand_of: np.ndarray) -> Tensor:
        """What the prior says of ligands at sites, on the device.

        Args:
            features: Of m ligands.
            sites: (n,) the words of each.
            ligand_of: (n,) which of the ligands is at each site.

        Returns:
            (3 + ``num_indices``, n) float64: ``at_site``, ``alone`` and ``known`` as in ``PriorPk``, then the Tanimoto
            similarity to the nearest ligand of each index, as ``remember`` takes it.
        """
        rows: dict[bytes, list[int]] = {}
        for row, words in enumerate(sites):
            rows.setdefault(words.tobytes(), []).append(row)
        found = torch.empty((3 + self.num_indices, len(sites)), dtype=torch.float64, device=self.device)
        for start in range(0, len(features), _LIGANDS_AT_ONCE):
            ligands = np.arange(start, min(start + _LIGANDS_AT_ONCE, len(features)))
            likeness, similarity, nearest = self._compare(features.take(ligands))
            sums = likeness @ self._weights
            for here in rows.values():
                chosen = [row for row in here if start <= ligand_of[row] < start + len(ligands)]
                if not chosen:
                    continue
                weights, greatest = self._site(sites[chosen[0]])
                # The poses of a compound share what it is like.
                asked, place = np.unique(ligand_of[chosen] - start, return_inverse=True)
                of = sent(torch.from_numpy(asked), self.device)
                at_site = likeness.index_select(0, of) @ weights + sums.index_select(0, of)[:, 1]
                known = (similarity.index_select(0, of) * greatest).amax(1)
                alone = sums.index_select(0, of)[:, 0]
                said = torch.stack([at_site + self.prior.at_site.mean, alone + self.prior.mean, known])
                said = torch.cat([said, nearest.index_select(1, of)])
                there, which = (sent(torch.from_numpy(np.asarray(part)), self.device) for part in (chosen, place))
                found.index_copy_(1, there, said.index_select(1, which))
        return found

    def remember(self, features: Features, nearest: np.ndarray, ligand_of: np.ndarray) -> None:
        """Tells the domain what it will ask for.

        Args:
            features: Of m ligands.
            nearest: (``num_indices``, n), of ``predict``.
            ligand_of: (n,) as there.
        """
        first = np.full(len(features), -1)
        first[ligand_of[::-1]] = np.arange(len(ligand_of))[::-1]
        for bits, place in zip(features.split(), first.tolist(), strict=True):
            for index, found in zip(self._indices, nearest[:, place].tolist(), strict=True):
                index.remember(bits, found)

    def _compare(self, features: Features) -> tuple[Tensor, Tensor, Tensor]:
        """Likeness and Tanimoto similarity (m, known) float64 to each known ligand, and (indices, m) to the nearest."""
        # Only what is on travels: a row and a bit for each.
        on = np.stack([np.repeat(np.arange(len(features)), features.bit_counts), features.bits.astype(np.int64)])
        ligand, bit = sent(torch.from_numpy(on), self.device)
        query = torch.zeros((len(features), NUM_BITS), device=self.device)
        query.index_put_((ligand, bit), torch.ones((), device=self.device))
        size = sent(torch.from_numpy(features.bit_counts.astype(np.float32)), self.device).unsqueeze(1)
        nearest, similarity = [], query
        for place in reversed(range(len(self._indices))):  # the prior's own comes first, and is done last
            shared = query @ self._bits[place]  # whole numbers, exact in 32 bits
            union = (size + self._counts[place] - shared).clamp_min(1.0)
            watched = shared.double() / union * self._watched[place]
            nearest.append(watched.amax(1) if watched.shape[1] else watched.sum(1))
            similarity = shared / union
        descriptors = sent(torch.from_numpy(features.descriptors), self.device)
        own = descriptors.square().sum(1, keepdim=True) / (2 * len(DESCRIPTORS))
        exponent = (descriptors @ self._descriptors - self._squares - own).clamp_max(0.0)
        likeness = DESCRIPTOR_SHARE * exponent.exp() + similarity  # right to 32 bits; the sums of it are of 64
        return likeness.double(), similarity.double(), torch.stack(nearest[::-1])

    def _site(self, words: np.ndarray) -> tuple[Tensor, Tensor]:
        """(known,) what each known ligand adds at a site, by its likeness, and how near its nearest site is."""
        return self._sites.of(words.tobytes(), lambda: self._find_site(words))

    def _find_site(self, words: np.ndarray) -> tuple[Tensor, Tensor]:
        alike = self.prior.at_site.alike([words])
        size = len(self.prior)
        greatest = np.zeros(size)
        np.maximum.at(greatest, alike.ligands, alike.similarity)
        weights = np.bincount(alike.ligands, alike.weights * alike.similarity, minlength=size)
        return self._placed(weights), self._placed(greatest)
