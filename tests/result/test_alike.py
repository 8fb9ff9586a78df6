"""All results can do the same: be a table, a summary, a figure, files and a page."""

import json
import math
import re
import shutil
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import pkpd
from pkpd.display import Displayed
from pkpd.errors import CohortError, PkpdError, ResultError
from pkpd.result import Computed, plain, read_columns
from pkpd.trials.design import from_data

MODEL = pkpd.load("pk/one_compartment")
PEOPLE = pkpd.cohort(MODEL, 8, seed=3)
LDN = pkpd.load("ldn/hormesis")
FEW = pkpd.cohort(LDN, 8, seed=7)
PRODUCT = pkpd.load(Path(__file__).parents[1] / "sensitivity/product.toml")
DESIGN = from_data(
    {
        "model": "ldn/hormesis",
        "patients": 8,
        "run_in": 7,
        "arms": [{"name": "drug", "phases": [{"name": "all", "days": 28, "dose": 4.5}]}],
        "endpoints": [{"name": "pain", "kind": "change", "day": 28}],
    }
)
GOAL = {"outcome": "Cc", "better": "higher", "into": "depot", "every": "24 h", "doses": "1:100mg"}


SAMPLED = Path(__file__).parents[2] / "docs/sampled.csv"


def course():
    return pkpd.simulate(MODEL, "100 mg q12h x 2", PEOPLE, "0:24:2")


def exposures():
    frame = pkpd.simulate(MODEL, "100 mg", PEOPLE, "0:24:1").frame()
    return pkpd.noncompartmental(frame, "Cc", dose="100 mg")


LETTUCE = Path(__file__).parents[2] / "docs/lettuce.csv"


def lettuce(model):
    return pkpd.fit(LETTUCE, model)


MAKE = {
    "course": course,
    "endpoints": lambda: pkpd.simulate(MODEL, "100 mg", PEOPLE, endpoints=["cmax(Cc)"]),
    "dose response": lambda: pkpd.dose_response(MODEL, PEOPLE, **GOAL),
    "meds": lambda: pkpd.med(MODEL, PEOPLE, **GOAL, delta="1 ng/mL"),
    "interval": lambda: pkpd.dosing_interval(LDN),
    "covariates": lambda: pkpd.covariate_effects(MODEL, PEOPLE, {"cl": 5}, **GOAL, delta="1 ng/mL"),
    "exposures": exposures,
    "check": lambda: pkpd.vpc(MODEL, SAMPLED, replicates=20, residual={"Cc": "20 %"}),
    "fit": lambda: lettuce("brain-cousens"),
    "comparison": lambda: lettuce("all"),
    "titration": lambda: pkpd.titrate(LDN, FEW, "slow-ladder-28-days", replicates=1),
    "trial": lambda: pkpd.trial(DESIGN),
    "sensitivity": lambda: pkpd.sensitivity_indices(
        PRODUCT, ("sobol",), points=8, most=8, scramblings=2
    ),
    "explanation": lambda: pkpd.explain(PRODUCT, 5, seed=2),
    "prediction": lambda: pkpd.predict(PRODUCT, pkpd.cohort(PRODUCT, 120, seed=4), ["k1", "k2"]),
}
IN_SUMMARY = ("fit", "comparison", "explanation", "prediction")  # results without a table of theirs


@pytest.fixture(scope="module")
def made():
    return {name: make() for name, make in MAKE.items()}


@pytest.mark.parametrize("name", MAKE)
def test_every_result_is_a_table_a_summary_a_figure_and_files(made, name, tmp_path):
    result = made[name]
    assert isinstance(result, Computed)
    frame, summary = result.frame(), plain(result.summary("pkpd this"))
    assert isinstance(frame, pd.DataFrame) and len(frame)
    assert summary["provenance"]["command"] == "pkpd this"
    assert result.plot().axes
    files = result.write(tmp_path / "out", figure="svg", command="pkpd this")
    assert sorted(files) == sorted((tmp_path / "out").iterdir())
    (kept,) = (file for file in files if file.suffix == ".json" and file.name != "model.json")
    assert json.loads(kept.read_text()) == summary
    assert any(file.suffix == ".svg" for file in files)
    for file in (file for file in files if file.suffix == ".parquet"):
        assert read_columns(file)[1] == summary["provenance"]


