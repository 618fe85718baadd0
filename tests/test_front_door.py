"""What `import binding` costs and offers; each case in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_loads_nothing_heavy():
    heavy = ("torch", "rdkit", "pandas", "numpy", "scipy", "gemmi", "lightning", "e3nn")
    assert run(f"import sys, binding; print([m for m in {heavy!r} if m in sys.modules])") == "[]"


def test_version_is_that_of_the_package():
    from importlib.metadata import version

    assert run("import binding; print(binding.__version__)") == version("binding")


def test_names_are_listed_before_they_are_loaded():
    assert run("import binding; print(sorted(set(binding.__all__) - set(dir(binding))))") == "[]"


def test_unknown_name_is_an_attribute_error():
    assert run("import binding; print(hasattr(binding, 'dock'))") == "False"


@pytest.mark.parametrize(
    "first", ["", "import binding.api", "from binding.api import predict", "import binding.cli.main"]
)
def test_predict_is_the_function_whatever_was_imported_before(first):
    code = (
        f"{first}\nimport binding\nassert callable(binding.predict), binding.predict\nprint(binding.predict.__module__)"
    )
    assert run(code) == "binding.api"
