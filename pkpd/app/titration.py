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
    words: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    gone, total = threading.Event(), REPETITIONS * state.n

    def tell(done: int) -> None:
        if gone.is_set():
            raise Abandoned
        words.put({"done": done, "of": total})

    def work() -> None:
        try:
            words.put(panel(state, rule, tell))
        except PkpdError as error:
            words.put({"error": str(error)})
        except Abandoned:
            pass
        except BaseException:
            words.put({"error": "The titration failed; the terminal of pkpd app says why."})
            raise

    threading.Thread(target=work, daemon=True).start()
    try:
        while True:
            word = words.get()
            yield word
            if "done" not in word:
                return
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
