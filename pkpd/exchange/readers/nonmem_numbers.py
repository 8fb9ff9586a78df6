"""$THETA, $OMEGA and $SIGMA, or the final estimates of an .ext file, as parameters.

Knows numbers of a run; knows nothing of its code.
"""

import math
import re

from pkpd.errors import ModelError
from pkpd.exchange.system import Parameter

FINAL = -1_000_000_000  # iteration of the final estimates in an .ext file
NOBODY = [[0.0]]  # the block of an ETA that does not vary
_GROUP = re.compile(r"\(([^()]*)\)\s*(?:[xX]\s*(\d+))?|([^\s(),]+)")
_BLOCK = re.compile(r"BLOCK\s*\(\s*(\d+)\s*\)|DIAG(?:ONAL)?\s*\(\s*\d+\s*\)|BLOCK", re.IGNORECASE)
_SAME = re.compile(r"\bSAME\b(?:\s*\(\s*(\d+)\s*\))?", re.IGNORECASE)
_AS_OTHERS = re.compile(r"\b(?:CORR\w*|CHOL\w*|VALUES|NAMES)\b", re.IGNORECASE)
_DEVIATIONS = re.compile(r"\b(?:SD|STAN\w*)\b", re.IGNORECASE)
_OPTIONS = re.compile(r"\b(?:FIX(?:ED)?|SD|STAN\w*|VARI\w*|UNIN\w*)\b", re.IGNORECASE)
MOST = 1000  # numbers of one kind


