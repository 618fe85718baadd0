"""The worker pool: order, errors carried over, and processes that die."""

import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import Future
from pathlib import Path

import pytest

from binding.errors import UsageError
from binding.pool import Rescue, TimeLimit, TimeLimitError, WorkerDiedError, WorkerPool, lost_item, run_jobs
from binding.processes import CAN_COPY
from binding.worker import SHARED

KEPT = Rescue.single(lambda job, error: error)  # the answer for a lost job is its error
SERVE = "from binding.worker import serve; serve()"


def test_answers_come_in_the_order_of_the_jobs():
    with WorkerPool("math:factorial", workers=2) as pool:
        answers = list(pool.run(iter([20, 1, 5, 3, 0]), KEPT, ahead=3))
    assert answers == [(20, 2432902008176640000), (1, 1), (5, 120), (3, 6), (0, 1)]


def test_an_exception_of_the_function_reaches_the_caller_and_the_worker_lives_on():
    with WorkerPool("math:sqrt", workers=1) as pool:
        first, second = pool.submit(-1.0), pool.submit(9.0)
        with pytest.raises(ValueError, match=r"domain|nonnegative"):
            first.result()
        assert second.result() == 3.0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_dead_worker_costs_its_own_job_only(workers):
    with WorkerPool("builtins:exec", workers) as pool:
        jobs = ["pass", "import os; os._exit(9)", "pass"]
        answers = [answer for _, answer in pool.run(jobs, KEPT, ahead=8)]
    assert answers[0] is None
    assert isinstance(answers[1], WorkerDiedError)
    assert answers[2] is None


@pytest.mark.parametrize("workers", [1, 2])
def test_a_function_that_cannot_be_loaded_is_an_error_of_the_caller(capfd, workers):
    with WorkerPool("math:no_such_function", workers) as pool, pytest.raises(RuntimeError, match="no_such_function"):
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
        worker.stdin.write(pickle.dumps(("math:sqrt", None)) + pickle.dumps(("/", 16.0)))
        worker.stdin.close()
        assert worker.stderr.read() == b""
    assert worker.returncode == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_set_up_with_something_unusable_is_an_error_of_the_caller(workers):
    with WorkerPool("binding.score.options:parse_pocket", workers, setup="nonsense") as pool:
        for _ in range(2):
            with pytest.raises(UsageError, match="is not understood"):
                pool.submit(1).result()


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_job_prints_does_not_land_among_the_answers(capfd, workers):
    with WorkerPool("builtins:print", workers) as pool:
        assert pool.submit("from the child").result() is None
    assert capfd.readouterr().out == ""


def test_jobs_are_drawn_no_further_than_the_lookahead():
    drawn = []

    def jobs():
        for number in range(100):
            drawn.append(number)
            yield 0.05

    with WorkerPool("time:sleep", workers=1) as pool:
        next(pool.run(jobs(), KEPT, ahead=4))
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


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_works_in_the_folder_of_its_parent(tmp_path, monkeypatch, workers):
    with WorkerPool("posixpath:abspath", workers) as pool:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            monkeypatch.chdir(tmp_path / name)
            assert pool.submit("file").result() == str(tmp_path / name / "file")


@pytest.mark.parametrize("workers", [1, 2])
def test_each_worker_is_set_up_once_with_what_it_is_given(workers):
    with WorkerPool("operator:attrgetter", workers, setup="real") as pool:
        assert [pool.submit(number).result() for number in (3 + 4j, 1j)] == [3.0, 0.0]


def test_a_job_under_way_tells_how_far_it_is():
    job = "import time\nfrom binding.worker import tell\ntell(1)\ntell(2)\ntime.sleep(%d)"
    with WorkerPool("builtins:exec", workers=1) as pool:
        quick = pool.submit(job % 0)
        assert quick.result(timeout=60) is None
        assert pool.notes == []
        pool.submit(job % 60)
        begun = time.monotonic()
        while pool.notes != [2] and time.monotonic() - begun < 30:
            time.sleep(0.01)
        assert pool.notes == [2]


# ---------------------------------------------------------------- workers that are copies of one process

copied = pytest.mark.skipif(not CAN_COPY, reason="workers are copies on Linux only")
WHO = "(__import__('time').sleep(0.5), __import__('os').getpid(), __import__('os').getppid())"


@copied
def test_several_workers_are_copies_of_a_process_that_has_loaded_once():
    with WorkerPool("builtins:eval", workers=2) as pool:
        (_, one, first), (_, two, second) = [future.result() for future in [pool.submit(WHO), pool.submit(WHO)]]
    assert one != two
    assert first == second
    assert first not in (os.getpid(), one, two)
    assert not any(map(is_running, (one, two, first))), "they end with the pool"


def test_a_worker_alone_is_started_by_this_process():
    with WorkerPool("builtins:eval", workers=1) as pool:
        assert pool.submit(WHO).result()[2] == os.getpid()


