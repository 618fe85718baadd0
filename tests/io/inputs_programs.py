"""More inputs: what modelling packages, force fields, spreadsheets and people's scripts write.

As ``inputs``, which holds the first ones; each case is a line of the same page.
"""

# ruff: noqa: E501 - one case a line

from __future__ import annotations

import io
import re
import zipfile

import gemmi
import numpy as np
from inputs import (
    GROUPS,
    _as_mol2,
    _ligand,
    another,
    case,
    cif,
    cif_rows,
    clean,
    complex_pdb,
    docked,
    each,
    each_ligand,
    joined,
    lines,
    mol2,
    mol2_with,
    pdb,
    pdb_lines,
    sdf,
    with_hydrogens,
)
from inputs_odd import CIF, MOL2, PDB, PDBQT, STRUCTURE_CIF, beside, centre, ended, first_atom, hetatm, placed, v3000
from rdkit import Chem


def _with_decimals(count: int) -> str:
    """The SDF with coordinates of so many decimals."""
    return re.sub(
        r"(?m)^ *(-?\d+\.\d{4}) +(-?\d+\.\d{4}) +(-?\d+\.\d{4}) ",
        lambda m: "".join(f"{float(v):10.{count}f}" for v in m.groups()) + " ",
        sdf(),
    )


def tagged(tags: str) -> str:
    return sdf().replace("$$$$\n", f"{tags}$$$$\n")


def second(line: str) -> str:
    """The SDF record with another second line of its header."""
    first, _, rest = sdf().split("\n", 2)
    return f"{first}\n{line}\n{rest}"


def renumbered(text: str, by: int) -> str:
    """A MOL2 record whose atoms are numbered from another number on."""
    head, mark, rest = text.partition("@<TRIPOS>ATOM\n")
    atoms, split, bonds = rest.partition("@<TRIPOS>BOND\n")
    atoms = re.sub(r"(?m)^(\d+) ", lambda m: f"{int(m[1]) + by} ", atoms)
    bonds = re.sub(r"(?m)^(\d+) (\d+) (\d+) ", lambda m: f"{m[1]} {int(m[2]) + by} {int(m[3]) + by} ", bonds)
    return head + mark + atoms + split + bonds


def shifted(by: float) -> str:
    """The SDF record moved by so many Å towards the protein."""
    mol = Chem.Mol(_ligand())
    positions = mol.GetConformer().GetPositions()
    places = np.array([[float(line[k : k + 8]) for k in (30, 38, 46)] for line in lines()])
    towards = places.mean(axis=0) - positions.mean(axis=0)
    mol.GetConformer().SetPositions(positions + by * towards / np.linalg.norm(towards))
    return Chem.MolToMolBlock(mol) + "$$$$\n"


def zipped(name: str, text: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, text)
    return stream.getvalue()


def with_atoms(*held: str) -> str:
    return joined([*lines(), *held])


def coordinated(smiles: str, pattern: str) -> str:
    """V3000 with a coordination bond (type 9) where charges were."""
    mol = placed(smiles)
    donor, acceptor = mol.GetSubstructMatch(Chem.MolFromSmarts(pattern))
    number = mol.GetBondBetweenAtoms(donor, acceptor).GetIdx() + 1
    text = re.sub(r" CHG=-?1", "", Chem.MolToMolBlock(mol, forceV3000=True))
    return re.sub(rf"(?m)^M  V30 {number} 1 \d+ \d+", f"M  V30 {number} 9 {donor + 1} {acceptor + 1}", text) + "$$$$\n"


def heme() -> str:
    """A porphine with iron in the ligand's place, as SDF."""
    return Chem.MolToMolBlock(placed("C1=CC2=CC3=CC=C(N3)C=C3C=CC(=N3)C=C3C=CC(N3)=CC1=N2")) + "$$$$\n"