class Numbers:
    """The numbers of the records, final ones where there are estimates.

    theta, labels, ends : value, label and (lower, upper) end of each THETA
    blocks : for OMEGA and SIGMA, lower triangles in order
    """

    def __init__(self, records, place, estimates):
        self.place = place
        self.theta, self.labels, self.ends = [], [], []
        for lines in records.get("THETA", []):
            for line in lines:
                self._thetas(line)
        self.blocks: dict[str, list] = {"OMEGA": [], "SIGMA": []}
        for name, blocks in self.blocks.items():
            for lines in records.get(name, []):
                self._add(name, blocks, self._blocks(lines))
        if estimates is not None:
            self._replace(estimates)

    def _fail(self, line, message):
        raise ModelError(f"{self.place}:{line.number}: {message}.")

    def _number(self, text, line):
        try:
            value = float(text.lower().replace("d", "e"))
        except ValueError:
            value = math.nan
        if not abs(value) < 1e100:
            self._fail(line, f"'{text[:40]}' is not a number")
        return value

    def _thetas(self, line):
        before = len(self.theta)
        for inside, times, alone in _GROUP.findall(line.text):
            if re.search(r",\s*,", inside):
                self._fail(line, f"no initial value between the ends of THETA ({inside[:40]})")
            words = _without_fixed([alone] if alone else re.split(r"[\s,]+", inside.strip()))
            if words or not alone:
                value, ends = self._initial(words, line)
                count = min(int(times or 1), MOST)
                self.theta += [value] * count
                self.ends += [ends] * count
        if len(self.theta) > MOST:
            self._fail(line, f"more than {MOST} THETAs")
        said = line.comment if len(self.theta) == before + 1 else ""  # of one alone on its line
        self.labels += [said or f"THETA({k + 1})" for k in range(before, len(self.theta))]

    def _initial(self, words, line):
        """(initial estimate, (lower end, upper end)) of (value), (low, value), (low, value, up)."""
        low, high = -math.inf, math.inf
        values = [self._end(word, line) for word in words]
        if len(values) > 1:
            low, *values = values
        if len(values) > 1:
            high = values[1]
        if not values or not math.isfinite(values[0]):
            self._fail(line, "a THETA without a value")
        return values[0], (low, high)

    def _end(self, word, line):
        """The number of a word, or an infinity."""
        bare = word.upper().lstrip("+-")
        if bare in ("INF", "INFINITY"):
            return -math.inf if word.startswith("-") else math.inf
        return self._number(word, line)

    def _blocks(self, lines):
        """Lower triangles of one record; an int n for n times SAME."""
        text = " ".join(line.text for line in lines)
        line = lines[0]
        if _AS_OTHERS.search(text):
            self._fail(
                line,
                "covariances as correlations, Cholesky factors or VALUES() are not carried over",
            )
        same = _SAME.search(text)
        if same:
            return [int(same[1] or 1)]
        size, inside = _BLOCK.search(text), _BLOCK.sub(" ", text)
        if not (size and size[1]):
            return [[[variance]] for variance in self._diagonal(inside, line)]
        if _DEVIATIONS.search(text):
            self._fail(line, "a BLOCK of standard deviations is not carried over")
        words = filter(None, re.split(r"[\s,()]+", _OPTIONS.sub(" ", inside)))
        values = [self._number(word, line) for word in words]
        return [self._triangle(values, int(size[1]), line)]

    def _diagonal(self, text, line):
        """Variances of a record without a BLOCK, in which SD is said of a single value: in its
        parentheses or behind it."""
        values: list[float] = []
        deviates: list[bool] = []
        first = False
        for inside, times, alone in _GROUP.findall(text):
            words = [alone] if alone else re.split(r"[\s,]+", inside.strip())
            numbers = [self._number(w, line) for w in words if not _OPTIONS.fullmatch(w)]
            said = any(map(_DEVIATIONS.fullmatch, words))
            first |= said and not numbers and not values
            if said and not numbers:
                deviates[-1:] = [True] * len(deviates[-1:])
            values += numbers * min(int(times or 1), MOST)
            deviates += [said] * (len(values) - len(deviates))
        if first and len(values) > 1:
            self._fail(line, "SD before several values; write it behind each that is one")
        return [v * v if sd or first else v for v, sd in zip(values, deviates, strict=True)]

    def _triangle(self, values, count, line):
        if len(values) != count * (count + 1) // 2:
            self._fail(line, f"BLOCK({count}) needs {count * (count + 1) // 2} numbers")
        starts = [k * (k + 1) // 2 for k in range(count)]
        return [values[at : at + k + 1] for k, at in enumerate(starts)]

    def _add(self, name, blocks, found):
        """Add the triangles of a record to those before, SAME ones repeated."""
        for item in found:
            if not isinstance(item, int):
                blocks.append(item)
                continue
            if not blocks:
                raise ModelError(f"{self.place}: ${name} SAME without a block before it.")
            blocks.extend([blocks[-1]] * min(item, MOST))

    def _replace(self, text):
        """Put the final estimates in the place of the initial ones."""
        final = _final_line(text)
        if final is None:
            raise ModelError(
                f"The estimates of {self.place} have no final line (ITERATION {FINAL})."
            )
        try:
            self.theta = [float(final[f"THETA{k + 1}"]) for k in range(len(self.theta))]
            self.blocks = {name: self._final(name, final) for name in self.blocks}
        except (KeyError, ValueError) as error:
            raise ModelError(f"The estimates of {self.place} lack {error}.") from error

    def _final(self, name, final):
        blocks, first = [], 1
        for block in self.blocks[name]:
            rows = []
            for i in range(first, first + len(block)):
                rows.append([float(final[f"{name}({i},{j})"]) for j in range(first, i + 1)])
            blocks.append(rows)
            first += len(block)
        return blocks

    def parameters(self):
        """name -> Parameter: THETAs, and ETAs of value 0 that vary normally."""
        found = {
            f"THETA{k}": Parameter(value, label, evidence="estimated")
            for k, (value, label) in enumerate(zip(self.theta, self.labels, strict=True), 1)
        }
        for names, block in self._etas():
            sd = None if block == NOBODY else 0.0
            for name in names:
                found[name] = Parameter(0.0, f"{name}, between people", sd, "estimated")
        return found

    def _etas(self):
        """(names, lower triangle) of each block of $OMEGA."""
        first = 1
        for block in self.blocks["OMEGA"]:
            yield [f"ETA{first + k}" for k in range(len(block))], block
            first += len(block)

    def omega(self):
        """[(names, lower triangle)] of the ETAs that vary."""
        return [(names, block) for names, block in self._etas() if block != NOBODY]

    def sigma(self):
        """name -> variance of each EPS, None where it is correlated with another."""
        found, first = {}, 1
        for block in self.blocks["SIGMA"]:
            correlated = any(row[:-1] and any(row[:-1]) for row in block)
            for k, row in enumerate(block):
                found[f"EPS{first + k}"] = None if correlated else row[-1]
            first += len(block)
        return found


def _without_fixed(words):
    """The words but FIX."""
    return [word for word in words if word and word.upper() not in ("FIX", "FIXED")]


def _final_line(text):
    """{name: text} of the final estimates of the last table of an .ext file, or None."""
    header, final = None, None
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["ITERATION"]:
            header, final = words, None
        elif header and words and words[0].lstrip("-").isdigit() and int(words[0]) == FINAL:
            final = dict(zip(header, words, strict=False))
    return final
