"""The error tree: each error carries a stable code, a hint for the user and an exit code.

Errors about one request become a row with ``status = "failed"`` and the same
``error_code``; errors about the whole run end the command with ``exit_code``.
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_INTERNAL = 1
EXIT_USAGE = 2
EXIT_SOME_FAILED = 3
EXIT_NONE_SCORED = 4
EXIT_INTERRUPTED = 130
_SHOWN = 1_000  # letters of a message, at most


class BindingError(Exception):
    """Base of all errors that a user can cause or mend.

    Codes without a class of their own: ``worker_died``, ``time_limit``, ``out_of_memory``, ``version_mismatch`` (on a
    cluster).

    Args:
        message: What is wrong, in one sentence, naming the file or record.
        hint: What the user can do about it.
        code: Overrides the class's code where one class covers several cases.
    """

    code = "error"
    exit_code = EXIT_USAGE

    def __init__(self, message: str, hint: str, code: str | None = None) -> None:
        message = _shown(message)
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code

    def __reduce__(self) -> tuple[type[BindingError], tuple[str, str, str]]:
        # Keeps code and hint when an error crosses a process boundary.
        return (type(self), (self.message, self.hint, self.code))


def reason_of(error: BaseException) -> str:
    """What another program's exception says, as part of a sentence: its first line, or its kind if it says nothing."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(":.")


def _shown(message: str) -> str:
    """A message as a terminal may show it: what it quotes of a file may be long, or hold control characters."""
    clean = "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in message)
    return clean if len(clean) <= _SHOWN else f"{clean[: _SHOWN - 200]} ... {clean[-100:]}"


class UsageError(BindingError):
    """Options that do not fit together, or a value out of range.

    Codes: ``missing_extra`` (a package that is not installed), ``no_posing`` (SMILES, and no way to pose them),
    ``no_prior`` (weights that know no measurements), ``run_changed`` (the folder holds a screen of something else),
    ``no_cluster`` (no Ray that can be reached).
    """

    code = "usage"


class ConfigError(BindingError):
    """A settings file with an unknown key or a bad value."""

    code = "bad_config"


class TableError(BindingError):
    """A table that lacks a column, has no row or uses another separator.

    Codes of single rows: ``bad_id``, ``duplicate_id``, ``bad_ligand_name``, ``bad_row`` (too few or too many cells, a
    quote that is not closed, an empty cell that is needed, or otherwise not of the form),
    ``no_affinity``, ``bad_affinity`` (not understood, contradictory, or out of range), ``bad_unit``, ``unknown_site``
    (a complex that no cache has).
    """

    code = "bad_table"


class FileError(BindingError):
    """A file that is missing, empty or not what its name says.

    Codes: ``file_not_found``, ``empty_file``, ``wrong_format``, ``unreadable``,
    ``folder_taken``; of a screen ``run_locked`` and ``source_changed`` (a library file is no
    longer what was scored).
    """

    code = "unreadable"


class WriteError(FileError):
    """A file or folder that cannot be written.

    Codes: ``not_writable``, ``disk_full``.
    """

    code = "not_writable"


class FetchError(BindingError):
    """A file that could not be downloaded.

    Codes: ``not_in_archive``, ``download_failed``.
    """

    code = "download_failed"


class StructureError(BindingError):
    """A protein that cannot be used.

    Codes: ``no_protein``, ``nan_coordinates``, ``no_coordinates`` (atoms at 0, 0, 0), ``not_angstrom`` (nm, say),
    ``unknown_element``, ``no_residue``, ``no_side_chains``.
    """

    code = "bad_structure"


class LigandError(BindingError):
    """A ligand that cannot be used.

    Codes: ``bad_record``, ``sanitization_failed``, ``no_coordinates`` (2D or all zero),
    ``nan_coordinates``, ``not_angstrom`` (nm, say), ``collapsed``, ``unknown_element``, ``too_large``, ``no_atoms``,
    ``ligand_not_found``, ``several_ligands``, ``template_mismatch``, ``incomplete_ligand``,
    ``covalent_ligand``, ``no_bond_orders``, ``bad_smiles``, ``no_common_core`` and ``small_core`` (with a
    reference), ``no_overlay`` (with bound ligands), ``embedding_failed`` (no conformer), ``docking_failed``.
    """

    code = "bad_ligand"


class ContactError(BindingError):
    """The ligand touches no residue of the pocket: there is nothing to score."""

    code = "no_contact"


class WeightsError(BindingError):
    """Weights that are missing, damaged or of another version."""

    code = "bad_weights"


class TrainingError(BindingError):
    """A training run that cannot go on.

    Codes: ``diverged``, ``not_fitted`` (a prior whose equations cannot be solved).
    """

    code = "diverged"


class CacheError(BindingError):
    """A training cache that is missing, damaged or made with other settings.

    Codes: ``bad_cache``, ``in_use`` (by another run).
    """

    code = "bad_cache"


class NothingLeftError(CacheError):
    """No complex could be prepared: each row has its reason in the table of rejected rows."""

    code = "nothing_left"
    exit_code = EXIT_NONE_SCORED
