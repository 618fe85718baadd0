"""What is fuzzed: each reader of the package with the kind of file that it reads, and what counts as a fault."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from binding.archive.component import read_component
from binding.archive.ids import read_wanted
from binding.config import TrainConfig
from binding.data.cache import ComplexCache
from binding.data.encode import from_bytes
from binding.data.entries import dataset_rows
from binding.data.holdout import read_split
from binding.data.pieces import open_pieces
from binding.errors import BindingError
from binding.graph.build import build_graph
from binding.graph.checks import check_complex, check_ligand
from binding.graph.ligand import build_ligand_graph
from binding.graph.plausibility import plausibility, read_thresholds
from binding.graph.site import select_pocket
from binding.io.index import read_index_rows
from binding.io.ligand import BadRecord, read_ligands
from binding.io.predictions import holds_predictions, read_predictions
from binding.io.results import mol_block
from binding.io.rows import read_rows
from binding.io.sequences import read_sequences
from binding.io.series import Compound, read_series
from binding.io.structure import read_complex, read_protein
from binding.io.table import is_selection, read_requests
from binding.io.truth import read_truth, truth_frame
from binding.model.weights import load_model
from binding.poses.place import read_references
from binding.pretraining.config import PretrainConfig
from binding.prior.held_out import FittedPrior
from binding.probes.run import parse_plant
from binding.score.evidence import evidence_in, evidence_values
from binding.score.options import parse_pocket
from binding.structures import Complex, Ligand
from binding.units import parse_affinity
from scripts.fuzz import damage, made

ROOT: Final = Path(__file__).resolve().parents[2]
SEEDS: Final = ROOT / "tests" / "fuzz" / "seeds"
#: Inputs that once were answered wrongly; a test reads them all.
FINDINGS: Final = ROOT / "tests" / "fuzz" / "findings"
_LONGEST: Final = 2_000  # letters of a message: more is no sentence, but a piece of the file


class WrongAnswerError(Exception):
    """A reader answered something that it never should."""


@dataclass(frozen=True)
class Fault:
    """Something else than an answer.

    Attributes:
        key: Names the fault by the kind of exception and where it was raised; equal for inputs that fail alike.
        text: The traceback.
    """

    key: str
    text: str


@dataclass(frozen=True)
class Target:
    """A kind of file.

    Attributes:
        file: What the file is called.
        damage: How a file of this kind is damaged.
        readers: What reads it.
        made: Writes a whole file of the kind into a folder; None where the seeds are in ``tests/fuzz/seeds``.
    """

    file: str
    damage: damage.Damage
    readers: tuple[Callable[[Path], Any], ...]
    made: Callable[[Path], Path] | None = None

    def prepare(self, folder: Path) -> Path:
        """The file to overwrite, with what has to lie beside it."""
        if self.made is not None:
            self.made(folder)
        return folder / self.file

    def seeds(self, name: str, folder: Path) -> list[bytes]:
        """Whole files of this kind.

        Args:
            name: Of the target.
            folder: Where ``prepare`` was called.
        """
        if self.made is not None:
            return [(folder / self.file).read_bytes()]
        return [path.read_bytes() for path in sorted((SEEDS / name).iterdir())]

    def faults(self, path: Path) -> Iterator[Fault]:
        """Reads a file with each reader."""
        for reader in self.readers:
            try:
                reader(path)
            except BindingError as error:
                if wrong := _wrong_message(error):
                    yield _fault(error, wrong)
            except Exception as error:  # noqa: BLE001 - what is looked for
                yield _fault(error)


def _wrong_message(error: BindingError) -> str:
    """What is wrong with what an error says."""
    if not re.fullmatch("[a-z_]+", error.code):
        return "has no code"
    if not error.message.rstrip().endswith((".", "!", "?")):
        return "is no sentence"
    if len(error.message) > _LONGEST:
        return "is too long"
    return ""


def _fault(error: BaseException, wrong: str = "") -> Fault:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/binding/" in frame.filename] or list(frames)
    place = f"{Path(own[-1].filename).stem}-{own[-1].name}-{own[-1].lineno}"
    key = re.sub(r"[^\w-]+", "_", f"{type(error).__name__}-{place}{'-' + wrong if wrong else ''}")
    return Fault(key, "".join(traceback.format_exception(error)))


# ---------------------------------------------------------------- readers, and what follows on them


def _hold(condition: bool, what: str) -> None:
    if not condition:
        raise WrongAnswerError(what)


def _ligand(ligand: Ligand) -> None:
    """What every command does with a ligand."""
    _hold(bool(ligand.name), "a ligand without a name")
    _hold(ligand.num_atoms == ligand.mol.GetNumHeavyAtoms() == len(ligand.positions) > 0, "atoms were lost")
    _hold(bool(np.isfinite(ligand.positions).all()), "a position that is not finite")
    mol_block(ligand)
    check_ligand(ligand)
    graph = build_ligand_graph(ligand)
    _hold(bool(np.isfinite(graph.descriptors).all()), "a descriptor that is not finite")


def _ligands(path: Path, most: int = 40) -> None:
    for place, item in enumerate(read_ligands(path)):
        if isinstance(item, BadRecord):
            if wrong := _wrong_message(item.error):
                raise WrongAnswerError(f"a message that {wrong}") from item.error
        elif place < most:
            with suppress(BindingError):
                _ligand(item)


def _series(path: Path) -> None:
    for item in read_series(path):
        _hold(bool(item.name), "a compound without a name")
        if isinstance(item, Compound):
            _hold(item.mol.GetNumAtoms() > 0, "a compound without atoms")


def _complex(path: Path, choice: str) -> None:
    protein, ligands = read_complex(path, choice)
    _hold(bool(np.isfinite(protein.positions).all()), "a position that is not finite")
    _hold(len(protein.residue_ids) == protein.num_residues > 0, "residues were lost")
    for ligand in ligands[:4]:
        _ligand(ligand)
        pocket = select_pocket(protein, ligand)
        if not pocket.num_residues:
            continue
        cx = Complex("x", pocket, ligand)
        check_complex(cx)
        graph = build_graph(cx)
        _hold(bool(np.isfinite(graph.pocket.atom_positions).all()), "a position that is not finite")
        plausibility(cx)


def _indexed(path: Path) -> None:
    for row in dataset_rows(path.parent, path):
        _hold(bool(row.id), "a row without a name")


def _truth(path: Path) -> None:
    truth_frame(read_truth(path))


def _rows(path: Path) -> None:
    for row in read_rows(path, ("id",)):
        _hold("id" in row.cells, "a row without a column")


def _model(path: Path) -> None:
    scorer = load_model(path.parent, device="cpu")
    graph = made.small_graph()
    scores = scorer.score([graph])
    _hold(len(scores.pk) == 1, "a score too many or too few")
    if scorer.binder is not None:
        scorer.binder.judge(scores, [graph])
    if scorer.domain is not None:
        from binding.domain.words import pocket_words

        scorer.domain.judge(graph.ligand, pocket_words(graph.pocket))
        scorer.domain.summary()
    found = evidence_in(graph, scorer, 3)
    if found is not None:
        evidence_values(found)


def _prior(path: Path) -> None:
    from binding.domain.words import pocket_words

    fitted = FittedPrior.load(path)
    graph = made.small_graph()
    words = [pocket_words(graph.pocket)]
    fitted.prior.predict([graph.ligand])
    fitted.prior.predict_at([graph.ligand], words)
    fitted.starts([graph.ligand], words, 0)


def _cache(path: Path) -> None:
    cache = ComplexCache(path)
    cache.num_ligand_atoms()
    for row in range(min(len(cache), 4)):
        cache.graph(row)
        cache.site_words(row)


def _pieces(path: Path) -> None:
    with open_pieces(path) as pieces:
        if "a" in pieces:
            piece = pieces.get("a")
            if piece.content is not None:
                from_bytes(piece.content)


def _words(path: Path) -> None:
    parsers: Iterable[Callable[[str], Any]] = (parse_affinity, parse_pocket, parse_plant, is_selection)
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines()[:50]:
        for parse in parsers:
            with suppress(BindingError):
                parse(line)


_TABLES: Final = (
    *(read_requests, read_index_rows, _rows, _truth, read_split, read_wanted, _indexed, _series),
    *(read_predictions, holds_predictions),
)
_STRUCTURES: Final = (
    read_protein,
    read_sequences,
    partial(_complex, choice="auto"),
    partial(_complex, choice="A:LIG:900"),
    partial(_complex, choice="LIG"),
)
_LIGANDS: Final = (_ligands, _series, read_references)
_SETTINGS: Final = (TrainConfig.from_yaml, PretrainConfig.from_yaml, read_thresholds)

TARGETS: Final[dict[str, Target]] = {
    "structure_pdb": Target("p.pdb", damage.damage_text, _STRUCTURES),
    "structure_cif": Target("p.cif", damage.damage_text, _STRUCTURES),
    "ligand_sdf": Target("l.sdf", damage.damage_text, _LIGANDS),
    "ligand_mol2": Target("l.mol2", damage.damage_text, _LIGANDS),
    "ligand_pdb": Target("l.pdb", damage.damage_text, _LIGANDS),
    "ligand_pdbqt": Target("l.pdbqt", damage.damage_text, _LIGANDS),
    "compounds_smi": Target("c.smi", damage.damage_text, (_series,)),
    "table_csv": Target("t.csv", damage.damage_text, _TABLES),
    "table_xlsx": Target("t.xlsx", damage.damage_spreadsheet, _TABLES),
    "table_jsonl": Target("t.jsonl", damage.damage_text, (read_predictions, holds_predictions)),
    "table_parquet": Target("t.parquet", damage.damage_bytes, (read_predictions, holds_predictions)),
    "settings_yaml": Target("s.yaml", damage.damage_text, _SETTINGS),
    "words": Target("w.txt", damage.damage_text, (_words,)),
    "component_cif": Target("c.cif", damage.damage_text, (read_component,)),
    "weights": Target("model.safetensors", damage.damage_safetensors, (_model,), made.write_weights),
    "card": Target("model.json", damage.damage_json, (_model,), made.write_weights),
    "domain": Target("model.domain.npz", damage.damage_npz, (_model,), made.write_weights),
    "evidence": Target("model.evidence.npz", damage.damage_npz, (_model,), made.write_weights),
    "binder": Target("model.binder.json", damage.damage_json, (_model,), made.write_weights),
    "prior": Target("prior.npz", damage.damage_npz, (_prior,), made.write_prior),
    "cache": Target("set.npz", damage.damage_npz, (_cache,), made.write_cache),
    "pieces": Target("set.pieces", damage.damage_bytes, (_pieces,), made.write_pieces),
}
