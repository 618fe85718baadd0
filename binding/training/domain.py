"""The training set of a run, as its weights will carry it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from binding.data.cache import ComplexCache
from binding.domain.fingerprint import fingerprint
from binding.domain.index import Domain, count_elements
from binding.domain.words import protein_words


def training_domain(caches: Sequence[ComplexCache], items: Iterable[tuple[int, int]]) -> Domain:
    """What some rows of caches hold; each ligand structure and each protein is looked at once.

    Args:
        caches: The caches of a run.
        items: Cache and row of each complex that was trained on; at least one.
    """
    ligands, words = {}, {}
    for source, row in sorted(set(items)):
        cache = caches[source]
        ligand = cache.ligand(row)
        ligands[ligand.atom_categories.tobytes() + ligand.bonds.tobytes() + ligand.bond_categories.tobytes()] = ligand
        group = (source, int(cache.groups()[row]))
        if group not in words:
            words[group] = protein_words(cache.protein(group[1]))
    sizes = np.array([ligand.num_atoms for ligand in ligands.values()])
    return Domain.of(
        [fingerprint(ligand) for ligand in ligands.values()],
        list(words.values()),
        (int(sizes.min()), int(sizes.max())),
        count_elements(ligands.values()),
    )
