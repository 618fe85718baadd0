"""How near a complex is to what weights were trained on: fingerprints, words, the file, the rule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import AllChem, rdFingerprintGenerator

from binding.domain.bits import BitIndex
from binding.domain.fingerprint import fingerprint
from binding.domain.index import Domain, count_elements, domain_path
from binding.domain.words import protein_words, words_of_chains
from binding.errors import WeightsError
from binding.graph.ligand import build_ligand_graph, neutralise
from binding.io.structure import read_protein
from binding.structures import Ligand

DRUGS = {
    "imatinib": "Cc1ccc(cc1Nc1nccc(n1)-c1cccnc1)NC(=O)c1ccc(cc1)CN1CCN(C)CC1",
    "nilotinib": "Cc1ccc(cc1Nc1nccc(n1)-c1cccnc1)C(=O)Nc1cc(cc(c1)C(F)(F)F)-n1cnc(C)c1",
    "ibuprofen": "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "naproxen": "COc1ccc2cc(ccc2c1)C(C)C(=O)O",
    "sumatriptan": "CNS(=O)(=O)Cc1ccc2[nH]cc(CCN(C)C)c2c1",
    "fluconazole": "OC(Cn1cncn1)(Cn1cncn1)c1ccc(F)cc1F",
}


def graph(smiles: str):
    mol = Chem.MolFromSmiles(smiles)
    AllChem.Compute2DCoords(mol)
    return build_ligand_graph(Ligand("x", mol, np.asarray(mol.GetConformer().GetPositions())))


@pytest.fixture(scope="module")
def graphs() -> dict:
    return {name: graph(smiles) for name, smiles in DRUGS.items()}


@pytest.fixture(scope="module")
def protein(examples):
    return read_protein(examples / "5ht1b_protein.pdb.gz")


@pytest.fixture(scope="module")
def domain(graphs, protein) -> Domain:
    """Of all drugs but sumatriptan, on one receptor."""
    known = [graphs[name] for name in DRUGS if name != "sumatriptan"]
    elements = count_elements(known) * 5  # as if five of each
    return Domain.of([fingerprint(ligand) for ligand in known], [protein_words(protein)], (10, 45), elements)


def test_similarities_are_those_of_rdkits_fingerprints_of_the_neutral_molecules(graphs):
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    own = {name: set(fingerprint(ligand).tolist()) for name, ligand in graphs.items()}
    theirs = {name: generator.GetFingerprint(neutralise(Chem.MolFromSmiles(s))) for name, s in DRUGS.items()}
    for first in DRUGS:
        for second in DRUGS:
            tanimoto = len(own[first] & own[second]) / len(own[first] | own[second])
            assert tanimoto == pytest.approx(DataStructs.TanimotoSimilarity(theirs[first], theirs[second]), abs=0.03)


@pytest.mark.parametrize("other", ["CC(C)Cc1ccc(cc1)C(C)C(=O)[O-]", "C(Cc1ccc(C(C([O-])=O)C)cc1)(C)C"])
def test_protonation_and_order_of_atoms_do_not_change_a_fingerprint(graphs, other):
    assert fingerprint(graph(other)).tolist() == fingerprint(graphs["ibuprofen"]).tolist()


def test_nearest_ligand_is_the_greatest_tanimoto(domain, graphs):
    bits = {name: set(fingerprint(ligand).tolist()) for name, ligand in graphs.items()}
    asked = bits["sumatriptan"]
    expected = max(len(asked & other) / len(asked | other) for name, other in bits.items() if name != "sumatriptan")
    assert domain.nearest_ligand(fingerprint(graphs["sumatriptan"])) == expected
    assert domain.nearest_ligand(fingerprint(graphs["imatinib"])) == 1.0


def test_words_need_no_numbers_and_do_not_cross_a_gap(protein):
    words = protein_words(protein)
    moved = replace(protein, residue_numbers=np.arange(protein.num_residues)[::-1], positions=protein.positions + 1e4)
    assert protein_words(moved).tolist() == words.tolist()
    cut = np.ones(protein.num_residues, dtype=bool)
    cut[100::10] = False  # nine residues that follow one another hold six words, not nine
    kept = protein_words(protein.select(cut))
    assert set(kept) < set(words)


def test_words_of_the_chains_around_a_pocket(protein):
    chains = tuple(np.unique(protein.chain_ids).tolist())
    assert words_of_chains(protein, chains).tolist() == protein_words(protein).tolist()
    assert len(words_of_chains(protein, ("no such chain",))) == 0


def test_part_of_a_known_protein_is_known_and_a_shuffled_one_is_not(domain, protein):
    part = protein.select(np.arange(protein.num_residues) < 80)
    assert domain.nearest_protein(protein_words(part)) == 1.0
    order = np.random.default_rng(0).permutation(protein.num_residues)
    shuffled = replace(protein, residue_names=protein.residue_names[order], residue_kinds=protein.residue_kinds[order])
    assert domain.nearest_protein(protein_words(shuffled)) < 0.05


def test_what_is_like_the_training_set_is_in_the_domain(domain, graphs, protein):
    near = domain.judge(graphs["nilotinib"], protein_words(protein))
    assert (near.in_domain, near.nearest_ligand, near.nearest_protein, near.warnings) == (True, 1.0, 1.0, ())


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("CC1CC2(C)C3CCC4CC(O)CCC4(C)C3CCC2C1C(C)O", "the ligand is unlike all in training"),
        ("CCO", "3 heavy atoms, in training 10 to 45"),
        ("CC(C)Cc1ccc(cc1)C(C)C(=O)O" + "CC(=O)N" * 12, "63 heavy atoms, in training 10 to 45"),
        ("CC(C)Cc1ccc(cc1)C(C)C(=O)OB(O)c1ccccc1", "hardly any B in training"),
        ("CC(C)Cc1ccc(cc1)C(C)C(=O)O[Fe]", "hardly any elements beyond organic chemistry in training"),
    ],
)
def test_what_is_not_like_it_says_why(domain, protein, smiles, reason):
    near = domain.judge(graph(smiles), protein_words(protein))
    assert near.in_domain is False
    (warning,) = near.warnings
    assert warning.startswith("outside the training domain: ")
    assert reason in warning


def test_an_unknown_protein_is_told(domain, graphs, examples):
    other = read_protein(examples / "1s2g_protein.pdb.gz")
    near = domain.judge(graphs["imatinib"], protein_words(other))
    assert near.in_domain is False
    assert near.nearest_protein < 0.1
    assert "the protein is unlike all in training" in near.warnings[0]


def test_a_structure_without_a_chain_is_judged_by_its_ligand(domain, graphs):
    near = domain.judge(graphs["imatinib"], np.zeros(0, dtype=np.uint32))
    assert near.in_domain
    assert np.isnan(near.nearest_protein)


def test_the_file_gives_the_same_answers_and_the_same_bytes(domain, graphs, protein, tmp_path):
    weights = tmp_path / "model.safetensors"
    domain.save(weights)
    first = domain_path(weights).read_bytes()
    again = Domain.load(weights)
    again.save(weights)
    assert domain_path(weights).read_bytes() == first
    words = protein_words(protein)
    for ligand in graphs.values():
        assert again.judge(ligand, words) == domain.judge(ligand, words)


def test_the_order_of_the_training_set_does_not_matter(graphs, tmp_path):
    rows = [fingerprint(ligand) for ligand in graphs.values()]
    elements = count_elements(graphs.values())
    for name, bits in (("a", rows), ("b", rows[::-1] + rows)):
        Domain.of(bits, [], (10, 45), elements).save(tmp_path / name)
    assert domain_path(tmp_path / "a").read_bytes() == domain_path(tmp_path / "b").read_bytes()


def test_sets_are_merged(graphs, protein):
    first = Domain.of([fingerprint(graphs["imatinib"])], [], (10, 45), np.zeros(13))
    second = Domain.of([fingerprint(graphs["ibuprofen"])], [protein_words(protein)], (8, 40), np.zeros(13))
    both = Domain.merged([first, second, second])
    assert (both.num_ligands, both.num_proteins, both.atoms) == (2, 1, (8, 45))
    assert both.nearest_ligand(fingerprint(graphs["ibuprofen"])) == 1.0


def test_weights_without_the_file_know_no_domain(tmp_path):
    assert Domain.load(tmp_path / "model.safetensors") is None


@pytest.mark.parametrize("damage", [b"", b"no archive", "cut"])
def test_a_damaged_file_is_refused(domain, tmp_path, damage):
    domain.save(tmp_path / "model.safetensors")
    path = domain_path(tmp_path / "model.safetensors")
    path.write_bytes(path.read_bytes()[:-300] if damage == "cut" else damage)
    with pytest.raises(WeightsError, match=r"model\.domain\.npz"):
        Domain.load(path)


@pytest.mark.parametrize(
    ("name", "spoil", "told"),
    [
        ("bits", lambda array: array.astype(str), "do not fit together"),
        ("bits", lambda array: array + 2048, "bits that are not from 0 to 2047"),
        ("bit_counts", lambda array: array[:-1], "bit_counts does not count the bits of the training set"),
        ("words", lambda array: array + 160_000, "words that are not from 0"),
        ("word_counts", lambda array: array * 2, "word_counts"),
        ("atoms", lambda array: array[:, None], "do not fit together"),
        ("elements", lambda array: array[:0], "do not fit together"),
        ("elements", lambda array: array.astype(np.float32), "do not fit together"),
        ("version", lambda array: array.astype("M8[s]"), "do not fit together"),
        ("version", lambda array: array + 1, "has format 2"),
        ("words", lambda array: None, "lacks words"),
    ],
)
def test_arrays_that_are_no_training_set_are_refused(domain, tmp_path, name, spoil, told):
    domain.save(tmp_path / "model.safetensors")
    path = domain_path(tmp_path / "model.safetensors")
    arrays = dict(np.load(path))
    array = spoil(arrays.pop(name))
    np.savez(path, **arrays, **({} if array is None else {name: array}))
    with pytest.raises(WeightsError, match=told):
        Domain.load(path)


def test_an_index_that_others_ask_gives_the_same_nearness(graphs, domain):
    """Its ligands are left out of the domain's own; those that are not of the training set do not count."""
    known = [fingerprint(graphs[name]) for name in ("imatinib", "naproxen")]
    shared = BitIndex(np.concatenate(known), np.array([len(bits) for bits in known]))
    alone = {name: domain.nearest_ligand(fingerprint(ligand)) for name, ligand in graphs.items()}
    other = Domain.of([fingerprint(graphs[name]) for name in DRUGS if name != "sumatriptan"], [], (10, 45), np.ones(13))
    other.share(known, shared)
    assert {name: other.nearest_ligand(fingerprint(ligand)) for name, ligand in graphs.items()} == alone
    known.insert(1, fingerprint(graphs["sumatriptan"]))  # a stranger
    other.share(known, BitIndex(np.concatenate(known), np.array([len(bits) for bits in known])))
    assert {name: other.nearest_ligand(fingerprint(ligand)) for name, ligand in graphs.items()} == alone
    assert alone["sumatriptan"] < 1


def test_what_an_index_was_asked_is_not_computed_again(graphs, monkeypatch):
    bits = [fingerprint(ligand) for ligand in graphs.values()]
    index = BitIndex(np.concatenate(bits[1:]), np.array([len(row) for row in bits[1:]]))
    greatest = index.similarity(bits[0]).max()
    monkeypatch.setattr(BitIndex, "similarity", None)
    assert index.greatest(bits[0]) == greatest
