"""Compounds in 2D as SVG that stands in a page: element symbols, numbers and paths, nothing of a file's text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
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
_LABELLED: Final = _LOOK | {
    "bondLineWidth": 1.5,
    "scalingFactor": 26.0,  # pixels a unit of length, of which a bond has one and a half
    "annotationFontScale": 0.6,
    "prepareMolsBeforeDrawing": False,  # done here, so that it can fall back
}


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


def draw_atoms(mol: Chem.Mol, labels: Sequence[str]) -> tuple[str, tuple[int, int], np.ndarray]:
    """A 2D drawing in the colour of the text around it, with labels at the atoms and where each atom lies.

    Args:
        mol: Heavy atoms; sanitized.
        labels: (atoms) what stands beside each; only letters and digits are drawn.

    Returns:
        SVG; its width and height; (atoms, 2) places in it. What is to be seen behind the atoms goes there.
    """
    bare = _without_text(mol)
    for atom, label in zip(bare.GetAtoms(), labels, strict=True):
        atom.SetProp("atomNote", re.sub(r"[^A-Za-z0-9']", "", label))
    with rdBase.BlockLogs():
        rdDepictor.Compute2DCoords(bare)
        rdDepictor.StraightenDepiction(bare)
        drawer = rdMolDraw2D.MolDraw2DSVG(*_AS_LARGE_AS_NEEDED)
        _set(drawer, _LABELLED)
        drawer.drawOptions().useBWAtomPalette()
        try:
            ready = rdMolDraw2D.PrepareMolForDrawing(bare)
        except Chem.KekulizeException:  # a pose that was read with aromatic bonds only
            ready = rdMolDraw2D.PrepareMolForDrawing(bare, kekulize=False)
        drawer.DrawMolecule(ready)
        places = np.array([[place.x, place.y] for place in map(drawer.GetDrawCoords, range(bare.GetNumAtoms()))])
        text = re.sub(";?stroke-(?:opacity:1|linecap:butt|linejoin:miter)|;?fill-rule:evenodd", "", _finished(drawer))
        text = text.replace("#000000", "currentColor")
    return text, (drawer.Width(), drawer.Height()), places


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
