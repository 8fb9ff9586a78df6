"""The stages that dense output alone needs, of an explicit step in loops.

Knows lanes and stages; knows nothing of drugs or doses.
"""

from numba import njit

from pkpd.solvers.lanes.explicit import stage
from pkpd.solvers.lanes.frame import ALL_STAGES, H_OLD, OLD, STAGES, T_OLD


@njit(error_model="numpy")
def prepare(w):
    """What the dense output of the last step needs beside its stages, in every lane."""
    for s in range(STAGES, ALL_STAGES):
        stage(w, s, OLD, T_OLD, H_OLD)
