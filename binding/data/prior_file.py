"""A fitted ligand prior as training needs it: with what it says of each of its own ligands without having seen it."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from binding.config import ValidationConfig
from binding.errors import ConfigError, WeightsError
from binding.graph.fields import LigandGraph
from binding.io.files import write_whole
from binding.prior.kernel import Features
from binding.prior.model import LigandPrior

_SAME: Final = 0.7  # Tanimoto similarity


@dataclass(frozen=True, eq=False)
class FittedPrior:
    """A prior and its own ligands held out.

    Attributes:
        prior: Of all n ligands.
        column: By which groups of ligands are held out from training, as in ``ValidationConfig``.
        folds: How many folds the groups are put into.
        held_out: (n, folds + 1) float32, pK. Column k is for runs that hold out fold k, which no number of it knows of;
            the last for runs that hold out nothing. No number knows of the ligand itself.
    """

    prior: LigandPrior
    column: str
    folds: int
    held_out: np.ndarray

    def save(self, path: str | Path) -> None:
        """Writes the file, whole or not at all."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()
        np.savez_compressed(
            content, allow_pickle=False, column=np.array(self.column), held_out=self.held_out, **self.prior.arrays()
        )
        write_whole(path, content.getvalue())

    @classmethod
    def load(cls, path: str | Path) -> FittedPrior:
        """Reads a file of ``save``.

        Raises:
            WeightsError: There is none, or it is damaged.
        """
        path = Path(path)
        hint = "make it with `binding prior`"
        if not path.is_file():
            raise WeightsError(f"no ligand prior {path}", hint)
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            prior = LigandPrior.from_arrays(arrays)
            held_out, column = arrays["held_out"], str(arrays["column"])
            if held_out.shape != (len(prior), held_out.shape[-1]) or not np.isfinite(held_out).all():
                raise ValueError("what it says of its own ligands does not fit them")
        except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise WeightsError(f"{path} is no ligand prior: {error}", hint) from None
        return cls(prior, column, held_out.shape[1] - 1, held_out)

    def fold_of_run(self, validation: ValidationConfig | None) -> int | None:
        """The fold whose groups a run holds out; None where it holds out nothing.

        Raises:
            ConfigError: The run holds out by another rule than the one that the prior was fitted for.
        """
        if validation is None:
            return None
        if validation.file is not None or (validation.column, validation.folds) != (self.column, self.folds):
            asked = validation.file or f"column {validation.column!r} in {validation.folds} folds"
            raise ConfigError(
                f"the run holds out by {asked}, its prior by column {self.column!r} in {self.folds} folds",
                "what is held out must be unknown to the prior too: fit it with --column and --folds of `validation`",
            )
        return validation.fold

    def starts(self, ligands: Sequence[LigandGraph], fold: int | None) -> np.ndarray:
        """What training starts from: of known ligands what is said of them held out, of others what the prior says.

        A ligand that is nearly a known one counts as it: two files of one ligand may tell its tautomer or the bonds of
        an odd group apart, and the prior would know its affinity.

        Args:
            ligands: Of training and of held-out rows.
            fold: Which the run holds out, see ``fold_of_run``.

        Returns:
            (ligands,) pK.
        """
        features = Features.of(ligands)
        place = {key: row for row, key in enumerate(self.prior.features.keys())}
        rows = np.array([place.get(key, -1) for key in features.keys()], dtype=np.int64)
        strangers = np.flatnonzero(rows < 0)
        others = features.take(strangers)
        nearest, similarity = self.prior.nearest(others)
        rows[strangers] = nearest
        found = self.held_out[rows, -1 if fold is None else fold].astype(np.float64)
        found[strangers] = np.where(similarity >= _SAME, found[strangers], self.prior.predict_features(others))
        return found
