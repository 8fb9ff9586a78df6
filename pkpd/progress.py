"""A progress bar on long work, in a terminal and in a notebook, for whoever asks for none.

It appears after a second, so that short work shows nothing, on stderr or below the cell, and goes
when the work ends. Work inside work shows no bar of its own. Knows counts; knows nothing of what is
counted.
"""

import functools
import inspect
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

AFTER = 1.0  # seconds of work before a bar appears
P = ParamSpec("P")
R = TypeVar("R")
Total = Callable[[dict[str, Any]], int | None]
_shown = ContextVar("_shown", default=False)  # whether a bar of this thread is on its way


def watched(total: Total, of: str = "patients") -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A function that takes `progress` shows a bar where it is given None; False for no bar.

    total : how many from the arguments, None where nobody knows it yet; of : what is counted
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            given = kwargs.get("progress")
            if given is not None and given is not False:
                return function(*args, **kwargs)
            kwargs["progress"] = None
            if given is False:
                with _no_bar():
                    return function(*args, **kwargs)
            if _shown.get() or not _somebody_looks():
                return function(*args, **kwargs)
            found = signature.bind(*args, **kwargs)  # a wrong argument is refused as ever
            found.apply_defaults()
            with bar(_counted(total, found.arguments), of) as advance:
                kwargs["progress"] = advance
                return function(*args, **kwargs)

        return run

    return decorate


@contextmanager
def _no_bar() -> Iterator[None]:
    """No bar on any work inside."""
    shown = _shown.set(True)
    try:
        yield
    finally:
        _shown.reset(shown)


def _counted(total: Total, arguments: dict[str, Any]) -> int | None:
    """The total, None where an argument is not what it should be: the function says so."""
    try:
        return total(arguments)
    except (AttributeError, TypeError):
        return None


@contextmanager
def bar(total: int | None, of: str = "patients") -> Iterator[Callable[..., None]]:
    """Yield advance(done, total): a bar of what is finished, the rate and the time left.

    of : what is counted
    """
    shown, begin, view = _shown.set(True), time.monotonic(), None

    def advance(done: int, whole: int | None = None) -> None:
        nonlocal view
        seconds = time.monotonic() - begin
        if view is None and seconds >= AFTER:
            view = _Cell(of) if _in_notebook() else _Terminal(of)
        if view is not None:
            view.show(done, total if whole is None else whole, done / seconds)

    try:
        yield advance
    finally:
        _shown.reset(shown)
        if view is not None:
            view.end()


def _in_notebook() -> bool:
    """Whether this runs in a notebook's kernel, which shows more than text."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    shell = get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None


def _somebody_looks() -> bool:
    """Whether a bar would be seen by a person."""
    return _in_notebook() or (sys.stderr is not None and sys.stderr.isatty())


class _Terminal:
    """A bar on stderr."""

    def __init__(self, of: str) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        rate = TextColumn("{task.fields[rate]}")
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn(of), rate)
        console = Console(stderr=True)
        self.bars = Progress(*columns, TimeRemainingColumn(), console=console, transient=True)
        self.of = of
        self.bars.start()
        self.task = self.bars.add_task("", total=None, rate="")

    def show(self, done: int, total: int | None, rate: float) -> None:
        self.bars.update(self.task, completed=done, total=total, rate=f"{rate:,.0f} {self.of}/s")

    def end(self) -> None:
        self.bars.stop()


class _Cell:
    """A bar below the cell of a notebook; it needs no widgets."""

    def __init__(self, of: str) -> None:
        from IPython.display import HTML, display

        self.html, self.of = HTML, of
        self.handle = display(HTML(""), display_id=True)

    def show(self, done: int, total: int | None, rate: float) -> None:
        ends = "" if total is None else f' max="{total}" value="{done}"'
        count = f"{done}" if total is None else f"{done} of {total}"
        text = f"<progress{ends}></progress> {count} {self.of}, {rate:,.0f}/s"
        self.handle.update(self.html(text))

    def end(self) -> None:
        self.handle.update(self.html(""))
