"""How much of the SBML semantic test suite is carried over, and how much of that is right?

    python benchmarks/sbml.py FOLDER [--judge engine] [--every 5] [--only 00004 00008]

FOLDER holds one folder a case: model.xml, settings.txt, results.csv, and index.csv. A value passes
where |x - y| <= absolute + relative*|y|, with the tolerances of its case. `--judge script` solves
the exported SciPy script instead of the engine's compiled kernel, which takes seconds a case to
compile: it tells whether the import is right, the engine whether all is. Models with events have
no script and count as refused by that judge. Each case is printed as soon as it is judged; at the
end stands how many share a reason.
"""

import argparse
import csv
import re
import tempfile
import warnings
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

import pkpd
from pkpd.exchange import model_file
from pkpd.exchange.readers.sbml import Reader
from pkpd.exchange.units_of_names import Basis

RTOL = 1e-9


def cases(folder, every, only):
    """Names of the time-course cases."""
    with open(folder / "index.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["test_type"] == "TimeCourse"]
    names = [row["case"] for row in rows if not only or row["case"] in only]
    return names[::every]


def settings(folder):
    """What a case asks for."""
    found = {}
    for line in (folder / "settings.txt").read_text().splitlines():
        key, _, value = line.partition(":")
        found[key.strip()] = value.strip()
    listed = {key: _names(found.get(key, "")) for key in ("variables", "amount", "concentration")}
    return found | listed


def _names(text):
    return [name.strip() for name in text.split(",") if name.strip()]


def imported(folder, scratch):
    """(reader, Model, {name of the document: name of the model})."""
    reader = Reader((folder / "model.xml").read_text(encoding="utf-8"), folder.name)
    system = reader.system({})
    path = Path(scratch) / "case.toml"
    path.write_text(model_file.written(system, Basis("1", "s")), encoding="utf-8")
    return reader, pkpd.load(path), model_file.called(system)


def course(model, times, names, judge):
    """Values (T, O) of states and equations."""
    if judge == "engine":
        table = pd.DataFrame({"TIME": [0.0], "EVID": [2]})
        people = pkpd.cohort(model, typical=True)
        options = {"outputs": names, "rtol": RTOL, "progress": False}
        run = pkpd.simulate(model, pkpd.events(model, table), people, times, **options)
        return run.frame().iloc[1:][names].to_numpy()
    from dataclasses import replace

    space = {"__name__": "script"}
    exec(
        compile(pkpd.export_model(replace(model, outputs=tuple(names)), "scipy"), "script", "exec"),
        space,
    )
    return space["simulate"](space["EQUATIONS"], times, rtol=RTOL, atol=1e-12)


def answers(reader, model, called, asked, times, judge):
    """Values (T, V) of the variables that a case asks for, as amounts or concentrations."""
    sizes, sought = {}, []
    for name in asked["variables"]:
        species = reader.model.getSpecies(name)
        sought.append(name)
        if species is not None:
            factor = _factor(reader, species, name in asked["amount"])
            if factor:
                sizes[name] = (species.getCompartment(), factor)
                sought.append(species.getCompartment())
    moving = {*model.state_names, *(a.name for a in model.assignments)}
    names = list(dict.fromkeys(called[n] for n in sought if called[n] in moving))
    table = course(model, times, names or [model.state_names[0]], judge)
    fixed = {i.name: i.value for i in model.inputs}

    def value(name):
        own = called[name]
        return table[:, names.index(own)] if own in names else np.full(len(times), fixed[own])

    columns = []
    for name in asked["variables"]:
        column = value(name)
        if name in sizes:
            size, power = sizes[name]
            column = column * value(size) ** power
        columns.append(column)
    return np.column_stack(columns)


def _factor(reader, species, amount):
    """The power of the size that makes what is asked of what the symbol is: 1, -1, or 0."""
    compartment = reader.model.getCompartment(species.getCompartment())
    if compartment.isSetSpatialDimensions() and compartment.getSpatialDimensions() == 0:
        return 0
    amounts = species.getHasOnlySubstanceUnits()
    return int(amount and not amounts) - int(not amount and amounts)


def judged(folder, scratch, judge):
    """("passed" | "failed" | "refused", why)."""
    try:
        reader, model, called = imported(folder, scratch)
    except pkpd.PkpdError as error:
        return "refused", feature(str(error))
    asked = settings(folder)
    header, *rows = (folder / "results.csv").read_text().split("\n")
    numbers = np.array([[float(x) for x in row.split(",")] for row in rows if row.strip()])
    columns = [c.strip() for c in header.split(",")][1:]
    times, truth = numbers[:, 0], numbers[:, [1 + columns.index(n) for n in asked["variables"]]]
    try:
        found = answers(reader, model, called, asked, times, judge)
    except pkpd.PkpdError as error:
        return "refused", feature(str(error))
    bound = float(asked["absolute"]) + float(asked["relative"]) * np.abs(truth)
    with np.errstate(invalid="ignore"):
        wrong = ~((np.abs(found - truth) <= bound) | (found == truth))
    wrong &= ~(np.isnan(found) & np.isnan(truth))
    if not wrong.any():
        return "passed", ""
    row, column = np.argwhere(wrong)[0]
    name = asked["variables"][column]
    return (
        "failed",
        f"{name} at {times[row]:g}: {found[row, column]:.6g}, not {truth[row, column]:.6g}",
    )


def feature(sentence):
    """A sentence without its place, names and numbers: the feature that it refuses."""
    text = re.sub(r"^[^ ]*:\d+: |^\d+: ", "", sentence)
    return re.sub(r"'[^']*'", "'...'", text)[:90]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--judge", choices=("engine", "script"), default="engine")
    parser.add_argument("--every", type=int, default=1, help="take every n-th case")
    parser.add_argument("--only", nargs="*", default=[], help="numbers of cases")
    given = parser.parse_args()
    warnings.simplefilter("ignore", pkpd.PkpdWarning)
    found, why = Counter(), defaultdict(list)
    with tempfile.TemporaryDirectory() as scratch:
        for name in cases(given.folder, given.every, given.only):
            try:
                verdict, reason = judged(given.folder / name, scratch, given.judge)
            except Exception as error:
                verdict, reason = "broken", f"{type(error).__name__}: {error}"[:200]
            print(name, verdict, reason, flush=True)
            found[verdict] += 1
            why[verdict, reason].append(name)
    print()
    for (verdict, reason), names in sorted(why.items(), key=lambda item: -len(item[1])):
        if verdict != "passed":
            print(f"{len(names):4d} {verdict}: {reason} ({', '.join(names[:6])})")
    accepted = found["passed"] + found["failed"] + found["broken"]
    total = accepted + found["refused"]
    print(f"{total} time courses by {given.judge}: {accepted} supported ({accepted / total:.1%}), ")
    print(f"{found['passed']} of these pass ({found['passed'] / max(accepted, 1):.1%}).")


if __name__ == "__main__":
    main()
