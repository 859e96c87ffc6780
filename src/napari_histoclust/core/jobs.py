"""Long computations as generators, and the one loop that runs them.

A job yields `Progress` and returns a frozen result. It knows no thread, no Qt and no print; the command
line, the tests and the window's worker thread all run it through `drive`, so that cancelling costs nothing:
the generator is closed at its next yield.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar

from napari_histoclust.core.errors import Cancelled

T = TypeVar("T")

WARNING = "Warning: "
"""How the text of a `Progress` begins that tells what to know before the job goes on."""

_NO_VALUES: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job has come.

    Parameters
    ----------
    text : str
        What is being done, in the user's words ("Training", "Reading patches").
    done, total : int
        Units finished and units in all; `total` 0 means that the end is not known.
    values : Mapping[str, float]
        Figures worth showing while the job runs, such as the parts of a loss.
    """

    text: str
    done: int = 0
    total: int = 0
    values: Mapping[str, float] = field(default_factory=lambda: _NO_VALUES)

    @property
    def fraction(self) -> float | None:
        """Share finished in 0..1, or None where the end is not known."""
        return min(1.0, self.done / self.total) if self.total > 0 else None

    def __str__(self) -> str:
        count = f" {self.done}/{self.total}" if self.total else ""
        values = "".join(f"  {name} {value:.4g}" for name, value in self.values.items())
        return f"{self.text}{count}{values}"


Job = Generator[Progress, None, T]


def drive(
    job: Job[T],
    on_progress: Callable[[Progress], object] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> T:
    """Run a job to its end and return its result.

    Parameters
    ----------
    job : Job
        The generator to run.
    on_progress : callable, optional
        Called with each `Progress`.
    cancelled : callable, optional
        Asked after each `Progress`; when it answers True the job is closed.

    Raises
    ------
    Cancelled
        If `cancelled` answered True. The job's `finally` blocks have run by then, in this thread.
    """
    try:
        while True:
            progress = next(job)
            if on_progress is not None:
                on_progress(progress)
            if cancelled is not None and cancelled():
                raise Cancelled(progress.text)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        job.close()
