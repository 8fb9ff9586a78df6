"""Why patients differ: several methods asked of one model, their answers in one table.

Knows the methods and how much work each needs; the arithmetic is theirs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, product
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pkpd import limits
from pkpd.errors import PkpdError, Stopped
from pkpd.progress import watched
from pkpd.result.tables import stacked
from pkpd.sensitivity import local, morris, shapley, sobol
from pkpd.sensitivity.study import COLUMNS, Sensitivity, Work, study, table
from pkpd.sensitivity.titrated import titrated
from pkpd.symbolic.model import Model
from pkpd.titration.rule import Rule
from pkpd.trials.observation import Diary

SMALL = 0.01  # total index below which an input is one of the others in Shapley effects
OTHERS = "others"
SHARES = ("sobol_first", "sobol_total", "group_closed", "group_total", "shapley")  # of variance
# what is given to a study and is no change of its benefit
OWN = ("seed", "set", "solver", "threads")
WALKS = 64  # of a scrambling, at first
MOVES = 8  # base points of a scrambling in Morris screening


@dataclass(frozen=True)
class Effort:
    """How exact: 95 % intervals no wider than half_width to each side.

    points, most : of each scrambling, at first and at most; scramblings : their number
    """

    half_width: float
    points: int
    most: int
    scramblings: int


@dataclass(frozen=True)
class Answer:
    """What one method found.

    columns : tidy; base : (N, O) outputs of independent people, or None; about : plain data
    whole : False where Ctrl-C ended it
    """

    columns: dict
    base: np.ndarray | None
    about: dict
    whole: bool = True


@watched(lambda given: None)
def sensitivity_indices(
    model: Model,
    methods: Sequence[str] = ("sobol", "shapley"),
    *,
    half_width: float = 0.02,
    points: int = 256,
    most: int = 1024,
    scramblings: int = 16,
    titrate: str | Mapping[str, Any] | Rule | None = None,
    diary: Diary | str | Path | None = None,
    progress: Callable[[int, int], object] | Literal[False] | None = None,
    **given: Any,
) -> Sensitivity:
    """Find which inputs move the MED of a model's patients, its benefit, and who is helped enough.

    Parameters
    ----------
    methods : any of
        "sobol" (S1 and ST of every input that varies, closed and total indices of every block of
        equations),
        "shapley" (effects that sum to 1; with "sobol", of the inputs with ST > 0.01, the rest as
        one),
        "morris" (screening: how outputs change when an input moves by half of its distribution),
        "local" (elasticities at the typical patient, also to inputs that do not vary, and one input
        at a time)
    half_width : of the 95 % intervals, as a share of the variance (Shapley effects and observed
        MEDs: 1.5 times it); points are doubled where it is not reached
    points, most : number of points of each scrambling, at first and at most, powers of two
    scramblings : number of independent repetitions, whose scatter gives the intervals
    diary : Diary, or path of the one, that titrated patients keep (default: the packaged one)
    titrate : rule of titration, whose observed MED is explained too, by Sobol' indices with the
        noise of titration as one more group
    progress : called with the number of finished patients and of those planned so far
        (default: a bar; False for none)
    given : seed, set, solver, threads; outcome, better, into, every, doses, delta in place of the
        model's [benefit]

    Returns
    -------
    Sensitivity. Shares of variance are NaN for an output that differs by no more than a few
    numerical errors: its variance would be that of rounding. Raises PkpdError for bad
    input, and Stopped on Ctrl-C, with the Sensitivity of what is finished, if anything is.
    """
    _check_methods(methods)
    limits.check_called(progress=progress)
    _check_diary(diary, titrate)
    effort = _effort(half_width, points, most, scramblings)
    asked = study(model, **given)
    work = Work(asked, progress)
    tasks = {name: task for name, task in METHODS.items() if name in methods}
    outputs = asked.outputs
    if titrate is not None:
        changes = {name: value for name, value in given.items() if name not in OWN}
        seen = titrated(asked, titrate, diary, **changes)
        tasks["observed"] = lambda work, effort, found: _observed(work, effort, seen)
        outputs += seen.outputs
    found = _answers(tasks, work, effort)
    finished = [answer for answer in found.values() if answer.whole]
    stopped = len(finished) < len(tasks)
    result = _gathered(asked, found, outputs, work.done, stopped, points)
    if stopped:
        raise Stopped(result, work.done, max(work.done, work.planned))
    return result


def _check_methods(methods):
    """Raises PkpdError unless each of the methods is one, and there are some."""
    for method in limits.texts(methods, "methods"):
        limits.one_of(method, METHODS, "method")
    if not methods:
        raise PkpdError(f"methods names nothing; choose from {', '.join(METHODS)}.")


def _check_diary(diary, titrate):
    """Raises PkpdError for a diary that no patient keeps."""
    if diary is not None and titrate is None:
        raise PkpdError("diary is that of titrated patients; name a rule by titrate too.")


def _effort(half_width, points, most, scramblings):
    """The Effort asked for. Raises PkpdError."""
    limits.check_whole(points, 2, limits.POINTS, "number of points")
    limits.check_whole(most, 2, limits.POINTS, "number of points at most")
    limits.check_whole(scramblings, 2, limits.REPEATS, "number of scramblings")
    if not limits.number(half_width, "half_width") > 0:
        raise PkpdError(f"half_width {half_width:g} must be above 0.")
    return Effort(half_width, points, most, scramblings)


def _answers(tasks, work, effort):
    """Name -> Answer of the tasks in turn, of those that Ctrl-C has left time for."""
    found: dict[str, Answer] = {}
    for name, task in tasks.items():
        try:
            found[name] = task(work, effort, found)
        except KeyboardInterrupt:
            if not found:
                raise
            break
        if not found[name].whole:
            break
    return found


def _gathered(asked, found, outputs, evaluations, stopped, points):
    """The Sensitivity of all answers.

    points : number of people to describe where no method has computed independent ones
    """
    bases = [answer.base for answer in found.values() if answer.base is not None]
    base = bases[0] if bases else asked(asked.draw(0, points, 0)[0])
    own = asked.seen_in(base)
    alike = asked.alike(own["sd"])
    about = {"outputs": asked.outputs, "evaluations": evaluations, "stopped": stopped} | own
    about |= {name: answer.about for name, answer in found.items()}
    if "observed" in found:
        observed = found["observed"].about["sd"]
        about["outputs"], about["sd"] = outputs, own["sd"] | observed
        alike += [name for name, sd in observed.items() if not sd > 0]
    columns = stacked([answer.columns for answer in found.values()], COLUMNS)
    noise = np.isin(columns["output"], alike) & np.isin(columns["method"], SHARES)
    for name in ("value", "low", "high"):
        columns[name] = np.where(noise, np.nan, columns[name].astype(float))
    return Sensitivity(asked, columns, about | {"alike": alike})


def _observed(work, effort, seen):
    """Sobol' indices of the observed MED."""
    own = Work(
        seen,
        work.progress
        and (lambda done, planned: work.progress(work.done + done, work.planned + planned)),
    )
    answer = _sobol(own, replace(effort, half_width=1.5 * effort.half_width), {})
    work.done, work.planned = work.done + own.done, work.planned + own.planned
    setting = seen.setting
    titration = {
        "rule": seen.rule.description,
        "days": seen.rule.days,
        "diary": setting.diary.about(setting.benefit.blockade),
    }
    about = answer.about | seen.seen_in(answer.base) | titration
    return replace(answer, base=None, about=about)


