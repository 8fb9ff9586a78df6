"""Fitted hormetic curves in sentences and small tables.

Knows fits; knows nothing of the screen or of files.
"""

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


def quantities(fit):
    """Rows of FIT_HEADERS."""

    def text(value):
        return "-" if np.isnan(value) else f"{value:.5g}"

    rows = []
    for row in fit.frame().itertuples():
        name = WORDS.get(row.quantity, row.quantity)
        rows.append((name, text(row.estimate), text(row.low), text(row.high)))
    return rows


def fit_sentences(fit):
    """The first screen after `pkpd fit`: what was fitted, whether there is hormesis."""
    doses = len(fit.assay.groups()[0])
    lines = [
        f"{fit.assay.name}: {fit.n} responses at {doses} doses, {fit.curve.name}",
        f"{fit.curve.equation}" + (", c = 0" if fit.c == 0 else ""),
        f"residual sum of squares {fit.rss:.8g}, residual variance {fit.variance:.4g} "
        f"with {fit.free} degrees of freedom",
    ]
    if fit.curve.nested and not fit.assay.computed:
        plain, half = fit.p_values
        objections = fit.objections
        verdict = f"not shown: {'; '.join(objections)}" if objections else "shown"
        lines.append(
            f"hormesis {verdict}. F(1, {fit.free}) = {fit.f_statistic:.4g} of f = 0: "
            f"P = {half:.3g} for f > 0, {plain:.3g} for either sign"
        )
    return lines


def warnings(fit):
    """Flags and notes, one line each."""
    flags = [f"{name}: {sentence}" for name, sentence in fit.flags.items()]
    return flags + [f"note: {text}" for text in fit.assay.notes]


def models(comparison):
    """Rows of MODEL_HEADERS."""

    def text(value):
        if not isinstance(value, float):
            return str(value)
        return "-" if np.isnan(value) else f"{value:.4g}"

    table = comparison.frame().drop(columns="parameters")
    return [tuple(map(text, row)) for row in table.itertuples(index=False)]


def comparison_sentences(comparison):
    """What the models together say of the peak."""
    assay = comparison.assay
    data = f"{assay.name}: {len(assay.dose)} responses at {len(assay.groups()[0])} doses"
    if np.isnan(comparison.peak):
        return [data, "No model has a peak."]
    if assay.monotone is not None:
        data += f"; the means only {assay.monotone} with dose, which is not hormesis"
    low, high = comparison.peak_ci
    ends = ""
    if not np.isnan(low):
        level = 100 * comparison.level
        ends = f", {level:g} % interval {low:.4g} to {high:.4g} (0 or inf: open)"
    weight = 100 * comparison.weight_with_peak
    peaked = f"Models with a peak hold {weight:.3g} % of the Akaike weight."
    return [data, f"Peak averaged over models: {comparison.peak:.4g}{ends}. {peaked}"]