def dna() -> str:
    """A few nucleotides without a protein."""
    names = ("P", "O5'", "C5'", "C4'", "C3'", "O3'", "N9", "C8", "N7", "C5", "C6", "N6", "N1", "C2", "N3", "C4")
    held = []
    for number in range(1, 7):
        for row, name in enumerate(names):
            place = centre() + (3.0 * number - 10.0, 5.0 + 1.3 * (row % 4), 1.3 * (row // 4))
            held.append(hetatm(name, "DA", number, place, name[0]).replace("HETATM", "ATOM  "))
    return joined(held)


def lipids() -> str:
    """The receptor among residues named POPC, away from the ligand."""
    held = [
        hetatm(
            f"C{row % 40}", "POP", number, centre() + (25.0 + 1.4 * (row % 10), 10.0 * number, 1.4 * (row // 10)), "C"
        )
        for number in range(1, 5)
        for row in range(40)
    ]
    return with_atoms(*held)


def doubled_residue() -> str:
    """A side chain in two places without labels of alternate locations."""
    held = []
    for line in lines():
        held.append(line)
        if line[17:26].split() == ["PHE", "B", "36"] and line[12:16].strip() not in ("N", "CA", "C", "O"):
            held.append(f"{line[:30]}{float(line[30:38]) + 0.6:8.3f}{line[38:]}")
    return joined(held)


S = "SD files of programs"
case(
    S,
    "Maestro",
    ligand=lambda: tagged("> <s_m_entry_id>\n1\n\n> <r_i_docking_score>\n-9.1\n\n> <i_i_glide_lignum>\n1\n\n"),
)
case(S, "MOE", ligand=lambda: second("  MOE2019           3D").replace("$$$$", "> <mseq>\n1\n\n> <S>\n-7.2\n\n$$$$"))
case(S, "OpenEye", ligand=lambda: second("  -OEChem-01012612003D"))
case(S, "ChemAxon", ligand=lambda: second("  Mrv2114 01012612003D          "))
case(S, "Corina", ligand=lambda: second("  CORINA 3.60 0041  01.01.2026"))
case(S, "Open Babel", ligand=lambda: second(" OpenBabel01012612003D"))
case(S, "DataWarrior", ligand=lambda: second("Actelion Java MolfileCreator 1.0"))
case(S, "PyMOL", ligand=lambda: second("  PyMOL2.5          3D                             0"))
case(
    S,
    "GOLD, with rotated atoms of the protein in a tag",
    ligand=lambda: tagged(
        "> <Gold.Protein.RotatedAtoms>\n    7.9580   36.7200   19.3390 H   0  0  0  0  0  0  0  0  0  0  0  0 # atno 12\n"
        "    8.9580   36.7200   19.3390 H   0  0  0  0  0  0  0  0  0  0  0  0 # atno 13\n\n> <Gold.Score>\n Fitness  S(hb_ext)\n   54.11  1.50\n\n"
    ),
)
case(
    S,
    "Glide, the receptor first",
    ligand=lambda: (
        Chem.MolToMolBlock(Chem.MolFromPDBBlock(clean(), sanitize=False, proximityBonding=False), kekulize=False)
        + "$$$$\n"
        + sdf()
    ),
)
case(S, "smina, with scores", ligand=lambda: tagged("> <minimizedAffinity>\n-8.72\n\n> <minimizedRMSD>\n0.3\n\n") * 2)
case(S, "DiffDock, hydrogens in SDF", ligand=lambda: Chem.MolToMolBlock(with_hydrogens()) + "$$$$\n")
case(S, "no M  END", ligand=lambda: sdf().replace("M  END\n", ""))
case(S, "two lines M  END", ligand=lambda: sdf().replace("M  END\n", "M  END\nM  END\n"))
case(S, "v2000 in small letters", ligand=lambda: sdf().replace("V2000", "v2000"))
case(S, "blanks at the ends of lines", ligand=lambda: sdf().replace("\n", "   \n"))
case(S, "blanks at the ends of lines removed", ligand=lambda: re.sub(r"(?m) +$", "", sdf()))
case(
    S,
    "coordinates with five decimals",
    ligand=lambda: _with_decimals(5),
)
case(
    S,
    "coordinates with three decimals",
    ligand=lambda: _with_decimals(3),
)
case(S, "a radical (M  RAD)", ligand=lambda: ended("M  RAD  1   1   2"))
case(S, "an R group (M  RGP)", ligand=lambda: first_atom("R#").replace("M  END", "M  RGP  1   1   1\nM  END"))
case(
    S,
    "coordination bonds in a ring (type 9), V3000",
    ligand=lambda: re.sub(r"(?m)^M  V30 1 \d (\d+ \d+)", r"M  V30 1 9 \1", sdf(v3000=True), count=2),
)
case(
    S,
    "a hydrogen bond (type 10), V3000",
    ligand=lambda: (
        sdf(v3000=True)
        .replace("COUNTS 19 21", "COUNTS 19 22")
        .replace("M  V30 END BOND", "M  V30 22 10 1 19\nM  V30 END BOND")
    ),
)
for title, smiles in GROUPS:
    if title in ("a nitro group", "an N-oxide", "a nitrone"):
        case(
            S,
            f"{title}, SDF in V3000 with a coordination bond",
            ligand=lambda smiles=smiles: coordinated(smiles, "[N+]-[O-]"),
        )
case(S, "V3000 with valences and masses", ligand=lambda: v3000("MASS=13 VAL=4"))
case(
    S,
    "a boron cluster's negative charge",
    ligand=lambda: Chem.MolToMolBlock(placed("[B-](F)(F)(F)c1ccccc1")) + "$$$$\n",
)
case(S, "more than one conformer under one title", ligand=lambda: sdf() + shifted(0.5))
case(S, "2,000 tags", ligand=lambda: tagged("".join(f"> <tag{k}>\n{k}\n\n" for k in range(2000))))
case(S, "a porphine", ligand=heme)

S = "MOL2, PDB and PDBQT of programs"
case(
    S,
    "MOL2 of GOLD",
    ligand=lambda: (
        mol2().replace("TQ3\n", "TQ3|l|sdf|1|dock1\n", 1) + "@<TRIPOS>COMMENT\n> <Gold.PLP.Fitness>\n 65.2\n"
    ),
    names=MOL2,
)
case(
    S,
    "MOL2 of MOE with charges as attributes",
    ligand=lambda: mol2().replace("@<TRIPOS>BOND", "@<TRIPOS>UNITY_ATOM_ATTR\n1 1\ncharge 0\n@<TRIPOS>BOND"),
    names=MOL2,
)
case(
    S,
    "MOL2 of ZINC with other types",
    ligand=lambda: mol2() + "@<TRIPOS>ALT_TYPE\nCHARMM_ALT_TYPE_SET\nCHARMM 1 C321\n",
    names=MOL2,
)
case(
    S,
    "MOL2 of DOCK with a table of scores",
    ligand=lambda: "\n##########   Name:  TQ3\n##########   Grid_Score:  -45.2\n\n" + mol2(),
    names=MOL2,
)
case(
    S,
    "MOL2 with lines that go on (\\)",
    ligand=lambda: re.sub(r"(?m)^(1 C \S+) ", r"\1 \\\n", mol2(), count=1),
    names=MOL2,
)
case(S, "MOL2 with atoms numbered from 1001", ligand=lambda: renumbered(mol2(), 1000), names=MOL2)
case(S, "MOL2 with a type Any", ligand=lambda: re.sub(r"(?m)^(1 C \S+ \S+ \S+) C ", r"\1 Any ", mol2()), names=MOL2)
case(
    S,
    "MOL2 with a type Hal",
    ligand=lambda: re.sub(r"(?m)^(1) C (\S+ \S+ \S+) C ", r"\1 X1 \2 Hal ", mol2()),
    names=MOL2,
)
case(
    S,
    "MOL2 with a water of type O.t3p",
    ligand=lambda: mol2_with(atom="20 OW 4.0 30.0 20.0 O.t3p 2 WAT -0.834"),
    names=MOL2,
)
case(
    S,
    "MOL2 of a receptor",
    ligand=lambda: _as_mol2(Chem.MolFromPDBBlock(clean(), sanitize=False, proximityBonding=False)),
    names=MOL2,
)
case(
    S,
    "PDB of CHARMM-GUI",
    ligand=lambda: each_ligand(lambda line: f"{line[:21]} {line[22:72]}HETA{line[76:]}"),
    names=PDB,
)
case(
    S,
    "PDB of VMD",
    ligand=lambda: (
        "CRYST1    0.000    0.000    0.000  90.00  90.00  90.00 P 1           1\n"
        + each_ligand(lambda line: f"ATOM  {line[6:21]}X{line[22:54]}  0.00  0.00      L    {line[76:]}")
    ),
    names=PDB,
)
case(
    S,
    "PDB of tleap",
    ligand=lambda: (
        each_ligand(lambda line: f"ATOM  {line[6:21]} {line[22:66]}")[:-4] + "TER   9020      LIG   900\nEND\n"
    ),
    names=PDB,
)
case(
    S,
    "PDB of Chimera with a residue of three poses",
    ligand=lambda: "".join(f"MODEL        {k}\n{pdb()[:-4]}ENDMDL\n" for k in (1, 2, 3)),
    names=PDB,
)
case(
    S,
    "PDB with four decimals",
    ligand=lambda: each_ligand(
        lambda line: line[:30] + "".join(f"{float(line[k : k + 8]):9.4f}" for k in (30, 38, 46)) + line[54:]
    ),
    names=PDB,
)
case(
    S,
    "PDB with lines of 100 columns",
    ligand=lambda: each_ligand(lambda line: line.ljust(100, ".")[:78] + "  " + "." * 20),
    names=PDB,
)
case(
    S,
    "PDB with a peptide's residue numbers under one name",
    ligand=lambda: joined([f"{line[:22]}{900 + row // 7:4d}{line[26:]}" for row, line in enumerate(pdb_lines())]),
    names=PDB,
)
case(
    S,
    "PDB with REMARK 4 and MASTER",
    ligand=lambda: (
        "REMARK   4 LIG COMPLIES WITH FORMAT V. 3.3\n"
        + pdb()[:-4]
        + "MASTER        0    0    0    0    0    0    0    0   19    0    0    0\nEND\n"
    ),
    names=PDB,
)
case(
    S,
    "PDBQT of AutoDock-GPU, docked lines",
    ligand=lambda: "".join(f"DOCKED: {line}\n" for line in ("MODEL        1", *docked().splitlines(), "ENDMDL")),
    names=PDBQT,
)
case(
    S,
    "PDBQT with torsions as branches",
    ligand=lambda: docked(smiles=False).replace("ENDROOT\n", "ENDROOT\nBRANCH   1  20\nENDBRANCH   1  20\n"),
    names=PDBQT,
)
case(
    S,
    "PDBQT with INTER and UNBOUND remarks",
    ligand=lambda: (
        "MODEL 1\nREMARK VINA RESULT:    -9.1      0.000      0.000\nREMARK INTER + INTRA:         -12.2\nREMARK INTER:                  -11.0\nREMARK UNBOUND:                 -1.1\n"
        + docked()
        + "ENDMDL\n"
    ),
    names=PDBQT,
)
case(
    S,
    "two ligands in one PDB, other names",
    ligand=lambda: joined([*pdb_lines(), *(line.replace("LIG A 901", "LI2 B 901") for line in another(901, 30.0))]),
    names=PDB,
)
case(
    S,
    "mmCIF of the complex in the ligand's place",
    ligand=lambda: gemmi.read_pdb_string(complex_pdb()).make_mmcif_document().as_string(),
    names=CIF,
)

S = "Structures of force fields and viewers"
case(S, "CHARMM-GUI", protein=lambda: each(lambda line: f"{line[:21]} {line[22:72]}PROA{line[76:]}"))
case(
    S,
    "tleap",
    protein=lambda: (
        "CRYST1   80.000   80.000   80.000  90.00  90.00  90.00 P 1           1\n"
        + each(lambda line: f"ATOM  {line[6:21]} {line[22:66]}")[:-4]
        + "TER\nEND\n"
    ),
)
case(S, "VMD", protein=lambda: each(lambda line: f"ATOM  {line[6:21]}X{line[22:54]}  0.00  0.00      P1  {line[76:]}"))
case(S, "pdb4amber, residues from 1 on", protein=lambda: joined(renumber()))
case(
    S,
    "waters named SOL, WAT, SPC, DOD and TIP",
    protein=lambda: with_atoms(
        *(
            hetatm("O", name, 950 + k, centre() + (8.0, 6.0 + 3 * k, 8.0), "O")
            for k, name in enumerate(("SOL", "WAT", "SPC", "DOD", "TIP"))
        )
    ),
)
case(S, "lipids away from the ligand", protein=lipids)
case(S, "nucleotides alone", protein=dna)
case(S, "the ligand's file as the protein", protein=pdb)
case(S, "the ligand's SDF as the protein", protein=sdf)
case(S, "a side chain twice without labels", protein=doubled_residue)
case(
    S,
    "coordinates with four decimals",
    protein=lambda: each(
        lambda line: line[:30] + "".join(f"{float(line[k : k + 8]):9.4f}" for k in (30, 38, 46)) + line[54:]
    ),
)
case(S, "records in small letters", protein=lambda: clean().replace("ATOM", "atom").replace("HETATM", "hetatm"))
case(S, "lines of 120 columns", protein=lambda: each(lambda line: line + " " * 40))
case(S, "a comment behind each line", protein=lambda: each(lambda line: line + " # kept"))
case(S, "REMARK lines between atoms", protein=lambda: each(lambda line: line + "\nREMARK 999 X"))
case(
    S,
    "ANISOU and SIGATM lines",
    protein=lambda: each(
        lambda line: (
            f"{line}\nANISOU{line[6:27]}    100    100    100      0      0      0  {line[70:]}\nSIGATM{line[6:]}"
        )
    ),
)
case(S, "TER after each residue", protein=lambda: re.sub(r"(?m)^(ATOM.{11} O  .*)$", "\\1\nTER", clean()))
case(
    S,
    "selenomethionines for methionines",
    protein=lambda: each(
        lambda line: (
            line.replace(" SD  MET", "SE   MSE").replace("ATOM  ", "HETATM").replace("          S ", "         SE ")
            if line[17:20] == "MET" and line[12:16] == " SD "
            else line.replace("MET", "MSE").replace("ATOM  ", "HETATM")
            if line[17:20] == "MET"
            else line
        )
    ),
)
case(
    S,
    "a truncated lysine",
    protein=lambda: joined(
        [line for line in lines() if not (line[17:20] == "LYS" and line[12:16].strip() in ("CG", "CD", "CE", "NZ"))]
    ),
)
case(
    S,
    "one atom with a coordinate of 9999.999",
    protein=lambda: joined([lines()[0][:30] + "9999.9999999.9999999.999" + lines()[0][54:], *lines()[1:]]),
)
case(S, "chain names of digits and signs", protein=lambda: each(lambda line: f"{line[:21]}%{line[22:]}"))
case(
    S,
    "mmCIF with chain names `.`",
    protein=lambda: cif_rows(lambda name, value, row: "." if name in ("auth_asym_id", "label_asym_id") else value),
    names=STRUCTURE_CIF,
)
case(
    S,
    "mmCIF with chain names nan",
    protein=lambda: cif_rows(lambda name, value, row: "nan" if name in ("auth_asym_id", "label_asym_id") else value),
    names=STRUCTURE_CIF,
)
case(
    S,
    "mmCIF without `label_atom_id`",
    protein=lambda: cif_rows(lambda name, value, row: value, "label_atom_id"),
    names=STRUCTURE_CIF,
)
case(
    S,
    "mmCIF without `label_comp_id`",
    protein=lambda: cif_rows(lambda name, value, row: value, "label_comp_id"),
    names=STRUCTURE_CIF,
)
case(
    S,
    "mmCIF without `Cartn_z`",
    protein=lambda: cif_rows(lambda name, value, row: value, "Cartn_z"),
    names=STRUCTURE_CIF,
)
case(S, "mmCIF with fractional coordinates", protein=lambda: cif().replace("Cartn_", "fract_"), names=STRUCTURE_CIF)
case(
    S,
    "mmCIF with a comment and a text field",
    protein=lambda: "# made\n" + cif().replace("loop_", "_struct.title\n;a title\nof two lines\n;\nloop_", 1),
    names=STRUCTURE_CIF,
)
case(S, "mmCIF with a text field left open", protein=lambda: cif() + "\n_struct.title\n;a title\n", names=STRUCTURE_CIF)
case(
    S,
    "mmCIF with numbers in exponents",
    protein=lambda: cif_rows(lambda name, value, row: f"{float(value):.6e}" if name.startswith("Cartn") else value),
    names=STRUCTURE_CIF,
)
case(
    S,
    "a Maestro file",
    protein=lambda: "{ \n s_m_m2io_version\n ::: \n 2.0.0 \n}\nf_m_ct { \n",
    names=("p.mae", "l.sdf"),
)
case(S, "a topology of CHARMM (PSF)", protein=lambda: "PSF EXT CMAP\n\n         1 !NTITLE\n", names=("p.psf", "l.sdf"))
case(
    S,
    "coordinates of Amber (inpcrd)",
    protein=lambda: "default_name\n  2\n   1.0000000   2.0000000   3.0000000   1.1000000   2.1000000   3.1000000\n",
    names=("p.inpcrd", "l.sdf"),
)
case(
    S,
    "a session of PyMOL",
    protein=lambda: b"\x80\x04\x95\x00\x00\x01\x00}\x94\x8c\x07version" + bytes(90),
    names=("p.pse", "l.sdf"),
)
case(S, "a zip of one PDB file", protein=lambda: zipped("protein.pdb", clean()), names=("p.pdb.zip", "l.sdf"))
case(S, "zstd", ligand=lambda: b"\x28\xb5\x2f\xfd\x04\x58" + bytes(range(90)), names=("protein.pdb", "ligand.sdf.zst"))
case(S, "7-zip", ligand=lambda: b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(range(90)), names=("protein.pdb", "ligand.7z"))
case(S, "RAR", ligand=lambda: b"Rar!\x1a\x07\x01\x00" + bytes(range(90)), names=("protein.pdb", "ligand.rar"))

S = "Where a pose lies"
for away in (1.5, 3.0, 6.0):
    case(S, f"the ligand moved {away:g} Å into the protein", ligand=lambda away=away: shifted(away))
case(S, "the ligand on alpha carbons", ligand=lambda: on_backbone())
case(S, "the ligand mirrored", ligand=lambda: mirrored())
case(
    S, "all z coordinates 0, PDB", ligand=lambda: each_ligand(lambda line: f"{line[:46]}   0.000{line[54:]}"), names=PDB
)
case(S, "a bond of 5 Å", ligand=lambda: stretched())

S = "Covalent, metal and peptide ligands"
case(
    S,
    "a LINK record to a cysteine, `auto`",
    protein=lambda: "LINK         SG  CYS A  40                 C1  LIG A 900     1555   1555  1.81\n" + complex_pdb(),
    ligand="auto",
)
case(
    S,
    "a metal bonded to the ligand in the structure, `auto`",
    protein=lambda: joined([*lines(), "TER", *pdb_lines(), near_nitrogen("ZN")]),
    ligand="auto",
)
case(S, "a chain alone, `B`", protein=complex_pdb, ligand="B")
case(S, "too many parts, `A:LIG:900:x`", protein=complex_pdb, ligand="A:LIG:900:x")
case(S, "colons alone, `::`", protein=complex_pdb, ligand="::")
case(S, "a number beyond what a file can hold, `A:LIG:99999999999`", protein=complex_pdb, ligand="A:LIG:99999999999")
case(S, "a star, `*`", protein=complex_pdb, ligand="*")
case(S, "two names, `LIG,NDP`", protein=complex_pdb, ligand="LIG,NDP")
case(S, "the cofactor, `NDP`", protein=complex_pdb, ligand="NDP")
case(S, "an amino acid, `A:PHE:36`", protein=complex_pdb, ligand="A:PHE:36")
case(S, "blanks about the choice, ` auto `", protein=complex_pdb, ligand=" auto ")
case(S, "capitals, `AUTO`", protein=complex_pdb, ligand="AUTO")
CHEMISTRY = {
    "a selenocysteine": "N[C@@H](C[SeH])C(=O)O",
    "a tellurium compound": "C[Te]c1ccccc1",
    "a germane": "C[Ge](C)(C)c1ccccc1",
    "an aluminium fluoride": "F[Al-](F)(F)F",
    "a beryllium fluoride": "F[Be-](F)F",
    "a magnesium fluoride": "F[Mg-](F)F",
    "a carborane's boron cage": "B1BB1",
    "a carbene": "[C]1N(C)C=CN1C",
    "carbon monoxide": "[C-]#[O+]",
    "nitric oxide": "[N]=O",
    "a peroxide": "CC(C)(C)OO",
    "a sulfonyl azide": "Cc1ccc(cc1)S(=O)(=O)N=[N+]=[N-]",
    "an isothiourea": "CSC(N)=Nc1ccccc1",
    "a tetrazole": "Cc1nn[nH]n1",
    "a sydnone": "C[n+]1cc([O-])on1",
    "a biaryl of four ortho groups": "Cc1cccc(C)c1-c1c(C)cccc1C",
    "glucose": "OC[C@H]1O[C@@H](O)[C@H](O)[C@@H](O)[C@@H]1O",
    "a dipeptide": "N[C@@H](C)C(=O)N[C@@H](Cc1ccccc1)C(=O)O",
}
for title, smiles in CHEMISTRY.items():
    case(S, f"{title}, SDF", ligand=lambda smiles=smiles: Chem.MolToMolBlock(placed(smiles)) + "$$$$\n")
    case(S, f"{title}, MOL2", ligand=lambda smiles=smiles: _as_mol2(placed(smiles)), names=MOL2)
    case(
        S,
        f"{title}, PDB with hydrogens",
        ligand=lambda smiles=smiles: Chem.MolToPDBBlock(placed(smiles), flavor=2),
        names=PDB,
    )


def renumber() -> list[str]:
    """The receptor's residues numbered from 1 on in one chain without a name."""
    seen: dict[str, int] = {}
    return [f"{line[:21]} {seen.setdefault(line[21:27], len(seen) + 1):4d} {line[27:]}" for line in lines()]


def on_backbone() -> str:
    """The ligand's middle on an alpha carbon of the pocket."""
    mol = Chem.Mol(_ligand())
    places = [np.array([float(line[k : k + 8]) for k in (30, 38, 46)]) for line in lines() if line[12:16] == " CA "]
    nearest = min(places, key=lambda place: np.linalg.norm(place - centre()))
    mol.GetConformer().SetPositions(mol.GetConformer().GetPositions() - centre() + nearest)
    return Chem.MolToMolBlock(mol) + "$$$$\n"


def mirrored() -> str:
    mol = Chem.Mol(_ligand())
    mol.GetConformer().SetPositions((mol.GetConformer().GetPositions() - centre()) * (-1.0, 1.0, 1.0) + centre())
    return Chem.MolToMolBlock(mol) + "$$$$\n"


def stretched() -> str:
    """The first atom pulled away from the others."""
    mol = Chem.Mol(_ligand())
    positions = mol.GetConformer().GetPositions()
    outward = positions[0] - centre()
    positions[0] += 4.0 * outward / np.linalg.norm(outward)
    mol.GetConformer().SetPositions(positions)
    return Chem.MolToMolBlock(mol) + "$$$$\n"


def near_nitrogen(name: str) -> str:
    return beside(name, name, 2.1).splitlines()[-2]
