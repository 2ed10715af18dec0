"""SIGTERM is a request, not a kill, in the main thread and inside the context manager only."""

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
    """The exit code and output of a process that receives SIGTERM once it has printed "ready"."""
    program = (
        "import signal, sys, threading, time\nfrom charrec.machine.termination import until_terminated\n" + program
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout
        assert process.stdout.readline().strip() == READY
        process.terminate()
        output = process.stdout.read().strip()
    return process.returncode, output


WAIT = """
def wait(asked):
    print("ready", flush=True)
    for _ in range(1000):
        if asked():
            return True
        time.sleep(0.01)
    return False
"""


def test_a_process_sees_sigterm_and_exits_in_its_own_time() -> None:
    program = """
    with until_terminated() as stop:
        assert not stop()
        print("asked" if wait(stop) else "not asked")
    """
    assert terminated(WAIT + textwrap.dedent(program)) == (0, "asked")


def test_a_request_stays_set() -> None:
    program = """
    with until_terminated() as stop:
        print(wait(stop), stop(), stop())
    print(stop())
    """
    assert terminated(WAIT + textwrap.dedent(program)) == (0, "True True True\nTrue")


def test_sigterm_does_not_interrupt_the_current_call() -> None:
    """The handler only sets a flag, so a file being written is completed."""
    program = """
    with until_terminated() as stop:
        print("ready", flush=True)
        start = time.monotonic()
        time.sleep(0.5)
        print(stop(), time.monotonic() - start >= 0.5)
    """
    assert terminated(textwrap.dedent(program)) == (0, "True True")


def test_sigterm_kills_the_process_again_afterwards() -> None:
    program = """
    with until_terminated() as stop:
        pass
    wait(stop)
    """
    assert terminated(WAIT + textwrap.dedent(program)) == (-signal.SIGTERM, "")


def test_the_previous_handler_is_called_again() -> None:
    program = """
    signal.signal(signal.SIGTERM, lambda *_: print("the previous one") or sys.exit(3))
    with until_terminated() as stop:
        pass
    wait(stop)
    """
    assert terminated(WAIT + textwrap.dedent(program)) == (3, "the previous one")


def test_another_thread_never_sees_sigterm_and_leaves_it_to_the_main_thread() -> None:
    program = """
    main_saw_it = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: main_saw_it.set())
    seen_in_thread = []
    def work():
        with until_terminated() as stop:
            print("ready", flush=True)
            seen_in_thread.append((main_saw_it.wait(60), stop()))
    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        thread.join(0.05)  # where the kernel gives the signal to the other thread, nothing ends a join without limit
    print(seen_in_thread)
    """
    assert terminated(textwrap.dedent(program)) == (0, "[(True, False)]")


def handler() -> object:
    return signal.getsignal(signal.SIGTERM)


def in_a_thread(call: Callable[[], object]) -> None:
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


def test_the_handler_is_restored_after_an_exception() -> None:
    before = handler()

    def fail() -> None:
        with until_terminated():
            assert handler() is not before
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert handler() is before


def test_a_nested_context_restores_the_outer_handler() -> None:
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
