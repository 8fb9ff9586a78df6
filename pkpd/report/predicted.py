"""What measurements tell of a patient's best dose, in words, a table and a figure. Computes nothing itself."""

import numpy as np

from pkpd.report import style
from pkpd.report.tables import NO_ADVICE, share_assumed
from pkpd.sensitivity.prediction import EVERYTHING

HEADERS = ("measured", "what it is", "error", "alone", "lost without it")


def scores(summary):
    """Name -> (value, low, high)."""
    return {row["measured"]: (row["value"], row["low"], row["high"]) for row in summary["scores"]}


def sentences(model, summary):
    """How much all measurements together explain, and how much could be."""
    found = scores(summary)
    who = "patients who are helped enough" if summary["helped"] else "patients whom some dose moves, helped enough or not"
    (value, low, high), most = found["all"], found[EVERYTHING][0]
    return [
        f"{model.name}: how well the best dose could be told beforehand ({summary['patients']} {who})", "",
        f"  all measurements together explain {100 * value:.0f} % ({100 * low:.0f} to {100 * high:.0f}) of the variance of log10 best dose",
        f"  the same estimator that knows every input of the model explains {100 * most:.0f} %",
        f"  {summary['folds']}-fold cross-validation, {summary['estimator']}",
        "  measurements are of inputs and outputs of this model; what the model leaves out, such as sex, cannot be worth anything here",
        f"  {share_assumed(model)}. Virtual patients: hypotheses and their consequences, no clinical advice.", "",
    ]  # fmt: skip


def rows(summary):
    """Rows of HEADERS, the most telling measurement first: shares of the variance with 95 % intervals."""
    found = scores(summary)
    order = sorted(summary["measures"], key=lambda m: -found[f"only {m['name']}"][0])
    return [(m["name"], m["what"], m["error"], _percent(found[f"only {m['name']}"]), _percent(found.get(f"without {m['name']}"))) for m in order]


def _percent(value):
    return "" if value is None else f"{100 * value[0]:.1f} % ± {50 * (value[2] - value[1]):.1f}"


def prediction(result):
    """Explained variance by each measurement alone and what is lost without it, beside all together."""
    summary = result.summary()
    drawing = style.figure(8.6, 0.5 * len(summary["measures"]) + 2.4)
    bars(drawing.add_subplot(), summary)
    style.heading(drawing, f"{result.model.title}: what tells the best dose beforehand")
    errors = "; ".join(f"{m['name']} {m['error']}" for m in summary["measures"] if m["error"] != "none")
    origin = summary["provenance"]
    style.caption(drawing, [
        f"{result.model.name}: {summary['patients']} patients, seed {origin['seed']}; lines are 95 % intervals over {summary['folds']} folds. Errors of measurement "
        f"(assumed): {errors or 'none'}. {share_assumed(result.model)}.", NO_ADVICE,
    ])  # fmt: skip
    return drawing


def bars(axes, summary):
    """Bars of each measurement alone and of what is lost without it, lines for all together and for every input. summary : as a folder keeps it"""
    found, names = scores(summary), [row[0] for row in rows(summary)]
    y = np.arange(len(names))
    for shift, key, color, label in ((-0.19, "only {}", style.SKY, "alone"), (0.19, "without {}", style.BLUE, "lost without it")):
        some = np.array([found.get(key.format(n), (np.nan,) * 3) for n in names])
        axes.barh(y + shift, 100 * np.maximum(some[:, 0], 0), 0.36, color=color, label=label)
        axes.hlines(y + shift, 100 * some[:, 1], 100 * some[:, 2], color=style.INK, linewidth=0.9)
    value, low, high = (100 * x for x in found["all"])
    axes.axvspan(low, high, color=style.ORANGE, alpha=0.2, linewidth=0)
    axes.axvline(value, color=style.ORANGE, linewidth=2, label="all measurements")
    axes.axvline(100 * found[EVERYTHING][0], color=style.GREY, linewidth=1.4, linestyle="--", label="every input known")
    style.clean(axes, "explained variance of log10 best dose (%), cross-validated", "")
    axes.grid(axis="y", visible=False)
    axes.set_yticks(y, names)
    axes.set_xlim(left=0)
    axes.invert_yaxis()
    axes.legend(fontsize=8, loc="lower right", facecolor="white", edgecolor="none", framealpha=1)