@pytest.mark.parametrize("name", [name for name in MAKE if name not in IN_SUMMARY])
def test_the_main_table_of_the_folder_is_the_frame(made, name, tmp_path):
    files = made[name].write(tmp_path)
    columns = read_columns(files[0])[0]
    pd.testing.assert_frame_equal(
        pd.DataFrame(columns), made[name].frame(), check_dtype=False, check_frame_type=False
    )


@pytest.mark.parametrize("name", MAKE)
def test_every_result_has_a_page(made, name, tmp_path):
    page = made[name].report(tmp_path / "page")
    text = page.read_text()
    assert page == tmp_path / "page/report.html" and "<svg" in text and "<table" in text
    assert ("Virtual patients" in text) == (name not in ("fit", "comparison", "exposures"))


@pytest.mark.parametrize("name", MAKE)
def test_every_result_shows_itself_in_a_notebook_and_in_few_lines(made, name):
    result = made[name]
    lines = repr(result).splitlines()
    assert lines[0] == type(result).__name__ and 2 < len(lines) <= 25
    assert max(map(len, lines)) <= 100
    screen = result._repr_html_()
    assert screen.count("data:image/png;base64,") == 1 and "<table" in screen
    words = re.sub(r"data:image/png;base64,[^\"]*", "", screen)
    assert "<script" not in words and "http" not in words
    assert result.plot()._repr_png_().startswith(b"\x89PNG")


def other_things(made):
    """What is no result: models, people, doses and results that were repeated."""
    sets = pkpd.parameter_sets(MODEL, pd.DataFrame({"cl": [1.0, 2.0]}))
    records = pkpd.events(MODEL, Path(__file__).parents[2] / "docs/doses.csv")
    repeated = [pkpd.repeat(made[name], 2) for name in ("meds", "course", "covariates")]
    return LDN, FEW, sets, records, *repeated, pkpd.rx("1 mg q24h x 3 then 2 mg q24h x 3")


def test_models_people_and_doses_show_themselves_in_few_lines(made):
    things = other_things(made)
    for thing in things:
        assert len(repr(thing).splitlines()) <= 25
        assert max(map(len, repr(thing).splitlines())) <= 100
        assert thing._repr_html_().count("<div") == thing._repr_html_().count("</div>")
    assert repr(things[-1]) == "rx('1 mg q24h x 3 then 2 mg q24h x 3')"


def kinds_of(kind):
    """A class and all that are made from it."""
    return {kind}.union(*map(kinds_of, kind.__subclasses__()))


def test_no_class_has_more_fields_than_fit_into_a_few_lines():
    for name in pkpd.__all__:
        getattr(pkpd, name)  # loads its room
    kinds = [kind for kind in kinds_of(Displayed) if is_dataclass(kind)]
    assert len(kinds) > 25
    for kind in kinds:
        assert sum(field.repr for field in fields(kind)) < 25, kind


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 900])
def test_what_a_notebook_shows_is_one_screen(made, browser, width, tmp_path):
    far = Path(shutil.copy(LETTUCE, tmp_path / f"{'a_name_without_a_space_' * 5}.csv"))
    tab = browser.new_page(viewport={"width": width, "height": 900})
    for thing in (*made.values(), *other_things(made), pkpd.fit(far, "brain-cousens")):
        tab.set_content(pkpd.html(thing))
        height = tab.evaluate("document.querySelector('.pkpd').scrollHeight")
        wide = tab.evaluate("document.documentElement.scrollWidth")
        assert wide <= width and (width < 900 or height < 900), (type(thing).__name__, height)
    tab.close()


def test_the_screen_of_a_model_has_its_equations_numbers_and_grades():
    screen = pkpd.html(LDN)
    assert screen.count("<math") >= len(LDN.states) + len(LDN.assignments)
    for item in LDN.inputs:
        assert f">{item.name}<" in screen
    assert "25 of 44 parameters are assumptions" in screen and ">assumed<" in screen
    assert "What must not be claimed" in screen


