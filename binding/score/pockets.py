"""The pocket of each pose, made once for all poses that have the same residues.

The default pocket is cut for each pose, and two poses of a screen rarely have the same. What its residues are is found
once a receptor, though, so that to cut another pocket is little more than to choose among them.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Final

import numpy as np

from binding.domain.words import SITE_CUTOFF, Residues, words_of_chains
from binding.graph import checks
from binding.graph.around import Around
from binding.graph.breaks import chain_breaks
from binding.graph.fields import PocketGraph
from binding.graph.pocket import ResidueTable, build_pocket_graph
from binding.graph.replaced import replaceable
from binding.graph.site import PocketSpec, chosen_residues, left_out, usable
from binding.recent import Recent
from binding.structures import Ligand, Protein, ResidueKind

_RECEPTORS: Final = 8
_KEPT: Final = 64  # pockets of a receptor
#: Pockets that are built by themselves: to describe the whole receptor takes as long as some of them do.
_FEW: Final = 3


class Pocket:
    """A pocket and what is derived from it.

    Args:
        receptor: The protein.
        keep: (residues,) bool, its residues that are the pocket's.
        replaced: (residues,) bool, those that are the ligand itself.
        graph: The graph of the pocket.

    Attributes:
        notes: What was left out because of the ligand.
    """

    def __init__(self, receptor: Protein, keep: np.ndarray, replaced: np.ndarray, graph: PocketGraph) -> None:
        self.receptor, self.keep, self.graph = receptor, keep, graph
        self.notes = left_out(receptor, replaced)
        self._replaced = replaced

    @cached_property
    def protein(self) -> Protein:
        """The pocket's residues."""
        return self.receptor.select(self.keep)

    @cached_property
    def residues(self) -> checks.ResidueFaults:
        """What is wrong with them."""
        return checks.check_residues(self.receptor).take(self.keep)

    def gaps(self, ligand: Ligand) -> list[str]:
        """A warning where residues of the receptor are missing near a pose."""
        return chain_breaks(self.receptor).near(ligand.positions, self.keep)

    @cached_property
    def words(self) -> np.ndarray:
        """Words of the chains around the pocket; see ``binding.domain.words``."""
        amino = self.keep & (self.receptor.residue_kinds == ResidueKind.AMINO_ACID)
        chains = tuple(sorted(set(self.receptor.chain_ids[amino].tolist())))
        return words_of_chains(_without(self.receptor, self._replaced.tobytes()), chains)

    def site_words(self, around: Around) -> np.ndarray:
        """Words of the residues about a ligand; see ``binding.domain.words.pocket_words``."""
        return self._along.words(around.residues_within(SITE_CUTOFF)[self.keep])

    @cached_property
    def _along(self) -> Residues:
        return Residues.of_pocket(self.graph)


@lru_cache(maxsize=_RECEPTORS)
def _without(receptor: Protein, replaced: bytes) -> Protein:
    """A receptor without some of its residues, one byte each; the same object each time."""
    lost = np.frombuffer(replaced, dtype=bool)
    return receptor.select(~lost) if lost.any() else receptor


class ReceptorPockets:
    """The pockets of a receptor.

    Args:
        receptor: The protein.
    """

    def __init__(self, receptor: Protein) -> None:
        self._receptor = receptor
        self._made = Recent[Pocket](_KEPT)
        self._built = 0

    def of(self, keep: np.ndarray, replaced: np.ndarray, *, by_table: bool) -> Pocket:
        """A pocket.

        Args:
            keep, replaced: As of ``Pocket``.
            by_table: Whether it may be chosen from what the whole receptor is like.
        """
        key = keep.tobytes() + replaced.tobytes()
        return self._made.of(key, lambda: Pocket(self._receptor, keep, replaced, self._graph(keep, by_table)))

    def _graph(self, keep: np.ndarray, by_table: bool) -> PocketGraph:
        if by_table and self._built >= _FEW:
            return self._table.graph(keep)
        self._built += 1
        return build_pocket_graph(self._receptor.select(keep))

    @cached_property
    def _table(self) -> ResidueTable:
        return ResidueTable(self._receptor)


@lru_cache(maxsize=_RECEPTORS)
def _pockets(receptor: Protein) -> ReceptorPockets:
    return ReceptorPockets(receptor)


class PocketMaker:
    """The pocket of each ligand; where the residues are fixed, one object for all ligands.

    The network encodes a pocket object once for all the graphs of a batch that hold it. What lies where a ligand
    lies is left out for that ligand alone: no ligand's pocket depends on another ligand.

    Args:
        receptor: The protein.
        spec: How to choose residues.
    """

    def __init__(self, receptor: Protein, spec: PocketSpec) -> None:
        self._receptor, self._spec = receptor, spec
        self._pockets, self._replaceable = _pockets(receptor), replaceable(receptor)
        self._by_ligand = spec.reference is None and spec.center is None and spec.residues is None
        self._reach = max(spec.cutoff, SITE_CUTOFF) if self._by_ligand else SITE_CUTOFF

    def of(self, ligand: Ligand) -> tuple[Pocket, Around]:
        """The pocket of one ligand, and the receptor's atoms about it.

        Raises:
            ContactError, StructureError: As ``binding.graph.site.pocket_mask``.
        """
        around = Around.of(self._receptor, ligand.positions, self._reach)
        keep = around.residues_within(self._spec.cutoff) if self._by_ligand else self._chosen
        replaced = self._replaceable.by(around)
        keep = usable(self._receptor, ligand, keep & ~replaced)
        # Within this distance of a ligand, an atom's surroundings are the same in its pocket and in the receptor.
        by_table = self._by_ligand and self._spec.cutoff >= SITE_CUTOFF
        return self._pockets.of(keep, replaced, by_table=by_table), around

    @cached_property
    def _chosen(self) -> np.ndarray:
        chosen = chosen_residues(self._receptor, self._spec)
        assert chosen is not None, "residues are named"
        return chosen
