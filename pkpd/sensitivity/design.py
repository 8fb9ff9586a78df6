"""What varies in a model, one dimension of the unit cube for each, and the people at its points.

Dimensions are independent; correlated inputs are made of several, in file order (Cholesky): a first
index takes what is shared with the inputs behind it. Points are SciPy's, by place and not by name
as those of `pkpd.cohort`: an estimate needs two matrices of one scrambling, and no point is a
patient who is met again. Their law is that of the cohort. Knows inputs and their variability;
knows no outputs and no estimator.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pkpd.errors import CohortError
from pkpd.population import sobol
from pkpd.population.cohort import Cohort
from pkpd.population.cohort import cohort as draw
from pkpd.population.variability import around, classes, correlate, factor
from pkpd.symbolic.model import Model


@dataclass(frozen=True)
class Design:
    """The inputs of a model that differ between people.

    names : (V,) in file order; middle : (K,) typical values of all inputs
    changed : those that the user has set
    """

    model: Model
    names: tuple
    middle: np.ndarray
    changed: dict

    def __len__(self):
        return len(self.names)

    def groups(self):
        """Group, the block of equations that first uses an input -> (V,) which inputs are of it."""
        of = {i.name: i.group for i in self.model.inputs}
        mine = np.array([of[name] for name in self.names])
        return {group: mine == group for group in dict.fromkeys(mine.tolist())}

    def typical_class(self, people):
        """The same people, everybody in the typical class."""
        theta = people.theta.copy()
        for k, item in enumerate(self.model.inputs):
            if item.iiv is not None and item.iiv.kind == "classes":
                theta[:, k] = self.middle[k]
        return replace(people, theta=theta)

    def omega(self):
        """(V, V) correlations of the latent normals, 0 for classes; None where there are none."""
        if not self.model.correlations:
            return None
        lower = factor(list(self.names), self.model.correlations)
        return lower @ lower.T

    def points(self, first, last, seed, replicate, copies=2):
        """`copies` independent matrices (copies, N, V) of points of one Sobol' scrambling."""
        dimensions = copies * len(self)
        if dimensions > sobol.MOST_DIMENSIONS:
            raise CohortError(
                f"{len(self)} varying inputs are more than Sobol' points have dimensions."
            )
        drawn = sobol.points(first, last, dimensions, [seed, replicate])
        return np.moveaxis(drawn.reshape(len(drawn), copies, len(self)), 1, 0)

    def people(self, u, seed=0, replicate=0, ids=None):
        """Cohort of the people at points u (N, V) of the open unit cube."""
        from scipy.special import ndtri

        items: dict[str, tuple[int, Any]] = {
            i.name: (k, i.iiv) for k, i in enumerate(self.model.inputs)
        }
        smooth = [j for j, name in enumerate(self.names) if items[name][1].kind != "classes"]
        lower = factor([self.names[j] for j in smooth], self.model.correlations)
        latent = correlate(lower, ndtri(u[:, smooth]))
        theta = np.repeat(self.middle[None, :], len(u), axis=0)
        for j, name in enumerate(self.names):
            k, spread = items[name]
            theta[:, k] = (
                around(spread, self.middle[k], latent[:, smooth.index(j)])
                if j in smooth
                else classes(spread, u[:, j])
            )
        ids = np.arange(1, len(u) + 1, dtype=np.int64) if ids is None else ids
        return Cohort(self.model, seed, "sobol", False, self.changed, ids, theta, latent, replicate)


def design(model, set=None):
    """Design of a model.

    set : typical values in place of the model's; a class that is set is everybody's. Raises
    CohortError.
    """
    typical = draw(model, typical=True, set=set)
    names = tuple(i.name for i in model.inputs if _varies(i, typical.changed))
    if not names:
        raise CohortError(
            f"Nothing varies in {model.name}: no input has iiv, "
            "so nothing can explain how patients differ."
        )
    middle = np.array([typical.changed.get(i.name, i.value) for i in model.inputs])
    return Design(model, names, middle, typical.changed)


def _varies(item, changed):
    """Whether an input differs between patients; a class that is set is everybody's."""
    if item.iiv is None:
        return False
    return item.iiv.kind != "classes" or item.name not in changed
