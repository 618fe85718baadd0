"""What the rows of a prior's table name: a ligand by its SMILES, a binding site by a complex of a cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from binding.data.cache import ComplexCache
from binding.errors import TableError
from binding.graph.fields import LigandGraph
from binding.graph.ligand import build_ligand_graph
from binding.io.series import compound_from_smiles
from binding.structures import Ligand


class LigandsBySmiles:
    """Ligands without a pose; one that occurs again is built once."""

    def __init__(self) -> None:
        self._known: dict[str, LigandGraph] = {}

    def graph(self, smiles: str, name: str) -> LigandGraph:
        """The graph of a SMILES, all atoms at the origin.

        Args:
            smiles: Of one compound.
            name: For messages.

        Raises:
            LigandError: It is no molecule that can be used.
        """
        if smiles not in self._known:
            mol = compound_from_smiles(smiles, name).mol
            self._known[smiles] = build_ligand_graph(Ligand(name, mol, np.zeros((mol.GetNumAtoms(), 3))))
        return self._known[smiles]


class SitesByComplex:
    """The sites of the complexes of some caches, by their ids.

    Args:
        paths: Caches of ``binding prepare``; the first that has an id counts.

    Raises:
        CacheError: One cannot be read.
    """

    def __init__(self, paths: Sequence[str | Path]) -> None:
        self._caches = [ComplexCache(path) for path in paths]
        self._place: dict[str, tuple[ComplexCache, int]] = {}
        for cache in reversed(self._caches):
            self._place |= {name: (cache, row) for row, name in enumerate(cache.table["id"].tolist())}

    def words(self, complex_id: str, row: str) -> np.ndarray:
        """The words of a complex's site, see ``binding.domain.words.pocket_words``.

        Args:
            complex_id: Blank where the site is not known: it has no words.
            row: Name of the row that asks, for messages.

        Raises:
            TableError: ``unknown_site``, no cache has the complex.
        """
        if not complex_id:
            return np.zeros(0, dtype=np.uint32)
        if complex_id not in self._place:
            listed = ", ".join(str(cache.path) for cache in self._caches)
            raise TableError(
                f"{row}: there is no complex {complex_id!r} in {listed}",
                "leave the cell under 'site' blank where no complex is known",
                "unknown_site",
            )
        cache, place = self._place[complex_id]
        return cache.site_words(place)
