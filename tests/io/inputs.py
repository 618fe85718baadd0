"""What people hand in, and the table of answers: each case is a protein and a ligand, made from one example.

The page ``docs/reference/inputs.md`` holds one line for each case. ``tests/io/test_inputs.py`` makes the input, reads
it and compares. To add a case, add a ``case(...)`` below, run ``BINDING_WRITE_INPUTS=1 pytest tests/io/test_inputs.py``
and read the new lines before you commit them.
"""

# ruff: noqa: E501 - one case a line

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import gemmi
import numpy as np
from molecules import posed
from rdkit import Chem
from rdkit.Chem import AllChem

EXAMPLES = Path(__file__).resolve().parents[2] / "data" / "examples"
_CUTOFF = 11.0  # Å around the ligand, a little more than the pocket

Text = str | bytes


@dataclass(frozen=True)
class Case:
    """An input.

    Attributes:
        section: Heading of the page.
        what: The input in words, unique.
        protein: Name and content of the structure file.
        ligand: Name and content of the ligand file, or the choice of a ligand inside the structure.
    """

    section: str
    what: str
    protein: tuple[str, Callable[[], Text]]
    ligand: tuple[str, Callable[[], Text]] | str


CASES: list[Case] = []


def case(
    section: str,
    what: str,
    *,
    protein: Callable[[], Text] | None = None,
    ligand: Callable[[], Text] | str | None = None,
    names: tuple[str, str] = ("protein.pdb", "ligand.sdf"),
) -> None:
    """Add a case; what is not given is the clean example."""
    chosen = ligand if isinstance(ligand, str) else (names[1], ligand or sdf)
    CASES.append(Case(section, what, (names[0], protein or clean), chosen))


# ---------------------------------------------------------------- the example in every format


@lru_cache
def _ligand() -> Chem.Mol:
    return Chem.MolFromMolFile(str(EXAMPLES / "1ia1_ligand.sdf"), removeHs=False)


@lru_cache
def lines() -> tuple[str, ...]:
    """Atom lines of the receptor around the ligand, NADPH included, without waters and without the ligand."""
    text = gzip.decompress((EXAMPLES / "1ia1_protein.pdb.gz").read_bytes()).decode()
    around = _ligand().GetConformer().GetPositions()
    kept: dict[str, list[str]] = {}
    near: set[str] = set()
    for line in text.splitlines():
        if line.startswith(("ATOM", "HETATM")) and line[17:20] not in ("TQ3", "HOH"):
            kept.setdefault(line[17:27], []).append(line.ljust(80))
            place = np.array([float(line[k : k + 8]) for k in (30, 38, 46)])
            if np.linalg.norm(around - place, axis=1).min() < _CUTOFF:
                near.add(line[17:27])
    return tuple(line for residue, held in kept.items() if residue in near for line in held)


def clean() -> str:
    return joined(lines())


def joined(held: tuple[str, ...] | list[str]) -> str:
    return "\n".join([*held, "END", ""])


def sdf(*, v3000: bool = False, title: str = "TQ3") -> str:
    mol = Chem.Mol(_ligand())
    mol.SetProp("_Name", title)
    return Chem.MolToMolBlock(mol, forceV3000=v3000) + "$$$$\n"


def block() -> str:
    return sdf().replace("$$$$\n", "")


def moved(text: str, *, by: float) -> str:
    """A mol block whose atoms are moved along z."""
    return re.sub(
        r"^(.{20})(.{10})( [A-Z])", lambda m: f"{m[1]}{float(m[2]) + by:10.4f}{m[3]}", text, flags=re.MULTILINE
    )


def mol2() -> str:
    return _as_mol2(_ligand())


def _as_mol2(mol: Chem.Mol) -> str:
    orders = {1.0: "1", 2.0: "2", 3.0: "3", 1.5: "ar"}
    conformer = mol.GetConformer()
    text = ["@<TRIPOS>MOLECULE", "TQ3", f"{mol.GetNumAtoms()} {mol.GetNumBonds()}", "SMALL", "NO_CHARGES", ""]
    text.append("@<TRIPOS>ATOM")
    for atom in mol.GetAtoms():
        x, y, z = conformer.GetAtomPosition(atom.GetIdx())
        text.append(f"{atom.GetIdx() + 1} {atom.GetSymbol()} {x:.4f} {y:.4f} {z:.4f} {atom.GetSymbol()} 1 LIG 0.0")
    text.append("@<TRIPOS>BOND")
    for bond in mol.GetBonds():
        ends = f"{bond.GetBeginAtomIdx() + 1} {bond.GetEndAtomIdx() + 1}"
        text.append(f"{bond.GetIdx() + 1} {ends} {orders[bond.GetBondTypeAsDouble()]}")
    return "\n".join([*text, ""])


@lru_cache
def pdb_lines() -> tuple[str, ...]:
    """The ligand's heavy atoms as HETATM lines."""
    conformer = _ligand().GetConformer()
    held, seen = [], dict[str, int]()
    for atom in _ligand().GetAtoms():
        if atom.GetAtomicNum() == 1:
            continue
        symbol = atom.GetSymbol()
        seen[symbol] = seen.get(symbol, 0) + 1
        x, y, z = conformer.GetAtomPosition(atom.GetIdx())
        name = f" {symbol}{seen[symbol]}"
        held.append(
            f"HETATM{len(held) + 9001:5d} {name:<4} LIG A 900    {x:8.3f}{y:8.3f}{z:8.3f}  1.00 20.00          {symbol:>2}"
        )
    return tuple(held)


def pdb() -> str:
    return joined(pdb_lines())


def docked(*, smiles: bool = True, shift: float = 0.0) -> str:
    """A PDBQT record of the ligand."""
    mol = Chem.RemoveHs(_ligand())
    order = list(mol.GetAtoms())
    written = Chem.MolToSmiles(mol)
    rows = list(mol.GetPropsAsDict(True, True)["_smilesAtomOutputOrder"])
    pairs = " ".join(f"{place} {row + 1}" for place, row in enumerate(rows, start=1))
    text = [f"REMARK SMILES {written}", f"REMARK SMILES IDX {pairs}"] if smiles else []
    text.append("ROOT")
    for row, line in enumerate(pdb_lines(), start=1):
        z = float(line[46:54]) + shift
        kind = {"N": "NA", "O": "OA"}.get(order[row - 1].GetSymbol(), order[row - 1].GetSymbol())
        text.append(f"ATOM  {row:5d}{line[11:46]}{z:8.3f}{line[54:66]}    {0.0:6.3f} {kind:<2}")
    return "\n".join([*text, "ENDROOT", "TORSDOF 0", ""])


def cif(**names: str) -> str:
    structure = gemmi.read_pdb_string(clean())
    structure.setup_entities()
    for chain in structure[0]:
        chain.name = names.get("chain", chain.name)
        for residue in chain:
            residue.subchain = names.get("chain", residue.subchain)
            if residue.name == "NDP":
                residue.name = names.get("cofactor", "NDP")
    return structure.make_mmcif_document().as_string()


def complex_pdb() -> str:
    return joined([*lines(), "TER", *pdb_lines()])


def each(change: Callable[[str], str], *, where: Callable[[str], bool] = lambda line: True) -> str:
    """The receptor with a change of its lines."""
    return joined([change(line) if where(line) else line for line in lines()])


def each_ligand(change: Callable[[str], str]) -> str:
    return joined([change(line) for line in pdb_lines()])


def extra(name: str, residue: str, element: str, *, xyz: tuple[float, float, float] = (10.259, 36.337, 23.564)) -> str:
    """The receptor and one more atom near the ligand; columns 13-16, residue and element as given."""
    x, y, z = xyz
    line = f"HETATM 9501 {name:<4} {residue:>3} I 901    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00          {element:>2}"
    return joined([*lines(), line])


