"""Scoring: requests to rows, one pipeline that predict, screen and explain read."""
