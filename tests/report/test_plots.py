"""Figures show the numbers of the result they are given."""

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.integrate import trapezoid
from scipy.stats import gaussian_kde

import pkpd
from pkpd.errors import PkpdError
from pkpd.report.figures import meds, plots, style, trials
from pkpd.report.figures.observations import observations
from pkpd.response.med import STATUSES
from pkpd.result import write_figure


@pytest.fixture(scope="module")
def table():
    model = pkpd.load("ldn/hormesis")
    return pkpd.med(model, pkpd.cohort(model, n=24, seed=7))


@pytest.fixture(scope="module")
def course():
    model = pkpd.load("pk/one_compartment")
    return pkpd.simulate(model, "100 mg q12h x 3", pkpd.cohort(model, n=16), times="0:36:1")


def line(axes, label):
    return next(item for item in axes.get_lines() if item.get_label() == label)


def test_dose_response_draws_the_median_benefit_at_each_dose(table):
    axes = pkpd.plot(table.curves).axes[0]
    drawn = line(axes, "median patient at each dose")
    np.testing.assert_array_equal(drawn.get_xdata(), table.curves.doses)
    np.testing.assert_allclose(drawn.get_ydata(), np.median(table.curves.gain, axis=0))
    assert (
        axes.get_xlabel() == "dose (mg every 24 h)"
        and axes.get_ylabel() == "fall of pain (NRS)"
        and axes.get_xscale() == "log"
    )


def test_med_bars_add_up_to_the_share_of_patients_with_a_med(table):
    axes = pkpd.plot(table).axes[1]
    share = 100 * (table.columns["status"] == "interior").mean()
    assert sum(bar.get_height() for bar in axes.containers[0]) == pytest.approx(share)
    words = " ".join(text.get_text() for text in axes.texts)
    assert "0.1-6 mg: range of 41 published MEDs" in words and f"{share:.1f} %" in words


def test_the_density_holds_as_many_patients_as_the_bars(table):
    axes = pkpd.plot(table).axes[1]
    (density,) = (item for item in axes.get_lines() if len(item.get_xdata()) == 200)
    logs = np.log(density.get_xdata())
    bar = np.log(table.benefit.highest / table.benefit.lowest) / len(axes.containers[0])
    inside = trapezoid(density.get_ydata(), logs) / bar
    assert inside == pytest.approx(sum(bar.get_height() for bar in axes.containers[0]), rel=0.05)


def test_a_cohort_without_meds_is_drawn_empty(table):
    spread = meds.Spread(
        None,
        "mg",
        0.05,
        50.0,
        3,
        np.geomspace(0.05, 50, 4),
        np.zeros(3),
        {**dict.fromkeys(STATUSES, 0), "no_benefit": 3},
        np.nan,
    )
    axes = style.figure(4, 3).add_subplot()
    meds.bars(axes, spread, np.full(3, np.nan))
    assert "100.0 %  no dose helps enough" in axes.texts[-1].get_text() and axes.get_ylim() == (
        0,
        1,
    )


def test_the_line_of_the_ladder_is_the_nearest_dose_on_the_log_axis():
    ladder = np.array([1.0, 3.0, 4.5])
    found = trials.TrueAndObserved(
        None,
        "mg",
        0.5,
        50.0,
        ladder,
        np.array([2.0, np.nan]),
        np.array([2.0, np.nan]),
        np.array([3.0, 1.0]),
    )
    axes = style.figure(4, 3).add_subplot()
    trials.pairs(axes, found)
    steps = line(axes, "true, rounded to the ladder")
    for dose in (0.6, 1.7, 1.8, 3.6, 3.7, 40.0):
        k = np.searchsorted(steps.get_xdata(), dose) - 1
        assert steps.get_ydata()[k] == ladder[np.argmin(np.abs(np.log(ladder / dose)))]
    assert len(line(axes, "patient").get_xdata()) == 1


def test_discs_of_titration_paths_count_every_patient_once():
    audit = {
        "ID": np.array([1, 1, 2, 2, 3]),
        "DAY": np.array([0, 14, 0, 14, 0]),
        "NEXT": np.array([0.1, 0.5, 0.1, 0.5, 0.0]),
    }
    axes = style.figure(4, 3).add_subplot()
    trials.paths(axes, audit, "mg")
    goes_on, stopped = axes.collections
    np.testing.assert_array_equal(goes_on.get_offsets(), [[14, 0.5]])
    np.testing.assert_array_equal(stopped.get_offsets(), [[0, 0]])
    assert (goes_on.get_sizes()[0] - 4) / (stopped.get_sizes()[0] - 4) == pytest.approx(2)


def test_a_dollar_in_a_title_begins_no_formula_and_svg_ids_are_the_figures_own():
    texts = []
    for name in ("one", "two"):
        drawing = style.figure(4, 3)
        drawing.add_subplot().set_title("$\\frac{ <b>")
        texts.append(style.svg(drawing, name))
    ids = [set(re.findall(r'\bid="([^"]*)"', text)) for text in texts]
    assert ids[0] and not ids[0] & ids[1] and all(i.startswith("one-") for i in ids[0])
    assert set(re.findall(r'(?:href="|url\()#([^")]*)', texts[0])) <= ids[0]
    assert (
        texts[0].startswith("<svg ")
        and "<!--" not in texts[0]
        and "<style" not in texts[0]
        and "pt" not in texts[0].partition(">")[0]
    )


