"""Variability between people as an export writes it: etas and their covariance.

An input that varies keeps its name for the typical value; equations use that of the individual
value, which is an expression of the typical value and an eta. Knows models; knows nothing of
formats.
"""

from dataclasses import dataclass
from itertools import chain

from pkpd.exchange.names import renamed
from pkpd.symbolic.model import Input, Model

_LAWS = {  # of a typical value x and an eta, in the language of equations
    "lognormal": "{x}*exp({eta})",
    "logitnormal": "1/(1 + (1 - {x})/{x}*exp(-{eta}))",
    "normal": "{x} + {eta}",
}


@dataclass(frozen=True)
class Effect:
    """The eta of an input.

    individual : name of the individual value; eta : name of the eta; law : expression of it
    """

    input: Input
    individual: str
    eta: str
    law: str


def carried(item: Input) -> bool:
    """Whether an export can hold how a parameter varies: classes and truncation it cannot."""
    spread = item.iiv
    if spread is None or spread.kind not in _LAWS or spread.sd == 0:
        return False
    return spread.kind != "normal" or (spread.lower, spread.upper) == (None, None)


def effects(model: Model) -> list[Effect]:
    """The effects of the parameters that vary; those of one block stand together."""
    varied = {item.name: item for item in model.parameters if carried(item)}
    taken = {*model.input_names, *model.computed_names}
    individual = renamed([f"{name}_i" for name in varied], taken)
    etas = renamed([f"eta_{name}" for name in varied], {*taken, *individual.values()})
    found = []
    for name in chain.from_iterable(_blocks(model, list(varied))):
        item, eta = varied[name], etas[f"eta_{name}"]
        assert item.iiv is not None  # of all that vary
        law = _LAWS[item.iiv.kind].format(x=name, eta=eta)
        found.append(Effect(item, individual[f"{name}_i"], eta, law))
    return found


def covariances(model: Model, found: list[Effect]) -> list[tuple[list[Effect], list[list[float]]]]:
    """[(effects, lower triangle of their covariance)] of each block."""
    by_name = {effect.input.name: effect for effect in found}
    correlation = {frozenset((a, b)): r for a, b, r in model.correlations}
    blocks = []
    for names in _blocks(model, list(by_name)):
        block = [by_name[name] for name in names]
        rows = []
        for k, one in enumerate(block, 1):
            rows.append([_covariance(one, other, correlation) for other in block[:k]])
        blocks.append((block, rows))
    return blocks


def _covariance(one, other, correlation):
    pair = frozenset((one.input.name, other.input.name))
    share = 1.0 if len(pair) == 1 else correlation.get(pair, 0.0)
    return share * one.input.iiv.sd * other.input.iiv.sd


def _blocks(model, names):
    """The names in blocks of those that are correlated, directly or by way of others."""
    blocks = [[name] for name in names]
    for a, b, _ in model.correlations:
        own = [block for block in blocks if a in block or b in block]
        if len(own) == 2:
            blocks.remove(own[1])
            own[0].extend(own[1])
    return blocks


def left_out(model: Model, *, people: bool, residual: bool, covariates: str) -> list[str]:
    """Sentences on what an export does not hold.

    people, residual : whether the format holds these; covariates : what they are in it
    """
    found = _of_people(model, people)
    if model.covariates:
        names = ", ".join(model.covariate_names)
        found.append(f"Covariates are {covariates}, their distribution is left out: {names}.")
    if model.residuals and not residual:
        found += _sentence("residual error", [item.name for item in model.residuals])
    if model.benefit:
        found.append("Not carried over: what the dose is good for, the table benefit.")
    return found


def _of_people(model, people):
    """Sentences on variability that is left out. people : whether the format holds the usual"""
    varied = [item for item in model.parameters if item.iiv]
    lost = [item.name for item in varied if not (people and carried(item))]
    kept = {item.name for item in varied}.difference(lost)
    moving = [item.name for item in model.inputs if item.iov]
    return [
        *_sentence("variability between people", lost),
        *_sentence("correlations", _lost(model, kept) if people else []),
        *_sentence("variability between occasions", moving),
    ]


def _lost(model, kept):
    """Pairs of correlated inputs, of which one is not kept."""
    return [f"{a} and {b}" for a, b, _ in model.correlations if not {a, b} <= kept]


def _sentence(what, names):
    return [f"Not carried over: {what} of {', '.join(names)}."] if names else []
