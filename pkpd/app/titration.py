"""What a titration rule would find in the patients of the page, told on the way.

Knows a State and rules of the library; draws nothing. The numbers are those of pkpd.titrate.
"""

from collections.abc import Sequence

import numpy as np

from pkpd.app.on_the_way import Tell, Word
from pkpd.app.state import State
from pkpd.errors import PkpdError, closest, quoted
from pkpd.report.figures.meds import spread
from pkpd.report.words import trials
from pkpd.result import plain
from pkpd.titration.library import rules
from pkpd.trials.titrate import Titration, titrate

REPETITIONS = 8  # of each patient's titration, as on the command line


def panel(state: State, texts: Sequence[str], tell: Tell) -> Word:
    """What the rule finds: doses and counts beside the true MEDs, sentences, the diary, words.

    texts : the name of a rule of the library; tell : called with {"done": n, "of": n} titrations
    Raises PkpdError.
    """
    if len(texts) != 1:
        raise PkpdError("The link names no rule, or several.")
    [rule] = texts
    if rule not in rules():
        raise PkpdError(f"There is no rule {quoted(rule)}.{closest(rule, rules())}")
    total, changes = REPETITIONS * state.n, state.benefit_changes()
    found = titrate(
        state.model,
        state.people(),
        rule,
        replicates=REPETITIONS,
        progress=lambda done: tell({"done": done, "of": total}),
        **changes,
    )
    return plain(_shown(found) | _again(state, rule))


def _shown(found: Titration) -> Word:
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


def _again(state: State, rule: str) -> Word:
    """The words that give the same titrations."""
    meds, asked = state.call("med"), state.call("titrate", repr(rule), "truth=meds")
    script = state.script(f"meds = {meds}\n", f"titration = {asked}\n")
    return {"command": state.command("--titrate", rule), "python": script}
