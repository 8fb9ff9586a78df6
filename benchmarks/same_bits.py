"""Does a change to the code change a number? Two checkouts, fixed seeds, every file to the bit.

    python benchmarks/same_bits.py --before ../other-checkout [--folder FOLDER]

Both checkouts run with the Python that runs this script, each with a kernel cache of its own.
Compared are all columns of all tables, by position, and all values of all JSON files but
provenance; names of columns and keys may differ, and so may figures and pages.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parents[1]
TRIAL = "experiments/05-fibromyalgia-2009/trial.toml"
RX = "1.5 mg q24h x 4 then 3 mg q24h x 4"
COMMANDS = {
    "med": "med ldn/hormesis -n 300 --seed 7 --no-figure --out",
    "med-titrate": "med ldn/hormesis -n 64 --seed 3 --titrate slow-ladder --titrations 2"
    " --no-figure --out",
    "med-by": "med ldn/hormesis -n 64 --seed 4 --replicates 3 --by wt --no-figure --out",
    "med-stream": "med ldn/hormesis -n 96 --seed 7 --stream --chunk 32 --no-figure --out",
    "dose-response": "dose-response explanations/kappa -n 32 --seed 7 --no-figure --out",
    "simulate": f"simulate ldn/hormesis -n 40 --seed 5 --rx '{RX}' --no-figure --out",
    "simulate-linear": "simulate pk/two_compartment -n 40 --seed 5 --rx '100 mg q12h x 6'"
    " --no-figure --out",
    "simulate-stiff": "simulate pd/receptor_binding -n 16 --solver rosenbrock --rx '3 mg q24h x 3'"
    " --no-figure --out",
    "simulate-endpoints": "simulate pk/naltrexone -n 40 --seed 5 --rx '50 mg q24h x 7'"
    " --endpoint 'cmax(Cc)'"
    " --endpoint 'time_above(Cc, 1 ng/mL)' --window 'last interval' --no-figure --out",
    "trial": f"trial {TRIAL} -n 40 --no-figure --out",
    "sensitivity": "sensitivity ldn/hormesis --seed 7 -n 32 --most 64 --scramblings 4"
    " --methods sobol,shapley,morris,local --no-figure --out",
    "explain": "explain ldn/hormesis --id 17 --seed 7 --no-figure --out",
    "predict": "predict ldn/hormesis -n 256 --seed 7 --no-figure --out",
    "fit": "fit docs/lettuce.csv --model brain-cousens --no-figure --out",
    "fit-all": "fit docs/lettuce.csv --no-figure --out",
}
FILES = ("simulate", "simulate-linear", "simulate-stiff", "simulate-endpoints")
JSON = ("fit", "fit-all")
LEFT_OUT = {
    "provenance",
    "command",
    "package",
    "version",
    "build",
    "time",
    "date",
    "about",
    "study",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path, required=True, help="checkout to compare with")
    parser.add_argument(
        "--folder", type=Path, help="where results are written (default: a temporary folder)"
    )
    parser.add_argument("--only", nargs="*", choices=COMMANDS, help="a few of the commands")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="same-bits-"))
    names = asked.only or list(COMMANDS)
    for side, checkout in (("before", asked.before.resolve()), ("after", HERE)):
        for name in names:
            run(checkout, name, folder / side)
    differences = [line for name in names for line in compare(folder, name)]
    print("\n".join(differences) or f"{len(names)} commands: every number is the same to the bit.")
    sys.exit(bool(differences))


def run(checkout, name, folder):
    """Run one command in a checkout, unless its results are there from an earlier run."""
    out = folder / name
    if (folder / f"{name}.done").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    target = out / "table.parquet" if name in FILES else out / "fit.json" if name in JSON else out
    if name in FILES or name in JSON:
        out.mkdir(exist_ok=True)
    environment = os.environ | {"PYTHONPATH": str(checkout), "PKPD_CACHE": str(folder / "cache")}
    program = "from pkpd.cli import main; main()"
    command = f'"{sys.executable}" -c "{program}" {COMMANDS[name]} "{target}"'
    done = subprocess.run(
        command, shell=True, cwd=checkout, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{checkout}: {COMMANDS[name]}\n{done.stderr}")
    (folder / f"{name}.done").write_text(done.stdout)


def compare(folder, name):
    """Sentences on what differs between the files that one command wrote."""
    before, after = folder / "before" / name, folder / "after" / name
    kinds = (".parquet", ".json", ".csv")
    files = sorted(p.relative_to(before) for p in before.rglob("*") if p.suffix in kinds)
    if not files:
        yield f"{name}: nothing was written"
    for file in files:
        if file.name in ("model.json", "manifest.json"):
            continue
        if not (after / file).exists():
            yield f"{name}/{file}: missing"
        elif file.suffix == ".json":
            one, other = (
                values_of(json.loads((side / file).read_text())) for side in (before, after)
            )
            if one != other:
                pairs = [f"{a} -> {b}" for a, b in zip(one, other, strict=False) if a != b]
                yield f"{name}/{file}: {len(one)} and {len(other)} values; {'; '.join(pairs[:3])}"
        else:
            yield from compare_tables(f"{name}/{file}", before / file, after / file)


def compare_tables(name, before, after):
    """Sentences on columns whose values differ in any bit."""
    read = pd.read_parquet if before.suffix == ".parquet" else pd.read_csv
    one, other = read(before), read(after)
    if one.shape != other.shape:
        yield f"{name}: {one.shape} became {other.shape}"
        return
    for k, column in enumerate(one.columns):
        if not one.iloc[:, k].equals(other.iloc[:, k]):
            yield f"{name}: column {column} differs"


def values_of(data):
    """All numbers and texts of a JSON document in the order of its keys, provenance left out."""
    if isinstance(data, dict):
        return [v for key, value in data.items() if key not in LEFT_OUT for v in values_of(value)]
    if isinstance(data, list):
        return [v for value in data for v in values_of(value)]
    return [repr(data)]


if __name__ == "__main__":
    main()
