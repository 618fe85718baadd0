"""README and docs say what the shipped weights do: tables, pictures, links."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import binding
from binding.io.columns import PREDICTION, names
from binding.model.weights import STRICT_MODEL, available_models, load_card

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "docs" / "figures"
PAGES = [ROOT / "README.md", ROOT / "data" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
shipped = pytest.mark.skipif(not available_models(), reason="no weights are shipped with this tree")


def write_tables(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "scripts.tables", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def figures(name: str) -> dict:
    return json.loads((FIGURES / name).read_text(encoding="utf-8"))


def test_tables_are_what_the_script_writes():
    done = write_tables("--check")
    assert done.returncode == 0, f"run `make figures`, or scripts.tables:\n{done.stdout}{done.stderr}"


def test_a_figure_typed_by_hand_is_found(tmp_path):
    shutil.copy(ROOT / "README.md", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    page = tmp_path / "docs" / "reference" / "configuration.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("| `6.5` | largest", "| `7.5` | largest"), encoding="utf-8")
    done = write_tables("--check", "--pages", str(tmp_path))
    assert done.returncode == 1
    assert done.stdout.splitlines() == ["differs: docs/reference/configuration.md: settings_model"]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists() and "figures/casf2016" in name and not available_models():
            continue  # drawn from what the weights predict
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert broken == []


def anchors(page: Path) -> set[str]:
    """As GitHub makes them from headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_navigation():
    listed = re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")]
    assert sorted(listed) == sorted(pages)


def test_pages_that_the_code_names_exist():
    named = {}
    for folder in ("binding", "scripts", "configs", "notebooks", "tests"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".yaml", ".ipynb", ".html"} and path.name != Path(__file__).name:
                for page in re.findall(r"docs/[\w/-]+\.md", path.read_text(encoding="utf-8")):
                    named.setdefault(page, path.relative_to(ROOT).as_posix())
    assert {page: path for page, path in named.items() if not (ROOT / page).is_file()} == {}


def test_every_error_code_is_explained():
    source = (ROOT / "binding" / "errors.py").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    codes = set(re.findall(r"``([a-z_]+)``", source)) | set(re.findall(r'code = "([a-z_]+)"', source))
    # Names of columns, and codes of a base class that no error ends with.
    codes -= {"status", "error_code", "exit_code", "error", "bad_structure", "bad_ligand"}
    assert {code for code in codes if f"`{code}`" not in page} == set()


def test_every_column_is_explained():
    page = (ROOT / "docs" / "reference" / "columns.md").read_text(encoding="utf-8")
    columns = set(names(PREDICTION))
    assert {name for name in columns if f"`{name}`" not in page} == set()


def test_schematic_can_be_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    command = [sys.executable, "-m", "scripts.tables.pictures", "--only", "model", "--folder", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.png", "model.svg"]
    assert (tmp_path / "model.svg").read_text(encoding="utf-8").count("<path") > 50


@shipped
def test_card_and_command_line_agree():
    """The release script scores graphs, `binding evaluate` what `binding predict` wrote: one r, one RMSE."""
    measured = figures("casf2016_metrics.json")["columns"][0]["metrics"]
    said = load_card(STRICT_MODEL)["test"]["casf2016"]["pk"]
    for name in ("r", "rmse", "mae", "spearman"):
        assert measured[name]["value"] == pytest.approx(said[name], abs=2e-3)


@shipped
@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_picture_is_drawn_from_the_published_predictions(suffix):
    digest = hashlib.sha256((FIGURES / "casf2016_predictions.csv").read_bytes()).hexdigest()
    assert f"sha256 {digest}".encode() in (FIGURES / f"casf2016.{suffix}").read_bytes()


@shipped
def test_demo_in_the_readme_is_what_the_weights_predict(examples):
    shown = {}
    for line in (FIGURES / "demo.txt").read_text(encoding="utf-8").splitlines():
        cells = re.split(r"\s{2,}", line.strip())
        if cells[-1] in ("ok", "warned"):
            shown[cells[0]] = [float(cell) for cell in cells[2:6]]  # pk, pk_std, pk_ligand_only, pose
    rows = binding.predict(examples / "pairs.csv").set_index("id")
    assert list(shown) == list(rows.index)
    for name, numbers in shown.items():
        expected = rows.loc[name, ["pk", "pk_std", "pk_ligand_only", "pose"]].tolist()
        assert numbers == pytest.approx(expected, abs=0.006), name
