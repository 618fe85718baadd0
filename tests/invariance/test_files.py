"""The whole way from files to number: moved, reordered, reflected files give the number that they must.

Ordinary files round coordinates, which is a change of the input. So moved complexes are written with every digit
(mmCIF and V3000 are free formats), and PDB with V2000 is tried with the 24 rotations that map the grid onto itself.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from networks import ACHIRAL, CHIRAL, EXAMPLES, example, example_complex
from transforms import (
    CLEARLY_DIFFERENT,
    MIRROR,
    TOLERANCE,
    assert_same,
    cube_motions,
    deviation,
    moved_ligand,
    moved_protein,
    permuted_protein,
    random_motions,
    rounded,
    v2000_record,
    v3000_record,
    write_cif,
    write_pdb,
)

from binding import api
from binding.graph.fields import ComplexGraph
from binding.graph.site import PocketSpec
from binding.score.featurize import Featurized, featurize
from binding.score.jobs import Job

#: The receptors are cut this far from the ligand before they are written, to save time; the pocket is cut at 10 Å.
WRITTEN = 13.0


def graph_of(protein: Path, ligand: Path) -> ComplexGraph:
    """As ``binding predict`` makes it of two files."""
    (found,) = featurize(Job(protein, ligand, PocketSpec()))
    assert isinstance(found, Featurized), found.error
    return found.graph


def written(cx, folder: Path, stem: str, generator: np.random.Generator | None = None) -> ComplexGraph:
    """The graph of a complex after a round trip through mmCIF and SDF V3000; in random order with a generator."""
    pocket = permuted_protein(cx.pocket, generator) if generator is not None else cx.pocket
    protein, ligand = write_cif(folder / f"{stem}.cif", pocket), folder / f"{stem}.sdf"
    ligand.write_text(v3000_record(cx.ligand, generator))
    return graph_of(protein, ligand)


def moved(cx, motion):
    from dataclasses import replace

    return replace(cx, pocket=moved_protein(cx.pocket, motion), ligand=moved_ligand(cx.ligand, motion))


def scores(scorer, graphs: list[ComplexGraph]) -> np.ndarray:
    result = [scorer.score(graphs[start : start + 30]) for start in range(0, len(graphs), 30)]
    return np.concatenate([np.stack([s.pk, s.pk_std, s.pk_ligand_only, s.pose], axis=1) for s in result])


@pytest.fixture(scope="session")
def rotated(tmp_path_factory):
    """Graphs of two complexes as distributed, and of each after 100 motions, through files."""
    folder = tmp_path_factory.mktemp("rotated")
    graphs = {}
    for seed, name in enumerate((CHIRAL, "6wqa")):
        cx = example_complex(name, cutoff=WRITTEN)
        graphs[name] = [written(cx, folder, f"{name}-still")]
        for number, motion in enumerate(random_motions(100, seed=10 + seed)):
            graphs[name].append(written(moved(cx, motion), folder, f"{name}-{number}"))
    return graphs


@pytest.fixture(scope="session")
def reordered(tmp_path_factory):
    """Graphs of complexes with residues, atoms, bonds and the ends of bonds in random order in the files."""
    folder = tmp_path_factory.mktemp("reordered")
    generator = np.random.default_rng(20)
    graphs = {}
    for name in (CHIRAL, "1ia1", "5ht1b"):
        cx = example_complex(name, cutoff=WRITTEN)
        graphs[name] = [written(cx, folder, f"{name}-still")]
        graphs[name] += [written(cx, folder, f"{name}-{k}", generator) for k in range(8)]
    return graphs


@pytest.fixture(scope="session")
def cubes(tmp_path_factory):
    """Graphs of a complex after each of the 24 cube rotations, through PDB and SDF V2000."""
    folder = tmp_path_factory.mktemp("cubes")
    cx = rounded(example_complex(CHIRAL, cutoff=WRITTEN), 3)
    graphs = []
    for number, motion in enumerate(cube_motions()):
        image = moved(cx, motion)
        ligand = folder / f"{number}.sdf"
        ligand.write_text(v2000_record(image.ligand))
        graphs.append(graph_of(write_pdb(folder / f"{number}.pdb", image.pocket), ligand))
    return graphs


@pytest.mark.parametrize("name", [CHIRAL, "6wqa"])
def test_a_hundred_motions_through_files(scorer, dtype, rotated, name):
    assert_same(scores(scorer, rotated[name]), dtype)


def test_the_moved_files_really_moved(rotated):
    first, *others = (graph.ligand.positions.mean(axis=0) for graph in rotated[CHIRAL])
    shifts = np.linalg.norm(np.array(others) - first, axis=1)
    assert (shifts > 1.0).all()
    assert (shifts > 9_000.0).sum() == 50
    frames = np.array([graph.pocket.frames[0] for graph in rotated[CHIRAL]])
    assert deviation(frames) > 0.5


@pytest.mark.parametrize("name", [CHIRAL, "1ia1", "5ht1b"])
def test_order_of_residues_atoms_and_bonds_in_the_files(scorer, dtype, reordered, name):
    assert_same(scores(scorer, reordered[name]), dtype)


def test_ordinary_files_turned_by_the_cube(scorer, dtype, cubes):
    assert len(cubes) == 24
    assert_same(scores(scorer, cubes), dtype)


def test_written_files_are_the_files_as_distributed(scorer, dtype, rotated):
    """The tests' own writers lose nothing: their files score as the example's own do."""
    own = graph_of(EXAMPLES / "1s2g_protein.pdb.gz", EXAMPLES / "1s2g_ligand.sdf")
    assert_same(scores(scorer, [own, rotated[CHIRAL][0]]), dtype)


@pytest.mark.parametrize("name", [CHIRAL, ACHIRAL])
def test_mirror_image_through_files(scorer, tmp_path, name):
    cx = example_complex(name, cutoff=WRITTEN)
    graphs = [written(cx, tmp_path, "hand"), written(moved(cx, MIRROR), tmp_path, "mirror")]
    pk = scorer.score(graphs).pk
    assert deviation(pk) > CLEARLY_DIFFERENT


def test_records_in_another_order(scorer, dtype, tmp_path):
    """Nine docked poses of one ligand: each keeps its number wherever it stands, and rows keep the file's order."""
    records = gzip.decompress((EXAMPLES / "5ht1b_poses.sdf.gz").read_bytes()).decode().split("$$$$\n")[:-1]
    protein = EXAMPLES / "5ht1b_protein.pdb.gz"
    order = np.random.default_rng(30).permutation(len(records))
    paths = {"given": range(len(records)), "shuffled": order}
    tables = {}
    for stem, rows in paths.items():
        path = tmp_path / f"{stem}.sdf"
        path.write_text("".join(records[row] + "$$$$\n" for row in rows))
        tables[stem] = api.predict(protein, path, model=scorer, workers=0, batch_size=4)
    given, shuffled = tables["given"], tables["shuffled"]
    assert list(given["status"]) == ["ok"] * len(example("5ht1b")[1])
    for column in ("pk", "pk_std", "pk_ligand_only", "pose"):
        difference = np.abs(shuffled[column].to_numpy(float) - given[column].to_numpy(float)[order])
        assert difference.max() <= TOLERANCE[dtype]
    assert given["pk"].astype(float).nunique() == len(records), "poses with the same number would prove nothing"
