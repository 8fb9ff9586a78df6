"""The built documentation in Chromium: every page fits its window and asks nobody else."""

import os
from pathlib import Path

import pytest

SITE = os.environ.get("PKPD_SITE")  # folder of the built site, as .ci/run says it
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(SITE is None, reason="PKPD_SITE names no built documentation"),
]
WIDTH = "document.documentElement.scrollWidth"


def pages():
    """Pages of the site in order, but the one that leads to the first."""
    return sorted(set(Path(SITE).rglob("*.html")) - {Path(SITE) / "index.html"})


@pytest.mark.parametrize("width", [390, 1400])
def test_pages_fit_the_window_and_fetch_nothing_from_elsewhere(browser, width):
    tab = browser.new_page(viewport={"width": width, "height": 900})
    requests, messages = [], []
    tab.on("request", lambda request: requests.append(request.url))
    tab.on("console", lambda message: messages.append((tab.url, message.text)))
    tab.on("pageerror", lambda error: messages.append((tab.url, str(error))))
    found = pages()
    assert any("notebooks/gallery" in str(page) for page in found)
    wide = {}
    for page in found:
        tab.goto(page.resolve().as_uri())
        if tab.evaluate(WIDTH) > width:
            wide[page.name] = tab.evaluate(WIDTH)
    tab.close()
    assert wide == {} and messages == []
    assert all(url.startswith(("file:", "data:")) for url in requests)
