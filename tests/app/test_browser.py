"""The page in Chromium: it draws, follows a slider, restores a link, and fetches nothing."""

import re
import threading
from pathlib import Path

import pytest

import pkpd
from pkpd.app.on_the_way import WORKER

pytestmark = pytest.mark.browser
READY = "#panels[aria-busy=false] #meds svg"


def opened(browser, address, query="?n=40", width=1400, scheme="light"):
    """A tab whose figures are drawn, its requests and its messages."""
    tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    requests, messages = [], []
    tab.on("request", lambda request: requests.append(request.url))
    tab.on("console", lambda message: messages.append(message.text))
    tab.on("pageerror", lambda error: messages.append(str(error)))
    tab.goto(f"{address}/{query}")
    tab.wait_for_selector(f"{READY}, #error:not([hidden])", timeout=120_000)
    return tab, requests, messages


def drawn(tab, place):
    return tab.eval_on_selector(f"#{place} svg", "figure => figure.outerHTML")


def settled(tab):
    """Wait for the figures of what was chosen last."""
    tab.wait_for_selector("#panels[aria-busy=true]")
    tab.wait_for_selector(READY, timeout=120_000)


@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_draws_within_the_window_and_asks_only_this_server(browser, address, width, scheme):
    tab, requests, messages = opened(browser, address, width=width, scheme=scheme)
    assert tab.locator("#panels svg").count() == 7
    assert messages == [] and all(url.startswith((address, "data:")) for url in requests)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    colours = "names => names.map((name) => getComputedStyle(document.querySelector(name)).color)"
    inks = tab.evaluate(colours, ["body", ".grade.assumed", ".slider small", ".doubt"])
    page = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert min(contrast(ink, page) for ink in inks) > 4.5
    tab.close()


def contrast(one, other):
    """Contrast of two colours "rgb(r, g, b)", from 1 to 21 (WCAG 2.2)."""
    light = sorted(map(luminance, (one, other)))
    return (light[1] + 0.05) / (light[0] + 0.05)


def luminance(colour):
    shares = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("width", [390, 1400])
def test_what_must_not_be_claimed_is_in_view_wherever_one_scrolls(browser, address, width):
    tab, *_ = opened(browser, address, width=width)
    assert tab.locator("#claims li").count() > 3
    for share in (0, 0.5, 1):
        tab.evaluate("share => scrollTo(0, share * document.body.scrollHeight)", share)
        box = tab.locator("#never summary").bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 900
    tab.close()


def test_spread_interval_least_benefit_and_switch_move_the_figures(browser, address):
    tab, _, messages = opened(browser, address)
    for place, key in (
        ("every", "ArrowLeft"),
        ("delta", "PageUp"),
        ("spread-b50", "PageUp"),
        ("set-glia", "Space"),
    ):
        before = drawn(tab, "meds")
        tab.focus(f"#{place}")
        tab.keyboard.press(key)
        settled(tab)
        assert drawn(tab, "meds") != before, place
        assert f"{place.replace('set-', 'set.').replace('spread-', 'spread.')}=" in tab.url
    assert "every=12" in tab.url and messages == []
    tab.close()


@pytest.mark.filterwarnings("ignore::pkpd.errors.PkpdWarning")
def test_a_slip_of_the_pen_stands_beside_its_slider(browser, address):
    tab, *_ = opened(browser, address, "?n=20&spread.toff=40")
    room = tab.locator(".slider", has=tab.locator("#set-toff"))
    assert "CV of 4e+03 %" in room.locator(".doubt").inner_text()
    tab.close()


def test_a_titration_shows_its_progress_and_becomes_stale_when_numbers_move(browser, address):
    tab, _, messages = opened(browser, address, "?n=20")
    tab.select_option("#rule", "step-up-2-weeks")
    tab.click("#titrate")
    tab.wait_for_selector("#titration svg", timeout=120_000)
    assert "0-10 NRS" in tab.inner_text("#titration-lines")
    assert "--titrate step-up-2-weeks" in tab.inner_text("#titration-command")
    tab.focus("#set-toff")
    tab.keyboard.press("PageUp")
    tab.locator("#titration-said", has_text="ask again").wait_for()
    tab.focus("#set-toff")
    tab.keyboard.press("PageDown")
    tab.wait_for_selector("#titration-said:empty", state="attached")
    assert messages == []
    tab.close()


