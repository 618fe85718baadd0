"""`binding info`: the card, for people and for programs."""

import json

from binding.domain.index import KNOWN_LIGAND, KNOWN_PROTEIN, Domain
from binding.model.cards import resolve_weights


def test_the_card_of_the_model(binding_, scorer):
    result = binding_("info", "model")
    assert result.exit_code == 0, result.output
    assert "name: fake" in result.stdout
    assert "r: 0.5" in result.stdout


def test_the_card_as_json(binding_, scorer):
    told = json.loads(binding_("info", "model", "--json").stdout)
    domain = told.pop("domain")
    assert told == scorer.card
    assert domain == Domain.load(resolve_weights(None)[0]).summary()
    assert set(domain) == {
        "ligands", "proteins", "heavy_atoms", "elements", "nearest_ligand_from", "nearest_protein_from",
    }  # fmt: skip


def test_what_the_training_set_covers(binding_, scorer):
    domain = Domain.load(resolve_weights(None)[0])
    said = binding_("info", "model").stdout
    fewest, most = domain.atoms
    assert f"training domain: {domain.num_ligands:,} different ligands of {fewest} to {most} heavy atoms (" in said
    assert f"and {domain.num_proteins:,} different proteins" in said
    assert f"nearest_ligand {KNOWN_LIGAND:g} and nearest_protein {KNOWN_PROTEIN:g}" in said


def test_weights_that_do_not_know_their_training_set(binding_, scorer, tmp_path):
    (tmp_path / "old.safetensors").touch()
    (tmp_path / "old.json").touch()
    result = binding_("info", "model", tmp_path / "old.safetensors")
    assert "training domain: not known, there is no old.domain.npz beside the weights" in result.stdout
    assert json.loads(binding_("info", "model", tmp_path / "old.safetensors", "--json").stdout)["domain"] is None


def test_an_unknown_topic_is_a_usage_error(binding_):
    assert binding_("info", "weather").exit_code == 2
