"""Residues: classes of atoms, angles, frames and neighbours, against RDKit, Biopython and counting by hand."""

from __future__ import annotations

import gzip
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from Bio.PDB import PDBParser, PPBuilder
from Bio.PDB.vectors import calc_dihedral
from networks import EXAMPLES, example, example_complex
from rdkit import Chem
from rdkit.Chem import AllChem
from transforms import MIRROR, moved_protein, permuted_protein

from binding import constants
from binding.constants import (
    ALIPHATIC_C,
    AMIDE_N,
    AMINO_ACIDS,
    ANIONIC_O,
    AROMATIC_C,
    ATOM_CLASS,
    CARBONYL_O,
    CATIONIC_N,
    HYDROXYL_O,
    IMIDAZOLE_N,
    METAL_ION,
    OTHER_ATOM,
    POLAR_C,
    RESIDUE_TYPES,
    SULFUR,
)
from binding.graph.fields import RESIDUE_SCALARS
from binding.graph.pocket import NEIGHBOUR_CUTOFF, NEIGHBOURS, build_pocket_graph
from binding.structures import Protein, ResidueKind

SEQUENCE = "ACDEFGHIKLMNPQRSTVWY"


@pytest.fixture(scope="module")
def peptide():
    """RDKit's molecule of all twenty amino acids, with PDB names."""
    return Chem.MolFromSequence(SEQUENCE)


def protein_of(atoms: list[tuple], name: str = "made") -> Protein:
    """A protein from (residue number, residue name, kind, atom name, atomic number, position) of each atom."""
    numbers = [atom[0] for atom in atoms]
    rows = np.unique(numbers, return_inverse=True)[1]
    first = np.searchsorted(rows, np.arange(rows.max() + 1))
    count = len(first)
    return Protein(
        name=name,
        positions=np.array([atom[5] for atom in atoms], dtype=float).reshape(-1, 3),
        elements=np.array([atom[4] for atom in atoms], dtype=np.int16),
        atom_names=np.array([atom[3] for atom in atoms], dtype="<U4"),
        atom_residue=rows.astype(np.int32),
        residue_names=np.array([atoms[k][1] for k in first], dtype="<U8"),
        residue_kinds=np.array([atoms[k][2] for k in first], dtype=np.int8),
        chain_ids=np.full(count, "A", dtype="<U8"),
        residue_numbers=np.array([atoms[k][0] for k in first], dtype=np.int32),
        insertion_codes=np.full(count, "", dtype="<U1"),
    )


@pytest.fixture(scope="module")
def made(peptide):
    """The peptide embedded in space."""
    mol = Chem.AddHs(peptide)
    assert AllChem.EmbedMolecule(mol, randomSeed=3, useRandomCoords=True) == 0
    mol = Chem.RemoveHs(mol)
    xyz = mol.GetConformer().GetPositions()
    atoms = []
    for atom in mol.GetAtoms():
        info = atom.GetPDBResidueInfo()
        atoms.append(
            (info.GetResidueNumber(), info.GetResidueName(), ResidueKind.AMINO_ACID, info.GetName().strip(),
             atom.GetAtomicNum(), xyz[atom.GetIdx()])
        )  # fmt: skip
    return protein_of(sorted(atoms, key=lambda atom: atom[0]))


# ---------------------------------------------------------------- classes of atoms


def chemical_class(atom: Chem.Atom) -> set[int]:
    """The classes that the chemistry of an amino acid's atom allows, from RDKit's perception."""
    number, neighbours = atom.GetAtomicNum(), [n.GetAtomicNum() for n in atom.GetNeighbors()]
    if number == 6:
        if atom.GetIsAromatic():
            return {AROMATIC_C}
        return {POLAR_C} if {7, 8} & set(neighbours) else {ALIPHATIC_C}
    if number == 16:
        return {SULFUR}
    if number == 8:
        carbon = atom.GetNeighbors()[0]
        oxygens = sum(n.GetAtomicNum() == 8 for n in carbon.GetNeighbors())
        if oxygens == 2:
            return {ANIONIC_O}
        return {CARBONYL_O} if carbon.GetBonds() and atom.GetTotalNumHs() == 0 else {HYDROXYL_O}
    assert number == 7
    if atom.GetIsAromatic():
        return {AMIDE_N} if atom.GetOwningMol().GetRingInfo().IsAtomInRingOfSize(atom.GetIdx(), 6) else {
            IMIDAZOLE_N, AMIDE_N}  # fmt: skip
    if atom.GetTotalNumHs() == 0:
        return {OTHER_ATOM}
    guanidine = any(sum(m.GetAtomicNum() == 7 for m in n.GetNeighbors()) == 3 for n in atom.GetNeighbors())
    carbonyl = any(
        b.GetBondTypeAsDouble() == 2 and b.GetOtherAtom(n).GetAtomicNum() == 8
        for n in atom.GetNeighbors()
        for b in n.GetBonds()
    )
    return {AMIDE_N} if carbonyl and not guanidine else {CATIONIC_N}


