"""One page on whatever a folder holds: self-contained HTML with vector figures and sortable tables.

Nothing in a folder or model file is trusted: the template escapes every text, and the page's own
policy lets only its one script run and nothing be fetched. Knows sections; knows nothing of how
they were computed.
"""

import hashlib
import shlex
import warnings
from base64 import b64encode
from dataclasses import fields
from itertools import chain, repeat
from operator import itemgetter
from pathlib import Path
from typing import Any

from markupsafe import Markup

from pkpd import limits
from pkpd.errors import ResultError
from pkpd.files import write_atomically
from pkpd.report.page import med_sections, trial_sections, web, why_sections
from pkpd.report.page.contents import alone, contents
from pkpd.report.page.model_card import model_card
from pkpd.report.page.section import Section, table
from pkpd.report.page.single import account, section
from pkpd.report.words import models
from pkpd.result import Computed, ResultFolder
from pkpd.symbolic.load import address
from pkpd.symbolic.model import Benefit

NAME = "report.html"


def write_page(
    folder: str | Path,
    path: str | Path | None = None,
    result: Any = None,
    command: str | None = None,
) -> Path:
    """Write the page on a folder, whole or not at all (default: report.html in it); its path.

    path : of the page
    result : what was written to the folder, from which the page on a time course or a fitted curve
        is made; other pages can be made of what the folder holds
    command : that made this result, for the provenance
    Raises PkpdError.
    """
    folder = limits.path(folder, "folder", ResultError)
    if command is not None:
        limits.text(command, "command", ResultError)
    path = folder / NAME if path is None else limits.path(path, "path", ResultError)
    text = page(folder) if result is None else _page_with(folder, result, command)
    write_atomically(path, lambda temporary: Path(temporary).write_text(text, encoding="utf-8"))
    return path


def _page_with(folder, result, command):
    """The page on a folder beside what was written to it, as text."""
    limits.check_kind(result, Computed, "result is what pkpd computed", ResultError)
    if account(result) is None:
        return page(folder)
    return _of_one(result, result.summary(command)["provenance"])


