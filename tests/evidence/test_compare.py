"""Explanations compared on toys whose answer is known, and what a comparison keeps and says."""

import json

import numpy as np
import pytest

import pkpd
from pkpd.cli import main
from pkpd.errors import EvidenceError, ResultError
from pkpd.evidence import ledger, stored, weighed
from pkpd.evidence.draws import draws, quantile
from pkpd.evidence.predictions import predict
from pkpd.evidence.studies import studies
from pkpd.report.words.evidence import weight_sentences

MODEL = """title = "TITLE"
time = "h"
outputs = ["effect", "c"]
[dose]
a = { unit = "mg" }
[benefit]
outcome = "effect"
better = "higher"
into = "a"
every = "24 h"
doses = "1:100 mg"
delta = "1 NRS"
[parameters]
k = { value = 0.1, unit = "1/h", label = "loss", OF }
v = { value = 10, unit = "L", iiv = { cv = 0.3 }, prior = { cv = 0.5, reason = "a guess" }, label = "volume", OF }
s = { value = GAIN, unit = "NRS", iiv = { cv = 0.2 }, prior = { low = LOW, high = HIGH, reason = "a guess" }, label = "size of the effect", OF }
half = { value = 2, unit = "mg/L", label = "half of it", OF }
[equations]
e = '''
d/dt(a) = -k*a            : mg
c       = a/v             : mg/L
effect  = s*c/(half + c)  : NRS
'''
""".replace("OF", 'source = "test", evidence = "assumed"')  # noqa: E501
STUDY = """title = "TITLE"
source = "test"
grade = "C"
role = "ROLE"
[[doses]]
name = "drug"
rx = "20 mg"
[[doses]]
name = "none"
rx = ""
[[statistics]]
name = "READ"
arm = "drug"
against = "none"
output = "READ"
at = HOUR
n = 20
n_against = 20
value = SEEN
allowance = 0.5
unit = "UNIT"
reason = "test"
"""
UNITS = {"c": "mg/L", "effect": "NRS"}


def filled(text, **words):
    if "READ" in words:
        words["UNIT"] = UNITS[words["READ"]]
    for word, value in words.items():
        text = text.replace(word, str(value))
    return text


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    here = tmp_path_factory.mktemp("comparison")
    (here / "small.toml").write_text(filled(MODEL, TITLE="Small", GAIN=1, LOW=0.5, HIGH=2))
    (here / "large.toml").write_text(filled(MODEL, TITLE="Large", GAIN=6, LOW=3, HIGH=12))
    (here / "studies").mkdir()
    for name, words in {
        "level": {"ROLE": "fit", "READ": "c", "HOUR": 1, "SEEN": 1.8},
        "effect": {"ROLE": "fit", "READ": "effect", "HOUR": 2, "SEEN": 2.9},
        "later": {"ROLE": "held out", "READ": "effect", "HOUR": "[8, 12]", "SEEN": 1.5},
    }.items():
        (here / "studies" / f"{name}.toml").write_text(filled(STUDY, TITLE=name, **words))
    (here / "compared.toml").write_text(
        'studies = "studies"\ndoses = [5, 20, 80]\n'
        '[explanations]\n"small.toml" = 1\n"large.toml" = 1\n'
    )
    return here


@pytest.fixture(scope="module")
def compared(folder):
    return pkpd.compare(folder / "compared.toml", draws=1024, people=32, folder=folder / "kept")


def test_the_explanation_that_the_studies_need_has_the_weight(compared):
    weights = dict(zip(compared.names, compared.ledger.weights(), strict=True))
    assert weights["large"] > 0.99 and compared.left() == ("large",)
    assert compared.ledger.studies == ("effect", "level")  # what is held out informs nothing
    table = compared.typical_values()
    row = [(e, p) for e, p in zip(table["explanation"], table["parameter"], strict=True)].index(
        ("large", "s")
    )
    # c = 2 exp(-0.2) at the median: effect = s/(1 + 2/1.64) of which 2.9 was seen
    assert table["low"][row] < 2.9 * (1 + 2 / 1.64) < table["high"][row]