def test_covariates_are_compared_at_the_values_asked_and_a_mistake_is_a_sentence(browser, address):
    tab, _, messages = opened(browser, address, "?n=20")
    tab.fill("#at", "wt=50,100 cirrhosis=1")
    tab.click("#compare")
    tab.wait_for_selector("#covariates svg", timeout=120_000)
    assert tab.locator("#covariates .dot").count() == 3
    assert "cirrhosis 1: " in tab.inner_text("#covariates")
    assert "--at wt=50.0,100.0 --at cirrhosis=1.0" in tab.inner_text("#covariates-command")
    tab.locator("#compare", has_text="Compare").wait_for()
    tab.fill("#at", "wt")
    tab.keyboard.press("Enter")
    tab.locator("#covariates-said", has_text="write such as wt=50,100").wait_for()
    assert messages == []
    tab.close()


DRAGGED = """
count => new Promise(done => {
  const slider = document.querySelector("#set-toff"), end = Number(slider.max);
  let k = 0;
  const timer = setInterval(() => {
    slider.value = end - (count - k) * slider.step;
    slider.dispatchEvent(new Event("input"));
    if (k++ === count) { clearInterval(timer); done(); }
  }, 25);
})
"""

WATCHED = """
places => {
  window.said = [];
  for (const place of places) {
    const node = document.getElementById(place);
    const watch = new MutationObserver(() => said.push([place, node.textContent]));
    watch.observe(node, {childList: true});
  }
}
"""


def test_a_figure_of_the_first_patients_says_so_and_all_follow(browser, address):
    tab, *_ = opened(browser, address, "?n=600")
    tab.evaluate(WATCHED, ["fan", "meds", "working"])
    tab.evaluate(DRAGGED, 0)
    settled(tab)
    texts = {place: [] for place in ("fan", "meds", "working")}
    for place, text in tab.evaluate("said"):
        texts[place].append(text)
    for place in ("fan", "meds"):
        first, whole = texts[place]
        assert "of the first 250 of 600 patients" in first
        assert "of 600 patients" in whole and "the first" not in whole
    assert any("the first 250 of 600 patients" in text for text in texts["working"])
    tab.close()


def test_what_newer_moves_overtake_is_given_up_and_the_last_is_drawn(browser, address):
    tab, requests, messages = opened(browser, address)
    given_up = []
    tab.on("requestfailed", lambda request: given_up.append(request.url))
    tab.evaluate(DRAGGED, 20)
    tab.wait_for_selector(READY, timeout=120_000)
    asked = [url for url in requests if "/api/people" in url]
    assert given_up and set(given_up) < set(asked)
    last = {place: drawn(tab, place) for place in ("day", "fan", "meds")}
    again, *_ = opened(browser, address, f"?{asked[-1].partition('?')[2]}")
    assert {place: drawn(again, place) for place in last} == last
    workers = [thread for thread in threading.enumerate() if thread.name == WORKER]
    for worker in workers:
        worker.join(60)
    assert messages == [] and not any(worker.is_alive() for worker in workers)
    tab.close()
    again.close()


def test_a_press_of_a_key_draws_all_patients_at_once(browser, address):
    tab, requests, _ = opened(browser, address, "?n=600")
    tab.evaluate(WATCHED, ["fan"])
    tab.focus("#set-toff")
    tab.keyboard.press("PageUp")
    settled(tab)
    [(_, text)] = tab.evaluate("said")
    assert "of 600 patients" in text and "the first" not in text
    assert len([url for url in requests if "/api/people" in url]) == 2
    tab.close()


def test_figures_table_and_report_are_saved(browser, address):
    tab, _, messages = opened(browser, address, "?n=20")
    begins = {"SVG": b"<svg ", "PNG": b"\x89PNG"}
    for place in ("day", "fan", "meds"):
        for kind, begin in begins.items():
            with tab.expect_download() as saved:
                tab.click(f".save[data-of={place}] button:has-text('{kind}')")
            content = Path(saved.value.path()).read_bytes()
            assert content.startswith(begin) and len(content) > 3000
            assert saved.value.suggested_filename == f"{place}.{kind.lower()}"
    for link, begin in (("csv", b"ID,status,med"), ("report", b"<!DOCTYPE html>")):
        with tab.expect_download(timeout=120_000) as saved:
            tab.click(f"#{link}")
        assert Path(saved.value.path()).read_bytes().startswith(begin)
    assert messages == []
    tab.close()


