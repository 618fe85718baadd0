"""The meaning of the numbers in a graph, as text that caches and weights carry.

Arrays do not carry the names of their columns: a cache with ``donor`` before ``acceptor`` would be read as one with
``acceptor`` before ``donor``. So each file holds the names of its features in order, and is refused where they differ
from those of this version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from binding.constants import ATOM_CLASSES, LIGAND_ELEMENTS, RESIDUE_TYPES
from binding.graph.fields import ATOM_CATEGORIES, BOND_CATEGORIES, DESCRIPTORS, RESIDUE_SCALARS
from binding.graph.pocket import NEIGHBOUR_CUTOFF, NEIGHBOURS
from binding.structures import ResidueKind

Vocabulary = dict[str, list[str]]
#: Digests of the features of version 0.1, whose caches and weights do not name them. Never to be changed.
_FIRST: Final = {
    "atom_categories": "25e0aab6c317",
    "ligand_elements": "a2157a0b4b30",
    "bond_categories": "ee66401184dc",
    "descriptors": "bb971280e654",
    "residue_kinds": "c2f6fba1a759",
    "residue_types": "a51507948319",
    "residue_scalars": "206624b2ce89",
    "atom_classes": "3ed52895f105",
    "residue_edges": "b9384ec2bd4f",
}


def ligand_vocabulary() -> Vocabulary:
    """The vocabulary of what a cache stores: ligand features and residue kinds."""
    return {
        "atom_categories": [f"{name}:{count}" for name, count in ATOM_CATEGORIES.items()],
        "ligand_elements": [str(number) for number in LIGAND_ELEMENTS],
        "bond_categories": [f"{name}:{count}" for name, count in BOND_CATEGORIES.items()],
        "descriptors": list(DESCRIPTORS),
        "residue_kinds": [kind.name.lower() for kind in ResidueKind],
    }


def full_vocabulary() -> Vocabulary:
    """Of all that a network reads."""
    return ligand_vocabulary() | {
        "residue_types": list(RESIDUE_TYPES),
        "residue_scalars": list(RESIDUE_SCALARS),
        "atom_classes": list(ATOM_CLASSES),
        "residue_edges": [f"nearest:{NEIGHBOURS}", f"cutoff:{NEIGHBOUR_CUTOFF:g}"],
    }


def difference(theirs: object, ours: Mapping[str, list[str]]) -> str:
    """How a file's vocabulary differs from that of this version, in words; empty where it does not.

    Args:
        theirs: As the file holds it. The files of version 0.1 hold none; what they mean is known by ``_FIRST``.
        ours: ``ligand_vocabulary`` or ``full_vocabulary``.
    """
    if theirs is None:
        changed = [group for group, names in ours.items() if _digest(names) != _FIRST[group]]
        return f"it has the {', '.join(changed)} of version 0.1" if changed else ""
    if not isinstance(theirs, Mapping):
        return "its list of features cannot be read"
    for group, names in ours.items():
        found = theirs.get(group)
        if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
            return f"it does not say what its {group} are"
        lacking = [name for name in names if name not in found]
        beyond = [name for name in found if name not in names]
        if lacking or beyond:
            parts = [f"lacks {', '.join(lacking)}"] * bool(lacking) + [f"has {', '.join(beyond)}"] * bool(beyond)
            return f"of {group} it {' and '.join(parts)}"
        if len(found) != len(names):
            return f"it names one of its {group} twice"
        if found != names:
            place = next(k for k, (one, other) in enumerate(zip(found, names, strict=True)) if one != other)
            return f"of {group} it has {found[place]} where this version has {names[place]}"
    return ""


def _digest(names: list[str]) -> str:
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]
