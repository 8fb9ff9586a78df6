"""How long the page of `pkpd app` takes to redraw after a slider has moved.

    python benchmarks/app.py [--moves 50] [--patients 1000]

Moves the slider of `toff` in Chromium, each move once the last is drawn, and prints the median and
the 90 % line of the time from the move to the new figure: of the typical patient's day, of the
fan and the MEDs of the first patients and of all, and of these with the sentences on them. Then it
drags, a move every 30 ms, and prints how often figures are drawn meanwhile. Needs
pkpd[app,browser] and a Chromium on PATH.
"""

import argparse
import json
import os
import shutil
import statistics
import threading
from itertools import pairwise

import uvicorn
from playwright.sync_api import sync_playwright

from pkpd.app import server

EACH = 30  # ms between moves of a drag

# resolves with the milliseconds from the move to the next figure in each place
MOVE = """
place => new Promise(done => {
  const slider = document.querySelector("#set-toff"), begin = performance.now(), found = {};
  const meds = document.querySelector("#meds"), panels = document.querySelector("#panels");
  const drawn = {
    day: ["#day", () => true],
    first: ["#meds", () => true],
    whole: ["#meds", () => !meds.textContent.includes("the first")],
    all: ["#panels", () => panels.getAttribute("aria-busy") === "false"],
  };
  for (const [name, [where, ready]] of Object.entries(drawn)) {
    const watch = new MutationObserver(() => {
      if (found[name] !== undefined || !ready()) return;
      found[name] = performance.now() - begin;
      watch.disconnect();
      if (Object.keys(found).length === Object.keys(drawn).length) done(found);
    });
    const what = name === "all" ? {attributes: true} : {childList: true};
    watch.observe(document.querySelector(where), what);
  }
  slider.value = Number(slider.min) + place * (slider.max - slider.min);
  slider.dispatchEvent(new Event("input"));
  slider.dispatchEvent(new Event("change"));
})
"""

# resolves with the times in ms at which figures were drawn while the slider moved
DRAG = """
([count, each]) => new Promise(done => {
  const slider = document.querySelector("#set-toff"), begin = performance.now();
  const found = {day: [], meds: []};
  const watches = Object.entries(found).map(([name, times]) => {
    const watch = new MutationObserver(() => times.push(performance.now() - begin));
    watch.observe(document.querySelector(`#${name}`), {childList: true});
    return watch;
  });
  let k = 0;
  const timer = setInterval(() => {
    if (k++ === count) {
      clearInterval(timer);
      for (const watch of watches) watch.disconnect();
      done(found);
    }
    slider.value = Number(slider.min) + (0.2 + 0.6 * k / count) * (slider.max - slider.min);
    slider.dispatchEvent(new Event("input"));
  }, each);
})
"""


def moves(address, count, patients):
    """Milliseconds {day, first, whole, all} of each move, and times of drawing in a drag."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1400, "height": 900})
        tab.goto(f"{address}/?n={patients}")
        tab.wait_for_selector("#panels[aria-busy=false] #meds svg", timeout=300_000)
        tab.evaluate(MOVE, 0.5)
        found = [tab.evaluate(MOVE, 0.2 + 0.6 * k / count) for k in range(count)]
        dragged = tab.evaluate(DRAG, [4 * count, EACH])
        tab.wait_for_selector("#panels[aria-busy=false]", timeout=300_000)
        browser.close()
    return found, dragged


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--moves", type=int, default=50)
    options.add_argument("--patients", type=int, default=1000)
    given = options.parse_args()
    bound = server.bind(0)
    config = uvicorn.Config(server.application(), log_level="error", lifespan="off")
    serving = uvicorn.Server(config)
    threading.Thread(target=serving.run, kwargs={"sockets": [bound]}, daemon=True).start()
    address = f"http://{server.HOST}:{bound.getsockname()[1]}"
    found, dragged = moves(address, given.moves, given.patients)
    serving.should_exit = True
    words = {
        "day": "typical patient's day",
        "first": "fan and MEDs, first drawn",
        "whole": f"fan and MEDs of all {given.patients} patients",
        "all": "the same with all sentences",
    }
    print(f"{given.moves} moves, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for name, text in words.items():
        times = sorted(move[name] for move in found)
        middle, late = statistics.median(times), times[int(0.9 * len(times))]
        print(f"{text}: median {middle:.0f} ms, 90 % within {late:.0f} ms")
    for name, text in (("day", words["day"]), ("meds", words["first"])):
        times = [0.0, *dragged[name]]
        gap = statistics.median(later - one for one, later in pairwise(times))
        print(f"while dragging, {text}: drawn {len(times) - 1} times, every {gap:.0f} ms")
    print(json.dumps(found[-1]))


if __name__ == "__main__":
    main()
