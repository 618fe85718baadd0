"""The measurements that the prior's part of a pk is made of, as rows."""

from __future__ import annotations

from typing import Any, Final

from binding.prior.evidence import Evidence

#: Of the table of evidence: one row for each listed measurement, then the mean of all, then all others together.
EVIDENCE_COLUMNS: Final = (
    "id",
    "rank",
    "measured",
    "measured_pk",
    "ligand_similarity",
    "site_similarity",
    "weight",
    "pk",
)
#: Measurements that are listed where no one says how many.
LISTED: Final = 10
MEAN: Final = "mean of all measurements"
UNNAMED: Final = "not named"


def evidence_rows(name: str, evidence: Evidence | None) -> list[dict[str, Any]]:
    """Rows of ``EVIDENCE_COLUMNS``; their ``pk`` adds up to ``pk_prior_ligand`` + ``pk_prior_site``.

    Args:
        name: ``id`` of the complex.
        evidence: None, where the weights have no prior, gives no rows.
    """
    if evidence is None:
        return []
    nothing = float("nan")
    listed = [
        (rank, row.name or UNNAMED, row.measured, row.ligand, row.site, row.weight, row.pk)
        for rank, row in enumerate(evidence.listed, start=1)
    ]
    sums = [
        (None, MEAN, nothing, nothing, nothing, nothing, evidence.mean),
        (None, f"{evidence.others} other measurements", nothing, nothing, nothing, nothing, evidence.rest),
    ]
    return [dict(zip(EVIDENCE_COLUMNS, (name, *row), strict=True)) for row in (*listed, *sums)]