@copied
def test_workers_are_no_copies_of_a_process_with_threads():
    """What has threads may hold a lock, which the copy of no thread would ever free."""
    threads = (
        "(__import__('threading').Thread(target=__import__('time').sleep, args=(600,), daemon=True).start(), eval)[1]"
    )
    with WorkerPool("builtins:eval", workers=2, setup=threads) as pool:
        assert [pool.submit(WHO).result()[2] for _ in range(2)] == [os.getpid()] * 2


@copied
def test_a_killed_original_costs_no_job():
    with WorkerPool("builtins:eval", workers=2) as pool:
        _, worker, original = pool.submit(WHO).result()
        killing = f"(__import__('os').kill({original}, 9), __import__('time').sleep(1), 7)[2]"
        jobs = [f"{killing} if __import__('os').getppid() == {original} else 8", WHO, WHO]
        answers = [answer for _, answer in pool.run(jobs, KEPT, ahead=3)]
        assert answers[0] == 8
        assert {who[2] for who in answers[1:]}.isdisjoint({original, os.getpid()})
        assert not is_running(worker)


@copied
def test_what_workers_used_is_counted_to_this_process():
    resource = pytest.importorskip("resource")

    def used():
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return children.ru_utime + children.ru_stime

    before = used()
    with WorkerPool("builtins:exec", workers=2) as pool:
        pool.submit("import time\nwhile time.process_time() < 0.5: pass").result()
    assert used() - before > 0.5


# ---------------------------------------------------------------- jobs that kill their worker


class Machine:
    """Does jobs, tuples of numbers, at once: it dies of some numbers, once of others, and hangs on others again."""

    def __init__(self, deadly=(), once=(), hanging=(), most=100, tells=False, shared=()):
        self.deadly, self.once, self.hanging, self.most = set(deadly), set(once), set(hanging), most
        self.tells, self.shared = tells, set(shared)  # whether it says which number it was at; hangs before any
        self.tries = []

    def submit(self, job):
        numbers, lost = job
        self.tries.append(numbers)
        future = Future()
        if self.shared.intersection(numbers):
            future.set_exception(TimeLimitError(7, SHARED))
        elif late := sorted(self.hanging.intersection(numbers) - set(lost)):
            future.set_exception(TimeLimitError(7, numbers.index(late[0]) if self.tells else None))
        elif (self.deadly | self.once).intersection(numbers) - set(lost) or len(numbers) > self.most:
            future.set_exception(WorkerDiedError())
        else:
            future.set_result([-number if number in lost else number for number in numbers])
        self.once.difference_update(numbers)
        return future


def rescue(together):
    return Rescue(
        split=lambda job: [((number,), ()) for number in job[0]],
        failed=lambda job, error: [-job[0][0]],
        join=lambda answers: [number for answer in answers for number in answer],
        without=(lambda job, lost: (job[0], [job[0][place] for place in lost])) if together else None,
    )


def done_by(machine, together=True, ordered=True):
    jobs = [((10, 11, 12), ()), ((13,), ()), ((14, 15), ())]
    found = [answer for _, answer in run_jobs(machine.submit, jobs, rescue(together), ahead=2, ordered=ordered)]
    return sorted((number for answer in found for number in answer), key=abs)


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("together", [True, False])
def test_only_the_items_that_kill_or_hang_are_lost(together, ordered):
    machine = Machine(deadly={11, 13}, hanging={15})
    assert done_by(machine, together, ordered) == [10, -11, 12, -13, 14, -15]
    assert machine.tries.count((11,)) == 2
    assert machine.tries.count((13,)) == 2
    assert machine.tries.count((14, 15)) == (2 if together else 1), "hanging is not tried again as it was"
    assert machine.tries.count((15,)) == 1


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("together", [True, False])
def test_an_item_that_is_known_to_hang_is_lost_at_once(together, ordered):
    machine = Machine(deadly={12}, hanging={10, 15}, tells=True)
    assert done_by(machine, together, ordered) == [-10, 11, -12, 13, 14, -15]
    assert (10,) not in machine.tries
    assert (15,) not in machine.tries
    assert machine.tries.count((12,)) == 2


def test_several_items_that_hang_are_found_one_after_the_other():
    machine = Machine(hanging={10, 12, 14, 15}, tells=True)
    assert done_by(machine) == [-10, 11, -12, 13, -14, -15]
    assert machine.tries.count((10, 11, 12)) == 3


def test_where_what_they_share_hangs_all_items_are_lost_and_none_is_tried():
    machine = Machine(shared={11})
    assert done_by(machine) == [-10, -11, -12, 13, 14, 15]
    assert machine.tries.count((10, 11, 12)) == 1
    assert (10,) not in machine.tries


def test_a_worker_that_died_by_chance_costs_nothing():
    machine = Machine(once={11, 13})
    assert done_by(machine) == [10, 11, 12, 13, 14, 15]
    assert (10,) not in machine.tries


