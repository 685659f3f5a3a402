"""One holder at a time, whoever dies, sleeps or races."""

import multiprocessing
import os
import signal
import time

import pytest

from sphering.errors import LeaseHeldError, LeaseLostError
from sphering.store import lease
from sphering.store.layout import Layout
from sphering.store.lease import check_held, newest, take
from sphering.store.local_files import LocalFiles

LAYOUT = Layout("questions")
SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def files(tmp_path):
    return LocalFiles(tmp_path)


def hold(root, told):
    """Hold the lease in a process of its own until told."""
    taken = take(LocalFiles(root), LAYOUT, "another run", wait=True)
    told.send("held")
    told.poll(60)
    taken.release()


@pytest.fixture
def another(files):
    """A process that holds the lease, and the pipe that lets it end."""
    mine, told = SPAWN.Pipe()
    process = SPAWN.Process(target=hold, args=(files.root, told))
    process.start()
    told.close()  # a process that dies is heard
    assert mine.recv() == "held"
    yield process, mine
    if process.is_alive():
        mine.send("end")
    process.join(60)


def test_who_does_not_wait_is_told_at_once_who_holds_it(files, another):
    process, _ = another
    with pytest.raises(LeaseHeldError, match=rf"another run \(process {process.pid} on"):
        take(files, LAYOUT, "this run", wait=False)


def test_who_waits_gets_it_when_it_is_released(files, another):
    heard = []

    def waiting(holder):
        heard.append(holder.what)
        another[1].send("end")

    taken = take(files, LAYOUT, "this run", wait=True, waiting=waiting)
    assert heard == ["another run"]
    assert newest(files, LAYOUT).what == "this run"
    assert files.children(LAYOUT.locks) == ["00000002.json"]
    taken.release()
    assert newest(files, LAYOUT).released


def test_a_killed_holder_loses_it_at_once_on_its_own_machine(files, another):
    os.kill(another[0].pid, signal.SIGKILL)
    another[0].join()
    mine = take(files, LAYOUT, "this run", wait=False)
    assert mine.holder.number == 2
    mine.release()


def test_a_process_of_the_same_number_that_started_later_is_not_the_holder(files, monkeypatch):
    monkeypatch.setattr(lease, "start_of", lambda _: "then")
    taken = take(files, LAYOUT, "a run", wait=False)
    monkeypatch.setattr(lease, "start_of", lambda _: "later")
    another = take(files, LAYOUT, "another", wait=False)
    assert another.holder.number == 2
    another.release()
    taken.release()


def test_a_holder_on_another_machine_that_is_silent_loses_it_by_the_stores_clock(files, monkeypatch):
    monkeypatch.setattr(lease, "_host", lambda: "another machine")
    taken = take(files, LAYOUT, "a run there", wait=False)
    monkeypatch.setattr(lease, "_host", lambda: "this machine")
    with pytest.raises(LeaseHeldError):
        take(files, LAYOUT, "this run", wait=False)
    silent = files.path(LAYOUT.lock(1))
    os.utime(silent, (time.time() - lease.EXPIRES_SECONDS - 1,) * 2)
    mine = take(files, LAYOUT, "this run", wait=False)
    with pytest.raises(LeaseLostError, match="to this run"):
        check_held(files, LAYOUT, taken.holder.number)
    taken.release()
    check_held(files, LAYOUT, mine.holder.number)
    assert newest(files, LAYOUT) == mine.holder
    mine.release()


def test_a_dead_holder_on_another_machine_does_not_hold_it_for_as_long_as_the_stores_clock_was_set_back(
    files, monkeypatch
):
    monkeypatch.setattr(lease, "_host", lambda: "another machine")
    taken = take(files, LAYOUT, "a run there", wait=False)
    monkeypatch.setattr(lease, "_host", lambda: "this machine")
    ahead = files.path(LAYOUT.lock(1))
    os.utime(ahead, (time.time() + 3600,) * 2)
    mine = take(files, LAYOUT, "this run", wait=False)
    taken.release()
    assert newest(files, LAYOUT) == mine.holder
    mine.release()


def test_a_holder_renews_it_as_long_as_it_lives(files, monkeypatch):
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.05)
    taken = take(files, LAYOUT, "a run", wait=False)
    os.utime(files.path(LAYOUT.lock(1)), (0, 0))
    end = time.monotonic() + 30
    while files.modified(LAYOUT.lock(1)) == 0 and time.monotonic() < end:
        time.sleep(0.01)
    assert files.modified(LAYOUT.lock(1)) > 0
    taken.release()


def contend(root, number, winners, begin):
    begin.wait(60)
    try:
        taken = take(LocalFiles(root), LAYOUT, f"run {number}", wait=False)
    except LeaseHeldError:
        return
    winners.put(taken.holder.what)
    time.sleep(2)
    taken.release()


def test_of_racing_contenders_one_gets_it(files):
    winners, begin = SPAWN.Queue(), SPAWN.Event()
    racers = [SPAWN.Process(target=contend, args=(files.root, number, winners, begin)) for number in range(4)]
    for racer in racers:
        racer.start()
    time.sleep(3)
    begin.set()
    for racer in racers:
        racer.join(60)
    assert winners.get(timeout=10)
    assert winners.empty()
