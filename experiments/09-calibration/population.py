"""The seven numbers that are calibrated, their priors, and the broad cohort for all their values.

Knows the model and its patients; knows nothing of published results.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import special, stats

import pkpd
from pkpd.symbolic.model import Variability
from pkpd.trials.observation import diary as read_diary

MODEL = "ldn/hormesis_prior"
# leaving within 84 days for other reasons (0.08), and after 0.81 adverse events at the reference
# blockade (0.10 each)
EVENTS_LEAVE = 0.152


@dataclass(frozen=True)
class Hyper:
    """A number of the population.

    prior : its law; moves : inputs of which it is the typical value
    wide : their latent SD in the broad cohort; why : what the prior rests on
    """

    label: str
    prior: object
    moves: tuple
    wide: float
    why: str


class Logit:
    """Logit-normal law."""

    def __init__(self, middle, sd):
        self.law = stats.norm(special.logit(middle), sd)

    def ppf(self, u):
        return special.expit(self.law.ppf(u))


def around(middle, sd):
    return stats.lognorm(sd, scale=middle)


HYPERS = {
    "toff": Hyper(
        "typical half-life of blockade (h)",
        around(8.0, 0.9),
        ("toff",),
        1.4,
        "never measured in man at low dose; scenarios 2 to 75 h",
    ),
    "b50": Hyper(
        "typical remembered blockade of half the drive",
        around(0.15, 0.5),
        ("b50",),
        0.85,
        "assumed, to a factor 2.7",
    ),
    "effect": Hyper(
        "size of the effect, as a multiple",
        around(1.0, 0.5),
        ("s_opioid", "s_glia"),
        0.95,
        "about a point at a patient's own optimum, or less",
    ),
    "no_response": Hyper(
        "share of patients without any response",
        stats.beta(1, 2),
        ("responds",),
        0.0,
        "unknown; few rather than many, Beta(1, 2)",
    ),
    "noise_sd": Hyper(
        "mean SD of a patient's diary (points)",
        around(1.61, 0.2),
        ("noise_sd",),
        0.85,
        "Harris2005, of momentary pain, in other patients",
    ),
    "wanted": Hyper(
        "typical improvement wanted (share of baseline)",
        Logit(0.30, 0.4),
        ("improvement_wanted",),
        0.65,
        "30 % is a meaningful change",
    ),
    "give_up": Hyper(
        "typical probability of giving up within 28 days",
        Logit(0.20, 0.7),
        ("leave_no_benefit",),
        1.0,
        "assumed",
    ),
}


def before(count, seed):
    """{name: (N,)} draws of all hyper-parameters from the prior, Sobol' points."""
    points = stats.qmc.Sobol(len(HYPERS), seed=seed).random(count)
    return {
        name: item.prior.ppf(u) for (name, item), u in zip(HYPERS.items(), points.T, strict=True)
    }


def latent(spread, x):
    """Values on the scale on which people differ normally."""
    return {"lognormal": np.log, "logitnormal": special.logit, "normal": np.asarray}[spread.kind](x)


class Broad:
    """Patients drawn with spreads so wide that all plausible populations lie inside.

    inputs : name -> Input as written; z : name -> (P,) latent values; people : the cohort
    wanted : (P,) improvement wanted; responds : (P,)
    """

    def __init__(self, count, seed):
        wide = {
            name: item.wide for item in HYPERS.values() for name in item.moves if name != "responds"
        }
        # around the middle of the prior, whatever the diary has been calibrated to since
        middles = {
            name: float(HYPERS[h].prior.ppf(0.5))
            for h in ("noise_sd", "wanted", "give_up")
            for name in HYPERS[h].moves
        }
        leaving = {"leave_adverse": 0.0, "leave_random": EVENTS_LEAVE}
        model, notes = pkpd.load(MODEL), read_diary(changes=middles | leaving)
        self.inputs = {
            i.name: i for i in (*model.parameters, *notes.inputs.values()) if i.name in wide
        }
        spreads = {name: replace(item.iiv, sd=wide[name]) for name, item in self.inputs.items()}
        halves = {"responds": Variability("classes", 0.0, classes=(("no", 0.5), ("yes", 0.5)))}
        parameters = tuple(
            replace(p, iiv=(spreads | halves).get(p.name, p.iiv)) for p in model.parameters
        )
        self.people = pkpd.cohort(replace(model, parameters=parameters), count, seed)
        self.diary = replace(
            notes,
            inputs={n: replace(i, iiv=spreads.get(n, i.iiv)) for n, i in notes.inputs.items()},
        )
        own = self.diary.traits(seed, self.people.ids)
        values = {n: own[n] if n in notes.inputs else self.people.column(n) for n in wide}
        self.wanted, self.responds = own["improvement_wanted"], self.people.column("responds") > 0
        self.z = {n: latent(i.iiv, values[n]) for n, i in self.inputs.items()}
        self.drawn = sum(
            -0.5 * ((self.z[n] - latent(i.iiv, i.value)) / wide[n]) ** 2
            for n, i in self.inputs.items()
        )

    def log_ratio(self, point):
        """(P,) log of the density in a population over that in the broad cohort, up to a constant.

        point : hyper-parameters of the population, {name: value}
        """
        found = (
            np.log(np.where(self.responds, 1.0 - point["no_response"], point["no_response"]))
            - self.drawn
        )
        for name, item in HYPERS.items():
            for moved in item.moves if name != "no_response" else ():
                one = self.inputs[moved]
                middle = latent(one.iiv, point[name] * (one.value if name == "effect" else 1.0))
                found -= 0.5 * ((self.z[moved] - middle) / one.iiv.sd) ** 2
        return found
