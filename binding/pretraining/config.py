"""Settings of pre-training: which encoder learns from what."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from binding.config import ModelConfig, RunConfig, Settings, ValidationConfig


class MoleculeSource(Settings):
    """One file of molecules."""

    file: Path = Field(description="SDF or MOL2 of many records, also gzipped")
    index: Path | None = Field(
        None, description="table by record title: affinities, and the columns of `where` and `validation`"
    )
    where: str | None = Field(None, description="pandas query over the index, such as `year < 2015`")


class PocketSource(Settings):
    """One cache of complexes, for its pockets."""

    cache: Path = Field(description="made by `binding prepare`")
    where: str | None = Field(None, description="pandas query over the cache's table")


class _TaskSettings(Settings):
    epochs: int = Field(10, ge=1, description="passes over the sources")
    mask: float = Field(0.15, gt=0.0, lt=1.0, description="share of the atoms or amino acids that are masked")
    learning_rate: float = Field(
        1e-3, gt=0.0, description="peak rate of AdamW: warm-up in a tenth of the steps, then a cosine down to 2 %"
    )


class LigandTask(_TaskSettings):
    """Pre-training of the ligand encoder."""

    molecules: tuple[MoleculeSource, ...] = Field(min_length=1, description="list of files to learn from")
    batch_size: int = Field(64, ge=1, description="molecules in a step")
    affinity_weight: float = Field(0.5, ge=0.0, description="weight of measured pK in the loss; 0 ignores affinities")


class PocketTask(_TaskSettings):
    """Pre-training of the pocket encoder."""

    pockets: tuple[PocketSource, ...] = Field(min_length=1, description="list of caches to learn from")
    batch_size: int = Field(16, ge=1, description="pockets in a step")


class PretrainConfig(RunConfig):
    """Pre-training of one encoder or both, complete."""

    model: ModelConfig = Field(ModelConfig(), description="the model that the encoders are for; sizes must be the same")
    ligand: LigandTask | None = Field(None, description="pre-training of the ligand encoder")
    pocket: PocketTask | None = Field(None, description="pre-training of the pocket encoder")
    validation: ValidationConfig | None = Field(
        None, description="as in training: rows that training will hold out measure the encoders and teach them nothing"
    )
    output: Path = Field(description="folder of the encoders and their logs")
    seed: int = Field(0, ge=0, description="seed of the weights, the order of rows, masks and dropout")
    threads: int | None = Field(None, ge=1, description="CPU threads; null uses all cores")

    @model_validator(mode="after")
    def _something_to_do(self) -> Self:
        if self.ligand is None and self.pocket is None:
            raise ValueError("give a section ligand, a section pocket, or both")
        return self