def test_items_that_die_together_only_are_done_one_by_one():
    assert done_by(Machine(most=1)) == [10, 11, 12, 13, 14, 15]
    assert done_by(Machine(most=2, deadly={12})) == [10, 11, -12, 13, 14, 15]


def test_answers_come_as_they_are_ready_where_their_order_does_not_matter():
    with WorkerPool("time:sleep", workers=2) as pool:
        pool.run([0, 0], KEPT, ahead=2)
        jobs = [job for job, _ in pool.run([1.5, 0.01], KEPT, ahead=2, ordered=False)]
    assert jobs == [0.01, 1.5]


def test_once_it_is_to_stop_nothing_is_begun_and_what_is_under_way_is_finished():
    done = []
    with WorkerPool("time:sleep", workers=1) as pool:
        for job, _ in pool.run((0.01 for _ in range(50)), KEPT, ahead=10, stopping=lambda: len(done) > 0):
            done.append(job)
    assert 1 <= len(done) <= 3


def test_what_a_lost_item_says():
    died, late = lost_item(WorkerDiedError(), "aspirin", "try it alone"), lost_item(TimeLimitError(60))
    assert (died.code, late.code) == ("worker_died", "time_limit")
    assert "aspirin" in died.message
    assert "try it alone" in died.hint
    assert "60 s" in late.message
    assert "--time-limit" in late.hint
    assert "the receptor of aspirin" in lost_item(TimeLimitError(60, SHARED), "aspirin").message


# ---------------------------------------------------------------- jobs that hang


@pytest.mark.parametrize("workers", [1, 2])
def test_a_job_that_hangs_is_ended_and_costs_no_other(workers):
    start = time.monotonic()
    with WorkerPool("time:sleep", workers, time_limit=TimeLimit(1.0, 2.0)) as pool:
        answers = [answer for _, answer in pool.run([0.1, 600, 0.1], KEPT, ahead=3)]
    assert answers[0] is answers[2] is None
    assert isinstance(answers[1], TimeLimitError)
    assert (answers[1].seconds, answers[1].place) == (2.0, None)
    assert time.monotonic() - start < 60


def test_the_time_limit_may_depend_on_the_job():
    def limit(seconds):
        return None if seconds < 2 else TimeLimit(9.0, 0.5)

    with WorkerPool("time:sleep", workers=1, time_limit=limit) as pool:
        pool.submit(1.5).result()
        with pytest.raises(TimeLimitError):
            pool.submit(30).result()


ITEMS = """
import time
from binding.worker import SHARED, begin
for place, seconds in {items}:
    begin(place)
    time.sleep(seconds)
"""


@pytest.mark.parametrize(
    ("items", "late", "seconds"),
    [
        ([(0, 0.4), (1, 0.4), (2, 0.4), (None, 1.5), (3, 0.4)], None, None),
        ([(0, 0.4), (1, 60), (2, 0)], 1, 1.0),
        ([(SHARED, 60), (0, 0)], SHARED, 1.0),
        ([(0, 0.1), (None, 60), (1, 0)], None, 3.0),
    ],
    ids=["each in time", "an item", "what they share", "between items"],
)
def test_what_takes_too_long_is_named(items, late, seconds):
    with WorkerPool("builtins:exec", workers=1, time_limit=TimeLimit(1.0, 3.0)) as pool:
        future = pool.submit(ITEMS.format(items=items))
        if seconds is None:
            assert future.result() is None
            return
        with pytest.raises(TimeLimitError) as error:
            future.result()
    assert (error.value.place, error.value.seconds) == (late, seconds)


# ---------------------------------------------------------------- a parent that is killed

PARENT = """
import sys, threading, time
from binding.pool import WorkerPool

pool = WorkerPool("builtins:exec", {workers})
threading.Thread(target=lambda: pool.submit("import time; time.sleep(0.1)").result()).start()  # ends before the job
job = "import os, pathlib; pathlib.Path({path!r}).write_text(f'{{os.getpid()}} {{os.getppid()}}'); " + {job!r}
pool.submit(job)
time.sleep(600)
"""
#: The second one keeps Python from running any other thread, as docking in native code does.
SLEEPS = {"asleep": "import time; time.sleep(600)", "in native code": "import ctypes; ctypes.PyDLL(None).sleep(600)"}


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("job", SLEEPS.values(), ids=SLEEPS)
def test_a_worker_is_gone_five_seconds_after_its_parent_was_killed(tmp_path, job, workers):
    path = tmp_path / "pid"
    script = PARENT.format(path=str(path), job=job, workers=workers)
    with subprocess.Popen([sys.executable, "-c", script]) as parent:
        deadline = time.monotonic() + 60
        while not (path.exists() and path.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        started = {int(pid) for pid in path.read_text().split()} - {parent.pid}
        assert len(started) == workers, "a worker, and what it is a copy of"
        time.sleep(1.5)
        assert all(map(is_running, started)), "they must not end with a thread of a parent that lives"
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while any(map(is_running, started)) and time.monotonic() < deadline:
        time.sleep(0.05)
    left = [pid for pid in started if is_running(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []
