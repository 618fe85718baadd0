"""Blocks on the weights, the model as built, and the settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from binding.config import (
    GeometryConfig,
    JoiningConfig,
    LearningRates,
    ModelConfig,
    SourceConfig,
    StructureLine,
    TrainConfig,
    ValidationConfig,
)
from binding.model.weights import DEFAULT_MODEL
from binding.pretraining.config import LigandTask, MoleculeSource, PocketSource, PocketTask, PretrainConfig
from scripts.tables.common import WEIGHTS, card, count, listed, source_rows, speed, table


def _prior(content: dict[str, Any]) -> str:
    """What it knows, and how much it weighs."""
    if "prior" not in content:
        return "none"
    known, model = content["prior"], ModelConfig.model_validate(content["config"])
    first, last = model.line.at(0.0), model.line.at(1.0)
    ends = dict.fromkeys(f"{line.prior:.2f} of it, {line.geometry:.2f} of the geometry" for line in (first, last))
    return f"{count(known['ligands'])} ligands, {count(known['sites'])} sites; {' to '.join(ends)}"


def _epochs(training: dict[str, Any]) -> str:
    """Of the last stage, and which weights that began with."""
    begun = training.get("init")
    return f"{training['epochs']}" + (f", after those of `{Path(begun).name.rsplit('-', 1)[0]}.yaml`" if begun else "")


def weights() -> str:
    """The sets of weights in the package, side by side."""
    facts: dict[str, list[str]] = {}
    names = sorted(path.stem for path in WEIGHTS.glob("*.safetensors"))
    for name in names:
        content = card(name)
        size = (WEIGHTS / f"{name}.safetensors").stat().st_size / 1e6
        for fact, value in (
            ("geometry", listed(source_rows({k: n for k, n in content["geometry_rows"].items() if k != "support"}))),
            ("networks", f"{content['num_members']}, for `pose`"),
            ("parameters of each", count(content["parameters_of_one_member"])),
            ("prior", _prior(content)),
            ("file", f"{size:.1f} MB, 16-bit, weights format {content['format_version']}"),
            ("epochs", _epochs(content["training"])),
            ("trained by", f"binding {content['version']}, commit {', '.join(content['commit'])}"),
        ):
            facts.setdefault(fact, []).append(str(value))
    heads = [f"`{name}`{', the default' if name == DEFAULT_MODEL else ''}" for name in names]
    return table(("weights", *heads), [(fact, *values) for fact, values in facts.items()])


def built() -> ModelConfig:
    """Sizes of the shipped model."""
    return ModelConfig.model_validate(card(DEFAULT_MODEL)["config"])


def features() -> str:
    """The blocks of the pair geometry and their sizes, from the modules that compute them."""
    from binding.constants import ATOM_CLASSES
    from binding.model.layers.geometry import SHELLS, VINA_TERMS, PairGeometry
    from binding.model.layers.harmonics import DEGREES_1_AND_2

    config = built()
    geometry = PairGeometry(config.cutoff, config.vector_channels, angles=True)
    vectors = config.vector_channels
    rows = [
        ("least distance of the atom to the residue, Gaussians", len(geometry.least.centres), "no"),
        ("distance to the anchor (CA, C1', or the mean), Gaussians", len(geometry.anchor.centres), "no"),
        ("distance to the side-chain centroid, Gaussians", len(geometry.centroid.centres), "no"),
        (
            f"contact profile: soft counts in {len(SHELLS)} shells ({SHELLS[0]:g} to {SHELLS[-1]:g} Å) "
            f"by {len(ATOM_CLASSES)} classes of protein atom",
            len(SHELLS) * len(ATOM_CLASSES),
            "no",
        ),
        ("Vina's five terms, summed over the pair's contacts", len(VINA_TERMS), "no"),
        ("directionless counts: polar contacts, contacts of flat atoms", 4, "no"),
        ("hydrogen-bond angles: at the ligand atom, at the protein atom, their product", 3, "yes"),
        ("stacking angles: over the ligand's plane, over the residue's, between the planes", 3, "yes"),
        (
            "direction of the atom in the residue's frame, real spherical harmonics l = 1, 2 (e3nn)",
            DEGREES_1_AND_2,
            "yes",
        ),
        ("atom's bond axis against the lines to anchor and centroid, cosines", 2, "yes"),
        (f"{vectors} learned vectors of the atom in the residue's frame", 3 * vectors, "yes"),
        (f"{vectors} learned vectors along the lines to anchor and centroid", 2 * vectors, "yes"),
    ]
    if sum(row[1] for row in rows) != geometry.num_features:
        raise SystemExit("scripts/tables/model.py: the features of PairGeometry have changed; describe them anew")
    return table(
        ("feature of a (ligand atom, residue) pair", "numbers", "an angle"), [*rows, ("all", geometry.num_features, "")]
    )


def parameters() -> str:
    from binding.model.interaction import InteractionModel

    config = built()
    model = InteractionModel(config)
    parts = {
        "ligand encoder, learned directions": ("molecule", "directions"),
        "pocket encoder": ("pocket",),
        "pair embedding, attention biases and gates": ("pair", "pair_atom", "pair_residue", "pair_update", "bias_gate"),
        f"{config.num_layers} layers of cross-attention": ("blocks",),
        "readouts, Vina's terms, constant": ("readout", "physics", "ligand_term", "whole", "pose", "bias"),
    }
    sizes = dict.fromkeys(parts, 0)
    for name, tensor in model.named_parameters():
        (part,) = [p for p, prefixes in parts.items() if name.split(".")[0] in prefixes]
        sizes[part] += tensor.numel()
    rows = [(name, count(size)) for name, size in sizes.items()]
    total = sum(sizes.values())
    return table(
        ("part", "parameters"),
        [*rows, ("interaction model", count(total))],
    )


def joined() -> str:
    """How pk is joined, in the weights of the package."""
    rows = []
    for name in sorted(path.stem for path in WEIGHTS.glob("*.safetensors")):
        line = ModelConfig.model_validate(card(name)["config"]).line
        nothing, all_of_it = ("k = 0", "k = 1") if line.measured else ("", "")
        ends: list[tuple[str, str, JoiningConfig | StructureLine, str]]
        ends = [("pk", nothing, line.at(0.0), f"{line.prior:.2f}")]
        if line.measured is not None:
            ends.append(("pk", all_of_it, line.at(1.0), f"{line.measured.prior:.2f}"))
        ends.append(("pk_network", "", line.structure, ""))
        for column, where, of, prior in ends:
            numbers = f"{of.offset:+.2f}", prior, f"{of.network:.2f}", f"{of.geometry:.2f}"
            rows.append((f"`{name}`", f"`{column}`", where, *numbers))
    return table(("weights", "column", "nearest measurement", "offset, pK", "prior", "networks", "geometry"), rows)


def sums() -> str:
    """The geometric sums that the readout reads, and the block of its covariance that each is in."""
    from binding.constants import ATOM_CLASSES
    from binding.model.geometric_sums import (
        BURIAL_RADII,
        COMPOSITION_RADIUS,
        GROUPS,
        KINDS,
        METAL_RADIUS,
        NEAR_RADII,
        TOPOLOGY,
    )

    config = GeometryConfig()
    radii, near = (", ".join(f"{radius:g}" for radius in each) for each in (BURIAL_RADII, NEAR_RADII))
    meaning = {
        "descriptors": "descriptors of the ligand alone",
        "topology": f"of the ligand alone: {', '.join(TOPOLOGY)}",
        "vina": "Vina's five terms, over rotatable bonds",
        "shells": f"protein atoms by {len(ATOM_CLASSES)} classes in the shells of the contact profile, roots",
        "table": f"the same in two shells, by {len(KINDS)} kinds of ligand atom, roots",
        "angles": "polar and stacked contacts, angles, directions in residues' frames; means over the ligand's atoms",
        "handedness": f"the three directions that a mirror turns round, by {len(KINDS)} kinds of ligand atom",
        "burial": f"protein atoms within {radii} Å of the ligand's centre, within {near} Å of any atom; metals within "
        f"{METAL_RADIUS:g} Å",
        "composition": f"share of each class among the atoms within {COMPOSITION_RADIUS:g} Å",
    }
    if set(meaning) != set(GROUPS):
        raise SystemExit("scripts/tables/model.py: the geometric sums have changed; describe them anew")
    rows = []
    for name, text in meaning.items():
        blocks = [f"{block.kernel} {block.amplitude:g}" for block in config.blocks if name in block.groups]
        rows.append((f"`{name}`", text, GROUPS[name], ", ".join(blocks)))
    return table(("sums", "what they count", "numbers", "covariance and its amplitude"), rows)


def pairs() -> str:
    content = speed()["pairs"]
    return (
        f"In the example pockets {100 * content['within'] / content['all']:.0f} % of the "
        f"{count(content['all'])} (ligand atom, residue) pairs are within {content['cutoff']:g} Å."
    )


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
    "features": features,
    "joined": joined,
    "pairs": pairs,
    "parameters": parameters,
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
    "sums": sums,
    "weights": weights,
}
