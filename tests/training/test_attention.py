"""Entropy of attention in the training log, and the warning where attention collapses."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from networks import SMALL, example_graph, random_member
from train_runs import log_of

from binding.explanation.attention import attention_of
from binding.graph.batch import collate
from binding.model.ensemble import Scorer
from binding.training.attention import attention_entropy, entropy_sums, warn_of_collapse


def test_it_is_that_of_the_attention_maps():
    """Of a batch of one complex: what ``AttentionMaps.entropy`` finds in its maps."""
    graph, member = example_graph("1s2g"), random_member()
    output = member.interaction(collate([graph]), need_attention=True)
    labels = ["x"] * graph.ligand.num_atoms, [str(row) for row in range(graph.pocket.num_residues)]
    maps = attention_of(graph, Scorer("one", {}, [member]), *labels)
    assert attention_entropy(entropy_sums(output)).numpy() == pytest.approx(maps.entropy()[0], abs=1e-4)


def test_complexes_of_a_batch_do_not_mix():
    graphs, member = [example_graph("1s2g"), example_graph("4cup")], random_member()
    each = [entropy_sums(member.interaction(collate([graph]), need_attention=True)) for graph in graphs]
    both = entropy_sums(member.interaction(collate(graphs), need_attention=True))
    assert torch.allclose(both, each[0] + each[1], rtol=1e-4), "sums of parts of a batch add up"
    low, high = torch.minimum(*map(attention_entropy, each)), torch.maximum(*map(attention_entropy, each))
    found = attention_entropy(both)
    assert bool(((found >= low - 1e-4) & (found <= high + 1e-4)).all())


def test_a_run_logs_it_each_epoch(whole):
    found = log_of(whole[0])[["attention_entropy", "attention_entropy_lowest"]]
    assert found.notna().all(axis=None)
    assert ((found > 0.0) & (found < 1.0)).all(axis=None)
    assert (found["attention_entropy_lowest"] < found["attention_entropy"]).all()


@pytest.mark.parametrize(("value", "words"), [(0.001, "a single partner"), (0.999, "all partners alike")])
def test_a_head_that_has_collapsed_is_named(value, words):
    entropy = torch.full((2, 2, 4), 0.6)
    entropy[1, 0, 2] = value
    with pytest.warns(UserWarning, match=rf"{words}: head 3 of layer 2 \(atoms\)\."):
        warn_of_collapse(entropy)


def test_heads_that_choose_and_models_without_layers_are_not_warned_about():
    member = random_member(SMALL.model_copy(update={"num_layers": 0}))
    output = member.interaction(collate([example_graph("4cup")]), need_attention=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_collapse(torch.full((2, 2, 4), 0.6))
        warn_of_collapse(torch.full((1, 2, 4), float("nan")))
        warn_of_collapse(attention_entropy(entropy_sums(output)))
    assert np.prod(attention_entropy(entropy_sums(output)).shape) == 0
