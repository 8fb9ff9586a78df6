"""What `pkpd bench` measured, in words and a small table.

Knows plain data; knows nothing of screens, files or solvers.
"""

HEADERS = (
    "rtol",
    "solver",
    "patients/s",
    "largest relative error",
    "pkpd faster, same rtol",
    "pkpd faster, equal error",
)


def rows(measurements):
    """Rows of HEADERS from rows of measurements."""
    return [
        (
            f"{r['rtol']:g}",
            r["solver"],
            f"{r['patients_per_s']:,.0f}",
            f"{r['error']:.1e}",
            times(r["ratio_same_rtol"]),
            times(r["ratio_equal_error"]),
        )
        for r in measurements
    ]


def times(value):
    """A ratio with three digits, "not reached" for NaN: no point was accurate enough."""
    return "not reached" if value != value else f"{value:.3g}"


def sentences(measured):
    """Lines that say what was measured, where, and what all cores do."""
    machine, threads = measured["machine"], measured["threads"]
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    return [
        f"{measured['workload']}, 12 states, one thread, processor time; "
        f"medians of {measured['rounds']} rounds of turns. "
        "Errors against DOP853 at rtol 1e-12.",
        f"{machine['cpu']}, {machine['cores']} cores, load {machine['load']}; "
        f"Python {machine['python']}, {packages}",
        f"On {threads['threads']} threads pkpd solves {threads['patients_per_s']:,.0f} patients "
        f"a second at rtol {threads['rtol']:g}.",
        "",
    ]
