"""How long work tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

#: Called with the numbers of items done and to do.
Advance = Callable[[int, int], None]

#: Called with a phase's name; returns what is called as the phase advances, or None where nobody watches.
Announce = Callable[[str], Advance | None]
