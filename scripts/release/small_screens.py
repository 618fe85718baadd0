"""Docks binders and decoys into pockets of families that the networks have not seen: what `binder` is fitted to.

    python -m scripts.release.small_screens dock DATA WORK --cache cache/crystal.npz [--minutes 55]
    python -m scripts.release.small_screens collect DATA WORK

A pocket of each protein that shares next to no words of four residues with what the shipped weights were trained on
(``nearest_protein`` below 0.1), in an order by chance. Its binders are its own ligand and up to three others of the
same protein, known to bind with pK 6 or more (`ligands/`, `modelled/`, `activity/`), no two of them alike. Each has
two decoys: the ligand of another protein, and a compound that was measured somewhere else (`activity/`). Decoys have
the binder's charge, its number of heavy atoms within two and its logP within one, and are unlike known ligands of
the protein (Tanimoto below 0.4, ECFP4): they are taken for non-binders. Up to two compounds that were measured on this
protein and found weak (pK below 5) are docked too. All are docked from SMILES, own ligands included, as a screen would,
with a short search. Proteins of the screening sets are left out.

A run that was stopped is resumed; what is done is in WORK/done.
"""

from __future__ import annotations

import argparse
import time
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem, DataStructs, rdBase
from rdkit.Chem import rdFingerprintGenerator, rdMolDescriptors

from binding.data.cache import ComplexCache
from binding.domain.index import Domain
from binding.domain.words import pocket_words
from binding.errors import BindingError
from binding.files import write_text
from binding.io.structure import read_protein
from binding.model.weights import load_model
from binding.poses.dock import Docker
from binding.poses.states import protonate
from scripts.release.decoys import LEAST_SIDE, MARGIN, box_about
from scripts.release.posed import done_poses, done_tables, first, kept, write_done

MOST_BINDERS, DECOYS_EACH, MOST_WEAK, MOST_POSES = 4, 2, 2, 3
BINDS, WEAK = 6.0, 5.0  # pK
ALIKE, KIN = 0.4, 0.7  # Tanimoto of a decoy to known ligands, and of two binders of a pocket
SIZE, GREASE = 2, 1.0  # heavy atoms, logP
LEAST_ATOMS, MOST_ATOMS = 12, 34
UNSEEN = 0.1  # share of words with a protein of the training set
#: Of the screening sets: acetylcholinesterase (two species), FABP4, InhA and p53.
TESTED = ("P04058", "P22303", "P15090", "P9WGR1", "P04637")
COLUMNS = ("id", "receptor", "compound", "kind", "smiles", "status", "error_code", "energy", "cpu_s")


@dataclass
class Compound:
    """A compound with what decoys are matched by.

    Attributes:
        smiles: As given.
        uniprot: Of the protein that it was measured on; empty where not known.
        source: ``crystal`` or ``activity``.
        pk: As measured.
    """

    smiles: str
    uniprot: str
    source: str
    pk: float
    mol: Chem.Mol = field(init=False)
    traits: tuple[int, float] = field(init=False)

    def __post_init__(self) -> None:
        self.mol = Chem.MolFromSmiles(self.smiles)
        self.traits = (self.mol.GetNumHeavyAtoms(), float(rdMolDescriptors.CalcCrippenDescriptors(self.mol)[0]))

    @cached_property
    def bits(self) -> DataStructs.ExplicitBitVect:
        """ECFP4."""
        return _GENERATOR.GetFingerprint(self.mol)

    @cached_property
    def charged(self) -> Chem.Mol:
        """As it is docked."""
        return protonate(self.mol)

    @property
    def charge(self) -> int:
        """Of the docked form."""
        return int(Chem.GetFormalCharge(self.charged))


_GENERATOR = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)


def unseen_pockets(domain: Domain, complexes: ComplexCache) -> list[str]:
    """Complexes whose protein shares next to nothing with what weights were trained on."""
    names = complexes.table["id"].astype(str)
    words = (pocket_words(complexes.graph(row).pocket) for row in range(len(complexes)))
    return [name for name, found in zip(names, words, strict=True) if domain.nearest_protein(found) < UNSEEN]


