"""Typed settings: what a YAML file or a weights card may say. Unknown keys are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from binding.errors import ConfigError, FileError


class Settings(BaseModel):
    """Base: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


#: ``model.prior_weight`` of a run with a prior that names no other weight (docs/explanation/prior.md).
PRIOR_SHARE: Final = 0.5
#: Settings of a model in cards and files of earlier versions, by the name that they have now; None: it has none.
_EARLIER: Final = {"prior": "prior_weight", "mean_pk": None}


class KernelBlock(Settings):
    """One term of the covariance of the geometry's readout."""

    groups: tuple[
        Literal["descriptors", "topology", "vina", "burial", "composition", "shells", "table", "angles", "handedness"],
        ...,
    ] = Field(min_length=1, description="groups of geometric sums that it compares")
    kernel: Literal["linear", "matern"] = Field("matern", description="`linear`, or Matern-3/2")
    amplitude: float = Field(1.0, gt=0.0, description="variance, in units of the noise of a row of weight 1")
    length: float = Field(1.0, gt=0.0, description="length scale, in standard deviations a number")


_PLAIN: Final = ("descriptors", "topology", "vina", "burial")


class GeometryConfig(Settings):
    """The geometry expert: geometric sums under a kernel readout, fitted in closed form."""

    blocks: tuple[KernelBlock, ...] = Field(
        (
            KernelBlock(groups=_PLAIN, kernel="linear", amplitude=2.0),
            KernelBlock(groups=(*_PLAIN, "composition"), amplitude=1.0),
            KernelBlock(groups=("shells",), amplitude=0.5),
            KernelBlock(groups=("table",), amplitude=0.5),
            KernelBlock(groups=("angles",), amplitude=0.1),
            KernelBlock(groups=("handedness",), amplitude=0.2),  # among the rest it would count for next to nothing
        ),
        min_length=1,
        description="terms of the covariance",
    )
    family_variance: float = Field(
        0.0, ge=0.0, description="variance of the offset that the training rows of one family share"
    )


class StructureLine(Settings):
    """What the structure says alone: offset + network * networks + geometry * geometry expert, in pK."""

    offset: float = Field(0.0, description="constant, pK")
    network: float = Field(1.0, ge=0.0, description="weight of the networks")
    geometry: float = Field(0.0, ge=0.0, description="weight of the geometry expert")


class MeasuredLine(Settings):
    """What the weights of pk become where the very complex was measured; the networks have none there."""

    offset: float = Field(0.0, description="constant of `pk`, pK")
    prior: float = Field(1.0, ge=0.0, description="weight of the prior")
    geometry: float = Field(0.0, ge=0.0, description="weight of the geometry expert")


class JoiningConfig(Settings):
    """pk = offset + prior * prior + network * mean of the networks + geometry * geometry expert.

    With ``measured`` these are the weights where nothing like the complex was measured; the nearer a measurement, the
    nearer they are to those of ``measured``.
    """

    offset: float = Field(0.0, description="constant of `pk`, pK")
    prior: float = Field(0.0, ge=0.0, description="weight of the prior")
    network: float = Field(1.0, ge=0.0, description="weight of the networks")
    geometry: float = Field(0.0, ge=0.0, description="weight of the geometry expert")
    structure: StructureLine = Field(StructureLine(), description="the line of `pk_network`")
    measured: MeasuredLine | None = Field(
        None, description="the weights where the very complex was measured; null: the same everywhere"
    )

    def weights(self, known: np.ndarray) -> dict[str, np.ndarray]:
        """``offset`` and the weight of each expert, (n,) each.

        Args:
            known: (n,) 0 to 1, how near the nearest measurement is; see ``PriorPk``.
        """
        found = {}
        for name in ("offset", "prior", "network", "geometry"):
            here = getattr(self, name)
            there = here if self.measured is None else getattr(self.measured, name, 0.0)
            found[name] = here + known * (there - here)
        return found

    def at(self, known: float) -> JoiningConfig:
        """The line of one complex, whose weights no longer depend on anything."""
        weights = {name: float(values) for name, values in self.weights(np.array(known)).items()}
        return JoiningConfig(**weights, structure=self.structure)