def test_a_mean_of_people_is_that_of_quadrature(folder):
    model = pkpd.load(folder / "large.toml")
    (asked,) = (s for s in studies(folder / "studies") if s.name == "level")
    drawn = draws(model, 4, seed=2)
    found = predict(asked, drawn, 4096)
    volume = drawn.values[:, drawn.names.index("v")]
    omega2 = np.log1p(0.3**2)
    exact = 20 * np.exp(-0.1) / volume * np.exp(omega2 / 2)  # mean of 1/v, a log-normal
    np.testing.assert_allclose(found.mean[:, 0], exact, rtol=2e-3)
    sd = exact * np.sqrt(np.expm1(omega2))
    np.testing.assert_allclose(found.sampling[:, 0, 0], sd**2 / 20, rtol=0.05)


def test_a_mean_over_hours_is_that_of_many_readings(folder, compared):
    prediction = compared.predictions["large", "later"]
    drawn = compared.draws[1]
    people = drawn.people(32, np.arange(3))
    run = pkpd.simulate(people.model, "20 mg", people, np.linspace(8, 12, 401))
    exact = run.values[:, :, 0].reshape(3, 32, 401).mean(axis=(1, 2))
    np.testing.assert_allclose(prediction.mean[:3, 0], exact, rtol=1e-4)


def test_draws_follow_their_priors_and_widen_on_their_own_scale(folder):
    model = pkpd.load(folder / "large.toml")
    drawn, wide = draws(model, 1024, seed=1), draws(model, 1024, seed=1, width=2.0)
    size = drawn.values[:, drawn.names.index("s")]
    assert 3 <= size.min() < 3.01 and 11.9 < size.max() <= 12
    twice = wide.values[:, wide.names.index("s")]
    np.testing.assert_allclose(np.log(twice / 6), 2 * np.log(size / 6))
    volume = np.log(drawn.values[:, drawn.names.index("v")] / 10)
    assert volume.std() == pytest.approx(np.sqrt(np.log1p(0.25)), rel=0.02)
    share = model.inputs[1].prior
    assert quantile(share, 10.0, np.array([0.5]))[0] == pytest.approx(10.0)


def test_a_draw_and_its_people_are_the_same_in_any_company(folder):
    model = pkpd.load(folder / "large.toml")
    drawn = draws(model, 16, seed=3)
    whole, some = drawn.people(8), drawn.people(8, np.array([5, 2]))
    np.testing.assert_array_equal(some.theta[:8], whole.theta[40:48])
    np.testing.assert_array_equal(some.theta[8:], whole.theta[16:24])
    np.testing.assert_array_equal(draws(model, 8, seed=3).values, drawn.values[:8])


def test_what_is_kept_is_used_again_and_a_changed_study_is_not(folder, compared):
    file = stored.path(folder / "kept", compared.draws[1], "level")
    before = file.stat().st_mtime_ns
    again = pkpd.compare(folder / "compared.toml", draws=1024, people=32, folder=folder / "kept")
    assert file.stat().st_mtime_ns == before
    np.testing.assert_array_equal(again.ledger.weights(), compared.ledger.weights())
    assert again.benefits[1] is not None
    np.testing.assert_array_equal(again.benefits[1], compared.benefits[1])
    file.write_bytes(b"PAR1 damaged")
    mended = pkpd.compare(folder / "compared.toml", draws=1024, people=32, folder=folder / "kept")
    np.testing.assert_array_equal(mended.ledger.weights(), compared.ledger.weights())
    assert file.stat().st_size > 1000


