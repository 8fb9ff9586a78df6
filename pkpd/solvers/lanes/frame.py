"""What the header of a generated module defines for the files that are pasted behind it.

Here it stands in the small: the numbers are those of one state in eight lanes, and functions only
say what they do, so that the files of this folder can be read, checked and imported by themselves.
A method writes what is listed under its name, and what is listed under `every method`; the rest is
written for every model. Knows names; computes nothing.
"""

import numpy as np

# Sizes
LANES = 8  # patients side by side; entry (row, lane) of the work array w is at row + lane
DYNAMIC = 1  # states of the model
STATES = 1  # states, then integrals
OUTPUTS = 1  # observed values
SIZE = 240  # numbers in the work array
WIDTH = 8  # numbers that hold one value of every state in every lane

# What a kernel does besides; numba leaves out what stands under a flag that is False
WATCHES = False  # it looks for extremes and times above levels
SWITCHES = False  # rates hold comparisons that change during a run
COMPARES = False  # some of them at times that are not known beforehand
EVENTS = False  # states change when a condition becomes true
PREPARES = False  # dense output needs more than the stages of a step

# Rows of the work array: the clock of a lane, see pkpd.kernels.layout
T, H, STOP, SUGGEST, LOG_ERROR, RESTART = 0, 8, 16, 24, 32, 40
FIRST, REACHES_EVENT, ACTIVE, COUNT, NEXT_OUTPUT = 48, 56, 64, 72, 80
REJECTED, TRIALS, PROBE, ACCEPTED, T_OLD, H_OLD = 88, 96, 104, 112, 120, 128
EVENT, FAILED, FRESH, STIFFNESS, COME_UPON, FELL_BELOW = 136, 144, 152, 160, 168, 176

# Rows of the work array: first state or stage of each group
Y = 200  # present values
OLD = 208  # values before the last step
LARGEST = 216  # largest sizes so far
SLOPE = 224  # derivatives at the present values
STAGE = 232  # derivatives (or their like) in the stages of the last step, one after another
RATES = 192  # constant rates of infusion

# Infusions, signals, switches
INFLOWS = 1
INFUSED = (0,)  # the state of each infusion
SIGNALS = EXTREMES = 0  # the first of the signals are watched for extremes, the others for levels
COMPARED = 0
FLAGS = (0,)  # row of the flag of each switch that is compared


# Functions of the model, for the lane of the work array w


def constants(p, w, lane):
    """Fill in what depends on the inputs p (K,) alone."""


def initial(w, lane):
    """Set the states to their start values."""


def outputs(t, z, w, lane, out):
    """Write the observed values at time t and states z to out (O,)."""


def watch(t, z, w, lane, out):
    """Write the signals at time t and states z to out (SIGNALS,)."""


def settle(t, z, w, lane):
    """Set every flag as it is just after t; stop the lane where a known time comes next.

    Returns whether a flag changed.
    """


def fire(t, z, w, lane, starts, anew):
    """Do the first event whose condition has become true; where a run `starts` do none.

    anew : whether it starts with start values, after which events at the start are still to come

    Returns whether one was done.
    """


def compare(t, z, w, lane, out):
    """Write the gaps of the switches that are compared to out (COMPARED,)."""


# Every method


def step(w, rtol, floor, limit):
    """One trial step in every lane. Returns how many lanes want attention."""


def refresh(w):
    """Derivatives at the present values, in lanes marked fresh."""


def dense(w, lane, time, z):
    """Values of the lane at a time inside its last step, written to z (S,)."""


def prepare(w):
    """What `dense` needs beside the stages, in every lane; written where PREPARES."""


def stiff(w, lane):
    """Whether the lane's last step was as long as stability allows."""


# Runge-Kutta methods in loops, explicit or Rosenbrock; the coefficients are those of the tableau

STAGES = 2
SHARE = np.zeros(2)  # c: place of each stage in the step
A = np.zeros((2, 2))
DENSE_WEIGHTS = np.zeros((2, 2))
VALUES = 200  # row of the values in the present stage


def slopes(w, t, h, share, into):
    """Derivatives at the time in row t + share*(the length in row h) and VALUES, to row `into`."""


# Explicit ones

ALL_STAGES = 2  # with those that dense output alone needs
ERROR_WEIGHTS = np.zeros(2)
STIFF_WEIGHTS = np.zeros(2)  # of the stages in the distance of the last two
STABLE = 1.0  # square of the step times rate at which stability ends
AMOUNTS = (True,)  # which states cannot fall below 0
MEAN, WORST, BELOW = 200, 208, 216  # rows of what `errors` finds
UNITS = 1  # of states
ALIKE = (0,)  # number of the unit of each state
MOST = 224  # first row of the largest values in each unit
NOTHING = 1e-20  # share of that beside which nothing counts


def judge(w, limit):
    """The verdict on every lane and its next step size. Returns how many want attention."""


# Rosenbrock ones

C = np.zeros((2, 2))
TIME_SHARE = np.zeros(2)  # d: weight of the derivative by time
MATRIX, PIVOT, SUM, TIME_SLOPE = 200, 208, 216, 224  # rows
ERROR = 232  # row of the last stage, which is the error


def matrix(w):
    """1/(gamma*h) - J of every lane to MATRIX, its derivatives by time to TIME_SLOPE."""


# Exact steps of linear models

ROWS = 2  # of the matrix: states, integrals, the number 1 where needed, infusions
ENTRIES = 3  # of the matrix that can differ from 0, those on the diagonal first
ENTRY_WIDTH = 24  # numbers that hold every entry in every lane
MOST_KEPT = 8  # exponentials that a lane keeps beside the one in use
MATRIX_M = 200  # row of the first entry of M
X, X2, X3, X4 = 200, 224, 248, 272  # M h/2^s and its powers
EXPONENTIAL = 296  # exp(M h) - 1
DIAGONAL = 320  # the diagonal of exp(M h)
PRODUCT = 344
IN_USE = 368  # exp(M h) over the present length
LENGTHS, KEPT = 392, 456  # of the exponentials that are kept, and these
LENGTH, PART, DOUBLINGS, WANTED, USING, OLDEST = 650, 658, 666, 674, 682, 690


def norm(w, lane):
    """Largest sum of sizes in a column of the lane's matrix, inputs and integrals left out."""


def square(w):
    """X2 = X X in every lane."""


def cube(w):
    """X3 = X2 X in every lane."""


def fourth(w):
    """X4 = X2 X2 in every lane."""


def raised(w):
    """PRODUCT = X4 EXPONENTIAL in every lane."""


def double(w, done):
    """One doubling in every lane that needs more of them than `done`."""


def move(w):
    """Carry every active lane over its length by the exponential in use."""


def inside(w, lane, z):
    """Values of the lane from those before its last step, by the last exponential, written to z."""