def test_class_of_every_atom_of_the_twenty_amino_acids(peptide):
    seen: dict[str, set[str]] = {}
    for atom in peptide.GetAtoms():
        info = atom.GetPDBResidueInfo()
        key = info.GetResidueName().strip(), info.GetName().strip()
        seen.setdefault(key[0], set()).add(key[1])
        if info.GetResidueNumber() == 1 and key[1] == "N":
            continue  # the free N of the chain's start; in the table N is that of a peptide bond
        if info.GetResidueNumber() == len(SEQUENCE) and key[1] in ("O", "OXT"):
            continue
        assert ATOM_CLASS[key] in chemical_class(atom), key
    assert set(seen) == set(AMINO_ACIDS)
    for residue, names in seen.items():
        listed = {name for parent, name in ATOM_CLASS if parent == residue} - {"OXT"}
        alias = {"CD"} if residue == "ILE" else set()
        assert listed - alias == names - {"OXT"}, residue


def test_histidine_and_tryptophan_nitrogens():
    assert {ATOM_CLASS["HIS", name] for name in ("ND1", "NE2")} == {IMIDAZOLE_N}
    assert ATOM_CLASS["TRP", "NE1"] == AMIDE_N


def test_every_class_has_a_radius_and_every_parent_exists():
    assert len(constants.CLASS_RADII) == len(constants.ATOM_CLASSES)
    assert set(constants.PARENT_AMINO_ACID.values()) <= set(AMINO_ACIDS)
    assert len(set(RESIDUE_TYPES)) == len(RESIDUE_TYPES)


def test_atoms_of_no_table_are_classed_by_element_and_bonds():
    """A phosphate, a zinc ion and a selenium, which no amino acid's table names."""
    phosphate = [("P", 15, (0, 0, 0)), ("O1", 8, (1.5, 0, 0)), ("O2", 8, (-0.5, 1.41, 0)),
                 ("O3", 8, (-0.5, -0.7, 1.22)), ("O4", 8, (-0.5, -0.75, -1.3)),
                 ("C4", 6, (0.1, -0.9, -2.55))]  # fmt: skip
    atoms = [(1, "PO3", ResidueKind.COFACTOR, *atom) for atom in phosphate]
    atoms.append((2, "ZN", ResidueKind.METAL, "ZN", 30, (9, 0, 0)))
    atoms.append((3, "MSE", ResidueKind.AMINO_ACID, "SE", 34, (0, 9, 0)))
    graph = build_pocket_graph(protein_of(atoms))
    expected = [OTHER_ATOM, ANIONIC_O, ANIONIC_O, ANIONIC_O, HYDROXYL_O, POLAR_C, METAL_ION, SULFUR]
    assert graph.atom_classes.tolist() == expected
    assert [RESIDUE_TYPES[row] for row in graph.residue_types] == ["cofactor", "Zn", "MET"]


@pytest.mark.parametrize(
    ("name", "kind", "element", "expected"),
    [
        ("HIE", ResidueKind.AMINO_ACID, 7, "HIS"),
        ("SEP", ResidueKind.AMINO_ACID, 7, "SER"),
        ("XYZ", ResidueKind.AMINO_ACID, 7, "other amino acid"),
        ("DT", ResidueKind.NUCLEOTIDE, 7, "nucleotide U"),
        ("PSU", ResidueKind.NUCLEOTIDE, 7, "other nucleotide"),
        ("MG", ResidueKind.METAL, 12, "Mg"),
        ("CD", ResidueKind.METAL, 48, "other metal"),
        ("HEM", ResidueKind.COFACTOR, 7, "cofactor"),
    ],
)
def test_types_of_residues(name, kind, element, expected):
    graph = build_pocket_graph(protein_of([(1, name, kind, "X", element, (0, 0, 0))]))
    assert RESIDUE_TYPES[int(graph.residue_types[0])] == expected


# ---------------------------------------------------------------- residues


def scalar(graph, name: str) -> np.ndarray:
    return graph.residue_scalars[:, RESIDUE_SCALARS.index(name)]