def test_the_screen_of_a_cohort_has_the_percentiles_of_its_inputs():
    middle = np.percentile(FEW.column("toff"), 50, method="hazen")
    assert f'<td class="n">{float(f"{middle:.4g}"):.6g}</td>' in pkpd.html(FEW)


def test_a_text_of_a_stranger_is_no_markup_on_a_screen():
    people = pkpd.cohort(MODEL, covariates=pd.DataFrame({"ID": ["<b>x</b>", "y"], "cl": [3, 4]}))
    assert "<b>" not in pkpd.html(people) and "&lt;b&gt;x" in pkpd.html(people)


@pytest.mark.parametrize("name", MAKE)
def test_xarray_and_polars_hold_the_numbers_of_the_frame(made, name):
    result = made[name]
    frame, found = result.frame(), result.to_xarray()
    back = found.to_dataframe().reset_index()
    assert set(frame) <= set(back)
    for column in frame.select_dtypes("number"):
        numbers = frame[column].to_numpy(float)
        kept = back[column].to_numpy(float)
        assert sorted(numbers[~np.isnan(numbers)]) == sorted(kept[~np.isnan(kept)]) or (
            column in found.dims
        )
        arrow = pl.DataFrame(result)[column].to_numpy()
        np.testing.assert_array_equal(arrow.astype(float), numbers)


def test_dimensions_and_units_of_a_course_are_those_of_its_table(made):
    found = made["course"].to_xarray()
    assert found["Cc"].dims == ("ID", "TIME") and found["Cc"].attrs["units"] == "ng/mL"
    np.testing.assert_array_equal(found["Cc"], made["course"].values[:, :, 0])
    curves = made["meds"].curves.to_xarray()
    np.testing.assert_array_equal(curves["benefit"], made["meds"].curves.gain)


def test_numbers_go_to_polars_without_a_copy(made):
    table = pa.table(made["meds"])
    column = made["meds"].columns["med"]
    assert table["med"].chunk(0).buffers()[1].address == column.ctypes.data


def test_tables_of_polars_are_read_like_those_of_pandas():
    frame = pd.DataFrame({"ID": [4, 9], "cl": [3.0, 5.0]})
    people, others = (
        pkpd.cohort(MODEL, covariates=table) for table in (frame, pl.from_pandas(frame))
    )
    np.testing.assert_array_equal(people.theta, others.theta)
    doses = pd.DataFrame({"ID": [1, 1], "TIME": [0.0, 24.0], "AMT": [100.0, 50.0], "EVID": [1, 1]})
    runs = [pkpd.events(MODEL, table).amount for table in (doses, pl.from_pandas(doses))]
    np.testing.assert_array_equal(*runs)
    lettuce = pd.read_csv(Path(__file__).parents[2] / "docs/lettuce.csv")
    fits = [pkpd.fit(table, "brain-cousens").rss for table in (lettuce, pl.from_pandas(lettuce))]
    assert fits[0] == fits[1]


def test_a_time_course_is_written_to_one_file_as_before(made, tmp_path):
    result = made["course"]
    assert result.write(tmp_path / "run.csv") == [tmp_path / "run.csv"]
    np.testing.assert_allclose(pd.read_csv(tmp_path / "run.csv")["Cc"], result.frame()["Cc"])
    assert result.write(tmp_path / "a.parquet", figure="png")[1] == tmp_path / "a.png"
    with pytest.raises(ResultError, match=r"written as \.csv, \.parquet, \.xlsx, \.html or \.tex"):
        result.write(tmp_path / "run.ods")


def test_several_files_are_not_written_to_one(made, tmp_path):
    for name in ("meds", "dose response", "explanation"):
        for file in ("out.parquet", "out.csv", "out.json"):
            with pytest.raises(ResultError, match="give a folder"):
                made[name].write(tmp_path / file)
    assert not list(tmp_path.iterdir())