def test_a_broken_model_is_told_with_file_and_line_and_others_can_be_chosen(
    browser, serve, tmp_path
):
    file = tmp_path / "broken.toml"
    file.write_text('title = "x"\ntime = "h"\n[equations]\nx = "d/dt(a) = b : mg"\n')
    with serve(own=str(file)) as address:
        tab, *_ = opened(browser, address, "")
        assert re.search(r"broken\.toml:\d+: ", tab.inner_text("#error"))
        tab.select_option("#model", "ldn/hormesis")
        tab.wait_for_selector(READY, timeout=120_000)
        assert tab.locator("#error").is_hidden()
        tab.close()


@pytest.mark.parametrize("width", [390, 1400])
def test_a_finished_study_shows_report_figures_and_tables(browser, serve, tmp_path, width):
    model = pkpd.load("ldn/hormesis")
    pkpd.med(model, pkpd.cohort(model, 20, seed=7)).write(tmp_path / "med", figure="svg")
    with serve(folder=tmp_path / "med") as address:
        tab = browser.new_page(viewport={"width": width, "height": 900})
        messages, requests = [], []
        tab.on("console", lambda message: messages.append(message.text))
        tab.on("request", lambda request: requests.append(request.url))
        tab.goto(f"{address}/study")
        report = tab.frame_locator("#frame")
        report.locator("#question").wait_for(timeout=120_000)
        assert "have a MED" in report.locator("#question").inner_text()
        tab.wait_for_function("document.querySelector('img').naturalWidth > 100")
        tab.focus("text=patients.parquet")
        tab.keyboard.press("Enter")
        tab.wait_for_selector("table")
        assert tab.locator("tbody tr").count() == 20
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert messages == [] and all(url.startswith((address, "data:")) for url in requests)
        tab.focus("#live")
        tab.keyboard.press("Enter")
        tab.wait_for_selector(READY, timeout=120_000)
        assert "n=20" in tab.url
        tab.close()


def test_figure_and_report_of_a_hostile_folder_run_and_fetch_nothing(browser, serve, tmp_path):
    script = "<script>top.document.title='owned'; fetch('https://evil.example')</script>"
    svg = f"<svg xmlns='http://www.w3.org/2000/svg' onload='document.title=1'>{script}</svg>"
    (tmp_path / "evil.svg").write_text(svg)
    (tmp_path / "report.html").write_text(f"<p>Results</p>{script}<img src='//evil.example/x'>")
    with serve(folder=tmp_path) as address:
        tab, requests, blocked = browser.new_page(), [], []
        tab.on("request", lambda request: requests.append(request.url))
        tab.on("requestfailed", lambda request: blocked.append((request.url, request.failure)))
        tab.goto(f"{address}/study")
        tab.wait_for_selector("#without:not([hidden])")
        assert "as the folder brings it" in tab.inner_text("#without")
        tab.frame_locator("#frame").locator("p").wait_for()
        assert "owned" not in tab.title()
        tab.goto(f"{address}/study/figure?name=evil.svg")
        assert tab.title() not in ("owned", "1")
        outside = [url for url in requests if not url.startswith((address, "data:"))]
        assert all((url, "csp") in blocked for url in outside)
        tab.close()


def test_a_slider_by_keyboard_changes_figures_link_and_command_and_the_link_restores_them(
    browser, address
):
    tab, _, messages = opened(browser, address)
    before = {place: drawn(tab, place) for place in ("day", "fan", "meds")}
    tab.focus("#set-toff")
    tab.keyboard.press("PageUp")
    settled(tab)
    after = {place: drawn(tab, place) for place in before}
    assert all(before[place] != after[place] for place in before)
    assert "set.toff=" in tab.url
    value = tab.url.partition("set.toff=")[2]
    tab.locator("#command", has_text=f"--set toff={float(value)!r}").wait_for()
    again, *_ = opened(browser, address, tab.url.partition("/?")[2].join(("?", "")))
    assert {place: drawn(again, place) for place in before} == after
    again.click("#reset")
    again.wait_for_selector(READY, timeout=120_000)
    assert messages == []
    tab.close()
    again.close()


def test_a_pinned_state_stays_in_the_figures(browser, address):
    tab, *_ = opened(browser, address)
    assert tab.locator(".pinned").count() == 0
    tab.click("#pin")
    assert tab.locator("#fan .pinned").count() and tab.locator("#meds .pinned").count()
    tab.close()


def test_a_hostile_link_shows_a_sentence_and_runs_nothing(browser, address):
    hostile = "?set.<img src=x onerror=document.title='owned'>=1"
    tab, *_ = opened(browser, address, hostile)
    assert "means nothing here" in tab.inner_text("#error")
    assert tab.title() == "pkpd" and tab.locator("#error img").count() == 0
    tab.close()
