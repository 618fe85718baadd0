"""The report of explanations in a browser, from a file and without a network: it draws itself, and its parts answer."""

from __future__ import annotations

import io
import shutil
from dataclasses import replace

import numpy as np
import pytest
from networks import example

from binding import api
from binding.io.table import Request

EVIL = '<script>alert(1)</script>"\' onload="x' + "n" * 500
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SOFTWARE = ("--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
PATIENCE = 180_000  # ms; drawing without a graphics card takes long on a busy machine

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(tmp_path_factory, shipped):
    """Two poses in one site, with attention; one has hostile names."""
    protein, poses = example("5ht1b")
    folder = tmp_path_factory.mktemp("browser")
    requests = [
        Request("first", protein, poses[0]),
        Request(EVIL, replace(protein, name=EVIL), replace(poses[1], name=EVIL)),
        Request("far", protein, replace(poses[2], positions=poses[2].positions + 90.0, name=EVIL)),
    ]
    api.explain(requests, model=shipped, output=folder, attention=True)
    return folder / "report.html"


@pytest.fixture(scope="module")
def opened(report):
    """The page, and what the browser said and asked for meanwhile."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"no browser: looked for {', '.join(BROWSERS)}")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(SOFTWARE), timeout=PATIENCE)
        context = browser.new_context(viewport={"width": 1000, "height": 720}, offline=True, reduced_motion="reduce")
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        said, asked = [], []
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(report.as_uri(), wait_until="domcontentloaded")
        page.wait_for_function("window.explanation !== undefined")
        yield page, said, asked
        browser.close()


@pytest.fixture
def page(opened):
    """The page with its first complex, nothing selected."""
    found = opened[0]
    found.set_viewport_size({"width": 1000, "height": 720})
    found.select_option("#complex", index=0)
    return found


def pixels(page) -> np.ndarray:
    """(height, width, 3) of the 3D view."""
    image = pytest.importorskip("PIL.Image")
    return np.asarray(image.open(io.BytesIO(page.locator("#view canvas").first.screenshot())).convert("RGB"), dtype=int)


def view(page) -> list[float]:
    return page.evaluate("explanation.viewer.view()")


def colours_of_the_map(page) -> list[str]:
    return page.eval_on_selector_all("#map td[data-a]", "cells => cells.map(cell => cell.style.background)")


def test_it_draws_without_an_error_and_asks_for_nothing(opened, page, report):
    seen = pixels(page)
    background = seen[0, 0]
    assert (np.abs(seen - background).sum(axis=2) > 60).mean() > 0.03, "the canvas is as empty as its corner"
    assert page.locator("#drawing svg circle.under").count() == 43
    _, said, asked = opened
    assert [line for line in said if line.startswith(("error", "dialog"))] == []
    assert {url for url in asked if not url.startswith("data:")} == {report.as_uri()}


def test_a_click_on_a_row_moves_the_view_and_marks_its_residue_everywhere(page):
    before = view(page)
    row = page.locator("#residues tbody tr").nth(3)
    label, place = row.locator("td").first.inner_text(), row.get_attribute("data-r")
    row.click()
    assert np.abs(np.subtract(view(page), before)).max() > 0.5
    assert row.get_attribute("aria-selected") == "true"
    page.mouse.move(0, 0)  # away from all that would be told about instead
    assert label in page.inner_text("#said")
    assert page.locator(f'#map th[data-r="{place}"].chosen').count() == 1
    page.keyboard.press("Escape")
    assert page.locator(".chosen[data-r]").count() == 0


def test_an_atom_of_the_drawing_is_chosen_by_a_click(page):
    before = view(page)
    page.locator("#drawing circle.over").nth(5).click()
    assert np.abs(np.subtract(view(page), before)).max() > 0.5
    assert page.evaluate("explanation.state.atom") == 5
    assert page.locator('#map th[data-a="5"].chosen').count() == 1


def test_the_head_chooser_changes_the_map(page):
    contributions = colours_of_the_map(page)
    page.select_option("#quantity", value="attention")
    mean = colours_of_the_map(page)
    assert mean != contributions
    for name in ("#network", "#layer", "#head"):
        page.select_option(name, index=1)  # the first; before it stands the mean
    first = colours_of_the_map(page)
    page.select_option("#head", index=2)
    assert colours_of_the_map(page) != first != mean
    to_residues = colours_of_the_map(page)
    page.select_option("#direction", index=1)
    assert colours_of_the_map(page) != to_residues
    page.select_option("#quantity", value="pk")
    assert colours_of_the_map(page) == contributions


def test_arrow_keys_go_through_rows_and_pairs(page):
    page.locator("#residues tbody tr").first.focus()
    page.keyboard.press("ArrowDown")
    focused = page.evaluate("document.activeElement.dataset.r")
    assert focused == page.locator("#residues tbody tr").nth(1).get_attribute("data-r")
    assert page.evaluate("explanation.state.residue") == int(focused)
    page.locator("#map td[tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.evaluate("explanation.state.atom") == 1
    row = page.locator("#map tbody th").nth(1).get_attribute("data-r")
    assert page.evaluate("explanation.state.residue") == int(row)


def test_the_next_complex_has_its_own_tables_and_its_hostile_name_is_text(opened, page):
    rows = page.inner_text("#residues")
    page.click("#after")
    assert page.inner_text("#title") == EVIL
    assert page.inner_text("#residues") != rows
    assert EVIL in page.text_content("#series")
    assert EVIL in page.text_content("#failed")
    assert page.locator("script").count() == 4
    assert not [line for line in opened[1] if line.startswith("dialog")]


def test_a_series_shows_what_differs_from_a_reference(page):
    assert page.locator("#series tbody tr").count() == 2
    page.select_option("#reference", index=1)
    texts = page.locator("#series tbody tr").first.locator("td.cell").all_inner_texts()
    assert set(texts) == {"+0.00"}, "the reference differs from itself by nothing"
    assert set(page.locator("#series tbody tr").nth(1).locator("td.cell").all_inner_texts()) != {"+0.00"}
    page.select_option("#reference", index=0)


@pytest.mark.parametrize("place", [0, 1])
def test_a_phone_needs_no_sideways_scroll(page, place):
    page.set_viewport_size({"width": 360, "height": 740})
    page.select_option("#complex", index=place)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
