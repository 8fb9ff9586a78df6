"""Explanations put to the same studies.

Each explanation is a model whose typical values have priors. Knows the arguments of a comparison
and the order of its work, which is done by the modules beside this one.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from pkpd import limits
from pkpd.errors import EvidenceError
from pkpd.evidence.averages import benefits, meds
from pkpd.evidence.ledger import FEWEST
from pkpd.evidence.question import asked, check_alike
from pkpd.evidence.rounds import Rounds
from pkpd.evidence.studies import Study
from pkpd.evidence.weighed import WeighedExplanations
from pkpd.progress import watched
from pkpd.symbolic.load import load

MOST = 4  # times the draws asked for, up to which more are added where too few count


@watched(lambda given: None, of="draws")
def compare(
    models: str | Path | Mapping[str, float] | None = None,
    studies: Sequence[Study | str | Path] | None = None,
    *,
    add: Sequence[str | Path] = (),
    draws: int = 1024,
    people: int = 64,
    seed: int = 1,
    most: int | None = None,
    width: float = 1.0,
    folder: str | Path | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], object] | Literal[False] | None = None,
) -> WeighedExplanations:
    """Weigh explanations by studies.

    Parameters
    ----------
    models : {model: weight before any study, a share or any number in proportion}, or the TOML
        file of a comparison (default: the explanations of low-dose naltrexone)
    studies : Study objects or files; default: those of the comparison
    add : files of further studies
    draws : number of draws of typical values of each explanation, shared by all studies
    people : number of simulated people under each draw
    most : largest number of draws of an explanation: where fewer than 100 of them count, and its
        weight is 1 % or more, draws are added up to it (default: four times `draws`)
    seed : whole number from 0 to 2^63 - 1, of draws, people and noise
    width : factor on the spread of every prior, without unit, on its own scale
    folder : where finished predictions are kept, and looked for by the next run; default: nowhere
    threads : number of threads (default: all cores); results do not depend on it
    progress : called with the number of finished draws of all predictions, and their total, which
        grows where draws are added (default: a bar; False for none)

    Returns
    -------
    WeighedExplanations. Raises EvidenceError for bad input. Ctrl-C ends it; predictions that are
    finished stay in the folder.
    """
    most = _most(draws, most)
    limits.check_whole(people, 2, limits.PATIENTS, "number of people", EvidenceError)
    limits.check_whole(seed, 0, limits.SEED, "seed", EvidenceError)
    limits.check_called(progress=progress)
    limits.thread_count(threads)
    if folder is not None:
        limits.path(folder, "folder", EvidenceError)
    if not 0 < limits.number(width, "width") <= 10:
        raise EvidenceError(f"width is a factor on priors, above 0 and at most 10, not {width:g}.")
    question = asked(models, studies, add)
    loaded = tuple(load(name) for name in question.weights)
    check_alike(loaded)
    rounds = Rounds(question.studies, people, seed, width, folder, threads, progress or None)
    known, ledger = rounds.until_enough(loaded, question, draws, most)
    gains, found = _consequences(known, ledger, np.array(question.doses), threads)
    return WeighedExplanations(
        models=loaded,
        studies=question.studies,
        draws=tuple(predicted.draws for predicted in known),
        predictions=_by_study(known),
        ledger=ledger,
        doses=question.doses,
        benefits=tuple(gains),
        meds=tuple(found),
        people=people,
        width=width,
    )


def _most(draws, most):
    """The largest number of draws of an explanation. Raises EvidenceError."""
    limits.check_whole(draws, 2, limits.PATIENTS, "number of draws", EvidenceError)
    most = MOST * draws if most is None else most
    limits.check_whole(most, draws, limits.PATIENTS, "most draws", EvidenceError)
    return most


def _consequences(known, ledger, doses, threads):
    """Mean benefits by dose and MEDs of every explanation, None where too few draws count."""
    gains: list[np.ndarray | None] = []
    found: list[dict[str, np.ndarray] | None] = []
    for m, enough in enumerate(ledger.effective() >= FEWEST):
        drawn = known[m].draws
        gains.append(benefits(drawn, doses, threads=threads) if enough else None)
        found.append(meds(drawn, ledger.draw_weights(m), threads=threads) if enough else None)
    return gains, found


def _by_study(known):
    """{(explanation, study): Prediction}."""
    found = {}
    for predicted in known:
        for study, prediction in predicted.predictions.items():
            found[predicted.draws.model.name, study] = prediction
    return found
