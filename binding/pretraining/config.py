"""Settings of pre-training: which encoder learns from what."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from binding.config import ModelConfig, RunConfig, Settings, ValidationConfig


class MoleculeSource(Settings):
    """One file of molecules."""

    file: Path = Field(description="SDF or MOL2 file, also gzipped")
    index: Path | None = Field(
        None, description="table by record title: affinities, and the columns of `where` and `validation`"
    )
    where: str | None = Field(None, description="pandas query over the index, such as `year < 2015`")
    cache: Path | None = Field(None, description="`.npz` that keeps what was read; rebuilt when the file changes")


class PocketSource(Settings):
    """One cache of complexes, for its pockets."""

    cache: Path = Field(description="made by `binding prepare`")
    where: str | None = Field(None, description="pandas query over the cache's table")


class _TaskSettings(Settings):
    epochs: int = Field(10, ge=1, description="passes over the sources")
    mask: float = Field(0.15, gt=0.0, lt=1.0, description="share of the atoms or amino acids that are masked")
    learning_rate: float = Field(
        1e-3,
        gt=0.0,
        description="peak learning rate of AdamW; warm-up over a tenth of the steps, then cosine decay to 2 %",
    )


class LigandTask(_TaskSettings):
    """Pre-training of the ligand encoder."""

    molecules: tuple[MoleculeSource, ...] = Field(min_length=1, description="what to learn from")
    batch_size: int = Field(64, ge=1, description="molecules per step")
    descriptor_weight: float = Field(0.5, ge=0.0, description="loss weight of the molecule's descriptors")
    affinity_weight: float = Field(0.5, ge=0.0, description="loss weight of measured pK; 0 ignores affinities")


class PocketTask(_TaskSettings):
    """Pre-training of the pocket encoder."""

    pockets: tuple[PocketSource, ...] = Field(min_length=1, description="what to learn from")
    batch_size: int = Field(16, ge=1, description="pockets per step")


class PretrainConfig(RunConfig):
    """Pre-training of one encoder or both, complete."""

    model: ModelConfig = Field(ModelConfig(), description="the model the encoders are for; its sizes must be the same")
    ligand: LigandTask | None = Field(None, description="pre-training of the ligand encoder")
    pocket: PocketTask | None = Field(None, description="pre-training of the pocket encoder")
    validation: ValidationConfig | None = Field(
        None, description="as in training: what training holds out is not learned from and measures the encoders"
    )
    output: Path = Field(description="folder for the encoders and their logs")
    seed: int = Field(0, ge=0, description="random seed of weights, row order, masks and dropout")
    weight_decay: float = Field(0.01, ge=0.0, description="weight decay of AdamW")
    gradient_clip: float = Field(1.0, gt=0.0, description="largest gradient norm")
    threads: int | None = Field(None, ge=1, description="CPU threads; null uses all cores")

    @model_validator(mode="after")
    def _something_to_do(self) -> Self:
        if self.ligand is None and self.pocket is None:
            raise ValueError("give a section ligand, a section pocket, or both")
        return self