def _sobol(work, effort, found):
    """Sobol' indices of inputs and groups."""
    asked = work.asked
    samples = sobol.PickFreeze(
        work, asked.draw, [*asked.single.values(), *asked.groups.values()], []
    )

    def before(r, first, wanted):
        if r == 0:
            work.plan(effort.scramblings * (first or effort.points) * (2 + len(wanted)))

    whole = sobol.refine(
        samples, effort.scramblings, effort.points, effort.most, effort.half_width, before
    )
    rows = []
    for of_inputs, of_groups in (("sobol_first", "group_closed"), ("sobol_total", "group_total")):
        rows += [*product([of_inputs], asked.single), *product([of_groups], asked.groups)]
    estimates = samples.estimates()
    base = np.concatenate(list(chain.from_iterable(own[:2] for own in samples.values)))
    counts = {name: samples.count(m) for m, name in enumerate([*asked.single, *asked.groups])}
    about = {"points": counts, "scramblings": len(estimates), "half_width": effort.half_width}
    return Answer(
        table(asked.outputs, rows, estimates.reshape(len(estimates), len(rows), -1)),
        base,
        about,
        whole,
    )


def _shapley(work, effort, found):
    """Shapley effects of the inputs that matter, by the total indices found before, or of all."""
    asked = work.asked
    players = dict(asked.single)
    if "sobol" in found:
        columns = found["sobol"].columns
        matters = (columns["method"] == "sobol_total") & (columns["value"] > SMALL)
        names = set(columns["input"][matters])
        players = {name: members for name, members in players.items() if name in names}
    others = [name for name in asked.single if name not in players]
    if others:
        players[OTHERS] = ~np.any(list(players.values()), axis=0)
    walks = shapley.Walks(
        work, asked.draw, list(players.values()), asked.design.omega(), asked.seed, []
    )

    def before(r, first, wanted):
        if r == 0:
            work.plan(effort.scramblings * (first or begin) * (1 + len(players)))

    begin, half_width = min(WALKS, effort.points), 1.5 * effort.half_width
    whole = sobol.refine(walks, effort.scramblings, begin, effort.most, half_width, before)
    estimates = walks.estimates()[:, :, 0]
    base = np.concatenate([values[-1] for values in walks.values])
    about = {
        "walks": walks.count(),
        "scramblings": len(estimates),
        "half_width": half_width,
        "others": others,
    }
    rows = list(product(["shapley"], players))
    return Answer(table(asked.outputs, rows, estimates), base, about, whole)


