"""SIGTERM asks, it does not kill: in the main thread, as long as somebody looks."""

import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable

import pytest

from charrec.machine.termination import until_terminated
from tests.toy import ROOT

READY = "ready"


def terminated(program: str) -> tuple[int, str]:
    """The exit code and the last words of a process that gets SIGTERM when it says that it is ready."""
    program = (
        "import signal, sys, threading, time\nfrom charrec.machine.termination import until_terminated\n" + program
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout
        assert process.stdout.readline().strip() == READY
        process.terminate()
        said = process.stdout.read().strip()
    return process.returncode, said


WAIT = """
def wait(asked):
    print("ready", flush=True)
    for _ in range(1000):
        if asked():
            return True
        time.sleep(0.01)
    return False
"""


def test_a_process_that_is_asked_to_end_learns_it_and_ends_as_it_likes() -> None:
    program = """
    with until_terminated() as stop:
        assert not stop()
        print("asked" if wait(stop) else "not asked")
    """
    assert terminated(WAIT + textwrap.dedent(program)) == (0, "asked")


def test_once_asked_is_asked_for_good() -> None:
    program = """
    with until_terminated() as stop:
        print(wait(stop), stop(), stop())
    print(stop())
    """
    assert terminated(WAIT + textwrap.dedent(program)) == (0, "True True True\nTrue")


def test_what_is_being_done_goes_on_to_its_end() -> None:
    """The handler only takes note: a file that is being written is written."""
    program = """
    with until_terminated() as stop:
        print("ready", flush=True)
        start = time.monotonic()
        time.sleep(0.5)
        print(stop(), time.monotonic() - start >= 0.5)
    """
    assert terminated(textwrap.dedent(program)) == (0, "True True")


def test_afterwards_the_signal_ends_the_process_again() -> None:
    program = """
    with until_terminated() as stop:
        pass
    wait(stop)
    """
    assert terminated(WAIT + textwrap.dedent(program)) == (-signal.SIGTERM, "")


def test_the_handler_of_before_is_called_again() -> None:
    program = """
    signal.signal(signal.SIGTERM, lambda *_: print("the one of before") or sys.exit(3))
    with until_terminated() as stop:
        pass
    wait(stop)
    """
    assert terminated(WAIT + textwrap.dedent(program)) == (3, "the one of before")


def test_another_thread_is_never_told_and_takes_the_signal_from_nobody() -> None:
    program = """
    main_was_told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: main_was_told.set())
    told = []
    def work():
        with until_terminated() as stop:
            print("ready", flush=True)
            told.append((main_was_told.wait(10), stop()))
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    print(told)
    """
    assert terminated(textwrap.dedent(program)) == (0, "[(True, False)]")


def handler() -> object:
    return signal.getsignal(signal.SIGTERM)


def in_a_thread(call: Callable[[], object]) -> None:
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


def test_the_handler_is_put_back_whatever_happens() -> None:
    before = handler()

    def fail() -> None:
        with until_terminated():
            assert handler() is not before
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert handler() is before


def test_one_within_another_puts_back_the_outer_one() -> None:
    with until_terminated():
        outer = handler()
        with until_terminated():
            assert handler() is not outer
        assert handler() is outer


def test_another_thread_leaves_the_handler_alone() -> None:
    before, seen = handler(), []

    def work() -> None:
        with until_terminated() as stop:
            seen.append((handler(), stop()))

    in_a_thread(work)
    assert seen == [(before, False)]
