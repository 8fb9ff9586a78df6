"""One profile against Phoenix WinNonlin's published numbers, closed forms and naive twins.

Data: Theoph (320 mg oral) and Indometh (25 mg) of R's datasets. WinNonlin results: tables of
github.com/asancpt/NonCompart-tests, eight runs of versions 6.3 and 7.0.
"""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

import pkpd
from pkpd.nca.profile import RULES, area, profile, terminal_slope
from tests.nca.data import HOURS, INDOMETH, THEOPH

LOG, LINEAR = "linear-up-log-down", "linear"
ORAL = (
    "auc_last",
    "auc_inf",
    "auc_extrapolated",
    "vz_f",
    "cl_f",
    "aumc_inf",
    "mrt",
    "lambda_z",
    "points",
)
THEOPHYLLINE = {
    1: (148.92305, 216.611933, 31.2489169, 30.486748, 1.4772963, 4505.5348, 20.800031, 0.048457, 3),
    2: (91.5268, 100.1734591, 8.6316867, 30.6904416, 3.1944589, 999.77229, 9.9804109, 0.1040864, 4),
    6: (73.77555, 84.2544183, 12.437174, 43.259735, 3.7980204, 978.42849, 11.612786, 0.0877957, 7),
    12: (119.9775, 130.5888316, 8.1257573, 22.224294, 2.4504393, 1330.384, 10.187579, 0.1102595, 3),
}  # fmt: skip
PREDICTED = {  # auc_inf, auc_extrapolated, vz_f, cl_f, aumc_inf
    1: (216.6149558, 31.2498763, 30.4863228, 1.4772757, 4505.670865),
    2: (100.0643176, 8.5320300, 30.7239161, 3.1979432, 996.0715835),
    6: (84.4966986, 12.6882455, 43.1356944, 3.7871302, 986.9664597),
    12: (130.6390680, 8.1610870, 22.2157473, 2.4494970, 1332.052834),
}  # fmt: skip
THEOPHYLLINE_LOG = {  # auc_last, auc_inf, cl_f, vz_f
    1: (147.234748, 214.923632, 1.488901, 30.726232),
    2: (88.731275, 97.377935, 3.286165, 31.571502),
    6: (71.697015, 82.175883, 3.894087, 44.353935),
    12: (115.220208, 125.831540, 2.543083, 23.064524),
}  # fmt: skip
IV = ("auc_inf", "auc_extrapolated", "vz", "cl", "aumc_inf", "mrt", "vss")
INTRAVENOUS = {
    ("bolus", LINEAR): {
        1: (2.3562669, 13.4031956, 67.0159780, 10.6100020, 7.7925545, 3.3071607, 35.0889819),
        2: (3.5131750, 7.5332215, 23.5413171, 7.1160698, 9.3915223, 2.6732291, 19.0228851),
        3: (3.7440429, 5.0646241, 15.8269504, 6.6772740, 6.9726784, 1.8623394, 12.4353504),
        4: (2.9389745, 5.2295685, 18.6770303, 8.5063686, 5.9489028, 2.0241424, 17.2181012),
        5: (2.6962490, 8.8044838, 36.6853493, 9.2721407, 6.5458663, 2.4277678, 22.5106044),
        6: (3.5902852, 7.0908603, 19.6968341, 6.9632351, 8.2892908, 2.3088112, 16.0767951),
    },
    ("infusion", LOG): {
        1: (2.0351804, 15.5177942, 77.5889712, 12.2839234, 7.8178588, 3.7163591, 45.6514707),
        2: (3.1537989, 8.3916343, 26.2238573, 7.9269481, 9.4010343, 2.8558604, 22.6382575),
        3: (3.0713330, 6.1739217, 19.2935053, 8.1397881, 7.0017667, 2.1547159, 17.5389306),
        4: (2.6073871, 6.2568848, 22.3460171, 9.5881430, 6.0843899, 2.2085200, 21.1756058),
        5: (2.1585892, 10.9974979, 45.8229078, 11.5816384, 6.5683405, 2.9178858, 33.7938980),
        6: (3.0958959, 8.2232127, 22.8422576, 8.0752068, 8.3343579, 2.5670666, 20.7295934),
    },
}  # fmt: skip
BOLUS_LOG = {  # c0, lambda_z, points, auc_last, auc_inf, cl, vz
    1: (2.3936170, 0.1583205, 3, 2.0098984, 2.3257135, 10.7493892, 67.8963898),
    2: (2.5281595, 0.3022800, 9, 3.2028878, 3.4675431, 7.2097158, 23.8511160),
    3: (4.9653691, 0.4218926, 10, 3.4743971, 3.6640188, 6.8231092, 16.1726192),
    4: (2.4622302, 0.4554455, 11, 2.7483832, 2.9020789, 8.6145142, 18.9144805),
    5: (4.0408654, 0.2527478, 8, 2.3983736, 2.6357645, 9.4849143, 37.5271908),
    6: (3.7056250, 0.3535205, 9, 3.2908266, 3.5454087, 7.0513732, 19.9461495),
}  # fmt: skip
INFUSION_LINEAR = {  # mrt, vss; and both with predicted extrapolation
    1: (3.6631905, 44.5196227, 3.6712178, 44.5831617),
    2: (2.8124621, 21.9919102, 2.7667929, 21.7528377),
    3: (2.1074203, 16.8681518, 1.8524801, 15.2920802),
    4: (2.1726312, 20.5691634, 1.9124249, 18.6921722),
    5: (2.8624239, 32.6590590, 2.6902890, 31.2841719),
    6: (2.5258069, 20.1930009, 2.2682186, 18.7048438),
}  # fmt: skip


