"""Weights, a prior, caches and the like, made small and afresh: what is fuzzed always fits the code that reads it."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from binding.graph.build import build_graph
from binding.graph.fields import ComplexGraph, LigandGraph
from binding.graph.site import PocketSpec, select_pocket
from binding.io.ligand import prepare_ligand, read_ligands
from binding.io.structure import read_protein
from binding.structures import Complex, Ligand

if TYPE_CHECKING:
    from binding.prior.held_out import FittedPrior

_EXAMPLES: Final = Path(__file__).resolve().parents[2] / "data" / "examples"
_ENDS: Final = ("O", "N", "c1ccccc1", "C(=O)O", "S(C)")
_SMILES: Final = tuple(f"{'C' * size}{end}" for size in (2, 3, 4, 5, 6) for end in _ENDS)


@lru_cache
def small_complex() -> Complex:
    """An example with the nearest residues alone."""
    protein = read_protein(_EXAMPLES / "1ia1_protein.pdb.gz")
    ligand = next(iter(read_ligands(_EXAMPLES / "1ia1_ligand.sdf")))
    assert isinstance(ligand, Ligand)
    return Complex("1ia1", select_pocket(protein, ligand, PocketSpec(cutoff=4.5)), ligand)


@lru_cache
def small_graph() -> ComplexGraph:
    """Its graph."""
    return build_graph(small_complex())


def write_weights(folder: Path) -> Path:
    """``model.safetensors`` with all that may lie beside it: a network, a prior, the geometry, and what binds."""
    from binding.config import GeometryConfig, JoiningConfig, KernelBlock, ModelConfig, StructureLine
    from binding.domain.fingerprint import fingerprint
    from binding.domain.index import Domain, count_elements
    from binding.domain.words import pocket_words
    from binding.model.binder import FORMAT_VERSION, binder_path
    from binding.model.geometric_sums import Sums, sums_of
    from binding.model.kernel_readout import KernelReadout
    from binding.model.weights import Member, save_weights

    graph = small_graph()
    graphs = [
        replace(graph, ligand=replace(graph.ligand, positions=graph.ligand.positions + shift))
        for shift in (0.0, 0.3, -0.3, 0.6, -0.6)
    ]
    blocks = (KernelBlock(groups=("descriptors", "vina"), kernel="linear"),)
    sums = Sums.joined([sums_of([graph]) for graph in graphs])
    geometry = KernelReadout.fit(GeometryConfig(blocks=blocks), sums, np.arange(5.0), [""] * 5, np.full(5, 0.1))
    joining = JoiningConfig(prior=0.3, network=0.3, geometry=0.3, structure=StructureLine(network=0.5, geometry=0.5))
    config = ModelConfig(
        hidden_channels=8, num_heads=1, num_layers=1, ligand_layers=1, pocket_layers=1, vector_channels=1,
        prior_weight=0.3, joining=joining,
    )  # fmt: skip
    path = folder / "model.safetensors"
    card = {"name": "fuzzed", "config": config.model_dump(mode="json"), "calibration": {"std_scale": 1.25}}
    save_weights(path, [Member(config).state_dict()], card, prior=_fitted().prior, geometry=geometry)
    ligands = [small_graph().ligand, *ligand_graphs()[:4]]
    words = [pocket_words(small_graph().pocket)]
    Domain.of(map(fingerprint, ligands), words, (2, 30), count_elements(ligands)).save(path)
    binder = {"format_version": FORMAT_VERSION, "weights": {"pose": 0.5, "size": 0.1}, "offset": -1.0, "base_rate": 0.5}
    binder_path(path).write_text(json.dumps(binder), encoding="utf-8")
    return path


def write_prior(folder: Path) -> Path:
    """A fitted prior."""
    _fitted().save(folder / "prior.npz")
    return folder / "prior.npz"


def write_cache(folder: Path) -> Path:
    """A training cache of two rows."""
    from binding.data import encode

    protein, ligand = small_complex().pocket, small_graph().ligand
    rows = np.arange(protein.num_residues)
    group = encode.encode_group(protein, [(ligand, rows), (ligand, rows[:3])])
    table = [{"id": name, "pk": 6.5, "relation": "=", "uniprot": "P1"} for name in ("a", "b")]
    encode.write_cache(folder / "set.npz", [group], table, {"pocket_cutoff": 10.0})
    return folder / "set.npz"


def write_pieces(folder: Path) -> Path:
    """What a stopped `binding prepare` leaves."""
    from binding.data import encode
    from binding.data.pieces import Piece, Refusal, open_pieces

    protein = small_complex().pocket
    group = encode.encode_group(protein, [(small_graph().ligand, np.arange(protein.num_residues))])
    with open_pieces(folder / "set.pieces") as pieces:
        pieces.put("a", Piece(encode.to_bytes(group), {1: Refusal("bad_record", "No.", "Yes.")}, {0: ("odd",)}))
    return folder / "set.pieces"


@lru_cache
def ligand_graphs() -> tuple[LigandGraph, ...]:
    """Small molecules, enough for a prior."""
    from binding.graph.ligand import build_ligand_graph

    found = []
    for smiles in _SMILES:
        mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
        rdDistGeom.EmbedMolecule(mol, randomSeed=1)
        found.append(build_ligand_graph(prepare_ligand(mol, smiles)))
    return tuple(found)


@lru_cache
def _fitted() -> FittedPrior:
    from binding.domain.words import pocket_words
    from binding.prior.fit import fit_prior

    ligands = ligand_graphs()
    words = pocket_words(small_graph().pocket)
    names = [f"m{row}" for row in range(len(ligands))]
    pk = np.linspace(4.0, 9.0, len(ligands))
    return fit_prior(ligands, pk, names, "uniprot", 2, sites=[words] * len(ligands), names=names)
