"""Variability as model files and options write it: iiv, omega, iov, residual and prior.

Between people (iiv, omega), between occasions (iov), of observations (residual), and of what is
known of a typical value (prior).

Knows the words and their numbers; knows no files. A mistake is a PkpdError without a place.
"""

import math

import numpy as np

from pkpd.errors import PkpdError, quoted
from pkpd.symbolic.model import Prior, Residual, Variability
from pkpd.symbolic.quantities import quantity

LARGEST = 1e100  # the square of a number of a model file is a number
ROUNDED = 0.01  # of a correlation: what digits lost in print can do
MOST_PROJECTIONS = 1000
SPREADS = {"lognormal": {"cv"}, "logitnormal": {"cv", "logit_sd"}, "normal": {"sd"}}  # of a kind
ENDS = {"lognormal": (0.0, np.inf), "logitnormal": (0.0, 1.0)}  # of a kind
BOUNDS = {"lower", "upper"}  # of a normal
_WORDS = {"cv", "kind", "logit_sd", "sd", "lower", "upper", "classes"}
PRIORS = {  # entries of a kind of prior, besides kind and reason
    "loguniform": {"low", "high"},
    "lognormal": {"cv"},
    "logitnormal": {"logit_sd"},
}
_PRIOR = "{ low, high, reason }, { cv, reason } or { logit_sd, reason }"
_WAYS = '{ cv }, { logit_sd }, { cv, kind = "logitnormal" }, { sd, lower, upper } or { classes }'


def possible(item, values, *, typical=False):
    """(M,) whether an input, by its role and its variability, can have these values.

    typical : typical values, which lie inside a range whose ends, 0 or 1, a single person may reach
    """
    values = np.asarray(values, dtype=float)
    kind = item.iiv.kind if item.iiv else ""
    if item.role == "switch":
        return np.isin(values, (0, 1))
    if kind == "classes":
        return np.isin(values, range(len(item.iiv.classes)))
    low, high = ENDS.get(kind, (-np.inf, np.inf))
    inside = (values > low) & (values < high)
    at_end = np.isfinite(values) & ((values == low) | (values == high))
    return inside if typical else inside | at_end


def between_people(name, entry, value, sd=None):
    """Variability of an `iiv` entry, or None without one.

    sd : latent SD that [omega] gives to the input; the entry may then name its kind only
    """
    if entry is None and sd is None:
        return None
    entry = {} if entry is None else entry
    if not isinstance(entry, dict) or not set(entry) <= _WORDS:
        raise PkpdError(f"'{name}': iiv is {_WAYS}.")
    if "classes" in entry:
        return _classes(name, entry, value)
    if sd is not None:
        if set(entry) - {"kind", "lower", "upper"}:
            raise PkpdError(
                f"'{name}' has its variability in [omega] and again in iiv; keep one of them."
            )
        entry = entry | {"sd": sd, "kind": entry.get("kind", "lognormal")}
    return _spread(name, entry, value, sd)


def _spread(name, entry, value, latent):
    kind = _kind(name, entry)
    numbers = {k: _number(v, f"iiv {k} of '{name}'") for k, v in entry.items() if k != "kind"}
    if any(numbers.get(k, 1.0) < 0 for k in ("cv", "logit_sd", "sd")):
        raise PkpdError(f"'{name}': iiv must not be negative.")
    if latent is None:
        _check_words(name, kind, set(numbers))
    elif kind != "normal" and BOUNDS & set(numbers):
        raise PkpdError(f"'{name}': lower and upper are of a normal input, not of a {kind} one.")
    return _OF_KIND[kind](name, numbers, value, latent)


def _lognormal(name, numbers, value, latent):
    if value <= 0 and latent != 0:
        raise PkpdError(f"'{name}': a log-normal median is positive, not {value:g}.")
    sd = math.sqrt(math.log1p(numbers["cv"] ** 2)) if latent is None else latent
    return Variability("lognormal", sd)


def _logitnormal(name, numbers, value, latent):
    if not 0 < value < 1:
        raise PkpdError(f"'{name}': a logit-normal median lies between 0 and 1, not at {value:g}.")
    if latent is not None:
        return Variability("logitnormal", latent)
    # delta method: SD on the logit scale of a fraction with this CV
    sd = numbers.get("logit_sd", numbers.get("cv", 0.0) / (1 - value))
    return Variability("logitnormal", sd)


def _normal(name, numbers, value, latent):
    lower, upper = numbers.get("lower"), numbers.get("upper")
    if (lower is not None and lower >= value) or (upper is not None and upper <= value):
        raise PkpdError(f"'{name}': its value must lie between lower and upper.")
    return Variability("normal", numbers["sd"], lower, upper)


_OF_KIND = {"lognormal": _lognormal, "logitnormal": _logitnormal, "normal": _normal}


