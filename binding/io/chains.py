"""Chains that share a name, kept apart.

GROMACS, tleap and many scripts write every chain without a name, or call all of them A. gemmi puts residues of one
chain name and number together, so that the chains of a dimer come out interleaved, two residues of each number in a
row. Here the file's order is restored: where residue numbers begin again, another chain begins.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import gemmi
import numpy as np

_APART: Final = 3.5  # Å between two alpha carbons of one residue number; conformers without a label are closer


def chains_are_merged(positions: np.ndarray, alpha: np.ndarray, starts: np.ndarray) -> bool:
    """Whether a residue holds the alpha carbons of more than one chain.

    Args:
        positions: (atoms, 3) Å.
        alpha: (atoms,) bool, alpha carbons without an alternate location.
        starts: (atoms,) bool, whether an atom begins another residue.
    """
    rows = np.flatnonzero(alpha)
    residue = np.cumsum(starts)[rows]
    same = np.flatnonzero(residue[1:] == residue[:-1])
    distance = np.linalg.norm(positions[rows[same + 1]] - positions[rows[same]], axis=1)
    return bool((distance > _APART).any())


def end_chains(data: bytes) -> bytes | None:
    """A PDB file with a TER line wherever residue numbers begin again under one chain name; None where none do.

    Read with ``split_chain_on_ter``, it keeps its chains apart.
    """
    lines: list[bytes] = []
    seen: dict[bytes, set[bytes]] = {}
    last: dict[bytes, bytes] = {}
    found = False
    for line in data.splitlines(keepends=True):
        if line.startswith(b"ENDMDL"):
            seen, last = {}, {}
        elif line.startswith(b"ATOM  ") or (line.startswith(b"HETATM") and _is_amino_acid(line[17:20].strip())):
            chain, number = line[20:22], line[22:27]
            if number != last.get(chain):
                if number in seen.setdefault(chain, set()) and _goes_back(last[chain], number):
                    lines.append(b"TER\n")
                    seen[chain] = set()
                    found = True
                seen[chain].add(number)
                last[chain] = number
        lines.append(line)
    return b"".join(lines) if found else None


def _goes_back(before: bytes, now: bytes) -> bool:
    try:
        return int(now[:4]) < int(before[:4])
    except ValueError:  # hybrid-36 or damaged: nothing is claimed about its order
        return False


@lru_cache(maxsize=512)
def _is_amino_acid(name: bytes) -> bool:
    return gemmi.find_tabulated_residue(name.decode("ascii", errors="replace")).is_amino_acid()