def test_draws_are_added_where_too_few_count_and_those_there_stay(folder, tmp_path):
    file, size = folder / "compared.toml", {"draws": 128, "people": 8, "folder": tmp_path}
    first = pkpd.compare(file, most=128, **size)
    small, large = first.draws
    assert first.ledger.effective()[1] < 100 and len(small) == len(large) == 128
    more = pkpd.compare(file, **size)
    small, large = more.draws
    assert len(small) == 128 < len(large) <= 512  # small has no weight that matters
    assert more.ledger.effective()[1] >= 100 or len(large) == 512
    np.testing.assert_array_equal(large.values[:128], first.draws[1].values)
    mean = more.predictions["large", "effect"].mean
    np.testing.assert_array_equal(mean[:128], first.predictions["large", "effect"].mean)
    assert len(np.unique(mean)) > 0.9 * len(large)  # added draws have people of their own
    alone = pkpd.compare(file, draws=128, people=8)  # from no folder
    np.testing.assert_array_equal(alone.ledger.logs[1], more.ledger.logs[1])
    again = more.ledger.evidence()[1] - first.ledger.evidence()[1]
    assert abs(again) < 5 / np.sqrt(first.ledger.effective()[1])
    with pytest.raises(EvidenceError, match="most draws"):
        pkpd.compare(file, draws=128, most=64)


def test_tables_summary_and_figures_can_be_written_and_say_the_same(compared, tmp_path):
    compared.write(tmp_path, figure="png")
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["left"] == ["large"] and summary["whole"] in (True, False)
    weights = compared.weights()
    assert [row["weight"] for row in summary["weights"]] == weights["weight"].tolist()
    assert (tmp_path / "comparison.png").stat().st_size > 10_000
    assert (tmp_path / "comparison-benefit.png").stat().st_size > 10_000
    predicted = compared.predicted()
    assert set(predicted["study"]) == {"effect", "later", "level"}
    rows = predicted["explanation"] == "all"
    assert ((predicted["low"] < predicted["high"])[rows]).all()


def test_a_study_that_no_explanation_fits_is_named_with_its_misfit(folder, compared, tmp_path):
    assert compared.misfits() == []
    far = filled(STUDY, TITLE="far", ROLE="fit", READ="c", HOUR=1, SEEN=30)
    (tmp_path / "far.toml").write_text(far)
    found = pkpd.compare(folder / "compared.toml", add=[tmp_path / "far.toml"], draws=64, people=8)
    (row,) = (row for row in found.misfits() if row["study"] == "far")
    assert row["p"] < 1e-3 and row["sds"] > 4 and row["high"] < row["published"] == 30
    printed = "\n".join(weight_sentences(found.summary()))
    assert "No explanation that has weight fits far (P < 0.001): c was 30 mg/L, and " in printed
    assert "few of its draws count" in printed and "not that any is good" in printed
    page = found.report(tmp_path).read_text()
    assert "How well each explanation fits each study" in page and "&lt; 0.001" in page


def test_how_explanations_fit_is_computed_once_for_all_that_is_said_of_it(
    folder, tmp_path, monkeypatch
):
    asked = []

    def counted(study, prediction):
        asked.append(study.name)
        return ledger.fit(study, prediction)

    monkeypatch.setattr(weighed, "fit", counted)
    found = pkpd.compare(folder / "compared.toml", draws=16, people=8)
    found.report(tmp_path)
    assert sorted(asked) == ["effect", "effect", "level", "level"]  # two explanations
    found.fits()["p"][:] = 2.0
    assert (found.fits()["p"] <= 1.0).all()


@pytest.mark.filterwarnings("ignore:A dose of 20000 mg")
def test_an_explanation_that_is_never_solved_is_not_taken_for_a_refuted_one(folder, tmp_path):
    only_low = "c       = a/v*sqrt(1 - a/(100*v*half))  : mg/L"  # none after 20 g
    for name in ("small", "large"):
        text = (folder / f"{name}.toml").read_text()
        text = text.replace("c       = a/v             : mg/L", only_low)
        (tmp_path / f"{name}.toml").write_text(text)
    (tmp_path / "compared.toml").write_text((folder / "compared.toml").read_text())
    (tmp_path / "studies").mkdir()
    high = filled(STUDY, TITLE="high", ROLE="fit", READ="c", HOUR=1, SEEN=1.8)
    high = high.replace('rx = "20 mg"', 'rx = "20000 mg"')
    for name, text in {"level": (folder / "studies/level.toml").read_text(), "high": high}.items():
        (tmp_path / f"studies/{name}.toml").write_text(text)
    with pytest.raises(EvidenceError, match="small predicts nothing of high under any draw"):
        pkpd.compare(tmp_path / "compared.toml", draws=4, people=2)
    (tmp_path / "studies/high.toml").write_text(high.replace('"fit"', '"held out"'))
    found = pkpd.compare(tmp_path / "compared.toml", draws=4, people=2)
    columns = found.predicted()
    unsolved = columns["study"] == "high"
    assert (
        np.isnan(columns["median"][unsolved]).all() and np.isnan(columns["below"][unsolved]).all()
    )
    assert np.isfinite(columns["median"][~unsolved]).all()
    assert "high" in found.report(tmp_path / "out").read_text()


