"""What patients draw of a model's inputs, each input by its own address.

Knows inputs, their variability and IDs of patients; knows nothing of tables of people.
"""

import numpy as np

from pkpd.population.sampling import SAMPLINGS
from pkpd.population.spreads import law_between
from pkpd.population.variability import around, classes, correlate, factor, is_continuous


def drawn_inputs(model, names, latent, classified, changed, spreads):
    """Inputs (P, K) of people with latent normals (P, V) of `names` and {input: classes (P,)}."""
    theta = np.empty((len(latent), len(model.inputs)))
    for k, item in enumerate(model.inputs):
        typical = float(changed.get(item.name, item.value))
        if is_continuous(item):
            law = law_between(item, spreads)
            theta[:, k] = around(law, typical, latent[:, names.index(item.name)])
        elif item.iiv is not None and item.name not in changed:
            theta[:, k] = classified[item.name]
        else:
            theta[:, k] = typical
    return theta


def latent_normals(model, names, ids, seed, replicate, sampling):
    """Correlated standard normals (P, V) of the inputs `names`, each drawn by its own address.

    Correlated inputs are combined in alphabetical order, so that a file's order changes nobody.
    """
    from scipy.special import ndtri

    order = sorted(range(len(names)), key=names.__getitem__)
    alphabetical = [names[k] for k in order]
    z = ndtri(SAMPLINGS[sampling](seed, ids, alphabetical, replicate))
    out = np.empty_like(z)
    out[:, order] = correlate(factor(alphabetical, model.correlations), z)
    return out


def drawn_classes(model, ids, seed, replicate, sampling):
    """{input: class numbers (P,)} of the inputs with classes, each drawn by its own address."""
    items = [item for item in model.inputs if item.iiv is not None and not is_continuous(item)]
    u = SAMPLINGS[sampling](seed, ids, [item.name for item in items], replicate)
    return {item.name: classes(item.iiv, u[:, k]) for k, item in enumerate(items)}
