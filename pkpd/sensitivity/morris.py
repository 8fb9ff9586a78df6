"""Morris screening: how much outputs change when one input moves by half of its distribution.

Inputs stand at the middle of a quarter of their distribution; each in turn moves by two quarters
from the same base (Morris 1991, Technometrics 33, 161-174; from one base instead of along a path:
Campolongo et al. 2011, Comput. Phys. Commun. 182, 978-988). Changes are not divided by the step,
so that they are in the output's unit. SALib has it too, for a design of its own random numbers;
these are the points and scramblings of the other methods. Knows functions on the unit cube; knows
no models.
"""

import numpy as np

LEVELS = 4


def effects(function, u):
    """Changes (V, N, O) of the outputs of a function by each input's move from points u (N, V).

    function : (rows, V) -> (rows, O). Positive where the output rises with the input.
    """
    place = np.minimum(np.floor(LEVELS * u), LEVELS - 1)
    base = (place + 0.5) / LEVELS
    up = place < LEVELS / 2
    inputs = u.shape[1]
    moved = np.repeat(base[None], inputs, axis=0)
    for j in range(inputs):
        moved[j, :, j] += np.where(up[:, j], 0.5, -0.5)
    y = function(np.concatenate([base[None], moved]).reshape(-1, inputs)).reshape(
        inputs + 1, len(u), -1
    )
    return (y[1:] - y[0]) * np.where(up, 1.0, -1.0).T[:, :, None]


def measures(changes):
    """Mean of sizes, mean and SD (3, V, O) of changes (V, N, O); points with NaN are left out."""
    fine = changes[:, ~np.isnan(changes).any(axis=(0, 2))]
    return np.stack([np.abs(fine).mean(axis=1), fine.mean(axis=1), fine.std(axis=1)])
