"""Docking by any program that takes a receptor, a box and a ligand on its command line: smina, gnina, Uni-Dock ...

The program is started once for each stereoisomer of a compound. Its output is mapped onto the structure that was
asked for, atom by atom: bond orders and charges are kept, coordinates are the program's.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import string
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
from rdkit import Chem

from binding.errors import LigandError, UsageError
from binding.graph.replaced import replaced_by
from binding.graph.site import PocketSpec, left_out
from binding.io.ligand import BadRecord, read_ligands
from binding.poses.dock import Box, docking_box, in_reach, receptor_pdbqt
from binding.poses.embedding import embed
from binding.poses.poser import Pose, Poser, Posing
from binding.poses.states import State
from binding.structures import Ligand, Protein
from binding.worker import die_with_parent

#: What a command may name, in braces.
PLACEHOLDERS: Final = (
    "receptor",  # PDBQT
    "ligand",  # SDF, one conformer with all hydrogens
    "output",  # SDF, to be written
    *(f"{what}_{axis}" for what in ("center", "size") for axis in "xyz"),  # Å
    "poses",
    "exhaustiveness",
    "seed",
)
_NEEDED: Final = ("receptor", "ligand", "output")
_SCORE_TAGS: Final = ("minimizedAffinity", "docking_score", "vina_score", "score", "SCORE", "Uni-Dock RESULT")
_NUMBER: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_SECONDS: Final = 300.0
_MOST_MATCHES: Final = 1000


class CommandPoser(Poser):
    """``command``: a docking program, by a template of its command.

    Such as ``smina -r {receptor} -l {ligand} -o {output} --center_x {center_x} --center_y {center_y} --center_z
    {center_z} --size_x {size_x} --size_y {size_y} --size_z {size_z} --num_modes {poses} --seed {seed} --cpu 1``; see
    ``PLACEHOLDERS``. The options of ``Posing`` are ``command``, the template; ``score_tag``, the SD tag of the score
    that becomes ``dock_score``; and ``seconds``, how long one stereoisomer may take (300). No shell is involved.
    """

    part_size = 16
    options = ("command", "score_tag", "seconds")

    def __init__(self, protein: Protein, pocket: PocketSpec, posing: Posing) -> None:
        self._box = docking_box(pocket)
        self._notes: tuple[str, ...] = ()
        if pocket.reference is not None:
            replaced = replaced_by(protein, pocket.reference)
            self._notes, protein = left_out(protein, replaced), protein.select(~replaced)
        self._receptor = receptor_pdbqt(in_reach(protein, self._box), np.zeros(3))
        self._posing = posing
        self._words = _words(posing)
        self._seconds = _seconds(posing)

    @classmethod
    def check(cls, posing: Posing, pocket: PocketSpec) -> None:
        docking_box(pocket)
        words = _words(posing)
        if shutil.which(words[0]) is None:
            raise UsageError(f"There is no program {words[0]}.", "Install it, or give its path.")
        try:
            if float(posing.options.get("seconds", _SECONDS)) <= 0:
                raise ValueError
        except ValueError:
            raise UsageError(
                f"The option seconds is {posing.options['seconds']!r}.", "It is a number above 0."
            ) from None

    def pose(self, state: State, name: str) -> list[Pose]:
        start = embed(state.mol, name, seed=self._posing.seed)
        conformer = start.GetConformer()
        middle = conformer.GetPositions().mean(axis=0)
        conformer.SetPositions(conformer.GetPositions() - middle + self._box.center)
        with tempfile.TemporaryDirectory(prefix="binding-") as folder:
            receptor, ligand, output = (Path(folder) / f for f in ("receptor.pdbqt", "ligand.sdf", "poses.sdf"))
            receptor.write_text(self._receptor, encoding="ascii")
            ligand.write_text(f"{Chem.MolToMolBlock(start)}$$$$\n", encoding="utf-8")
            self._run(_values(self._posing, self._box, receptor, ligand, output), name)
            if not output.is_file():
                raise _failed(name, "the program wrote no poses")
            records = list(read_ligands(output))[: self._posing.poses]
        found = [self._pose(state.mol, record) for record in records]
        poses = [pose for pose in found if pose is not None]
        if not poses:
            raise _failed(name, "what the program wrote is not the compound")
        return poses

    def _run(self, values: dict[str, str], name: str) -> None:
        words = [word.format(**values) for word in self._words]
        with subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that it and its own children can be ended as a group
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        ) as process:
            try:
                said, _ = process.communicate(timeout=self._seconds)
            except subprocess.TimeoutExpired:
                _end(process)
                raise _failed(name, f"the program took longer than {self._seconds:g} s") from None
            except BaseException:
                _end(process)
                raise
        if process.returncode:
            lines = said.decode("utf-8", "replace").strip().splitlines()
            reason = f": {lines[-1]}" if lines else ""
            raise _failed(name, f"{Path(words[0]).name} ended with code {process.returncode}{reason}")

    def _pose(self, mol: Chem.Mol, record: Ligand | BadRecord) -> Pose | None:
        if isinstance(record, BadRecord):
            return None
        posed = _laid_over(mol, record.mol)
        return None if posed is None else Pose(posed, self._tags(record.properties), self._notes)

    def _tags(self, properties: dict[str, str]) -> dict[str, str]:
        asked = self._posing.options.get("score_tag")
        for tag in _SCORE_TAGS if asked is None else (asked,):
            if tag in properties and (number := _NUMBER.search(properties[tag])):
                return {"dock_score": f"{float(number[0]):.3f}"}
        return {}


def _words(posing: Posing) -> list[str]:
    """The template's words, checked."""
    text = posing.options.get("command", "")
    hint = f"It names {', '.join(f'{{{name}}}' for name in PLACEHOLDERS)} as far as the program needs them."
    try:
        words = shlex.split(text)
        named = {name for word in words for _, name, _, _ in string.Formatter().parse(word) if name is not None}
    except ValueError as error:
        raise UsageError(f"The docking command {text!r} is not understood: {error}.", hint) from None
    if not words:
        raise UsageError("There is no docking command.", "Give the option command; " + hint[0].lower() + hint[1:])
    if unknown := sorted(named.difference(PLACEHOLDERS)):
        raise UsageError(f"The docking command names {{{unknown[0]}}}, which is not known.", hint)
    if missing := [name for name in _NEEDED if name not in named]:
        raise UsageError(f"The docking command does not name {{{missing[0]}}}.", hint)
    return words


