"""Generated source as readable files in the cache folder, named by a hash of all that shapes it.

Knows builds, files and modules; knows nothing of models.
"""

import hashlib
import importlib.util
import sys
import threading
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from pkpd import caching

PACKAGE = Path(__file__).resolve().parents[1]
_importing = threading.Lock()  # a second thread must not meet a module that is half executed
SHAPING = ("kernels", "solvers", "symbolic")  # rooms whose source shapes a kernel


@cache
def fingerprint(lanes, more=()):
    """One line that names this build: package source, Python, numba, CPU and lane width.

    more : rooms whose source counts besides those that shape kernels
    """
    import llvmlite.binding as llvm
    import numba

    package = _source_hash((*SHAPING, *more))
    python = ".".join(map(str, sys.version_info[:3]))
    features = hashlib.sha256(llvm.get_host_cpu_features().flatten().encode()).hexdigest()[:8]
    cpu = f"{llvm.get_host_cpu_name()}-{features}"
    return f"pkpd-{package} python-{python} numba-{numba.__version__} cpu-{cpu} lanes-{lanes}"


@cache
def _source_hash(rooms):
    digest = hashlib.sha256()
    for room in rooms:
        for file in sorted((PACKAGE / room).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def source_file(name, key):
    """Path of a generated module: what kind it is, and a hash of a key text."""
    slug = "".join(c if c.isalnum() else "_" for c in name)[-40:]
    return (
        caching.folder() / "kernels" / f"{slug}_{hashlib.sha256(key.encode()).hexdigest()[:20]}.py"
    )


def write(path, text):
    """Keep `text` under `path`, or elsewhere if that fails. Returns the path.

    numba keeps the machine code beside it.
    """
    path = caching.write(path, text.encode())
    with suppress(OSError):
        caching.make(path.parent / "__pycache__")
    return path


def load(path):
    """Import a generated module under its file's name; numba keeps its machine code beside it.

    Of several processes that want a module one compiles it, and the others wait and read that.
    """
    name = f"pkpd_generated_{path.stem}"
    with _importing:
        if name in sys.modules:
            return sys.modules[name]
        if caching.read(path) is None:
            raise ImportError(f"{path} is damaged, or somebody else may have written it")
        spec: Any = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            with _alone(path):
                spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module


@contextmanager
def _alone(path):
    """No other process compiles the module of this path meanwhile, where the system has locks."""
    beside = path.parent / "__pycache__"
    with ExitStack() as held:
        if not any(beside.glob(f"{path.stem}.*.nbi")):  # else it is compiled already
            with suppress(ImportError, OSError):
                import fcntl

                lock = held.enter_context(open(beside / f"{path.stem}.lock", "a"))
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def kept(path, last):
    """The module kept under a path, or None.

    last : a name that its end defines: half a file may still be sound Python. A damaged file of
        any kind is removed, never trusted.
    """
    if not path.exists():
        return None
    try:
        module = load(path)
        getattr(module, last)
    except Exception:
        discard(path)
        return None
    return module


def discard(path):
    """Remove a damaged module and its machine code."""
    sys.modules.pop(f"pkpd_generated_{path.stem}", None)
    for file in (path, *(path.parent / "__pycache__").glob(f"{path.stem}.*")):
        file.unlink(missing_ok=True)
