"""What a worker process does in these tests: some records end the process that reads them.

No torch, so that the processes start fast: pk is the number of heavy atoms / 4.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from binding.screening.plan import ScreenTask
from binding.screening.records import PartJob
from binding.screening.score import FinishedPart, PartScorer, PreparedPart

ALWAYS = "ends its process"
ONCE = "ends a process once"


class FakeScorer:
    name = "fake"
    interval = 1.6
    domain = binder = None
    device = SimpleNamespace(type="cpu")

    def launch(self, graphs):
        """What is scored when it is read."""
        return SimpleNamespace(read=lambda: self.score(graphs))

    def score(self, graphs):
        atoms = np.array([graph.ligand.num_atoms for graph in graphs], dtype=float)
        parts = {"pk_ligand_only": atoms / 5, "pk_network": atoms / 6, "pk_prior": atoms / 7}
        return SimpleNamespace(pk=atoms / 4, pk_std=atoms * 0, **parts, pose=atoms * 0 + 1)


class Dying(PartScorer):
    def prepare(self, job: PartJob) -> PreparedPart:
        for row, record in enumerate(job.records, start=job.first):
            title = record.text.split("\n", 1)[0]
            if row in job.lost:
                continue
            if title == ALWAYS:
                os._exit(9)
            met = Path(record.file).with_suffix(".met")
            if title == ONCE and not met.exists():
                met.touch()
                os._exit(9)
        return super().prepare(job)


def score_parts(task: ScreenTask) -> PartScorer:
    return Dying(task, FakeScorer())


def whole(job: PartJob, task: ScreenTask) -> FinishedPart:
    """What a part would be if no process died."""
    return PartScorer(task, FakeScorer())(job)