def page(folder):
    """The page on a folder as text. Raises ResultError where its results cannot be understood."""
    held = alone(folder)
    if held is not None:
        with ResultFolder(folder).understood():
            return _of_one(*held)
    found = contents(folder)
    with ResultFolder(folder).understood(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numbers that no run writes
        sections = [s for s in _sections(found) if s is not None]
        assumed = models.share_assumed(found.model, models.diary_of(found.summary))
        model, kind = found.model, _KINDS[found.kind]
        return rendered(model.title, model.name, kind, assumed, sections)


def _of_one(result, origin):
    """The page on one result. origin : provenance of its run"""
    found, model = account(result), result.kept_model()
    sections = [section(result, found)]
    sections += [model_card(model, origin["set"])] if model else []
    sections.append(_provenance({"The run": origin}))
    name = model.name if model else ""
    assumed = models.share_assumed(model) if model else ""
    return rendered(found.title, name, found.kind, assumed, sections)


def _sections(found):
    kinds = {
        "med": _of_meds,
        "dose-response": _of_curves,
        "trial": lambda f: [trial_sections.trial(f)],
        "": _of_reasons,
    }
    return [
        _stopped(found.summary.get("stopped")),
        *kinds[found.kind](found),
        absent(found),
        model_card(found.model, found.origin["set"]),
        provenance(found),
    ]


def _stopped(stopped):
    """What a run that Ctrl-C ended has not computed, or None for a whole one."""
    if stopped is None:
        return None
    text = f"{stopped['finished']} of {stopped['of']} {stopped['what']} are finished and shown."
    return Section("stopped", "The run was stopped by Ctrl-C", (text,))


def _of_meds(found):
    return [
        med_sections.answer(found),
        med_sections.cohort(found),
        med_sections.distribution(found),
        med_sections.dose_response(found),
        med_sections.blockade(found),
        *_of_reasons(found),
        trial_sections.observed_meds(found),
    ]


def _of_curves(found):
    question = Section("question", "Question", (found.summary["question"],))
    return [
        question,
        med_sections.cohort(found),
        med_sections.dose_response(found),
        med_sections.blockade(found),
        *_of_reasons(found),
    ]


def _of_reasons(found):
    return [
        why_sections.sensitivity_indices(found),
        why_sections.covariates(found),
        why_sections.one_patient(found),
        why_sections.prediction(found),
    ]


def absent(found):
    """What the folder could hold as well, with the command that would make it."""
    rows = [*_absent_meds(found), *(() if found.kind == "trial" else _absent_reasons(found))]
    if not rows and not found.left_out:
        return None
    tables_ = (table("What else can be computed", ("what", "command"), rows),) if rows else ()
    return Section("absent", "What this folder does not hold", found.left_out, tables=tables_)


def _absent_meds(found):
    """(what, command) of MEDs, their curves, titration and its null control."""
    people = _people(found)
    if found.kind != "med":
        yield "each patient's own best dose (MED)", _command("med", found, people, "med")
        return
    if found.curves is None:
        yield "dose response", _command("med", found, people)
    if found.titrated is None:
        words = (*people, "--titrate", "slow-ladder")
        yield "what titration would find of the MEDs", _command("med", found, words)
    if not (found.summary.get("observed") or {}).get("null"):
        words = (*people, "--titrate", _rule(found), "--null", "same-med")
        what = "what titration finds where there is nothing to find"
        yield what, _command("med", found, words, "null")


def _absent_reasons(found):
    """(what, command) of why patients differ."""
    if found.origin.get("spread"):
        return  # these commands take no spread: theirs would be other people
    seed = "--seed", found.origin["seed"]
    if found.sensitivity is None:
        yield "which inputs make patients differ", _command("sensitivity", found)
    if found.covariates is None and any(item.iiv for item in found.model.covariates):
        yield "how far covariates move the best dose", _command("covariates", found, seed)
    if found.explained is None:
        what = "why one patient's best dose is where it is"
        yield what, _command("explain", found, ("--id", 1, *seed))
    if found.predicted is None and not _goal(found):
        yield "what would tell the best dose beforehand", _command("predict", found, seed)


def _rule(found):
    """The titration rule that the run was given."""
    try:
        words = shlex.split(str(found.origin.get("command")))
        return words[words.index("--titrate") + 1]
    except (ValueError, IndexError):  # no command of pkpd, or none with a rule
        return "slow-ladder"


def _people(found):
    """Options of a command for the same patients."""
    origin = found.origin
    words = ["--typical"] if origin["typical"] else ["-n", origin["n"] if found.kind else 1000]
    words += ["--seed", origin["seed"]]
    for name, size in origin.get("spread", {}).items():
        words += ["--spread", f"{name}={size!r}"]
    words += ["--sampling", origin["sampling"]] if origin["sampling"] != "sobol" else []
    if origin["covariates"]:
        words += ["--covariates", str(origin["covariates"]).rpartition(" (")[0]]
    return words


def _command(name, found, options=(), elsewhere=None):
    """A command on the same model with the same typical values and benefit."""
    changed = []
    for key, value in found.origin["set"].items():
        changed += ["--set", f"{key}={value!r}"]
    out = ("--out", elsewhere or found.path)
    words = ("pkpd", name, address(found.model), *options, *changed, *_goal(found), *out)
    return shlex.join(map(str, words))


def _goal(found):
    """Options for what differs between the study's benefit and the model's."""
    benefit, default, time = found.benefit, found.model.benefit, found.model.time
    if benefit is None:
        return []
    options = {
        "outcome": benefit.outcome,
        "better": benefit.better,
        "into": benefit.into,
        "every": f"{benefit.every:g} {time}",
        "background": benefit.background or "none",
        "subject_to": list(benefit.subject_to) or ["none"],
        "doses": f"{benefit.lowest:g}:{benefit.highest:g} {benefit.unit}",
        "delta": f"{100 * benefit.delta:g} %" if benefit.delta_relative else f"{benefit.delta:g}",
    }
    # without a benefit of the model's, all is the study's own but what a benefit may lack
    before = {f.name: f.default for f in fields(Benefit)} if default is None else vars(default)
    parts = {"doses": ("lowest", "highest", "unit"), "delta": ("delta", "delta_relative")}
    words = []
    for option, value in options.items():
        asked = itemgetter(*parts.get(option, (option,)))
        if asked(vars(benefit)) != asked(before):
            words += _option(option, value)
    return words


def _option(name, value):
    """The words of an option, which is repeated for each item of a list."""
    values = value if isinstance(value, list) else [value]
    return list(chain.from_iterable(zip(repeat(f"--{name.replace('_', '-')}"), values)))


def provenance(found):
    """What it takes to compute the same again."""
    summaries = {
        "The run": found.summary if found.kind else None,
        "The run of sensitivity": found.sensitivity and found.sensitivity[0],
        "The run of the explanation": found.explained,
        "The run of the prediction": found.predicted,
    }
    runs = {title: summary["provenance"] for title, summary in summaries.items() if summary}
    return _provenance(runs)


def _provenance(runs):
    """The Section on provenance blocks by the titles of their tables."""
    text = (
        "The same command, model and build give the same numbers, bit for bit, "
        "on any number of threads."
    )
    tables = [table(title, ("what", "value"), origin_rows(block)) for title, block in runs.items()]
    return Section("provenance", "Provenance", (text,), tables=tuple(tables))


def origin_rows(block):
    """Rows of a provenance block."""
    words = {
        "n": "patients",
        "set": "typical values set",
        "spread": "spreads set",
        "digest": "digest of the model",
        "numbers": "digest of its numbers",
        "fingerprint": "build",
        "typical": "typical patient only",
    }
    answers = {True: "yes", False: "no", None: "-"}
    rows = []
    for key, value in block.items():
        if isinstance(value, dict):
            value = ", ".join(f"{k} = {v}" for k, v in value.items()) or "-"
        if isinstance(value, bool) or value is None:
            value = answers[value]
        rows.append((words.get(key, key), value))
    return rows


def rendered(title, model, kind, assumed, sections):
    """The HTML of a page. assumed : which numbers are assumptions, as a clause, or \"\"."""
    script, style = web.text("page.js"), web.text("page.css")
    return web.template("page.html").render(
        title=title,
        model=model,
        kind=kind,
        sections=sections,
        script=Markup(script),
        style=Markup(style),
        allowed=b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        advice=models.NO_ADVICE,
        assumed=assumed,
    )


_KINDS = {
    "med": "maximally effective doses",
    "dose-response": "dose response",
    "trial": "virtual trial",
    "": "why patients differ",
}
