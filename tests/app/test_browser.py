"""The page in Chromium: it draws, follows a slider, restores a link, and fetches nothing."""

import pytest

pytestmark = pytest.mark.browser
READY = "#panels[aria-busy=false] #meds svg"


def opened(browser, address, query="?n=40", width=1400):
    """A tab whose figures are drawn, its requests and its messages."""
    tab = browser.new_page(viewport={"width": width, "height": 900})
    requests, messages = [], []
    tab.on("request", lambda request: requests.append(request.url))
    tab.on("console", lambda message: messages.append(message.text))
    tab.on("pageerror", lambda error: messages.append(str(error)))
    tab.goto(f"{address}/{query}")
    tab.wait_for_selector(f"{READY}, #error:not([hidden])", timeout=120_000)
    return tab, requests, messages


def drawn(tab, place):
    return tab.eval_on_selector(f"#{place} svg", "figure => figure.outerHTML")


@pytest.mark.parametrize("width", [390, 1400])
def test_it_draws_within_the_window_and_asks_only_this_server(browser, address, width):
    tab, requests, messages = opened(browser, address, width=width)
    assert tab.locator("#panels svg").count() == 5
    assert messages == [] and all(url.startswith((address, "data:")) for url in requests)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.locator("#claims li").count() > 3
    tab.close()


def test_a_slider_by_keyboard_changes_figures_link_and_command_and_the_link_restores_them(
    browser, address
):
    tab, _, messages = opened(browser, address)
    before = {place: drawn(tab, place) for place in ("day", "fan", "meds")}
    tab.focus("#set-toff")
    tab.keyboard.press("PageUp")
    tab.wait_for_selector("#panels[aria-busy=true]")
    tab.wait_for_selector(READY, timeout=120_000)
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