def test_a_whole_residue_lacks_nothing_and_a_cut_one_does(made):
    graph = build_pocket_graph(made)
    assert not scalar(graph, "missing_atoms").any(), "every atom count of the table is right"
    keep = ~((made.atom_residue == 4) & (made.atom_names == "CZ"))
    cut = replace(made, **{f: getattr(made, f)[keep] for f in ("positions", "elements", "atom_names", "atom_residue")})
    assert np.flatnonzero(scalar(build_pocket_graph(cut), "missing_atoms")).tolist() == [4]


def test_modified_residues_are_marked_and_keep_their_parents_type(made):
    names = made.residue_names.copy()
    names[SEQUENCE.index("S")] = "SEP"
    graph = build_pocket_graph(replace(made, residue_names=names))
    assert np.flatnonzero(scalar(graph, "modified")).tolist() == [SEQUENCE.index("S")]
    assert np.array_equal(graph.residue_types, build_pocket_graph(made).residue_types)


def test_frames_are_right_handed_and_sit_on_the_backbone(made):
    graph = build_pocket_graph(made)
    assert np.linalg.det(graph.frames) == pytest.approx(np.ones(20))
    assert graph.frames @ graph.frames.transpose(0, 2, 1) == pytest.approx(np.tile(np.eye(3), (20, 1, 1)), abs=1e-12)
    row = made.atom_residue
    n, ca, c = (made.positions[made.atom_names == name] for name in ("N", "CA", "C"))
    assert len(np.unique(row)) == len(ca) == 20
    assert graph.anchors == pytest.approx(ca)
    assert np.einsum("ij,ij->i", graph.frames[:, 0], c - ca) == pytest.approx(np.linalg.norm(c - ca, axis=1))
    assert np.einsum("ij,ij->i", graph.frames[:, 2], n - ca) == pytest.approx(np.zeros(20), abs=1e-12)
    assert (np.einsum("ij,ij->i", graph.frames[:, 1], n - ca) > 0).all()


def test_centroid_is_the_mean_of_the_side_chain(made):
    graph = build_pocket_graph(made)
    for row in range(20):
        side = (made.atom_residue == row) & ~np.isin(made.atom_names, ("N", "CA", "C", "O", "OXT"))
        expected = made.positions[side].mean(axis=0) if side.any() else graph.anchors[row]
        assert graph.centroids[row] == pytest.approx(expected)


def test_dihedrals_against_biopython():
    """All phi, psi and chi1 to chi4 of a crystal structure with 300 residues."""
    protein = example("1s2g")[0]
    graph = build_pocket_graph(protein)
    with gzip.open(EXAMPLES / "1s2g_protein.pdb.gz", "rt") as stream:
        structure = PDBParser(QUIET=True).get_structure("x", StringIO(stream.read()))
    expected: dict[tuple[str, int], dict[str, float]] = {}
    for piece in PPBuilder(radius=2.0).build_peptides(structure[0], aa_only=False):
        for residue, (phi, psi) in zip(piece, piece.get_phi_psi_list(), strict=True):
            angles = {"phi": phi, "psi": psi}
            places = [[residue[n].get_vector() for n in names if n in residue][:1] for names in constants.CHI_PLACES]
            for k in range(4):
                if all(places[k : k + 4][j] for j in range(4)):
                    angles[f"chi{k + 1}"] = calc_dihedral(*(place[0] for place in places[k : k + 4]))
            expected[residue.get_parent().id, residue.id[1]] = {a: v for a, v in angles.items() if v is not None}
    compared = dict.fromkeys(("phi", "psi", "chi1", "chi2", "chi3", "chi4"), 0)
    for row, key in enumerate(zip(protein.chain_ids.tolist(), protein.residue_numbers.tolist(), strict=True)):
        if protein.residue_kinds[row] != ResidueKind.AMINO_ACID:
            continue
        for angle in compared:
            found = [float(scalar(graph, f"{f}_{angle}")[row]) for f in ("sin", "cos")]
            if angle in expected[key]:
                compared[angle] += 1
                value = expected[key][angle]
                assert found == pytest.approx([np.sin(value), np.cos(value)], abs=2e-4), (key, angle)
            else:
                assert found == [0.0, 0.0], (key, angle)
    assert compared["phi"] > 250
    assert compared["chi4"] > 10


