"""Noncompartmental analysis: `profile` of one dose, `noncompartmental` of a table."""

from pkpd.nca.analysis import noncompartmental
from pkpd.nca.profile import area, profile, terminal_slope

__all__ = ["area", "noncompartmental", "profile", "terminal_slope"]
