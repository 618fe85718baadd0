"""Which rows train and which are held out."""

from __future__ import annotations

import zlib

import pandas as pd

from binding.config import SourceConfig, ValidationConfig
from binding.errors import ConfigError


def filter_rows(table: pd.DataFrame, source: SourceConfig) -> pd.DataFrame:
    """The rows of a cache's table that a source's ``where`` keeps, with their original index.

    Raises:
        ConfigError: The query cannot be run on the table, or keeps nothing.
    """
    if source.where is None:
        return table
    try:
        kept = table.query(source.where)
    except Exception as error:  # noqa: BLE001 - pandas raises many kinds; each is a fault of the query
        raise ConfigError(
            f"cannot apply where: {source.where!r} to {source.cache}: {error}",
            f"the columns are {', '.join(table.columns)}",
        ) from None
    if kept.empty:
        raise ConfigError(f"where: {source.where!r} keeps no row of {source.cache}", "check the values of the column")
    return kept


def _fold(value: str, folds: int) -> int:
    """The fold of a group: a hash of its name, so that it never depends on what else is in the data."""
    return zlib.crc32(value.encode()) % folds


def _groups(table: pd.DataFrame, column: str) -> pd.Series:
    """Group of each row; a row without a value is a group of its own."""
    own = "row " + table["id"].astype(str)
    if column not in table.columns:
        return own
    return table[column].astype("object").where(table[column].notna(), own).astype(str)


def split_rows(
    tables: list[pd.DataFrame], validation: ValidationConfig | None
) -> tuple[list[pd.Index], list[pd.Index]]:
    """Training and validation rows of each source.

    A group held out from the validating source is held out from all others as well.

    Args:
        tables: One a source, already filtered.
        validation: None trains on every row.

    Returns:
        For each source the index of its training rows and of its validation rows.

    Raises:
        ConfigError: The column is missing, the fold does not exist, or a side is empty.
    """
    if validation is None:
        return [table.index for table in tables], [table.index[:0] for table in tables]
    if validation.fold >= validation.folds:
        raise ConfigError(f"fold {validation.fold} of {validation.folds} does not exist", "folds count from 0")
    if validation.source >= len(tables):
        raise ConfigError(f"validation.source {validation.source} does not exist", f"there are {len(tables)} sources")
    if validation.column not in tables[validation.source].columns:
        raise ConfigError(
            f"validation.column {validation.column!r} is not in the table",
            f"the columns are {', '.join(tables[validation.source].columns)}",
        )
    train, held_out = [], []
    for row, table in enumerate(tables):
        inside = _groups(table, validation.column).map(lambda g: _fold(g, validation.folds)) == validation.fold
        train.append(table.index[~inside])
        held_out.append(table.index[inside] if row == validation.source else table.index[:0])
    if not len(held_out[validation.source]) or not any(len(part) for part in train):
        raise ConfigError("the split leaves one side empty", "use fewer folds or another column")
    return train, held_out
