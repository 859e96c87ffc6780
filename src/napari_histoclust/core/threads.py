"""Jobs out of libraries that pull: a writer in a thread of its own, and work done ahead of it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from threading import Event
from typing import TypeVar

from napari_histoclust.core.errors import Cancelled
from napari_histoclust.core.jobs import Job, Progress

T = TypeVar("T")
U = TypeVar("U")

_POLL_S = 0.1  # how often the job yields; what it costs at the end is nothing, as the wait ends with the work


def pulled(
    work: Callable[[Iterator[T]], U], items: Generator[T, None, None], total: int, text: str
) -> Job[U]:
    """Run `work`, which pulls `items` from an iterator at its own pace, as a job.

    Parameters
    ----------
    work : callable
        Takes the iterator; runs in another thread. When the job is closed the iterator raises `Cancelled`
        there, and the job ends when `work` has let go of its files.
    items : generator
        Consumed, and closed, in that thread.
    total : int
        How many items there are, for the progress.
    text : str
        What the progress says.
    """
    stop = Event()
    done = [0]

    def feed() -> Iterator[T]:
        with closing(items):
            for item in items:
                if stop.is_set():
                    raise Cancelled(text)
                yield item
                done[0] += 1

    with ThreadPoolExecutor(1, thread_name_prefix="writer") as pool:
        future = pool.submit(work, feed())
        try:
            while not future.done():
                yield Progress(text, done[0], total)
                wait([future], timeout=_POLL_S)
        finally:
            stop.set()
    return future.result()


def ahead(
    function: Callable[[T], U], items: Iterable[T], *, threads: int | None = None, waiting: int | None = None
) -> Generator[U, None, None]:
    """Map in threads and in order, never more than a few results ahead of who takes them.

    When the consumer stops early, what has not begun is dropped and what has is waited for.

    Parameters
    ----------
    function : callable
        Waits for no other item.
    items : iterable
        Taken from as the work goes on.
    threads : int, optional
        As many as there are cores without.
    waiting : int, optional
        Most results that wait to be taken; two for each thread without.
    """
    threads = threads or max(1, os.cpu_count() or 1)
    most = 2 * threads if waiting is None else waiting
    pool = ThreadPoolExecutor(threads, thread_name_prefix="ahead")
    begun: deque[Future[U]] = deque()
    try:
        for item in items:
            begun.append(pool.submit(function, item))
            if len(begun) > most:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
