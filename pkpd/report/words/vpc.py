"""A visual predictive check in sentences and a small table.

Knows checks; knows nothing of the screen or of files.
"""

HEADERS = ("time", "n", "percentile", "observed", "simulated", "low", "high", "")


def sentences(check):
    """What was compared, how it came out, and what was left out."""
    found, level = check.verdict(), f"{check.asked.level:g} %"
    lines = [
        f"{check.data}: {check.count} observations of {check.output} in {check.column}, "
        f"{check.replicates} simulated data sets of {check.model.name}",
        f"{found['outside']} of {found['percentiles']} observed percentiles lie outside their "
        f"{level} intervals; {found['expected']:.1f} would if the model were right.",
    ]
    if check.outside:
        lines.append(f"{check.outside} observations lie in no bin and are left out.")
    if check.failed:
        lines.append(
            f"{check.failed} observations are missing in some data sets, in which a patient did "
            "not finish."
        )
    if check.replicates < check.asked.replicates:
        lines.append(f"Stopped by Ctrl-C after {check.replicates} of {check.asked.replicates}.")
    return lines


def how_to_read(check):
    """How the figure is read."""
    limit = check.asked.limit
    at = "" if limit is None else f" Values below {limit:g} {check.unit} count as that limit."
    return (
        f"Lines: percentiles of the observations in a bin of time. Bands: {check.asked.level:g} % "
        f"of the same percentiles of simulated data sets. Rings: outside.{at}"
    )


def rows(check):
    """Rows of HEADERS, a stratum where there are several in front of the time."""
    columns = check.columns
    found = []
    for k in range(len(columns["n"])):
        time = f"{columns['TIME'][k]:.4g}"
        stratum = columns["stratum"][k]
        values = (columns[name][k] for name in ("observed", "simulated", "low", "high"))
        found.append(
            (
                f"{stratum}, {time}" if stratum else time,
                str(columns["n"][k]),
                f"{columns['percentile'][k]:g} %",
                *(f"{value:.4g}" for value in values),
                "outside" if columns["outside"][k] else "",
            )
        )
    return found
