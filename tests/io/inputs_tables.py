"""Files that hold no poses, and the answers to them: SMILES, tables, settings, weights, caches.

See ``inputs``; each ``reading(...)`` is a line of the page.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from openpyxl import Workbook
from rdkit import Chem

from binding.config import TrainConfig
from binding.data.cache import ComplexCache
from binding.errors import BindingError
from binding.io.index import BadEntry, read_index_rows
from binding.io.ligand import BadRecord
from binding.io.series import read_series
from binding.io.table import read_requests
from binding.model.weights import load_model

Text = str | bytes
Answer = list[tuple[str, str]]


@dataclass(frozen=True)
class Reading:
    """A file and who reads it.

    Attributes:
        section: Heading of the page.
        what: The input in words, unique in its section.
        name: Of the file.
        content: Of the file; None where it is not there.
        reader: Gives a code and a text for each row.
    """

    section: str
    what: str
    name: str
    content: Callable[[], Text] | None
    reader: Callable[[Path], Answer]

    def answer(self, folder: Path) -> Answer:
        """What comes out, one pair a row; one pair where the whole file is refused."""
        path = folder / self.name
        if self.content is not None:
            content = self.content()
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        try:
            return self.reader(path)
        except BindingError as error:
            return [(error.code, error.message if error.hint else "no hint")]


READINGS: list[Reading] = []


def reading(section: str, what: str, name: str, content: Text | None, reader: Callable[[Path], Answer]) -> None:
    READINGS.append(Reading(section, what, name, None if content is None else lambda: content, reader))


def compounds(path: Path) -> Answer:
    found: Answer = []
    for item in read_series(path):
        if isinstance(item, BadRecord):
            found.append((item.error.code, item.error.message))
        else:
            notes = "".join(f"; {note}" for note in item.notes)
            found.append(("ok", f"{item.name}: {Chem.MolToSmiles(item.mol)}{notes}"))
    return found


def pairs(path: Path) -> Answer:
    found: Answer = []
    for request in read_requests(path):
        if isinstance(request.ligand, BadRecord):
            found.append((request.ligand.error.code, request.ligand.error.message))
        else:
            ligand = request.ligand.name if isinstance(request.ligand, Path) else request.ligand
            found.append(("ok", f"{request.id}: {Path(request.protein).name} with {ligand}"))
    return found


def affinities(path: Path) -> Answer:
    return [
        (row.error.code, row.error.message)
        if isinstance(row, BadEntry)
        else ("ok", f"{row.id}: pK {row.affinity.relation} {row.affinity.pk:.2f}")
        for _, row in read_index_rows(path)
    ]


def settings(path: Path) -> Answer:
    config = TrainConfig.from_yaml(path)
    return [("ok", f"{len(config.sources)} source, {config.epochs} epochs")]


def weights(path: Path) -> Answer:
    load_model(path, device="cpu")
    return [("ok", "")]


def cache(path: Path) -> Answer:
    ComplexCache(path)
    return [("ok", "")]


def sheet(rows: list[list[object]], *, blank_first: bool = False) -> bytes:
    """An .xlsx file."""
    book = Workbook()
    if blank_first:
        book.create_sheet()
        book.active = 1
    for row in rows:
        book.worksheets[0].append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def arrays(**held: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **held)
    return stream.getvalue()


S = "SMILES"
reading(S, "a list", "x.smi", "CCO ethanol\nCC\n", compounds)
reading(S, "with tabs and a header", "x.smi", "SMILES\tName\nCCO\tethanol\n", compounds)
reading(S, "with comments, blank lines, CR at the ends", "x.smi", "# from a vendor\rCCO a\r\rCC b\r", compounds)
reading(S, "with commas", "x.smi", "CCO,a\n", compounds)
reading(S, "names first", "x.smi", "ethanol CCO\n", compounds)
reading(S, "in quotes", "x.smi", '"CCO" a\n', compounds)
reading(S, "CXSMILES", "x.smi", "C[C@H](F)Cl |&1:1| racemate\n", compounds)
reading(S, "CXSMILES with an attachment point", "x.smi", "CCO* |$;;;_AP1$| a\n", compounds)
reading(S, "an R group", "x.smi", "CCO[*:1] a\n", compounds)
reading(S, "a salt", "x.smi", "CC(=O)[O-].[Na+] a\n", compounds)
reading(S, "pentavalent nitrogen", "x.smi", "CN(=O)=O a\nCN=N#N b\n", compounds)
reading(S, "an aromatic nitrogen without its hydrogen", "x.smi", "c1ccnc1 a\n", compounds)
reading(S, "five bonds at a carbon", "x.smi", "CC(C)(C)(C)C a\n", compounds)
reading(S, "hydrogen", "x.smi", "[H][H] a\n", compounds)
reading(S, "a reaction", "x.smi", "CCO>>CC=O a\n", compounds)
reading(S, "a SMARTS", "x.smi", "[#6]-[#8] a\n", compounds)
reading(S, "a SELFIES", "x.smi", "[C][C][O] a\n", compounds)
reading(S, "an InChI", "x.smi", "InChI=1S/CH4/h1H4 a\n", compounds)
reading(S, "a minus sign of typography", "x.smi", "CC(=O)[O\u2212] a\n", compounds)
reading(S, "UTF-16", "x.smi", "CCO a\n".encode("utf-16"), compounds)
reading(S, "Windows-1252", "x.smi", "CCO caf\xe9\n".encode("cp1252"), compounds)
reading(S, "nothing but comments", "x.smi", "# nothing\n", compounds)
reading(S, "a table", "x.csv", "id,smiles\na,CCO\n", compounds)
reading(S, "a table of ChEMBL", "x.csv", '"ChEMBL ID";"Name";"Smiles"\n"CHEMBL1";"ethanol";"CCO"\n', compounds)
reading(S, "a column named Canonical SMILES", "x.csv", "Canonical SMILES,id\nCCO,a\n", compounds)
reading(S, "a table without SMILES", "x.csv", "id,structure\na,CCO\n", compounds)
reading(S, "an empty cell", "x.csv", "id,smiles\na,\nb,CCO\n", compounds)
reading(S, "a spreadsheet", "x.xlsx", sheet([["id", "smiles"], ["a", "CCO"], [7, "CC"]]), compounds)

for what, text in {
    "the words nan, None, NA and null": "nan\nNone\nNA\nnull\n",
    "an apostrophe of Excel": "'CCO a\n",
    "HTML's letters": "C&gt;C a\n",
    "letters of full width": "\uff23\uff23\uff2f a\n",
    "a blank without width": "CC\u200bO a\n",
    "a coordination bond": "C[N](C)(C)->[O] a\n",
    "a mixture": "CCO.CCN.CCC a\n",
    "5,000 atoms": f"{'C' * 5000} a\n",
    "a peptide in one-letter code": "MKVLAAG a\n",
    "a number of CAS": "50-78-2 a\n",
    "an InChIKey": "BSYNRYMUTXBXSQ-UHFFFAOYSA-N a\n",
    "HELM": "PEPTIDE1{A.G}$$$$ a\n",
    "a semicolon": "CCO;a\n",
    "a point at the end": "CCO. a\n",
    "two letters of an R group": "CC[R1] a\n",
    "a ring of three digits": "C%(100)CCCC%(100) a\n",
}.items():
    reading(S, what, "x.smi", text, compounds)

S = "Tables of pairs"
HEAD = "id,protein,ligand\n"
ROW = "a,p.pdb,l.sdf\n"
reading(S, "commas", "t.csv", HEAD + ROW, pairs)
reading(S, "tabs", "t.tsv", (HEAD + ROW).replace(",", "\t"), pairs)
reading(S, "semicolons under `sep=;`", "t.csv", "sep=;\n" + (HEAD + ROW).replace(",", ";"), pairs)
reading(S, "Excel's Unicode text", "t.txt", (HEAD + ROW).replace(",", "\t").encode("utf-16"), pairs)
reading(S, "UTF-16 without a mark", "t.csv", (HEAD + ROW).encode("utf-16-le"), pairs)
reading(S, "Windows-1252", "t.csv", (HEAD + "caf\xe9,p.pdb,l.sdf\n").encode("cp1252"), pairs)
reading(S, "a byte order mark, other cases of letters", "t.csv", "\ufeffID,Receptor,LIGAND\n" + ROW, pairs)
reading(S, "invisible blanks about names", "t.csv", "\u200bid,\u00a0protein,ligand\u00a0\n" + ROW, pairs)
reading(S, "a column of row numbers", "t.csv", ",id,protein,ligand\n0,a,p.pdb,l.sdf\n", pairs)
reading(S, "empty columns at the end", "t.csv", "id,protein,ligand,,\na,p.pdb,l.sdf,,\n", pairs)
reading(S, "a header alone", "t.csv", HEAD, pairs)
reading(S, "no header", "t.csv", ROW, pairs)
reading(S, "blanks between cells", "t.txt", (HEAD + ROW).replace(",", " "), pairs)
reading(S, "header and rows separated otherwise", "t.csv", HEAD + ROW.replace(",", ";"), pairs)
reading(S, "a cell too few", "t.csv", f"{HEAD}a,p.pdb\n{ROW.replace('a,', 'b,')}", pairs)
reading(S, "a cell too many", "t.csv", f"{HEAD}a,p.pdb,l.sdf,x\n", pairs)
reading(S, "an open quote", "t.csv", f'{HEAD}a,"p.pdb,l.sdf\nb,p.pdb,l.sdf\n', pairs)
reading(S, "an empty protein", "t.csv", f"{HEAD}a,,l.sdf\n", pairs)
reading(S, "an id twice", "t.csv", HEAD + ROW + ROW, pairs)
reading(S, "a column twice", "t.csv", "id,protein,protein,ligand\na,p.pdb,p.pdb,l.sdf\n", pairs)
reading(S, "a choice of a ligand inside", "t.csv", f"{HEAD}a,p.pdb,A:LIG:301\n", pairs)
reading(
    S,
    "a spreadsheet",
    "t.xlsx",
    sheet([["id", "protein", "ligand"], ["a", "p.pdb", "l.sdf"], [301.0, "p.pdb", "l.sdf"]]),
    pairs,
)
reading(S, "a spreadsheet whose first sheet is empty", "t.xlsx", sheet([], blank_first=True), pairs)
reading(S, "a spreadsheet named `.csv`", "t.csv", sheet([["id"]]), pairs)
reading(S, "CSV named `.xlsx`", "t.xlsx", HEAD + ROW, pairs)
reading(S, "an old spreadsheet (.xls)", "t.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(60), pairs)
reading(S, "an HTML page", "t.csv", "<html></html>", pairs)
reading(S, "JSON", "t.csv", '[{"id": "a"}]', pairs)
reading(S, "an empty file", "t.csv", "", pairs)
reading(S, "no file", "t.csv", None, pairs)

S = "Tables of affinities"
reading(S, "pk", "t.csv", "id,pk\na,7.2\nb,\nc,nan\nd,7.2 nM\ne,>8\n", affinities)
reading(S, "pk beyond what was ever measured", "t.csv", "id,pk\na,25\nb,-4\nc,1e3\n", affinities)
reading(
    S,
    "units",
    "t.csv",
    "id,affinity\na,Ki=12nM\nb,10 nM\nc,Kd=5 \u00b5M\nd,Kd=5 \u03bcM\ne,IC50=3.2e-9 M\nf,pKi=7\n",
    affinities,
)
reading(S, "bounds", "t.csv", "id,affinity\na,IC50 > 10 uM\nb,Kd~1mM\n", affinities)
reading(S, "a unit that is missing or not known", "t.csv", "id,affinity\na,Ki=12\nb,12 nanomolar\n", affinities)
reading(S, "zero and negative", "t.csv", "id,affinity\na,Ki=0 nM\nb,Ki=-3 nM\n", affinities)
reading(S, "a decimal comma, semicolons", "t.csv", "id;pk\na;7,2\n", affinities)
reading(S, "a decimal comma, commas", "t.csv", "id,pk\na,7,2\n", affinities)
reading(S, "free energies", "t.csv", "id,dg_kcal_mol\na,-9.5\nb,9.5\nc,-9.5 kJ/mol\n", affinities)
reading(S, "two columns that contradict each other", "t.csv", "id,pk,affinity\na,7,Ki=1nM\n", affinities)
reading(S, "a column of another name", "t.csv", "id,Ki (nM)\na,7\n", affinities)
reading(S, "no id", "t.csv", "name,pk\n,7\nb,7\n", affinities)
reading(S, "an id like a number", "t.csv", "id,pk\n1E10,7\n", affinities)
reading(
    S,
    "an index of PDBbind",
    "INDEX_x",
    "# head\n1abc  2.00  2001  7.00  Ki=100nM  // 1abc.pdf (XXX)\n2abc  1.0 2003\n",
    affinities,
)

for what, cell in {
    "an amount without a blank, `500nM`": "500nM",
    "thousands": "1,234.5 nM",
    "an error": "5 \u00b1 1 nM",
    "a range": "10-20 nM",
    "a remark": "5 nM (n=3)",
    "nmol/L": "5 nmol/L",
    "a unit in capitals": "5 NM",
    "not determined": "n.d.",
    "an error of a spreadsheet": "#VALUE!",
    "a date": "2024-03-01",
    "a percentage": "50% at 10 uM",
    "two values": "Ki=5nM; Kd=3nM",
    "digits of full width": "\uff15nM",
    "an amount too small for a number": "1e-400 M",
    "an unknown measure, AC50": "AC50=3 uM",
}.items():
    reading(S, what, "t.tsv", f"id\taffinity\na\t{cell}\n", affinities)
reading(S, "an export of CDD Vault", "t.csv", "Molecule Name,SMILES,IC50 (nM),IC50 Modifier\nA,CCO,10,<\n", affinities)
reading(S, "Excel's Unicode text", "t.csv", "id\tpk\na\t7\n".encode("utf-16"), affinities)
reading(S, "numbers in other notations", "t.csv", "id,pk\na,7.\nb,+7\nc,7e0\nd,0x7\ne,7_0\nf,1e400\n", affinities)

S = "Settings"
GOOD = "sources: [{cache: a.npz}]\noutput: runs/x\n"
reading(S, "the least", "x.yaml", GOOD, settings)
reading(S, "a byte order mark and CRLF", "x.yaml", "\ufeff" + GOOD.replace("\n", "\r\n"), settings)
reading(S, "an unknown key", "x.yaml", GOOD + "epoch: 3\n", settings)
reading(S, "a value of another kind", "x.yaml", GOOD + "epochs: many\n", settings)
reading(S, "a value out of range", "x.yaml", GOOD + "epochs: 0\n", settings)
reading(S, "a key twice", "x.yaml", GOOD + "epochs: 3\nepochs: 4\n", settings)
reading(S, "a tab for a blank", "x.yaml", "sources:\n\t- cache: a.npz\n", settings)
reading(S, "an open bracket", "x.yaml", "sources: [{cache: a.npz\n", settings)
reading(S, "a list", "x.yaml", "- a\n- b\n", settings)
reading(S, "an object of Python", "x.yaml", GOOD + "name: !!python/object/apply:os.system ['true']\n", settings)
reading(S, "UTF-16", "x.yaml", GOOD.encode("utf-16-le"), settings)
reading(S, "an empty file", "x.yaml", "", settings)
reading(S, "no file", "x.yaml", None, settings)

S = "Weights and caches"
reading(S, "weights that are not there", "x.safetensors", None, weights)
reading(S, "weights without their card", "x.safetensors", b"\x08" + bytes(7) + b"{}      ", weights)
reading(S, "an empty file for weights", "x.safetensors", "", weights)
reading(S, "a pickle for weights", "x.pt", b"\x80\x04K\x01.", weights)
reading(S, "a ligand for weights", "x.sdf", "x\n", weights)
reading(S, "a cache that is not there", "x.npz", None, cache)
reading(S, "an empty file for a cache", "x.npz", "", cache)
reading(S, "a table for a cache", "x.npz", "id,pk\na,7\n", cache)
reading(S, "other arrays", "x.npz", arrays(something=np.zeros(3)), cache)
reading(S, "arrays of objects", "x.npz", arrays(objects=np.array([{"a": 1}], dtype=object)), cache)
reading(S, "a cache that breaks off", "x.npz", arrays(something=np.zeros(99))[:-40], cache)
