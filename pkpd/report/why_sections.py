"""Sections of a page on why MEDs differ: shares of the variance by input, and the explanation of one patient, as their folders keep them."""

from pkpd.report.section import Section, figure, sentence, table


def influences(found):
    """Which inputs make patients differ, or None where the folder does not say."""
    if found.sensitivity is None:
        return None
    from pkpd.report import sensitivity as words

    summary, columns = found.sensitivity
    parts = [_output(words, columns, summary, output, k) for k, output in enumerate(summary["outputs"])]
    figures, tables = ([part[k] for part in parts] for k in (0, 1))
    lines = words.head(found.model, summary)
    return Section("sensitivity", "Which inputs make patients differ", (), tuple(map(sentence, filter(None, lines[2:]))), sum(figures, ()), tuple(tables))


def _output(words, columns, summary, output, k):
    """((Figures), Table) of one output."""
    label = words.LABELS.get(output, output)
    shares = table(f"Shares of the variance of {label}", *words.index_rows(columns, summary, output))
    top = words.ranked(columns, output, least=0.02) or words.ranked(columns, output, "shapley", 0.02)
    if not top:
        return (), shares
    from pkpd.report import sensitivity_plots

    methods = ("sobol_total", "sobol_first", "shapley")

    def draw(axes):
        sensitivity_plots.bars(axes, columns, output, list(top), methods, "")
        axes.set_xlabel(f"share of the variance of {label}")
        axes.legend(frameon=False, fontsize=8, loc="lower right")

    first = ", ".join(f"{name} {value[0]:.2f}" for name, value in list(top.items())[:3])
    alt = f"Bars of the shares of the variance of {label} by input, with 95 % intervals. Largest: {first}."
    caption = f"{label[:1].upper()}{label[1:]}: what each input moves alone, with all it acts with, and its fair share. Inputs below 0.02 are not drawn."
    return (figure(f"indices-{k}", draw, alt, caption, (4.5, 1.2 + 0.3 * len(top))),), shares


def one_patient(found):
    """Why one patient's best dose is where it is, or None where the folder does not say."""
    told = found.explained
    if told is None:
        return None
    from pkpd.report import explained as words
    from pkpd.report import explained_plots

    model, unit, who = found.model, told["benefit"]["unit"], f"patient {told['id']}"
    own, typical = (words.short(told[one]["argmax"]) for one in ("patient", "typical"))
    best = f"Benefit against dose of {who}, best at {own} {unit}, and of the typical patient, best at {typical} {unit}."

    def moved(axes):
        explained_plots.bars(axes, told)
        axes.set_xlabel("factor on the best dose")

    figures = (
        figure("curve", lambda axes: explained_plots.curve(axes, model, told), best, "Benefit at steady state; triangles, the best doses."),
        figure(
            "interval", lambda axes: explained_plots.interval(axes, model, told), f"{told['day']['output']} of {who} over one dosing interval.",
            "The patient over one dosing interval at steady state.",
        ),
        figure(
            "shifts", moved, "Factors by which the inputs move the best dose; see the table.",
            "The patient (the typical one): what moves the best dose.", (4.5, 4.2),
        ),
    )  # fmt: skip
    lines = tuple(sentence(line.removeprefix(f"{model.name}, ")) for line in words.sentences(model, told) if line)
    parts = table("From the typical patient to this one", words.HEADERS, words.rows(told))
    return Section("explanation", f"Why {who} has this best dose", (words.small_print(told),), lines, figures, (parts,))
