"""Complex -> graph."""

from __future__ import annotations

from binding.graph.fields import ComplexGraph
from binding.graph.ligand import build_ligand_graph
from binding.graph.pocket import build_pocket_graph
from binding.structures import Complex


def build_graph(complex_: Complex) -> ComplexGraph:
    """Both halves of a complex, in the frame of its files.

    Args:
        complex_: A ligand in its pocket.

    Returns:
        NumPy arrays only; see ``binding.graph.fields``.
    """
    return ComplexGraph(ligand=build_ligand_graph(complex_.ligand), pocket=build_pocket_graph(complex_.pocket))
