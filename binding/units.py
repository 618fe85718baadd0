"""Affinities and their units: pK, concentrations, free energies, and text such as ``Ki=12nM``.

Inside the package an affinity is a pK, -log10(K / M), higher binds tighter. A censor sign
is kept as a relation *on the pK*: ``IC50>10uM`` is weaker than pK 5, so its relation is ``<``.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from binding.errors import UsageError

TEMPERATURE_K: Final = 298.15
GAS_CONSTANT_KCAL: Final = 8.31446261815324 / 4184.0  # kcal/(mol K); R is exact in the 2019 SI, 1 cal = 4.184 J
KCAL_PER_PK: Final = GAS_CONSTANT_KCAL * TEMPERATURE_K * math.log(10.0)  # 1.3642 kcal/mol

_MOLAR: Final = {"M": 0, "mM": -3, "uM": -6, "nM": -9, "pM": -12, "fM": -15}  # powers of ten
_MICRO: Final = str.maketrans({"µ": "u", "μ": "u"})  # U+00B5 and U+03BC look alike
_PER_LITRE: Final = re.compile(r"mol/[lL]$")
_MEASURES: Final = {"kd": "Kd", "ki": "Ki", "ic50": "IC50", "ec50": "EC50"}
_FLIPPED: Final = {"=": "=", "~": "~", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_SIGNS: Final = {"==": "=", "≤": "<=", "≥": ">=", "≈": "~", "=<": "<=", "=>": ">=", "~=": "~"}
_NUMBER: Final = r"[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?"
_EXPRESSION: Final = re.compile(
    rf"^\s*(?P<log>-\s*log\s*|p)?(?P<measure>Kd/Ki|[IE]C50|[A-Za-z]+50(?=[\s=<>~≤≥≈])|[A-Za-z]+)\s*(?P<sign>[=<>~≤≥≈]{{0,2}})\s*"
    rf"(?P<value>-?{_NUMBER})\s*(?P<unit>[A-Za-zµμ]*(?:/L)?)\s*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Affinity:
    """A measured affinity.

    Attributes:
        pk: -log10(K / M).
        relation: ``=``, ``~``, ``<``, ``>``, ``<=`` or ``>=``, read as "the true pK is ... this".
        measure: ``Kd``, ``Ki``, ``IC50``, ``EC50``, or ``K`` where the source names none.
    """

    pk: float
    relation: str = "="
    measure: str = "K"


def pk_from_concentration(value: float, unit: str) -> float:
    """The pK of a dissociation constant.

    Args:
        value: The constant, more than 0.
        unit: M, mM, uM (or µM), nM, pM or fM, also nmol/L and the like; the case matters, since mM and MM differ.

    Raises:
        UsageError: ``bad_unit`` for another unit, ``bad_affinity`` for a value that is not positive and finite.
    """
    if not (math.isfinite(value) and value > 0.0):
        raise UsageError(
            f"An affinity of {value:g} {unit} is not a positive number.",
            "A dissociation constant is more than zero; give pK values without a unit.",
            code="bad_affinity",
        )
    return 0.0 - math.log10(value) - _power(unit)  # 0.0 first, so that 1 M gives 0 and not -0


def concentration_from_pk(pk: float, unit: str = "nM") -> float:
    """The dissociation constant of a pK, in ``unit``."""
    return 10.0 ** (-pk - _power(unit))


def format_concentration(pk: float) -> str:
    """The constant of a pK in the unit that people would choose, such as ``12 nM``."""
    if not math.isfinite(pk):
        return ""
    unit = next((name for name, power in _MOLAR.items() if -pk >= power - 1e-9), "fM")
    return f"{concentration_from_pk(pk, unit):.3g} {unit}"


def dg_from_pk(pk: float) -> float:
    """The standard free energy of binding, -RT ln(10) pK, in kcal/mol at 298.15 K; negative binds."""
    return -KCAL_PER_PK * pk


def pk_from_dg(dg_kcal_mol: float) -> float:
    """The pK of a free energy of binding in kcal/mol at 298.15 K."""
    return -dg_kcal_mol / KCAL_PER_PK


def parse_affinity(text: str) -> Affinity:
    """Reads an affinity as people and index files write it.

    Args:
        text: Such as ``Ki=12nM``, ``IC50>10uM``, ``Kd~0.3 mM``, ``pKi 7.2`` or ``-logKd/Ki=6.40``. The sign
            before a concentration is flipped onto the pK.

    Raises:
        UsageError: ``bad_affinity`` or ``bad_unit``, naming the text and what would be understood.
    """
    match = _EXPRESSION.match(text)
    if match is None:
        raise UsageError(
            f"The affinity {text!r} is not understood.",
            "Write it as Ki=12nM, IC50>10uM, Kd~0.3mM or pKi=7.2.",
            code="bad_affinity",
        )
    sign = _SIGNS.get(match["sign"], match["sign"]) or "="
    if sign not in _FLIPPED:
        raise UsageError(f"The sign {sign!r} in {text!r} is not known.", "Use = ~ < > <= or >=.", code="bad_affinity")
    is_log, measure = match["log"] is not None, match["measure"]
    named = "K" if measure.lower() in ("k", "kd/ki") else _MEASURES.get(measure.lower())
    if named is None:
        raise UsageError(
            f"The measure {measure!r} in {text!r} is not known.",
            "Give Kd, Ki, IC50 or EC50; turn an association constant Ka into Kd = 1/Ka.",
            code="bad_affinity",
        )
    value, unit = float(match["value"]), match["unit"]
    if is_log:
        if unit:
            raise UsageError(f"{text!r} gives a unit to a logarithm.", "A pK has no unit.", code="bad_unit")
        return Affinity(value, sign, named)
    if not unit:
        raise UsageError(
            f"{text!r} has no unit.", f"Add one of {', '.join(_MOLAR)}, or write p{measure}=...", code="bad_unit"
        )
    return Affinity(pk_from_concentration(value, unit), _FLIPPED[sign], named)


def _power(unit: str) -> int:
    name = _PER_LITRE.sub("M", unit.strip().translate(_MICRO))
    if name not in _MOLAR:
        raise UsageError(
            f"The concentration unit {unit!r} is not known.",
            f"Use one of {', '.join(_MOLAR)} (µM is read as uM; the case matters).",
            code="bad_unit",
        )
    return _MOLAR[name]
