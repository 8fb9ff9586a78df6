"""Noncompartmental analysis of a table of concentrations: one profile per ID, in its units.

Says by which conventions it was done. Knows tables, units and the quantities of a profile; knows
nothing of models or of the screen.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from warnings import warn

import numpy as np

from pkpd import limits, units
from pkpd.errors import PkpdError, ResultError, closest, quoted
from pkpd.nca.profile import SAME, check_options, partial_areas, partial_name, profile
from pkpd.nca.samples import BELOW_LIMIT, FLAGS, LIMITS, SAID_UNITS, Rows
from pkpd.reading import (
    COLUMNS,
    Table,
    called,
    cells,
    number,
    refuse_lookalikes,
    stated_units,
)
from pkpd.result import Computed, Sheet, write_table
from pkpd.result.tables import TABLES
from pkpd.version import release

if TYPE_CHECKING:
    import pandas as pd

# quantity -> unit in terms of concentration c, time t, and dose d
UNITS = {
    "cmax": "c",
    "tmax": "t",
    "clast": "c",
    "tlast": "t",
    "c0": "c",
    "auc_last": "c*t",
    "auc_inf": "c*t",
    "aumc_inf": "c*t*t",
    "auc_extrapolated": "%",
    "lambda_z": "1/t",
    "half_life": "t",
    "points": "1",
    "r2_adjusted": "1",
    "mrt": "t",
    "cl_f": "d/(c*t)",
    "vz_f": "d/c",
    "cl": "d/(c*t)",
    "vz": "d/c",
    "vss": "d/c",
    "auc_tau": "c*t",
    "aumc_tau": "c*t*t",
    "cavg": "c",
    "cmin": "c",
    "ctau": "c",
    "fluctuation": "%",
    "swing": "1",
    "accumulation": "1",
}
RULE_WORDS = {
    "linear-up-log-down": "Area: linear where concentrations rise, logarithmic where they fall.",
    "linear": "Area: linear trapezoids.",
    "linear-log": "Area: linear up to the largest concentration, logarithmic from it on.",
}
LOGARITHMS = re.compile(r"(?:log|ln)(?:2|10)?[\W_]*(?:dv|conc\w*|c|cp|cc|y)(?:\s*[\[(].*)?", re.I)
BELOW_WORDS = {
    "zero": "count as 0",
    "missing": "are left out",
    "leading-zero": "count as 0 before the first one above it and are left out after that",
    "half": "count as half of the limit",
}


@dataclass(frozen=True, repr=False)
class Noncompartmental(Computed):
    """Noncompartmental quantities of N profiles.

    data, route : what was analysed; table : DataFrame (N, ...), ID and one column per quantity
    units : column -> unit; conventions : sentences on how it was done
    """

    NAME: ClassVar[str] = "nca"
    SUMMARY: ClassVar[str] = "nca"

    data: str
    route: str
    table: Any
    units: dict
    conventions: tuple

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, columns):
        """Columns of the table, which was the result itself before."""
        warn("Write result.frame()[...].", DeprecationWarning, stacklevel=2)
        return self.frame()[columns]

    def __getattr__(self, name):
        """Attributes of the table, which was the result itself before."""
        if name.startswith("_"):
            raise AttributeError(name)
        warn(f"Write result.frame().{name}.", DeprecationWarning, stacklevel=2)
        return getattr(self.frame(), name)

    def kept_model(self) -> None:
        return None

    def sheets(self) -> dict[str, Sheet]:
        return {"nca": Sheet(self.table, self.units)}

    def frame(self) -> "pd.DataFrame":
        """The table as a DataFrame; frame.attrs: "units", and "conventions"."""
        frame = super().frame()
        frame.attrs["conventions"] = list(self.conventions)
        return frame

    def summary(self, command: str | None = None) -> dict[str, Any]:
        """Every profile, units, conventions, provenance."""
        origin = {"package": "pkpd", "version": release(), "data": self.data, "command": command}
        return {
            "question": f"What are exposure and clearance of {self.data}?",
            "route": self.route,
            "profiles": self.table.to_dict("records"),
            "units": self.units,
            "conventions": list(self.conventions),
            "provenance": origin,
        }

    def write(
        self, path: str | Path, *, figure: str | None = None, command: str | None = None
    ) -> list[Path]:
        """Write the table to a file (.csv, .parquet, .xlsx, .html, .tex), or all to a folder.

        path : of the file or folder
        figure : format of a figure, or None; command : for the provenance
        Returns the files written. Raises ResultError.
        """
        path = Path(path)
        if path.suffix not in TABLES and (path.is_dir() or not path.suffix):
            return super().write(path, figure=figure, command=command)
        origin = {"package": "pkpd", "command": command, "conventions": list(self.conventions)}
        write_table(self.table, path, self.units, origin)
        return self._with_figure(path, figure)


def noncompartmental(
    data: "str | Path | pd.DataFrame",
    column: str | None = None,
    *,
    dose: float | str | None = None,
    route: str = "oral",
    duration: float | None = None,
    every: float | None = None,
    start: float | None = None,
    unit: str | None = None,
    time_unit: str = "h",
    rule: str = "linear-up-log-down",
    extrapolation: str = "observed",
    blq: str | None = None,
    partial: Sequence[tuple[float, ...]] = (),
) -> Noncompartmental:
    """Noncompartmental analysis of each ID of a table.

    A profile begins at its dose, that of AMT or `start`, or at time 0 of a table without doses, and
    ends at the next one. The `conventions` of the result say how this, a dose without a
    sample, and the rest were treated.

    Parameters
    ----------
    data : DataFrame, or path of a .csv or .parquet table, with TIME, a column of concentrations
        and, if needed, ID, AMT, RATE, II, ADDL, SS, EVID, MDV, CMT as in NONMEM; rows of EVID 1, 3
        or 4 or MDV 1 are no samples
    column : of the concentrations (default: DV, or the only other one)
    dose : amount for everybody, as text such as "100 mg", or a number whose unit is then not known
        (default: column AMT)
    route, rule, extrapolation, partial : as for pkpd.nca.profile
    duration : of an infusion, in the unit of TIME (default: AMT/RATE)
    every : dosing interval in the unit of TIME, for a profile at steady state (default: II of a
        dose with SS)
    start : time of the dose, in the unit of TIME
    unit : of the concentrations (default: what a Parquet file or frame of pkpd says); with it and a
        dose with unit, clearance is in L and time
    time_unit : where the file does not say
    blq : what a concentration below the limit (<0.05, BLQ, a number below 0 or below that of a
        column LLOQ, or marked by 1 in a column BLQ or CENS) counts as, one of BELOW_LIMIT; without
        it such a table is refused

    Returns
    -------
    Noncompartmental, one row per ID. Raises PkpdError for bad input.

    >>> import pandas as pd
    >>> samples = pd.DataFrame({"TIME": [0, 1, 2, 4, 8], "Cc": [0.0, 4.0, 3.0, 1.5, 0.4]})
    >>> found = pkpd.noncompartmental(samples).frame()
    >>> round(float(found["half_life"][0]), 2), found.attrs["units"]["half_life"]
    (2.07, 'h')
    """
    import pandas as pd

    partial = partial_areas(partial)
    check_options(route, 0.0 if duration is None else duration, every, rule, extrapolation, partial)
    start = None if start is None else limits.number(start, "start")
    _check_words(blq, column, unit, time_unit)
    table, stated = cells(data, ResultError), stated_units(data)
    column = _column(table, column)
    kept = {name: values for name, values in table.columns.items() if name != column}
    others = Table(table.name, kept, table.row)
    refuse_lookalikes(others, ("ID", "AMT", "RATE", "EVID"), ResultError)
    amount, dose_unit = _amount(dose)
    unit, time_unit = unit or stated.get(column), stated.get("TIME", time_unit)
    unit_of = _units(unit, time_unit, dose_unit, partial)
    options = {"rule": rule, "extrapolation": extrapolation, "partial": partial}
    settled, rows = [], []
    records = Rows(table, column)
    _check_unit(table.name, unit, records.unit())
    for samples in records.samples(amount, route, start, blq):
        s = _settled(table.name, samples, route, duration, every, start)
        quantities = profile(s.times, s.conc, s.dose, route, s.duration or 0.0, s.every, **options)
        settled.append(s)
        rows.append({"ID": s.id} | quantities)
    frame = pd.DataFrame(rows)
    own = {}
    for key in frame.columns.intersection(list(unit_of), sort=False):
        own[key], factor = unit_of[key]
        if factor != 1.0:
            frame[key] *= factor
    conventions = [
        *_on_doses(settled, route, start, dose),
        RULE_WORDS[rule],
        *_on_quantities(settled, route, extrapolation),
        *_on_samples(settled, blq),
        *_on_steady_state(settled, rows),
        _on_columns(table, column),
    ]
    return Noncompartmental(table.name, route, frame, own, tuple(conventions))


def _check_words(blq, column, unit, time_unit):
    """Raises PkpdError for options that are no words, or not the right ones."""
    if blq is not None:
        limits.one_of(blq, BELOW_LIMIT, "blq")
    for name, value in (("column", column), ("unit", unit)):
        if value is not None:
            limits.text(value, name)
    limits.text(time_unit, "time_unit")


def _column(table, column):
    """Name of the column of concentrations."""
    known = {*COLUMNS, called(table, LIMITS), called(table, SAID_UNITS)} - {"DV"}
    other = [c for c in table.columns if c not in known and c.upper() not in FLAGS]
    named = column or ("DV" if "DV" in other else other[0] if len(other) == 1 else None)
    if named is not None and LOGARITHMS.fullmatch(named):
        raise PkpdError(
            f"{table.name}: column '{named}' holds logarithms, by its name; write concentrations, "
            "or call it something else."
        )
    if named is None:
        raise PkpdError(
            f"{table.name}: say which column holds the concentrations, with --column. "
            f"Columns: {', '.join(other)}."
        )
    if named not in table.columns:
        raise PkpdError(f"{table.name}: no column '{named}'.{closest(named, other)}")
    return named


def _amount(dose):
    """(amount, unit) of a number or a text such as "100 mg"; (None, None) without a dose."""
    if dose is None:
        return None, None
    written, _, unit = str(dose).strip().partition(" ")
    amount = number(written)
    if not 0.0 < amount < np.inf:
        text = "write a number above 0, with or without a unit, such as '100 mg'."
        raise PkpdError(f"dose {quoted(dose)}: {text}")
    return amount, unit.strip() or None


def _settled(name, samples, route, duration, every, start):
    """Samples with the duration and interval of the analysis, refused where they contradict it."""
    who = f"{name}: ID {samples.id}"
    duration = _agreed(who, "duration", duration, samples.duration)
    every = _agreed(who, "every", every, samples.every)
    samples = replace(samples, duration=duration, every=every)
    if route == "infusion" and not duration:
        raise PkpdError(f"{who}: how long was the infusion? Write --duration, or a column RATE.")
    if start is None and not samples.recorded:
        _refuse_late_start(who, samples)
    gap = samples.until - samples.since
    if every and gap < every * (1 - SAME):
        raise PkpdError(f"{who}: the next dose comes after {gap:g}, within the interval {every:g}.")
    if every and not samples.recorded:
        samples = _until_it_rises(samples, route)
    return _without_predose(who, samples) if route == "bolus" else samples


def _refuse_late_start(who, samples):
    """Refuse samples that begin far from 0, where nothing says when the dose was given."""
    first, last = samples.times[[0, -1]]
    if last > first > last - first:
        raise PkpdError(
            f"{who}: the table has no dose, and its samples begin at {first:g}, far from 0; "
            "say when the dose was given, with --start."
        )


def _agreed(who, word, option, found):
    """What an option or the table says. Raises PkpdError where they contradict each other."""
    if option and found and abs(option - found) > SAME * found:
        text = f"--{word} {option:g}, but the table says {found:g}; keep one of them."
        raise PkpdError(f"{who}: {text}")
    return option or found


def _until_it_rises(samples, route):
    """The samples before a rise after the interval, which is the next dose if none is recorded."""
    times, conc, every = samples.times, samples.conc, samples.every
    at_end = np.abs(times - every) <= SAME * every
    late = (times > every) & ~at_end
    if route == "bolus":
        late |= at_end
    rises = late & (conc > np.append(np.inf, conc[:-1]))
    if not rises.any():
        return samples
    count = int(np.argmax(rises))
    after = samples.after + len(times) - count
    return replace(samples, times=times[:count], conc=conc[:count], after=after)


def _without_predose(who, samples):
    """Samples without a 0 at the time of a bolus, which was taken before it."""
    times, conc = samples.times, samples.conc
    if times[0] > 0.0 or len(times) == 1 or conc[0] >= conc[1] / 2:
        return samples
    if conc[0] == 0.0:
        return replace(samples, times=times[1:], conc=conc[1:], before=samples.before + 1)
    raise PkpdError(
        f"{who}: {conc[0]:g} at the time of the bolus, {conc[1]:g} after it: sampled before the "
        "dose? Give that record MDV 1, or put it above the record of the dose."
    )


def _on_doses(settled, route, start, dose):
    """Sentences on when doses were given and on what stands at a dose without a sample."""
    unrecorded = [s for s in settled if not s.recorded]
    if start is not None:
        when = f"{start:g}, as given by --start"
    elif len(unrecorded) == len(settled):
        when = "0, as the table has no doses and no --start was given"
    else:
        when = "that of AMT"
        if unrecorded:
            when += f"; 0 for {len(unrecorded)} IDs without a dose, first {unrecorded[0].id}"
    lines = [f"Time of the dose: {when}."]
    if dose is not None and len(unrecorded) < len(settled):
        lines.append(f"Dose: {dose}, as given by --dose; AMT gives its time alone.")
    unsampled = sum(s.times[0] > 0.0 for s in settled)
    if unsampled:
        count = f"{unsampled} of {len(settled)} profiles"
        lines.append(f"No sample at the dose in {count}: {_put_in(settled, route)} put in.")
    return lines


def _put_in(settled, route):
    """What stands at a dose without a sample, in words."""
    if route == "bolus":
        return "C0, the log-linear line through the first two samples,"
    return "the lowest concentration of the interval" if _at_steady_state(settled) else "0"


def _at_steady_state(settled):
    return any(samples.every for samples in settled)


def _on_quantities(settled, route, extrapolation):
    """Sentences on the terminal slope, extrapolation and steady state."""
    which = "from the largest one on" if route == "bolus" else "after the largest one"
    begin = "predicted by the terminal slope" if extrapolation == "predicted" else "observed"
    lines = [
        f"Terminal slope: best adjusted R2 of the last 3 or more samples {which}.",
        f"Extrapolation: from the last concentration as {begin}.",
    ]
    if _at_steady_state(settled):
        lines.append(
            "Steady state: clearance is dose over auc_tau; mrt counts what is left at the end of "
            "the interval; samples after it make the terminal slope alone."
        )
    return lines


def _on_samples(settled, blq):
    """Sentences on samples that are left out, below the limit, or look like another dose."""
    below, before, after = np.sum([(s.below, s.before, s.after) for s in settled], axis=0)
    again = list(filter(_rises_again, settled))
    lines = [f"Concentrations below the limit: {below}; they {BELOW_WORDS[blq]}."] if below else []
    if before:
        lines.append(f"Samples left out before the dose: {before}.")
    if after:
        lines.append(f"Samples left out after the next dose: {after}.")
    if any(s.earlier for s in settled):
        lines.append("What is left of earlier doses counts in all areas.")
    if again:
        lines.append(
            f"Concentrations fall by half and double again in {len(again)} of {len(settled)} "
            f"profiles, first in ID {again[0].id}: if that is another dose, put it into AMT."
        )
    return lines


def _rises_again(samples):
    """Whether concentrations fall to half of what they were and rise to twice of that."""
    conc = samples.conc
    low = np.where(conc < np.maximum.accumulate(conc) / 2, conc, np.inf)
    return bool((conc > 2.0 * np.minimum.accumulate(low)).any())


def _on_steady_state(settled, rows):
    """A sentence on profiles that begin far lower than their interval ends."""
    rising = []
    for samples, row in zip(settled, rows, strict=True):
        if samples.every and samples.times[0] == 0.0 and samples.conc[0] < row["ctau"] / 2.0:
            rising.append(samples.id)
    if rising:
        yield (
            f"Concentrations at the dose are below half of those an interval later in "
            f"{len(rising)} of {len(settled)} profiles, first in ID {rising[0]}: is that a steady "
            "state? Without it leave --every out."
        )


def _on_columns(table, column):
    """A sentence on the columns that are used, not used and missing."""
    known, named = (
        {*COLUMNS, *FLAGS} - {"DV"},
        (column, called(table, LIMITS), called(table, SAID_UNITS)),
    )
    used = [c for c in table.columns if c in named or c.upper() in known]
    missing = [c for c in ("ID", "AMT") if c not in table.columns]
    return table.account(used, missing)


def _check_unit(name, unit, written):
    """Refuse a unit of the concentrations where a column says another one of the same kind."""
    if unit is None or written is None:
        return
    try:
        factor = units.factor(written, unit)
    except PkpdError:  # no unit, or that of something else, such as the doses
        return
    if factor != 1.0:
        raise PkpdError(
            f"{name}: the concentrations are in {unit}, but a column says {written}; "
            "keep the one that is right."
        )


def _check_volume(dose, conc):
    """Raise ResultError unless the quotient of the two units is a volume."""
    try:
        units.factor(f"{dose}/({conc})", "L")
    except PkpdError as error:
        raise ResultError(
            f"A dose in {dose} and concentrations in {conc} give no volume (the dimensions "
            "differ); write both in mass or both in amount of substance."
        ) from error


def _units(conc, time, dose, partial):
    """quantity -> (unit, factor); what depends on an unknown unit is left out."""
    for unit in (conc, time, dose):
        if unit is not None:
            units.dimension(unit)
    if conc is not None and dose is not None:
        _check_volume(dose, conc)
    of_all = UNITS | dict.fromkeys(starmap(partial_name, partial), "c*t")
    found = {}
    for key, text in of_all.items():
        if not _unknown(text, conc, dose):
            found[key] = _unit(text, conc, time, dose)
    return found


def _unknown(text, conc, dose):
    """Whether a text of UNITS depends on a unit that is not given."""
    return (conc is None and "c" in text) or (dose is None and "d" in text)


def _unit(text, conc, time, dose):
    """(unit, factor) of a text of UNITS, in which c, t and d stand for units."""
    plain = {
        "c*t": f"{conc}*{time}",
        "c*t*t": f"{conc}*{time}**2",
        "c": conc,
        "t": time,
        "1/t": f"1/{time}",
    }
    if "d" not in text:
        return plain.get(text, text), 1.0
    target = "L" if text == "d/c" else f"L/{time}"
    source = text.replace("d", dose).replace("c", f"({conc})").replace("*t)", f"*{time})")
    return target, units.factor(source, target)
