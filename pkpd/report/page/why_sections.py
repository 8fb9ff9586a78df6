"""Sections of a page on why MEDs differ: shares of variance, one patient, what measurements tell.

Knows the summaries that a folder keeps; knows nothing of HTML.
"""

from pkpd.report.page.section import Figure, Section, figure, sentence, table

MOST = 12  # inputs drawn
LEAST = 0.02  # share of the variance below which an input is not drawn
SHARES = ("sobol_total", "sobol_first", "shapley")
MORRIS = "morris_mean_abs"


def sensitivity_indices(found):
    """Which inputs make patients differ, or None where the folder does not say."""
    if found.sensitivity is None:
        return None
    from pkpd.report.words import sensitivity as words

    summary, columns = found.sensitivity
    answers = list(words.tables_of(columns, summary))
    lines = [
        *words.head(found.model, summary)[2:],
        *(heading for heading, (_, rows) in answers if not rows),
    ]
    figures: list[Figure] = []
    for k, output in enumerate(summary["outputs"]):
        if words.varies(summary, output):
            figures += _bars(words, columns, output, k)
    tables = tuple(table(heading, *content) for heading, content in answers if content[1])
    return Section(
        "sensitivity",
        "Which inputs make patients differ",
        (),
        tuple(map(sentence, filter(None, lines))),
        tuple(figures),
        tables,
    )


def _bars(words, columns, output, k):
    """Figures of one output: shares of its variance, else the screening."""
    from pkpd.report.figures import sensitivity

    label = words.LABELS.get(output, output)
    what = f"share of the variance of {label}"
    methods: tuple[str, ...] = SHARES
    caption = (
        "what each input moves alone, with all it acts with, and its fair share. "
        f"Inputs below {LEAST:g} are not drawn."
    )
    by_method = (words.ranked(columns, output, method, LEAST) for method in (SHARES[0], SHARES[2]))
    top: dict[str, tuple[float, ...]] = next(filter(None, by_method), {})
    if not top:
        top, methods = words.ranked(columns, output, MORRIS, 0.0), (MORRIS,)
        what = f"change of {label}"
        caption = "mean size of its change when an input moves by half of its distribution."
    caption = f"{label[:1].upper()}{label[1:]}: {caption}"
    names = list(top)[:MOST]

    def draw(axes):
        sensitivity.bars(axes, columns, output, names, methods, "")
        axes.set_xlabel(what)
        if methods == SHARES:
            axes.legend(frameon=False, fontsize=8, loc="lower right")

    first = ", ".join(f"{name} {top[name][0]:.2f}" for name in names[:3])
    alt = f"Bars by input with 95 % intervals: {what}. Largest: {first}."
    size = (4.5, 1.2 + 0.3 * len(names))
    return [figure(f"indices-{k}", draw, alt, caption, size)] if names else []


def one_patient(found):
    """Why one patient's best dose is where it is, or None where the folder does not say."""
    summary = found.explained
    if summary is None:
        return None
    from pkpd.report.figures import explanation
    from pkpd.report.words import explanation as words

    model, unit, who = found.model, summary["benefit"]["unit"], f"patient {summary['id']}"
    own, typical = (words.short(summary[one]["argmax"]) for one in ("patient", "typical"))
    best = (
        f"Benefit against dose of {who}, best at {own} {unit}, "
        f"and of the typical patient, best at {typical} {unit}."
    )

    def moved(axes):
        explanation.bars(axes, summary)
        axes.set_xlabel("factor on the best dose")

    figures = (
        figure(
            "curve",
            lambda axes: explanation.curve(axes, model, summary),
            best,
            "Benefit at steady state; triangles, the best doses.",
        ),
        figure(
            "interval",
            lambda axes: explanation.interval(axes, model, summary),
            f"{summary['day']['output']} of {who} over one dosing interval.",
            "The patient over one dosing interval at steady state.",
        ),
        figure(
            "shifts",
            moved,
            "Factors by which the inputs move the best dose; see the table.",
            "The patient (the typical one): what moves the best dose.",
            (4.5, 4.2),
        ),
    )
    lines = tuple(
        sentence(line.removeprefix(f"{model.name}, "))
        for line in words.sentences(model, summary)
        if line
    )
    parts = table("From the typical patient to this one", words.HEADERS, words.rows(summary))
    return Section(
        "explanation",
        f"Why {who} has this best dose",
        (words.small_print(summary),),
        lines,
        figures,
        (parts,),
    )


def covariates(found):
    """How far covariates move the MED, or None where the folder does not say."""
    summary = found.covariates
    if summary is None:
        return None
    from pkpd.report.figures import covariates as figures
    from pkpd.report.words import covariates as words

    _, *lines = filter(None, words.sentences(found.model, summary))
    rows = words.rows(found.model, summary)
    drawn = figure(
        "forest",
        lambda axes: figures.forest(axes, found.model, summary),
        f"MED as a ratio to that at {rows[0][0]}: "
        + "; ".join(" ".join(row[:2]) for row in rows[1:]),
        f"Each patient's MED as a ratio to that at {words.reference(found.model, summary)}.",
        (7.5, 1.4 + 0.4 * len(rows)),
    )
    shown = table("The same patients at other covariates", words.HEADERS, rows)
    title = "How far covariates move the best dose"
    return Section("covariates", title, (), tuple(map(sentence, lines)), (drawn,), (shown,))


def prediction(found):
    """What measurements tell of the best dose, or None where the folder does not say."""
    summary = found.predicted
    if summary is None:
        return None
    from pkpd.report.figures import prediction as figures
    from pkpd.report.words import prediction as words

    written = filter(None, words.sentences(found.model, summary))
    lines = [line.removeprefix(f"{found.model.name}: ") for line in written]

    def draw(axes):
        figures.bars(axes, summary)
        axes.set_xlabel("explained variance (%)")

    drawn = figure(
        "measured",
        draw,
        "Bars of the explained variance by measurement, alone and lost without it; see the table.",
        "Explained variance of the log best dose, cross-validated.",
        (4.5, 1.6 + 0.5 * len(summary["measures"])),
    )
    worth = table("What each measurement is worth", words.HEADERS, words.rows(summary))
    return Section(
        "prediction",
        "What would tell the best dose beforehand",
        (),
        tuple(map(sentence, lines)),
        (drawn,),
        (worth,),
    )
