"""From a drawn structure to the states that are posed: protonation by rule and stereoisomers by number.

A SMILES states no pH and often leaves stereocentres open. The rules here are documented in ``docs/how-to/screen.md``
and are the same for every poser. The network ignores protonation (it reads the neutral form); a docking engine uses
it, as donors and acceptors of hydrogen bonds.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from rdkit import Chem, rdBase
from rdkit.Chem import EnumerateStereoisomers
from rdkit.Chem.MolStandardize import rdMolStandardize

from binding.poses.embedding import can_embed

#: Groups that are charged in water at pH 7.4, the charged atom first: (name, SMARTS on the neutral form, charge).
#: Deliberately few: groups with a pKa well away from 7.4. Imidazoles, thiols, phenols, sulfonamides, anilines,
#: hydroxamic acids and N-oxides stay as they are.
_CHARGED: tuple[tuple[str, str, int], ...] = (
    ("carboxylic acid", "[OX2H1;$([OX2H1][CX3]=O)]", -1),
    ("sulfonic or sulfinic acid", "[OX2H1;$([OX2H1]S=O)]", -1),
    ("phosphoric or phosphonic acid", "[OX2H1;$([OX2H1]P=O)]", -1),
    ("tetrazole", "[nX3H1;$([nX3H1]1nnnc1),$([nX3H1]1nncn1)]", -1),
    ("acyl sulfonamide", "[NX3H1;$([NX3H1](C=O)S(=O)=O)]", -1),
    ("thiazolidinedione", "[NX3H1;$([NX3H1](C=O)C(=O)S)]", -1),
    (
        "guanidine",
        "[NX2;!$(N[!#1;!#6]);!$(NC#N);$(N=C([NX3;!$(N[#6]=[O,S]);!$(NC#N)])[NX3;!$(N[#6]=[O,S]);!$(NC#N)])]",
        +1,
    ),
    ("amidine", "[NX2;!$(N[!#1;!#6]);!$(NC=[O,S]);$(N=[CX3;!$(C~a)]([#6])[NX3H2,NX3H1]);!R]", +1),
    ("benzamidine", "[NX2H1;$(N=[CX3](c)[NX3H2,NX3H1])]", +1),
    ("aliphatic amine", "[NX3;!$(N[!#1;!#6]);!$(N*=,:,#[*]);!$(NC#N);!$(N[CX4](F)F);!$(N[CX4]C(F)(F)F)]", +1),
)
MOST_ISOMERS = 4
_MOST_WRITTEN = 64  # combinations; those that can be built are kept
_NEAR = 3  # bonds: of two amines as close as in piperazine only one is charged


@dataclass(frozen=True, eq=False)
class State:
    """One form of a compound that is posed.

    Attributes:
        mol: Sanitized, heavy atoms only, no conformer.
        notes: What was decided, one sentence each.
    """

    mol: Chem.Mol
    notes: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[Chem.Mol, int]]:
    return [(Chem.MolFromSmarts(smarts), charge) for _, smarts, charge in _CHARGED]


@lru_cache(maxsize=1)
def _uncharger() -> rdMolStandardize.Uncharger:
    return rdMolStandardize.Uncharger(canonicalOrder=True, force=True)


def protonate(mol: Chem.Mol) -> Chem.Mol:
    """The form at pH 7.4 by rule, regardless of the charges that the structure was drawn with.

    Acids and bases are made neutral first (a quaternary nitrogen or a nitro group stays), then the groups of
    ``_CHARGED`` are charged. Of amines within three bonds of each other only the first is.

    Args:
        mol: Sanitized, hydrogens implicit.

    Returns:
        A copy; atoms keep their order.
    """
    with rdBase.BlockLogs():
        work = Chem.RWMol(_uncharger().uncharge(mol))
        bases: list[int] = []
        distances = Chem.GetDistanceMatrix(work)
        for pattern, charge in _patterns():
            for (index,) in work.GetSubstructMatches(pattern, maxMatches=1000):
                atom = work.GetAtomWithIdx(index)
                if atom.GetFormalCharge():
                    continue
                if charge > 0:
                    if any(distances[index, base] <= _NEAR for base in bases):
                        continue
                    bases.append(index)
                hydrogens = atom.GetTotalNumHs() + charge
                atom.SetFormalCharge(charge)
                atom.SetNoImplicit(True)
                atom.SetNumExplicitHs(hydrogens)
        Chem.SanitizeMol(work)
    return work.GetMol()


def stereoisomers(mol: Chem.Mol, most: int, seed: int) -> list[State]:
    """The stereoisomers that a structure leaves open and that can be built in 3D.

    Args:
        mol: Sanitized, hydrogens implicit; centres and double bonds that are set stay as they are.
        most: Maximum number of isomers; if there are more, this many are sampled.
        seed: Random seed of the sample.

    Returns:
        At least one, in a fixed order, with a note where anything was left open.
    """
    options = EnumerateStereoisomers.StereoEnumerationOptions(unique=True, onlyUnassigned=True)
    possible = EnumerateStereoisomers.GetStereoisomerCount(mol, options)
    if possible <= 1:
        return [State(mol)]
    options.maxIsomers, options.rand = _MOST_WRITTEN, seed
    with rdBase.BlockLogs():
        written = sorted(EnumerateStereoisomers.EnumerateStereoisomers(mol, options), key=Chem.MolToSmiles)
        if len(written) > most:
            random.Random(seed).shuffle(written)
        # Of a bridged ring, most combinations do not exist.
        found = list(islice((isomer for isomer in written if can_embed(isomer)), most)) or written[:most]
    found.sort(key=Chem.MolToSmiles)
    drawn = f", drawn from up to {possible}" if possible > most else ""
    return [
        State(isomer, (f"stereochemistry not given: isomer {number} of {len(found)} tried{drawn}",))
        for number, isomer in enumerate(found, start=1)
    ]


def states(mol: Chem.Mol, *, isomers: int = MOST_ISOMERS, seed: int = 0) -> list[State]:
    """The states of a compound that are posed: its stereoisomers, where left open, each protonated by rule.

    Args:
        mol: Sanitized, one fragment; hydrogens and conformers are dropped.
        isomers: Maximum number of stereoisomers.
        seed: Random seed where more are possible.

    Returns:
        At least one state, in a fixed order.
    """
    with rdBase.BlockLogs():
        plain = Chem.RemoveHs(mol)
    plain.RemoveAllConformers()
    # Isomers first: the nitrogen of an ammonium would count as a centre, though it inverts.
    return [State(protonate(state.mol), state.notes) for state in stereoisomers(plain, isomers, seed)]