def indometh(who, route, **options):
    return profile(
        HOURS, INDOMETH[who], 25.0, route, 0.25 if route == "infusion" else 0.0, **options
    )


def values(found, names):
    return [found[name] for name in names]


@pytest.mark.parametrize("who", THEOPHYLLINE)
def test_winnonlin_gives_the_same_after_an_oral_dose(who):
    observed = profile(*THEOPH[who], 320.0, rule="linear")
    predicted = profile(*THEOPH[who], 320.0, rule="linear", extrapolation="predicted")
    logarithmic = profile(*THEOPH[who], 320.0)
    names = ("auc_inf", "auc_extrapolated", "vz_f", "cl_f", "aumc_inf")
    assert values(observed, ORAL) == pytest.approx(THEOPHYLLINE[who], rel=2e-6)
    assert values(predicted, names) == pytest.approx(PREDICTED[who], rel=2e-6)
    names = ("auc_last", "auc_inf", "cl_f", "vz_f")
    assert values(logarithmic, names) == pytest.approx(THEOPHYLLINE_LOG[who], rel=2e-6)


@pytest.mark.parametrize("who", INDOMETH)
def test_winnonlin_gives_the_same_after_a_bolus_and_an_infusion(who):
    for (route, rule), expected in INTRAVENOUS.items():
        assert values(indometh(who, route, rule=rule), IV) == pytest.approx(expected[who], rel=2e-6)
    found = indometh(who, "bolus")
    names = ("c0", "lambda_z", "points", "auc_last", "auc_inf", "cl", "vz")
    assert values(found, names) == pytest.approx(BOLUS_LOG[who], rel=2e-6)
    assert (found["cmax"], found["tmax"]) == (INDOMETH[who][0], 0.25)
    both = [
        indometh(who, "infusion", rule="linear", extrapolation=e) for e in ("observed", "predicted")
    ]
    got = [f[name] for f in both for name in ("mrt", "vss")]
    assert got == pytest.approx(INFUSION_LINEAR[who], rel=2e-6)


def test_an_exponential_is_integrated_exactly_at_any_times():
    times = np.array([0.0, 0.3, 1.0, 2.0, 5.0, 11.0])
    conc = 8.0 * np.exp(-0.31 * times)
    auc, aumc = area(times, conc)
    np.testing.assert_allclose(auc, (8.0 - conc) / 0.31, rtol=1e-12)
    exact = 8.0 / 0.31**2 - conc * (times / 0.31 + 1 / 0.31**2)
    np.testing.assert_allclose(aumc, exact, rtol=1e-12, atol=1e-12)


