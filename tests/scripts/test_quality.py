"""Programs that judge the tests: which changes of code they make, what a process answers, how lines are counted."""

from __future__ import annotations

import ast
import time

import pytest

from scripts.quality import mutants
from scripts.quality.coverage import share

CODE = '''"""Words."""

LIMIT: int = 3


def f(x: int, y: int = 1) -> bool:
    """More words."""
    if x < LIMIT and not y:
        raise ValueError("no " + "x")
    print("x")
    return x - y == 2
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "m.py").write_text(CODE)
    monkeypatch.setattr(mutants, "ROOT", tmp_path)
    return "m.py"


def test_each_change_is_made_once_and_words_are_left_alone(module):
    found = mutants.mutants_of(module)
    assert [(mutant.line, mutant.what) for mutant in found] == [
        (3, "3 to 4"),
        (6, "1 to 2"),
        (8, "condition True"),
        (8, "condition False"),
        (8, "And to Or"),
        (8, "Lt to LtE"),
        (8, "without Not"),
        (10, "statement left out"),
        (10, "'x' to 'xx'"),
        (11, "returns None"),
        (11, "Eq to NotEq"),
        (11, "Sub to Add"),
        (11, "2 to 3"),
    ]
    made = {ast.unparse(mutants.changed(mutant)) for mutant in found}
    assert len(made) == len(found)
    assert ast.unparse(ast.parse(CODE)) not in made
    assert any("return x + y == 2" in code and "x < LIMIT and (not y)" in code for code in made)


def test_what_a_process_answers(monkeypatch):
    """Time of the processor counts, so that a busy machine ends nothing; of one that only waits, that of the clock."""
    assert mutants._in_child(lambda: {"a": [1]}, 30) == {"a": [1]}
    assert mutants._in_child(lambda: 1 / 0, 30) is None
    assert mutants._in_child(lambda: sum(iter(int, 1)), 1) is None
    monkeypatch.setattr(mutants, "_ASLEEP", 0.2)
    assert mutants._in_child(lambda: time.sleep(60), 1) is None


def test_changes_without_a_difference_are_told_from_those_that_are_missed(module, tmp_path, monkeypatch):
    path = tmp_path / "harmless.yaml"
    path.write_text("- module: m.py\n  line: 'print(\"x\")'\n  changes: [statement left out]\n  why: words\n")
    monkeypatch.setattr(mutants, "HARMLESS", path)
    answers = {m: "killed" if m.line < 10 else "survived" for m in mutants.mutants_of(module)[:9]}
    left = mutants._left(answers)
    shown = {"module": "m.py", "line": 'print("x")'}
    assert left["harmless"] == [shown | {"change": "statement left out", "why": "words"}]
    assert left["missed"] == [shown | {"change": "'x' to 'xx'"}]


def test_every_explained_change_is_one_that_can_be_made():
    possible = {(m.module, m.text, m.what) for module in mutants.MODULES for m in mutants.mutants_of(module)}
    assert set(mutants.reasons()) <= possible


def test_tests_are_those_that_reach_the_line_quickest_first():
    reached = {
        "lines": {"m.py": {"3": ["slow", "quick"], "4": ["endless", "quick"], "9": ["other"]}},
        "seconds": {"slow": 2.0, "quick": 0.1, "endless": 99.0, "other": 1.0},
    }
    assert mutants._tests_for(mutants.Mutant("m.py", 3, "", 0), reached) == ["quick", "slow"]
    assert mutants._tests_for(mutants.Mutant("m.py", 4, "", 0), reached) == ["quick"]
    assert mutants._tests_for(mutants.Mutant("m.py", 1, "", 0), reached) == ["quick", "other", "slow"]
    assert mutants._tests_for(mutants.Mutant("n.py", 1, "", 0), reached) == []


def test_lines_are_counted_by_room():
    files = {
        "binding/io/a.py": {"summary": {"covered_lines": 3, "num_statements": 4}},
        "binding/io/b.py": {"summary": {"covered_lines": 5, "num_statements": 5}},
        "binding/graph/a.py": {"summary": {"covered_lines": 1, "num_statements": 9}},
    }
    assert share({"files": files}, "io") == (8, 9)
