"""Figures and tables of fits show the numbers of the fit."""

from pathlib import Path

import numpy as np
import pytest

import pkpd
from pkpd.report.words import fits

LETTUCE = Path(__file__).parents[2] / "docs" / "lettuce.csv"


@pytest.fixture(scope="module")
def found():
    return pkpd.fit(LETTUCE)


def test_the_figure_marks_peak_interval_zero_equivalent_dose_and_null_model(found):
    axes = pkpd.plot(found).axes[0]
    lines = {line.get_label(): line for line in axes.get_lines()}
    doses = lines["brain-cousens"].get_xdata()
    np.testing.assert_allclose(lines["brain-cousens"].get_ydata(), found.predict(doses))
    np.testing.assert_allclose(
        lines["without hormesis (log-logistic)"].get_ydata(), found.null.predict(doses)
    )
    assert (
        lines["peak 0.598"].get_xdata()[0] == found.peak
        and lines["back at control 2.93"].get_ydata()[0] == found.control
    )
    band = next(p for p in axes.patches if "interval" in p.get_label())
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx(found.intervals["peak"])
    points = axes.collections[-1].get_offsets()
    assert (
        len(points) == 14
        and points[:, 0].min() == axes.get_xticks()[0]
        and axes.get_xticklabels()[0].get_text() == "0"
    )


def test_an_open_interval_is_drawn_to_the_edge():
    x = np.repeat([0.0, 0.1, 0.3, 1.0, 3.0, 10.0], 2)
    axes = pkpd.plot(
        pkpd.fit((x, 1.0 + x / (x + 3.0) + np.random.default_rng(1).normal(0.0, 0.05, 12)))
    ).axes[0]
    band = next(p for p in axes.patches if "interval" in p.get_label())
    assert band.get_x() + band.get_width() == pytest.approx(axes.get_xlim()[1])


def test_a_comparison_draws_the_best_model_and_names_its_weight():
    comparison = pkpd.fit(LETTUCE, "all", intervals=())
    labels = [text.get_text() for text in pkpd.plot(comparison).axes[0].get_legend().get_texts()]
    assert (
        labels[0] == f"brain-cousens, weight {comparison.weights[0]:.2g}" and labels[-1] == "data"
    )
    assert fits.models(comparison)[0][0] == "brain-cousens" and len(
        fits.models(comparison)[0]
    ) == len(fits.MODEL_HEADERS)


def test_tables_and_sentences_carry_the_published_numbers(found):
    rows = {row[0]: row[1:] for row in fits.quantities(found)}
    assert rows["peak dose"] == ("0.59848", "0.21665", "1.2055") and rows["c"] == ("0", "-", "-")
    text = "\n".join(fits.fit_sentences(found))
    assert (
        "0.12497481" in text
        and "hormesis shown. F(1, 10) = 9.382" in text
        and "P = 0.00599" in text
    )
