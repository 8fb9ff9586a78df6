"""What do the first minutes of a new user take, from nothing to a model of one's own?

    python benchmarks/first_minutes.py [--folder FOLDER]

In an environment and a cache of its own: what the README and docs/ print, in this order, each step
timed by the clock. A step that fails ends it with what the step said. Needs pkpd[browser] where it
runs, and a Chromium on PATH, for whoever looks at the page of the app.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import records
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
DRAWN = "#panels[aria-busy=false] #meds svg"
NOTEBOOK = ROOT / "docs/notebooks/01-ten-minutes.ipynb"
OWN_MODEL = ROOT / "docs/notebooks/02-your-own-model.ipynb"
# executes a notebook until a cell shows a picture; argv: notebook
UNTIL_A_PICTURE = """
import sys, nbformat
from nbclient import NotebookClient
book = nbformat.read(sys.argv[1], as_version=4)
client = NotebookClient(book, timeout=600, kernel_name="python3")
with client.setup_kernel():
    for place, cell in enumerate(book.cells):
        client.execute_cell(cell, place)
        if any("image/png" in output.get("data", {}) for output in cell.get("outputs", ())):
            print(f"picture in cell {place + 1}")
            break
    else:
        sys.exit("no picture")
"""


class Newcomer:
    """Somebody with Python and nothing else. folder : where they work, empty at first"""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.bin = self.folder / ".venv/bin"
        theirs = {"PYTHONPATH", "VIRTUAL_ENV", "PKPD_MODELS"}  # of whoever runs this script
        kept = {name: value for name, value in os.environ.items() if name not in theirs}
        self.env = kept | {"PKPD_CACHE": str(self.folder / "cache")}

    def run(self, *words, fails=False):
        """What a command prints. fails : whether it is to end with an error"""
        done = subprocess.run(
            list(map(str, words)), cwd=self.folder, env=self.env, capture_output=True, text=True
        )
        if bool(done.returncode) != fails:
            sys.exit(f"{' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
        return (done.stdout.strip() or done.stderr.strip()).splitlines()

    def installs(self):
        self.run(sys.executable, "-m", "venv", ".venv")
        self.run(self.bin / "pip", "install", "-q", f"{ROOT}[app]")
        return self.run(self.bin / "pkpd", "--version")[-1]

    def installs_a_notebook(self):
        self.run(self.bin / "pip", "install", "-q", "ipykernel", "nbclient")
        return "ipykernel and nbclient, as Jupyter has them"

    def sees_a_picture(self):
        return self.run(self.bin / "python", "-c", UNTIL_A_PICTURE, NOTEBOOK)[-1]

    def computes_meds(self):
        words = ("med", "ldn/hormesis", "-n", 1000, "--seed", 7, "--out", "med", "--report")
        lines = self.run(self.bin / "pkpd", *words)
        return next(line for line in lines if "median MED" in line).strip()

    def opens_the_app(self):
        serving = subprocess.Popen(
            [self.bin / "pkpd", "app", "--no-browser"],
            cwd=self.folder,
            env=self.env | {"PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            address = re.search(r"http://\S+", serving.stdout.readline())[0]
            return f"{_panels(address)} panels drawn"
        finally:
            serving.terminate()
            serving.wait()

    def checks_a_model(self):
        text = _first_file(OWN_MODEL)
        path = self.folder / "sedative.toml"
        path.write_text(text)
        told = self.run(self.bin / "pkpd", "check", path.name, fails=True)[-1]
        path.write_text(text.replace("cl*central ", "cl/vc*central "))
        self.run(self.bin / "pkpd", "check", path.name)
        return f"its mistake: {told}"


def _panels(address):
    """How many panels of the page are drawn, in Chromium. Ends where the page says an error."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page()
        tab.goto(address)
        tab.wait_for_selector(DRAWN, timeout=300_000)
        count = tab.locator("#panels svg").count()
        browser.close()
    return count


def _first_file(path):
    """The text that the first cell with %%writefile of a notebook writes."""
    cells = nbformat.read(path, as_version=4).cells
    source = next(cell.source for cell in cells if cell.source.startswith("%%writefile"))
    return source.partition("\n")[2] + "\n"


STEPS = {
    "installed, with the app": Newcomer.installs,
    "a kernel for notebooks": Newcomer.installs_a_notebook,
    "a notebook with a picture": Newcomer.sees_a_picture,
    "MEDs of 1,000 patients and a page on them": Newcomer.computes_meds,
    "the app open and drawn": Newcomer.opens_the_app,
    "a model of one's own checked": Newcomer.checks_a_model,
}


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--folder", help="empty folder to work in (default: a temporary one)")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        newcomer = Newcomer(given.folder or folder)
        begin, rows = time.monotonic(), []
        for name, step in STEPS.items():
            started = time.monotonic()
            told = step(newcomer)
            now = time.monotonic()
            rows.append((name, f"{now - started:.0f}", f"{now - begin:.0f}", told))
            print(f"{name}: {now - started:.0f} s", file=sys.stderr)
    print(records.markdown(("step", "seconds", "since the start", "seen"), rows))
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
