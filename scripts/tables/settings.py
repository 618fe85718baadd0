"""Reference tables of settings, from the fields of their classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from binding.config import LearningRates, ModelConfig, SourceConfig, TrainConfig, ValidationConfig
from binding.pretraining.config import LigandTask, MoleculeSource, PocketSource, PocketTask, PretrainConfig
from scripts.tables.common import table


def settings(model: type[BaseModel]) -> Callable[[], str]:
    """A reference of a settings class, from its fields."""

    def block() -> str:
        rows = [
            (
                f"`{name}`",
                _type(field.annotation),
                _default(field.get_default(call_default_factory=True)),
                field.description,
            )
            for name, field in model.model_fields.items()
        ]
        if not all(row[-1] for row in rows):
            raise SystemExit(f"{model.__name__}: every field needs a description")
        return table(("key", "type", "default", "meaning"), rows)

    return block


def _type(annotation: Any) -> str:
    names = {float: "number", int: "integer", str: "text", bool: "true or false", Path: "path", type(None): "null"}
    if get_origin(annotation) in (Union, UnionType):
        return " or ".join(_type(part) for part in get_args(annotation))
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(annotation))
    if get_origin(annotation) is tuple:
        return {str: "list of text", Path: "list of paths"}.get(get_args(annotation)[0], "list of mappings")
    return names.get(annotation, "mapping")


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, BaseModel):
        return "see below"
    if value is None:
        return "null"
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


BLOCKS: dict[str, Callable[[], str]] = {
    "settings_learning_rates": settings(LearningRates),
    "settings_model": settings(ModelConfig),
    "settings_pretrain": settings(PretrainConfig),
    "settings_pretrain_ligand": settings(LigandTask),
    "settings_pretrain_molecules": settings(MoleculeSource),
    "settings_pretrain_pocket": settings(PocketTask),
    "settings_pretrain_pockets": settings(PocketSource),
    "settings_source": settings(SourceConfig),
    "settings_train": settings(TrainConfig),
    "settings_validation": settings(ValidationConfig),
}