class ModelConfig(Settings):
    """The interaction model; its ligand-only twin has the same channels, ligand layers and dropout."""

    hidden_channels: int = Field(96, ge=8, description="channels of every scalar state")
    num_heads: int = Field(8, ge=1, description="attention heads in each direction")
    num_layers: int = Field(2, ge=0, le=8, description="bidirectional cross-attention layers")
    ligand_layers: int = Field(3, ge=0, le=8, description="message-passing rounds along ligand bonds")
    pocket_layers: int = Field(2, ge=0, le=8, description="message-passing rounds between residues")
    vector_channels: int = Field(6, ge=1, description="learned direction vectors for each ligand atom")
    cutoff: float = Field(
        6.5, gt=3.0, le=12.0, description="largest distance at which a (ligand atom, residue) pair interacts, Å"
    )
    dropout: float = Field(
        0.1, ge=0.0, lt=1.0, description="dropout rate in feed-forward and readout layers and on attention gates"
    )
    angles: bool = Field(True, description="use angles in pair geometry, residue graph and learned directions")
    protein: bool = Field(True, description="false leaves out all pairs, for the ablation without the protein")
    physics: bool = Field(True, description="add Vina's terms with learned weights")
    pose_readout: Literal["pooled", "pairs"] = Field(
        "pooled", description="input of `pose`: means over the complex, or these and a sum over pairs"
    )
    prior_weight: float = Field(
        0.0, ge=0.0, lt=1.0, description="weight of the prior in `pk`; with 0 a ligand-only twin is trained instead"
    )
    network: float | None = Field(
        None, gt=0.0, description="weight of the network in `pk`; null means 1 - prior_weight"
    )
    joining: JoiningConfig | None = Field(
        None, description="how `pk` is joined of prior, networks and geometry; found by training on held-out rows"
    )

    @property
    def network_weight(self) -> float:
        """What the network's pK is multiplied by in pk; the prior's is multiplied by ``prior_weight``."""
        return 1.0 - self.prior_weight if self.network is None else self.network

    @property
    def line(self) -> JoiningConfig:
        """How pk is joined; of weights without a geometry expert, the weights of prior and network."""
        return self.joining or JoiningConfig(prior=self.prior_weight, network=self.network_weight)

    @model_validator(mode="before")
    @classmethod
    def _earlier_names(cls, data: Any) -> Any:
        """Cards and settings of earlier versions stay readable."""
        if not isinstance(data, dict):
            return data
        renamed = {_EARLIER.get(name, name): value for name, value in data.items()}
        return {name: value for name, value in renamed.items() if name is not None}

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        if self.hidden_channels % self.num_heads:
            raise ValueError(
                f"hidden_channels ({self.hidden_channels}) must be a multiple of num_heads ({self.num_heads})"
            )
        if self.network is not None and not self.prior_weight:
            raise ValueError("model.network weighs the network against a prior, and there is none: leave it out")
        return self


class _Loader(yaml.SafeLoader):
    """The safe loader, which refuses a key that is there twice: the first value would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if isinstance(name, str) and name in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {name!r} is there twice", key.start_mark)
            seen.add(name if isinstance(name, str) else None)
        return super().construct_mapping(node, deep=deep)


def load_yaml(path: str | Path) -> dict[str, Any]:
    """Reads a YAML mapping.

    Raises:
        FileError: If there is no such file.
        ConfigError: If it is not YAML, or not a mapping.
    """
    path = Path(path)
    if not path.is_file():
        raise FileError(
            f"There is no settings file {path}.", "The folder configs/ has complete examples.", "file_not_found"
        )
    try:
        content = yaml.load(path.read_bytes(), _Loader)
    except yaml.reader.ReaderError as error:
        raise ConfigError(f"{path} is not text in UTF-8: {error.reason}.", "Save it in UTF-8.") from None
    except RecursionError:
        raise ConfigError(f"{path} is not valid YAML: it is nested too deeply.", "Check the brackets.") from None
    except yaml.YAMLError as error:
        where = f", line {error.problem_mark.line + 1}" if getattr(error, "problem_mark", None) else ""
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigError(
            f"{path}{where} is not valid YAML: {reason}.", "Check the indentation and the colons."
        ) from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path} holds no settings.", "A settings file is a mapping of names to values.")
    return content


def describe(error: ValidationError) -> str:
    """Pydantic's report as one line a problem."""
    return "; ".join(f"{'.'.join(str(p) for p in e['loc']) or 'settings'}: {e['msg']}" for e in error.errors())