def test_time_course_draws_the_median_with_units_and_a_mark_for_every_dose(course):
    axes = pkpd.plot(course).axes[0]
    np.testing.assert_allclose(
        line(axes, "median").get_ydata(), np.median(course.values[:, :, 0], axis=0)
    )
    assert (
        axes.get_ylabel() == "Cc (ng/mL)"
        and axes.get_yscale() == "log"
        and axes.get_xlabel() == "time (h)"
    )
    marks = next(item for item in axes.get_lines() if item.get_marker() == "|")
    np.testing.assert_array_equal(marks.get_xdata(), [0, 12, 24])


def test_long_courses_are_drawn_in_days(course):
    model = course.model
    axes = pkpd.plot(
        pkpd.simulate(model, "100 mg q24h x 7", pkpd.cohort(model, n=2), times="0:168:24")
    ).axes[0]
    assert axes.get_xlabel() == "time (d)"
    np.testing.assert_allclose(line(axes, "median").get_xdata(), range(8))


def test_observations_lie_where_the_table_says(course, tmp_path):
    (tmp_path / "obs.csv").write_text("TIME,DV\n1,10\n2,.\n4,30\n")
    axes = plots.time_course(course, data=observations(tmp_path / "obs.csv", course.names)).axes[0]
    points = line(axes, "observed (DV)")
    np.testing.assert_array_equal(points.get_xdata(), [1, 4])
    np.testing.assert_array_equal(points.get_ydata(), [10, 30])


@pytest.mark.parametrize(
    "ending, start", [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_figures_are_written_in_the_format_of_the_ending(course, tmp_path, ending, start):
    path = tmp_path / f"figure.{ending}"
    write_figure(pkpd.plot(course), path)
    assert path.read_bytes().startswith(start)
    assert list(tmp_path.iterdir()) == [path]


def test_the_caption_tells_what_is_assumed_and_gives_no_advice(table):
    words = pkpd.plot(table).get_supxlabel().replace("\n", " ")
    assert (
        "25 of 44 parameters are assumptions" in words
        and "no clinical advice" in words
        and "seed 7" in words
    )


def test_other_things_are_refused():
    with pytest.raises(PkpdError, match="not a int"):
        pkpd.plot(3)


def test_endpoints_are_drawn_as_shares_of_patients_with_their_median():
    model = pkpd.load("pk/one_compartment")
    run = pkpd.simulate(
        model,
        "100 mg q12h x 6",
        pkpd.cohort(model, n=40),
        endpoints=["cmax(Cc)", "time_above(Cc, 1 ug/mL)"],
        window="last interval",
    )
    for k, axes in enumerate(pkpd.plot(run).axes):
        assert sum(bar.get_height() for bar in axes.containers[0]) == pytest.approx(100.0)
        assert axes.get_lines()[0].get_xdata()[0] == np.median(run.values[:, k])
        assert axes.get_xlabel() == f"{run.names[k]} in {run.units[k]}"


def test_a_course_shows_the_intervals_of_its_lines():
    from pkpd.response import uncertainty

    model = pkpd.load("pk/one_compartment")
    people = pkpd.cohort(model, n=8)
    sets = pkpd.parameter_sets(model, pd.DataFrame({"vc": np.linspace(40.0, 60.0, 39)}))
    runs = [pkpd.simulate(model, "100 mg", p, "0:24:2") for p in (people, *sets.cohorts(people))]
    names, own = uncertainty.course_statistics(runs[0])
    repeated = uncertainty.under_sets(
        names, own, [uncertainty.course_statistics(r)[1] for r in runs[1:]]
    )
    axes = pkpd.plot(runs[0], repeated=repeated).axes[0]
    labels = axes.get_legend_handles_labels()[1]
    assert "95 % interval of the median" in labels and "of the 5 and 95 % lines" in labels
    median = next(
        c
        for c, label in zip(*axes.get_legend_handles_labels(), strict=True)
        if label == "95 % interval of the median"
    )
    drawn = median.get_paths()[0].vertices[:, 1]
    assert drawn.max() == pytest.approx(
        max(np.median(r.values[:, :, 0], axis=0).max() for r in runs[1:])
    )


@pytest.mark.parametrize("inches", [6.4, 8.6, 12.0])
def test_a_caption_stays_inside_its_figure(inches):
    """Digits and capitals are wider than most letters."""
    line = "auc CV 10% a sample; cmax CV 10% a sample; blockade 24 h SD 0.05, assumed; "
    drawing = Figure(figsize=(inches, 3.0))
    style.caption(drawing, [line * 4])
    FigureCanvasAgg(drawing).draw()
    text = next(t for t in drawing.texts if t.get_text().startswith("auc"))
    assert text.get_window_extent().x1 <= drawing.bbox.x1


def test_the_density_of_meds_is_that_of_scipy():
    values, at = np.random.default_rng(1).normal(1.0, 0.7, 300), np.linspace(-2.0, 4.0, 50)
    found = meds.kernel_density(values, at)
    np.testing.assert_allclose(found, gaussian_kde(values)(at), rtol=1e-10)
