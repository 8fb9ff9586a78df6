"""Estimates of a System -> the text of a file for --uncertainty.

Knows the entries of such a file; knows nothing of where estimates come from.
"""

import json

from pkpd.errors import ModelError
from pkpd.exchange.model_file import called
from pkpd.exchange.system import System


def written(system: System) -> str:
    """The text of the file. Raises ModelError where the source has no covariance."""
    found = system.estimates
    if found is None:
        raise ModelError(f"{system.source}: no covariance of the estimates.")
    own = called(system)
    lines = [
        f"# Covariance of the estimates of {' '.join(system.source.split())}, for --uncertainty.",
        "# Variances between people and of residual errors count as known.",
        f"names = {json.dumps([own[name] for name in found.names])}",
        'scale = "natural"',
        f"lower = {found.lower!r}",
        f"upper = {found.upper!r}",
        "covariance = [",
        *(f"    {row!r}," for row in found.covariance),
        "]",
        "",
    ]
    return "\n".join(lines)
