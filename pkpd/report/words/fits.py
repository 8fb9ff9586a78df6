"""Fitted hormetic curves in sentences and small tables. Knows fits; knows no screen and no file."""

import numpy as np

FIT_HEADERS = ("quantity", "estimate", "low", "high")
MODEL_HEADERS = (
    "model",
    "c",
    "RSS",
    "AICc",
    "weight",
    "peak",
    "low",
    "high",
    "back at control",
    "stimulation %",
)
WORDS = {
    "peak": "peak dose",
    "zero_equivalent": "back at control",
    "max_stimulation": "stimulation %",
    "best_response": "response at peak",
}


def quantities(found):
    """Rows of FIT_HEADERS."""

    def text(value):
        return "-" if np.isnan(value) else f"{value:.5g}"

    return [
        (WORDS.get(r.quantity, r.quantity), *(text(v) for v in (r.estimate, r.low, r.high)))
        for r in found.frame().itertuples()
    ]


def fit_sentences(found):
    """The first screen after `pkpd fit`: what was fitted, whether there is hormesis."""
    lines = [
        f"{found.assay.name}: {found.n} responses at {len(found.assay.groups()[0])} doses, {found.curve.name}",
        f"{found.curve.equation}" + (", c = 0" if found.c == 0 else ""),
        f"residual sum of squares {found.rss:.8g}, residual variance {found.variance:.4g} with {found.free} degrees of freedom",
    ]
    if found.curve.nested and not found.assay.computed:
        plain, half = found.p_values
        lines.append(
            f"hormesis (f = 0 against f > 0): P = {half:.3g} by the half mixture of chi2, {plain:.3g} by chi2 with 1 degree of freedom"
        )
    return lines


def warnings(found):
    """Flags and notes, one line each."""
    return [f"{name}: {sentence}" for name, sentence in found.flags.items()] + [
        f"note: {text}" for text in found.assay.notes
    ]


def models(comparison):
    """Rows of MODEL_HEADERS."""
    return [
        tuple(
            f"{v:.4g}"
            if isinstance(v, float) and not np.isnan(v)
            else "-"
            if isinstance(v, float)
            else str(v)
            for v in row
        )
        for row in comparison.frame().drop(columns="parameters").itertuples(index=False)
    ]


def comparison_sentences(comparison):
    """What the models together say of the peak."""
    lines = [
        f"{comparison.assay.name}: {len(comparison.assay.dose)} responses at {len(comparison.assay.groups()[0])} doses"
    ]
    if np.isnan(comparison.peak):
        return [*lines, "No model has a peak."]
    low, high = comparison.peak_ci
    ends = (
        ""
        if np.isnan(low)
        else f", {100 * comparison.level:g} % interval {low:.4g} to {high:.4g} (0 or inf: open)"
    )
    peaked = (
        f"Models with a peak hold {100 * comparison.weight_with_peak:.3g} % of the Akaike weight."
    )
    return [*lines, f"Peak averaged over models: {comparison.peak:.4g}{ends}. {peaked}"]
