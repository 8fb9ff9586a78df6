"""What a folder holds: MEDs in memory or streamed, curves, titrations, a trial, sensitivity.

Nothing in it is trusted. Tables of another run than that of the summary are left out, and the page
says so. Knows files; draws nothing.
"""

import math
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pkpd.errors import ResultError
from pkpd.files import read_json
from pkpd.report.figures.trials import Arm, TrueAndObserved
from pkpd.response import folder as run_folder
from pkpd.response import streamed
from pkpd.response.summary import summarise
from pkpd.scale.folder import MANIFEST
from pkpd.symbolic.load import address
from pkpd.symbolic.model import Model

MOST_DRAWN = {"arms": 50, "doses": 1000, "outputs": 20, "parts of a curve": 50}
MOST_DAYS = 40_000
WHY = ("sensitivity", "explain", "predict")
OPEN = (
    "value",
    "low",
    "high",
    "share",
    "sd_patients",
    "sd_noise",
    "sd",
    "rank",
    "second_peak",
)  # numbers of summaries that are NaN where JSON has null


@dataclass(frozen=True)
class Contents:
    """What a folder holds, as plain data and arrays.

    kind : "med", "dose-response", "trial" or "" where there are only explanations
    summary : plain data, infinities and NaN as numbers
    people : name -> (P,) column of the patients
    curves : BenefitCurves or None; audit : columns of the visits, or None
    sensitivity : (summary, columns) or None; explained, predicted : summary or None
    left_out : sentences on files that are no part of the study
    """

    path: Path
    model: Model
    kind: str
    summary: dict
    people: object
    curves: object = None
    titrated: TrueAndObserved | None = None
    audit: dict | None = None
    arms: tuple = ()
    sensitivity: tuple | None = None
    explained: dict | None = None
    predicted: dict | None = None
    left_out: tuple = ()

    @property
    def origin(self):
        """Provenance of the study."""
        return self.summary["provenance"]

    @property
    def benefit(self):
        """The Benefit that was asked for, None for a trial."""
        if self.kind == "trial":
            return None
        if self.kind == "dose-response":
            return run_folder.benefit_from(self.summary["benefit"], self.model)
        reasons = self.sensitivity[0] if self.sensitivity else self.explained or self.predicted
        return run_folder.benefit_from(
            (self.summary if self.kind else reasons)["benefit"], self.model
        )


def contents(folder):
    """The Contents of a folder. Raises ResultError where it holds no results or damaged ones."""
    path = Path(folder)
    if not path.is_dir():
        raise ResultError(
            f"'{folder}' is not a folder; give the --out folder of pkpd med, dose-response, trial "
            "or sensitivity."
        )
    with run_folder.understood(path):
        found = _with_why(_study(path))
        _check_size(found)
        return found


def _check_size(found):
    """Raises ValueError where a page could not be drawn within minutes."""
    summary = found.sensitivity[0] if found.sensitivity else {"outputs": ()}
    curve = found.explained["curve"]["parts"] if found.explained else ()
    counts = {
        "arms": len(found.arms),
        "doses": 0 if found.curves is None else len(found.curves.doses),
        "outputs": len(summary["outputs"]),
        "parts of a curve": len(curve),
    }
    for what, count in counts.items():
        if count > MOST_DRAWN[what]:
            raise ValueError(f"{count} {what}, too many for a page")


def _study(path):
    """The Contents of a folder without the explanations."""
    if (path / MANIFEST).exists():
        return _streamed(path)
    if (path / "summary.json").exists():
        return _in_memory(path)
    for name in WHY:
        if (path / f"{name}.json").exists():
            origin = read_json(path / f"{name}.json")["provenance"]
            model = run_folder.read_model(path, origin)
            return Contents(path, model, "", {"provenance": origin}, None)
    raise ResultError(
        f"'{path}' holds no results of pkpd; fill it with: "
        f"pkpd med ldn/hormesis -n 1000 --seed 7 --out {shlex.quote(str(path))}"
    )


def _with_why(found):
    """The Contents with the explanations that belong to its model and typical values."""
    summaries, left_out = {}, ()
    for name in WHY:
        file = found.path / f"{name}.json"
        if not file.exists():
            continue
        summary = revived(read_json(file))
        if all(summary["provenance"][k] == found.origin[k] for k in ("digest", "set")):
            summaries[name] = summary
        else:
            left_out += (
                f"{file.name} is of another model or other typical values than the study, "
                "and is left out.",
            )
    sensitivity = summaries.get("sensitivity")
    if sensitivity:
        table = found.path / "sensitivity.parquet"
        columns, origin = run_folder.read_columns(table)
        if not run_folder.same_run(origin, sensitivity["provenance"]):
            raise ResultError(
                f"'{table}' and sensitivity.json are of different runs. Repeat the run."
            )
        sensitivity = sensitivity, columns
    return replace(
        found,
        sensitivity=sensitivity,
        explained=summaries.get("explain"),
        predicted=summaries.get("predict"),
        left_out=found.left_out + left_out,
    )