class RunConfig(Settings):
    """The settings of a run, read from a file."""

    @classmethod
    def from_yaml(cls, path: str | Path, overrides: dict[str, Any] | None = None) -> Self:
        """Reads settings; ``overrides`` are dotted names such as ``model.angles``.

        Raises:
            FileError, ConfigError: See ``load_yaml``; unknown keys and bad values are named.
        """
        content = load_yaml(path)
        for name, value in (overrides or {}).items():
            try:
                _assign(content, name.split("."), value)
            except (AttributeError, IndexError, TypeError, ValueError):
                raise ConfigError(
                    f"{path}: there is no setting {name!r}.",
                    "Names are dotted, such as model.angles or sources.0.repeat.",
                ) from None
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise ConfigError(
                f"{path}: {describe(error)}.", "The folder configs/train/ has complete examples."
            ) from None


class SourceConfig(Settings):
    """One cache of complexes to train on."""

    cache: Path = Field(description="made by `binding prepare`")
    where: str | None = Field(None, description="pandas query over the cache's table, such as `cleansplit_train == 1`")
    repeat: float = Field(1.0, gt=0.0, description="how often each row is seen in an epoch; fractions are sampled")
    weight: float = Field(1.0, gt=0.0, description="weight of each row in the loss")
    from_epoch: int = Field(0, ge=0, description="first epoch in which the source is used, from 0")
    until_epoch: int | None = Field(None, ge=1, description="first epoch in which it is no longer used")
    decoys: float = Field(
        0.0, ge=0.0, le=1.0, description="share of rows that get a displaced pose beside them; for crystal poses only"
    )
    decoys_from_epoch: int = Field(0, ge=0, description="first epoch with displaced poses")
    rmsd: str | None = Field(
        None,
        description="column with the RMSD to the crystal pose, Å; rows from 2 Å on are decoys; "
        "`group` must then name what the poses of a complex share, such as `[native]`",
    )
    group: tuple[str, ...] = Field(
        ("uniprot",),
        min_length=1,
        description="columns that define the groups within which the pair loss compares complexes",
    )

    def is_seen(self, epoch: int) -> bool:
        """Whether the source is used in an epoch."""
        return self.from_epoch <= epoch and (self.until_epoch is None or epoch < self.until_epoch)

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if self.until_epoch is not None and self.until_epoch <= self.from_epoch:
            raise ValueError(f"until_epoch ({self.until_epoch}) must be after from_epoch ({self.from_epoch})")
        return self

    @model_validator(mode="after")
    def _poses_of_known_complexes(self) -> Self:
        if self.rmsd is not None and self.decoys > 0:
            raise ValueError("rmsd and decoys exclude each other: displaced poses are made of crystal poses alone")
        if self.rmsd is not None and self.group == type(self).model_fields["group"].default:
            raise ValueError("rmsd needs group, the columns that say of which complex a row is a pose: [native]")
        return self