@given(
    k=st.floats(0.02, 1.5),
    volume=st.floats(1.0, 100.0),
    tau=st.floats(2.0, 24.0),
    unsampled=st.booleans(),
    beyond=st.integers(0, 3),
)
@settings(max_examples=40, deadline=None)
def test_a_bolus_at_steady_state_gives_back_clearance_volume_and_residence_time(
    k, volume, tau, unsampled, beyond
):
    times = tau * np.array([0.0, 0.1, 0.3, 0.6, 1.0, 1.25, 1.5, 2.0])[unsampled : 5 + beyond]
    conc = 100.0 / volume * np.exp(-k * times) / -np.expm1(-k * tau)
    found = profile(times, conc, 100.0, "bolus", every=tau)
    expected = (
        k * volume,
        volume,
        volume,
        1 / k,
        100.0 / (k * volume * tau),
        k,
        100.0 / (k * volume),
    )
    names = ("cl", "vss", "vz", "mrt", "cavg", "lambda_z", "auc_tau")
    assert values(found, names) == pytest.approx(expected, rel=1e-6)
    assert found["accumulation"] == pytest.approx(1 / -np.expm1(-k * tau), rel=1e-6)
    assert found["cmin"] == found["ctau"] == conc[times <= tau][-1]


@pytest.mark.parametrize("last", [12.0, 9.0, 24.0])
def test_an_oral_dose_at_steady_state_gives_back_its_residence_time(last):
    ka, k, tau = 1.1, 0.15, 12.0
    times = np.arange(0.0, last + 0.01, 0.05)
    terms = [np.exp(-r * times) / -np.expm1(-r * tau) for r in (k, ka)]
    found = profile(times, ka / (ka - k) * (terms[0] - terms[1]), 1.0, every=tau)
    assert found["mrt"] == pytest.approx(1 / k + 1 / ka, rel=1e-2)
    assert found["cl_f"] == pytest.approx(k, rel=2e-3)
    assert found["tmax"] == pytest.approx(times[np.argmax(terms[0] - terms[1])])


def test_the_lowest_concentration_of_the_interval_stands_at_a_dose_at_steady_state():
    times, conc = np.array([1.0, 2.0, 4.0, 8.0, 12.0]), np.array([5.0, 7.0, 5.5, 3.0, 2.0])
    found = profile(times, conc, 1.0, every=12.0)
    written = profile(np.append(0.0, times), np.append(2.0, conc), 1.0, every=12.0)
    assert found == pytest.approx(written)


samples = st.lists(
    st.tuples(st.floats(0.05, 3.0), st.just(0.0) | st.floats(0.001, 50.0)), min_size=4, max_size=12
)  # gaps and concentrations
STEEP = [(2.0, 2.0), (0.25, 0.0625), (1.0, 0.0), (1.0, 1.0)]  # its C0 is 2e12


@given(samples=samples, rule=st.sampled_from(RULES), route=st.sampled_from(["oral", "bolus"]))
@example(samples=STEEP, rule="linear-up-log-down", route="bolus")
@settings(max_examples=60, deadline=None)
def test_partial_areas_are_the_integral_of_the_curve_between_the_samples(samples, rule, route):
    gaps, conc = map(np.array, zip(*samples, strict=True))
    times = np.cumsum(gaps)
    if not (conc > 0).any():
        return
    ends = [(0.0, times[1] / 2), (times[1] / 2, times[-2]), (times[0], times[2])]
    found = profile(times, conc, 1.0, route, rule=rule, partial=ends)
    last = np.flatnonzero(conc > 0)[-1]
    full = np.append(0.0, times), np.append(found.get("c0", 0.0), conc)
    peak = 0.0 if route == "bolus" else times[np.argmax(conc)]

    def between(t):
        k = int(np.clip(np.searchsorted(full[0], t, side="right") - 1, 0, len(times) - 1))
        (t1, t2), (c1, c2) = full[0][k : k + 2], full[1][k : k + 2]
        share = (t - t1) / (t2 - t1)
        curved = {"linear": False, "linear-log": t1 >= peak, "linear-up-log-down": c2 < c1}[rule]
        if curved and c1 > 0 and c2 > 0:
            return c1 ** (1 - share) * c2**share
        return c1 + share * (c2 - c1)

    for start, end in ends:
        if end > times[last]:
            continue
        inner = full[0][(full[0] > start) & (full[0] < end)]
        exact = quad(between, start, end, points=inner if len(inner) else None, limit=200)[0]
        assert found[f"auc_{start:g}_{end:g}"] == pytest.approx(exact, rel=1e-5, abs=1e-6)


