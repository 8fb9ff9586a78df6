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


def format_range(known):
    """What is published, in words."""
    return f"{known.lowest:g}-{known.highest:g} {known.unit}: range of {known.patients} published MEDs ({known.source.partition(',')[0]})"


def inside(model, benefit):
    """(lowest, highest) published MED, or None where nothing is published for the model in the unit of the rule."""
    known = RANGES.get(model.name)
    return (known.lowest, known.highest) if known and known.unit == benefit.unit else None
