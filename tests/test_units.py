from __future__ import annotations

import math

import pytest

from binding import units
from binding.errors import UsageError


@pytest.mark.parametrize(
    ("text", "pk", "relation", "measure"),
    [
        ("Ki=12nM", 7.92082, "=", "Ki"),
        ("Kd~0.3 mM", 3.52288, "~", "Kd"),
        ("IC50>10uM", 5.0, "<", "IC50"),  # weaker than 10 uM
        ("Ki<10pM", 11.0, ">", "Ki"),  # tighter than 10 pM
        ("IC50<=2.0nM", 8.69897, ">=", "IC50"),
        ("Kd>=1mM", 3.0, "<=", "Kd"),
        ("IC50 ≤ 2.0 nM", 8.69897, ">=", "IC50"),
        ("ki = 5 µM", 5.30103, "=", "Ki"),  # U+00B5
        ("ki = 5 μM", 5.30103, "=", "Ki"),  # U+03BC
        ("Kd=2e-9M", 8.69897, "=", "Kd"),
        ("Ki=.5fM", 15.30103, "=", "Ki"),
        ("EC50=1uM", 6.0, "=", "EC50"),
        ("K=1M", 0.0, "=", "K"),
        ("pKi 7.2", 7.2, "=", "Ki"),
        ("pKi7.2", 7.2, "=", "Ki"),
        ("pIC50=8", 8.0, "=", "IC50"),
        ("pKd > 6", 6.0, ">", "Kd"),  # a sign on a pK is not flipped
        ("pk=-0.5", -0.5, "=", "K"),
        ("-logKd/Ki=6.40", 6.4, "=", "K"),
        ("Ki ≥ 1 nM", 9.0, "<=", "Ki"),
        ("Ki =< 1 nM", 9.0, ">=", "Ki"),
        ("Ki => 1 nM", 9.0, "<=", "Ki"),
        ("Ki ≈ 1 nM", 9.0, "~", "Ki"),
        ("Ki ~= 1 nM", 9.0, "~", "Ki"),
        ("Ki == 1 nM", 9.0, "=", "Ki"),
        ("Kd500nM", 6.30103, "=", "Kd"),
        ("Ki50 nM", 7.30103, "=", "Ki"),
        ("IC50 50nM", 7.30103, "=", "IC50"),
        ("IC5050nM", 7.30103, "=", "IC50"),
        ("Kd=5 nmol/L", 8.30103, "=", "Kd"),
        ("Kd=5 µmol/l", 5.30103, "=", "Kd"),
    ],
)
def test_affinity_as_people_write_it(text, pk, relation, measure):
    found = units.parse_affinity(text)
    assert found.pk == pytest.approx(pk, abs=1e-5)
    assert (found.relation, found.measure) == (relation, measure)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("Ki=12", "bad_unit", "no unit"),
        ("Ki=12 nm", "bad_unit", "'nm'"),  # nanometres
        ("Ki=12MM", "bad_unit", "'MM'"),
        ("pKi=7.2nM", "bad_unit", "logarithm"),
        ("Ki=0nM", "bad_affinity", "not a positive"),
        ("Ki=-3nM", "bad_affinity", "not a positive"),
        ("Ka=12nM", "bad_affinity", "'Ka'"),
        ("Ki<>3nM", "bad_affinity", "sign"),
        ("strong", "bad_affinity", "'strong'"),
        ("", "bad_affinity", "''"),
        ("Ki=12nM and more", "bad_affinity", "not understood"),
    ],
)
def test_what_is_not_an_affinity_is_refused_with_a_hint(text, code, said):
    with pytest.raises(UsageError) as caught:
        units.parse_affinity(text)
    assert caught.value.code == code
    assert said in caught.value.message
    assert caught.value.hint


def test_free_energy_of_one_nanomolar():
    # -RT ln(1e9) at 298.15 K; textbooks give -12.28 kcal/mol
    assert units.dg_from_pk(9.0) == pytest.approx(-12.278, abs=1e-3)
    assert units.pk_from_dg(units.dg_from_pk(6.3)) == pytest.approx(6.3, abs=1e-12)


def test_gas_constant_is_the_codata_value():
    from scipy.constants import R, calorie, kilo

    assert units.GAS_CONSTANT_KCAL == pytest.approx(R / (kilo * calorie), rel=1e-12)


@pytest.mark.parametrize("unit", ["M", "mM", "uM", "µM", "nM", "pM", "fM"])
def test_concentrations_go_there_and_back(unit):
    assert units.concentration_from_pk(units.pk_from_concentration(3.7, unit), unit) == pytest.approx(3.7, rel=1e-12)


def test_concentration_is_shown_in_the_unit_people_would_choose():
    shown = {pk: units.format_concentration(pk) for pk in (0.2, 3.0, 5.3, 7.92, 9.0, 16.0, math.nan)}
    assert shown == {
        0.2: "631 mM",
        3.0: "1 mM",
        5.3: "5.01 uM",
        7.92: "12 nM",
        9.0: "1 nM",
        16.0: "0.1 fM",
        math.nan: "",
    }