def test_a_titration_under_a_null_control_shows_the_true_meds_where_it_has_them(made, tmp_path):
    given = {"null": "no-effect", "replicates": 1}
    alone = pkpd.titrate(LDN, FEW, "slow-ladder-28-days", **given)
    assert "histogram" not in alone.summary() and alone.curves is None
    with pytest.raises(ResultError, match=r"truth=pkpd\.med"):
        alone.report(tmp_path / "alone")
    truth = made["titration"].meds
    beside = pkpd.titrate(LDN, FEW, "slow-ladder-28-days", truth=truth, **given)
    assert plain(beside.summary()["observed"]) == plain(alone.summary()["observed"])
    assert "the body receives no drug" in beside.report(tmp_path / "beside").read_text()


def test_the_overview_of_a_course_is_its_percentiles_where_the_median_is_largest(made):
    result = made["course"]
    table = result.percentiles((5, 50, 95))
    (top, last) = result.overview()
    assert last["time"] == 24.0
    row = table[table["TIME"] == top["time"]].iloc[0]
    assert row["p50"] == table["p50"].max() == top["median"]
    assert (row["p5"], row["p95"]) == (top["p5"], top["p95"])


def test_names_of_before_work_and_say_what_they_are_called_now(made):
    with pytest.warns(DeprecationWarning, match=r"frame\(\)"):
        old = made["meds"].patients
    pd.testing.assert_frame_equal(old, made["meds"].frame())
    with pytest.warns(DeprecationWarning, match=r"frame\(\)"):
        assert (made["exposures"]["cmax"] == made["exposures"].frame()["cmax"]).all()


def test_the_same_study_again_is_that_of_other_scramblings_and_of_other_sets(made):
    meds = made["meds"]
    again = pkpd.repeat(meds, 3)
    assert again.key == "replicates" and list(again.frame()["replicate"]) == [0, 1, 2]
    for replicate in (1, 2):
        people = pkpd.cohort(MODEL, 8, seed=3, replicate=replicate)
        np.testing.assert_array_equal(PEOPLE.scrambled(replicate).theta, people.theta)
        own = pkpd.med(MODEL, people, **GOAL, delta="1 ng/mL").summary()
        median = next(q["value"] for q in own["quantiles"] if q["level"] == 0.5)
        assert again.frame()["quantile_0.5"][replicate] == median
    sets = pkpd.parameter_sets(MODEL, pd.DataFrame({"cl": np.linspace(3.0, 6.0, 39)}))
    under = pkpd.repeat(made["course"], sets)
    assert under.key == "uncertainty" and len(under.frame()) == 13 * 3
    low = pkpd.simulate(MODEL, "100 mg q12h x 2", PEOPLE.under({"cl": 3.0}), "0:24:2")
    median = np.quantile(low.values[:, -1, 0], 0.5, method="hazen")
    assert under.found.runs[0].reshape(13, 3)[-1, 1] == median


def test_what_cannot_be_repeated_is_refused(made):
    with pytest.raises(PkpdError, match=r"what pkpd\.med and"):
        pkpd.repeat(made["endpoints"], 3)
    with pytest.raises(PkpdError, match="whole number from 2"):
        pkpd.repeat(made["meds"], 1)
    typical = pkpd.simulate(MODEL, "100 mg", pkpd.cohort(MODEL, typical=True))
    with pytest.raises(PkpdError, match="no sampling error"):
        pkpd.repeat(typical, 3)
    with pytest.raises(CohortError, match="no other scrambling"):
        typical.cohort.scrambled(1)


def test_people_of_a_table_are_drawn_again_from_it():
    table = pd.DataFrame({"wt": [50.0, 70.0, 90.0]})
    model = pkpd.load("pk/naltrexone")
    people = pkpd.cohort(model, 16, seed=1, covariates=table)
    again = people.scrambled(2)
    expected = pkpd.cohort(model, 16, seed=1, covariates=table, replicate=2)
    np.testing.assert_array_equal(again.theta, expected.theta)
    assert (
        not math.isclose(again.column("wt").sum(), people.column("wt").sum())
        or (again.column("wt") != people.column("wt")).any()
    )