def is_residue(name: str) -> Callable[[str], bool]:
    return lambda line: line[17:20] == name


def named(old: str, new: str) -> Callable[[], str]:
    """The receptor with a residue under another name."""
    field = f"{new:>3} " if len(new) < 4 else new
    return lambda: each(lambda line: line[:17] + field + line[21:], where=is_residue(old))


def scaled(factor: float) -> str:
    return each(
        lambda line: line[:30] + "".join(f"{float(line[k : k + 8]) * factor:8.3f}" for k in (30, 38, 46)) + line[54:]
    )


def group(smiles: str, form: str) -> Callable[[], str]:
    """A small molecule in the ligand's place: ``sdf``, ``bare`` (no charge lines) or ``mol2``."""

    def made() -> str:
        mol = Chem.Mol(posed(smiles))
        middle = _ligand().GetConformer().GetPositions().mean(axis=0)
        positions = mol.GetConformer().GetPositions()
        mol.GetConformer().SetPositions(positions - positions.mean(axis=0) + middle)
        text = Chem.MolToMolBlock(mol) + "$$$$\n"
        if form == "other":
            work = Chem.RWMol(mol)
            centre, double, single = work.GetSubstructMatch(Chem.MolFromSmarts("P(=O)[O-]"))
            work.GetBondBetweenAtoms(centre, double).SetBondType(Chem.BondType.SINGLE)
            work.GetBondBetweenAtoms(centre, single).SetBondType(Chem.BondType.DOUBLE)
            work.GetAtomWithIdx(double).SetFormalCharge(-1)
            work.GetAtomWithIdx(single).SetFormalCharge(0)
            return Chem.MolToMolBlock(work) + "$$$$\n"
        if form == "separated":
            return _changed(mol, "S=O", 1, (1, -1)) + "$$$$\n"
        if form == "mol2":
            Chem.Kekulize(mol, clearAromaticFlags=True)
            return _as_mol2(mol)
        return re.sub(r"M  CHG.*\n", "", text) if form == "bare" else text

    return made


def _changed(mol: Chem.Mol, pattern: str, order: int, charges: tuple[int, int]) -> str:
    """The mol block with another order and other charges of one bond."""
    work = Chem.RWMol(mol)
    Chem.Kekulize(work, clearAromaticFlags=True)
    ends = work.GetSubstructMatch(Chem.MolFromSmarts(pattern))
    work.GetBondBetweenAtoms(*ends).SetBondType({1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE}[order])
    for index, charge in zip(ends, charges, strict=True):
        work.GetAtomWithIdx(index).SetFormalCharge(charge)
    work.UpdatePropertyCache(strict=False)
    return Chem.MolToMolBlock(work, kekulize=False)


def cif_ligand(text: str | None = None) -> str:
    """The ligand's PDB text as mmCIF."""
    return gemmi.read_pdb_string(pdb() if text is None else text).make_mmcif_document().as_string()


def with_hydrogens(*, polar: bool = False) -> Chem.Mol:
    """The ligand with all hydrogens, or those of N and O alone."""
    atoms = [a.GetIdx() for a in _ligand().GetAtoms() if not polar or a.GetAtomicNum() in (7, 8)]
    return Chem.AddHs(_ligand(), addCoords=True, onlyOnAtoms=atoms)


def single(text: str) -> str:
    """A MOL2 record all of whose bonds are single."""
    return re.sub(r"(?m)^(\d+ \d+ \d+) [123ar]+$", r"\1 1", text)


def typed(text: str, types: dict[str, str]) -> str:
    """A MOL2 record with other atom types, and names with numbers."""
    return re.sub(
        r"(?m)^(\d+) ([A-Z][a-z]?) (\S+ \S+ \S+) ([A-Z][a-z]?) 1",
        lambda m: f"{m[1]} {m[2]}{m[1]} {m[3]} {types[m[2]]} 1",
        text,
    )


def mol2_with(atom: str = "", bond: str = "") -> str:
    """The MOL2 record with one more line of atoms or bonds."""
    head, atoms, bonds = mol2().partition("@<TRIPOS>BOND\n")
    return head + (f"{atom}\n" if atom else "") + atoms + bonds + (f"{bond}\n" if bond else "")


def atom_lines(change: Callable[[str], str], *, first: bool = False) -> str:
    """The SDF record with a change of its atom lines, or of the first of them."""
    return re.sub(r"(?m)^ +-?\d+\.\d{4} .*$", lambda m: change(m[0]), sdf(), count=int(first))


def one_more(name: str, element: str, *, residue: str = "LIG A 900", away: float = 0.6) -> str:
    """The ligand's PDB text and one more atom beside its first one."""
    line = pdb_lines()[0]
    x = float(line[30:38]) + away
    return joined([*pdb_lines(), f"{line[:12]}{name:<4} {residue}{line[26:30]}{x:8.3f}{line[38:76]}{element:>2}"])


def another(number: int, along: float) -> list[str]:
    """The ligand's atoms again under another residue number, moved along z (Å)."""
    return [f"{line[:22]}{number:4d}{line[26:46]}{float(line[46:54]) + along:8.3f}{line[54:]}" for line in pdb_lines()]


def cif_rows(change: Callable[[str, str, int], str], *without: str) -> str:
    """The receptor in mmCIF: a change of each cell of its atoms (column, value, row), and columns left out."""
    document = gemmi.cif.read_string(cif())
    block = document.sole_block()
    loop = block.find_loop("_atom_site.Cartn_x").get_loop()
    for column in without:
        loop.remove_column(f"_atom_site.{column}")
    for place, tag in enumerate(loop.tags):
        for row in range(loop.length()):
            loop[row, place] = change(tag.removeprefix("_atom_site."), loop[row, place], row)
    return document.as_string()


def as_they_are(column: str, value: str, row: int) -> str:
    return value


def by_residue() -> dict[str, list[str]]:
    """Atom lines by residue."""
    found: dict[str, list[str]] = {}
    for line in lines():
        found.setdefault(line[17:27], []).append(line)
    return found


AUTODOCK = {"C": "C", "N": "NA", "O": "OA", "S": "SA", "P": "P"}


def docked_receptor() -> str:
    return each(lambda line: f"{line[:66]}     0.000 {AUTODOCK[line[77]]:<2}")


def inside(change: Callable[[str], str]) -> Callable[[], str]:
    """The complex with a change of the ligand's lines."""
    return lambda: joined([*lines(), "TER", *map(change, pdb_lines())])


def called(name: str) -> Callable[[], str]:
    """The complex with the ligand under another name."""
    return inside(lambda line: f"{line[:17]}{name:>3}{line[20:]}")


# ---------------------------------------------------------------- ligands

