"""What a page shows of a folder: MEDs in memory or streamed, curves, titrations, a trial, reasons.

Tables of another run than that of the summary are left out, and the page says so. Knows which
results stand on a page together; the files are those of pkpd.result.folder. Draws nothing.
"""

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pkpd.errors import ResultError
from pkpd.evidence.kept import kept
from pkpd.evidence.stored import FOLDER as PREDICTIONS
from pkpd.nca import Noncompartmental
from pkpd.report.figures.trials import Arm, TrueAndObserved
from pkpd.response import streamed
from pkpd.response.curves import SavedCurves
from pkpd.result import ResultFolder, same_run
from pkpd.result.folder import benefit_from, stray
from pkpd.scale.folder import MANIFEST
from pkpd.symbolic.load import address
from pkpd.symbolic.model import Model

# results whose folder does not hold all that their page needs
WITHOUT_A_PAGE = {
    "simulation": "a time course",
    "fit": "a fitted curve",
    "vpc": "a predictive check",
    "interval": "a dosing interval",
    "data": "the check of a data set",
}
MOST_DRAWN = {"arms": 50, "doses": 1000, "outputs": 20, "parts of a curve": 50, "effects": 50}
MOST_DAYS = 40_000
WHY = ("sensitivity", "explain", "predict", "covariates")


