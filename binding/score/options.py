"""What is needed before the first request is scored: checked and opened in one place for all that scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from binding.errors import UsageError
from binding.graph.site import PocketSpec
from binding.io.template import parse_template
from binding.score.featurize import resolve_pocket

if TYPE_CHECKING:
    from binding.model.weights import Scorer


@dataclass(frozen=True, eq=False)
class Setup:
    """What requests are scored with, all of it checked and opened."""

    scorer: Scorer
    pocket: PocketSpec
    template: str | None
    workers: int | None
    batch_size: int

    @classmethod
    def of(
        cls,
        pocket: PocketSpec | Path | str | None,
        template: str | None,
        model: Scorer | str | Path | None,
        device: str,
        workers: int | None,
        batch_size: int,
    ) -> Setup:
        """From the arguments of ``binding.predict``.

        Raises:
            BindingError: The model, the pocket or the template cannot be used, or a number is out of range.
        """
        from binding.model import weights as checkpoint

        if batch_size < 1 or (workers is not None and workers < 0):
            raise UsageError("batch_size must be 1 or more and workers 0 or more.")
        if template is not None:
            parse_template(template)
        spec = PocketSpec() if pocket is None else resolve_pocket(pocket)
        if model is None or isinstance(model, str | Path):
            model = checkpoint.load_model(model, device=device)
        return cls(model, spec, template, workers, batch_size)

    def options(self) -> dict[str, Any]:
        """What ``predict_requests`` and its like take besides the requests and the scorer."""
        return {name: getattr(self, name) for name in ("pocket", "template", "workers", "batch_size")}
