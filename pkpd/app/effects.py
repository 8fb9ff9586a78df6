"""How covariates move the MEDs of the patients of the page, told on the way.

Knows a State; draws nothing. The numbers are those of pkpd.covariate_effects.
"""

from collections.abc import Sequence

from pkpd.app.on_the_way import Tell, Word
from pkpd.app.state import State, number
from pkpd.errors import PkpdError, quoted
from pkpd.report.words import covariates as words
from pkpd.response.covariate_effects import CovariateEffects, covariate_effects
from pkpd.result import plain


def panel(state: State, texts: Sequence[str], tell: Tell) -> Word:
    """The ratios of a forest plot with their words, and the words that give them again.

    texts : ("wt=50,100", "cirrhosis=1"), empty for the covariates in which the patients differ
    tell : called with {"done": patients}, those at all values. Raises PkpdError.
    """
    at = _values(texts)
    found = covariate_effects(
        state.model,
        state.people(),
        at or None,
        progress=lambda done: tell({"done": done}),
        **state.benefit_changes(),
    )
    return plain(_shown(found) | _again(state, at))


def _values(texts: Sequence[str]) -> dict[str, list[float]]:
    """{"wt": [50.0, 100.0]} of ("wt=50,100",). Raises PkpdError."""
    at: dict[str, list[float]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals:
            raise PkpdError(f"{quoted(text)} names no values; write such as wt=50,100.")
        if name in at:
            raise PkpdError(f"{quoted(name)} is given twice; write such as wt=50,100.")
        at[name] = [number(value, f"a value of {quoted(name)}") for value in values.split(",")]
    return at


def _shown(found: CovariateEffects) -> Word:
    """The panel of CovariateEffects."""
    summary = found.summary()
    rows = [
        {
            "name": words.named(found.model, row["covariate"], row["value"]),
            "told": words.beside(row),
            **{name: row[name] for name in ("ratio", "p5", "p95", "pairs")},
        }
        for row in words.effects(summary)
    ]
    lines = [
        f"1 is the MED of each patient at {words.reference(found.model, summary)}.",
        "Line: 5 to 95 % of the patients whose MED lies inside the range of doses at both; "
        "mark: their median.",
        f"{words.intervals(summary)}.",
    ]
    return {"rows": rows, "sentences": lines}


def _again(state: State, at: dict[str, list[float]]) -> Word:
    """The words that give the same effects."""
    texts = [f"{name}={','.join(map(repr, values))}" for name, values in at.items()]
    options = [word for text in texts for word in ("--at", text)]
    asked = state.call("covariate_effects", *([f"at={at!r}"] if at else []))
    return {
        "command": state.command(*options, of="covariates"),
        "python": state.script(f"effects = {asked}\n"),
    }
