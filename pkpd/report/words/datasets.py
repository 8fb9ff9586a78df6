"""A check of a data set in sentences and small tables.

Knows checks; knows nothing of the screen or of files.
"""

from pkpd.datasets.check import rows_in_words
from pkpd.datasets.findings import NOTE, ODD, REFUSED

USES_HEADERS = ("column", "use")
PEOPLE_HEADERS = ("ID", "doses", "amounts", "from", "to", "observations", "from", "to")
MOST_PEOPLE = 10  # in the small table
TITLES = {REFUSED: "Refused:", ODD: "Odd:", NOTE: "To know:"}


def verdict(found):
    """One sentence on the whole."""
    counts = {grade: sum(f.grade == grade for f in found.findings) for grade in TITLES}
    name = found.model.name
    if counts[REFUSED]:
        return f"{found.data} cannot be used with {name} as it is: {_count(counts[REFUSED])}."
    if counts[ODD]:
        return f"{found.data} can be used with {name}, but see {_count(counts[ODD])} above."
    return f"{found.data} can be used with {name}; nothing is odd."


def _count(number):
    return "1 finding" if number == 1 else f"{number} findings"


def size(found):
    """What the table holds, in one line."""
    parts = [f"{found.rows} row{'s' if found.rows != 1 else ''}"]
    people = found.people()
    if len(people):
        parts += [
            f"{len(people)} {'people' if len(people) > 1 else 'person'}",
            f"{people['doses'].sum()} doses",
            f"{people['observations'].sum()} observations",
        ]
    return f"{found.data}: {', '.join(parts)}."


def findings(found):
    """The findings, a line each, by grade; rows are counted below the header."""
    for grade, title in TITLES.items():
        own = [finding for finding in found.findings if finding.grade == grade]
        if own:
            yield from ("", title)
        for finding in own:
            end = "" if finding.sentence.endswith((".", "?")) else "."
            yield f"  {finding.column}: {finding.sentence}{end}{_where(finding.rows)}"


def _where(rows):
    if not rows:
        return ""
    count = f" ({len(rows)} in all)" if len(rows) > 1 else ""
    return f" Row{'s' if len(rows) > 1 else ''} {rows_in_words(rows)}{count}."


def people(found):
    """Rows of PEOPLE_HEADERS of the first people."""
    rows = []
    for _, row in found.people().head(MOST_PEOPLE).iterrows():
        dosed = [_time(row[name]) for name in ("first_dose", "last_dose")]
        seen = [_time(row[name]) for name in ("first_observation", "last_observation")]
        doses, observations = str(row["doses"]), str(row["observations"])
        rows.append((str(row["ID"]), doses, row["amounts"], *dosed, observations, *seen))
    return rows


def more_people(found):
    """A sentence on how many people the small table leaves out, if any."""
    more = len(found.people()) - MOST_PEOPLE
    return [f"... and {more} more; --out FOLDER writes all of them."] if more > 0 else []


def _time(value):
    return "" if value != value else f"{value:g}"
