"""What an entry says about itself: crystal, cryo-EM and NMR entries, chains that share a sequence."""

from __future__ import annotations

import gemmi
import pytest

from binding.archive.entry import read_entry_info


def block(text: str) -> gemmi.cif.Block:
    return gemmi.cif.read_string(f"data_1ABC\n{text}\n").sole_block()


def test_a_crystal_structure():
    info = read_entry_info(
        block(
            "_exptl.method 'X-RAY DIFFRACTION'\n_refine.ls_d_res_high 1.45\n_em_3d_reconstruction.resolution ?\n"
            "loop_\n_pdbx_audit_revision_history.ordinal\n_pdbx_audit_revision_history.revision_date\n"
            "1 2009-07-14\n2 2011-07-13\n3 2024-02-21\n"
        )
    )
    assert (info.method, info.resolution, info.year, info.uniprot) == ("X-RAY DIFFRACTION", "1.45", "2009", {})


def test_a_cryo_em_structure():
    info = read_entry_info(block("_exptl.method 'ELECTRON MICROSCOPY'\n_refine.ls_d_res_high ?\n"
                                 "_em_3d_reconstruction.resolution 3.1\n"))  # fmt: skip
    assert (info.method, info.resolution, info.year) == ("ELECTRON MICROSCOPY", "3.1", "")


def test_an_nmr_structure_has_no_resolution():
    assert read_entry_info(block("_exptl.method 'SOLUTION NMR'")).resolution == ""


@pytest.mark.parametrize("strands", ["A,B", "'A, B'"])
def test_uniprot_of_chains(strands):
    """A chimera keeps its first sequence; a sequence of another database is no accession of UniProt."""
    info = read_entry_info(
        block(
            "loop_\n_struct_ref.id\n_struct_ref.db_name\n1 UNP\n2 UNP\n3 PDB\n"
            "loop_\n_struct_ref_seq.ref_id\n_struct_ref_seq.pdbx_strand_id\n_struct_ref_seq.pdbx_db_accession\n"
            f"1 {strands} P12345\n2 A Q99999\n3 C 1ABC\n"
        )
    )
    assert info.uniprot == {"A": "P12345", "B": "P12345"}
