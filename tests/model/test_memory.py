"""Settings of memory change neither numbers nor gradients, and leave less for the backward pass."""

from __future__ import annotations

import pytest
import torch
from networks import example_graph, random_member

from binding.graph.batch import collate
from binding.model.weights import Member
from binding.training.largest import kept_by
from scripts.bench.memory import SETTINGS, made_complex

DROPOUT = 0.3


@pytest.fixture(scope="module")
def large():
    """Two made complexes of which a layer's scores are many."""
    return collate([made_complex(120, 90, seed) for seed in range(2)])


def member_of(checkpointing: bool, chunk: int | None) -> Member:
    """In training, with dropout."""
    member = random_member().train().requires_grad_(True)
    for module in member.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = DROPOUT
    member.interaction.save_memory(checkpointing, chunk)
    return member


def gradients(batch, checkpointing: bool, chunk: int | None, **how) -> dict[str, torch.Tensor]:
    """Of all parameters, and beside them what the network said."""
    member = member_of(checkpointing, chunk)
    torch.manual_seed(3)
    with torch.autocast("cpu", dtype=torch.bfloat16, **how):
        output = member.interaction(batch, need_attention=True)
    (output.pk + output.log_variance + output.pose_logit).sum().backward()
    found = {name: p.grad for name, p in member.named_parameters() if p.grad is not None}
    assert len(found) > 50
    weights = torch.cat([part for layer in output.attention for part in layer])
    return found | {"pk": output.pk.detach(), "attention": weights.detach()}


@pytest.mark.parametrize(("checkpointing", "chunk"), [*SETTINGS[1:], (False, 1), (True, 7), (False, 10_000)])
def test_gradients_are_those_of_the_plain_path(large, checkpointing, chunk):
    """With dropout, whose second draw must be the first again, and with ligands that no chunk divides."""
    small = collate([example_graph(name) for name in ("1s2g", "1ia1", "4cup")])
    for batch in (small, large) if chunk != 1 else (small,):
        plain = gradients(batch, False, None, enabled=False)
        thrifty = gradients(batch, checkpointing, chunk, enabled=False)
        assert plain.keys() == thrifty.keys()
        for name, expected in plain.items():
            scale = float(expected.abs().max())
            assert torch.allclose(thrifty[name], expected, rtol=1e-5, atol=1e-5 * max(1.0, scale)), name


def test_in_16_bits_too():
    batch = collate([example_graph(name) for name in ("1s2g", "4cup")])
    plain, thrifty = gradients(batch, False, None), gradients(batch, True, 8)
    assert plain["pk"].tolist() == pytest.approx(thrifty["pk"].tolist(), abs=0.05)
    for name, expected in plain.items():
        assert float((thrifty[name].float() - expected.float()).abs().max()) <= 0.05 * float(expected.abs().max()), name


def test_less_is_kept_for_the_backward_pass(large):
    plain, chunked, checkpointed, both = (kept_by(member_of(*setting), large) for setting in SETTINGS)
    assert chunked < 1.05 * plain, "a CPU holds no more than the pairs in any case; chunks are for a GPU"
    assert checkpointed < 0.35 * plain
    assert both <= checkpointed


def test_a_ligand_far_from_its_pocket_has_no_chunk_of_pairs():
    graph = made_complex(40, 12)
    graph.ligand.positions[:] += 500.0
    output = member_of(True, 4).interaction(collate([graph]))
    output.pk.sum().backward()
    assert len(output.contributions) == 0
    assert torch.isfinite(output.pk).all()
