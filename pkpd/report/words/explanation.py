"""One patient's MED in words and small tables. Text and plain data only; knows no screen and no file."""

import numpy as np

from pkpd.report.words.models import number, quantity, share_assumed
from pkpd.sensitivity.attribution import ORDERS
from pkpd.sensitivity.explanation import FULL

LEAST = 1.01  # an input that moves the best dose by less than this factor has no line of its own
HEADERS = ("input", "what it is", "patient", "typical", "people below", "moves the best dose by")
WORDS = {
    "interior": "is helped enough",
    "no_benefit": "is not helped enough by any dose",
    "below_range": "does best below the range",
    "above_range": "does best above the range",
}


def short(value):
    """Three digits."""
    return number(float(f"{value:.3g}"))


def sentences(model, told):
    """Head of the first screen: the two best doses, what they are worth, the parts of the curve. told : summary of an Explanation"""
    benefit, own, typical = told["benefit"], told["patient"], told["typical"]
    unit, measure = benefit["unit"], model.unit(benefit["outcome"])
    change = f"{'fall' if benefit['better'] == 'lower' else 'rise'} of {benefit['outcome']}"
    lines = [
        f"{model.name}, patient {told['id']} (seed {told['provenance']['seed']}): best dose {short(own['argmax'])} {unit} against {short(typical['argmax'])} {unit} "
        f"of the typical patient ({ratio(10 ** told['difference_log10'])})",
        "",
        f"  the patient {WORDS[own['status']]}: {change} {quantity(float(short(own['benefit_at_argmax'])), measure)} at the best dose "
        f"(typical patient {quantity(float(short(typical['benefit_at_argmax'])), measure)})",
    ]
    if np.isfinite(own["second_peak"]):
        lines.append(
            f"  a second peak of almost the same height lies at {short(own['second_peak'])} {unit}"
        )
    doses = told["curve"]["doses"]
    for name, gain in told["curve"]["parts"].items():
        best = int(np.argmax(gain))
        what = "all switches off" if name == FULL else f"{name} off"
        worth = (
            f"{quantity(float(short(gain[best])), measure)} near {short(doses[best])} {unit}"
            if gain[best] > 0
            else "nothing at any dose"
        )
        lines.append(f"  with {what} the best would be {worth}")
    if not told["curve"]["parts"]:
        lines.append(
            "  the model has no input whose label begins with 'switch', so the curve is not split into parts"
        )
    return [
        *lines,
        f"  {share_assumed(model)}. Virtual patient: hypotheses and their consequences, no clinical advice.",
        "",
    ]


def rows(told):
    """Rows of HEADERS, largest first; the product of the last column is the ratio of the two best doses."""
    shifts = told["shifts"]
    large = [s for s in shifts if abs(s["log10"]) >= np.log10(LEAST)]
    shown = [
        (
            s["name"],
            s["label"],
            quantity(float(short(s["value"])), s["unit"]),
            quantity(float(short(s["typical"])), s["unit"]),
            "" if np.isnan(s["rank"]) else f"{100 * s['rank']:.0f} %",
            ratio(s["factor"]),
        )
        for s in large
    ]
    rest = [s["log10"] for s in shifts if s not in large]
    if rest:
        shown.append((f"{len(rest)} others", "", "", "", "", ratio(10 ** sum(rest))))
    return [*shown, ("all", "", "", "", "", ratio(10 ** told["difference_log10"]))]


def ratio(factor):
    """ "x 1.32", "x 0.85"."""
    return f"x {factor:.2f}" if 0.01 <= factor < 100 else f"x {factor:.2g}"


def small_print(told):
    """How the split was computed."""
    if told["exact"]:
        return f"Shapley split over all {told['evaluations']} subsets of the inputs; the factors multiply to the ratio of the two doses."
    width = 10 ** max(s["half_width"] for s in told["shifts"])
    return (
        f"Shapley split by {2 * ORDERS} orders of the inputs ({told['evaluations']} patients in between), each factor known to within {width - 1:.1%}; "
        "they multiply to the ratio of the two doses."
    )
