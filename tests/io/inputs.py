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
