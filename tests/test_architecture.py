"""House rules that no linter holds."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / "binding").rglob("*.py"))
MAX_FUNCTION_LINES = 80
MAX_MODULE_LINES = 400


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(params=MODULES, ids=name_of)
def module(request) -> tuple[Path, ast.Module]:
    return request.param, ast.parse(request.param.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def test_functions_fit_a_screen(module):
    path, tree = module
    long = {
        node.name: lines
        for node in ast.walk(tree)
        # from the first statement: a command's options are declared in its signature
        if isinstance(node, ast.FunctionDef) and (lines := node.end_lineno - node.body[0].lineno) > MAX_FUNCTION_LINES
    }
    assert not long, f"{name_of(path)}: over {MAX_FUNCTION_LINES} lines"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_MODULE_LINES


def test_modules_say_what_they_are(module):
    path, tree = module
    assert ast.get_docstring(tree), f"{name_of(path)} has no docstring"


def test_lightning_stays_with_training(module):
    path, tree = module
    home = name_of(path).startswith("binding/training/") or name_of(path) == "binding/data/datamodule.py"
    assert home or not imported(tree) & {"lightning", "pytorch_lightning"}, name_of(path)


def test_nothing_that_executes_code_is_loaded_from_disk(module):
    path, tree = module
    assert not imported(tree) & {"dill", "joblib", "cloudpickle", "shelve"}, name_of(path)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
            options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            assert options.get("weights_only") == "True", f"{name_of(path)}, line {node.lineno}"


def test_packages_that_need_a_compiler_or_another_licence_are_not_imported(module):
    path, tree = module
    banned = {"torch_cluster", "torch_scatter", "torch_sparse", "pyg_lib", "plip", "openbabel", "click"}
    assert not imported(tree) & banned, name_of(path)


def test_every_package_has_an_init():
    folders = {path.parent for path in MODULES}
    assert [name_of(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_ci_script_can_be_run():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
