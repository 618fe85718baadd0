"""Layers: tensors in, tensors out. Knows no files and no chemistry toolkit."""
