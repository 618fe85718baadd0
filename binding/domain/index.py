"""A summary of the training set of some weights, from which the distance of a new complex to it follows.

It holds the fingerprints of the distinct ligands, the words of the distinct proteins, and the range of sizes and
elements, but no structure and no name. The file lies beside the weights as ``<stem>.domain.npz``: NumPy arrays alone.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from rdkit import Chem

from binding.constants import LIGAND_ELEMENTS
from binding.domain.bits import BitIndex
from binding.domain.fingerprint import NUM_BITS, fingerprint
from binding.domain.words import NUM_WORDS
from binding.errors import WeightsError
from binding.files import write_bytes
from binding.graph.fields import ATOM_CATEGORIES, LigandGraph
from binding.io.arrays import Layout, check_arrays, check_counts, check_range, read_arrays
from binding.recent import Recent

SUFFIX: Final = ".domain.npz"
FORMAT_VERSION: Final = 1
#: Share of words from which on a protein counts as known (docs/explanation/accuracy.md). Of held-out proteins with a
#: relative in training (0.3 of a chain identical) 89 % have as much, of the others 4 %, and of 48 shuffled ones none.
KNOWN_PROTEIN: Final = 0.1
#: Tanimoto below which a ligand is unlike all others: two random drugs have about 0.2 at the nearest of some thousands.
KNOWN_LIGAND: Final = 0.25
_UNEVEN: Final = 2.0  # so much oftener than of random letters do words of two proteins agree by chance
_FEWEST_WORDS: Final = 10  # that a share is taken of: a stretch of five residues is no protein
_RARE: Final = 5  # ligands; an element in fewer is not known
_KEPT_LIGANDS: Final = 4096  # whose similarity is remembered: other poses of them cost nothing
_KEPT_PROTEINS: Final = 8
_ARRAYS: Final[dict[str, Layout]] = {
    "bits": ("integer", ("bits",)),
    "bit_counts": ("integer", ("ligands",)),
    "words": ("integer", ("words",)),
    "word_counts": ("integer", ("proteins",)),
    "atoms": ("integer", (2,)),
    "elements": ("integer", (ATOM_CATEGORIES["element"],)),
}
_ELEMENT: Final = list(ATOM_CATEGORIES).index("element")


@dataclass(frozen=True)
class Nearness:
    """How near a complex is to what the weights were trained on.

    Attributes:
        in_domain: Whether it is in the domain; None where the weights do not record their training set.
        nearest_ligand: Tanimoto similarity (ECFP4) to the nearest training ligand, 0 to 1; NaN where unknown.
        nearest_protein: Greatest share of words of four residues in common with a training protein, beyond chance, 0 to
            1; NaN where unknown.
        warnings: Why it is not in the domain, one sentence for each reason.
    """

    in_domain: bool | None = None
    nearest_ligand: float = float("nan")
    nearest_protein: float = float("nan")
    warnings: tuple[str, ...] = ()

    def columns(self) -> dict[str, Any]:
        """What stands in the columns of a result, by their names."""
        return {
            "in_domain": self.in_domain,
            "nearest_ligand": self.nearest_ligand,
            "nearest_protein": self.nearest_protein,
        }


UNKNOWN: Final = Nearness()


class Domain:
    """The training set of a set of weights; ``Domain.of`` makes it.

    Args:
        bits: Bits of all ligands' fingerprints, concatenated.
        bit_counts: (ligands,) number of bits of each ligand.
        words: Words of all proteins, concatenated.
        word_counts: (proteins,) number of words of each protein.
        atoms: Fewest and most heavy atoms of a ligand.
        elements: (13,) number of ligands that hold each element of ``LIGAND_ELEMENTS``, or any other.
    """

    def __init__(
        self,
        bits: np.ndarray,
        bit_counts: np.ndarray,
        words: np.ndarray,
        word_counts: np.ndarray,
        atoms: tuple[int, int],
        elements: np.ndarray,
    ) -> None:
        self._bits, self._bit_counts = bits, bit_counts.astype(np.int64)
        self._words, self._word_counts = words, word_counts.astype(np.int64)
        self.atoms = (int(atoms[0]), int(atoms[1]))
        self.elements = np.asarray(elements, dtype=np.int64)
        self._shared: list[BitIndex] | None = None
        self._owners = np.repeat(np.arange(self.num_proteins), self._word_counts)
        self._ligands, self._proteins = Recent[float](_KEPT_LIGANDS), Recent[float](_KEPT_PROTEINS)

    @classmethod
    def of(
        cls,
        ligands: Iterable[np.ndarray],
        proteins: Iterable[np.ndarray],
        atoms: tuple[int, int],
        elements: np.ndarray,
    ) -> Domain:
        """The training set of these ligands and proteins, in any order.

        Args:
            ligands: Of each the bits that are on, ascending; see ``fingerprint``.
            proteins: Of each its words, ascending; see ``protein_words``.
            atoms, elements: As of the class.
        """
        return cls(*_distinct(ligands, np.uint16), *_distinct(proteins, np.uint32), atoms, elements)

    @property
    def indices(self) -> list[BitIndex]:
        """Indices that together hold each ligand."""
        if self._shared is None:
            self._shared = [BitIndex(self._bits, self._bit_counts)]
        return self._shared

    @property
    def num_ligands(self) -> int:
        """Different ligands, by their fingerprints."""
        return len(self._bit_counts)

    @property
    def num_proteins(self) -> int:
        """Different proteins, by their words."""
        return len(self._word_counts)

    def summary(self) -> dict[str, Any]:
        """What the training set holds, and from what similarity on a ligand and a protein count as known."""
        known = [_symbol(row) for row, ligands in enumerate(self.elements.tolist()) if ligands >= _RARE]
        return {
            "ligands": self.num_ligands,
            "proteins": self.num_proteins,
            "heavy_atoms": list(self.atoms),
            "elements": known,
            "nearest_ligand_from": KNOWN_LIGAND,
            "nearest_protein_from": KNOWN_PROTEIN,
        }

    def judge(self, ligand: LigandGraph, words: np.ndarray) -> Nearness:
        """How near a complex is; the pose does not matter.

        Args:
            ligand: Its features.
            words: (words,) of the chains around the pocket; see ``protein_words``.
        """
        structure = (ligand.atom_categories, ligand.bonds, ligand.bond_categories)
        key = b"".join(np.ascontiguousarray(part).tobytes() for part in structure)
        to_ligand = self._ligands.of(key, lambda: self.nearest_ligand(fingerprint(ligand)))
        to_protein = self._proteins.of(words.tobytes(), lambda: self.nearest_protein(words))
        reasons = [*self._unlike(to_ligand, to_protein), *self._out_of_range(ligand)]
        warnings = (f"outside the training domain: {', '.join(reasons)}",) if reasons else ()
        return Nearness(not reasons, to_ligand, to_protein, warnings)

    def nearest_ligand(self, bits: np.ndarray) -> float:
        """Tanimoto similarity to the nearest training ligand; NaN where none is known.

        Args:
            bits: (on,) of a fingerprint; see ``fingerprint``.
        """
        if not self.num_ligands:
            return float("nan")
        return max(index.greatest(bits) for index in self.indices)

    def share(self, known: Sequence[np.ndarray], index: BitIndex) -> None:
        """Ask an index that others ask as well, so that no similarity is computed twice.

        Args:
            known: Fingerprints of the ligands of the index, of this set or not.
            index: Theirs; its ``greatest`` is from now on that of the ligands of this set.
        """
        own = {bits.tobytes(): bits for bits in _split(self._bits, self._bit_counts)}
        keys = [bits.astype(self._bits.dtype).tobytes() for bits in known]
        index.watch(np.array([row for row, key in enumerate(keys) if key in own], dtype=np.int64))
        theirs = set(keys)
        rest = [bits for key, bits in own.items() if key not in theirs]
        counts = np.array([len(bits) for bits in rest], dtype=np.int64)
        joined = np.concatenate([np.zeros(0, dtype=self._bits.dtype), *rest])
        self._shared = [index, *([BitIndex(joined, counts)] if rest else [])]

    def nearest_protein(self, words: np.ndarray) -> float:
        """The greatest share of words in common with a training protein beyond chance; NaN where either side has none.

        The share is one of the smaller set: a training pocket inside a whole chain counts in full. What sets of these
        sizes share by chance (its mean and three standard deviations) is taken off both, or a long chain would seem to
        be like some pocket or other.

        Args:
            words: (words,); see ``protein_words``.
        """
        if not len(words) or not self.num_proteins:
            return float("nan")
        asked = np.zeros(NUM_WORDS, dtype=bool)
        asked[words] = True
        shared = np.bincount(self._owners[asked[self._words]], minlength=self.num_proteins)
        mean = _UNEVEN * len(words) * self._word_counts / NUM_WORDS
        chance = mean + 3.0 * np.sqrt(mean)
        most = np.minimum(self._word_counts, len(words)) - chance
        return float((np.maximum(shared - chance, 0.0) / np.maximum(most, _FEWEST_WORDS)).max())

    def _unlike(self, to_ligand: float, to_protein: float) -> list[str]:
        reasons = []
        if to_protein < KNOWN_PROTEIN:
            reasons.append(f"the protein is unlike all in training (nearest {to_protein:.2f})")
        if to_ligand < KNOWN_LIGAND:
            reasons.append(f"the ligand is unlike all in training (nearest {to_ligand:.2f})")
        return reasons

    def _out_of_range(self, ligand: LigandGraph) -> list[str]:
        reasons = []
        fewest, most = self.atoms
        if not fewest <= ligand.num_atoms <= most:
            reasons.append(f"{ligand.num_atoms} heavy atoms, in training {fewest} to {most}")
        rows = np.unique(ligand.atom_categories[:, _ELEMENT])
        if odd := [_symbol(row) for row in rows.tolist() if self.elements[row] < _RARE]:
            reasons.append(f"hardly any {', '.join(odd)} in training")
        return reasons

    @classmethod
    def merged(cls, domains: Sequence[Domain]) -> Domain:
        """What several sets of weights together were trained on; ``elements`` are those of the set that has most.

        Args:
            domains: One or more.
        """
        return cls.of(
            [row for domain in domains for row in _split(domain._bits, domain._bit_counts)],
            [row for domain in domains for row in _split(domain._words, domain._word_counts)],
            (min(domain.atoms[0] for domain in domains), max(domain.atoms[1] for domain in domains)),
            np.max([domain.elements for domain in domains], axis=0),
        )

    def save(self, path: str | Path, *, resumes: bool = False) -> None:
        """Writes the file, whole or not at all; the same training set gives the same bytes.

        Args:
            path: Of the weights (``model.safetensors``) or of the file itself.
            resumes: As for ``binding.files.atomic``.

        Raises:
            WriteError: ``disk_full`` or ``not_writable``.
        """
        path = domain_path(path)
        content = io.BytesIO()
        np.savez_compressed(
            content,
            allow_pickle=False,
            version=np.array([FORMAT_VERSION]),
            bits=self._bits,
            bit_counts=self._bit_counts.astype(np.uint16),
            words=self._words,
            word_counts=self._word_counts.astype(np.uint32),
            atoms=np.array(self.atoms),
            elements=self.elements,
        )
        write_bytes(path, content.getvalue(), resumes=resumes)

    @classmethod
    def load(cls, path: str | Path) -> Domain | None:
        """The training set of some weights; None where no file of it lies beside them.

        Args:
            path: Path of the weights, or of the file itself.

        Raises:
            WeightsError: The file is damaged or of another version.
        """
        path = domain_path(path)
        if not path.is_file():
            return None
        try:
            arrays = read_arrays(path)
            check_arrays(arrays, {"version": ("integer", (1,))}, "the file")
            version = int(arrays["version"][0])
            if version == FORMAT_VERSION:
                _check(arrays)
                return cls(**{name: arrays[name] for name in _ARRAYS})  # type: ignore[arg-type]
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise WeightsError(f"{path} does not describe a training set: {error}.", "Restore the file.") from None
        raise WeightsError(f"{path} has format {version}; this version reads {FORMAT_VERSION}.", "Restore the file.")


def _check(arrays: dict[str, np.ndarray]) -> None:
    """Raises ``ValueError`` where arrays do not describe a training set."""
    what = "the training set"
    lengths = check_arrays(arrays, _ARRAYS, what)
    check_counts(arrays, {"bit_counts": "bits", "word_counts": "words"}, lengths, what)
    for name, most in (("bits", NUM_BITS), ("words", NUM_WORDS)):
        check_range(arrays, name, 0, most, what)


def domain_path(weights: str | Path) -> Path:
    """Where the training set of some weights lies.

    Args:
        weights: Such as ``model.safetensors``, or the file itself.
    """
    path = Path(weights)
    return path if path.name.endswith(SUFFIX) else path.with_name(path.stem + SUFFIX)


def count_elements(ligands: Iterable[LigandGraph]) -> np.ndarray:
    """(13,) number of ligands that hold each element of ``LIGAND_ELEMENTS``, or any other."""
    counts = np.zeros(ATOM_CATEGORIES["element"], dtype=np.int64)
    for ligand in ligands:
        counts[np.unique(ligand.atom_categories[:, _ELEMENT])] += 1
    return counts


def _symbol(row: int) -> str:
    if row >= len(LIGAND_ELEMENTS):
        return "elements beyond organic chemistry"
    return Chem.GetPeriodicTable().GetElementSymbol(LIGAND_ELEMENTS[row])


def _distinct(rows: Iterable[np.ndarray], dtype: type[np.integer]) -> tuple[np.ndarray, np.ndarray]:
    """The different rows that are not empty, joined in a fixed order, and their lengths."""
    kept = sorted({row.astype(">u4").tobytes() for row in rows if len(row)})
    counts = np.array([len(row) // 4 for row in kept], dtype=np.int64)
    return np.frombuffer(b"".join(kept), dtype=">u4").astype(dtype), counts


def _split(joined: np.ndarray, counts: np.ndarray) -> list[np.ndarray]:
    return np.split(joined, np.cumsum(counts.astype(np.int64))[:-1]) if len(counts) else []
