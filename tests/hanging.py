"""What worker processes do in tests of time limits: a ligand titled ``hangs`` takes ten minutes to read.

Imported there alone, as the function of a ``WorkerPool``.
"""

import time

from binding.data import piece_job
from binding.io import ligand
from binding.poses import series
from binding.pretraining import molecules
from binding.score import featurize
from binding.screening import score

TITLE = "hangs"
_prepare = ligand.prepare_ligand


def _slow(mol, name, **more):
    if name == TITLE:
        time.sleep(600)
    return _prepare(mol, name, **more)


ligand.prepare_ligand = _slow
featurize_in_worker = featurize.featurize_in_worker
make_piece = piece_job.make_piece
read_chunk = molecules.read_chunk


def score_parts(task):
    """Of a screen, without a network."""
    from tests.screening.dying_worker import FakeScorer

    return score.PartScorer(task, FakeScorer())


def place_in_worker(placer):
    """Of a series, of which nothing is read in the worker."""
    place = series.place_in_worker(placer)

    def slow(compound):
        if compound.name == TITLE:
            series.begin(0)
            time.sleep(600)
        return place(compound)

    return slow
