"""`binding prepare` and `binding train`: thin commands, their exit codes, and the whole way once."""

import pytest


@pytest.fixture
def dataset(made, tmp_path):
    """Twelve small complexes in PDBbind layout with an index; one has a broken ligand."""
    names = list(made.ligands)
    rows = ["id,pk,uniprot"]
    for number in range(12):
        name = f"c{number:02d}"
        folder = tmp_path / "set" / name
        folder.mkdir(parents=True)
        (folder / f"{name}_protein.pdb").write_bytes(made.protein.read_bytes())
        text = made.ligands[names[number % 3]].read_text() if number else "broken\n$$$$\n"
        (folder / f"{name}_ligand.sdf").write_text(text)
        rows.append(f"{name},{5 + number / 4},P{number % 4}")
    (tmp_path / "set" / "index.csv").write_text("\n".join([*rows, ""]))
    return tmp_path


def test_prepare_tells_what_it_rejected_and_train_uses_the_rest(binding_, dataset):
    result = binding_("prepare", "set", "-o", "set.npz", "--workers", "0")
    assert result.exit_code == 3, result.output
    assert "11 of 12 complexes" in result.stderr
    assert "rejected: 1 x" in result.stderr
    assert (dataset / "set.npz").stat().st_size > 0
    rejected = (dataset / "set.rejected.csv").read_text()
    assert "c00" in rejected

    (dataset / "train.yaml").write_text(
        "sources: [{cache: set.npz}]\n"
        "validation: null\n"
        "output: run\n"
        "epochs: 3\n"
        "batch_size: 4\n"
        "threads: 1\n"
        "model: {hidden_channels: 16, num_heads: 2, num_layers: 1, ligand_layers: 1, pocket_layers: 1}\n"
    )
    result = binding_("train", "train.yaml", "--set", "epochs=1", "--set", "model.vector_channels=2", "-o", "elsewhere")
    assert result.exit_code == 0, result.output
    assert (dataset / "elsewhere" / "model.safetensors").is_file()
    settings = (dataset / "elsewhere" / "config.yaml").read_text()
    assert "epochs: 1\n" in settings
    assert "vector_channels: 2\n" in settings


@pytest.mark.parametrize(
    "arguments",
    [
        ("prepare", "nowhere", "-o", "out.npz"),
        ("prepare", "set", "-o", "out.npz", "--index", "nowhere.csv"),
        ("prepare", "set"),
        ("train", "nowhere.yaml"),
        ("train", "bad.yaml"),
        ("train", "unknown.yaml"),
        ("train", "good.yaml", "--set", "epochs"),
        ("train", "good.yaml", "--set", "epochs=many"),
        ("train", "good.yaml", "--set", "no.such.key=1"),
        ("train", "good.yaml"),
    ],
)
def test_what_cannot_be_prepared_or_trained_exits_2(binding_, dataset, arguments):
    (dataset / "bad.yaml").write_text("a: [1, 2\n")
    (dataset / "unknown.yaml").write_text("sources: [{cache: set.npz}]\noutput: run\nlearning_speed: 3\n")
    (dataset / "good.yaml").write_text("sources: [{cache: missing.npz}]\noutput: run\n")
    result = binding_(*arguments)
    assert result.exit_code == 2, result.output
    assert "rror" in result.stderr
    assert "Traceback" not in result.output