def measured(data: Path) -> pd.DataFrame:
    """smiles, uniprot, source and pk of all measurements."""
    columns = ["smiles", "uniprot", "pk"]
    frames = []
    for name in ("crystal", "borrowed", "modelled", "ligands"):
        table = pd.read_csv(data / name / "index.csv").rename(columns={"ligand_smiles": "smiles"})
        frames.append(table[columns].assign(source="activity" if name == "modelled" else "crystal"))
    for name in ("fsmol", "moleculeace"):
        table = pd.read_csv(data / "activity" / f"{name}.csv.gz", low_memory=False)
        if "relation" in table:  # "<" is tighter than, so that it is no bound from above
            table = table[table["relation"].isin(["=", ">", ">=", ">>"])]
        frames.append(table[columns].assign(source="activity"))
    everything = pd.concat(frames, ignore_index=True).dropna(subset=["smiles", "pk"])
    everything["uniprot"] = everything["uniprot"].fillna("")
    return everything[~everything["uniprot"].isin(TESTED)]


def by_chance(values: list[str], salt: str) -> list[str]:
    """In an order that is chance, and the same each time."""
    return sorted(values, key=lambda text: zlib.crc32(f"{salt} {text}".encode()))


class Drawer:
    """Which compounds are docked into a pocket.

    Args:
        index: Complexes with id, uniprot, ligand_smiles and pk.
        table: ``measured``.
        pool: How many compounds decoys are drawn from.
    """

    def __init__(self, index: pd.DataFrame, table: pd.DataFrame, pool: int = 3000) -> None:
        self._own = index.set_index("id")
        self._table = table
        self._by_protein = {name: rows for name, rows in table.groupby("uniprot") if name}
        self._pools: dict[str, list[Compound]] = {}
        for source, rows in table.groupby("source"):
            drawn = rows.drop_duplicates("smiles").sample(frac=1.0, random_state=0).head(pool // 2)
            self._pools[str(source)] = list(self._compounds(drawn))
        self._traits = {source: np.array([c.traits for c in pool]) for source, pool in self._pools.items()}

    @staticmethod
    def _compounds(rows: pd.DataFrame) -> list[Compound]:
        found = []
        for smiles, uniprot, source, pk in rows[["smiles", "uniprot", "source", "pk"]].itertuples(index=False):
            try:
                if Chem.MolFromSmiles(smiles) is not None and "." not in smiles:
                    found.append(Compound(smiles, uniprot, source, float(pk)))
            except (ValueError, RuntimeError):
                continue
        return found

    def of(self, name: str) -> list[tuple[str, Compound]]:
        """Kind (``own``, ``other``, ``weak``, ``guest``, ``library``) and compound, drawn by the pocket's name."""
        row = self._own.loc[name]
        own = Compound(row["ligand_smiles"], str(row["uniprot"]), "crystal", float(row["pk"]))
        if not LEAST_ATOMS <= own.traits[0] <= MOST_ATOMS:
            return []
        nothing = self._table.iloc[:0]
        rows = self._by_protein.get(str(row["uniprot"]), nothing).drop_duplicates("smiles")
        rows = rows.sample(frac=1.0, random_state=zlib.crc32(name.encode())).head(150)
        known = [c for c in self._compounds(rows) if LEAST_ATOMS <= c.traits[0] <= MOST_ATOMS]
        chosen = [("own", own)]
        for kind, most, fits in (
            ("other", MOST_BINDERS - 1, lambda pk: pk >= BINDS),
            ("weak", MOST_WEAK, lambda pk: pk < WEAK),
        ):
            for compound in known:
                if most and fits(compound.pk) and self._nearest(compound, [c for _, c in chosen]) < KIN:
                    chosen.append((kind, compound))
                    most -= 1
        family = [own, *known]
        for number, binder in enumerate([compound for kind, compound in chosen if kind in ("own", "other")]):
            for source, label in (("crystal", "guest"), ("activity", "library")):
                decoy = self._decoy(binder, source, [*family, *(c for _, c in chosen)], f"{name} {number}")
                chosen += [(label, decoy)] if decoy is not None else []
        return chosen

    def _decoy(self, binder: Compound, source: str, unlike: list[Compound], salt: str) -> Compound | None:
        traits, pool = self._traits[source], self._pools[source]
        size, grease = binder.traits
        fits = (np.abs(traits[:, 0] - size) <= SIZE) & (np.abs(traits[:, 1] - grease) <= GREASE)
        places = np.flatnonzero(fits)
        random = np.random.default_rng(zlib.crc32(salt.encode()))
        for place in random.permutation(places).tolist()[:200]:
            other = pool[place]
            alike = self._nearest(other, unlike) >= ALIKE
            if not alike and other.uniprot != binder.uniprot and other.charge == binder.charge:
                return other
        return None

    @staticmethod
    def _nearest(compound: Compound, others: list[Compound]) -> float:
        return max(DataStructs.BulkTanimotoSimilarity(compound.bits, [c.bits for c in others]), default=0.0)


def dock_pocket(name: str, protein: Path, ligand: Path, asked: list[tuple[str, Compound]], stem: Path) -> None:
    """One pocket's compounds, to one table and one SDF file.

    Args:
        name: Of the pocket.
        protein: Its structure.
        ligand: The ligand that marks it.
        asked: Kind of each compound and the compound.
        stem: Of the files.
    """
    rows: list[dict[str, object]] = []
    mols: list[Chem.Mol] = []
    try:
        own = first(ligand)
        docker = Docker(
            read_protein(protein),
            box_about(own.positions, MARGIN, LEAST_SIDE),
            reference=own.positions,
            exhaustiveness=2,
            num_poses=9,
            max_evals=15_000,
            spacing=0.5,
        )
        docker.prepare()
    except BindingError as error:
        failed: dict[str, object] = {"id": f"{name}_x", "receptor": name, "status": "failed", "error_code": error.code}
        write_done(stem, [failed], [], COLUMNS)
        return
    for number, (kind, compound) in enumerate(asked):
        title = f"{name}_{number:02d}"
        row: dict[str, object] = {"receptor": name, "compound": title, "kind": kind, "smiles": compound.smiles}
        began = time.process_time()
        try:
            poses = docker.dock(compound.charged, title)[:MOST_POSES]
        except BindingError as error:
            rows.append(row | {"id": title, "status": "failed", "error_code": error.code})
            continue
        for place, pose in enumerate(poses):
            pose.mol.SetProp("_Name", f"{title}_{place}")
            mols.append(pose.mol)
            rows.append(row | {"id": f"{title}_{place}", "status": "ok", "error_code": "", "energy": pose.score})
        if poses:
            rows[-1]["cpu_s"] = round(time.process_time() - began, 2)
    write_done(stem, rows, mols, COLUMNS)


def dock(data: Path, work: Path, cache: Path, deadline: float) -> None:
    """One pocket of each family, then a second; families by chance."""
    index = pd.read_csv(data / "crystal" / "index.csv")
    index = index[~index["uniprot"].isin(TESTED) & ~index["quality_flags"].astype(str).str.contains("covalent|shallow")]
    domain = load_model().domain
    assert domain is not None, "released weights record what they were trained on"
    unseen = set(kept(work / "unseen.json", [str(cache)], lambda: unseen_pockets(domain, ComplexCache(cache))))
    index = index[index["id"].isin(unseen) & (index["pk"] >= WEAK)]
    drawer = Drawer(index, measured(data))
    of_protein = index.groupby(index["uniprot"].fillna(index["id"]))["id"].apply(list).to_dict()
    firsts = [by_chance(names, "pocket")[0] for names in of_protein.values()]
    for name in by_chance(firsts, "order"):
        stem = work / "done" / "small_screens" / name
        if stem.with_suffix(".csv").exists():
            continue
        if time.time() > deadline:
            return
        asked = drawer.of(name)
        if len(asked) >= 3:
            protein, ligand = (
                data / "crystal" / name / f"{name}_{what}" for what in ("pocket.pdb.gz", "ligand.sdf.gz")
            )
            dock_pocket(name, protein, ligand, asked, stem)


def collect(work: Path) -> None:
    """All poses to WORK/poses.sdf and their table to WORK/poses.csv."""
    done_tables(work, "small_screens").to_csv(work / "poses.csv", index=False)
    write_text(work / "poses.sdf", "".join(done_poses(work, "small_screens").values()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["dock", "collect"])
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--cache", type=Path, default=Path("cache/crystal.npz"))
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no further pocket after so long")
    arguments = parser.parse_args()
    rdBase.DisableLog("rdApp.*")
    if arguments.what == "collect":
        collect(arguments.work)
        return
    dock(arguments.data, arguments.work, arguments.cache, time.time() + 60.0 * arguments.minutes)


if __name__ == "__main__":
    main()
