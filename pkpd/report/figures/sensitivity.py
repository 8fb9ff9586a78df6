"""Figures of why patients differ: Sobol' indices and Shapley effects, Morris screening, spider.

Knows summaries and columns of indices; computes nothing and knows nothing of files.
"""

import numpy as np

from pkpd.errors import PkpdError
from pkpd.report.figures import style
from pkpd.report.words import sensitivity
from pkpd.report.words.models import NO_ADVICE, share_assumed

LOOKS = {  # method -> colour, label
    "sobol_first": (style.BLUE, "alone (S1)"),
    "sobol_total": (style.SKY, "with all it acts with (ST)"),
    "shapley": (style.ORANGE, "Shapley effect"),
    "morris_mean_abs": (style.BLUE, ""),
    "group_closed": (style.BLUE, "alone"),
    "group_total": (style.SKY, "with all it acts with"),
}
ARMS = 8  # lines of a spider
SMALL = 0.02  # a total index below it is not drawn


def first(result):
    """The first of `figures`. Raises PkpdError where no output varies."""
    for drawing in figures(result).values():
        return drawing
    raise PkpdError("No output differs between patients, so there is nothing to draw.")


def figures(result):
    """Ending of a file name -> figure, one for each kind of answer, the first with ending ""."""
    about, drawings = result.about, []
    varies = any(sensitivity.varies(about, output) for output in about["outputs"])
    if varies and ("sobol" in about or "shapley" in about):
        title = f"{result.model.title}: what makes patients differ"
        assumed = share_assumed(result.model)
        drawings.append(("-indices", drawn(result.columns, result.summary(), title, assumed)))
    drawings += [("-morris", screening(result))] if varies and "morris" in about else []
    drawings += [("-spider", spider(result))] if "local" in about else []
    return {"" if k == 0 else ending: drawing for k, (ending, drawing) in enumerate(drawings)}


def screening(result):
    """Mean size of the change of every output when an input moves by half of its distribution."""
    method, columns = "morris_mean_abs", result.columns
    asked = result.about["outputs"]
    outputs = [o for o in asked if sensitivity.ranked(columns, o, method, 1e-12)]
    names_of = [list(sensitivity.ranked(columns, o, method, -np.inf)) for o in outputs]
    tops = [names[: sensitivity.MOVERS] for names in names_of]
    drawing = style.figure(4.2 * len(outputs) + 0.4, 0.32 * max(map(len, tops)) + 1.9)
    row = drawing.subplots(1, len(outputs), squeeze=False)[0]
    for axes, output, names in zip(row, outputs, tops, strict=True):
        bars(axes, result.columns, output, names, ("morris_mean_abs",), sensitivity.LABELS[output])
        axes.set_xlabel("mean size of the change")
    style.heading(drawing, f"{result.model.title}: an input moves by half of its distribution")
    effort, assumed = sensitivity.effort(result.about), share_assumed(result.model)
    style.caption(drawing, [f"{result.model.name}: {effort}. {assumed}.", NO_ADVICE])
    return drawing


_LATENT = "input, in SDs of its (latent) distribution"


def spider(result):
    """Best dose and benefit of the typical patient while one input goes through its range.

    Only the inputs that move them most are drawn.
    """
    courses = result.about["local"]["spider"]
    drawing = style.figure(10.5, 4.8)
    benefit, sd = result.study.benefit, courses["sd"]
    doses, gains = drawing.subplots(1, 2)
    most = _arms(doses, sd, courses["log10_med"], lambda log10_dose: 10**log10_dose)
    style.clean(doses, _LATENT, f"best dose ({benefit.unit})")
    style.log_axis(doses.yaxis, np.min(most), np.max(most))
    _arms(gains, sd, courses["benefit_at_med"], lambda gain: gain)
    style.clean(gains, _LATENT, style.label("benefit there", result.model.unit(benefit.outcome)))
    style.heading(drawing, f"{result.model.title}: the typical patient, one input at a time")
    text = f"{result.model.name}; the {ARMS} inputs that move each most."
    style.caption(drawing, [f"{text} {share_assumed(result.model)}.", NO_ADVICE])
    return drawing