def test_few_draws_give_weights_alone_in_tables_figures_and_words(folder, tmp_path):
    few = pkpd.compare(folder / "compared.toml", draws=16, people=8)
    assert not few.enough().any() and few.meds == (None, None)
    few.write(tmp_path, figure="png")
    assert (tmp_path / "comparison.png").exists()
    assert not (tmp_path / "comparison-benefit.png").exists()
    assert few.summary()["best_dose"] == {} and len(few.benefit_by_dose()["DOSE"]) == 0
    with pytest.raises(EvidenceError, match="more draws"):
        pkpd.design(few)


def test_a_study_that_would_tell_more_ranks_higher(folder, tmp_path):
    equal = pkpd.compare(
        folder / "compared.toml", studies=[folder / "studies/level.toml"], draws=1024, people=32
    )
    plans = []
    for name, n in (("few", 2), ("many", 200)):
        text = filled(
            STUDY, TITLE=name, ROLE="planned", READ="effect", HOUR=2, SEEN="DROP"
        ).replace("value = DROP\n", "")
        text = text.replace("n = 20", f"n = {n}").replace("n_against = 20", f"n_against = {n}")
        (tmp_path / f"{name}.toml").write_text(text)
        plans.append(tmp_path / f"{name}.toml")
    ranked = pkpd.design(equal, plans, outcomes=200, folder=tmp_path)
    few, many = ranked.worths
    assert many.information > few.information > 0
    assert many.information < 1.0  # one bit is open between two explanations of equal weight
    files = {f: f.stat().st_mtime_ns for f in tmp_path.rglob("*.parquet")}
    assert files
    same = pkpd.design(equal, plans, patients=40, outcomes=200, folder=tmp_path)
    assert files == {f: f.stat().st_mtime_ns for f in tmp_path.rglob("*.parquet")}
    assert same.worths[0].information == pytest.approx(same.worths[1].information, abs=1e-12)
    assert list(ranked.sheets()["studies"].columns["study"]) == ["many", "few"]


def run(words):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert not ended.value.code


