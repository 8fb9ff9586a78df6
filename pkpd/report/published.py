"""Ranges of maximally effective doses that clinics have published, to be drawn beside simulated ones."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """lowest, highest : doses in `unit`; patients : how many MEDs the range covers"""

    lowest: float
    highest: float
    unit: str
    patients: int
    source: str


CLINIC = Published(0.1, 6.0, "mg", 41, "Marcus 2024, J Pain Res 17:1273")
RANGES = {"ldn/hormesis": CLINIC, "ldn/hormesis_prior": CLINIC}


def share_inside(model, meds):
    """Share of the given MEDs inside the published range, or None where nothing is published for the model."""
    known = RANGES.get(model.name)
    if known is None or not len(meds):
        return None
    return float(((meds >= known.lowest) & (meds <= known.highest)).mean())
