"""What is fuzzed is read whole, what was found stays mended, and some damages at each test run find nothing.

``python -m scripts.fuzz`` looks for more; see docs/developing/testing.md.
"""

from __future__ import annotations

import copy
import random
from pathlib import Path

import pytest

from binding.errors import BindingError, FileError
from scripts.fuzz import damage
from scripts.fuzz.targets import FINDINGS, SEEDS, TARGETS, Target

FOUND = sorted(path for path in FINDINGS.rglob("*") if path.is_file())
DAMAGED = 6  # of each kind


@pytest.mark.parametrize("kind", TARGETS)
def test_a_whole_file_is_read(kind, prepared):
    target = TARGETS[kind]
    path, seeds = prepared(kind)
    for seed in seeds:
        path.write_bytes(seed)
        assert not [fault.text for fault in target.faults(path)]
        assert any(reads(reader, path) for reader in target.readers)


def reads(reader, path: Path) -> bool:
    try:
        reader(path)
    except BindingError:
        return False
    return True


@pytest.mark.parametrize("found", FOUND, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_was_found_is_answered(found, prepared):
    path, _ = prepared(found.parent.name)
    path.write_bytes(found.read_bytes())
    assert not [fault.text for fault in TARGETS[found.parent.name].faults(path)]


@pytest.mark.parametrize("kind", TARGETS)
def test_damaged_files_are_answered(kind, prepared):
    path, seeds = prepared(kind)
    rng = random.Random(kind)
    for _ in range(DAMAGED):
        path.write_bytes(TARGETS[kind].damage(rng.choice(seeds), rng))
        assert not [fault.text for fault in TARGETS[kind].faults(path)]


@pytest.mark.parametrize("kind", TARGETS)
def test_damages_change_a_file_and_come_again(kind, prepared):
    _, seeds = prepared(kind)
    made = [TARGETS[kind].damage(seeds[0], random.Random(number)) for number in range(8)]
    assert len({*made, seeds[0]}) > 4
    assert made == [TARGETS[kind].damage(seeds[0], random.Random(number)) for number in range(8)]


def test_damages_of_one_file_do_not_reach_the_next():
    """Values that are put into a document are damaged in turn; they are nobody else's."""
    rng, values = random.Random(1), copy.deepcopy(damage._VALUES)
    data = first = b'{"a": [], "b": {"c": [1, {"d": {}}]}}'
    for _ in range(3000):
        data = damage.damage_json(data, rng)[:20_000] or first  # all of a text may go
    assert repr(damage._VALUES) == repr(values)


def test_every_seed_and_finding_is_of_a_kind():
    assert {path.name for folder in (SEEDS, FINDINGS) for path in folder.iterdir()} <= set(TARGETS)
    assert max(path.stat().st_size for folder in (SEEDS, FINDINGS) for path in folder.rglob("*")) < 20_000


@pytest.mark.parametrize(
    ("error", "key"),
    [
        (KeyError("x"), "KeyError-test_targets-reader-"),
        (FileError("No sentence", "Mend it."), "is_no_sentence"),
        (FileError("Bad.", "Mend it.", code="Not a code"), "has_no_code"),
        (FileError("Bad.", "Mend it.", code="empty_file"), None),
    ],
)
def test_what_counts_as_a_fault(tmp_path, error, key):
    def reader(path):
        raise error

    found = list(Target("x", damage.damage_text, (reader,)).faults(tmp_path / "x"))
    assert len(found) == (key is not None)
    assert all(key in fault.key for fault in found)
