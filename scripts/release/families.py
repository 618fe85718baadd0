"""Crystal and borrowed complexes as the geometry expert is fitted to them: sums, families, folds, the strict rule."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from rdkit import Chem

from binding.data.cache import ComplexCache
from binding.io.arrays import read_arrays
from binding.model.geometric_sums import Sums, sums_of, vocabulary
from binding.prior.kernel import Features
from binding.splits.clusters import Clusters
from binding.splits.similarity import fingerprints, tanimoto_rows
from scripts.release.leaks import related_pockets
from scripts.release.left_out import parts
from scripts.release.posed import kept

#: Variance of a row's label and pose, in units of that of a crystal complex.
NOISE = {"crystal": 1.0, "borrowed": 2.0}
#: What it is multiplied by where `quality_flags` names a doubt: contact or covalent, perceived bond orders and such.
DOUBTFUL = 3.0
FOLDS = 4
MOST_ALIKE = 0.9  # Tanimoto similarity of a borrowed row's ligand to one of the test set, under the strict rule
_TOGETHER = 8  # graphs in a batch
_FIELDS = ("ligand", "sizes", "pairs", "residues")


@dataclass(frozen=True, eq=False)
class Rows:
    """n complexes.

    Attributes:
        table: (n,) id, source, pk, exact, strict, doubtful, group (families that are held out together), fold and
            part (of the ligands, at random).
        sums: Their geometric sums.
    """

    table: pd.DataFrame
    sums: Sums

    @property
    def pk(self) -> np.ndarray:
        """(n,) measured."""
        return self.table["pk"].to_numpy(dtype=float)

    @property
    def noise(self) -> np.ndarray:
        """(n,), see ``NOISE`` and ``DOUBTFUL``."""
        return (self.table["source"].map(NOISE) * np.where(self.table["doubtful"], DOUBTFUL, 1.0)).to_numpy()

    @property
    def judged(self) -> np.ndarray:
        """(n,) bool, crystal complexes with an exact value: what figures and the line come from."""
        return (self.table["exact"] & (self.table["source"] == "crystal")).to_numpy()

    def take(self, kept: np.ndarray) -> Rows:
        """Those of a mask (n,)."""
        return Rows(self.table[kept].reset_index(drop=True), self.sums.take(torch.from_numpy(np.flatnonzero(kept))))

    @classmethod
    def of(cls, data: Path, cache: Path) -> Rows:
        """All rows of the caches of crystal and borrowed complexes; sums are computed once and kept beside them.

        Args:
            data: Folder with crystal/ and casf2016/.
            cache: Folder of the caches.
        """
        caches = {source: cache / f"{source}.npz" for source in NOISE}
        tables = [ComplexCache(path).table.assign(source=source) for source, path in caches.items()]
        table = pd.concat(tables, ignore_index=True)
        table["id"] = table["id"].astype(str)
        groups = families(table, _related(data, cache, tables[0]["id"].astype(str)))
        fold = folds_of(groups[: len(tables[0])])
        sums, part = zip(*(kept_sums(path) for path in caches.values()), strict=True)
        chosen = pd.DataFrame(
            {
                "id": table["id"],
                "source": table["source"],
                "pk": table["pk"].astype(float),
                "exact": table["relation"] == "=",
                "strict": strict(table, data),
                "doubtful": table["quality_flags"].notna(),
                "group": groups,
                "fold": [fold.get(group, -1) for group in groups],
                "part": np.concatenate(part),
            }
        )
        return cls(chosen, Sums.joined(list(sums)))


def crystal_families(data: Path, cache: Path) -> pd.DataFrame:
    """id, group, fold and strict of each row of the cache of crystal complexes, in its order."""
    table = ComplexCache(cache / "crystal.npz").table.assign(source="crystal")
    table["id"] = table["id"].astype(str)
    groups = families(table, _related(data, cache, table["id"]))
    fold = folds_of(groups)
    columns = {"group": groups, "fold": [fold[group] for group in groups], "strict": strict(table, data)}
    return pd.DataFrame({"id": table["id"]} | columns)


def _related(data: Path, cache: Path, names: Iterable[str]) -> dict[str, str]:
    """``related_pockets`` of crystal complexes; found once and kept."""
    pockets = {name: data / "crystal" / name / f"{name}_pocket.pdb.gz" for name in names}
    return kept(cache / "related_pockets.json", pockets, lambda: related_pockets(pockets))


def kept_sums(path: Path) -> tuple[Sums, np.ndarray]:
    """Geometric sums of a cache and the random part of each ligand, from a file of these sums that is not older."""
    file = path.with_suffix(f".sums_{zlib.crc32(json.dumps(vocabulary()).encode()):08x}.npz")
    if not file.is_file() or file.stat().st_mtime < path.stat().st_mtime:
        cache, found, ligands = ComplexCache(path), [], []
        for start in range(0, len(cache), _TOGETHER):
            graphs = [cache.graph(row) for row in range(start, min(start + _TOGETHER, len(cache)))]
            found.append(sums_of(graphs))
            ligands += [graph.ligand for graph in graphs]
        sums = Sums.joined(found)
        arrays = {name: getattr(sums, name).numpy() for name in _FIELDS}
        np.savez(file, part=parts(Features.of(ligands)), **arrays)
    arrays = read_arrays(file)
    return Sums(*(torch.from_numpy(arrays[name]) for name in _FIELDS)), arrays["part"]


def families(table: pd.DataFrame, related: dict[str, str]) -> list[str]:
    """(n,) name of each row's group: a family or protein, joined with those of related sequences.

    Args:
        table: id, source, uniprot and pfam_cluster.
        related: For each crystal pocket the first of those that are linked to it by chains of like sequence.
    """
    accession, pfam = (table[name].fillna("").astype(str) for name in ("uniprot", "pfam_cluster"))
    family_of: dict[str, str] = {}
    for name, family in zip(accession, pfam, strict=True):
        if name and family:
            family_of.setdefault(name, family)
    own = [f or family_of.get(a) or a or f"row {i}" for f, a, i in zip(pfam, accession, table["id"], strict=True)]
    clusters = [
        f"pockets {related.get(name) or name}" if source == "crystal" else None
        for source, name in zip(table["source"], table["id"], strict=True)
    ]
    names = sorted({*own, *filter(None, clusters)})
    place = {name: row for row, name in enumerate(names)}
    linked = Clusters(len(names))
    for family, cluster in zip(own, clusters, strict=True):
        if cluster is not None:
            linked.join(place[family], place[cluster])
    return [names[linked.root(place[family])] for family in own]


def folds_of(groups: Sequence[str], count: int = FOLDS) -> dict[str, int]:
    """The fold of each group: the largest first, each into the fold with the fewest rows."""
    sizes = pd.Series(groups).value_counts()
    filled, found = np.zeros(count), {}
    for group in sorted(sizes.index, key=lambda name: (-sizes[name], name)):
        found[group] = int(filled.argmin())
        filled[found[group]] += sizes[group]
    return found


def strict(table: pd.DataFrame, data: Path) -> np.ndarray:
    """(n,) bool, rows that binding-strict may see: PDBbind CleanSplit's, and of borrowed ones no ligand of the test."""
    test = pd.read_csv(data / "casf2016" / "index.csv")["ligand_smiles"]
    allowed = (table["cleansplit_train"] == 1).to_numpy().copy()
    borrowed = np.flatnonzero((table["source"] == "borrowed").to_numpy())
    ours, others = (fingerprints([Chem.MolFromSmiles(text) for text in smiles]) for smiles in (
        table["ligand_smiles"].iloc[borrowed], test))  # fmt: skip
    for start, block in tanimoto_rows(ours, others):
        allowed[borrowed[start : start + len(block)]] &= block.max(axis=1) <= MOST_ALIKE
    return allowed