S = "Ligand files"
case(S, "SDF, V2000")
case(S, "SDF, V3000", ligand=lambda: sdf(v3000=True))
case(S, "MOL file without `$$$$`", ligand=block, names=("protein.pdb", "ligand.mol"))
case(S, "MOL2", ligand=mol2, names=("protein.pdb", "ligand.mol2"))
case(S, "PDBQT with Meeko's SMILES remarks", ligand=docked, names=("protein.pdb", "ligand.pdbqt"))
case(S, "PDBQT without SMILES remarks", ligand=lambda: docked(smiles=False), names=("protein.pdb", "ligand.pdbqt"))
case(S, "PDB", ligand=pdb, names=("protein.pdb", "ligand.pdb"))
case(S, "SDF, gzipped", ligand=lambda: gzip.compress(sdf().encode()), names=("protein.pdb", "ligand.sdf.gz"))
case(S, "SDF with CRLF", ligand=lambda: sdf().replace("\n", "\r\n"))
case(S, "SDF with CR alone", ligand=lambda: sdf().replace("\n", "\r"))
case(S, "SDF with a byte order mark", ligand=lambda: "\ufeff" + sdf())
case(
    S,
    "two PDB files joined, each with a byte order mark",
    ligand=lambda: ("\ufeff" + pdb()) * 2,
    names=("protein.pdb", "ligand.pdb"),
)
case(S, "MOL2 named `.sdf`", ligand=mol2)
case(S, "SDF named `.mol2`", names=("protein.pdb", "ligand.mol2"))
case(S, "an empty file", ligand=lambda: "")
case(S, "blank lines only", ligand=lambda: "\n \n\n")
case(S, "an HTML page", ligand=lambda: "<!DOCTYPE html><html></html>")
case(S, "a zip archive", ligand=lambda: b"PK\x03\x04" + bytes(60), names=("protein.pdb", "ligand.sdf"))
case(S, "a tar archive", ligand=lambda: b"ligand.sdf".ljust(257, b"\0") + b"ustar\x0000" + bytes(250))
case(S, "a gzipped tar archive", ligand=lambda: gzip.compress(b"l".ljust(257, b"\0") + b"ustar\x0000" + bytes(250)))
case(S, "a gzip stream that breaks off", ligand=lambda: gzip.compress(sdf().encode() * 3)[:-9])
case(S, "a SMILES list", ligand=lambda: "CCO ethanol\n", names=("protein.pdb", "ligand.smi"))
case(S, "a table", ligand=lambda: "id,smiles\na,CCO\n", names=("protein.pdb", "ligand.csv"))

C2 = ("protein.pdb", "ligand.cif")
case(S, "mmCIF", ligand=cif_ligand, names=C2)
case(S, "mmCIF, gzipped", ligand=lambda: gzip.compress(cif_ligand().encode()), names=("protein.pdb", "l.cif.gz"))
case(S, "mmCIF named `.sdf`", ligand=cif_ligand)
case(S, "PDB named `.sdf`", ligand=lambda: pdb())
case(S, "PDBQT named `.pdb`", ligand=lambda: docked(smiles=False), names=("protein.pdb", "ligand.pdb"))
case(S, "MOL2 with CRLF", ligand=lambda: mol2().replace("\n", "\r\n"), names=("protein.pdb", "ligand.mol2"))
case(
    S,
    "MOL2 with indented sections in small letters",
    ligand=lambda: re.sub("@<TRIPOS>.*", lambda m: f"  {m[0].lower()}", mol2()),
    names=("protein.pdb", "ligand.mol2"),
)
case(S, "PDBQT with CRLF", ligand=lambda: docked().replace("\n", "\r\n"), names=("protein.pdb", "ligand.pdbqt"))
case(S, "a title in Latin-1", ligand=lambda: sdf(title="caf\xe9").encode("latin-1"))
case(S, "UTF-16", ligand=lambda: sdf().encode("utf-16"))
case(S, "UTF-16 without a mark", ligand=lambda: mol2().encode("utf-16-le"), names=("protein.pdb", "ligand.mol2"))
case(S, "a file of zeros and ones", ligand=lambda: b"\x83\xa7encoder\x00\x01\x02" * 9)
case(S, "a PDF document", ligand=lambda: b"%PDF-1.7\n")
case(S, "an xz archive", ligand=lambda: b"\xfd7zXZ\x00" + bytes(40))
case(S, "a Maestro file", ligand=lambda: "{ \n s_m_m2io_version\n ::: \n 2.0.0 \n}\n", names=("protein.pdb", "l.mae"))
case(S, "a log of AutoDock", ligand=lambda: "AutoDock 4.2\nDOCKED: MODEL 1\n" + pdb(), names=("protein.pdb", "l.dlg"))
case(S, "a drawing of ChemDraw", ligand=lambda: '<?xml version="1.0"?>\n<CDXML></CDXML>\n')
case(S, "an InChI", ligand=lambda: "InChI=1S/CH4/h1H4\n")
case(S, "JSON", ligand=lambda: '{"smiles": "CCO"}')
case(
    S,
    "coordinates of GROMACS",
    ligand=lambda: "x\n 1\n    1LIG     C1    1   0.1   0.2   0.3\n",
    names=("protein.pdb", "l.gro"),
)
case(
    S,
    "a component's dictionary",
    ligand=lambda: "data_LIG\nloop_\n_chem_comp_atom.comp_id\n_chem_comp_atom.atom_id\nLIG C1\n",
    names=C2,
)

S = "Where a record ends"
case(S, "two SDF records", ligand=lambda: sdf() + sdf())
case(S, "two mol blocks without `$$$$`", ligand=lambda: block() + block())
case(S, "two mol blocks with tags, without `$$$$`", ligand=lambda: (block() + "> <n>\n1\n\n") * 2)
case(S, "a mol block inside a tag", ligand=lambda: block() + f"> <drawing>\n{block()}\n$$$$\n")
case(S, "an empty record between two", ligand=lambda: sdf() + "$$$$\n" + sdf())
case(S, "a malformed record between two", ligand=lambda: sdf() + "x\n\n\n 9 9 V2000\nM  END\n$$$$\n" + sdf())
case(S, "a last record that breaks off", ligand=lambda: sdf() + sdf()[:400])
case(S, "two MOL2 records", ligand=lambda: mol2() + mol2(), names=("protein.pdb", "ligand.mol2"))
P = ("protein.pdb", "ligand.pdb")
Q = ("protein.pdb", "ligand.pdbqt")
case(
    S,
    "PDB poses in MODELs",
    ligand=lambda: "".join(f"MODEL {k}\n{joined(pdb_lines())[:-4]}ENDMDL\n" for k in (1, 2)),
    names=P,
)
case(S, "PDB poses with END between", ligand=lambda: pdb() + pdb(), names=P)
case(S, "PDB poses with TER between", ligand=lambda: joined([*pdb_lines(), "TER", *pdb_lines()]), names=P)
case(S, "PDB poses with nothing between", ligand=lambda: joined([*pdb_lines(), *pdb_lines()]), names=P)
case(S, "PDBQT poses in MODELs", ligand=lambda: "".join(f"MODEL {k}\n{docked()}ENDMDL\n" for k in (1, 2, 3)), names=Q)
case(S, "three PDBQT files joined by `cat`", ligand=lambda: docked() * 3, names=Q)
case(
    S,
    "a PDBQT record without atoms between two",
    ligand=lambda: f"{docked()}ROOT\nENDROOT\nTORSDOF 0\n{docked()}",
    names=Q,
)
case(S, "the same without remarks", ligand=lambda: docked(smiles=False) * 3, names=Q)
FLEXIBLE = (
    "BEGIN_RES TRP A  27\nROOT\n"
    + "".join(
        f"ATOM  {k:5d}  CB  TRP A  27    {5 + 1.4 * k:8.3f}  41.000  14.000  1.00  0.00    +0.000 C \n"
        for k in range(1, 30)
    )
    + "ENDROOT\nEND_RES TRP A  27\n"
)
case(S, "PDBQT with a flexible side chain", ligand=lambda: docked() + FLEXIBLE, names=Q)
case(S, "the same in MODELs", ligand=lambda: f"MODEL 1\n{docked()}{FLEXIBLE}ENDMDL\n" * 2, names=Q)

