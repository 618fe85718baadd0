"""Packs released weights: a prior, the network that judges poses, and what both were trained on.

    python -m scripts.release.weights --names binding-strict binding-base

The prior is that of cache/prior_strict.npz or cache/prior_base.npz (`binding prior`), the network that of all complexes
(scripts.release.pose_networks). The training set, by which predictions say how near they are to it, holds the complexes
of all caches (for binding-strict those of ``prior_tables.ALLOWED``) and the ligands of the prior. `pk` is that of the
prior until scripts.release.geometry joins the geometry expert with it. What lay beside weights of that name before is
replaced. No test set is read.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from binding import __version__
from binding.config import PRIOR_SHARE, JoiningConfig, ModelConfig, SourceConfig, StructureLine
from binding.data.cache import ComplexCache
from binding.data.holdout import filter_rows
from binding.domain.index import Domain
from binding.model.binder import binder_path
from binding.model.weights import save_weights
from binding.prior.held_out import FittedPrior
from binding.training.domain import training_domain
from scripts.figures import ROOT, commit
from scripts.release.geometry import STRICT
from scripts.release.pose_networks import ALL, described, member_of, trained
from scripts.release.prior_tables import ALLOWED, CACHES

CACHE = ROOT / "cache"
#: The prior alone: the network's pK was not trained, and there is no geometry expert yet.
PRIOR_ALONE = JoiningConfig(prior=1.0, network=0.0, structure=StructureLine(network=0.0))


def complexes(name: str, folder: Path) -> Domain:
    """The complexes that weights may learn from, of all caches in a folder."""
    sources = [
        SourceConfig(cache=folder / f"{cache}.npz", where=ALLOWED[cache] if name == STRICT else None)
        for cache in CACHES
    ]
    caches = [ComplexCache(source.cache) for source in sources]
    rows = [filter_rows(cache.table, source).index for cache, source in zip(caches, sources, strict=True)]
    return training_domain(caches, [(source, int(row)) for source, found in enumerate(rows) for row in found])


def pack(path: Path, run: Path, folder: Path) -> None:
    """Writes weights and their card.

    Args:
        path: The weights; the name is that of the file.
        run: Of the network.
        folder: Of the caches and priors.
    """
    name = path.stem
    prior = FittedPrior.load(folder / f"prior_{name.removeprefix('binding-')}.npz").prior
    member = member_of(run, ModelConfig(prior_weight=PRIOR_SHARE, joining=PRIOR_ALONE))
    card: dict[str, Any] = {"name": name, "version": __version__, "commit": [commit()]} | described(run, member)
    card |= {"prior": prior.summary(), "calibration": {}}
    binder_path(path).unlink(missing_ok=True)  # it is of the weights before
    save_weights(path, [member.state_dict()], card, half=True, prior=prior)
    Domain.merged([complexes(name, folder), prior.domain()]).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", nargs="+", default=[STRICT, "binding-base"])
    parser.add_argument("--weights", type=Path, default=ROOT / "binding" / "weights")
    options = parser.parse_args()
    for name in options.names:
        pack(options.weights / f"{name}.safetensors", trained(name, ALL), CACHE)


if __name__ == "__main__":
    main()