def test_chain_breaks_have_no_angle_across(made):
    far = made.positions.copy()
    far[made.atom_residue >= 10] += [50.0, 0.0, 0.0]
    graph = build_pocket_graph(replace(made, positions=far))
    assert scalar(graph, "cos_psi")[9] == scalar(graph, "sin_psi")[9] == 0
    assert scalar(graph, "cos_phi")[10] == scalar(graph, "sin_phi")[10] == 0
    assert (np.abs(scalar(graph, "cos_phi")[11:]) > 0).all()
    source, target = graph.edge_index
    assert ((source < 10) == (target < 10)).all()


def test_neighbours_are_the_nearest_within_the_cutoff():
    graph = build_pocket_graph(example_complex("6wqa").pocket)
    distance = np.linalg.norm(graph.anchors[:, None] - graph.anchors[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    for row in range(graph.num_residues):
        nearest = [k for k in np.argsort(distance[row])[:NEIGHBOURS] if distance[row, k] < NEIGHBOUR_CUTOFF]
        assert set(graph.edge_index[0, graph.edge_index[1] == row].tolist()) == set(nearest)


def test_places_along_the_chain(made):
    graph = build_pocket_graph(made)
    source, target = graph.edge_index
    assert np.array_equal(graph.edge_offset, np.clip(source - target, -3, 3))
    apart = made.positions.copy()
    apart[made.atom_residue >= 10] += [6.0, 0.0, 0.0]  # a gap without a peptide bond, still in reach
    graph = build_pocket_graph(replace(made, positions=apart))
    source, target = graph.edge_index
    across = (source < 10) != (target < 10)
    assert across.any()
    assert (graph.edge_offset[across] == 4).all()
    assert (graph.edge_offset[~across] != 4).all()


def test_order_of_residues_in_the_file_does_not_matter(made):
    """Modified residues stand at the end of some files: the chain is told from its bonds."""
    graph = build_pocket_graph(made)
    shuffled = permuted_protein(made, np.random.default_rng(0))
    other = build_pocket_graph(shuffled)
    place = np.argsort(shuffled.residue_numbers)  # row of each residue after shuffling
    assert other.residue_scalars[place] == pytest.approx(graph.residue_scalars, abs=1e-9)
    assert np.array_equal(other.residue_types[place], graph.residue_types)

    def edges(one, rows):
        number = np.argsort(rows)
        pairs = zip(number[one.edge_index[0]].tolist(), number[one.edge_index[1]].tolist(), strict=True)
        return dict(zip(pairs, one.edge_offset.tolist(), strict=True))

    assert edges(other, place) == edges(graph, np.arange(20))


def test_a_ring_of_residues_ends():
    """A cyclic peptide: each residue has one before it, and the walk along the chain comes to an end."""
    count, radius = 6, 3.5
    atoms = []
    for row in range(count):
        for name, number, turn in (("N", 7, 0.0), ("CA", 6, 22.0), ("C", 6, 42.0)):
            angle = np.deg2rad(60.0 * row + turn)
            xyz = (radius * np.cos(angle), radius * np.sin(angle), 0.3 if name == "CA" else 0.0)
            atoms.append((row + 1, "GLY", ResidueKind.AMINO_ACID, name, number, xyz))
    graph = build_pocket_graph(protein_of(atoms))
    assert (np.abs(graph.residue_scalars[:, :2]).sum(axis=1) > 0).all(), "phi of every residue"
    assert graph.edge_index.shape == (2, count * (count - 1))


def test_residues_of_odd_sorts_have_features_all_the_same():
    zinc = protein_of([(1, "ZN", ResidueKind.METAL, "ZN", 30, (1.0, 2.0, 3.0))])
    graph = build_pocket_graph(zinc)
    assert graph.anchors.tolist() == graph.centroids.tolist() == [[1.0, 2.0, 3.0]]
    assert graph.edge_index.shape == (2, 0)
    assert not graph.frames.any()
    assert scalar(graph, "has_frame").tolist() == [0.0]
    for name in ("residue_scalars", "anchors", "centroids", "atom_directions", "atom_normals"):
        assert np.isfinite(getattr(graph, name)).all()


@pytest.mark.parametrize("name", ["1s2g", "4cup"])
def test_frames_of_a_mirror_image_are_right_handed(name):
    """Two axes are mirrored, the third is turned round: what makes a mirror image another structure."""
    pocket = example_complex(name).pocket
    frames = build_pocket_graph(pocket).frames
    image = build_pocket_graph(moved_protein(pocket, MIRROR)).frames
    known = np.abs(frames).sum(axis=(1, 2)) > 0
    assert np.linalg.det(image[known]) == pytest.approx(np.ones(known.sum()))
    assert image == pytest.approx(MIRROR.vectors(frames) * [[1.0], [1.0], [-1.0]], abs=1e-9)