class ValidationConfig(Settings):
    """Which rows are held out: those that a file names, or one of ``folds`` groups of the values of ``column``."""

    column: str = Field(
        "uniprot",
        description="rows with the same value stay together; blank ones are grouped by `protein`, or stand alone",
    )
    folds: int = Field(5, ge=2, description="number of folds, to which values are assigned by hash")
    fold: int = Field(0, ge=0, description="the fold that is held out, from 0")
    source: int = Field(
        0, ge=0, description="the source whose rows validate, from 0; other sources lose rows with the same values"
    )
    file: Path | None = Field(
        None,
        description="a table of `binding split` instead: rows `train` are trained on, rows `validation` validate",
    )

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        names = ("column", "folds", "fold")
        changed = [name for name in names if getattr(self, name) != type(self).model_fields[name].default]
        if self.file is not None and changed:
            raise ValueError(f"file and {changed[0]} exclude each other")
        return self


class LearningRates(Settings):
    """Factors on ``learning_rate``, by part of the model."""

    ligand_encoder: float = Field(1.0, gt=0.0, description="atoms, bonds and learned directions")
    pocket_encoder: float = Field(1.0, gt=0.0, description="residues")
    rest: float = Field(1.0, gt=0.0, description="pairs, cross-attention, readouts")
    ligand_only: float = Field(1.0, gt=0.0, description="the ligand-only twin")


