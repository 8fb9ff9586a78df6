"""What a model is for: its outputs, their residual error, its benefit, the doses of its studies.

Knows the tables that say so; knows no equations, only the units of what they define.
"""

from dataclasses import replace

from pkpd.errors import closest
from pkpd.symbolic import variability
from pkpd.symbolic.entries import Entries, units_of
from pkpd.symbolic.model import EVIDENCE, Published
from pkpd.symbolic.quantities import dose_range, read_benefit, unit_at_end

BENEFIT = {
    "outcome",
    "better",
    "into",
    "every",
    "doses",
    "delta",
    "report",
    "exposure",
    "blockade",
    "background",
    "subject_to",
}  # entries of [benefit]


class Purpose(Entries):
    """What the files of one model say that it computes, and what counts as benefit."""

    def outputs(self, known):
        own = "outputs" in self.main.data
        names = self.main.data["outputs"] if own else self.listed("outputs")
        for name in names:
            if name not in known:
                self.fail(
                    self.main.place(r"^outputs"),
                    f"output '{name}' is not defined.{closest(str(name), known)}",
                )
        if not names:
            self.fail(
                self.main.place(r"^outputs"), "no outputs; name at least one state or assignment."
            )
        return tuple(dict.fromkeys(names))

    def residuals(self, states, assignments):
        measured = units_of((*states, *assignments))
        return tuple(
            self.residual(name, entry, place, measured)
            for name, entry, place in self.entries("residual")
        )

    def residual(self, name, entry, place, measured):
        if name not in measured:
            self.fail(
                place,
                f"residual of '{name}', which is no state or output.{closest(name, measured)}",
            )
        if (
            not isinstance(entry, dict)
            or set(entry) != {"error", "source", "evidence"}
            or entry["evidence"] not in EVIDENCE
        ):
            self.fail(
                place,
                f"residual '{name}' needs error, such as \"15 %\", source and evidence "
                f"({', '.join(EVIDENCE)}).",
            )
        found = self.placed(place, variability.residual, name, entry["error"], measured[name])
        return replace(found, source=str(entry["source"]), evidence=entry["evidence"], place=place)

    def benefit(self, doses, unit_of):
        """The Benefit, or None. unit_of : unit of each state and assignment"""
        data = self.main.data.get("benefit")
        place = self.main.place(r"^\[benefit\]")
        if data is None:
            return None
        self.check_entries_of_benefit(data, place, unit_of)
        target = next((d for d in doses if d.state == data["into"]), None)
        if target is None:
            self.fail(
                place,
                f"benefit into '{data['into']}', which is not under [dose]."
                f"{closest(str(data['into']), [d.state for d in doses])}",
            )
        self.check_words_of_benefit(data, place)
        measure = unit_of[data["outcome"]]
        return self.placed(place, read_benefit, data, target.unit, self.time, measure, place)

    def check_entries_of_benefit(self, data, place, known):
        """Refuse an entry that is none, one that is lacking, and names of no state or output."""
        for key in data:
            if key not in BENEFIT:
                self.fail(place, f"[benefit] has an unknown entry '{key}'.{closest(key, BENEFIT)}")
        for key in ("outcome", "better", "into", "every", "doses"):
            if key not in data:
                self.fail(place, f"[benefit] lacks '{key}'.")
        for key in ("outcome", "exposure", "blockade"):
            if key in data and data[key] not in known:
                self.fail(
                    place,
                    f"{key} '{data[key]}' is no state or output.{closest(str(data[key]), known)}",
                )

    def check_words_of_benefit(self, data, place):
        """Refuse constraints, a background or a direction that is no text, or not the right one."""
        limits_of = data.get("subject_to", [])
        if not isinstance(limits_of, list) or not all(isinstance(t, str) for t in limits_of):
            self.fail(place, 'subject_to is a list of constraints, such as ["cmax(cows) < 5"].')
        if not isinstance(data.get("background", ""), str):
            self.fail(place, 'background is a regimen, such as "30 mg into tablet q12h".')
        if data["better"] not in ("lower", "higher"):
            self.fail(place, 'better is "lower" or "higher".')

    def published(self):
        """The Published of the last file that has the table, which includes pass on; or None."""
        file = next((f for f in reversed(self.files) if "published" in f.data), None)
        if file is None:
            return None
        data, place = file.data["published"], file.place(r"^\[published\]")
        keys = {"doses", "patients", "source"}
        if not isinstance(data, dict) or set(data) != keys:
            self.fail(place, '[published] holds doses, such as "0.1:6 mg", patients and source.')
        patients, source = data["patients"], str(data["source"]).strip()
        if type(patients) is not int or patients < 1 or not source:
            self.fail(place, "[published] needs how many patients the doses are of, and a source.")
        unit = unit_at_end(str(data["doses"])) or "mg"
        low, high = self.placed(place, dose_range, data["doses"], unit)
        return Published(low, high, unit, patients, source)
