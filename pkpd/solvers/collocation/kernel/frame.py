"""What the header of a generated module defines for the loop that is pasted behind it.

Here it stands in the small: numbers are those of a model of one state, and functions only say what
they do, so that the file can be read, checked and imported by itself. Knows names; computes
nothing.
"""

import numpy as np

# Sizes
NODES = 6  # of a panel
STATES = BLOCKS = 1
INTEGRALS = 0
MOST_SWEEPS = 12  # of Newton's method
STILL = 1e-5  # of the way to the steady state: a state that moves by less in an interval is there
CONTRACTS = 0.05  # share of what half the panels differ by, that bounds the error
SQUARINGS = 36  # of a map of an interval, to find its largest eigenvalue
MARGINAL = 1e-9  # a map whose largest eigenvalue is no further below 1 is left to others

# Tables
A = np.zeros((NODES, NODES))  # integrals of the nodes' polynomials
KNOWN = np.zeros(NODES + 1)  # a panel's start and nodes, as shares of it
PLACES = np.zeros(3)  # where extremes are looked for
PLAN = np.zeros((BLOCKS, 17), dtype=np.int64)  # a block a row, in columns:
# number of states; whether linear; how many of them have maps that are kept; whether proportional
SIZE_OF, LINEAR, PREPARED, PROPORTIONAL = 0, 1, 2, 3
NODES_AT, STARTS_AT, JUMPS_AT = 4, 5, 6  # places of nodes, panels' starts, what doses add
MAP_AT = 7  # of one interval
MATRIX_AT, KEPT_FLOW_AT, KEPT_INVERSE_AT = 8, 9, 10  # constant M; maps of panels that are kept
START_AT, LARGEST_AT, SMALLEST_AT = 11, 12, 13
UNIT_NODES_AT, UNIT_ENDS_AT, UNIT_STARTS_AT = 14, 15, 16  # the same for doses that sum up to 1
ORDER = np.zeros(STATES, dtype=np.int64)  # the model's number of each state, in order of solution
AMOUNTS = np.zeros(0, dtype=np.int64)  # states that cannot be below 0, in order of solution
TARGETS = np.zeros((1, 2), dtype=np.int64)  # place of a target's first jump, and way to the next
# where a state that `watch` needs is read, its places at the start and the first node of the first
# panel, and the way to the next node
READ = np.zeros((1, 4), dtype=np.int64)

# Places in the work array. START and COARSE, of the finer and the coarser mesh, are those of each
# state's start and of each integral; LARGEST those of their sizes.
LANES, LENGTHS, GOING, CHANGE, UNSOLVED, START, COARSE, FOUND = 0, 8, 16, 24, 32, 40, 48, 56
LARGEST, SMALLEST, SCALE, MONODROMY, SYSTEM, REST, MATRIX, SHIFT = 64, 72, 80, 88, 96, 104, 112, 120
FLOW, WRITTEN, GUESSES = 128, 136, 144


# Functions of the model


def constants(p, w, lane):
    """Fill in what depends on the inputs p (K,) alone."""


def matrix(k, w):
    """Write the constant M of block k, or of its first state."""


def signals(k, w, count):
    """Write what block k needs at all nodes and what does not change while it is solved."""


def rates(k, w, count):
    """Write M, where it moves, and the rest b of block k at all nodes of so many panels."""


def guess(w):
    """Write the start values of all blocks that are not linear to GUESSES."""


def watch(w):
    """Write what is watched to WRITTEN, from the states that stand where READ says."""


def quadrature(w, first, count):
    """The integrals over so many panels from the first one on, and of their absolute values."""