def _kind(name, entry):
    """The kind of distribution that is written, or that the word for its spread says."""
    usual = "logitnormal" if "logit_sd" in entry else "normal" if "sd" in entry else "lognormal"
    kind = entry.get("kind", usual)
    if not isinstance(kind, str) or kind not in SPREADS:
        raise PkpdError(f"'{name}': its kind is one of {', '.join(SPREADS)}, not {quoted(kind)}.")
    return kind


def _check_words(name, kind, words):
    """Raise PkpdError where the words are not one spread of the kind, and bounds of a normal."""
    spreads = " or ".join(sorted(SPREADS[kind]))
    if len(words & SPREADS[kind]) != 1:
        raise PkpdError(f"'{name}': a {kind} input has one spread, {spreads}.")
    beyond = words - SPREADS[kind] - (BOUNDS if kind == "normal" else set())
    if beyond:
        raise PkpdError(
            f"'{name}': '{min(beyond)}' does not go with {spreads}, which is of a {kind} input; "
            f"write {_WAYS}."
        )


def _classes(name, entry, value):
    """A discrete variability: class 0, 1, 2, ... in the order written, with their probabilities."""
    shares = entry["classes"]
    if set(entry) != {"classes"} or not isinstance(shares, dict) or len(shares) < 2:
        raise PkpdError(
            f"'{name}': classes is a table of at least two, "
            "such as { classes = { non_responder = 0.4, responder = 0.6 } }."
        )
    numbers = [
        _number(share, f"the probability of class '{label}' of '{name}'")
        for label, share in shares.items()
    ]
    if min(numbers) < 0 or abs(sum(numbers) - 1) > 1e-9:
        raise PkpdError(
            f"'{name}': the probabilities of its classes must not be negative and must sum to 1, "
            f"not to {sum(numbers):g}."
        )
    if value not in range(len(numbers)):
        raise PkpdError(
            f"'{name}': its value is the number of a class, 0 to {len(numbers) - 1}, not {value:g}."
        )
    return Variability("classes", 0.0, classes=tuple(zip(map(str, shares), numbers, strict=True)))


def prior(name, entry, value):
    """Prior of a `prior` entry, or None without one."""
    if entry is None:
        return None
    kind = _kind_of_prior(entry)
    if kind is None:
        raise PkpdError(f"'{name}': a prior is {_PRIOR}.")
    reason = entry["reason"]
    if not isinstance(reason, str) or not reason.strip():
        raise PkpdError(f"'{name}': the reason of a prior is a sentence on why it is what it is.")
    numbers = {word: _number(entry[word], f"prior {word} of '{name}'") for word in PRIORS[kind]}
    _check_prior(name, kind, numbers, value)
    if kind == "loguniform":
        if not numbers["low"] <= value <= numbers["high"] or numbers["low"] == numbers["high"]:
            raise PkpdError(f"'{name}': its value must lie between low and high of its prior.")
        return Prior(kind, reason, numbers["low"], numbers["high"])
    if kind == "lognormal":
        return Prior(kind, reason, spread=math.sqrt(math.log1p(numbers["cv"] ** 2)))
    return Prior(kind, reason, spread=numbers["logit_sd"])


def _kind_of_prior(entry):
    """The kind that the words of a `prior` entry are of, or None."""
    for kind, words in PRIORS.items():
        if isinstance(entry, dict) and entry.keys() == words | {"reason"}:
            return kind
    return None


def _check_prior(name, kind, numbers, value):
    highest = 1 if kind == "logitnormal" else math.inf
    if min(numbers.values()) <= 0 or not 0 < value < highest:
        within = "between 0 and 1" if kind == "logitnormal" else "above 0"
        raise PkpdError(f"'{name}': a {kind} prior needs a value {within}, and numbers above 0.")


def between_occasions(name, entry, iiv, value):
    """Variability of an `iov` entry, on the scale on which people differ, or None without one."""
    if entry is None:
        return None
    if iiv is not None and (iiv.kind == "classes" or (iiv.lower, iiv.upper) != (None, None)):
        raise PkpdError(
            f"'{name}': iov needs a log-normal, logit-normal or unbounded normal input."
        )
    words = {"cv", "logit_sd", "sd"} | ({"kind"} if iiv is None else set())
    if not isinstance(entry, dict) or not set(entry) <= words:
        raise PkpdError(
            f"'{name}': iov is {{ cv }}, {{ logit_sd }} or {{ sd }}, on the scale of its iiv."
        )
    return between_people(name, entry if iiv is None else entry | {"kind": iiv.kind}, value)


