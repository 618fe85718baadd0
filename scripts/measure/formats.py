"""The same ligand through every format, and what of a data folder is read -> docs/figures/formats.json.

    python -m scripts.measure.formats ../shared/data
    python -m scripts.measure.formats ../shared/data --sample 20

Each ligand of CASF-2016 is written as other programs write it (RDKit, Open Babel, Meeko, gemmi) and read again. What pk
depends on is compared with what the SDF gives; where it differs in anything, pk is computed for both. Then all
structures and ligands of the folder are read, without scores. Needs Open Babel: `pip install 'binding[formats]'`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
from meeko import MoleculePreparation, PDBQTWriterLegacy
from rdkit import Chem, RDLogger
from rdkit.Chem.rdMolDescriptors import CalcMolFormula
from scipy.spatial import cKDTree

from binding.errors import BindingError
from binding.graph.fields import ComplexGraph, LigandGraph
from binding.graph.ligand import build_ligand_graph, neutralise
from binding.graph.pocket import build_pocket_graph
from binding.graph.site import select_pocket
from binding.io.ligand import BadRecord, parse_record, read_ligands
from binding.io.records import split_records
from binding.io.structure import read_protein
from binding.model.weights import Scorer, load_model
from binding.structures import Ligand
from scripts.figures import FIGURES, commit, write_figures
from scripts.release.weights import score

SAME = 1e-4  # pK
_SPOT = 0.01  # Å between an atom and the same atom in another format
_EXACT = 1e-6  # Å
_SETS = {  # structures and ligands of the data folder
    "crystal": ("*/*_pocket.pdb.gz", "*/*_ligand.sdf.gz"),
    "borrowed": ("*/*_pocket.pdb.gz", "*/*_ligand.sdf.gz"),
    "modelled": ("*/*_pocket.pdb.gz", "*/*_ligands.sdf.gz"),
    "casf2016": ("*/*_protein.pdb", "*/*_ligand.sdf"),
    "casf2016, as distributed": ("", "casf2016/*/*_ligand_raw.sdf"),
    "series": ("*/protein.pdb", "*/ligands.sdf"),
    "ligands": ("", "ligands.sdf.gz"),
}
_ONE_FILE = "ligands"  # whose records are counted, not its files


# ---------------------------------------------------------------- writing


def _mol2(mol: Chem.Mol) -> str:
    """MOL2 of kekulised bonds and elements, as scripts about RDKit write it."""
    work = Chem.Mol(mol)
    Chem.Kekulize(work, clearAromaticFlags=True)
    places = work.GetConformer().GetPositions()
    lines = ["@<TRIPOS>MOLECULE", "ligand", f"{work.GetNumAtoms()} {work.GetNumBonds()}", "SMALL", "NO_CHARGES", ""]
    lines.append("@<TRIPOS>ATOM")
    for row, (atom, (x, y, z)) in enumerate(zip(work.GetAtoms(), places, strict=True), start=1):
        symbol = atom.GetSymbol()
        lines.append(f"{row} {symbol}{row} {x:.4f} {y:.4f} {z:.4f} {symbol} 1 LIG 0.0")
    lines.append("@<TRIPOS>BOND")
    for row, bond in enumerate(work.GetBonds(), start=1):
        ends = f"{bond.GetBeginAtomIdx() + 1} {bond.GetEndAtomIdx() + 1}"
        lines.append(f"{row} {ends} {int(bond.GetBondTypeAsDouble())}")
    return "\n".join([*lines, ""])


def _babel(kind: str) -> Callable[[Chem.Mol], str]:
    def written(mol: Chem.Mol) -> str:
        from openbabel import pybel  # extra `formats`: loaded when asked for

        return str(pybel.readstring("sdf", Chem.MolToMolBlock(mol)).write(kind))

    return written


def _meeko(mol: Chem.Mol) -> str:
    (setup, *_) = MoleculePreparation().prepare(mol)
    text, good, problem = PDBQTWriterLegacy.write_string(setup)
    if not good:
        raise ValueError(problem)
    return str(text)


def _cif(mol: Chem.Mol) -> str:
    structure = gemmi.read_pdb_string(Chem.MolToPDBBlock(mol))
    return str(structure.make_mmcif_document().as_string())


def _heavy(mol: Chem.Mol) -> Chem.Mol:
    return Chem.RemoveHs(mol)


#: Format and program: suffix and who writes it from a molecule with hydrogens.
WRITERS: dict[str, tuple[str, Callable[[Chem.Mol], str]]] = {
    "SDF V3000, RDKit": (".sdf", lambda mol: Chem.MolToV3KMolBlock(mol) + "$$$$\n"),
    "SDF, Open Babel": (".sdf", _babel("sdf")),
    "MOL2, Open Babel": (".mol2", _babel("mol2")),
    "MOL2, RDKit's bonds": (".mol2", _mol2),
    "PDB with CONECT, RDKit": (".pdb", lambda mol: Chem.MolToPDBBlock(_heavy(mol))),
    "PDB with hydrogens, Open Babel": (".pdb", _babel("pdb")),
    "PDB, atoms alone": (".pdb", lambda mol: Chem.MolToPDBBlock(_heavy(mol), flavor=2).replace("CONECT", "REMARK")),
    "PDBQT, Meeko": (".pdbqt", _meeko),
    "PDBQT, Open Babel": (".pdbqt", _babel("pdbqt")),
    "mmCIF, gemmi": (".cif", lambda mol: _cif(_heavy(mol))),
}


# ---------------------------------------------------------------- comparing


def matched(one: Ligand, other: Ligand) -> np.ndarray | None:
    """(atoms,) row in ``other`` of each atom of ``one``; None where they do not lie in the same places."""
    if one.num_atoms != other.num_atoms:
        return None
    away, rows = cKDTree(other.positions).query(one.positions)
    return None if away.max() > _SPOT or len(np.unique(rows)) < len(rows) else np.asarray(rows)


def _bonds(graph: LigandGraph, rows: np.ndarray | None = None) -> dict[tuple[int, ...], tuple[int, ...]]:
    ends = np.sort(graph.bonds if rows is None else rows[graph.bonds], axis=1)
    return {
        tuple(pair): tuple(values) for pair, values in zip(ends.tolist(), graph.bond_categories.tolist(), strict=True)
    }


def exactly_equal(one: Ligand, other: Ligand) -> bool:
    """Whether pk has to be the same: what it depends on is, to the last digit that files hold."""
    rows = matched(one, other)
    if rows is None or np.abs(other.positions[rows] - one.positions).max() > _EXACT:
        return False
    a, b = build_ligand_graph(one), build_ligand_graph(other)
    return (
        np.array_equal(a.atom_categories, b.atom_categories[rows])
        and np.array_equal(a.radii, b.radii[rows])
        and np.allclose(a.descriptors, b.descriptors, atol=1e-6)
        and _bonds(a, rows) == _bonds(b)
    )


def reason(one: Ligand, other: Ligand) -> str:
    """In which way another format holds another molecule."""
    rows = matched(one, other)
    if rows is None:
        return "other atoms"
    a, b = build_ligand_graph(one), build_ligand_graph(other)
    if set(_bonds(a, rows)) != set(_bonds(b)):
        return "other connections"
    if CalcMolFormula(neutralise(one.mol)) != CalcMolFormula(neutralise(other.mol)):
        return "other number of hydrogens: bond orders"
    if not np.array_equal(a.atom_categories, b.atom_categories[rows]):
        return "another tautomer or resonance form"
    return "coordinates rounded"


@dataclass
class Compared:
    """A format of a complex.

    Attributes:
        complex: Its id.
        kind: Of ``WRITERS``.
        why: ``reason``, the code of an error, or empty where all is equal.
        change: pK against the SDF; zero where all is equal, NaN without a score.
    """

    complex: str
    kind: str
    why: str
    change: float = 0.0


def compare(test: Path, sample: int | None, scorer: Scorer) -> list[Compared]:
    """Every format of each ligand of a test set."""
    folders = sorted(path for path in test.iterdir() if path.is_dir())
    found: list[Compared] = []
    graphs: list[ComplexGraph] = []
    asked: list[tuple[Compared, int, int]] = []
    for folder in folders[:: max(1, len(folders) // sample) if sample else 1]:
        source = folder / f"{folder.name}_ligand.sdf"
        base = next(iter(read_ligands(source)))
        if isinstance(base, BadRecord):
            raise SystemExit(f"{source}: {base.error}")
        others = dict(_formats(source))
        differing = {
            kind: item for kind, item in others.items() if isinstance(item, Ligand) and not exactly_equal(base, item)
        }
        pocket = None
        for kind, item in others.items():
            if isinstance(item, str):
                found.append(Compared(folder.name, kind, item, float("nan")))
                continue
            found.append(Compared(folder.name, kind, reason(base, item) if kind in differing else ""))
            if kind not in differing:
                continue
            if pocket is None:
                protein = read_protein(folder / f"{folder.name}_protein.pdb")
                pocket = build_pocket_graph(select_pocket(protein, base))
                graphs.append(ComplexGraph(build_ligand_graph(base), pocket))
                first = len(graphs) - 1
            graphs.append(ComplexGraph(build_ligand_graph(item), pocket))
            asked.append((found[-1], first, len(graphs) - 1))
    pk = score(scorer, graphs)["pk"].to_numpy() if graphs else np.zeros(0)
    for compared, one, other in asked:
        compared.change = float(pk[other] - pk[one])
    return found


def _formats(source: Path) -> Iterator[tuple[str, Ligand | str]]:
    """The ligand through each format, or why there is none."""
    mol = Chem.AddHs(Chem.MolFromMolFile(str(source)), addCoords=True)
    with tempfile.TemporaryDirectory() as folder:
        for kind, (suffix, write) in WRITERS.items():
            path = Path(folder) / f"ligand{suffix}"
            try:
                path.write_text(write(mol), encoding="utf-8")
            except Exception as error:  # noqa: BLE001 - whatever the other program raises
                yield kind, f"not written: {type(error).__name__}"
                continue
            try:
                items = list(read_ligands(path))
            except BindingError as error:
                yield kind, error.code
                continue
            if len(items) != 1:
                yield kind, f"{len(items)} records"
            else:
                yield kind, items[0].error.code if isinstance(items[0], BadRecord) else items[0]


def summary(found: list[Compared]) -> dict[str, Any]:
    """Counts by format, and the complexes whose pk differs."""
    table = {}
    for kind in WRITERS:
        rows = [item for item in found if item.kind == kind]
        same = [item for item in rows if abs(item.change) <= SAME]
        rest = [item for item in rows if not abs(item.change) <= SAME]
        table[kind] = {
            "ligands": len(rows),
            "same": len(same),
            "largest": max((abs(item.change) for item in rest if np.isfinite(item.change)), default=0.0),
            "rest": dict(Counter(item.why for item in rest).most_common()),
            "complexes": {item.complex: item.why for item in rest},
        }
    return table


# ---------------------------------------------------------------- what is read


def read_all(data: Path, step: int) -> dict[str, Any]:
    """How many structures and ligands of each set are read, and the codes of the others.

    Args:
        data: The data folder.
        step: Every how many files, or records of the set that is one file.
    """
    report: dict[str, Any] = {}
    for name, (structures, ligands) in _SETS.items():
        root = data if name.count(",") else data / name
        counts: dict[str, Counter[str]] = {"structures": Counter(), "ligands": Counter()}
        for path in sorted(root.glob(structures))[::step] if structures else ():
            counts["structures"][_structure(path)] += 1
        each_file, each_record = (1, step) if name == _ONE_FILE else (step, 1)
        for path in sorted(root.glob(ligands))[::each_file]:
            records = islice(enumerate(split_records(path)), 0, None, each_record)
            items = (parse_record(text, path, number) for number, text in records)
            counts["ligands"].update("read" if isinstance(item, Ligand) else item.error.code for item in items)
        report[name] = {kind: dict(count.most_common()) for kind, count in counts.items() if count}
        print(name, report[name], flush=True)
    return report


def _structure(path: Path) -> str:
    try:
        read_protein(path)
    except BindingError as error:
        return error.code
    return "read"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="data folder that holds casf2016/ and the training sets")
    parser.add_argument("--sample", type=int, help="about so many ligands, and no file is written")
    parser.add_argument("--step", type=int, default=1, help="read every so many files of the folder")
    parser.add_argument("--part", choices=("formats", "read"), help="measure this part alone and keep the other")
    parser.add_argument("-o", "--output", type=Path, default=FIGURES / "formats.json")
    options = parser.parse_args()
    RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]  # made at run time
    if options.part != "read":
        from openbabel import pybel

        pybel.ob.obErrorLog.StopLogging()
    content = json.loads(options.output.read_text(encoding="utf-8")) if options.output.exists() else {}
    content.pop("measured_with", None)
    commits = content.setdefault("commits", {})  # of each part: each may be measured by itself
    if options.part != "read":
        whole = load_model(device="cpu")
        scorer = whole.with_parts(members=whole.members[:1])
        table = summary(compare(options.data / "casf2016", options.sample, scorer))
        for kind, row in table.items():
            print(
                f"{kind:32s} {row['same']:4d} of {row['ligands']:4d}  {row['largest']:.3f}  {row['rest']}", flush=True
            )
        content |= {"same": SAME, "formats": table}
        commits["formats"] = commit()
    if options.sample:
        return
    if options.part != "formats":
        content |= {"step": options.step, "read": read_all(options.data, options.step)}
        commits["read"] = commit()
    write_figures(options.output, content, None)


if __name__ == "__main__":
    main()
