"""One patient's MED in words and small tables.

Knows the summary of an explanation as plain data; knows nothing of screens or files.
"""

import numpy as np

from pkpd.report.words.models import number, quantity, share_assumed
from pkpd.sensitivity.attribution import ORDERS
from pkpd.sensitivity.explanation import FULL

LEAST = 1.01  # an input that moves the best dose by less than this factor has no line of its own
HEADERS = ("input", "what it is", "patient", "typical", "people below", "moves the best dose by")
WORDS = {
    "interior": "is helped enough",
    "unsafe": "does best at a dose that breaks a constraint",
    "no_benefit": "is not helped enough by any dose",
    "below_range": "does best below the range",
    "above_range": "does best above the range",
}


def short(value):
    """Three digits."""
    return number(float(f"{value:.3g}"))


def sentences(model, summary):
    """Head of the first screen: the two best doses, what they are worth, the parts of the curve."""
    benefit, patient, typical = summary["benefit"], summary["patient"], summary["typical"]
    unit = benefit["unit"]
    change = f"{'fall' if benefit['better'] == 'lower' else 'rise'} of {benefit['outcome']}"
    who = f"{model.name}, patient {summary['id']} (seed {summary['provenance']['seed']})"
    doses = [f"{short(one['argmax'])} {unit}" for one in (patient, typical)]
    times = ratio(10 ** summary["difference_log10"])
    measure = model.unit(benefit["outcome"])
    worth = [_amount(one["benefit_at_argmax"], measure) for one in (patient, typical)]
    lines = [
        f"{who}: best dose {doses[0]} against {doses[1]} of the typical patient ({times})",
        "",
        f"  the patient {WORDS[patient['status']]}: {change} {worth[0]} at the best dose "
        f"(typical patient {worth[1]})",
    ]
    if np.isfinite(patient["second_peak"]):
        second = f"{short(patient['second_peak'])} {unit}"
        lines.append(f"  a second peak of almost the same height lies at {second}")
    lines += _parts(summary["curve"], unit, measure)
    return [
        *lines,
        f"  {share_assumed(model)}. Virtual patient: hypotheses and their consequences, "
        "no clinical advice.",
        "",
    ]


def _parts(curve, unit, measure):
    """A line on the best dose with each switch off."""
    lines = []
    for name, gain in curve["parts"].items():
        best = int(np.argmax(gain))
        what = "all switches off" if name == FULL else f"{name} off"
        worth = "no dose would help"
        if gain[best] > 0:
            amount = _amount(gain[best], measure)
            worth = f"the best would be {amount} near {short(curve['doses'][best])} {unit}"
        lines.append(f"  with {what} {worth}")
    no_switch = "  the model has no switch that is on, so the curve is not split into parts"
    return lines or [no_switch]


def _amount(value, unit):
    """Three digits with the unit."""
    return quantity(float(short(value)), unit)


def rows(summary):
    """Rows of HEADERS, largest first; the last column multiplies to the ratio of the best doses."""
    shifts = summary["shifts"]
    large = [s for s in shifts if abs(s["log10"]) >= np.log10(LEAST)]
    shown = [
        (
            s["name"],
            s["label"],
            _amount(s["value"], s["unit"]),
            _amount(s["typical"], s["unit"]),
            "" if np.isnan(s["rank"]) else f"{100 * s['rank']:.0f} %",
            ratio(s["factor"]),
        )
        for s in large
    ]
    rest = [s["log10"] for s in shifts if s not in large]
    if rest:
        shown.append((f"{len(rest)} others", "", "", "", "", ratio(10 ** sum(rest))))
    return [*shown, ("all", "", "", "", "", ratio(10 ** summary["difference_log10"]))]


def ratio(factor):
    """ "x 1.32", "x 0.85"."""
    return f"x {factor:.2f}" if 0.01 <= factor < 100 else f"x {factor:.2g}"


def small_print(summary):
    """How the difference was attributed to the inputs."""
    if summary.get("stopped"):
        return "Stopped by Ctrl-C before the difference was attributed to the inputs."
    count = summary["evaluations"]
    if summary["exact"]:
        return (
            f"Shapley split over all {count} subsets of the inputs; "
            "the factors multiply to the ratio of the two doses."
        )
    width = 10 ** max(s["half_width"] for s in summary["shifts"])
    return (
        f"Shapley split by {2 * ORDERS} orders of the inputs ({count} patients in between), "
        f"each factor known to within {100 * (width - 1):.1f} %; "
        "they multiply to the ratio of the two doses."
    )