def _streamed(path):
    table = streamed.open_results(path)
    stored = path / "summary.json"
    summary = revived(read_json(stored)) if stored.exists() else None
    if summary is None or summary["provenance"] != table.provenance():
        summary = summarise(table)
    return Contents(path, table.model, "med", summary, table.column, table.curves)


def _in_memory(path):
    summary = revived(read_json(path / "summary.json"))
    if not isinstance(summary.get("provenance"), dict):
        raise ResultError(
            f"'{path / 'summary.json'}' names no run; it was not written by pkpd med, "
            "dose-response or trial."
        )
    model = run_folder.read_model(path, summary["provenance"])
    if "arms" in summary:
        return _trial(path, model, summary)
    if "histogram" in summary:
        return _med(path, model, summary)
    if "doses" in summary:
        if "gain" not in summary:
            raise ResultError(
                f"'{path}' was written by an earlier version; repeat the run: "
                f"{shlex.join(['pkpd', 'dose-response', address(model), '--out', str(path)])}"
            )
        benefit = run_folder.benefit_from(summary["benefit"], model)
        curves, left_out = _curves(path, model, summary, benefit)
        return Contents(path, model, "dose-response", summary, None, curves, left_out=left_out)
    raise ResultError(
        f"'{path / 'summary.json'}' is no summary of pkpd med, dose-response or trial."
    )


def _med(path, model, summary):
    benefit = run_folder.benefit_from(summary["benefit"], model)
    people, origin = run_folder.read_columns(path / "patients.parquet")
    if not run_folder.same_run(origin, summary["provenance"]):
        raise ResultError(
            f"'{path / 'patients.parquet'}' and summary.json are of different runs. "
            "Repeat the run in an empty folder."
        )
    # under a null control the table has the bodies that were titrated, the summary the true ones
    null = (summary.get("observed") or {}).get("null")
    for status, count in summary["status"].items():
        if not null and count != (people["status"] == status).sum():
            raise ResultError(
                f"'{path / 'patients.parquet'}' and summary.json do not count the same patients "
                f"as {status}. Repeat the run."
            )
    curves, left_out = _curves(path, model, summary, benefit)
    titrated, audit = None, None
    if "observed" in people and "observed" in summary:
        audit, stray = _own(path, "audit", summary, ["ID", "DAY", "NEXT"])
        left_out += stray
        titrated = _titrated(model, benefit, people, audit)
    column = people.__getitem__
    return Contents(path, model, "med", summary, column, curves, titrated, audit, left_out=left_out)


def _titrated(model, benefit, people, audit):
    """True beside observed MEDs, or None where no dose above 0 was given."""
    observed = people["observed"]
    doses = audit["NEXT"][audit["NEXT"] > 0] if audit else observed[np.isfinite(observed)]
    ladder = np.unique(doses)
    if not len(ladder):
        return None
    ends = benefit.unit, benefit.lowest, benefit.highest
    argmax = np.where(people["status"] == "interior", people["argmax"], np.nan)
    return TrueAndObserved(model.published, *ends, ladder, argmax, people["med"], observed)


def _curves(path, model, summary, benefit):
    """(SavedCurves or None, sentences on what was left out)."""
    file = path / "curves.parquet"
    if not file.exists():
        return None, ()
    curves, origin = run_folder.read_curves(file, model, benefit)
    return (
        (curves, ())
        if run_folder.same_run(origin, summary["provenance"])
        else (None, (_stray(file),))
    )


def _own(path, name, summary, names):
    """(columns of a table or None, sentences on what was left out)."""
    file = path / f"{name}.parquet"
    if not file.exists():
        return None, ()
    columns, origin = run_folder.read_columns(file, names)
    return (
        (columns, ())
        if run_folder.same_run(origin, summary["provenance"])
        else (None, (_stray(file),))
    )


def _stray(file):
    return f"{file.name} is of another run than summary.json and is left out."


def _trial(path, model, summary):
    columns, left_out = _own(path, "diary", summary, ["ID", "ARM", "DAY", "DIARY", "DOSE"])
    people, strays = _own(path, "patients", summary, ["ARM", "left"])
    arms = (
        [_arm(arm["name"], columns, people) for arm in summary["arms"]]
        if columns and people
        else ()
    )
    return Contents(
        path, model, "trial", summary, None, arms=tuple(arms), left_out=left_out + strays
    )


def _arm(name, columns, people):
    rows = columns["ARM"] == name
    days = np.unique(columns["DAY"][rows])
    if not len(days) or days[-1] - days[0] > MOST_DAYS:
        raise ValueError(f"an arm without days, or with more than {MOST_DAYS:,}")
    diary, dose = (columns[c][rows].astype(float).reshape(-1, len(days)) for c in ("DIARY", "DOSE"))
    return Arm(name, days, diary, dose, people["left"][people["ARM"] == name] == 0)


def revived(value, blank=False):
    """Plain data as it was before JSON: "inf" is a number again.

    null is NaN in lists and where a number can be missing.
    """
    if isinstance(value, dict):
        return {k: revived(v, blank or (k in OPEN and "n" not in value)) for k, v in value.items()}
    if isinstance(value, list):
        return [revived(v, True) for v in value]
    if value in ("inf", "-inf"):
        return float(value)
    return math.nan if value is None and blank else value