def _seconds(posing: Posing) -> float:
    text = posing.options.get("seconds", str(_SECONDS))
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise UsageError(f"The option seconds is {text!r}.", "It is a number above 0.")
    return seconds


def _values(posing: Posing, box: Box, receptor: Path, ligand: Path, output: Path) -> dict[str, str]:
    axes = {
        f"{what}_{axis}": f"{length:.3f}"
        for what, lengths in (("center", box.center), ("size", box.size))
        for axis, length in zip("xyz", lengths, strict=True)
    }
    numbers = {name: str(getattr(posing, name)) for name in ("poses", "exhaustiveness", "seed")}
    return {"receptor": str(receptor), "ligand": str(ligand), "output": str(output), **axes, **numbers}


def _end(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        process.kill()


def _failed(name: str, reason: str) -> LigandError:
    return LigandError(
        f"Ligand {name} could not be docked: {reason}.",
        "Run the command by hand on this ligand to see what is wrong.",
        "docking_failed",
    )


def _laid_over(mol: Chem.Mol, found: Chem.Mol) -> Chem.Mol | None:
    """The input molecule with the program's coordinates; None for another compound or another stereoisomer.

    Programs rewrite bond orders, charges and hydrogens; elements and connections are what both agree on.
    """
    if mol.GetNumAtoms() != found.GetNumAtoms() or mol.GetNumBonds() != found.GetNumBonds():
        return None
    positions = found.GetConformer().GetPositions()
    asked = Chem.MolToSmiles(mol)
    for match in found.GetSubstructMatches(_skeleton(mol), uniquify=False, maxMatches=_MOST_MATCHES):
        posed = Chem.Mol(mol)
        posed.RemoveAllConformers()
        conformer = Chem.Conformer(mol.GetNumAtoms())
        conformer.SetPositions(positions[list(match)])
        posed.AddConformer(conformer, assignId=True)
        if Chem.MolToSmiles(_as_seen(posed)) == asked:
            return posed
    return None


def _as_seen(posed: Chem.Mol) -> Chem.Mol:
    """The molecule with the stereochemistry of its coordinates, wherever it has any at all."""
    seen = Chem.Mol(posed)
    Chem.AssignStereochemistryFrom3D(seen)
    for atom, ours in zip(seen.GetAtoms(), posed.GetAtoms(), strict=True):
        if ours.GetChiralTag() == Chem.ChiralType.CHI_UNSPECIFIED:
            atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
    for bond, ours in zip(seen.GetBonds(), posed.GetBonds(), strict=True):
        if ours.GetStereo() == Chem.BondStereo.STEREONONE:
            bond.SetStereo(Chem.BondStereo.STEREONONE)
    return seen


def _skeleton(mol: Chem.Mol) -> Chem.Mol:
    """Elements and connections alone, as a query."""
    query = Chem.RWMol()
    for atom in mol.GetAtoms():
        query.AddAtom(Chem.AtomFromSmarts(f"[#{atom.GetAtomicNum()}]"))
    for row, bond in enumerate(mol.GetBonds()):
        query.AddBond(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
        query.ReplaceBond(row, Chem.BondFromSmarts("~"))
    return query.GetMol()
