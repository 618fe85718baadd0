"""What errors say: nothing that a terminal would obey, and not a whole file."""

from __future__ import annotations

import pickle

from binding.errors import FileError, reason_of


def test_control_characters_of_a_file_do_not_reach_the_terminal():
    error = FileError("Bad title '\x1b[2J\x07é'.\nSecond line.", "Mend it.")
    assert error.message == "Bad title '\ufffd[2J\ufffdé'.\nSecond line." == str(error)


def test_a_long_quotation_is_shortened_and_stays_a_sentence():
    error = FileError(f"{'a' * 5000} is no number.", "Mend it.")
    assert len(error.message) < 1000
    assert " ... " in error.message
    assert error.message.endswith("a is no number.")
    assert pickle.loads(pickle.dumps(error)).message == error.message


def test_a_reason_is_part_of_a_sentence_even_where_the_exception_says_nothing():
    assert reason_of(ValueError("bad line:\nthe rest")) == "bad line"
    assert reason_of(ValueError("Not so.")) == "Not so"
    assert reason_of(IndexError()) == reason_of(IndexError(" \n")) == "IndexError"
