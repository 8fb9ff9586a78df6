"""Noncompartmental analysis: `profile` of one dose, `noncompartmental` of a table."""

from pkpd.nca.analysis import Noncompartmental, noncompartmental
from pkpd.nca.profile import area, profile, terminal_slope

__all__ = ["Noncompartmental", "area", "noncompartmental", "profile", "terminal_slope"]
