"""How long a record may take before it is given up: the one place that says so.

A worker says which record it is at (``binding.worker.begin``); one that takes longer than these seconds is a failed
row, and the others go on. Only another process can be ended, so that nothing here holds for work in the main process.
"""

from __future__ import annotations

from typing import Final

from binding.errors import UsageError
from binding.pool import TimeLimit

#: Seconds for reading one record, finding its pocket and building its graph: some hundredths of one as a rule. Also
#: for reading a receptor, which records share.
RECORD_SECONDS: Final = 30.0
#: Seconds for placing one compound: one or two as a rule.
PLACE_SECONDS: Final = 120.0
#: Seconds for docking one compound, all its stereoisomers: some minutes as a rule.
DOCK_SECONDS: Final = 1800.0
_REST: Final = 120.0  # seconds for loading the model and the like, on any machine
_REST_EACH: Final = 1.0  # and for each record that the network scores: some thousandths of a second as a rule


def time_limit(usual: float, asked: float | None = None, records: int = 0) -> TimeLimit:
    """The limit for a job.

    Args:
        usual: Seconds for a record, one of the above.
        asked: Seconds that the user allows instead.
        records: That the job scores as well.
    """
    return TimeLimit(item=usual if asked is None else asked, rest=_REST + _REST_EACH * records)


def check_seconds(asked: float | None) -> None:
    """Refuse a limit that is none.

    Raises:
        UsageError: It is no positive number.
    """
    if asked is not None and not 0 < asked < float("inf"):
        raise UsageError("A time limit is a positive number of seconds.", "Check --time-limit.")
