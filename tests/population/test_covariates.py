"""People from tables, doses per covariate, subgroups."""

import numpy as np
import pandas as pd
import pytest

import pkpd
from pkpd.population.groups import groups
from pkpd.response.summary import summarise

MODEL = pkpd.load("pk/naltrexone")
TABLE = pd.DataFrame(
    {
        "WT": [50.0, 60.0, 95.0, 120.0],
        "vc": [150.0, 200.0, 280.0, 400.0],
        "sex": ["f", "f", "m", "m"],
    }
)


def drawn(n=64, **options):
    return pkpd.cohort(MODEL, n, seed=7, covariates=TABLE, **options).frame()


def test_rows_are_drawn_whole():
    frame = drawn(2**12)
    pairs = set(zip(frame["wt"], frame["vc"], frame["sex"], strict=True))
    assert pairs == set(TABLE.itertuples(index=False, name=None))
    assert frame["wt"].value_counts(normalize=True).to_numpy() == pytest.approx(
        np.full(4, 0.25), abs=4 * np.sqrt(0.25 * 0.75 / 2**12)
    )


def test_a_row_is_drawn_by_address_and_everything_else_stays():
    frame, plain = drawn(), pkpd.cohort(MODEL, 64, seed=7).frame()
    pd.testing.assert_frame_equal(
        drawn(ids=[9, 4]).reset_index(drop=True),
        frame.iloc[[8, 3]].reset_index(drop=True),
        check_exact=True,
    )
    pd.testing.assert_frame_equal(drawn(16), frame[:16], check_exact=True)
    others = [c for c in plain if c not in ("wt", "vc")]
    pd.testing.assert_frame_equal(frame[others], plain[others], check_exact=True)


def test_rows_with_ids_belong_to_their_patients_and_are_the_cohort():
    people = pkpd.cohort(MODEL, seed=7, covariates=TABLE.assign(ID=[12, 3, 5, 40]))
    assert people.ids.tolist() == [12, 3, 5, 40]
    assert people.subset([5]).frame()["wt"].tolist() == [95.0]
    np.testing.assert_array_equal(
        people.frame()["cl"], pkpd.cohort(MODEL, seed=7, ids=[12, 3, 5, 40]).frame()["cl"]
    )


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (
            TABLE.assign(WT=["50", "x", "1", "2"]),
            {},
            "row 2, column WT: 'x' is not a number; fill it in or leave the row out",
        ),
        (TABLE.assign(WT=["50", "80 kg", "1", "2"]), {}, "write 80 alone"),
        (TABLE.assign(WT=["50", ".", "1", "2"]), {}, "row 2, column WT: the value is missing"),
        (TABLE.assign(ID=[1, 2, 2, 3]), {}, "two rows have ID 2"),
        (TABLE.assign(ID=[1, 2, -2, 3]), {}, "row 3, ID"),
        (TABLE.assign(ID=[1, 2, 4, 3]), {"ids": [7]}, "no row of ID 7"),
        (TABLE.assign(wt=1.0), {}, "two columns stand for 'wt'"),
        (TABLE[["sex"]], {}, "no rows with a column named like an input"),
        (TABLE[:0], {}, "no rows"),
        (TABLE, {"typical": True}, "covariates at reference"),
        (TABLE, {"set": {"wt": 70.0}}, "is set and also a column"),
        ("none.csv", {}, "none.csv: cannot be read"),
    ],
)
def test_a_table_that_is_not_one_of_people_is_refused(table, options, message):
    with pytest.raises(pkpd.PkpdError, match=message):
        pkpd.cohort(MODEL, covariates=table, **options)


def test_a_dose_per_kg_is_that_of_the_patients_weight():
    people = pkpd.cohort(MODEL, 6, seed=7)
    per_kg = pkpd.simulate(MODEL, "50 ug/kg q12h x 2", people, "0:24:1").values
    for row, weight in enumerate(people.frame()["wt"]):
        alone = pkpd.simulate(
            MODEL, f"{50 * weight!r} ug q12h x 2", people.subset([row + 1]), "0:24:1"
        ).values
        np.testing.assert_allclose(per_kg[row], alone[0], rtol=1e-9)


def test_doses_per_kg_make_a_dose_axis_per_kg():
    model = pkpd.load("ldn/hormesis")
    people = pkpd.cohort(model, 6, seed=7)
    in_mg, per_kg = pkpd.med(model, people), pkpd.med(model, people, doses="0.001:1 mg/kg")
    assert per_kg.benefit.unit == "mg/kg" and per_kg.benefit.report == ()
    inside = in_mg.having("interior") & per_kg.having("interior")
    assert inside.sum() >= 3
    np.testing.assert_allclose(
        (per_kg.columns["argmax"] * people.frame()["wt"])[inside],
        in_mg.columns["argmax"][inside],
        rtol=2e-3,
    )


