"""How long the page of `pkpd app` takes to redraw after a slider has moved.

    python benchmarks/app.py [--moves 50] [--patients 1000]

Moves the slider of `toff` in Chromium, each move once the last is drawn, and prints the median and
the 90 % line of the time from the move to the new figure: of the typical patient's day, of the
fan and the MEDs, and of these with the sentences on them. Needs pkpd[app,browser] and a Chromium
on PATH.
"""

import argparse
import json
import os
import shutil
import statistics
import threading

import uvicorn
from playwright.sync_api import sync_playwright

from pkpd.app import server

# resolves with the milliseconds from the move to the next figure in each place
MOVE = """
place => new Promise(done => {
  const slider = document.querySelector("#set-toff"), begin = performance.now(), found = {};
  const watched = {day: "#day", first: "#meds", all: "#panels"};
  for (const [name, where] of Object.entries(watched)) {
    const node = document.querySelector(where);
    const ready = () => name !== "all" || node.getAttribute("aria-busy") === "false";
    const watch = new MutationObserver(() => {
      if (found[name] !== undefined || !ready()) return;
      found[name] = performance.now() - begin;
      watch.disconnect();
      if (Object.keys(found).length === 3) done(found);
    });
    const how = name === "all" ? {attributes: true} : {childList: true};
    watch.observe(node, how);
  }
  slider.value = Number(slider.min) + place * (slider.max - slider.min);
  slider.dispatchEvent(new Event("input"));
  slider.dispatchEvent(new Event("change"));
})
"""


def moves(address, count, patients):
    """Milliseconds {day, first, all} of each move."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1400, "height": 900})
        tab.goto(f"{address}/?n={patients}")
        tab.wait_for_selector("#panels[aria-busy=false] #meds svg", timeout=300_000)
        tab.evaluate(MOVE, 0.5)
        found = [tab.evaluate(MOVE, 0.2 + 0.6 * k / count) for k in range(count)]
        browser.close()
    return found


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
    found = moves(address, given.moves, given.patients)
    serving.should_exit = True
    words = {
        "day": "typical patient's day",
        "first": f"fan and MEDs of {given.patients} patients",
        "all": "the same with all sentences",
    }
    print(f"{given.moves} moves, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for name, text in words.items():
        times = sorted(move[name] for move in found)
        middle, late = statistics.median(times), times[int(0.9 * len(times))]
        print(f"{text}: median {middle:.0f} ms, 90 % within {late:.0f} ms")
    print(json.dumps(found[-1]))


if __name__ == "__main__":
    main()
