"""Which rows train and which are held out."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from binding.config import SourceConfig, ValidationConfig
from binding.errors import ConfigError, TableError
from binding.folds import fold_of, groups_of
from binding.io.rows import read_rows

TRAIN: Final = "train"
VALIDATION: Final = "validation"
TEST: Final = "test"
LEFT_OUT: Final = "left_out"
SIDES: Final = (TRAIN, VALIDATION, TEST, LEFT_OUT)


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
            f"Cannot apply where: {source.where!r} to {source.cache}: {error}.",
            f"The columns are {', '.join(table.columns)}.",
        ) from None
    if kept.empty:
        raise ConfigError(f"where: {source.where!r} keeps no row of {source.cache}.", "Check the values of the column.")
    return kept


def split_rows(
    tables: list[pd.DataFrame], validation: ValidationConfig | None
) -> tuple[list[pd.Index], list[pd.Index]]:
    """Training and validation rows of each source.

    A group held out from the validating source is held out from all others as well. Of a file only the rows of
    ``train`` are trained on, and those of ``validation`` in the validating source are held out.

    Args:
        tables: One a source, already filtered.
        validation: None trains on every row.

    Returns:
        For each source the index of its training rows and of its validation rows.

    Raises:
        ConfigError: The column is missing, the fold does not exist, a row is not in the file, or a side is empty.
        FileError, TableError: The file of the split cannot be read.
    """
    if validation is None:
        return [table.index for table in tables], [table.index[:0] for table in tables]
    if validation.source >= len(tables):
        raise ConfigError(f"validation.source {validation.source} does not exist.", f"There are {len(tables)} sources.")
    if validation.file is not None:
        return _split_by_file(tables, validation.file, validation.source)
    if validation.fold >= validation.folds:
        raise ConfigError(f"Fold {validation.fold} of {validation.folds} does not exist.", "Folds count from 0.")
    if validation.column not in tables[validation.source].columns:
        raise ConfigError(
            f"validation.column {validation.column!r} is not in the table.",
            f"The columns are {', '.join(tables[validation.source].columns)}.",
        )
    train, held_out = [], []
    for row, table in enumerate(tables):
        inside = groups_of(table, validation.column).map(lambda g: fold_of(g, validation.folds)) == validation.fold
        train.append(table.index[~inside])
        held_out.append(table.index[inside] if row == validation.source else table.index[:0])
    if not len(held_out[validation.source]) or not any(len(part) for part in train):
        raise ConfigError("The split leaves one side empty.", "Use fewer folds or another column.")
    return train, held_out


def read_split(path: str | Path) -> dict[str, str]:
    """The side of each id, from a file that ``binding split`` or another program wrote.

    Args:
        path: Table with the columns ``id`` and ``split``, whose values are ``train``, ``validation``, ``test`` and
            ``left_out``.

    Raises:
        FileError: It is missing or empty.
        TableError: A column is missing, a row does not fit, a value is none of these, or an id occurs twice.
    """
    path = Path(path)
    sides: dict[str, str] = {}
    for row in read_rows(path, required=("id", "split")):
        if row.error is not None:
            raise row.error
        name, side = row.cells["id"], row.cells["split"]
        if side not in SIDES:
            raise TableError(f"{path}, line {row.line}: the split of {name!r} is {side!r}.", f"Use {', '.join(SIDES)}.")
        if name in sides:
            raise TableError(f"{path} has the id {name!r} more than once.", "Give each id one row.")
        sides[name] = side
    return sides


def _split_by_file(tables: list[pd.DataFrame], path: Path, validating: int) -> tuple[list[pd.Index], list[pd.Index]]:
    sides = read_split(path)
    train, held_out = [], []
    for row, table in enumerate(tables):
        side = table["id"].astype(str).map(sides)
        if side.isna().any():
            raise ConfigError(
                f"{int(side.isna().sum())} of {len(table)} rows of sources.{row} are not in {path}, "
                f"such as {table['id'][side.isna()].iloc[0]!r}.",
                "Split the folders of all sources together: binding split FOLDER FOLDER ... -o FILE.",
            )
        train.append(table.index[side == TRAIN])
        held_out.append(table.index[side == VALIDATION] if row == validating else table.index[:0])
    if not any(len(part) for part in train):
        raise ConfigError(f"{path} leaves no row to train on.", "See its counts; use another column or fraction.")
    if VALIDATION in sides.values() and not len(held_out[validating]):
        raise ConfigError(
            f"No row of sources.{validating} is under {VALIDATION} in {path}.",
            "Name another source by validation.source, or split with --validation 0.",
        )
    return train, held_out