case(S, "PDB poses with a header before each", ligand=lambda: ("HEADER    X\n" + joined(pdb_lines())[:-4]) * 2, names=P)
case(
    S,
    "PDB copies of two residue numbers, one beside the other",
    ligand=lambda: joined([*pdb_lines(), *another(901, 12.0)]),
    names=P,
)
case(
    S,
    "PDB copies of two residue numbers, one in the other",
    ligand=lambda: joined([*pdb_lines(), *another(901, 1.5)]),
    names=P,
)
case(
    S,
    "MOL2 with comments between two records",
    ligand=lambda: f"# a\n{mol2()}\n#######\n{mol2()}# end\n",
    names=("protein.pdb", "ligand.mol2"),
)
case(
    S,
    "mmCIF with two models",
    ligand=lambda: cif_ligand("".join(f"MODEL {k:8d}\n{pdb()[:-4]}ENDMDL\n" for k in (1, 2))),
    names=C2,
)
case(S, "mmCIF with two data blocks", ligand=lambda: cif_ligand() + cif_ligand().replace("data_", "data_b"), names=C2)
case(S, "mmCIF with two copies", ligand=lambda: cif_ligand(joined([*pdb_lines(), *another(901, 12.0)])), names=C2)
case(S, "`$$$$` on the last bond's heels", ligand=lambda: sdf().replace("M  END\n", "") + sdf())
case(S, "two ligands in a model of PDBQT", ligand=lambda: f"MODEL 1\n{docked()}{docked(shift=0.2)}ENDMDL\n", names=Q)

S = "Header and atom lines of a mol block"
case(S, "no title line", ligand=lambda: sdf(title="").removeprefix("\n"))
case(S, "a counts line alone for a header", ligand=lambda: re.sub(r"(?s)^.*?\n.*?\n.*?\n", "", sdf()))
case(S, "a line too many before the title", ligand=lambda: "\n" + sdf())
case(S, "a line too many before the counts line", ligand=lambda: sdf().replace("3D\n", "3D\n\n"))
case(S, "one atom line a column to the right", ligand=lambda: atom_lines(lambda line: " " + line, first=True))
case(S, "all atom lines a column to the right", ligand=lambda: atom_lines(lambda line: " " + line))
case(S, "decimal commas", ligand=lambda: atom_lines(lambda line: line.replace(".", ",")))
case(
    S,
    "numbers with exponents",
    ligand=lambda: atom_lines(lambda line: f"{float(line[:10]):10.3e}{line[10:]}", first=True),
)
case(S, "blanks at the beginning of lines removed", ligand=lambda: "\n".join(map(str.strip, sdf().split("\n"))))
case(S, "tabs between cells", ligand=lambda: atom_lines(lambda line: "\t".join(line.split())))
case(S, "fewer atoms than the counts line says", ligand=lambda: sdf().replace(" 19 21 ", " 20 21 "))
case(S, "fewer bonds than the counts line says", ligand=lambda: sdf().replace(" 19 21 ", " 19 22 "))
case(S, "an element in small letters", ligand=lambda: atom_lines(lambda line: line.replace(" C ", " c "), first=True))
case(
    S,
    "coordinates in nm",
    ligand=lambda: atom_lines(
        lambda line: "".join(f"{float(line[k : k + 10]) / 10:10.4f}" for k in (0, 10, 20)) + line[30:]
    ),
)
case(S, "one atom at 0, 0, 0", ligand=lambda: atom_lines(lambda line: "    0.0000" * 3 + line[30:], first=True))

S = "Bonds and charges of a ligand"
case(
    S,
    "SDF without bonds",
    ligand=lambda: re.sub(
        r"^ 19 21",
        " 19  0",
        re.sub(r"^( *\d+){4}\n", "", Chem.MolToMolBlock(Chem.RemoveHs(_ligand())), flags=re.MULTILINE),
        flags=re.MULTILINE,
    ),
)
case(
    S,
    "MOL2 without a BOND section",
    ligand=lambda: mol2().partition("@<TRIPOS>BOND")[0],
    names=("protein.pdb", "l.mol2"),
)
case(S, "PDB with CONECT for every bond", ligand=lambda: joined([*pdb_lines(), *_conect()]), names=P)
case(S, "PDB with double bonds twice in CONECT", ligand=lambda: Chem.MolToPDBBlock(_ligand()), names=P)
case(
    S,
    "PDB with every bond twice in CONECT",
    ligand=lambda: joined([*pdb_lines(), *_conect(), *_conect()]),
    names=P,
)
case(S, "PDB with a stale CONECT line", ligand=lambda: joined([*pdb_lines(), "CONECT 9001 9012"]), names=P)
case(
    S,
    "PDB with CONECT to an atom that is not there",
    ligand=lambda: joined([*pdb_lines(), "CONECT 9001 7777"]),
    names=P,
)
GROUPS = (
    ("a nitro group", "Cc1ccc([N+](=O)[O-])cc1"),
    ("an azide", "Cc1ccc(N=[N+]=[N-])cc1"),
    ("an N-oxide", "Cc1cc[n+]([O-])cc1C"),
    ("a nitrone", "CC/C=[N+](/CC)[O-]"),
    ("a nitrate ester", "CCCCO[N+](=O)[O-]"),
    ("a diazo group", "CCCC(C)=[N+]=[N-]"),
    ("an isocyanide", "CCCCC[N+]#[C-]"),
    ("a sulfoxide", "CCCS(=O)CC"),
    ("an aryl halide", "Clc1ccc(Br)cc1CCl"),
    ("a phosphonic acid", "CCCP(=O)(O)[O-]"),
)
for title, smiles in GROUPS:
    case(S, f"{title}, SDF without `M  CHG`", ligand=group(smiles, "bare"))
    case(S, f"{title}, MOL2", ligand=group(smiles, "mol2"), names=("protein.pdb", "ligand.mol2"))
case(S, "a sulfoxide, SDF with S+ and O-", ligand=group("CCCS(=O)CC", "separated"))
case(S, "a salt", ligand=lambda: Chem.MolToMolBlock(Chem.CombineMols(_ligand(), _ion())) + "$$$$\n")


def _conect() -> list[str]:
    mol = Chem.RemoveHs(_ligand())
    return [f"CONECT{9001 + b.GetBeginAtomIdx():5d}{9001 + b.GetEndAtomIdx():5d}" for b in mol.GetBonds()]


def _ion() -> Chem.Mol:
    mol = Chem.MolFromSmiles("[Cl-]")
    conformer = Chem.Conformer(1)
    conformer.SetAtomPosition(0, (2.0, 30.0, 25.0))
    mol.AddConformer(conformer)
    return mol


M2 = ("protein.pdb", "ligand.mol2")
GAFF = {"C": "ca", "Cl": "cl", "Br": "br", "H": "ha", "N": "nb", "S": "ss"}
AMBER = {"C": "CA", "Cl": "CL", "Br": "BR", "H": "HA", "N": "NA", "S": "S"}
CHARMM = {"C": "CG2R61", "Cl": "CLGR1", "Br": "BRGR1", "H": "HGR61", "N": "NG2R60", "S": "SG311"}
OPLS = {"C": "opls_145", "Cl": "opls_264", "Br": "opls_722", "H": "opls_146", "N": "opls_520", "S": "opls_222"}
for title, types in (("GAFF", GAFF), ("Amber", AMBER), ("CHARMM", CHARMM), ("OPLS", OPLS)):
    case(S, f"atom types of {title}, MOL2", ligand=lambda types=types: typed(mol2(), types), names=M2)
    case(
        S,
        f"an aryl halide, MOL2 with atom types of {title}",
        ligand=lambda types=types: typed(group("Clc1ccc(Br)cc1CCl", "mol2")(), types),
        names=M2,
    )
