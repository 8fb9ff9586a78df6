"""The library of titration rules: tables of rules.toml, and rules in files of the user's own. Knows files; decides nothing."""

import tomllib
from functools import cache
from pathlib import Path

from pkpd.errors import TrialError, closest
from pkpd.trials.titration import Rule, from_table

LIBRARY = Path(__file__).with_name("rules.toml")


@cache
def _library():
    return tomllib.loads(LIBRARY.read_text(encoding="utf-8"))


def rules():
    """{name: label} of the library's rules."""
    return {name: rule(name).label for name in _library()}


def rule(what):
    """Rule from its name in the library, a table (which may say `like = "slow-ladder"`), or a Rule.

    Raises TrialError that names the field.
    """
    if isinstance(what, Rule):
        return what
    if isinstance(what, str):
        if what not in _library():
            raise TrialError(f"Unknown rule '{what}'.{closest(what, _library())}")
        return rule(_library()[what])
    return from_table(_whole(what))


def _whole(table):
    """The table with the entries of the rule that it is like."""
    if not isinstance(table, dict) or "like" not in table:
        return table
    if table["like"] not in _library():
        raise TrialError(f"like: unknown rule '{table['like']}'.{closest(str(table['like']), _library())}")
    return _whole(_library()[table["like"]]) | {name: value for name, value in table.items() if name != "like"}
