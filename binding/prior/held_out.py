"""A fitted prior as training needs it: with held-out predictions for each of its own ligands."""

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
from binding.files import make_folder, write_bytes
from binding.graph.fields import LigandGraph
from binding.io.arrays import Layout, check_arrays, read_arrays
from binding.prior.kernel import Features
from binding.prior.measured import Measured
from binding.prior.model import Prior, PriorPk
from binding.prior.sites import tanimoto

_SAME: Final = 0.7  # Tanimoto similarity
_LAYOUT: Final[dict[str, Layout]] = {
    "column": ("text", ()),
    "held_out": ("number", ("ligands", "folds and one")),
    "held_out_at_site": ("number", ("rows", "folds and one")),
}


@dataclass(frozen=True, eq=False)
class FittedPrior:
    """A prior and held-out predictions for its own ligands.

    Attributes:
        prior: The fit to all n ligands.
        column: Column of the groups that are held out from training, as in ``ValidationConfig``.
        folds: How many folds the groups are put into.
        held_out: (n, folds + 1) float32, pK of the ligand alone, predicted without that ligand. Column k is for runs
            that hold out fold k and is predicted without it; the last column is for runs that hold out nothing.
        held_out_at_site: (r, folds + 1) float32, the same for each row of ``prior.at_site``: a ligand at a site.
    """

    prior: Prior
    column: str
    folds: int
    held_out: np.ndarray
    held_out_at_site: np.ndarray

    def save(self, path: str | Path) -> None:
        """Writes the file atomically."""
        path = Path(path)
        make_folder(path.parent)
        content = io.BytesIO()
        np.savez_compressed(
            content,
            allow_pickle=False,
            column=np.array(self.column),
            held_out=self.held_out,
            held_out_at_site=self.held_out_at_site,
            **self.prior.arrays(),
            **({} if self.prior.measured is None else self.prior.measured.arrays()),
        )
        write_bytes(path, content.getvalue())

    @classmethod
    def load(cls, path: str | Path) -> FittedPrior:
        """Reads a file that ``save`` wrote.

        Raises:
            WeightsError: There is none, or it is damaged.
        """
        path = Path(path)
        hint = "Make it with `binding prior`."
        if not path.is_file():
            raise WeightsError(f"There is no prior {path}.", hint)
        try:
            arrays = read_arrays(path)
            prior = Prior.from_arrays(arrays)
            if "measured_names" in arrays:  # else an older version wrote it
                prior.measured = Measured.from_arrays(arrays, len(prior.at_site.weights))
            check_arrays(arrays, _LAYOUT, "the prior")
            alone, at_site, column = arrays["held_out"], arrays["held_out_at_site"], str(arrays["column"])
            folds = alone.shape[-1] - 1
            if len(np.unique(prior.at_site.row_ligand)) != len(prior):
                raise ValueError("not every ligand has a measurement")
            for held_out, rows in ((alone, len(prior)), (at_site, len(prior.at_site.weights))):
                if folds < 2 or len(held_out) != rows:
                    raise ValueError("the held-out predictions do not match the ligands")
        except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise WeightsError(f"{path} is no prior: {error}.", hint) from None
        return cls(prior, column, folds, alone, at_site)

    def fold_of_run(self, validation: ValidationConfig | None) -> int | None:
        """The fold whose groups a run holds out; None where it holds out nothing.

        Raises:
            ConfigError: The run and the prior use different hold-out rules.
        """
        if validation is None:
            return None
        if validation.file is not None or (validation.column, validation.folds) != (self.column, self.folds):
            asked = validation.file or f"column {validation.column!r} in {validation.folds} folds"
            raise ConfigError(
                f"The run holds out by {asked}, its prior by column {self.column!r} in {self.folds} folds.",
                "Fit the prior with --column and --folds as in `validation`: it must not know what is held out.",
            )
        return validation.fold

    def starts(self, ligands: Sequence[LigandGraph], sites: Sequence[np.ndarray], fold: int | None) -> PriorPk:
        """What training starts from: held-out predictions for known ligands, the prior itself for all others.

        A ligand that is nearly a known one counts as it: two files of one ligand may tell its tautomer or the bonds of
        an odd group apart, and the prior would know its affinity. Of the sites where it is known the one that is most
        alike counts.

        Args:
            ligands: Ligands of the training and held-out rows.
            sites: The words of each ligand's site; see ``pocket_words``.
            fold: The fold that the run holds out; see ``fold_of_run``.
        """
        features = Features.of(ligands)
        place = {key: row for row, key in enumerate(self.prior.features.keys())}
        known = np.array([place.get(key, -1) for key in features.keys()], dtype=np.int64)
        strangers = np.flatnonzero(known < 0)
        nearest, similarity = self.prior.nearest(features.take(strangers))
        known[strangers] = np.where(similarity >= _SAME, nearest, -1)
        found = PriorPk(np.empty(len(known)), np.empty(len(known)))
        others = np.flatnonzero(known < 0)
        said = self.prior.predict_features(features.take(others), [sites[row] for row in others.tolist()])
        found.alone[others], found.at_site[others] = said.alone, said.at_site
        column, held = -1 if fold is None else fold, np.flatnonzero(known >= 0)
        found.alone[held] = self.held_out[known[held], column]
        rows = self._rows_most_alike(known[held], [sites[row] for row in held.tolist()])
        found.at_site[held] = self.held_out_at_site[rows, column]
        return found

    def _rows_most_alike(self, ligands: np.ndarray, sites: Sequence[np.ndarray]) -> np.ndarray:
        """For each of m known ligands at a site its row whose own site is most alike (m,), the first of several."""
        fit = self.prior.at_site
        words = [*fit.sites.split(), np.zeros(0, dtype=np.uint32)]  # -1, not known, is the last
        rows_of: list[list[int]] = [[] for _ in range(len(self.prior))]
        for row, ligand in enumerate(fit.row_ligand.tolist()):
            rows_of[ligand].append(row)
        best = [
            max(rows_of[ligand], key=lambda row: tanimoto(site, words[fit.row_site[row]]))
            for ligand, site in zip(ligands.tolist(), sites, strict=True)
        ]
        return np.array(best, dtype=np.int64)
