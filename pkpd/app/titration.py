"""What a titration rule would find in the patients of the page, told on the way.

Knows a State and rules of the library; draws nothing. The numbers are those of pkpd.titrate.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from pkpd.app.state import State
from pkpd.errors import PkpdError, closest, quoted
from pkpd.report.figures.meds import spread
from pkpd.report.words import trials
from pkpd.result import plain
from pkpd.titration.library import rules
from pkpd.trials.titrate import Titration, titrate

REPETITIONS = 8  # of each patient's titration, as on the command line


class Abandoned(Exception):
    """Nobody waits for the result any more."""


def told(state: State, rule: str) -> Iterator[dict[str, Any]]:
    """Yield {"done": patients, "of": patients} now and then, last the panel or {"error": sentence}.

    rule : name of a rule of the library. A caller who closes the iterator ends the work.
    """
    total = REPETITIONS * state.n

    def work(tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        return panel(state, rule, lambda done: tell({"done": done, "of": total}))

    return on_the_way(work)


def on_the_way(
    work: Callable[[Callable[[dict[str, Any]], None]], dict[str, Any]],
) -> Iterator[dict[str, Any]]:
    """Yield each word that work(tell) tells, last what it returns or {"error": sentence}.

    Once the iterator is closed, the work ends at its next word.
    """
    words: queue.SimpleQueue[tuple[dict[str, Any], bool]] = queue.SimpleQueue()
    gone = threading.Event()

    def tell(word: dict[str, Any]) -> None:
        if gone.is_set():
            raise Abandoned
        words.put((word, False))

    def run() -> None:
        last = {"error": "The titration failed; the terminal of pkpd app says why."}
        try:
            last = work(tell)
        except PkpdError as error:
            last = {"error": str(error)}
        except Abandoned:
            pass
        finally:
            words.put((last, True))

    threading.Thread(target=run, name="titration", daemon=True).start()
    ended = False
    try:
        while not ended:
            word, ended = words.get()
            yield word
    finally:
        gone.set()


def panel(state: State, rule: str, progress: Callable[[int], object]) -> dict[str, Any]:
    """What the rule finds: doses and counts beside the true MEDs, sentences, the diary, words.

    rule : name of a rule of the library. Raises PkpdError.
    """
    if rule not in rules():
        raise PkpdError(f"There is no rule {quoted(rule)}.{closest(rule, rules())}")
    changes = state.benefit_changes()
    found = titrate(
        state.model,
        state.people(),
        rule,
        replicates=REPETITIONS,
        progress=progress,
        **changes,
    )
    return plain(_shown(found) | _again(state, rule))


def _shown(found: Titration) -> dict[str, Any]:
    """The panel of a Titration."""
    assert found.meds is not None  # there is no null control
    true, observed = spread(found.meds), found.found[0]
    doses, counts = np.unique(observed[np.isfinite(observed)], return_counts=True)
    summary = found.summary()["observed"]
    lines = [
        f"{100 * count / len(observed):.1f} % {trials.WORDS[name]}"
        for name, count in summary["outcome"].items()
        if count
    ]
    lines += trials.observed_sentences(summary, found.unit) + trials.diary_sentences(summary)
    return {
        "patients": len(observed),
        "unit": found.unit,
        "lowest": min(true.lowest, *found.rule.ladder),
        "highest": max(true.highest, *found.rule.ladder),
        "doses": doses,
        "counts": counts,
        "edges": true.edges,
        "true": true.counts,
        "sentences": [line.strip() for line in lines if line.strip()],
    }


def _again(state: State, rule: str) -> dict[str, str]:
    """The words that give the same titrations."""
    given = "".join(f", {name}={value!r}" for name, value in state.benefit_changes().items())
    line = f"titration = pkpd.titrate(model, cohort, {rule!r}, truth=meds{given})\n"
    return {"command": state.command("--titrate", rule), "python": state.python() + line}
