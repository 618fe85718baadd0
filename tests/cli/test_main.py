"""The program as a whole: help without torch, versions, unknown verbs."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "rdkit", "gemmi", "pandas", "lightning", "e3nn", "numpy", "scipy")


def run(*args):
    return subprocess.run(
        [sys.executable, "-m", "binding.cli.main", *args], capture_output=True, text=True, timeout=120
    )


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "sys.argv = ['binding', '--help']\n"
        "from binding.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0, end.code\n"
        f"loaded = [name for name in {HEAVY} if name in sys.modules]\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for verb in ("predict", "explain", "fetch", "prepare", "train", "evaluate", "info"):
        assert verb in done.stdout
    assert "higher binds tighter" in done.stdout


@pytest.mark.parametrize("verb", ["predict", "explain", "fetch", "prepare", "train", "evaluate", "info"])
def test_help_of_each_verb_imports_no_torch(verb):
    code = (
        "import sys\n"
        f"sys.argv = ['binding', {verb!r}, '--help']\n"
        "from binding.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0, end.code\n"
        "assert 'torch' not in sys.modules and 'rdkit' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_import_binding_loads_neither_torch_nor_rdkit():
    code = "import sys, binding; assert 'torch' not in sys.modules and 'rdkit' not in sys.modules; binding.__version__"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


@pytest.mark.parametrize("args", [["frobnicate"], ["predict", "--no-such-option"], ["predict", "-p"]])
def test_usage_errors_exit_2_without_a_traceback(args):
    done = run(*args)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr


def test_info_prints_versions():
    done = run("info")
    assert done.returncode == 0
    assert done.stdout.startswith("binding ")
    assert "rdkit " in done.stdout


def test_a_bad_file_is_an_error_of_two_lines_and_no_traceback(tmp_path):
    page = tmp_path / "page.pdb"
    page.write_text("<!DOCTYPE html><html></html>")
    done = run("predict", "-p", str(page), "-l", str(page))
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert [line.split(":")[0] for line in lines] == ["error", "hint"]