def test_the_command_line_weighs_and_ranks_with_the_same_numbers(
    folder, compared, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(folder)
    plan = filled(STUDY, TITLE="plan", ROLE="planned", READ="effect", HOUR=2, SEEN="DROP")
    (tmp_path / "plan.toml").write_text(plan.replace("value = DROP\n", ""))
    size = ["--draws", "1024", "--people", "32", "--out", "kept"]
    run(["compare", "compared.toml", *size, "--no-figure"])
    printed = capsys.readouterr().out
    assert "Above 5 %: large." in printed and "large " in printed
    summary = json.loads((folder / "kept/summary.json").read_text())
    weights = [row["weight"] for row in summary["weights"]]
    assert weights == compared.ledger.weights().tolist()
    run(["design", str(tmp_path / "plan.toml"), "--comparison", "compared.toml", *size])
    printed = capsys.readouterr().out
    assert "plan" in printed and "bits" in printed
    assert (folder / "kept/design.png").stat().st_size > 10_000
    assert json.loads((folder / "kept/summary.json").read_text()) == summary


def test_pages_show_weights_studies_and_every_figure(folder, compared, tmp_path, monkeypatch):
    page = compared.report(tmp_path).read_text()
    for row in compared.summary()["weights"]:
        assert f"{100 * row['weight']:.1f} %" in page
    assert all(study.title in page for study in compared.studies)
    assert page.count("<svg") == len(compared.figures()) == 2
    assert "pkpd compare mine" in compared.report(tmp_path, command="pkpd compare mine").read_text()
    monkeypatch.chdir(folder)
    plan = filled(STUDY, TITLE="plan", ROLE="planned", READ="effect", HOUR=2, SEEN="DROP")
    (tmp_path / "plan.toml").write_text(plan.replace("value = DROP\n", ""))
    size = ["--draws", "1024", "--people", "32", "--out", "kept", "--no-figure", "--report"]
    run(["compare", "compared.toml", *size])
    run(["design", str(tmp_path / "plan.toml"), "--comparison", "compared.toml", *size])
    assert "Weights without each study" in (folder / "kept/report.html").read_text()
    assert "information (bits)" in (folder / "kept/design.html").read_text()


def test_a_page_made_anew_of_a_folder_is_that_written_with_the_result(folder, compared, tmp_path):
    written = compared.report(tmp_path / "weighed", command="pkpd compare mine").read_text()
    assert pkpd.write_page(tmp_path / "weighed").read_text() == written
    plan = filled(STUDY, TITLE="plan", ROLE="planned", READ="effect", HOUR=2, SEEN="DROP")
    (tmp_path / "plan.toml").write_text(plan.replace("value = DROP\n", ""))
    ranked = pkpd.design(compared, [tmp_path / "plan.toml"], outcomes=10)
    written = ranked.report(tmp_path / "planned").read_text()
    assert pkpd.write_page(tmp_path / "planned").read_text() == written
    compared.write(tmp_path / "weighed", command="pkpd compare yours")
    weights = tmp_path / "weighed/weights.parquet"
    other = weights.read_bytes()
    compared.write(tmp_path / "weighed", command="pkpd compare mine")
    weights.write_bytes(other)
    with pytest.raises(ResultError, match=r"weights.parquet'.* are of different runs"):
        pkpd.write_page(tmp_path / "weighed")
    (tmp_path / "begun/predictions").mkdir(parents=True)
    with pytest.raises(ResultError, match="comparison that has not finished"):
        pkpd.write_page(tmp_path / "begun")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('arm = "drug"', 'arm = "drugs"', "Did you mean 'drug'"),
        ("value = 1.8\n", "", "value is missing"),
        ("n = 20\n", "n = 0\n", "whole number from 1"),
        ('role = "fit"', 'role = "fits"', "role: unknown"),
        ("at = 1", "at = [3, 1]", "ends before it begins"),
        ("reason = ", "resaon = ", "Did you mean 'reason'"),
        ("n_against = 20\n", "", "go together"),
        ("value = 1.8", "value = 1.8\ninterval = [2, 3]", "outside its interval"),
        ("value = 1.8", "value = 1.8\nse = 0.1\np = 0.5", "give one of"),
        ("at = 1", "at = [1, 2, 3]", "an hour or"),
        ('output = "c"', 'endpoint = "c"', "study of single doses"),
        ("allowance = 0.5", "allowance = -0.5", "not negative"),
    ],
)
def test_mistakes_in_a_study_name_file_and_field(folder, tmp_path, old, new, message):
    text = (folder / "studies/level.toml").read_text()
    assert old in text
    (tmp_path / "wrong.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(EvidenceError, match=r"wrong\.toml: ") as caught:
        pkpd.study(tmp_path / "wrong.toml")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "old", "new", "unit"),
    [
        (STUDY, 'unit = "UNIT"', 'unit = "ug/L"', "mg/L"),
        (STUDY, 'unit = "UNIT"', 'unit = "%"', "mg/L"),
        ("TRIAL", 'unit = "NRS"', 'unit = "1"', "NRS"),
        ("TRIAL", 'kind = "change"', 'kind = "percent"', "%"),
        ("TRIAL", 'kind = "change"\n', 'kind = "responders"\n', "1"),
    ],
)
def test_a_statistic_in_another_unit_than_its_model_is_refused(
    folder, tmp_path, text, old, new, unit
):
    text = TRIAL if text == "TRIAL" else text
    text = filled(text.replace(old, new, 1), TITLE="s", ROLE="fit", READ="c", HOUR=1, SEEN=1.8)
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(EvidenceError, match=f"but what the model has of it in {unit}; write"):
        pkpd.compare(folder / "compared.toml", add=[tmp_path / "s.toml"], draws=4, people=2)


