"""What a comparison of explanations asks: which explanations, by which studies, at which doses.

Knows the file of a comparison and the arguments that replace parts of it; weighs nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pkpd import limits
from pkpd.errors import EvidenceError, PkpdError, quoted
from pkpd.evidence.studies import Study, listed_studies, studies
from pkpd.files import read_toml
from pkpd.symbolic.model import Model

LDN = Path(__file__).with_name("ldn") / "comparison.toml"


@dataclass(frozen=True)
class Question:
    """What is compared.

    weights : explanation -> weight before any study, which sum to 1; doses : (D,), whose benefit
    is averaged
    """

    weights: dict[str, float]
    studies: tuple[Study, ...]
    doses: tuple[float, ...]


def question(path: str | Path = LDN) -> Question:
    """Question from a TOML file: studies, doses and [explanations]. Raises EvidenceError."""
    path = limits.path(path, "comparison", EvidenceError)
    data = read_toml(path, EvidenceError)
    if set(data) != {"studies", "doses", "explanations"}:
        raise EvidenceError(f"{path}: a comparison has studies, doses and [explanations].")
    try:
        doses = limits.numbers(data["doses"], "doses")
        if not doses or doses[0] <= 0 or list(doses) != sorted(set(doses)):
            raise EvidenceError("doses must be positive and increasing, such as [1, 3, 4.5].")
        weights = _weights(data["explanations"])
    except PkpdError as error:
        raise EvidenceError(f"{path}: {error}") from error
    folder = Path(path).parent
    names = {
        str(folder / name) if name.endswith(".toml") else name: weight
        for name, weight in weights.items()
    }
    return Question(names, studies(folder / str(data["studies"])), tuple(doses))


def asked(
    models: str | Path | Mapping[str, float] | None,
    given: Sequence[Study | str | Path] | None,
    add: Sequence[str | Path],
) -> Question:
    """Question of the arguments of pkpd.compare: a file, in which some of it is replaced.

    models : the file, or {explanation: weight} in place of those of the default
    given : studies in place of the file's; add : further ones. Raises EvidenceError.
    """
    added = listed_studies(add, "add")
    replaced = None if given is None else listed_studies(given, "studies")
    if isinstance(models, Mapping):
        of_file = question(LDN)
        weights = _weights(models)
    else:
        of_file = question(LDN if models is None else models)
        weights = of_file.weights
    chosen = (*(of_file.studies if replaced is None else replaced), *added)
    _check_studies(chosen)
    return Question(weights, chosen, of_file.doses)


def _weights(given):
    """{explanation: weight}, scaled to a sum of 1. Raises EvidenceError."""
    if not isinstance(given, Mapping) or not given:
        raise EvidenceError("explanations is a table of models and their weights.")
    for name, weight in given.items():
        if not limits.number(weight, f"weight of {quoted(name)}") > 0:
            raise EvidenceError(f"explanations: the weight of {name} must be above 0.")
    total = float(sum(given.values()))
    return {str(name): float(weight) / total for name, weight in given.items()}


def _check_studies(chosen):
    """Raise EvidenceError for two studies of one name, or if none informs the weights."""
    names = [s.name for s in chosen]
    for name in names:
        if names.count(name) > 1:
            raise EvidenceError(f"Two studies are called '{name}'; rename the file of one of them.")
    if not any(s.role == "fit" for s in chosen):
        raise EvidenceError('No study informs the weights; at least one has role = "fit".')


def check_alike(models: Sequence[Model]) -> None:
    """Raise EvidenceError for two of one name, without a benefit, or with one of another kind."""
    names = [model.name for model in models]
    for name in names:
        if names.count(name) > 1:
            raise EvidenceError(f"Two explanations are called '{name}'; rename the file of one.")
    kinds = [_kind_of_benefit(model) for model in models]
    for model, kind in zip(models, kinds, strict=True):
        if kind != kinds[0]:
            raise EvidenceError(
                f"{model.name} and {models[0].name} differ in the outcome of their [benefit], its "
                "unit or its direction; explanations are of one outcome."
            )


def _kind_of_benefit(model):
    """Outcome, its unit, unit of doses and direction of a benefit. Raises EvidenceError."""
    benefit = model.benefit
    if benefit is None:
        raise EvidenceError(f"{model.name} has no [benefit]: it explains no effect of a dose.")
    return benefit.outcome, model.unit(benefit.outcome), benefit.unit, benefit.better
