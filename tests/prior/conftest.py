"""Puts the helpers of this folder and of ``tests/invariance`` within reach."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "invariance"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
