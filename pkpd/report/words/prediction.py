"""What measurements tell of a patient's best dose, in words and a table. Computes nothing itself."""

from pkpd.report.words.models import share_assumed
from pkpd.sensitivity.prediction import EVERYTHING

HEADERS = ("measured", "what it is", "error", "alone", "lost without it")


def scores(summary):
    """Name -> (value, low, high)."""
    return {row["measured"]: (row["value"], row["low"], row["high"]) for row in summary["scores"]}


def sentences(model, summary):
    """How much all measurements together explain, and how much could be."""
    found = scores(summary)
    who = (
        "patients who are helped enough"
        if summary["helped"]
        else "patients whom some dose moves, helped enough or not"
    )
    (value, low, high), most = found["all"], found[EVERYTHING][0]
    return [
        f"{model.name}: how well the best dose could be told beforehand ({summary['patients']} {who})",
        "",
        f"  all measurements together explain {100 * value:.0f} % ({100 * low:.0f} to {100 * high:.0f}) of the variance of log10 best dose",
        f"  the same estimator that knows every input of the model explains {100 * most:.0f} %",
        f"  {summary['folds']}-fold cross-validation, {summary['estimator']}",
        "  measurements are of inputs and outputs of this model; what the model leaves out, such as sex, cannot be worth anything here",
        f"  {share_assumed(model)}. Virtual patients: hypotheses and their consequences, no clinical advice.",
        "",
    ]


def rows(summary):
    """Rows of HEADERS, the most telling measurement first: shares of the variance with 95 % intervals."""
    found = scores(summary)
    order = sorted(summary["measures"], key=lambda m: -found[f"only {m['name']}"][0])
    return [
        (
            m["name"],
            m["what"],
            m["error"],
            _percent(found[f"only {m['name']}"]),
            _percent(found.get(f"without {m['name']}")),
        )
        for m in order
    ]


def _percent(value):
    return "" if value is None else f"{100 * value[0]:.1f} % ± {50 * (value[2] - value[1]):.1f}"
