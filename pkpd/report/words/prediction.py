"""What measurements tell of a patient's best dose, in words and a table.

Knows the summary of a prediction as plain data; knows nothing of screens or files.
"""

from pkpd.report.words.models import share_assumed
from pkpd.sensitivity.prediction import EVERYTHING

HEADERS = ("measured", "what it is", "error", "alone", "lost without it")


def scores(summary):
    """Name -> (value, low, high)."""
    return {row["measured"]: (row["value"], row["low"], row["high"]) for row in summary["scores"]}


def sentences(model, summary):
    """How much all measurements together explain, and how much could be."""
    by_name = scores(summary)
    value, low, high = (100 * x for x in by_name["all"])
    most = 100 * by_name[EVERYTHING][0]
    who = "patients whom some dose moves, helped enough or not"
    if summary["helped"]:
        who = "patients who are helped enough"
    return [
        f"{model.name}: how well the best dose could be told beforehand "
        f"({summary['patients']} {who})",
        *_stopped(summary.get("stopped")),
        "",
        f"  all measurements together explain {value:.0f} % ({low:.0f} to {high:.0f}) "
        "of the variance of log10 best dose",
        f"  the same estimator that knows every input of the model explains {most:.0f} %",
        f"  {summary['folds']}-fold cross-validation, {summary['estimator']}",
        *_interval(summary.get("interval")),
        "  measurements are of inputs and outputs of this model; what the model leaves out, "
        "such as sex, cannot be worth anything here",
        f"  {share_assumed(model)}. Virtual patients: hypotheses and their consequences, "
        "no clinical advice.",
        "",
    ]


def _interval(interval):
    """A line on the intervals; folders of versions before 0.2.0 do not say what they are."""
    return [f"  ± and (low to high): {interval}"] if interval else []


def _stopped(stopped):
    """A line on a run that Ctrl-C ended."""
    if not stopped:
        return []
    return [f"  stopped by Ctrl-C: {stopped['finished']} of {stopped['of']} patients are finished"]


def rows(summary):
    """Rows of HEADERS, best measurement first: shares of the variance with 95 % intervals."""
    by_name = scores(summary)
    order = sorted(summary["measures"], key=lambda m: -by_name[f"only {m['name']}"][0])
    return [
        (
            m["name"],
            m["what"],
            m["error"],
            _percent(by_name[f"only {m['name']}"]),
            _percent(by_name.get(f"without {m['name']}")),
        )
        for m in order
    ]


def _percent(value):
    return "" if value is None else f"{100 * value[0]:.1f} % ± {50 * (value[2] - value[1]):.1f}"