case(
    S,
    "an aryl halide, SDF with elements in capitals",
    ligand=lambda: group("Clc1ccc(Br)cc1CCl", "sdf")().replace(" Cl ", " CL ").replace(" Br ", " BR "),
)
case(S, "MOL2 with all bonds single", ligand=lambda: single(mol2()), names=M2)
case(S, "MOL2 with all bonds single, and hydrogens", ligand=lambda: single(_as_mol2(with_hydrogens())), names=M2)
case(S, "SDF with all bonds single", ligand=lambda: re.sub(r"(?m)^( +\d+ +\d+)  2  0", r"\1  1  0", sdf()))
case(S, "SDF with aromatic bonds (type 4)", ligand=lambda: Chem.MolToMolBlock(_ligand(), kekulize=False) + "$$$$\n")
case(
    S,
    "SDF with bonds marked as of rings",
    ligand=lambda: re.sub(r"(?m)^( +\d+ +\d+  [12]  0)$", r"\1  0  1", sdf()),
)
case(S, "SDF with a bond of any type (8)", ligand=lambda: re.sub(r"(?m)^(  1  8)  2", r"\1  8", sdf()))
case(
    S,
    "MOL2 with bonds of unknown order (un)",
    ligand=lambda: re.sub(r"(?m)^(\d+ \d+ \d+) [123ar]+$", r"\1 un", mol2()),
    names=M2,
)
case(S, "MOL2 with a bond nc", ligand=lambda: mol2_with(bond="99 1 15 nc"), names=M2)
case(S, "MOL2 with a bond to an atom that is not there", ligand=lambda: mol2_with(bond="99 1 150 1"), names=M2)
case(S, "MOL2 with a bond twice", ligand=lambda: mol2_with(bond="99 2 1 1"), names=M2)
case(
    S,
    "a nitro group, SDF with charges in the atom lines",
    ligand=lambda: _old_charges(group("Cc1ccc([N+](=O)[O-])cc1", "sdf")()),
)
case(S, "a phosphonic acid, SDF with the double bond on the other oxygen", ligand=group("CCCP(=O)(O)[O-]", "other"))

S = "Atoms of a ligand"
ALTLOC = "alternate locations of"
case(S, f"PDB with {ALTLOC} five atoms", ligand=lambda: _altlocs(range(10, 15), 0.9), names=P)
case(S, f"PDB with {ALTLOC} five atoms, 0.1 Å apart", ligand=lambda: _altlocs(range(10, 15), 0.1), names=P)
case(S, f"PDB with {ALTLOC} all atoms", ligand=lambda: _altlocs(range(19), 0.9), names=P)


def _altlocs(rows: range, shift: float) -> str:
    held = []
    for row, line in enumerate(pdb_lines()):
        if row not in rows:
            held.append(line)
            continue
        held.append(f"{line[:16]}A{line[17:54]}  0.60{line[60:]}")
        held.append(f"{line[:16]}B{line[17:30]}{float(line[30:38]) + shift:8.3f}{line[38:54]}  0.40{line[60:]}")
    return joined(held)


for shown, serial in (("`*****`", "*****"), ("hybrid-36", "A0000"), ("hexadecimal", "186a0"), ("blank", "     ")):
    case(
        S,
        f"PDB with serials {shown}",
        ligand=lambda serial=serial: each_ligand(lambda line: line[:6] + serial + line[11:]),
        names=P,
    )
case(
    S,
    "PDB with serials of six digits",
    ligand=lambda: joined([f"HETATM1{k:05d}{line[12:]}" for k, line in enumerate(pdb_lines())]),
    names=P,
)
case(S, "PDB without element columns", ligand=lambda: each_ligand(lambda line: line[:66]), names=P)
case(
    S,
    "the same, all names in column 13",
    ligand=lambda: each_ligand(lambda line: (line[:12] + line[12:16].strip().ljust(4) + line[16:])[:66]),
    names=P,
)
case(
    S,
    "all atoms in one place",
    ligand=lambda: each_ligand(lambda line: line[:30] + "  10.000  36.000  19.000" + line[54:]),
    names=P,
)
case(
    S,
    "coordinates in nm, PDB",
    ligand=lambda: each_ligand(
        lambda line: line[:30] + "".join(f"{float(line[k : k + 8]) / 10:8.3f}" for k in (30, 38, 46)) + line[54:]
    ),
    names=P,
)
case(S, "a 2D drawing", ligand=lambda: _drawing())
case(S, "`********` for a coordinate, PDB", ligand=lambda: pdb().replace(pdb_lines()[3][30:38], "********"), names=P)
case(S, "`nan` for a coordinate, SDF", ligand=lambda: sdf().replace("    7.9580", "       nan"))
case(
    S,
    "a line one column to the right, PDB",
    ligand=lambda: pdb().replace(pdb_lines()[3], pdb_lines()[3][:22] + " " + pdb_lines()[3][22:]),
    names=P,
)
case(S, "an attachment point (R#)", ligand=lambda: sdf().replace(" C   0", " R#  0", 1))
case(S, "hydrogens only", ligand=group("[H][H]", "sdf"))
case(S, "a protein in the ligand's place", ligand=lambda: complex_pdb(), names=P)


def _drawing() -> str:
    mol = Chem.MolFromSmiles("Nc1nc(N)c2c(Sc3ccccc3)cccc2n1")
    AllChem.Compute2DCoords(mol)
    return Chem.MolToMolBlock(mol) + "$$$$\n"


# ---------------------------------------------------------------- structures


def _halves() -> tuple[list[str], list[str]]:
    """The receptor in two parts, between two residues."""
    cut = next(row for row in range(300, len(lines())) if lines()[row][17:27] != lines()[row - 1][17:27])
    return list(lines()[:cut]), list(lines()[cut:])