def covariance(names, rows):
    """SDs and correlations, ([sd], [(a, b, r)]), of the lower triangle of a latent covariance."""
    values = _triangle(len(names), rows)
    variances = [row[-1] for row in values]
    if min(variances, default=0.0) < 0:
        raise PkpdError("the variances on the diagonal must not be negative.")
    sd = list(map(math.sqrt, variances))
    pairs = []
    for i, row in enumerate(values):
        for j, value in enumerate(row[:-1]):
            if value and not sd[i] * sd[j]:
                fixed, other = (names[i], names[j]) if not sd[i] else (names[j], names[i])
                raise PkpdError(
                    f"'{fixed}' has variance 0 and a covariance with '{other}'; "
                    "make the covariance 0."
                )
            if value:
                pairs.append((names[j], names[i], value / (sd[i] * sd[j])))
    return sd, pairs


def _triangle(count, rows):
    """Rows of 1 to `count` numbers. Raises PkpdError for anything else."""
    lists = isinstance(rows, list) and all(isinstance(row, list) for row in rows)
    if not lists or list(map(len, rows)) != list(range(1, count + 1)):
        raise PkpdError(
            f"the covariance of {count} inputs is its lower triangle, rows of 1 to {count} "
            "numbers: [[0.09], [0.03, 0.16]]."
        )
    return [[_number(value, "a covariance") for value in row] for row in rows]


def reconciled(pairs):
    """Correlations (a, b, r) that can hold together, and a sentence where they had to move, or "".

    Covariances as published have few digits, and rounding can make their matrix indefinite by as
    much. The nearest matrix of correlations then takes its place (Higham 2002, IMA J. Numer. Anal.
    22, 329-343). Raises PkpdError where a correlation would move by more than ROUNDED.
    """
    import numpy as np

    names = sorted({name for pair in pairs for name in pair[:2]})
    omega = np.eye(len(names))
    for a, b, r in pairs:
        # anything farther beyond 1 is as wrong, and has no eigenvalues to speak of
        r = min(max(r, -2.0), 2.0)
        omega[names.index(a), names.index(b)] = omega[names.index(b), names.index(a)] = r
    lowest = float(np.linalg.eigvalsh(omega)[0]) if names else 1.0
    if lowest > -1e-12:
        return tuple(pairs), ""
    nearest = _nearest_correlations(omega)
    moved = float(np.abs(nearest - omega).max())
    written = ", ".join(f"{a}-{b} {r:.3g}" for a, b, r in pairs[:10])
    if moved > ROUNDED:
        raise PkpdError(
            f"the correlations {written} cannot hold together: their matrix is not positive "
            f"semi-definite (lowest eigenvalue {lowest:.2g})."
        )
    settled = []
    for i, j in zip(*np.tril_indices(len(names), -1), strict=True):
        if abs(nearest[i, j]) > 1e-12:
            settled.append((names[j], names[i], float(nearest[i, j])))
    return tuple(settled), (
        f"the correlations {written} cannot hold together as written (lowest eigenvalue "
        f"{lowest:.2g}), as rounded digits cannot; the nearest that can are used, which differ by "
        f"at most {moved:.1g}."
    )


def _nearest_correlations(omega):
    """Nearest positive semi-definite matrix with a diagonal of 1, by alternating projections."""
    import numpy as np

    nearest, correction = omega.copy(), np.zeros_like(omega)
    for _ in range(MOST_PROJECTIONS):
        shifted = nearest - correction
        values, vectors = np.linalg.eigh(shifted)
        definite = (vectors * np.maximum(values, 0.0)) @ vectors.T
        correction = definite - shifted
        nearest = (definite + definite.T) / 2
        np.fill_diagonal(nearest, 1.0)
        if np.abs(nearest - definite).max() < 1e-13:
            break
    return np.clip(nearest, -1.0, 1.0)


def residual(name, text, unit):
    """Residual of an output from "0.05 ng/mL" (additive), "15 %" (proportional),
    "15 % + 0.05 ng/mL" (combined) or "log 15 %"."""
    parts = list(map(str.strip, str(text).split("+")))
    logarithmic = parts[0].startswith("log ")
    if logarithmic and len(parts) == 1:
        return Residual(name, log=_share(parts[0][4:], text))
    found = {}
    for part in parts:
        key = "proportional" if part.endswith("%") else "additive"
        if key in found or part.startswith("log"):
            raise PkpdError(
                f"residual '{text}' must be one of '0.05 {unit}', '15 %', '15 % + 0.05 {unit}' "
                "and 'log 15 %'."
            )
        found[key] = (
            _share(part, text) if key == "proportional" else _size(quantity(part, unit), text)
        )
    return Residual(name, **found)


def _share(part, text):
    return _size(quantity(part, "1"), text)


def _size(value, text):
    if value < 0:
        raise PkpdError(f"residual '{text}' must not be negative.")
    return value


def _number(value, what):
    if type(value) not in (int, float) or not abs(value) < LARGEST:
        raise PkpdError(f"{what} must be a finite number, not {str(value)[:40]!r}.")
    return float(value)
