"""Splits of complexes into training, validation and test rows."""
