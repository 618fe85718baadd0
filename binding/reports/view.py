"""The page of explanations where it is looked at: in a notebook, or saved as a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Final

from binding.explanation.rows import Explained, Explanation
from binding.files import write_text
from binding.reports.explanation import render
from binding.reports.explanation_folder import DRAWN

HEIGHT: Final = 760  # pixels


class View:
    """A page of explanations; a notebook shows it in place, with 3D and without a network.

    Args:
        page: The HTML.
        height: Pixels that it takes in a notebook.
    """

    def __init__(self, page: str, height: int = HEIGHT) -> None:
        self.page, self.height = page, height

    def save(self, path: str | Path) -> Path:
        """Writes the page as a file.

        Raises:
            FileError: It cannot be written.
        """
        write_text(Path(path), self.page)
        return Path(path)

    def _repr_html_(self) -> str:
        # A frame of its own: its scripts see nothing of the notebook, and its styles change nothing there.
        return (
            f'<iframe srcdoc="{escape(self.page, quote=True)}" sandbox="allow-scripts allow-downloads" '
            f'style="width:100%;height:{self.height}px;border:0" title="Explanation"></iframe>'
        )


def view_of(explained: Explained | Explanation | Iterable[Explanation], height: int = HEIGHT) -> View:
    """The page of some explanations; the first 50 that have a number are drawn.

    Args:
        explained: What ``binding.explain`` or ``binding.api.explain_rows`` gave.
        height: Pixels in a notebook.
    """
    if isinstance(explained, Explained):
        found = explained.complexes
    else:
        found = [explained] if isinstance(explained, Explanation) else list(explained)
    drawn = [item for item in found if item.reasons is not None]
    failed = [item for item in found if item.reasons is None]
    counts = Counter(ok=len(drawn), failed=len(failed))
    return View(render(drawn[:DRAWN], failed[:DRAWN], counts), height)
