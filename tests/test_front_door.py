"""What `import binding` costs and offers; each case of a fresh import in a process of its own."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import binding

VERBS = sorted(set(binding.__all__) - {"__version__"})


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_loads_nothing_heavy():
    heavy = ("torch", "rdkit", "pandas", "numpy", "scipy", "gemmi", "lightning", "e3nn")
    assert run(f"import sys, binding; print([m for m in {heavy!r} if m in sys.modules])") == "[]"


def test_loading_every_verb_loads_no_torch():
    code = f"import sys, binding; [getattr(binding, name) for name in {VERBS!r}]; print('torch' in sys.modules)"
    assert run(code) == "False"


def test_version_is_that_of_the_package():
    from importlib.metadata import version

    assert run("import binding; print(binding.__version__)") == version("binding")


def test_names_are_listed_before_they_are_loaded():
    assert run("import binding; print(sorted(set(binding.__all__) - set(dir(binding))))") == "[]"


def test_unknown_name_is_an_attribute_error():
    assert run("import binding; print(hasattr(binding, 'score_everything'))") == "False"


ROOMS = "explanation, screening, reports, poses, data, splits, training, evaluation, pretraining, prior"


@pytest.mark.parametrize(
    "first",
    [
        "",
        "import binding.api",
        "from binding.api import predict",
        "import binding.cli.main",
        f"from binding import {ROOMS}",
    ],
)
def test_verbs_are_functions_whatever_was_imported_before(first):
    code = f"{first}\nimport binding\nprint([n for n in {VERBS!r} if type(getattr(binding, n)).__name__ != 'function'])"
    assert run(code) == "[]"


def test_every_verb_of_the_command_line_is_a_function():
    from binding.cli.main import app

    verbs = {command.name for command in app.registered_commands}
    renamed = {"prior": "fit_prior", "info": "model_card"}  # `binding.prior` is a package
    assert sorted(renamed.get(verb, verb) for verb in verbs if renamed.get(verb, verb) not in VERBS) == []


@pytest.mark.parametrize("name", VERBS)
def test_options_have_names_types_and_documentation(name):
    function = getattr(binding, name)
    text = inspect.getdoc(function) or ""
    for parameter in inspect.signature(function).parameters.values():
        assert parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL), parameter
        assert parameter.annotation is not parameter.empty, parameter
        assert f" {parameter.name}" in text, f"{name}({parameter.name}) is not documented"
    assert inspect.signature(function).return_annotation is not inspect.Signature.empty


def test_a_process_that_scores_poses_imports_no_tables():
    """Workers start sooner, and each needs 25 MB less."""
    code = "import sys, binding.screening.score, binding.model.weights; print('pandas' in sys.modules)"
    assert run(code) == "False"
