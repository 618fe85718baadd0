"""``scripts/release/scripts.release.prior_tables``: which complex of the caches says where a ligand binds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from dataset import write_dataset

from scripts.release import prior_tables

ROWS = [  # source, id, uniprot, whether it has a pose, and the site
    ("crystal", "2aaa", "P1", False, "1aaa"),  # was rejected; the first crystal complex of its protein
    ("crystal", "1aaa", "P1", True, "1aaa"),
    ("crystal", "1bbb", "P1", True, "1bbb"),
    ("modelled", "9xyz_1", "P2", True, "9xyz_1"),
    ("modelled", "9xyz_2", "P1", True, "9xyz_2"),
    ("ligands", "3ccc", "P1", False, "1aaa"),  # a crystal complex before a modelled one
    ("ligands", "3ddd", "P2", False, "9xyz_1"),
    ("borrowed", "5aaa", "P3", True, "5aaa"),
    ("modelled", "9xyz_3", "P3", True, "9xyz_3"),
    ("ligands", "3hhh", "P3", False, "5aaa"),  # a borrowed complex before a modelled one
    ("ligands", "3eee", "P2", True, "3eee"),
    ("ligands", "3fff", "P9", False, ""),
    ("ligands", "3ggg", np.nan, False, ""),  # no protein is told
    ("congeneric", "CDK2_a__x1", None, False, "CDK2_a__x2"),
    ("congeneric", "CDK2_a__x2", None, True, "CDK2_a__x2"),
    ("congeneric", "CDK2_b__x1", None, False, ""),  # another series, of which nothing could be posed
]


def test_a_site_is_ones_own_or_that_of_the_same_protein_or_series():
    rows = pd.DataFrame([row[:3] for row in ROWS], columns=["source", "id", "uniprot"])
    posed = {(source, name) for source, name, _, has_pose, _ in ROWS if has_pose}
    assert prior_tables.sites_of(rows, posed) == [row[-1] for row in ROWS]


def test_a_site_is_of_the_same_table():
    """A complex that binding-strict may not see is not where another of its ligands is said to bind."""
    rows = pd.DataFrame([row[:3] for row in ROWS], columns=["source", "id", "uniprot"])
    posed = {(source, name) for source, name, _, has_pose, _ in ROWS if has_pose}
    fewer = rows[rows["id"] != "1aaa"]
    found = dict(zip(fewer["id"], prior_tables.sites_of(fewer, posed), strict=True))
    assert found["3ccc"] == found["2aaa"] == "1bbb"
    assert "1aaa" not in found.values()


def test_an_id_in_two_caches_tells_no_site(tmp_path):
    """Which of the two `binding prior` would take hangs on the order of --sites."""
    report = write_dataset(tmp_path / "made")
    for name in prior_tables.CACHES:
        (tmp_path / f"{name}.npz").symlink_to(report.path)
    with pytest.raises(SystemExit, match=r"borrowed\.npz and an earlier cache both have 1ia1, 1s2g, 4cup"):
        prior_tables.posed_rows(tmp_path)
