"""Experiment 09: which populations agree with what was published, and what do those data inform?

python experiments/09-calibration/run.py [-n 65536] [--points 8192]

Knows populations, evidence and weights; each has a file beside this one.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from evidence import FITTED, JUDGED, MEDS, PUBLISHED, STATISTICS, Histories, log_likelihood
from picture import draw
from population import HYPERS, Broad, before
from scipy.stats import norm

from pkpd.result import provenance, write_figure, write_json
from pkpd.trials.importance_weights import effective, normalised

HERE = Path(__file__).parent
LEAST = 400  # effective patients below which a population is not judged
INFORMED = 0.9  # SD over that of the prior below which a number counts as calibrated
DRAWS = 200  # parameter sets that are kept
SUBSETS = (
    {"all": FITTED}
    | {f"only {s}": (s,) for s in FITTED}
    | {f"without {s}": tuple(x for x in FITTED if x != s) for s in FITTED}
)
SUBSETS |= {f"with {s}": (*FITTED, s) for s in JUDGED}


def quantiles(values, weights, levels=(0.05, 0.5, 0.95)):
    """Quantiles of weighed values."""
    order = np.argsort(values)
    return [float(v) for v in np.interp(levels, np.cumsum(weights[order]), values[order])]


def judge(broad, seen, points):
    """What every population predicts, and its effective patients."""
    found = []
    for point in zip(*points.values(), strict=True):
        weights = normalised(broad.log_ratio(dict(zip(points, point, strict=True))))
        found.append((seen.predicted(weights), effective(weights)))
    return [prediction for prediction, _ in found], np.array([size for _, size in found])


def posterior(predictions, judged, sets):
    """Weights (N,) of the populations under some data sets."""
    return normalised(
        np.array(
            [
                log_likelihood(p, sets) if ok else -np.inf
                for p, ok in zip(predictions, judged, strict=True)
            ]
        )
    )


def spread(name, values, weights):
    """SD of a hyper-parameter, on the log scale but for the share without response."""
    x = values if name == "no_response" else np.log(values)
    return float(np.sqrt(weights @ (x - weights @ x) ** 2))


def informed(points, weights, prior):
    """{name: 5, 50, 95 % and SD over that of the prior} of the hyper-parameters."""
    return {
        name: {
            "quantiles": quantiles(x, weights),
            "sd_ratio": spread(name, x, weights) / spread(name, x, prior),
        }
        for name, x in points.items()
    }


def predictions_of(predictions, prior, weights):
    """For every statistic: published, 5-50-95 % of what populations predict before and after.

    And the percentile of the published one, chance included.
    """
    means, found = np.array([p[0] for p in predictions]), {}
    for data, name in ((data, name) for data, known in PUBLISHED.items() for name in known):
        j, (value, apart, _) = list(STATISTICS).index(name), PUBLISHED[data][name]
        sd = np.sqrt([p[1][j, j] + apart**2 for p in predictions])
        found[f"{data}: {name}"] = {
            "published": value,
            "fitted": data in FITTED,
            "prior": quantiles(means[:, j], prior),
            "posterior": quantiles(means[:, j], weights),
            "percentile": 100 * float(weights @ norm.cdf((value - means[:, j]) / sd)),
        }
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for option, number, what in (
        ("-n", 65536, "patients of the broad cohort"),
        ("--points", 8192, "populations that are judged"),
    ):
        parser.add_argument(option, type=int, default=number, help=what)
    options = parser.parse_args()
    broad, points = Broad(options.n, seed=5), before(options.points, seed=6)
    seen = Histories(broad)
    predictions, sizes = judge(broad, seen, points)
    prior, judged = normalised(np.where(sizes >= LEAST, 0.0, -np.inf)), sizes >= LEAST
    weights = {label: posterior(predictions, judged, sets) for label, sets in SUBSETS.items()}
    best = weights["all"]
    subsets = {
        label: {"effective_points": effective(w)} | informed(points, w, prior)
        for label, w in weights.items()
    }
    hypers = {
        name: {
            "label": item.label,
            "prior_from": item.why,
            "prior": quantiles(points[name], prior),
            "calibrated": subsets["all"][name]["sd_ratio"] < INFORMED,
        }
        | subsets["all"][name]
        for name, item in HYPERS.items()
    }
    chosen = {
        name: h["quantiles"][1] if h["calibrated"] else float(HYPERS[name].prior.ppf(0.5))
        for name, h in hypers.items()
    }
    (at_chosen,), (size,) = judge(broad, seen, {name: [value] for name, value in chosen.items()})
    medians = np.array([p[3] for p in predictions])
    extremes = np.exp([log_likelihood(p, (MEDS,)) for p in predictions])
    summary = {
        "populations": options.points,
        "judged": int(judged.sum()),
        "effective_patients": np.percentile(sizes, (5, 50, 95)).tolist(),
        "hypers": hypers,
        "chosen": chosen,
        "at_chosen": {"effective_patients": size}
        | dict(zip(STATISTICS, map(float, at_chosen[0]), strict=True)),
        "subsets": subsets,
        "statistics": predictions_of(predictions, prior, best),
        "chance_of_41_from_0.1_to_6": {
            "prior": float(prior @ extremes),
            "posterior": float(best @ extremes),
        },
        "median_true_med": {
            "prior": quantiles(medians, prior),
            "posterior": quantiles(medians, best),
        },
        "provenance": provenance(broad.people.model, broad.people),
    }
    print(
        *(
            f"{name:12} prior {h['prior']} posterior {h['quantiles']} SD ratio {h['sd_ratio']:.2f}"
            for name, h in hypers.items()
        ),
        sep="\n",
    )
    rows = np.searchsorted(np.cumsum(best), (np.arange(DRAWS) + 0.5) / DRAWS)
    sets = {name: points[name][rows] for name in HYPERS} | {
        name: points["effect"][rows] * broad.inputs[name].value for name in ("s_opioid", "s_glia")
    }
    pd.DataFrame(sets).to_csv(HERE / "posterior.csv", index=False, float_format="%.5g")
    write_json(summary, HERE / "summary.json")
    write_figure(draw(points, prior, best, summary), HERE / "calibration.png")


if __name__ == "__main__":
    main()
