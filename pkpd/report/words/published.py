"""Ranges of maximally effective doses that clinics have published, to set beside simulated ones.

Knows names of models and papers; knows nothing of results.
"""

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


def format_range(published):
    """What is published, in words."""
    ends = f"{published.lowest:g}-{published.highest:g} {published.unit}"
    paper = published.source.partition(",")[0]
    return f"{ends}: range of {published.patients} published MEDs ({paper})"


def inside(model, benefit):
    """(lowest, highest) published MED, or None where the model has none in the benefit's unit."""
    published = RANGES.get(model.name)
    if published is None or published.unit != benefit.unit:
        return None
    return published.lowest, published.highest
