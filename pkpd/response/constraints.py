"""Constraints on doses as people write them: "cmax(cows) < 5".

Knows words, endpoints and units; knows nothing of doses or people.
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from pkpd.endpoints import Endpoint, read
from pkpd.errors import PkpdError
from pkpd.symbolic.quantities import quantity

SIGNS: dict[str, Callable] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_CONSTRAINT = re.compile(r"(?P<endpoint>.+\))\s*(?P<sign><=|>=|<|>)\s*(?P<level>.+)\Z")


@dataclass(frozen=True)
class Constraint:
    """What an endpoint must keep to. level : in the endpoint's unit"""

    endpoint: Endpoint
    sign: str
    level: float

    @property
    def columns(self):
        """What it is called over the first period of a dose, and in its steady state."""
        return f"{self.endpoint.text}_first", f"{self.endpoint.text}_steady"

    def holds(self, values):
        """Whether values keep to it; one that is no number does not."""
        return SIGNS[self.sign](values, self.level)


def constraints(model, texts) -> tuple[Constraint, ...]:
    """Constraints of texts such as "cmax(cows) < 5" or "time_above(Cc, 1 ng/mL) <= 2 h".

    Raises PkpdError for what cannot be read, an unknown name or a unit that does not fit.
    """
    matches = [_CONSTRAINT.match(text.strip()) for text in texts]
    for text, match in zip(texts, matches, strict=True):
        if match is None:
            raise PkpdError(
                f"Constraint '{text}' cannot be read; write an endpoint, a sign and a level, such "
                "as 'cmax(cows) < 5'."
            )
    given = [match for match in matches if match is not None]
    endpoints = read(model, [match["endpoint"] for match in given]) if given else ()
    return tuple(
        Constraint(endpoint, match["sign"], quantity(match["level"], endpoint.unit))
        for endpoint, match in zip(endpoints, given, strict=True)
    )