case(S, "SDF with all hydrogens", ligand=lambda: Chem.MolToMolBlock(with_hydrogens()) + "$$$$\n")
case(S, "SDF with polar hydrogens", ligand=lambda: Chem.MolToMolBlock(with_hydrogens(polar=True)) + "$$$$\n")
case(S, "SDF with deuterium", ligand=lambda: Chem.MolToMolBlock(with_hydrogens()).replace(" H  ", " D  ") + "$$$$\n")
case(
    S,
    "PDB with polar hydrogens",
    ligand=lambda: Chem.MolToPDBBlock(with_hydrogens(polar=True), flavor=2),
    names=P,
)
case(
    S,
    "PDB with hydrogens, no element columns",
    ligand=lambda: "\n".join(line[:66] for line in Chem.MolToPDBBlock(with_hydrogens(), flavor=4).split("\n")),
    names=P,
)
case(
    S,
    "PDB with ANISOU lines",
    ligand=lambda: joined(
        [
            part
            for line in pdb_lines()
            for part in (line, f"ANISOU{line[6:28]}   1000   1000   1000    100    100    100{line[70:]}")
        ]
    ),
    names=P,
)
case(S, "PDB with charges after the element", ligand=lambda: each_ligand(lambda line: f"{line[:78]}1+"), names=P)
case(S, "PDB with segments and no element", ligand=lambda: each_ligand(lambda line: f"{line[:72]}SEGC"), names=P)
case(
    S,
    "PDB with a residue name of five letters",
    ligand=lambda: each_ligand(lambda line: f"{line[:17]}A1AAA{line[22:]}"),
    names=P,
)
case(S, "PDB without occupancy", ligand=lambda: each_ligand(lambda line: line[:54] + " " * 12 + line[66:]), names=P)
case(S, "PDB with a water", ligand=lambda: one_more(" O  ", "O", residue="HOH A 950", away=4.0), names=P)
case(S, "PDB with a lone pair", ligand=lambda: one_more(" LP1", "LP"), names=P)
case(S, "PDB with an extra point, no element", ligand=lambda: one_more(" EP1", ""), names=P)
case(S, "PDB with a dummy atom", ligand=lambda: one_more(" DU ", "DU"), names=P)
case(S, "PDB with tabs", ligand=lambda: re.sub(" +", "\t", pdb()), names=P)
case(S, "PDB with blanks between cells only", ligand=lambda: re.sub(" +", " ", pdb()), names=P)
case(
    S,
    "MOL2 with GOLD's lone pairs",
    ligand=lambda: mol2_with("99 LP1 8.0 36.0 19.0 LP 1 LIG 0.0", "99 1 99 1"),
    names=M2,
)
case(S, "MOL2 with a dummy atom", ligand=lambda: mol2_with("99 DU1 8.0 36.0 19.0 Du 1 LIG 0.0"), names=M2)
case(S, "MOL2 with decimal commas", ligand=lambda: re.sub(r"(\d)\.(\d{4})", r"\1,\2", mol2()), names=M2)
case(S, "MOL2 with `nan` for a coordinate", ligand=lambda: mol2().replace(" 7.9580", " nan"), names=M2)
case(
    S,
    "MOL2 of a drawing",
    ligand=lambda: re.sub(r"(?m)^(\d+ \S+ \S+ \S+) \S+ ([A-Z] 1)", r"\1 0.0000 \2", mol2()),
    names=M2,
)
case(S, "MOL2 that breaks off", ligand=lambda: mol2()[:600], names=M2)
case(S, "mmCIF with `?` for a coordinate", ligand=lambda: cif_ligand().replace(" 7.958 ", " ? "), names=C2)
case(
    S, "mmCIF with alternate locations of five atoms", ligand=lambda: cif_ligand(_altlocs(range(10, 15), 0.9)), names=C2
)
case(S, "mmCIF without elements", ligand=lambda: re.sub(r"(?m)^(HETATM \d+) \w+ ", r"\1 ? ", cif_ligand()), names=C2)
case(S, "mmCIF of a protein in the ligand's place", ligand=cif, names=C2)
case(S, "PDBQT without atom types", ligand=lambda: re.sub(r"(?m)^(ATOM.{62}).*$", r"\1", docked(smiles=False)), names=Q)
case(
    S,
    "PDBQT with remarks of another molecule",
    ligand=lambda: docked().replace("REMARK SMILES ", "REMARK SMILES C", 1),
    names=Q,
)
case(
    S,
    "PDBQT with a water of hydrated docking",
    ligand=lambda: docked(smiles=False).replace(
        "ENDROOT", "ATOM     99  W   LIG A 900      12.000  30.000  12.000  1.00  0.00     0.000 W \nENDROOT"
    ),
    names=Q,
)
case(S, "a pose 200 Å away", ligand=lambda: moved(sdf(), by=200.0))

S = "Structure files"
C = ("protein.cif", "ligand.sdf")
case(S, "PDB")
case(S, "mmCIF", protein=cif, names=C)
case(S, "mmCIF named `.pdb`", protein=cif)
case(S, "PDB, gzipped", protein=lambda: gzip.compress(clean().encode()), names=("protein.pdb.gz", "ligand.sdf"))
case(S, "PDB with CRLF", protein=lambda: clean().replace("\n", "\r\n"))
case(S, "PDB with CR alone", protein=lambda: clean().replace("\n", "\r"))
case(S, "PDB with a byte order mark", protein=lambda: "\ufeff" + clean())
case(S, "two parts, each with a byte order mark", protein=lambda: "".join("\ufeff" + joined(p)[:-4] for p in _halves()))
case(S, "mmCIF with a byte order mark", protein=lambda: "\ufeff" + cif(), names=C)
case(S, "PDB without END", protein=lambda: clean().replace("END\n", ""))
case(S, "END between two parts", protein=lambda: joined([*lines()[:300], "END", *lines()[300:]]))
case(S, "END between two frames", protein=lambda: clean() * 2)
case(
    S,
    "two MODELs of one structure",
    protein=lambda: "".join(f"MODEL        {k}\n{clean()[:-4]}ENDMDL\n" for k in (1, 2)),
)
case(
    S,
    "an assembly in MODELs",
    protein=lambda: "".join(
        f"MODEL        {k}\n{joined(part)[:-4]}ENDMDL\n" for k, part in enumerate(_halves(), start=1)
    ),
)
case(S, "an empty file", protein=lambda: "")
case(S, "an SDF", protein=sdf)
case(S, "an HTML page", protein=lambda: "<html></html>")
case(S, "a zip archive", protein=lambda: b"PK\x03\x04" + bytes(60))
case(S, "waters only", protein=lambda: extra(" O  ", "HOH", "O").splitlines()[-2] + "\n")
case(S, "a CIF file without atoms", protein=lambda: "data_x\n_cell.length_a 10\n", names=C)
case(S, "a chain name of 8 letters, mmCIF", protein=lambda: cif(chain="receptor"), names=C)
case(S, "a chain name of 30 letters, mmCIF", protein=lambda: cif(chain="x" * 30), names=C)
case(S, "a residue name of 8 letters, mmCIF", protein=lambda: cif(cofactor="COFACTOR"), names=C)

case(S, "PDB, lines of 54 columns", protein=lambda: each(lambda line: line[:54]))
case(
    S,
    "PDB with charges and radii (PQR)",
    protein=lambda: each(lambda line: f"{line[:54]} -0.1234 1.9080"),
    names=("p.pqr", "ligand.sdf"),
)
case(S, "PDB with a remark in Latin-1", protein=lambda: b"REMARK  Stra\xdfe\n" + clean().encode())
case(S, "PDB with zero bytes at the end", protein=lambda: clean().encode() + bytes(100))
case(S, "PDB with a blank before each line", protein=lambda: each(lambda line: " " + line))
case(S, "receptor PDBQT", protein=docked_receptor, names=("protein.pdbqt", "ligand.sdf"))
case(S, "receptor PDBQT named `.pdb`", protein=docked_receptor)
case(S, "UTF-16, PDB", protein=lambda: clean().encode("utf-16"))
case(S, "UTF-16, mmCIF", protein=lambda: cif().encode("utf-16"), names=C)
case(S, "UTF-32, PDB", protein=lambda: clean().encode("utf-32"))
case(S, "binary CIF", protein=lambda: b"\x83\xa7encoder\x00" * 20, names=("protein.bcif", "ligand.sdf"))
case(S, "PDBML", protein=lambda: "<?xml version='1.0'?>\n<PDBx:datablock></PDBx:datablock>\n")
case(S, "MOL2 in the protein's place", protein=mol2)
case(S, "a SMILES in the protein's place", protein=lambda: "CCO ethanol\n")
case(
    S,
    "a sequence in the protein's place",
    protein=lambda: ">1IA1\nMLKPNVAIIVAALKPALGIGYKGK\n",
    names=("protein.fasta", "ligand.sdf"),
)
case(S, "mmCIF with CRLF", protein=lambda: cif().replace("\n", "\r\n"), names=C)
case(S, "mmCIF, gzipped", protein=lambda: gzip.compress(cif().encode()), names=("protein.cif.gz", "ligand.sdf"))
case(S, "mmCIF after a block of something else", protein=lambda: "data_first\n_x.y 1\n" + cif(), names=C)
case(
    S,
    "mmCIF of two models",
    protein=lambda: (
        gemmi.read_pdb_string("".join(f"MODEL {k:8d}\n{clean()[:-4]}ENDMDL\n" for k in (1, 2)))
        .make_mmcif_document()
        .as_string()
    ),
    names=C,
)
case(S, "mmCIF that breaks off", protein=lambda: cif()[:30000], names=C)
case(
    S,
    "CIF of a small molecule",
    protein=lambda: "data_x\nloop_\n_atom_site_label\n_atom_site_fract_x\nC1 0.1\n",
    names=C,
)
for column in (
    "auth_seq_id",
    "auth_asym_id",
    "label_asym_id",
    "label_seq_id",
    "label_alt_id",
    "occupancy",
    "type_symbol",
    "id",
    "pdbx_PDB_model_num",
    "group_PDB",
):
    case(S, f"mmCIF without `{column}`", protein=lambda column=column: cif_rows(as_they_are, column), names=C)
