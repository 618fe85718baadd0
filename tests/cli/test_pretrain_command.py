"""`binding pretrain` and `binding train --init-encoders`: thin commands, told in a line each."""

import pytest

SETTINGS = """\
model: {hidden_channels: 16, num_heads: 2, num_layers: 1, ligand_layers: 1, pocket_layers: 1}
ligand: {molecules: [{file: library.sdf}], epochs: 2}
output: runs/pretrain
"""


@pytest.fixture
def folder(made, tmp_path):
    (tmp_path / "library.sdf").write_text(made.library.read_text() + "broken\n$$$$\n")
    (tmp_path / "pretrain.yaml").write_text(SETTINGS)
    return tmp_path


def test_an_encoder_is_made_and_what_was_rejected_is_told(binding_, folder):
    result = binding_("pretrain", "pretrain.yaml", "--set", "ligand.epochs=1", "-o", "elsewhere", "--workers", "1")
    assert result.exit_code == 3, result.output
    assert "ligand encoder: elsewhere/ligand_encoder.safetensors, learned from 3 molecules" in result.stderr
    assert "rejected: 1 records" in result.stderr
    assert "broken" in (folder / "elsewhere" / "rejected.csv").read_text()
    assert "epochs: 1\n" in (folder / "elsewhere" / "config.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("pretrain", "nowhere.yaml"), "nowhere.yaml"),
        (("pretrain", "pretrain.yaml", "--set", "ligand=null"), "ligand"),
        (("pretrain", "pretrain.yaml", "--set", "ligand.molecules=[{file: nowhere.sdf}]"), "nowhere.sdf"),
        (("pretrain", "pretrain.yaml", "--set", "ligand.speed=3"), "speed"),
        (("train", "train.yaml", "--init-encoders", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_done_exits_2(binding_, folder, made, arguments, told):
    (folder / "c").mkdir()
    (folder / "c" / "c_protein.pdb").write_bytes(made.protein.read_bytes())
    (folder / "c" / "c_ligand.sdf").write_text(made.ligands["aspirin"].read_text())
    (folder / "index.csv").write_text("id,pk\nc,5.0\n")
    if arguments[0] == "train":
        assert binding_("prepare", ".", "-o", "set.npz", "--workers", "0").exit_code == 0
        (folder / "train.yaml").write_text("sources: [{cache: set.npz}]\nvalidation: null\noutput: run\n")
    result = binding_(*arguments)
    assert result.exit_code == 2, result.output
    assert told in result.stderr
    assert "Traceback" not in result.output
