"""Settings for every test: nothing is judged by how long it took, and nothing outlives its test.

A thread that nobody ended keeps the interpreter from exiting, so that a run in which every test
passed would hang. Each test therefore fails by name where a thread that began within it lives on,
and the run fails, with the stacks, where something of it still holds up the end.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import thread as pools

import pytest
from hypothesis import settings

settings.register_profile("counterd", deadline=None)
settings.load_profile("counterd")

END_S = 10.0
"""How long a thread that was told to end may take to, on a machine that is busy."""
EXIT_S = 60.0
"""The interpreter's own end takes a moment; one that takes so long hangs."""

BEFORE = pytest.StashKey[set[threading.Thread]]()
STATUS = pytest.StashKey[int]()


def threads() -> set[threading.Thread]:
    """Those that somebody has to end: a pool ends its own, together with the event loop that it
    belongs to (one of a module's lives longer than a test)."""
    pooled = set(pools._threads_queues)
    return {
        thread
        for thread in threading.enumerate()
        if thread not in pooled and not isinstance(thread, threading._DummyThread)
    }


def left_over(before: set[threading.Thread]) -> list[threading.Thread]:
    """The threads that began since and do not end."""
    end_s = time.monotonic() + END_S
    for thread in threads() - before:
        thread.join(max(0.0, end_s - time.monotonic()))
    return sorted(threads() - before, key=lambda thread: thread.name)


@pytest.fixture(autouse=True)
def _threads_before(request: pytest.FixtureRequest) -> None:
    """Runs after the fixtures of wider scopes, whose threads may live on, and before the rest."""
    request.node.stash[BEFORE] = threads()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    yield
    before = item.stash.get(BEFORE, None)
    if before is None:
        return
    leaked = left_over(before)
    if leaked:
        pytest.fail(f"threads that nobody ended: {[thread.name for thread in leaked]}", False)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """The last thing that pytest does. Whoever waits for this process is to get an answer."""
    if threading.current_thread() is not threading.main_thread():
        return
    leaked = [thread for thread in left_over({threading.main_thread()}) if not thread.daemon]
    if leaked:
        names = [thread.name for thread in leaked]
        print(f"\nFAILED: threads hold up the end of the run: {names}", file=sys.stderr, flush=True)
        faulthandler.dump_traceback(file=sys.__stderr__ or 2, all_threads=True)
        sys.stdout.flush()
        os._exit(config.stash.get(STATUS, 0) or int(pytest.ExitCode.TESTS_FAILED))
    # What is not a thread of Python's, or a pool's worker, can hang in its end as well.
    faulthandler.dump_traceback_later(EXIT_S, exit=True, file=sys.__stderr__ or 2)
