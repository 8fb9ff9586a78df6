"""Compiled functions of the package, kept on disk where numba finds a place for them.

Knows numba; knows nothing of what the functions do.
"""

from typing import Any

from numba import extending, njit
from numba.core import codegen, config

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
INLINE: dict[str, Any] = {"forceinline": True, "error_model": "numpy"}  # parts of a step
intrinsic: Any = extending.intrinsic  # numba gives the first argument of such a function
# called by machine code alone
INSIDE: dict[str, Any] = OPTIONS | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def compiled(function):
    """The function compiled at its first call, from numba's cache where there is one.

    A package installed by somebody else for users without a home has no place for a cache.
    """
    try:
        return njit(cache=True, **OPTIONS)(function)
    except RuntimeError:
        return njit(**OPTIONS)(function)


def _take_whole_registers():
    """Eight lanes are one register of 512 bits: use them where the processor has them.

    For many Intel processors LLVM prefers half of a register, with which a step of ldn/hormesis
    took 1.7 times as long on a Xeon. Numbers are the same to the bit. What numba has compiled
    before, in this process, stays as it is, and so do features that the user has chosen.
    """
    features = codegen.get_host_cpu_features()
    if config.CPU_FEATURES is None and "+avx512f" in features:
        config.CPU_FEATURES = f"{features},-prefer-256-bit"


_take_whole_registers()
