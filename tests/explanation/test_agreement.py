"""Agreement of attributions, and the table of pairs that holds them."""

from __future__ import annotations

import time

import numpy as np
import pytest
from networks import example, example_complex
from scipy.stats import spearmanr

from binding import api
from binding.explanation.agreement import compare, number_of_contacts, partial
from binding.explanation.rows import PAIR_COLUMNS, Explained


@pytest.fixture(scope="module")
def whole(random_weights) -> Explained:
    """All that can be asked for, of two poses."""
    protein, poses = example("5ht1b")
    asked = {"attention": True, "gradients": True, "occlusion": True}
    return api.explain(protein, poses[:2], model=random_weights, device="cpu", **asked)


def labels(count: int) -> tuple[str, ...]:
    return tuple(f"A:GLY:{number}" for number in range(count))


def test_ranks_and_the_highest_ten_by_hand():
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=(2, 30))
    found = compare(labels(30), {"contacts": second, "contributions": first})
    assert found.measures == ("contributions", "contacts")
    assert found.between("contributions", "contacts") == pytest.approx(spearmanr(first, second).statistic)
    best = [set(np.argsort(each)[-10:].tolist()) for each in (first, second)]
    assert found.top[0, 1] == found.top[1, 0] == len(best[0] & best[1])
    assert found.top[0, 0] == found.most == 10
    assert np.isnan(found.between("contributions", "attention"))


def test_what_is_left_once_another_measure_is_known():
    """A target that is the sum of two independent columns: one of them says all that the other does not."""
    generator = np.random.default_rng(1)
    known, own = generator.normal(size=(2, 4000))
    noise = generator.normal(size=4000)
    found = compare(labels(4000), {"contacts": known, "attention": known + 0.05 * noise, "occlusion": known + own})
    assert abs(found.beyond("attention", "contacts", "occlusion")) < 0.05
    assert (
        "nothing here that counting contacts does not"
        in compare(labels(4000), {"contributions": own, **found.by_measure}).sentence
    )
    better = compare(
        labels(4000), {"contributions": own, "contacts": known, "attention": own, "occlusion": known + own}
    )
    assert better.beyond("attention", "contacts", "occlusion") > 0.9
    assert "more here than counting contacts" in better.sentence
    assert np.isnan(partial(0.5, 1.0, 0.5)), "nothing is left of a measure that is the other one"


def test_the_sentence_names_the_best_first_and_few_residues_are_not_compared():
    values = np.arange(8.0)
    found = compare(labels(8), {"contributions": values, "contacts": -values, "occlusion": values})
    assert "contributions 1.00, number of contacts -1.00" in found.sentence
    assert "Attention" not in found.sentence
    assert "Too few" in compare(labels(3), {"contributions": values[:3], "contacts": values[:3]}).sentence


def test_contacts_are_counted_between_heavy_atoms():
    cx = example_complex("1s2g")
    row = cx.pocket.residue_ids.index("A:PHE:45")
    atoms = cx.pocket.positions[cx.pocket.atom_residue == row]
    distances = np.linalg.norm(atoms[:, None] - cx.ligand.positions, axis=2)
    (found,) = number_of_contacts(cx.pocket, cx.ligand, np.array([row]))
    assert found == (distances <= 4.5).sum()


def test_pairs_hold_each_attribution_where_it_belongs(whole):
    assert tuple(whole.pairs) == PAIR_COLUMNS
    assert whole.pairs.notna().all(axis=None)
    for one in whole.complexes:
        pairs = whole.pairs[whole.pairs["id"] == one.row.id]
        atoms = pairs["atom"].to_numpy() - 1
        column = {label: place for place, label in enumerate(one.attention.residue_labels)}
        residues = pairs["residue_label"].map(column).to_numpy()
        assert one.attention.residue_labels == one.gradients.residue_labels == one.reasons.residue_labels
        assert pairs["attention_to_residue"].to_numpy() == pytest.approx(one.attention.mean()[0][atoms, residues])
        assert pairs["attention_to_atom"].to_numpy() == pytest.approx(one.attention.mean()[1][atoms, residues])
        assert pairs["pk_gradient"].to_numpy() == pytest.approx(one.gradients.pairs[atoms, residues])
        assert pairs["atom_label"].tolist() == [one.attention.atom_labels[atom] for atom in atoms]
        assert one.attention.in_reach[atoms, residues].all()
        assert len(pairs) == one.attention.in_reach.sum()


def test_pairs_add_up_to_residues_atoms_and_contacts_of_pk(whole):
    contacts = whole.parts.filter(regex="^pk_contacts_(vina|learned)$").sum(axis=1).to_numpy()
    assert whole.pairs.groupby("id", sort=False)["pk"].sum().to_numpy() == pytest.approx(contacts, abs=1e-6)
    by_atom = whole.pairs.groupby(["id", "atom"])["pk"].sum()
    atoms = whole.atoms.set_index(["id", "atom"])["pk"]
    assert atoms.loc[by_atom.index].to_numpy() == pytest.approx(by_atom.to_numpy(), abs=1e-9)
    assert not atoms.drop(by_atom.index).any()


def test_residues_and_atoms_have_a_column_for_each_attribution(whole):
    for one in whole.complexes:
        residues = whole.residues[whole.residues["id"] == one.row.id]
        assert residues["attention"].to_numpy() == pytest.approx(one.attention.by_residue())
        assert residues["pk_gradient"].to_numpy() == pytest.approx(one.gradients.residues)
        assert residues["pk_occlusion"].to_numpy() == pytest.approx(one.occlusion.residues)
        atoms = whole.atoms[whole.atoms["id"] == one.row.id]
        assert atoms["pk_gradient"].to_numpy() == pytest.approx(one.gradients.atoms)
        for fragment in one.occlusion.fragments:
            assert atoms["pk_occlusion"].to_numpy()[list(fragment.piece.atoms)] == pytest.approx(fragment.pk)
        assert one.agreement.measures == ("contributions", "gradients", "attention", "contacts", "occlusion")


def test_all_of_it_with_its_page_takes_less_than_ten_seconds_on_two_cores(shipped, tmp_path, examples):
    """CPU seconds, which other programs on the machine do not lengthen; two cores take half of them at best."""
    start = time.process_time()
    asked = {"attention": True, "gradients": True, "occlusion": True}
    api.explain(examples / "6wqa_complex.cif.gz", ligand="A:ZMA:1202", model=shipped, output=tmp_path / "why", **asked)
    assert time.process_time() - start < 10.0


def test_what_was_not_asked_for_is_blank(random_weights):
    protein, poses = example("5ht1b")
    found = api.explain(protein, poses[:1], model=random_weights, device="cpu")
    for table, columns in (
        (found.pairs, ["attention_to_residue", "attention_to_atom", "pk_gradient"]),
        (found.residues, ["attention", "pk_gradient", "pk_occlusion"]),
        (found.atoms, ["attention", "pk_gradient", "pk_occlusion"]),
    ):
        assert len(table)
        assert table[columns].isna().all(axis=None)
    (one,) = found.complexes
    assert one.attention is one.gradients is one.occlusion is None
    assert one.agreement.measures == ("contributions", "contacts")