def _arms(axes, sd, courses, shown):
    """Draw the courses that reach farthest, as `shown` makes them; their values (ARMS, T)."""
    whole = {name: course for name, course in courses.items() if len(course) == len(sd)}
    most = sorted(whole, key=lambda name: -np.ptp(whole[name]))[:ARMS]
    for k, name in enumerate(most):
        axes.plot(
            sd,
            shown(whole[name]),
            color=style.CYCLE[k % len(style.CYCLE)],
            linestyle="-" if k < len(style.CYCLE) else "--",
            linewidth=1.8,
            label=name,
        )
    axes.legend(frameon=False, fontsize=8, ncols=2)
    return np.array([shown(whole[name]) for name in most])


def drawn(columns, summary, title, assumed):
    """The figure of `indices` from tidy columns and the summary, as a folder keeps them."""
    order = "sobol_total" if "sobol" in summary else "shapley"
    outputs = [o for o in summary["outputs"] if sensitivity.ranked(columns, o, order)]
    tops = [sensitivity.ranked(columns, o, order, SMALL) for o in outputs]
    groups = bool(sensitivity.ranked(columns, outputs[0], "group_total", -np.inf))
    blocks = [_blocks(columns, summary, output) for output in outputs]
    heights = [max(map(len, tops)), max(map(len, blocks))][: 1 + groups]
    drawing = style.figure(4.2 * len(outputs) + 0.4, 0.36 * sum(heights) + 2.3)
    panels = drawing.subplots(len(heights), len(outputs), squeeze=False, height_ratios=heights)
    for k, output in enumerate(outputs):
        bars(
            panels[0, k],
            columns,
            output,
            list(tops[k]),
            ("sobol_total", "sobol_first", "shapley"),
            f"{sensitivity.LABELS[output]}",
        )
        if groups:
            bars(
                panels[1, k],
                columns,
                output,
                blocks[k],
                ("group_total", "group_closed"),
                "blocks of equations",
            )
    for axes in panels[-1]:
        axes.set_xlabel("share of the variance")
    panels[0, 0].legend(frameon=False, fontsize=8, loc="lower right")
    style.heading(drawing, title)
    origin, benefit = summary["provenance"], summary["benefit"]
    text = (
        f"{origin['model']}: {sensitivity.effort(summary)}, seed {origin['seed']}. "
        f"Inputs below {SMALL:g} in all are not drawn. "
        f"{100 * summary['censored']:.1f} % of log10 MEDs are at an end of "
        f"{benefit['lowest']:g}-{benefit['highest']:g} {benefit['unit']}. {assumed}."
    )
    style.caption(drawing, [text, NO_ADVICE])
    return drawing


def _blocks(columns, summary, output):
    """Groups of an output, the blocks of equations first and in their order."""
    groups = sensitivity.ranked(columns, output, "group_total", -np.inf)
    return sorted(groups, key=lambda g: (g not in summary["groups"], _place(summary, g)))


def _place(summary, group):
    """Place of a group among the blocks of equations."""
    return summary["groups"].index(group) if group in summary["groups"] else 0


def bars(axes, columns, output, names, methods, title):
    """Bars of several methods over each other, the largest input on top; Shapley effects as points.

    methods : the widest bars first
    """
    y = np.arange(len(names))
    for method in methods:
        indices = sensitivity.ranked(columns, output, method, -np.inf)
        if not indices:
            continue
        value, low, high = np.array([indices.get(n, (np.nan,) * 3) for n in names]).T
        color, label = LOOKS[method]
        if method == "shapley":
            axes.errorbar(
                value,
                y,
                xerr=[value - low, high - value],
                fmt="o",
                ms=4.5,
                color=color,
                mec=style.INK,
                mew=0.5,
                elinewidth=1.4,
                label=label,
                zorder=4,
            )
            continue
        wide = method in ("sobol_total", "group_total", "morris_mean_abs")
        axes.barh(y, np.maximum(value, 0.0), 0.72 if wide else 0.36, color=color, label=label)
        axes.errorbar(
            value,
            y + (0.26 if method.endswith("total") else 0.0),
            xerr=[value - low, high - value],
            fmt="none",
            ecolor=style.INK,
            elinewidth=0.9,
        )
    style.clean(axes, "", "", title)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.6)
    axes.set_yticks(y, names)
    axes.set_xlim(left=0)
    axes.set_ylim(len(names) - 0.4, -0.6)
