"""What the heads of exported files say, on one line and without signs that a format reads.

Knows models; knows nothing of formats.
"""


def plain(text):
    """A text on one line, without quotes, brackets, colons and signs of comments."""
    kept = "".join(" " if c in "\"'\\{}()[]:;#$%&^~" else c for c in str(text))
    return " ".join(kept.split())


def heading(model, left_out=()):
    """Lines on what a file holds. left_out : sentences on what it does not"""
    return [
        f"{plain(model.title)}, time in {model.time}",
        f"Written by pkpd from the model {plain(model.name)}.",
        *left_out,
    ]


def typical(item):
    """The value of an input in the typical patient."""
    return item.value if item.reference is None else item.reference


def starting(model):
    """The states whose start value is not 0."""
    return [state for state in model.states if state.initial not in ("0", "0.0")]


def of_dose(dose, printer, words):
    """(word, text) of what a dose target says.

    words : for the share, the lag, the rate and the duration of an infusion
    """
    texts = [share(dose, printer)]
    texts += [printer.text(text) if text else "" for text in (dose.lag, dose.rate, dose.duration)]
    return [(word, text) for word, text in zip(words, texts, strict=True) if text]


def share(dose, printer):
    """The state's amount for one unit of a dose, or "" where it is 1."""
    fraction = printer.text(dose.f) if dose.f else ""
    if dose.factor == 1.0:
        return fraction
    return f"({fraction})*{dose.factor!r}" if fraction else repr(dose.factor)
