"""Screening: a library against a pocket, in parts that are written once, resumed, shared out and never lost."""