@dataclass(frozen=True)
class Contents:
    """What a folder holds, as plain data and arrays.

    kind : "med", "dose-response", "trial" or "" where there are only explanations
    summary : plain data, infinities and NaN as numbers
    people : name -> (P,) column of the patients
    curves : BenefitCurves or None; audit : columns of the visits, or None
    sensitivity : (summary, columns) or None; explained, predicted, covariates : summary or None
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
    covariates: dict | None = None
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
            return benefit_from(self.summary["benefit"], self.model)
        others = self.explained or self.predicted or self.covariates
        reasons = self.sensitivity[0] if self.sensitivity else others
        summary = self.summary if self.kind or reasons is None else reasons
        return benefit_from(summary["benefit"], self.model)


def contents(folder):
    """The Contents of a folder. Raises ResultError where it holds no results or damaged ones."""
    path = Path(folder)
    if not path.is_dir():
        raise ResultError(
            f"'{folder}' is not a folder; give the --out folder of pkpd med or another command."
        )
    held = ResultFolder(path)
    with held.understood():
        found = _with_why(_study(held), held)
        _check_size(found)
        return found


def alone(folder):
    """(A result whose page is made of it alone, provenance of its run), or None for another folder.

    Exposures, a comparison of explanations, planned studies, identifiability. Raises ResultError
    where it is damaged.
    """
    held = ResultFolder(folder)
    with held.understood():
        return _exposures(held) or kept(held)


def _exposures(folder):
    """(The Noncompartmental of a folder of exposures, provenance of its run), or None."""
    import pandas as pd

    name = Noncompartmental.SUMMARY
    if folder.has("summary") or not folder.has(name):
        return None
    summary, (columns, _) = folder.json(name), folder.columns(name)
    found = Noncompartmental(
        data=summary["provenance"]["data"],
        route=summary["route"],
        table=pd.DataFrame(columns),
        units=summary["units"],
        conventions=tuple(summary["conventions"]),
    )
    return found, summary["provenance"]


def _check_size(found):
    """Raises ValueError where a page could not be drawn within minutes."""
    summary = found.sensitivity[0] if found.sensitivity else {"outputs": ()}
    curve = found.explained["curve"]["parts"] if found.explained else ()
    effects = found.covariates["effects"] if found.covariates else ()
    counts = {
        "arms": len(found.arms),
        "doses": 0 if found.curves is None else len(found.curves.doses),
        "outputs": len(summary["outputs"]),
        "parts of a curve": len(curve),
        "effects": len(effects),
    }
    for what, count in counts.items():
        if count > MOST_DRAWN[what]:
            raise ValueError(f"{count} {what}, too many for a page")


def _study(folder):
    """The Contents of a ResultFolder without the explanations."""
    if (folder.path / MANIFEST).exists():
        return _streamed(folder)
    if folder.has("summary"):
        return _in_memory(folder)
    for name in WHY:
        if folder.has(name):
            origin = folder.json(name)["provenance"]
            return Contents(folder.path, folder.model(origin), "", {"provenance": origin}, None)
    for name, what in WITHOUT_A_PAGE.items():
        if folder.has(name):
            raise ResultError(
                f"'{folder.path}' holds {what}, whose page can be written only along with it, "
                f"by result.report({str(folder.path)!r}) in Python."
            )
    if (folder.path / PREDICTIONS).is_dir():
        raise ResultError(
            f"'{folder.path}' holds a comparison that has not finished; run the same pkpd compare "
            "again, which goes on from there."
        )
    raise ResultError(
        f"'{folder.path}' holds no results of pkpd; fill it with: "
        f"pkpd med ldn/hormesis -n 1000 --seed 7 --out {shlex.quote(str(folder.path))}"
    )


def _with_why(found, folder):
    """The Contents with the explanations that belong to its model and typical values."""
    summaries: dict[str, dict] = {}
    left_out: tuple[str, ...] = ()
    for name in WHY:
        if not folder.has(name):
            continue
        summary = folder.json(name)
        origin = summary["provenance"]
        if all(origin.get(k) == found.origin.get(k) for k in ("digest", "set", "spread")):
            summaries[name] = summary
        else:
            left_out += (
                f"{name}.json is of another model or other typical values than the study, "
                "and is left out.",
            )
    summary, sensitivity = summaries.get("sensitivity"), None
    if summary:
        columns, origin = folder.columns("sensitivity")
        if not same_run(origin, summary["provenance"]):
            raise ResultError(
                f"'{folder.table('sensitivity')}' and sensitivity.json are of different runs. "
                "Repeat the run."
            )
        sensitivity = summary, columns
    return replace(
        found,
        sensitivity=sensitivity,
        explained=summaries.get("explain"),
        predicted=summaries.get("predict"),
        covariates=summaries.get("covariates"),
        left_out=found.left_out + left_out,
    )


def _streamed(folder):
    table = streamed.open_results(folder.path)
    summary = folder.json("summary") if folder.has("summary") else None
    if summary is None or summary["provenance"] != table.provenance():
        summary = table.summary()
    return Contents(folder.path, table.model, "med", summary, table.column, table.curves)


def _in_memory(folder):
    path, summary = folder.file("summary"), folder.json("summary")
    if not isinstance(summary.get("provenance"), dict):
        raise ResultError(
            f"'{path}' names no run; it was not written by pkpd med, dose-response or trial."
        )
    if "model" not in summary["provenance"]:
        raise ResultError(
            f"'{folder.path}' holds results of several models, whose page can be written only "
            f"along with them, by result.report({str(folder.path)!r}) in Python."
        )
    model = folder.model(summary["provenance"])
    if "arms" in summary:
        return _trial(folder, model, summary)
    if "histogram" in summary:
        return _med(folder, model, summary)
    if "doses" in summary:
        return _dose_response(folder, model, summary)
    raise ResultError(f"'{path}' is not a summary of pkpd med, dose-response or trial.")


def _dose_response(folder, model, summary):
    if "gain" not in summary:
        again = ["pkpd", "dose-response", address(model), "--out", str(folder.path)]
        raise ResultError(
            f"'{folder.path}' was written by an earlier version; repeat the run: "
            f"{shlex.join(again)}"
        )
    benefit = benefit_from(summary["benefit"], model)
    curves, left_out = _curves(folder, model, summary, benefit)
    return Contents(folder.path, model, "dose-response", summary, None, curves, left_out=left_out)


def _med(folder, model, summary):
    benefit, table = benefit_from(summary["benefit"], model), folder.table("patients")
    people, origin = folder.columns("patients")
    if not same_run(origin, summary["provenance"]):
        raise ResultError(
            f"'{table}' and summary.json are of different runs. Repeat the run in an empty folder."
        )
    # under a null control the table has the bodies that were titrated, the summary the true ones
    null = (summary.get("observed") or {}).get("null")
    for status, count in summary["status"].items():
        if not null and count != (people["status"] == status).sum():
            raise ResultError(
                f"'{table}' and summary.json do not count the same patients "
                f"as {status}. Repeat the run."
            )
    curves, left_out = _curves(folder, model, summary, benefit)
    titrated, audit = None, None
    if "observed" in people and "observed" in summary:
        audit, stray = folder.of_run("audit", summary["provenance"], ["ID", "DAY", "NEXT"])
        left_out += stray
        titrated = _titrated(model, benefit, people, audit)
    shown = people.__getitem__, curves, titrated, audit
    return Contents(folder.path, model, "med", summary, *shown, left_out=left_out)


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


def _curves(folder, model, summary, benefit):
    """(SavedCurves or None, sentences on what was left out)."""
    if not folder.has_table("curves"):
        return None, ()
    doses, gain, origin = folder.dose_grid("curves")
    if not same_run(origin, summary["provenance"]):
        return None, (stray("curves"),)
    return SavedCurves(model, benefit, doses, gain), ()


def _trial(folder, model, summary):
    origin = summary["provenance"]
    columns, left_out = folder.of_run("diary", origin, ["ID", "ARM", "DAY", "DIARY", "DOSE"])
    people, strays = folder.of_run("patients", origin, ["ARM", "left"])
    arms = ()
    if columns and people:
        arms = tuple(_arm(arm["name"], columns, people) for arm in summary["arms"])
    left_out += strays
    return Contents(folder.path, model, "trial", summary, None, arms=arms, left_out=left_out)


def _arm(name, columns, people):
    rows = columns["ARM"] == name
    days = np.unique(columns["DAY"][rows])
    if not len(days) or days[-1] - days[0] > MOST_DAYS:
        raise ValueError(f"an arm without days, or with more than {MOST_DAYS:,}")
    diary, dose = (columns[c][rows].astype(float).reshape(-1, len(days)) for c in ("DIARY", "DOSE"))
    return Arm(name, days, diary, dose, people["left"][people["ARM"] == name] == 0)