class TrainConfig(RunConfig):
    """A training run, complete."""

    model: ModelConfig = Field(ModelConfig(), description="sizes and switches of the model")
    sources: tuple[SourceConfig, ...] = Field(min_length=1, description="what to train on")
    validation: ValidationConfig | None = Field(
        ValidationConfig(), description="what to hold out; null trains on all rows"
    )
    init: str | None = Field(
        None, description="weights to start from: a shipped name, a `.safetensors` file or the folder of a run"
    )
    prior: Path | None = Field(None, description="prior that contributes to `pk`, made by `binding prior`")
    geometry: bool = Field(
        True,
        description="fit a geometry expert to the same rows and join it with the network; "
        "with `init`, teach theirs these rows",
    )
    encoders: tuple[Path, ...] = Field(
        (), description="pre-trained encoders to start from: files or output folders of `binding pretrain`"
    )
    init_member: int = Field(0, ge=0, description="which network of the weights in `init`, from 0")
    trainable: Literal["all", "readouts", "none"] = Field(
        "all",
        description="`readouts` freezes encoders and cross-attention; `none` leaves the network as it is: prior and "
        "geometry expert alone learn the rows; both need `init`",
    )
    output: Path = Field(description="folder for checkpoints, log and weights")
    seed: int = Field(0, ge=0, description="random seed of weights, row order, noise, decoys and dropout")
    epochs: int = Field(10, ge=1, description="passes over the sources, repeats included")
    batch_size: int = Field(
        32,
        ge=1,
        description="complexes per step, not counting decoys; with `batch_atoms`, those `learning_rate` is for",
    )
    batch_atoms: Annotated[int, Field(ge=1)] | Literal["auto"] | None = Field(
        None,
        description="ligand atoms per step instead of `batch_size` complexes; `auto` takes as many as the device holds "
        "and leaves a hundred steps an epoch; `learning_rate` grows with the root of the complexes per step",
    )
    learning_rate: float = Field(1e-3, gt=0.0, description="peak learning rate of AdamW; cosine decay to 2 % of it")
    learning_rates: LearningRates = Field(
        LearningRates(), description="factors on `learning_rate`, by part of the model"
    )
    warmup_steps: int = Field(200, ge=0, description="steps of linear warm-up, at most a tenth of the run")
    ema_decay: float = Field(
        0.998, ge=0.0, lt=1.0, description="decay of the running average of the weights; the average is what is saved"
    )
    patience: int | None = Field(None, ge=1, description="stop after this many epochs without a better `val_rmse`")
    noise: float = Field(
        0.4,
        ge=0.0,
        description="largest standard deviation of noise on ligand positions, Å; each pose draws one from 0 to this",
    )
    pose_rank_weight: float = Field(
        0.0,
        ge=0.0,
        description="loss weight of ranking near-native poses first within a complex in a batch; see `together`",
    )
    decoy_weight: float = Field(
        0.2, ge=0.0, description="loss weight of decoys that score above the measured pK of their crystal pose"
    )
    pair_weight: float = Field(
        0.0, ge=0.0, description="loss weight of differences between complexes of one group in a batch"
    )
    together: int = Field(1, ge=1, description="complexes of one group that are drawn into the same batch")
    threads: int | None = Field(None, ge=1, description="CPU threads of each process; null uses all cores")
    workers: int | None = Field(
        None, ge=0, description="processes that draw poses and join graphs; null: none on the CPU, else up to 8"
    )
    graphs: Literal["auto", "device", "host"] = Field(
        "auto", description="where graphs lie between steps; `auto` takes a GPU on which they fit into a quarter"
    )
    checkpointing: bool = Field(
        False,
        description="compute encoders, pairs, attention layers and readout again in the backward pass instead of "
        "keeping what they computed: less memory, the same weights",
    )
    attention_chunk: int | None = Field(
        None,
        ge=1,
        description="atoms or residues of a ligand whose attention scores are held at once; null holds all: "
        "less memory where ligands are large, the same weights",
    )
    deterministic: bool = Field(
        False, description="the same weights from the same run on one GPU, at some speed; on the CPU they always are"
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="`auto` uses a GPU if there is one")
    devices: int = Field(1, ge=1, description="processes that share each batch, one per GPU or on the CPU")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="`auto` uses mixed bf16 on a GPU that supports it, else 32 bits; weights stay 32-bit"
    )
    tensorboard: bool = Field(False, description="also log for TensorBoard, in `tensorboard/` of the output")

    @model_validator(mode="before")
    @classmethod
    def _prior_is_used(cls, data: Any) -> Any:
        """A run that names a prior need not say ``model.prior_weight`` as well."""
        if not isinstance(data, dict) or data.get("prior") is None:
            return data
        model = data.get("model", {})
        model = model.model_dump(exclude_unset=True) if isinstance(model, ModelConfig) else model
        return data | {"model": {"prior_weight": PRIOR_SHARE} | model} if isinstance(model, dict) else data

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.prior is not None and self.init is not None:
            raise ValueError("init and prior exclude each other: the weights of init have a prior, or none")
        if self.init is None and bool(self.model.prior_weight) != (self.prior is not None):
            raise ValueError(
                "model.prior_weight above 0 needs prior, a file of `binding prior`; prior needs it to be above 0"
            )
        if self.model.joining is not None and self.init is None:
            raise ValueError("model.joining is found by training, on held-out rows: leave it out")
        if self.encoders and self.init is not None:
            raise ValueError("init and encoders exclude each other: the weights of init have encoders")
        if self.trainable != "all" and self.init is None:
            raise ValueError(f"trainable: {self.trainable} needs init, the weights of which something stays")
        if self.devices > self.batch_size:
            raise ValueError(f"batch_size ({self.batch_size}) gives {self.devices} devices nothing to share")
        if self.validation is not None and self.validation.source < len(self.sources):
            if self.sources[self.validation.source].rmsd is not None:
                raise ValueError("validation.source must not be one with rmsd: wrong poses have no affinity to compare")
        for row, source in enumerate(self.sources):
            if source.from_epoch >= self.epochs:
                raise ValueError(f"sources.{row} begins in epoch {source.from_epoch} of {self.epochs}: never seen")
        ends = {source.until_epoch for source in self.sources if source.until_epoch is not None}
        for epoch in sorted(epoch for epoch in {0, *ends} if epoch < self.epochs):  # where a gap can begin
            if not any(source.is_seen(epoch) for source in self.sources):
                raise ValueError(f"no source is seen in epoch {epoch}: see from_epoch and until_epoch")
        return self


def _assign(content: Any, keys: list[str], value: Any) -> None:
    """Sets one dotted name in nested mappings and lists."""
    for key in keys[:-1]:
        if isinstance(content, list):
            content = content[int(key)]
        else:
            if content.get(key) is None:
                content[key] = {}
            content = content[key]
    last = keys[-1]
    content[int(last) if isinstance(content, list) else last] = value
