"""What the header of a generated module defines for the loop that is pasted behind it.

Here it stands in the small: numbers are those of a model of one state, and functions only say what
they do, so that the file can be read, checked and imported by itself. Knows names; computes
nothing.
"""

import numpy as np

# Sizes
NODES = 8  # of a panel
STATES = BLOCKS = 1
INTEGRALS = 0
MOST_SWEEPS = 12  # of Newton's method
SETTLED = 1e-11  # share of the largest value that nodes may lie off what the rates make of them

# Tables
A = np.zeros((NODES, NODES))  # integrals of the nodes' polynomials
TAIL = np.zeros((4, NODES + 1))  # weights of the last Legendre coefficients
PLAN = np.zeros((BLOCKS, 15), dtype=np.int64)  # a block a row, see `source.Source.plan`
ORDER = np.zeros(STATES, dtype=np.int64)  # the model's number of each state, in order of solution
TARGETS = np.zeros((1, 2), dtype=np.int64)  # place of a target's first jump, and way to the next

# Places in the work array
LANES, LENGTHS, GOING, CHANGE, UNSOLVED, START, LARGEST, SMALLEST = 0, 8, 16, 24, 32, 40, 48, 56
ERROR, INTEGRAL, MONODROMY, SYSTEM, REST, MATRIX, SHIFT = 64, 72, 80, 88, 96, 104, 112


# Functions of the model


def constants(p, w, lane):
    """Fill in what depends on the inputs p (K,) alone."""


def matrix(k, w):
    """Write the constant M of block k."""


def rates(k, w, count):
    """Write M, where it moves, and the rest b of block k at all nodes of so many panels."""


def guess(k, w, count):
    """Write the start values of block k to all its nodes."""


def quadrature(w, count):
    """Add the integrals over all panels."""
