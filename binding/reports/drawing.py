"""Compounds in 2D as SVG that stands in a page: element symbols, numbers and paths, nothing of a file's text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import numpy as np
from markupsafe import Markup
from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D

_SMALL: Final = (200, 130)  # pixels
_AS_LARGE_AS_NEEDED: Final = (-1, -1)
_LOOK: Final = {
    "clearBackground": False,
    "bondLineWidth": 1.2,
    "padding": 0.06,
}
_FITTED: Final = _LOOK | {"fixedBondLength": 22.0}  # pixels, at most: small molecules are not blown up
_COLOURED: Final = _LOOK | {
    "bondLineWidth": 1.5,
    "scalingFactor": 26.0,  # pixels a unit of length, of which a bond has one and a half
    "annotationFontScale": 0.55,
    "atomHighlightsAreCircles": True,
    "prepareMolsBeforeDrawing": False,  # done here, so that it can fall back
    "highlightRadius": 0.42,
}
#: Ends of the scale, for more and for less than nothing: Okabe and Ito's blue and orange, which all eyes tell apart,
#: paler, so that the symbols stay legible on them.
TIGHTER: Final = (0.25, 0.58, 0.80)
WEAKER: Final = (0.93, 0.55, 0.25)


def draw_compound(smiles: str | None) -> Markup | None:
    """A 2D drawing as SVG; None where there is nothing that can be drawn.

    Only the SMILES is read, not what may follow it after a blank: labels there would be drawn as they are.
    """
    bare = (smiles or "").split()
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(bare[0]) if bare else None
        if mol is None:
            return None
        drawer = rdMolDraw2D.MolDraw2DSVG(*_SMALL)
        _set(drawer, _FITTED)
        rdMolDraw2D.PrepareAndDrawMolecule(drawer, mol)
        return _finished(drawer)


def draw_shares(mol: Chem.Mol, shares: np.ndarray, limit: float) -> Markup:
    """A 2D drawing with each atom's number and, in colour, what it adds to something.

    Args:
        mol: Heavy atoms; sanitized.
        shares: (atoms,) numbers.
        limit: Above zero; what has this size, or more, gets the full colour.
    """
    bare = _without_text(mol)
    for number, atom in enumerate(bare.GetAtoms(), start=1):
        atom.SetProp("atomNote", str(number))
    colours = {row: colour(share / limit) for row, share in enumerate(shares.tolist())}
    with rdBase.BlockLogs():
        rdDepictor.Compute2DCoords(bare)
        drawer = rdMolDraw2D.MolDraw2DSVG(*_AS_LARGE_AS_NEEDED)
        _set(drawer, _COLOURED)
        drawer.drawOptions().useBWAtomPalette()
        try:
            ready = rdMolDraw2D.PrepareMolForDrawing(bare)
        except Chem.KekulizeException:  # a pose that was read with aromatic bonds only
            ready = rdMolDraw2D.PrepareMolForDrawing(bare, kekulize=False)
        drawer.DrawMolecule(ready, list(colours), [], colours, {})
        return _finished(drawer)


def colour(share: float) -> tuple[float, float, float]:
    """Red, green and blue, 0 to 1, of a share: white at 0, blue at 1 and orange at -1, and beyond."""
    end = TIGHTER if share > 0 else WEAKER
    strength = min(abs(share), 1.0)
    red, green, blue = (1.0 - strength * (1.0 - value) for value in end)
    return red, green, blue


def _set(drawer: rdMolDraw2D.MolDraw2DSVG, look: Mapping[str, object]) -> None:
    for option, value in look.items():
        setattr(drawer.drawOptions(), option, value)


def _finished(drawer: rdMolDraw2D.MolDraw2DSVG) -> Markup:
    drawer.FinishDrawing()
    text = drawer.GetDrawingText()
    text = re.sub(r" class='[^']*'", "", text[text.index("<svg") :])  # a third of the bytes
    return Markup(text)


def _without_text(mol: Chem.Mol) -> Chem.Mol:
    """A copy without what a file may have labelled atoms, bonds and groups with, which would be drawn."""
    bare = Chem.Mol(mol)
    bare.RemoveAllConformers()
    Chem.ClearMolSubstanceGroups(bare)
    for atom in bare.GetAtoms():
        atom.SetAtomMapNum(0)
        for name in atom.GetPropNames():
            atom.ClearProp(name)
    for bond in bare.GetBonds():
        for name in bond.GetPropNames():
            bond.ClearProp(name)
    return bare