def _morris(work, effort, found):
    """Changes of the outputs by moves of half a distribution."""
    asked, runs = work.asked, []
    work.plan(effort.scramblings * MOVES * (1 + len(asked.single)))
    for r in range(effort.scramblings):
        changes = morris.effects(work, asked.draw(0, MOVES, r)[0])
        runs.append(morris.measures(changes).reshape(-1, len(asked.outputs)))
    rows = list(product(("morris_mean_abs", "morris_mean", "morris_sd"), asked.single))
    return Answer(
        table(asked.outputs, rows, runs),
        None,
        {"points": MOVES, "scramblings": len(runs), "move": 0.5},
    )


def _local(work, effort, found):
    """Elasticities and one-at-a-time courses at the typical patient."""
    asked = work.asked
    given = asked.model, asked.benefit
    slopes = local.elasticities(*given, asked.design.changed, asked.numerics)
    values = np.array(list(slopes.values()), dtype=float).T.ravel()
    cells = (
        np.repeat(local.OUTPUTS, len(slopes)),
        np.full(len(values), "elasticity"),
        np.tile(list(slopes), len(local.OUTPUTS)),
        values,
        np.full(len(values), np.nan),
        np.full(len(values), np.nan),
    )
    columns = dict(zip(COLUMNS, cells, strict=True))
    courses = local.spider(*given, asked.design.names, asked.design.changed, asked.numerics)
    return Answer(columns, None, {"step": local.STEP, "spider": {"sd": local.SPIDER} | courses})


METHODS = {"morris": _morris, "sobol": _sobol, "shapley": _shapley, "local": _local}
