"""Why a complex has its pk: what each part of the sum, each residue and each ligand atom adds to it.

``contributions`` takes the sum apart, ``contacts`` says how a residue touches the ligand, ``explanation`` gives rows
with names and units, and ``run`` goes through requests.
"""