case(S, "ENDMDL and no MODEL", protein=lambda: f"{clean()[:-4]}ENDMDL\n" * 2)
case(S, "MODEL and no ENDMDL", protein=lambda: f"MODEL 1\n{clean()[:-4]}MODEL 2\n{clean()}")

S = "Coordinates of a structure"
for place, word in ((12, "name"), (22, "number"), (26, "insertion code")):
    case(S, f"twelve lines one column to the right from the {word} on", protein=lambda place=place: _slipped(place))
case(S, "`********`", protein=lambda: clean().replace(lines()[9][38:46], "********"))
case(S, "a blank field", protein=lambda: clean().replace(lines()[9][38:46], "        "))
case(S, "coordinates in nm", protein=lambda: scaled(0.1))
case(
    S,
    "two atoms at 0, 0, 0",
    protein=lambda: joined(
        [*lines()[:-2], *(line[:30] + "   0.000   0.000   0.000" + line[54:] for line in lines()[-2:])]
    ),
)
case(
    S,
    "another frame of reference",
    protein=lambda: each(lambda line: line[:30] + f"{float(line[30:38]) + 200:8.3f}" + line[38:]),
)


case(S, "a line of 45 columns", protein=lambda: clean().replace(lines()[40], lines()[40][:45]))
case(S, "decimal commas", protein=lambda: each(lambda line: line[:30] + line[30:54].replace(".", ",") + line[54:]))
case(S, "tabs", protein=lambda: clean().replace("      ", "\t"))
case(S, "alpha carbons only", protein=lambda: joined([line for line in lines() if line[12:16] == " CA "]))
case(
    S,
    "backbone only",
    protein=lambda: joined([line for line in lines() if line[12:16].strip() in ("N", "CA", "C", "O")]),
)
case(
    S,
    "a chain twice under two names",
    protein=lambda: joined([*lines(), *(f"{line[:21]}Z{line[22:]}" for line in lines())]),
)
case(
    S,
    "mmCIF with `?` for a coordinate",
    protein=lambda: cif_rows(lambda c, v, row: "?" if (c, row) == ("Cartn_x", 40) else v),
    names=C,
)
case(
    S,
    "mmCIF with a word for a coordinate",
    protein=lambda: cif_rows(lambda c, v, row: "x" if (c, row) == ("Cartn_y", 40) else v),
    names=C,
)
case(
    S,
    "mmCIF with errors of the coordinates",
    protein=lambda: cif_rows(lambda c, v, row: f"{v}(3)" if c.startswith("Cartn") else v),
    names=C,
)
case(
    S,
    "mmCIF in nm",
    protein=lambda: cif_rows(lambda c, v, row: str(float(v) / 10) if c.startswith("Cartn") else v),
    names=C,
)


def _slipped(place: int) -> str:
    return joined([line[:place] + " " + line[place:] if 60 <= row < 72 else line for row, line in enumerate(lines())])


S = "Names in a structure"
for standard, name in (
    ("HIS", "HIE"),
    ("HIS", "HSD"),
    ("CYS", "CYX"),
    ("ASP", "ASH"),
    ("GLU", "GLH"),
    ("LYS", "LYN"),
    ("TYR", "TYM"),
    ("PHE", "NPHE"),
    ("ALA", "CALA"),
    ("GLU", "GLUH"),
):
    case(S, f"{standard} named {name}", protein=named(standard, name))
case(S, "no element columns", protein=lambda: each(lambda line: line[:66]))
case(S, "columns 73-80 as in old files", protein=lambda: each(lambda line: f"{line[:72]}1IA1{int(line[6:11]):4d}"))
case(S, "names in lower case elements", protein=lambda: each(lambda line: line[:76] + line[76:78].lower() + line[78:]))
case(S, "no chain names", protein=lambda: each(lambda line: line[:21] + " " + line[22:]))
case(S, "chain names of two letters", protein=lambda: each(lambda line: line[:20] + "AB" + line[22:]))
case(S, "serials `*****`", protein=lambda: each(lambda line: line[:6] + "*****" + line[11:]))
case(S, "a residue of unknown element", protein=lambda: extra(" X1 ", "UNL", "Xx"))

case(S, "residues in small letters", protein=lambda: each(lambda line: line[:17] + line[17:20].lower() + line[20:]))
case(
    S, "residues with one capital", protein=lambda: each(lambda line: line[:17] + line[17:20].capitalize() + line[20:])
)
case(S, "atoms in small letters", protein=lambda: each(lambda line: line[:12] + line[12:16].lower() + line[16:]))
case(
    S,
    "residues in small letters, mmCIF",
    protein=lambda: cif_rows(lambda c, v, row: v.lower() if c == "label_comp_id" else v),
    names=C,
)
case(
    S,
    "CD1 of isoleucine named CD",
    protein=lambda: each(lambda line: f"{line[:12]} CD {line[16:]}", where=lambda line: line[12:20] == " CD1 ILE"),
)
case(
    S, "all names in column 13", protein=lambda: each(lambda line: line[:12] + line[12:16].strip().ljust(4) + line[16:])
)
case(
    S,
    "primes written as asterisks",
    protein=lambda: each(lambda line: line[:12] + line[12:16].replace("'", "*") + line[16:]),
)
case(S, "residue numbers all 0", protein=lambda: each(lambda line: f"{line[:22]}   0{line[26:]}"))
case(S, "no residue numbers", protein=lambda: each(lambda line: f"{line[:22]}    {line[26:]}"))
case(S, "negative residue numbers", protein=lambda: each(lambda line: f"{line[:22]}{-int(line[22:26]):4d}{line[26:]}"))
case(
    S,
    "residue numbers in hybrid-36",
    protein=lambda: each(lambda line: f"{line[:22]}A{int(line[22:26]):03d}{line[26:]}"),
)
case(S, "insertion codes", protein=lambda: each(lambda line: f"{line[:26]}A{line[27:]}"))
case(S, "all lines HETATM", protein=lambda: each(lambda line: f"HETATM{line[6:]}"))
case(S, "the cofactor as ATOM", protein=lambda: each(lambda line: f"ATOM  {line[6:]}", where=is_residue("NDP")))
case(S, "segment names", protein=lambda: each(lambda line: f"{line[:21]} {line[22:72]}PROA"))
case(S, "all lines in reverse", protein=lambda: joined(list(lines())[::-1]))
case(
    S,
    "residues in another order",
    protein=lambda: joined(
        [line for _, held in sorted(by_residue().items(), key=lambda item: item[0][::-1]) for line in held]
    ),
)
case(
    S,
    "atoms in another order",
    protein=lambda: joined(
        [line for held in by_residue().values() for line in sorted(held, key=lambda line: line[12:16])]
    ),
)
case(S, "a pseudo-atom of NMR", protein=lambda: extra(" QA ", "ALA", "Q"))

S = "Ions and small groups of a structure"
for name, residue, element, word in (
    ("NA  ", "NA", "NA", "sodium"),
    ("SOD ", "SOD", "", "sodium as CHARMM's SOD in column 13"),
    (" SOD", "SOD", "", "sodium as CHARMM's SOD in column 14"),
    (" SOD", "SOD", "S", "sodium as SOD with element S"),
    (" K  ", "K", "K", "potassium"),
    (" POT", "POT", "K", "potassium as POT with element K"),
    (" CAL", "CAL", "", "calcium as CAL"),
    (" FE ", "FE2", "", "iron without an element column"),
    (" CLA", "CLA", "", "chloride as CLA"),
    ("CL  ", "CL", "CL", "chloride"),
    (" O  ", "HOH", "O", "a water"),
    (" OH2", "TIP3", "", "a water named TIP3"),
):
    case(S, word, protein=lambda a=name, r=residue, e=element: _extra(a, r, e))
