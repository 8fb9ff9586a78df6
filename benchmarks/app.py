"""How long the page of `pkpd app` takes to redraw after a slider has moved.

    python benchmarks/app.py [--moves 50] [--patients 1000]

Moves the slider of `toff` in Chromium, each move once the last is drawn, and prints the median and
the 90 % line of the time from the move to the new figure: of the typical patient's day, of the
fan and the MEDs of all patients, and of these with the sentences on them. Half of the moves let the
slider go, as a key does; half hold it, as a mouse does, and the first patients are drawn before
all. Then it drags, a move every 30 ms, and prints how often figures are drawn meanwhile. Needs
pkpd[app,browser] and a Chromium on PATH.
"""

import argparse
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
# rests : whether the slider is let go after it, as by a key; else it is held, as by the mouse
MOVE = """
([place, rests]) => new Promise(done => {
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
  if (rests) slider.dispatchEvent(new Event("change"));
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
    """Milliseconds {day, first, whole, all} of moves let go and held, and of drawing in a drag."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1400, "height": 900})
        tab.goto(f"{address}/?n={patients}")
        tab.wait_for_selector("#panels[aria-busy=false] #meds svg", timeout=300_000)
        tab.evaluate(MOVE, [0.9, True])
        places = [(0.2 + 0.6 * (0.618 * k % 1), k % 2 == 0) for k in range(2 * count)]
        found = [tab.evaluate(MOVE, list(place)) for place in places]
        dragged = tab.evaluate(DRAG, [4 * count, EACH])
        tab.wait_for_selector("#panels[aria-busy=false]", timeout=300_000)
        browser.close()
    return found[::2], found[1::2], dragged


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
    let_go, held, dragged = moves(address, given.moves, given.patients)
    serving.should_exit = True
    everybody = f"all {given.patients} patients"
    print(f"{given.moves} moves of a kind, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    tell("typical patient's day", [move["day"] for move in let_go + held])
    tell(f"let go: fan and MEDs of {everybody}", [move["whole"] for move in let_go])
    tell("let go: the same with all sentences", [move["all"] for move in let_go])
    tell("held: fan and MEDs of the first patients", [move["first"] for move in held])
    tell(f"held: fan and MEDs of {everybody}", [move["whole"] for move in held])
    for name, text in (("day", "typical patient's day"), ("meds", "fan and MEDs")):
        gaps = [later - one for one, later in pairwise([0.0, *dragged[name]])]
        print(f"dragged: {text} drawn {len(gaps)} times, every {statistics.median(gaps):.0f} ms")


def tell(what, times):
    """A line on times in ms."""
    late = sorted(times)[int(0.9 * len(times))]
    print(f"{what}: median {statistics.median(times):.0f} ms, 90 % within {late:.0f} ms")


if __name__ == "__main__":
    main()
