"""A foreign model in plain numbers: what every importer makes, and every importer alone.

Knows names and trees; knows no units, files or formats.
"""

from dataclasses import dataclass, field

from pkpd.exchange.readers.trees import Tree


@dataclass
class Parameter:
    """A number of the source.

    sd : of a normal distribution between people, 0 where `omega` gives it, None without one
    evidence : as in a model file
    given : whether the source leaves the value open, and the user gives it
    """

    value: float
    label: str = ""
    sd: float | None = None
    evidence: str = "assumed"
    given: bool = False


@dataclass
class State:
    """start : tree of parameters; rate : tree of parameters, states, equations and t"""

    start: Tree
    rate: Tree
    dosed: dict[str, Tree] = field(default_factory=dict)  # f, lag, rate, duration of its doses


@dataclass
class Event:
    """trigger : condition; changes : state -> tree of its new value, of the values before"""

    name: str
    trigger: Tree
    changes: dict[str, Tree]
    at_start: bool = False


@dataclass
class Estimates:
    """How well parameters are known.

    covariance : lower triangle of that of their estimates; lower, upper : ends of their values
    """

    names: list[str]
    covariance: list[list[float]]
    lower: list[float]
    upper: list[float]


@dataclass
class System:
    """title, source : of the model and its file
    time, amount : units that the file counts them in as far as it says, or else what is usual

    equations : name -> tree, in any order; outputs : names of states or equations
    notes : sentences on what is not carried over, or read in a way one should know
    omega : names of parameters and the lower triangle of their covariance
    residual : output -> text of its error
    estimates : how well the parameters are known, or None where the source does not say
    """

    title: str
    source: str
    parameters: dict[str, Parameter] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    equations: dict[str, Tree] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    omega: list[tuple[list[str], list[list[float]]]] = field(default_factory=list)
    residual: dict[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    estimates: Estimates | None = None
    time: str = "h"
    amount: str = "mg"