@pytest.mark.parametrize("doses", ["[]", "[0, 5]", "[5, 5]", "[80, 5]"])
def test_doses_that_have_no_dose_response_are_refused_at_once(folder, tmp_path, doses):
    text = (folder / "compared.toml").read_text()
    (tmp_path / "q.toml").write_text(text.replace("[5, 20, 80]", doses))
    with pytest.raises(EvidenceError, match=r"q\.toml: doses must be positive and increasing"):
        pkpd.compare(tmp_path / "q.toml", draws=4, people=2)


def test_explanations_of_different_outcomes_are_not_compared(folder):
    with pytest.raises(EvidenceError, match="explanations are of one outcome"):
        pkpd.compare(
            {str(folder / "small.toml"): 1, "ldn/hormesis": 1},
            studies=[folder / "studies/level.toml"],
        )
    (folder / "other").mkdir(exist_ok=True)
    twin = folder / "other" / "small.toml"
    twin.write_text((folder / "small.toml").read_text())
    with pytest.raises(EvidenceError, match="Two explanations are called 'small'"):
        pkpd.compare(
            {str(folder / "small.toml"): 1, str(twin): 1}, studies=[folder / "studies/level.toml"]
        )
    with pytest.raises(EvidenceError, match=r"no \[benefit\]"):
        pkpd.compare({"pk/one_compartment": 1}, studies=[folder / "studies/level.toml"])


def test_the_packaged_studies_and_candidates_can_be_read():
    from pkpd.evidence.design import CANDIDATES
    from pkpd.evidence.question import LDN, question

    asked = question(LDN)
    assert sum(asked.weights.values()) == pytest.approx(1.0)
    assert {s.role for s in asked.studies} <= {"fit", "held out", "context"}
    assert {s.role for s in studies(CANDIDATES)} == {"planned"}
    final = next(s for s in asked.studies if s.name == "final")
    assert final.patients == 99
    assert final.statistics[1].se == pytest.approx(1.22 / (2 * 1.959964), rel=1e-6)


TRIAL = """title = "two arms"
source = "test"
grade = "C"
role = "fit"
[trial]
run_in = 7
diary_set = { noise_sd = 0, effect_size = 0 }
[[trial.arms]]
name = "placebo"
phases = [{ name = "treatment", days = 14, dose = 0 }]
[[trial.arms]]
name = "drug"
phases = [{ name = "treatment", days = 14, dose = 20 }]
[[trial.endpoints]]
name = "change"
kind = "change"
phase = "treatment"
carried = true
[[statistics]]
name = "change"
arm = "drug"
against = "placebo"
endpoint = "change"
n = 40
n_against = 40
value = -3.0
se = 0.3
unit = "NRS"
reason = "made up"
"""
PAIN = """base = { value = 7, unit = "NRS", label = "pain", source = "test", evidence = "assumed" }
[equations]"""


def test_explanations_of_ones_own_are_weighed_by_trials(tmp_path, monkeypatch):
    for name, gain in (("small", 0.1), ("large", 8)):
        text = filled(MODEL, TITLE=name, GAIN=gain, LOW=0.8 * gain, HIGH=1.25 * gain)
        text = text.replace('"higher"', '"lower"').replace("[equations]", PAIN)
        text = text.replace("effect  = s*c", "effect  = base - s*c")
        (tmp_path / f"{name}.toml").write_text(text)
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies/two.toml").write_text(TRIAL)
    explanations = '[explanations]\n"small.toml" = 1\n"large.toml" = 1\n'
    (tmp_path / "mine.toml").write_text('studies = "studies"\ndoses = [20]\n' + explanations)
    found = pkpd.compare(tmp_path / "mine.toml", draws=32, people=8)
    assert found.left() == ("large",) and found.ledger.studies == ("two",)
