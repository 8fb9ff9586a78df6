"""Experiment 08: which physiology makes MEDs differ, and which measurements would tell one?

python experiments/08-why-meds-differ/run.py [--half-width 0.02] [-n 4000]

Knows sensitivity indices and predictions; writes their tables into the page beside it.
"""

import argparse
from pathlib import Path

import pkpd
from pkpd.result import write_figure, write_json

HERE = Path(__file__).parent
SEED, SHOWN, MOST = 7, 0.03, 4096
OTHERS = {
    "benefit_at_med": "benefit",
    "responder": "being helped",
    "log10_observed": "log observed MED",
}
RULE, NOISE = "slow-ladder", "titration noise"
MEASURE, SCANS = ("wt", "infl"), "4 h, 24 h"


def share(value):
    """(value, low, high) as "45 ± 1 %"."""
    if value is None:
        return ""
    return f"{100 * value[0]:.0f} ± {50 * (value[2] - value[1]):.0f} %".replace("-0 ±", "0 ±")


def influence_table(found):
    """Lines of Markdown: inputs that matter to log MED, then blocks of equations.

    With their shares of it and of the other outputs.
    """
    first, total, shapley = (
        found.get("log10_med", m) for m in ("sobol_first", "sobol_total", "shapley")
    )
    others = [found.get(o, "sobol_total") for o in OTHERS]
    lines = [
        "| input | what it is | log MED: alone | in all | Shapley | "
        + " | ".join(f"{name}: in all" for name in OTHERS.values())
        + " |",
        "|---" * 8 + "|",
    ]
    labels = {i.name: i.label for i in found.model.inputs}
    shown = [n for n in total if max(t[n][0] for t in (total, *others) if t) >= SHOWN]
    for name in sorted(shown, key=lambda n: -total[n][0]):
        lines.append(
            f"| `{name}` | {labels[name]} | "
            + " | ".join(share(x.get(name)) for x in (first, total, shapley, *others))
            + " |"
        )
    blocks = [
        found.get("log10_med", "group_closed"),
        found.get("log10_med", "group_total"),
        {},
        *(found.get(o, "group_total") for o in OTHERS),
    ]
    names = dict.fromkeys(name for block in blocks for name in block)
    for n in names:
        what = (
            "diary, placebo response, missed doses, dropout" if n == NOISE else "all of this block"
        )
        lines.append(f"| **{n}** | {what} | " + " | ".join(share(b.get(n)) for b in blocks) + " |")
    return lines


def prediction_table(predictions):
    """Lines of Markdown: what each measurement tells alone and what is lost without it.

    For everybody and for those helped enough.
    """
    found = [
        {r["measured"]: (r["value"], r["low"], r["high"]) for r in p.rows()} for p in predictions
    ]
    lines = [
        "| measured | alone | lost without it | alone, if helped enough | lost without it |",
        "|---|---|---|---|---|",
    ]
    for m in predictions[0].measures:
        cells = [share(f[f"{what} {m['name']}"]) for f in found for what in ("only", "without")]
        lines.append(f"| {m['what']} (error {m['error']}) | " + " | ".join(cells) + " |")
    for name in ("all", "every input of the model"):
        lines.append(f"| **{name}** | " + " | ".join(f"{share(f[name])} | " for f in found) + "|")
    return lines


def fill(page, tables):
    """Put tables between their markers in the page."""
    text = page.read_text()
    for name, lines in tables.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        text = before + begin + "\n".join(lines) + "\n" + end + rest.partition(end)[2]
    page.write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--half-width", type=float, default=0.02)
    parser.add_argument("-n", type=int, default=4000)
    given = parser.parse_args()
    model = pkpd.load("ldn/hormesis")
    found = pkpd.sensitivity_indices(
        model, half_width=given.half_width, most=MOST, seed=SEED, titrate=RULE
    )
    print("\n".join(influence_table(found)), flush=True)
    without = pkpd.sensitivity_indices(
        model, ("sobol",), half_width=1.5 * given.half_width, most=MOST, seed=SEED, set={"glia": 0}
    )
    people = pkpd.cohort(model, given.n, seed=SEED)
    predictions = [
        pkpd.predict(model, people, MEASURE, at=SCANS, helped=helped) for helped in (False, True)
    ]
    print("\n".join(prediction_table(predictions)), flush=True)
    parts = {
        "influences": found,
        "without_glia": without,
        "prediction": predictions[0],
        "prediction_if_helped": predictions[1],
    }
    summary = {name: part.summary() for name, part in parts.items()}
    for name in ("influences", "without_glia"):
        summary[name]["indices"] = parts[name].frame().to_dict("records")
    write_json(summary, HERE / "summary.json")
    write_figure(pkpd.plot(found), HERE / "why-meds-differ.png")
    write_figure(pkpd.plot(predictions[0]), HERE / "prediction.png")
    fill(
        HERE / "README.md",
        {
            "influences": influence_table(found),
            "without glia": influence_table(without),
            "prediction": prediction_table(predictions),
        },
    )


if __name__ == "__main__":
    main()
