"""Compiled functions of the package, kept on disk where numba finds a place for them.

Knows numba; knows nothing of what the functions do.
"""

from typing import Any

from numba import njit

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
INLINE: dict[str, Any] = {"forceinline": True, "error_model": "numpy"}  # parts of a step


def compiled(function):
    """The function compiled at its first call, from numba's cache where there is one.

    A package installed by somebody else for users without a home has no place for a cache.
    """
    try:
        return njit(cache=True, **OPTIONS)(function)
    except RuntimeError:
        return njit(**OPTIONS)(function)
