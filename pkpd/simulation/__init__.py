"""Simulation: a model, a regimen or event table, and people meet here.

Knows how to bring them together and to solve them; knows nothing of methods, files or reports.
"""

from pkpd.simulation.run import simulate

__all__ = ["simulate"]
