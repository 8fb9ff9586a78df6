"""Names of a model that another language takes for its own, and what they are called there.

Knows names; knows nothing of what they mean.
"""

from collections.abc import Callable, Collection, Iterable


def renamed(
    names: Iterable[str], taken: Collection[str], fitting: Callable[[str], str] = str
) -> dict[str, str]:
    """name -> its name in another language, all of them different and none of them `taken`.

    fitting : makes a text one that the language can read as a name
    """
    given: dict[str, str] = {}
    used = set(taken)
    for name in names:
        wanted = candidate = fitting(name)
        number = 1
        while candidate in used:
            number += 1
            candidate = fitting(f"{wanted}_{number}") if number > 2 else fitting(f"{wanted}_")
        given[name] = candidate
        used.add(candidate)
    return given
