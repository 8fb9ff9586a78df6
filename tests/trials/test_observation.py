"""Diaries, adverse events, adherence, leaving: against their written numbers and a slow twin."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit, ndtri

from pkpd.errors import ModelError, PkpdError, TrialError
from pkpd.population.noise import uniforms
from pkpd.trials.observation import (
    ADVERSE,
    DIARY,
    EVENTS,
    NO_BENEFIT,
    OTHER,
    STAYED,
    Observer,
    diary,
    mean,
)

BIBLIOGRAPHY = Path(__file__).parents[2] / "models/references.bib"
IDS = np.arange(1, 1501)
QUIET = {"leave_adverse": 0, "leave_random": 0, "leave_no_benefit": 0, "missing": 0}


def observer(changes=None, base=6.0, run_in=7, days=84, **options):
    return Observer(
        diary(changes=changes), 3, IDS, np.full(len(IDS), base), run_in, days, **options
    )


def looked(seen, score=6.0, blockade=0.0):
    n, days = len(IDS), seen.days
    return seen.record(
        np.arange(n), 1 - seen.run_in, np.full((n, days), score), np.full((n, days), blockade)
    )


def test_every_number_of_the_diary_has_a_source_and_a_grade():
    for item in diary().inputs.values():
        assert (
            item.source
            and item.unit
            and item.evidence in ("measured", "derived", "assumed", "calibrated")
        )
    cited = set(
        re.findall(
            r"\b[A-Z][a-z]+\d{4}\b", " ".join(item.source for item in diary().inputs.values())
        )
    )
    keys = set(re.findall(r"@\w+\{(\w+),", BIBLIOGRAPHY.read_text()))
    assert cited and cited <= keys
    measured = [item for item in diary().inputs.values() if item.evidence == "measured"]
    assert measured and all(any(key in item.source for key in keys) for item in measured)


def test_one_patient_written_out_day_by_day():
    """Slow twin of one patient's entries: placebo, AR(1), rounding, clipping, gaps."""
    seen = observer(QUIET | {"missing": 0.1}, base=3.0)
    entries, row, traits = looked(seen, score=2.5).entries, 40, seen.traits
    z, gap = (ndtri(uniforms(3, [41], "diary", 91)[0]), uniforms(3, [41], "missing", 91)[0])
    noise = z[0]
    for j in range(91):
        noise = 0.5 * noise + np.sqrt(0.75) * z[j] if j else z[0]
        fall = (
            3.0
            * traits["placebo_max"][row]
            * (1 - 2.0 ** (-max(j - 6, 0) / traits["placebo_half"][row]))
        )
        expected = min(max(round(2.5 - fall + noise * traits["noise_sd"][row]), 0), 10)
        if gap[j] < traits["missing"][row]:
            assert np.isnan(entries[row, j])
        else:
            assert entries[row, j] == expected


def test_noise_has_the_written_spread_and_correlation():
    seen, step = observer(), np.arange(7)
    z = seen.noise / seen.trait("noise_sd")
    assert z.std() == pytest.approx(1.0, abs=0.01)
    assert np.corrcoef(z[:, :-1].ravel(), z[:, 1:].ravel())[0, 1] == pytest.approx(0.5, abs=0.01)
    spread = seen.traits["noise_sd"]
    assert spread.mean() == pytest.approx(1.2, abs=0.05)
    assert spread.std() == pytest.approx(0.5, abs=0.05)
    # a mean of seven days of the middle patient scatters by about 0.7, as the correlations say
    week = (z[:, :7] * 1.2).mean(axis=1)
    exact = 1.2 * np.sqrt(np.mean(0.5 ** np.abs(step[:, None] - step)))
    assert exact == pytest.approx(0.7, abs=0.01) and week.std() == pytest.approx(exact, abs=0.03)


def test_placebo_response_has_the_written_middle_and_mean():
    seen = observer()
    assert np.median(seen.traits["placebo_max"]) == pytest.approx(0.08, abs=0.01)
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)  # mean of a logit-normal share
    exact = weights @ expit(logit(0.08) + 1.9 * nodes) / weights.sum()
    assert seen.traits["placebo_max"].mean() == pytest.approx(exact, abs=0.01)
    assert np.log(seen.traits["placebo_half"]).std() == pytest.approx(0.594, abs=0.03)
    late = seen.placebo(np.arange(len(IDS)), np.array([-5, 0, 100_000]))
    np.testing.assert_allclose(
        late, np.outer(6.0 * seen.traits["placebo_max"], [0, 0, 1]), atol=1e-12
    )


