"""A signal in a moment that must not be cut in two waits for its end."""

import signal
import threading

import pytest

from pipewise_cli.controlplane.interrupts import uninterrupted


def test_ctrl_c_waits_for_the_end_of_the_block_and_is_not_lost() -> None:
    done = []

    def block() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            done.append("the rest of the block")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert done == ["the rest of the block"]


def test_what_handled_signals_before_handles_them_after() -> None:
    before = signal.getsignal(signal.SIGINT)
    with uninterrupted():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_have_no_signals_to_hold_back() -> None:
    before, seen = signal.getsignal(signal.SIGINT), []

    def look() -> None:
        with uninterrupted():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [before]
