"""Puts the helpers of ``tests/invariance`` and ``tests/prior`` within reach."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "invariance"), str(TESTS / "prior")]