def test_a_placebo_arm_of_twelve_weeks_changes_as_the_source_of_its_numbers_says():
    # placebo_max and noise_sd are chosen so that the placebo arm of DueBruun2024 comes out
    base = np.clip(ndtri(uniforms(3, IDS, "base", 1)[:, 0]) * 1.5 + 6.4, 4, 10)
    seen = observer(QUIET, base=base, run_in=14)
    entries = looked(seen, score=base[:, None]).entries
    first, last = entries[:, 7:14].mean(axis=1), entries[:, -7:].mean(axis=1)
    change, source = last - first, diary().inputs["placebo_max"].source
    assert "mean change -0.8, SD 1.6 points after 12 weeks; 20 % then fall by 30 %" in source
    assert change.mean() == pytest.approx(-0.8, abs=0.1)
    assert change.std() == pytest.approx(1.6, abs=0.1)
    assert (change <= -0.3 * first).mean() == pytest.approx(0.20, abs=0.03)


@pytest.mark.parametrize(("blockade", "arm"), [(0.0, "placebo"), (diary()["blockade_ref"], "drug")])
def test_adverse_events_have_the_written_risk_in_84_days(blockade, arm):
    seen = observer(QUIET)
    had = looked(seen, blockade=blockade).events.any(axis=1)
    for k, event in enumerate(EVENTS):
        assert had[:, k].mean() == pytest.approx(diary()[f"{event}_{arm}"], abs=0.04)


def test_patients_leave_with_the_written_probabilities_and_enter_nothing_afterwards():
    look = looked(observer(QUIET | {"leave_random": 0.3}))
    assert (look.left > 0).mean() == pytest.approx(0.3, abs=0.04) and set(look.reason) == {
        OTHER,
        STAYED,
    }
    assert set(looked(observer(QUIET | {"leave_adverse": 1.0}), blockade=0.3).reason) == {
        ADVERSE,
        STAYED,
    }
    day = np.arange(-6, 85)
    gone = (look.left > 0)[:, None] & (day > look.left[:, None])
    np.testing.assert_array_equal(np.isnan(look.entries), gone)


def test_patients_give_up_only_without_benefit_and_after_their_patience():
    changes = QUIET | {"leave_no_benefit": 0.9, "noise_sd": 0, "placebo_max": 0}
    same = looked(observer(changes, days=112))
    assert set(same.reason) == {NO_BENEFIT, STAYED} and same.left[same.left > 0].min() > 56
    assert same.left.astype(bool).mean() == pytest.approx(
        1 - 0.1**2, abs=0.02
    )  # two spells of 28 days
    seen = observer(changes, days=112)
    better = np.where(np.arange(seen.days) < 7, 6.0, 4.0) * np.ones((len(IDS), 1))
    assert not seen.record(np.arange(len(IDS)), -6, better, np.zeros_like(better)).left.any()


def test_doses_are_missed_and_late_as_often_as_written():
    seen = observer({"missed": 0.2, "late": 0.3})
    taken, late = seen.doses(84)
    traits = seen.traits
    assert taken.mean() == pytest.approx(1 - traits["missed"].mean(), abs=0.01)
    assert (late > 0).mean() == pytest.approx(traits["late"].mean(), abs=0.01)
    assert late.min() >= 0 and 5 < late.max() <= 6
    always, punctual = observer({"missed": 0, "late": 0}).doses(84)
    assert always.all() and not punctual.any()


def test_own_traits_stay_the_same_in_new_repetitions():
    first, again, own = observer(), observer(replicate=1), observer(replicate=1, own_traits=True)
    np.testing.assert_array_equal(first.traits["noise_sd"], own.traits["noise_sd"])
    assert not np.array_equal(first.traits["noise_sd"], again.traits["noise_sd"])
    assert not np.array_equal(first.noise, own.noise)


def test_mean_of_entries_leaves_gaps_out():
    average, count = mean(np.array([[1.0, np.nan, 4.0], [np.nan] * 3]))
    assert average[0] == 2.5 and np.isnan(average[1]) and count.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"missing": 1.2}, "missing is a probability"),
        ({"nothing": 1}, "unknown parameter 'nothing'"),
        ({"noise_sd": -1}, "must not be negative"),
        ({"missed": "x"}, "must be a number"),
    ],
)
def test_bad_numbers_are_refused_by_name(changes, said):
    with pytest.raises(PkpdError, match=said):
        diary(changes=changes)


