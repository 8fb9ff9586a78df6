"""The library of titration rules: tables of rules.toml, and tables that a user writes.

Knows tables and their fields; knows nothing of visits and decides nothing.
"""

from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from pkpd.errors import TrialError, closest
from pkpd.files import read_toml
from pkpd.titration import rules as kinds
from pkpd.titration.bayes import Bayes
from pkpd.titration.checks import days_in_all, one_of
from pkpd.titration.rule import Condition, Rule

LIBRARY = Path(__file__).with_name("rules.toml")
KINDS = {kind.kind: kind for kind in (*kinds.KINDS, Bayes)}


@cache
def _library() -> dict[str, Any]:
    return read_toml(LIBRARY, TrialError)


def rules() -> dict[str, str]:
    """{name: description} of the library's rules."""
    return {name: rule(name).description for name in _library()}


def rule(what: Any) -> Rule:
    """Rule from its name in the library, a .toml file, a table, or a Rule.

    A file holds the entries of one table, perhaps with `like = "slow-ladder"`; nothing in it is
    executed. Raises TrialError that names the file and the field.
    """
    if isinstance(what, Rule):
        return what
    if isinstance(what, Path) or (isinstance(what, str) and what.endswith(".toml")):
        return _from_file(what)
    if isinstance(what, str):
        return rule(_named(what))
    found = from_table(_resolved(what))
    days_in_all(found.longest, "rule")
    return found


def _named(name: str) -> Any:
    """The table of a name in the library. Raises TrialError."""
    if name in _library():
        return _library()[name]
    if name in KINDS:
        raise TrialError(
            f"'{name}' is a kind of rule and no name in the library; write a table, "
            f"rule = {{ kind = '{name}', ... }} (docs/trials.md)."
        )
    raise TrialError(f"Unknown rule '{name}'.{closest(name, _library())} A file must end in .toml.")


def _from_file(path: str | Path) -> Rule:
    table = read_toml(path, TrialError)
    try:
        return rule(table)
    except TrialError as error:
        raise TrialError(f"{path}: {error}") from error


def _resolved(table: Any) -> Any:
    """The table, with the entries of the rule named by `like` below its own.

    The source of that rule is not that of a changed one.
    """
    if not isinstance(table, dict) or "like" not in table:
        return table
    one_of(table["like"], _library(), "like")
    changes = {name: value for name, value in table.items() if name != "like"}
    entries = _resolved(_library()[table["like"]])
    return {name: value for name, value in entries.items() if name != "source"} | changes


def from_table(table: Any) -> Rule:
    """Rule from a table with `kind`. Raises TrialError that names the field."""
    if not isinstance(table, dict) or "kind" not in table:
        raise TrialError(
            "a rule is the name of one (pkpd.titration.library), or a table with kind, ladder "
            "and days."
        )
    kind = KINDS[one_of(table["kind"], KINDS, "kind")]
    names = {f.name for f in fields(kind) if f.compare}  # the rest is not the user's
    entries = {k: v for k, v in table.items() if k != "kind"}
    for name in entries:
        one_of(name, names, "rule")
    if not isinstance(entries.get("conditions", []), list):
        raise TrialError("conditions is a list of tables.")
    entries["conditions"] = tuple(_condition(c) for c in entries.get("conditions", ()))
    return kind(**entries)


def _condition(table: Any) -> Condition:
    if not isinstance(table, dict) or not {"when", "do"} <= set(table):
        raise TrialError("conditions: each is a table with when, do and at_least or at_most.")
    for name in table:
        one_of(name, [f.name for f in fields(Condition)], "conditions")
    return Condition(**table)
