"""The worker pool: order, errors carried over, and processes that die."""

import pickle
import subprocess
import sys
import textwrap
import time

import pytest

from binding.pool import WorkerDiedError, WorkerPool

SERVE = "from binding.pool import serve; serve()"


def test_answers_come_in_the_order_of_the_jobs():
    with WorkerPool("math:factorial", workers=2) as pool:
        answers = [(job, future.result()) for job, future in pool.map(iter([20, 1, 5, 3, 0]), lookahead=3)]
    assert answers == [(20, 2432902008176640000), (1, 1), (5, 120), (3, 6), (0, 1)]


def test_an_exception_of_the_function_reaches_the_caller_and_the_worker_lives_on():
    with WorkerPool("math:sqrt", workers=1) as pool:
        first, second = pool.submit(-1.0), pool.submit(9.0)
        with pytest.raises(ValueError, match=r"domain|nonnegative"):
            first.result()
        assert second.result() == 3.0


def test_a_dead_worker_costs_its_own_job_only():
    with WorkerPool("builtins:exec", workers=1) as pool:
        jobs = ["pass", "import os; os._exit(9)", "pass"]
        errors = [future.exception() for _, future in pool.map(jobs, lookahead=8)]
    assert errors[0] is None
    assert isinstance(errors[1], WorkerDiedError)
    assert errors[2] is None


def test_a_function_that_cannot_be_loaded_is_an_error_of_the_caller(capfd):
    with WorkerPool("math:no_such_function", workers=1) as pool, pytest.raises(RuntimeError, match="no_such_function"):
        pool.submit(1).result()
    assert "AttributeError" in capfd.readouterr().err


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        pickle.dumps(("math:sqrt", None))[:-7],
        pickle.dumps(("operator:attrgetter", "x" * 100_000), protocol=5)[:70_000],  # cut off within a frame
        pickle.dumps(("math:sqrt", None)) + pickle.dumps(16.0)[:-3],
    ],
    ids=["before anything", "in what it is set up with", "in much of that", "in a job"],
)
def test_a_worker_whose_parent_was_killed_ends_without_a_word(sent):
    done = subprocess.run([sys.executable, "-c", SERVE], input=sent, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_worker_whose_answer_nobody_takes_ends_without_a_word():
    with subprocess.Popen(
        [sys.executable, "-c", SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as worker:
        worker.stdout.close()
        worker.stdin.write(pickle.dumps(("math:sqrt", None)) + pickle.dumps(16.0))
        worker.stdin.close()
        assert worker.stderr.read() == b""
    assert worker.returncode == 0


def test_what_a_job_prints_does_not_land_among_the_answers(capfd):
    with WorkerPool("builtins:print", workers=1) as pool:
        assert pool.submit("from the child").result() is None
    assert capfd.readouterr().out == ""


def test_jobs_are_drawn_no_further_than_the_lookahead():
    drawn = []

    def jobs():
        for number in range(100):
            drawn.append(number)
            yield 0.05

    with WorkerPool("time:sleep", workers=1) as pool:
        next(pool.map(jobs(), lookahead=4))
        assert len(drawn) <= 5


def test_closing_does_not_wait_for_work_under_way():
    start = time.monotonic()
    with WorkerPool("time:sleep", workers=2) as pool:
        for _ in range(6):
            pool.submit(60)
        time.sleep(0.2)
    assert time.monotonic() - start < 20


def test_a_script_without_a_main_guard_may_use_workers(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            from binding.pool import WorkerPool
            print("once")
            with WorkerPool("math:sqrt", 1) as pool:
                print(pool.submit(16.0).result())
            """
        )
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["once", "4.0"], done.stderr


def test_each_worker_is_set_up_once_with_what_it_is_given():
    with WorkerPool("operator:attrgetter", workers=1, setup="real") as pool:
        assert [pool.submit(number).result() for number in (3 + 4j, 1j)] == [3.0, 0.0]