def test_a_diary_file_is_checked_like_a_model(tmp_path):
    path = tmp_path / "diary.toml"
    text = diary.__globals__["DIARY"].read_text()
    path.write_text(text.replace('source = "Plan2012: ln-SD 0.594"', 'source = ""'))
    with pytest.raises(PkpdError, match=r"diary.toml:5: 'placebo_half' has an empty source"):
        diary(path)
    path.write_text(text.replace("missing ", "gone "))
    with pytest.raises(PkpdError, match="'missing' is missing"):
        diary(path)


def lines_of_the_diary():
    """Name -> line of each parameter of the packaged diary."""
    lines = DIARY.read_text().split("[parameters]\n")[1].splitlines()
    return {line.split("=")[0].strip(): line for line in lines}


def write(path, lines):
    path.write_text('title = "tests"\n[parameters]\n' + "\n".join(lines.values()) + "\n")
    return path


@settings(deadline=None)
@given(st.sampled_from(sorted(lines_of_the_diary())), st.sampled_from(["mmHg", "h", "wk", "%"]))
def test_a_number_in_another_unit_than_the_others_is_refused(name, unit):
    lines = lines_of_the_diary()
    own = re.search(r'unit = "(.*?)"', lines[name]).group(1)
    lines[name] = lines[name].replace(f'unit = "{own}"', f'unit = "{unit}"')
    with TemporaryDirectory() as folder:
        path = write(Path(folder) / "diary.toml", lines)
        if unit == own:
            assert diary(path).digest == diary().digest
        else:
            with pytest.raises(ModelError, match=r"diary.toml:\d+: \w+ is in '.*'; write it in "):
                diary(path)


def test_a_diary_in_another_unit_brings_the_ends_of_its_scale(tmp_path):
    lines = {name: line.replace("NRS", "mmHg") for name, line in lines_of_the_diary().items()}
    lines["highest"] = lines["highest"].replace("10.0", "300.0")
    found = diary(write(tmp_path / "pressure.toml", lines))
    assert vars(found.scale) == {"unit": "mmHg", "lowest": 0.0, "highest": 300.0}
    seen = Observer(found, 7, IDS, np.full(len(IDS), 150.0), 7, 7)
    entries = seen.record(np.arange(len(IDS)), -6, *np.full((2, len(IDS), 14), 150.0)).entries
    assert np.nanmin(entries) > 50 and np.nanmax(entries) < 250
    with pytest.raises(TrialError, match="highest"):
        diary(tmp_path / "pressure.toml", changes={"highest": "much"})
    with pytest.raises(ModelError, match="highest is -1, not above lowest, 0"):
        diary(tmp_path / "pressure.toml", changes={"highest": -1})
    del lines["lowest"]
    with pytest.raises(ModelError, match=r"a diary in mmHg needs the ends .* 'lowest' is missing"):
        diary(write(tmp_path / "pressure.toml", lines))


def test_the_ends_of_the_numeric_rating_scale_are_known(tmp_path):
    lines = lines_of_the_diary()
    del lines["lowest"], lines["highest"]
    assert diary(write(tmp_path / "pain.toml", lines)).scale == diary().scale


def test_what_a_diary_cannot_use_is_refused(tmp_path):
    lines = lines_of_the_diary()
    own = lines | {"patience": lines["patience"].replace("label", "iiv = { cv = 0.5 }, label")}
    with pytest.raises(ModelError, match="patience is one number, the same for everybody"):
        diary(write(tmp_path / "diary.toml", own))
    path = write(tmp_path / "diary.toml", lines)
    path.write_text('time = "h"\n' + path.read_text())
    with pytest.raises(ModelError, match="a diary has no 'time'"):
        diary(path)


def test_a_baseline_of_earlier_diaries_is_left_out_with_a_warning(tmp_path):
    lines = lines_of_the_diary()
    lines["baseline"] = lines["step"].replace("step ", "baseline ")
    with pytest.warns(DeprecationWarning, match="baseline is not used any more"):
        assert diary(write(tmp_path / "old.toml", lines)).digest == diary().digest


def test_what_a_result_says_of_the_diary_counts_its_numbers():
    about = diary(changes={"missing": 0.0}).about("occupancy")
    text = DIARY.read_text()
    assert about["numbers"] == text.count("evidence =")
    assert about["assumed"] == text.count('evidence = "assumed"')
    assert about["calibrated"] == text.count('evidence = "calibrated"')
    assert about["title"] == re.search(r'title = "(.*)"', text).group(1)
    assert about["set"] == {"missing": 0.0} and about["blockade"] == "occupancy"
