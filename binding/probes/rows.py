"""The probes of one complex as rows with names and units."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from binding.io.results import ResultRow

if TYPE_CHECKING:
    import pandas as pd

#: Of the table of probes. ``level`` is a factor of ``scale`` and Å of ``noise``; ``pk_change`` is signed, and of
#: ``noise`` the root mean square over the draws.
PROBE_COLUMNS: Final = (
    *("id", "probe", "part", "level", "pk", "pk_change", "network_change", "prior_change"),
    *("geometry_change", "pose", "attention_moved", "contributions_moved", "gradients_moved"),
    "breaks",
)
_FLOATS: Final = tuple(name for name in PROBE_COLUMNS if name not in ("id", "probe", "part", "breaks"))
_NAN: Final = float("nan")


@dataclass(frozen=True)
class ProbeRow:
    """One change of a complex or of the model, and what followed.

    Attributes:
        probe: ``none`` (nothing changed), ``off``, ``scale``, ``plant`` or ``noise``.
        part: What was changed: a part of the model, a modality, a residue.
        level: Factor of ``scale``, Å of ``noise``; NaN for the others.
        pk: pK after the change; of ``noise`` the mean over the draws.
        pk_change: pK after less before; of ``noise`` the root mean square over the draws, like the three that follow.
        network_change: That of what the networks say by themselves, whatever weight it has in pk.
        prior_change: The prior's part of it.
        geometry_change: The geometry expert's part of it.
        pose: Probability that the pose is near-native; of ``noise`` the mean.
        attention_moved: Share of the attention that went elsewhere, 0 to 1.
        contributions_moved: The same of the residues' contributions.
        gradients_moved: The same of the residues' gradients.
        breaks: Whether pk changed by more than the limit.
    """

    probe: str
    part: str
    level: float = _NAN
    pk: float = _NAN
    pk_change: float = _NAN
    network_change: float = _NAN
    prior_change: float = _NAN
    geometry_change: float = _NAN
    pose: float = _NAN
    attention_moved: float = _NAN
    contributions_moved: float = _NAN
    gradients_moved: float = _NAN
    breaks: bool = False


@dataclass(frozen=True, eq=False)
class Probed:
    """A result and its probes.

    Attributes:
        row: As ``binding predict`` gives it.
        probes: None of them where there is no number to probe. The first says what holds without a change.
        limit: pK; a greater change is said to break the answer.
    """

    row: ResultRow
    probes: tuple[ProbeRow, ...] = ()
    limit: float = 0.5

    @property
    def breaks_at(self) -> float | None:
        """Å, the least level of noise that breaks the answer; None where no level does."""
        return min((row.level for row in self.probes if row.probe == "noise" and row.breaks), default=None)

    def rows(self) -> list[dict[str, Any]]:
        """Rows of ``PROBE_COLUMNS``."""
        return [{"id": self.row.id, **vars(row)} for row in self.probes]


def to_table(found: Iterable[Probed]) -> pd.DataFrame:
    """``PROBE_COLUMNS`` of some complexes; those that could not be scored have no rows."""
    import pandas as pd

    rows = [row for one in found for row in one.rows()]
    frame = pd.DataFrame(rows, columns=list(PROBE_COLUMNS))
    return frame.astype({**dict.fromkeys(_FLOATS, "float64"), "breaks": "bool"})
