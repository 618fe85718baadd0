"""`binding info`: the card, for people and for programs."""

import json


def test_the_card_of_the_model(binding_, scorer):
    result = binding_("info", "model")
    assert result.exit_code == 0, result.output
    assert "name: fake" in result.stdout
    assert "r: 0.5" in result.stdout


def test_the_card_as_json(binding_, scorer):
    assert json.loads(binding_("info", "model", "--json").stdout) == scorer.card


def test_an_unknown_topic_is_a_usage_error(binding_):
    assert binding_("info", "weather").exit_code == 2
