"""Structures from the PDB: ids to a tree of complexes."""
