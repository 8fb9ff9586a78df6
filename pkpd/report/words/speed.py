"""What `pkpd bench` found, in words and a small table. Text and plain data only."""

HEADERS = (
    "rtol",
    "solver",
    "patients/s",
    "largest relative error",
    "pkpd faster, same rtol",
    "pkpd faster, equal error",
)


def rows(found):
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
        for r in found
    ]


def times(value):
    """A ratio with three digits; "not reached" where it is NaN, for want of a point that is accurate enough."""
    return "not reached" if value != value else f"{value:.3g}"


def sentences(found):
    """Lines that say what was measured, where, and what all cores do."""
    machine, threads = found["machine"], found["threads"]
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    return [
        f"{found['workload']}, 12 states, one thread, processor time; medians of {found['rounds']} rounds of turns. Errors against DOP853 at rtol 1e-12.",
        f"{machine['cpu']}, {machine['cores']} cores, load {machine['load']}; Python {machine['python']}, {packages}",
        f"On {threads['threads']} threads pkpd solves {threads['patients_per_s']:,.0f} patients a second at rtol {threads['rtol']:g}.",
        "",
    ]
