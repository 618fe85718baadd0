"""Engines: the same rows however the work is shared out, and what is saved of a job that ends its process."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest
from screen_runs import write

from binding.errors import WeightsError
from binding.graph.site import PocketSpec
from binding.io.ligand import read_ligands
from binding.io.structure import read_protein
from binding.pool import WorkerDiedError
from binding.score.featurize import Featurized, featurize
from binding.score.jobs import Job
from binding.score.options import ScoringOptions
from binding.screening import engines
from binding.screening.engines import run_parts
from binding.screening.library import Library
from binding.screening.plan import EngineOptions, ScreenTask
from binding.screening.records import PartJob, Record, cut_parts
from binding.screening.rescue import work_through
from binding.screening.score import PartScorer
from binding.structures import Protein, ResidueKind


@pytest.fixture
def task(tiny_model, receptor, reference) -> ScreenTask:
    protein = read_protein(receptor)
    around = next(iter(read_ligands(reference))).positions
    scoring = ScoringOptions(model=str(tiny_model), device="cpu", pocket=PocketSpec(reference=around), workers=0)
    return ScreenTask(scoring=scoring, receptor=protein, receptor_name=receptor.name)


def jobs(path):
    return (job for job in cut_parts(Library([path]).records(), 4) if isinstance(job, PartJob))


def test_a_network_in_this_process_fed_by_workers_gives_the_same_rows(task, poses, tmp_path):
    """As on a GPU, where processes only read and build graphs."""
    library = write(tmp_path / "library.sdf", poses[:8])
    here = {part.number: part.table for part in run_parts(jobs(library), task, EngineOptions())}
    fed = {part.number: part.table for part in engines._network_here(jobs(library), task, 1, lambda: False)}
    assert len(here) == 2
    assert fed == here


def test_weights_that_cannot_be_loaded_stop_the_run(task, poses, tmp_path):
    library = write(tmp_path / "library.sdf", poses[:2])
    scoring = replace(task.scoring, model=str(tmp_path / "none.safetensors"))
    broken = replace(task, scoring=scoring)
    with pytest.raises(WeightsError):
        list(run_parts(jobs(library), broken, EngineOptions()))


def test_no_job_is_begun_once_the_run_is_to_stop(task, poses, tmp_path):
    library = write(tmp_path / "library.sdf", poses[:12])
    found = []
    for part in run_parts(jobs(library), task, EngineOptions(), lambda: len(found) > 0):
        found.append(part)
    assert [part.number for part in found] == [0]


class Machine:
    """Does jobs at once; dies of some rows, and of too many records together where told."""

    def __init__(self, deadly=(), once=(), most=100):
        self.deadly, self.once, self.most = set(deadly), set(once), most
        self.deaths = 0

    def submit(self, job):
        future = Future()
        rows = [row for row in range(job.first, job.first + len(job.records)) if row not in job.lost]
        dying = self.deadly.intersection(rows) or self.once.intersection(rows) or len(rows) > self.most
        self.once.difference_update(rows)
        if dying:
            self.deaths += 1
            future.set_exception(WorkerDiedError())
        else:
            future.set_result([(row, row in job.lost) for row in range(job.first, job.first + len(job.records))])
        return future


def joined(pieces):
    return [row for piece in pieces for row in piece]


def rescued(machine, count=6):
    records = tuple(Record(str(n), "", "", n, None) for n in range(count))
    work = [PartJob(0, 10, records), PartJob(1, 10 + count, records)]
    found = sorted(work_through(machine.submit, joined, iter(work), 2, lambda: False))
    assert [row for part in found for row, _ in part] == list(range(10, 10 + 2 * count))
    return [row for part in found for row, lost in part if lost]


def test_a_process_that_died_by_chance_costs_nothing():
    machine = Machine(once={12})
    assert rescued(machine) == []
    assert machine.deaths == 1


def test_only_the_records_that_kill_are_lost():
    assert rescued(Machine(deadly={11, 17})) == [11, 17]


def test_records_that_die_together_only_are_done_one_by_one():
    assert rescued(Machine(most=3)) == []


def test_a_fixed_pocket_leaves_out_a_group_for_the_ligand_that_lies_on_it_alone(receptor, reference):
    """A crystal ligand left in the receptor's file must not stay in, or go, by which ligand comes first."""
    protein = read_protein(receptor)
    ligand = next(iter(read_ligands(reference)))
    with_group = _with_cofactor(protein, ligand.positions)
    aside = next(iter(read_ligands(reference)))
    aside.positions[:] += [2.0, 2.0, 2.0]
    spec = PocketSpec(reference=ligand.positions)
    forward = featurize(Job(with_group, (ligand, aside), spec))
    backward = featurize(Job(with_group, (aside, ligand), spec))[::-1]
    for one, other in zip(forward, backward, strict=True):
        assert isinstance(one, Featurized)
        assert isinstance(other, Featurized)
        assert one.graph.pocket.num_residues == other.graph.pocket.num_residues
    assert forward[1].graph.pocket.num_residues == forward[0].graph.pocket.num_residues + 1


def _with_cofactor(protein: Protein, positions: np.ndarray) -> Protein:
    """The protein with one more group, made of carbons where a ligand lies."""
    count = len(positions)
    return Protein(
        name=protein.name,
        positions=np.concatenate([protein.positions, positions]),
        elements=np.concatenate([protein.elements, np.full(count, 6, protein.elements.dtype)]),
        atom_names=np.concatenate([protein.atom_names, np.array([f"C{n}" for n in range(count)], "<U4")]),
        atom_residue=np.concatenate([protein.atom_residue, np.full(count, protein.num_residues, np.int32)]),
        residue_names=np.append(protein.residue_names, "LIG"),
        residue_kinds=np.append(protein.residue_kinds, np.int8(ResidueKind.COFACTOR)),
        chain_ids=np.append(protein.chain_ids, "Z"),
        residue_numbers=np.append(protein.residue_numbers, np.int32(1)),
        insertion_codes=np.append(protein.insertion_codes, ""),
    )


def test_a_part_is_a_pure_function_of_job_and_task(task, poses, tmp_path):
    job = next(jobs(write(tmp_path / "library.sdf", poses[:4])))
    assert PartScorer(task)(job).table == PartScorer(task)(job).table
