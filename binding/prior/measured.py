"""Names and affinities of the measurements that a prior was fitted to, in a file beside the weights.

A prior keeps fingerprints and weights, from which no name can be read. Without this file a prediction is the same; only
its evidence has no names.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from binding.errors import WeightsError
from binding.files import write_bytes
from binding.io.arrays import Layout, check_arrays, read_arrays

if TYPE_CHECKING:
    from binding.prior.model import SiteFit

SUFFIX: Final = ".evidence.npz"
_LAYOUT: Final[dict[str, Layout]] = {
    "measured_names": ("integer", ("letters",)),
    "measured_pk": ("number or nan", ("rows",)),
}


@dataclass(frozen=True, eq=False)
class Measured:
    """The measurements behind the r rows of a ``SiteFit``.

    Attributes:
        names: (r,) of text, PDB entry or compound of each; several, with blanks between, where measurements of one
            ligand at one site were averaged; empty where none is known.
        pk: (r,) float64, mean pK of these measurements; NaN where it is not known.
    """

    names: np.ndarray
    pk: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def unknown(cls, rows: int) -> Measured:
        """Rows of which nothing is known."""
        return cls(np.full(rows, "", dtype=object), np.full(rows, np.nan))

    @classmethod
    def joined(cls, parts: list[Measured]) -> Measured:
        """The rows of several, in order."""
        return cls(np.concatenate([part.names for part in parts]), np.concatenate([part.pk for part in parts]))

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays to save; ``from_arrays`` is the inverse."""
        text = "\n".join(self.names.tolist()).encode()
        return {"measured_names": np.frombuffer(text, dtype=np.uint8), "measured_pk": self.pk.astype(np.float32)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray], rows: int) -> Measured:
        """Restores what ``arrays`` gave.

        Raises:
            ValueError: One is missing or damaged, or they do not belong to so many rows.
        """
        check_arrays(arrays, _LAYOUT, "the list of measurements")
        names = arrays["measured_names"].tobytes().decode().split("\n") if rows else []
        pk = arrays["measured_pk"].astype(np.float64).round(4)  # of 32 bits, which make 6.4 a 6.4000001
        if len(names) != rows or len(pk) != rows:
            raise ValueError("the measurements do not match the rows of the prior")
        return cls(np.array(names, dtype=object), pk)  # as text all would be as wide as the widest: 20 MB

    def save(self, weights: str | Path, fit: SiteFit, *, resumes: bool = False) -> None:
        """Writes the file that belongs to some weights, atomically; the same measurements give the same bytes.

        Args:
            weights: Path of the weights.
            fit: The fit whose rows these are.
            resumes: As for ``binding.files.atomic``.
        """
        content = io.BytesIO()
        np.savez_compressed(content, allow_pickle=False, fit=np.array(digest_of(fit)), **self.arrays())
        write_bytes(evidence_path(weights), content.getvalue(), resumes=resumes)

    @classmethod
    def load(cls, weights: str | Path, fit: SiteFit) -> Measured | None:
        """The measurements behind a prior; None where no file of its fit lies beside the weights.

        Args:
            weights: Path of the weights.
            fit: The fit of their prior.

        Raises:
            WeightsError: The file is damaged.
        """
        path = evidence_path(weights)
        if not path.is_file():
            return None
        try:
            arrays = read_arrays(path)
            if str(arrays["fit"]) != digest_of(fit):
                return None
            return cls.from_arrays(arrays, len(fit.weights))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise WeightsError(
                f"{path} does not say what was measured: {error}.", "Restore the file, or delete it: it only names."
            ) from None


def joined_names(names: Sequence[str] | None, row_of: np.ndarray) -> np.ndarray:
    """(r,) str, the names of the measurements of each row, with blanks between.

    Args:
        names: (n,) of the measurements; None where they have none.
        row_of: (n,) row of each measurement.
    """
    rows: list[dict[str, None]] = [{} for _ in range(int(row_of.max(initial=-1)) + 1)]
    for name, row in zip(names or (), row_of.tolist(), strict=names is not None):
        rows[row]["_".join(name.split())] = None
    return np.array([" ".join(found) for found in rows], dtype=str)


def evidence_path(weights: str | Path) -> Path:
    """Where the measurements of some weights lie, such as ``model.evidence.npz`` of ``model.safetensors``."""
    path = Path(weights)
    return path.with_name(path.stem + SUFFIX)


def digest_of(fit: SiteFit) -> str:
    """Tells one fit from another: of which row is which ligand at which site, and of the weights."""
    digest = blake2b(digest_size=16)
    for array, dtype in ((fit.row_ligand, np.int32), (fit.row_site, np.int32), (fit.weights, np.float32)):
        digest.update(np.ascontiguousarray(array, dtype=dtype).data)
    return digest.hexdigest()
