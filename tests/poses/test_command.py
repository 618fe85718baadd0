"""Any docking program by a template of its command; a Python script stands for it here."""

from __future__ import annotations

import shlex
import sys

import numpy as np
import pytest
from rdkit import Chem

from binding.errors import LigandError, UsageError
from binding.graph.site import PocketSpec
from binding.io.structure import read_protein
from binding.poses.command import CommandPoser
from binding.poses.poser import Posing, check_posing
from binding.poses.states import states

#: Docks by moving the conformer up to 0.1 Å; writes it as programs do: atoms in another order, aromatic rings without
#: their bond orders kept, charges lost, hydrogens on. A second pose is the mirror image.
PROGRAM = """
import sys, time
from rdkit import Chem

receptor, ligand, output, middle, mode = sys.argv[1:]
assert open(receptor).read().count("ATOM") > 100
(mol,) = Chem.SDMolSupplier(ligand, removeHs=False)
if mode == "hang":
    time.sleep(600)
if mode == "fail":
    print("no such force field", file=sys.stderr)
    sys.exit(3)
if mode == "nothing":
    sys.exit(0)
mol = Chem.RenumberAtoms(mol, list(range(mol.GetNumAtoms()))[::-1])
positions = mol.GetConformer().GetPositions()
assert abs(positions.mean(axis=0) - [float(x) for x in middle.split(",")]).max() < 1e-2
if mode == "other":
    mol = Chem.MolFromMolBlock(Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")))
    positions = mol.GetConformer().GetPositions()
with Chem.SDWriter(output) as writer:
    for pose, (sign, score) in enumerate([(1, -7.25), (-1, -6.5)]):
        mol.GetConformer().SetPositions((positions + 0.1 * pose) * [1, 1, sign])
        mol.SetProp("minimizedAffinity", str(score))
        mol.SetProp("other_score", f"E = {score * 2} kcal/mol")
        writer.write(mol)
if mode == "torn":
    open(output, "a").write("torn\\n\\n\\n  9  9 V2000\\nM  END\\n$$$$\\n")
"""


@pytest.fixture
def command(tmp_path):
    program = tmp_path / "my program.py"
    program.write_text(PROGRAM)

    def make(mode="dock"):
        quoted = f"{shlex.quote(sys.executable)} {shlex.quote(str(program))}"
        return f"{quoted} {{receptor}} {{ligand}} {{output}} {{center_x}},{{center_y}},{{center_z}} {mode}"

    return make


@pytest.fixture
def pose(examples, command):
    protein = read_protein(examples / "1ia1_protein.pdb.gz")
    x, y, z = protein.positions.mean(axis=0).tolist()
    pocket = PocketSpec(center=(x, y, z), radius=10.0)

    def run(smiles, mode="dock", **options):
        posing = Posing("command", options={"command": command(mode), **options})
        check_posing(posing, pocket)
        (state,) = states(Chem.MolFromSmiles(smiles))
        return CommandPoser(protein, pocket, posing).pose(state, "it"), state

    return run


def test_coordinates_are_the_programs_and_the_rest_is_ours(pose):
    poses, state = pose("C[C@H](N)C(=O)[O-]")
    assert len(poses) == 1, "a mirror image is another compound"
    assert poses[0].tags == {"dock_score": "-7.250"}
    assert Chem.MolToSmiles(poses[0].mol) == Chem.MolToSmiles(state.mol)
    seen = Chem.Mol(poses[0].mol)
    Chem.AssignStereochemistryFrom3D(seen)
    assert Chem.MolToSmiles(seen) == Chem.MolToSmiles(state.mol)


def test_both_poses_of_a_compound_without_a_hand(pose):
    poses, state = pose("OC(=O)c1ccccc1", score_tag="other_score")
    assert [found.tags["dock_score"] for found in poses] == ["-14.500", "-13.000"]
    lengths = [
        np.linalg.norm(np.diff(poses[0].mol.GetConformer().GetPositions()[list(ends)], axis=0))
        for ends in [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in state.mol.GetBonds()]
    ]
    assert max(lengths) < 1.7, "atoms keep their neighbours"


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        ("fail", r"ended with code 3: no such force field"),
        ("nothing", "wrote no poses"),
        ("other", "is not the compound"),
    ],
)
def test_what_goes_wrong_is_the_row_of_the_compound(pose, mode, says):
    with pytest.raises(LigandError, match=says) as caught:
        pose("CCN", mode)
    assert caught.value.code == "docking_failed"


def test_a_pose_that_cannot_be_read_costs_no_other(pose):
    poses, _ = pose("OC(=O)c1ccccc1", "torn")
    assert len(poses) == 2


def test_what_lies_in_the_ligands_place_is_no_part_of_the_receptor(examples, command):
    protein = read_protein(examples / "1ia1_protein.pdb.gz")
    group = protein.residue_names.tolist().index("NDP")
    pocket = PocketSpec(reference=protein.positions[protein.atom_residue == group] + 0.05)
    poser = CommandPoser(protein, pocket, Posing("command", options={"command": command()}))
    (state,) = states(Chem.MolFromSmiles("CCO"))
    (note,) = poser.pose(state, "it")[0].notes
    assert "NDP" in note


def test_an_interrupt_ends_the_program(pose, monkeypatch):
    begun = []

    def interrupted(process, timeout=None):
        begun.append(process)
        raise KeyboardInterrupt

    monkeypatch.setattr("subprocess.Popen.communicate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pose("CCN", "hang")
    assert [process.returncode for process in begun] == [-9]


def test_a_program_that_hangs_is_ended(pose):
    with pytest.raises(LigandError, match="longer than 3 s"):
        pose("CCN", "hang", seconds="3")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "There is no docking command"),
        ({"command": "dock '{receptor}"}, "is not understood"),
        ({"command": "sh {receptor} {ligand}"}, "does not name {output}"),
        ({"command": "sh {receptor} {ligand} {output} {pocket}"}, "names {pocket}, which is not known"),
        ({"command": "no_such_program_here {receptor} {ligand} {output}"}, "There is no program no_such_program_here"),
        ({"command": "sh {receptor} {ligand} {output}", "seconds": "0"}, "seconds is '0'"),
        ({"command": "sh {receptor} {ligand} {output}", "seconds": "soon"}, "seconds is 'soon'"),
    ],
)
def test_a_command_that_cannot_work_is_refused_before_anything_is_computed(options, says):
    pocket = PocketSpec(center=(0.0, 0.0, 0.0), radius=10.0)
    with pytest.raises(UsageError) as caught:
        check_posing(Posing("command", options=options), pocket)
    assert says in caught.value.message


def test_a_command_needs_a_box(command):
    with pytest.raises(UsageError, match="needs a box"):
        check_posing(Posing("command", options={"command": command()}), PocketSpec())