@given(
    log_conc=st.lists(st.floats(-4.0, 4.0), min_size=3, max_size=10),
    zeros=st.sets(st.integers(0, 9)),
    route=st.sampled_from(["oral", "bolus"]),
)
@settings(max_examples=60, deadline=None)
def test_the_terminal_slope_is_that_of_a_search_by_hand(log_conc, zeros, route):
    conc = np.exp(log_conc)
    conc[[k for k in zeros if k < len(conc)]] = 0.0
    times = np.arange(1.0, len(conc) + 1)
    positive = [
        k for k in range(len(conc)) if conc[k] > 0 and k >= np.argmax(conc) + (route == "oral")
    ]
    fits = []
    for n in range(3, len(positive) + 1):
        t, y = times[positive[-n:]], np.log(conc[positive[-n:]])
        wide = np.stack([np.ones(n), t], axis=1)
        (_, slope), *_ = np.linalg.lstsq(wide, y, rcond=None)
        r2 = np.corrcoef(t, y)[0, 1] ** 2 if np.ptp(y) > 0 else np.nan
        if -slope * (n - 1) > 1e-9 and np.isfinite(r2):
            fits.append((n, -slope, 1 - (1 - r2) * (n - 1) / (n - 2)))
    found = terminal_slope(times, conc, route)
    if not fits:
        assert found.points == 0 and np.isnan(found.slope)
        return
    best = max(a for *_, a in fits)
    n, slope, adjusted = [f for f in fits if f[2] >= best - 1e-4 - 1e-12][-1]
    assert (found.points, found.slope) == pytest.approx((n, slope), rel=1e-6)
    assert found.r2_adjusted == pytest.approx(adjusted, abs=1e-9)


def test_a_bolus_sampled_at_its_dose_has_that_sample_as_c0_and_as_cmax():
    times, conc = (
        np.array([0.0, 1.0, 2.0, 4.0]),
        8.0 * np.exp(-0.3 * np.array([0.0, 1.0, 2.0, 4.0])),
    )
    found = profile(times, conc, 40.0, "bolus")
    assert (found["c0"], found["cmax"], found["tmax"], found["points"]) == (8.0, 8.0, 0.0, 4)
    assert found["cl"] == pytest.approx(1.5) and found["vss"] == pytest.approx(5.0)


def test_samples_during_an_infusion_make_no_terminal_slope():
    times = np.array([0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0])
    conc = np.array([4.0, 3.9, 3.8, 2.0, 1.0, 0.25, 0.0625])
    assert profile(times, conc, 1.0, "infusion", 2.5)["points"] == 4


def test_what_a_profile_does_not_hold_is_missing():
    assert np.isnan(terminal_slope(np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0])).slope)
    found = profile([0.0, 1.0, 2.0], [0.0, 2.0, 1.0], dose=1.0)
    assert np.isnan(found["lambda_z"]) and np.isnan(found["cl_f"])
    assert found["auc_last"] == pytest.approx(1.0 + 1.0 / np.log(2))
    assert profile([0.0, 1.0], [0.0, 0.0])["cmax"] == 0.0


BAD = [
    (([0.0, 1.0], [1.0, -1.0]), {}, "numbers from 0 on"),
    (([1.0, 0.5], [1.0, 1.0]), {}, "must increase"),
    (([-1.0, 0.5], [1.0, 1.0]), {}, "must increase, from 0"),
    (([], []), {}, "at least one"),
    (([0.0], [1.0, 2.0]), {}, "as many times"),
    (([0.0, 1.0], [1.0, 1.0]), {"route": "nasal"}, "Unknown route 'nasal'"),
    (([0.0, 1.0], [1.0, 1.0]), {"route": "infusion"}, "needs its duration"),
    (([0.0, 1.0], [1.0, 1.0]), {"duration": 2.0}, "the route is oral"),
    (([0.0, 1.0], [1.0, 1.0]), {"every": 0.0}, "above 0"),
    (([0.0, 1.0], [1.0, 1.0]), {"rule": "log"}, "Unknown rule of the areas"),
    (([0.0, 1.0], [1.0, 1.0]), {"extrapolation": "none"}, "Unknown extrapolation"),
    (([0.0, 1.0], [1.0, 1.0]), {"partial": [(4.0, 2.0)]}, "partial area 4 to 2"),
    (([0.0], [1.0]), {"route": "infusion", "duration": 9.0, "every": 8.0}, "longer than"),
]  # fmt: skip


@pytest.mark.parametrize("data, options, part", BAD, ids=[b[2] for b in BAD])
def test_a_profile_that_cannot_be_one_is_refused(data, options, part):
    with pytest.raises(pkpd.PkpdError, match=part):
        profile(*data, **options)