@pytest.mark.parametrize(
    "regimen, message",
    [
        ("1 mg/m**2", "measured in m\\*\\*2; it has none"),
        ("1 mL/kg", "does not fit 'depot'"),
        ("1 mg/x", "does not fit"),
    ],
)
def test_a_dose_that_no_covariate_carries_is_refused(regimen, message):
    with pytest.raises(pkpd.PkpdError, match=message):
        pkpd.simulate(MODEL, regimen, pkpd.cohort(MODEL, 2))


def test_subgroups_are_categories_of_few_values_and_terciles_of_many():
    people = pkpd.cohort(MODEL, 99, seed=7, covariates=TABLE)
    assert [label for label, _ in groups(people, "wt")] == [
        "wt 50 kg",
        "wt 60 kg",
        "wt 95 kg",
        "wt 120 kg",
    ]
    assert [label for label, _ in groups(people, "SEX")] == ["sex f", "sex m"]
    terciles = [rows for _, rows in groups(people, "cl")]
    np.testing.assert_array_equal(np.sum(terciles, axis=0), np.ones(99))
    assert [rows.sum() for rows in terciles] == [33, 33, 33]
    with pytest.raises(pkpd.PkpdError, match="Did you mean 'wt'"):
        groups(people, "wgt")


@pytest.mark.parametrize("nothing", ["nan", "NA", "", "."])
@pytest.mark.parametrize("known", [["1", "2"], [str(k) for k in range(20)], ["low", "high"]])
def test_patients_without_a_value_are_a_subgroup_and_spoil_no_other(known, nothing):
    table = pd.DataFrame({"ID": range(1, len(known) + 3), "wt": 70.0})
    people = pkpd.cohort(MODEL, covariates=table.assign(grade=[nothing, *known, nothing]))
    alone = pkpd.cohort(MODEL, covariates=table.assign(grade=[*known, *known[-2:]]))
    found, plain = dict(groups(people, "grade")), dict(groups(alone.rows(slice(0, -2)), "grade"))
    assert people.ids[found.pop("grade missing")].tolist() == [1, len(known) + 2]
    assert {label: mask[1:-1].tolist() for label, mask in found.items()} == {
        label: mask.tolist() for label, mask in plain.items()
    }
    assert np.sum(list(found.values()), axis=0).tolist() == [0, *[1] * len(known), 0]


def test_the_summary_of_a_subgroup_is_that_of_its_patients_alone():
    model = pkpd.load("ldn/hormesis")
    people = pkpd.cohort(model, 24, seed=7, covariates=TABLE[["WT", "sex"]])
    table = pkpd.med(model, people)
    for group, (_, rows) in zip(
        summarise(table, by=["sex"])["subgroups"], groups(people, "sex"), strict=True
    ):
        alone = summarise(pkpd.med(model, people.subset(people.ids[rows])))
        assert group["patients"] == alone["patients"]
        assert group["quantiles"][1] == next(q for q in alone["quantiles"] if q["level"] == 0.5)


def test_ids_in_the_index_of_a_table_are_ids():
    """Else rows would be drawn, and nobody had the weight of their own row."""
    table = pd.DataFrame({"ID": [4, 2, 9], "wt": [60.0, 70.0, 80.0]})
    people = pkpd.cohort(MODEL, covariates=table.set_index("ID"))
    assert people.ids.tolist() == [4, 2, 9]
    assert people.column("wt").tolist() == [60.0, 70.0, 80.0]


def test_a_class_by_number_is_one_of_the_classes_in_every_table():
    model = pkpd.load("ldn/hormesis")
    sets = pd.DataFrame({"responds": [0.5]})
    with pytest.raises(pkpd.PkpdError, match=r"0\.5 cannot be a typical value of 'responds'"):
        pkpd.parameter_sets(model, sets)
    with pytest.raises(pkpd.PkpdError, match=r"'0\.5' is not a value that 'responds' can have"):
        pkpd.cohort(model, 2, covariates=sets)
    with pytest.raises(pkpd.PkpdError, match=r"0\.5 is not a value that 'responds' can have"):
        pkpd.events(model, sets.assign(TIME=0.0, AMT=1.0))
    model, none = pkpd.load("pk/tramadol"), pd.DataFrame({"cyp2d6": [4]})  # of 0 to 3
    with pytest.raises(pkpd.PkpdError, match="'4' is not a value that 'cyp2d6' can have"):
        pkpd.cohort(model, 2, covariates=none)
    with pytest.raises(pkpd.PkpdError, match="row 1, cyp2d6: 4 is not a value that 'cyp2d6' can"):
        pkpd.events(model, none.assign(TIME=0.0, AMT=1.0))