for name in ("HG21", "HE  ", "HO2 "):
    case(S, f"a hydrogen {name.strip()} of a cofactor without element", protein=lambda a=name: _extra(a, "NDP", ""))


def _extra(name: str, residue: str, element: str) -> str:
    if len(residue) == 4:
        return joined([*lines(), extra(name, "TIP", element).splitlines()[-2].replace("TIP I", "TIP3I")])
    return extra(name, residue, element)


case(S, "sodium as Amber's Na+", protein=lambda: _extra("Na+ ", "Na+", ""))
case(S, "chloride as Amber's Cl-", protein=lambda: _extra("Cl- ", "Cl-", ""))
case(S, "magnesium", protein=lambda: _extra("MG  ", "MG", "MG"))
case(S, "magnesium as MG2 without element", protein=lambda: _extra("MG  ", "MG2", ""))
case(S, "magnesium as MG in column 14", protein=lambda: _extra(" MG ", "MG", ""))
case(S, "zinc", protein=lambda: _extra("ZN  ", "ZN", "ZN"))
case(S, "zinc as ZN2 without element", protein=lambda: _extra("ZN  ", "ZN2", ""))
case(S, "zinc as part of a residue UNK", protein=lambda: _extra("ZN  ", "UNK", "ZN"))
case(S, "zinc as ZN with its charge", protein=lambda: _extra("ZN  ", "ZN", "ZN2+"))
case(S, "potassium as K+", protein=lambda: _extra("K+  ", "K+", ""))
case(S, "caesium", protein=lambda: _extra("CS  ", "CS", "CS"))
case(S, "caesium as CHARMM's CES", protein=lambda: _extra("CES ", "CES", ""))
case(S, "a dummy atom of a water", protein=lambda: _extra(" MW ", "SOL", ""))
case(S, "an extra point of a water", protein=lambda: _extra("EPW ", "WAT", ""))
case(S, "an unknown atom (UNX)", protein=lambda: _extra(" UNK", "UNX", "X"))
case(S, "a lone pair of a cofactor", protein=lambda: _extra(" LP1", "NDP", "LP"))
case(S, "an extra point of a cofactor, no element", protein=lambda: _extra(" EP1", "NDP", ""))
case(S, "deuterium", protein=lambda: _extra(" D  ", "ALA", "D"))
case(S, "a hydrogen 1HB without element", protein=lambda: _extra("1HB ", "ALA", ""))

S = "A ligand inside the structure"
case(S, "`auto`", protein=complex_pdb, ligand="auto")
case(S, "`A:LIG:900`", protein=complex_pdb, ligand="A:LIG:900")
case(S, "`LIG`", protein=complex_pdb, ligand="LIG")
case(S, "a name that is not there", protein=complex_pdb, ligand="A:XYZ:1")
case(S, "no ligand at all", ligand="auto")
case(S, "two files joined by `cat`, END between", protein=lambda: clean() + pdb(), ligand="auto")
case(
    S,
    "all atoms named C",
    protein=lambda: joined([*lines(), *(line[:12] + " C  " + line[16:] for line in pdb_lines())]),
    ligand="A:LIG:900",
)
case(
    S,
    "all atoms named LIGA",
    protein=lambda: joined([*lines(), *(line[:12] + "LIGA" + line[16:] for line in pdb_lines())]),
    ligand="A:LIG:900",
)
case(
    S,
    "alternate locations",
    protein=lambda: joined([*lines(), *_altlocs(range(10, 15), 0.9).splitlines()[:-1]]),
    ligand="LIG",
)
case(
    S,
    "a second ligand of the same size",
    protein=lambda: joined(
        [
            *lines(),
            *pdb_lines(),
            *(
                line[:17] + "OTH A 901" + line[26:38] + f"{float(line[38:46]) - 9:8.3f}" + line[46:]
                for line in pdb_lines()
            ),
        ]
    ),
    ligand="auto",
)
case(S, "the ligand's file given, and left in the structure", protein=complex_pdb)
case(S, "mmCIF, `auto`", protein=lambda: _complex_cif(), ligand="auto", names=C)
case(S, "mmCIF, `A:LIG:900`", protein=lambda: _complex_cif(), ligand="A:LIG:900", names=C)
case(
    S, "a chain without a name, `:LIG:900`", protein=inside(lambda line: f"{line[:21]} {line[22:]}"), ligand=":LIG:900"
)
case(S, "a name of digits, `A:001:900`", protein=called("001"), ligand="A:001:900")
case(S, "an insertion code, `A:LIG:900B`", protein=inside(lambda line: f"{line[:26]}B{line[27:]}"), ligand="A:LIG:900B")
case(S, "no residue number, `LIG`", protein=inside(lambda line: f"{line[:22]}    {line[26:]}"), ligand="LIG")
case(S, "lines ATOM", protein=inside(lambda line: f"ATOM  {line[6:]}"), ligand="auto")
for name in ("UNK", "UNL", "DRG", "ALA", "U"):
    case(S, f"named {name}", protein=called(name), ligand="auto")
for name in ("HOH", "SO4", "CLA"):
    case(S, f"named {name}", protein=called(name), ligand="auto")
    case(S, f"the ligand's file given, and left in the structure as {name}", protein=called(name))
for name in ("UNK", "ALA", "U", "HEM"):
    case(S, f"the ligand's file given, and left in the structure as {name}", protein=called(name))
case(S, "a name of five letters", protein=inside(lambda line: f"{line[:17]}A1AAA{line[22:]}"), ligand="auto")
case(S, "before the protein", protein=lambda: joined([*pdb_lines(), "TER", *lines()]), ligand="auto")
case(S, "in two residues, `auto`", protein=lambda: _in_two(), ligand="auto")
case(S, "in two residues, `A:LIG:900+A:LI2:901`", protein=lambda: _in_two(), ligand="A:LIG:900+A:LI2:901")
case(S, "two of one name, `LIG`", protein=lambda: joined([*lines(), *pdb_lines(), *another(901, 30.0)]), ligand="LIG")
case(S, "with CONECT lines", protein=lambda: joined([*lines(), "TER", *pdb_lines(), *_conect()]), ligand="auto")
case(S, "the number alone, `A:900`", protein=complex_pdb, ligand="A:900")
case(S, "small letters, `a:lig:900`", protein=complex_pdb, ligand="a:lig:900")
case(S, "another pose left in the structure", protein=lambda: joined([*lines(), "TER", *another(900, 0.5)]))


def _complex_cif() -> str:
    structure = gemmi.read_pdb_string(complex_pdb())
    structure.setup_entities()
    return structure.make_mmcif_document().as_string()


def _in_two() -> str:
    return joined(
        [*lines(), "TER", *pdb_lines()[:10], *(f"{line[:17]}LI2 A 901{line[26:]}" for line in pdb_lines()[10:])]
    )


def _old_charges(text: str) -> str:
    """A mol block with its charges in the atom lines alone (3 is +1, 5 is -1)."""
    rows = text.split("\n")
    for number, charge in re.findall(r"(\d+) +(-?1)\b", text.partition("M  CHG  2")[2].split("\n")[0]):
        row = 3 + int(number)
        rows[row] = f"{rows[row][:36]}{3 if charge == '1' else 5:3d}{rows[row][39:]}"
    return re.sub(r"M  CHG.*\n", "", "\n".join(rows))
