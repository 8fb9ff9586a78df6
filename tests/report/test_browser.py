"""The page in a browser: nothing is fetched or overflows, tables sort, it reads without its script.

Needs a Chromium on PATH.
"""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pkpd.cli import app
from pkpd.report.page.page import page

pytestmark = pytest.mark.browser
WIDTHS = (390, 1280)  # a phone, a desktop
# not a file: pages from files share an origin with everything
HERE = "http://page.test/report.html"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders of three kinds."""
    root = tmp_path_factory.mktemp("browser")
    text = (Path(__file__).parents[2] / "docs/trials.md").read_text()
    (root / "trial.toml").write_text(text.split("```toml\n")[1].split("```")[0])
    for name, words in (
        (
            "med",
            [
                "med",
                "ldn/hormesis",
                "--by",
                "wt",
                "--titrate",
                "slow-ladder-7-days",
                "--titrations",
                "2",
                "--sampling",
                "mc",  # independent patients: quantiles with intervals
            ],
        ),
        ("curves", ["dose-response", "ldn/hormesis"]),
        ("trial", ["trial", str(root / "trial.toml")]),
    ):
        done = CliRunner().invoke(
            app,
            [
                *words,
                "-n",
                "24",
                "--seed",
                "7",
                "--quiet",
                "--no-figure",
                "--out",
                str(root / name),
            ],
        )
        assert done.exit_code == 0, done.output
    return root


def opened(browser, text, width, **options):
    """The page at a width, what it requests the network for, and what it complained of."""
    tab = browser.new_page(viewport={"width": width, "height": 900}, **options)
    requests, messages = [], []
    tab.on("console", lambda message: messages.append(message.text))
    tab.on("pageerror", lambda error: messages.append(str(error)))

    def answer(route):
        requests.append(route.request.url)
        route.fulfill(
            body=text, content_type="text/html; charset=utf-8"
        ) if route.request.url == HERE else route.abort()

    tab.route("**/*", answer)
    tab.goto(HERE)
    tab.wait_for_load_state("load")
    return tab, requests, messages


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", ["med", "curves", "trial"])
def test_the_page_renders_fetches_nothing_and_stays_within_the_window(
    browser, folders, kind, width
):
    tab, requests, messages = opened(browser, page(folders / kind), width)
    assert (requests, messages) == ([HERE], [])
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    drawn = tab.evaluate(
        "[...document.querySelectorAll('figure svg')].map(s => s.getBoundingClientRect())"
        ".map(box => [box.width, box.height])"
    )
    assert len(drawn) >= 2 and all(
        0.6 * min(width, 500) < w <= width and 150 < h < w * 1.1 for w, h in drawn
    )
    heights = tab.evaluate(
        "[...document.querySelectorAll('math')].map(m => m.getBoundingClientRect().height)"
    )
    assert len(heights) > 20 and min(heights) > 10
    # text of figures: the smallest of ten points or so stays readable
    scale = tab.evaluate(
        "Math.min(...[...document.querySelectorAll('figure svg')]"
        ".map(s => s.getBoundingClientRect().width / s.viewBox.baseVal.width))"
    )
    assert 8 * scale >= 8
    tab.close()


def test_a_table_sorts_by_numbers_and_back_and_by_keyboard(browser, folders):
    tab, _, messages = opened(browser, page(folders / "med"), 1280)
    column = (
        "[...document.querySelector('#numbers table:has(th[class=l])').tBodies[0].rows]"
        ".map(r => parseFloat(r.cells[1].textContent))"
    )
    before = tab.evaluate(column)
    button = tab.locator("#numbers table:has(th[class=l]) thead button", has_text="value")
    button.click()
    assert tab.evaluate(column) == sorted(before) != before
    assert button.locator("..").get_attribute("aria-sort") == "ascending"
    button.focus()
    tab.keyboard.press("Enter")
    assert tab.evaluate(column) == sorted(before, reverse=True) and messages == []
    tab.close()


def test_doses_beyond_the_range_sort_last(browser, folders):
    tab, *_ = opened(browser, page(folders / "med"), 1280)
    table = tab.locator("table", has=tab.locator("caption", has_text="Quantiles of the MED"))
    table.locator("thead button", has_text="95 % to").click()
    table.locator("thead button", has_text="95 % to").click()
    cells = table.locator("tbody tr td:nth-child(4)").all_text_contents()
    beyond = [cell.startswith(">") for cell in cells]
    assert any(beyond) and beyond == sorted(beyond, reverse=True)
    tab.close()


def test_without_scripts_the_page_reads_the_same(browser, folders):
    tab, _, messages = opened(browser, page(folders / "med"), 390, java_script_enabled=False)
    assert tab.locator("thead button").count() == 0 and tab.locator("table").count() > 5
    assert (
        tab.locator("h1").is_visible()
        and tab.locator("figure svg").first.is_visible()
        and messages == []
    )
    tab.close()


def test_a_script_that_got_onto_the_page_would_not_run(browser, folders):
    text = page(folders / "curves").replace(
        "</main>",
        "<script>document.title = 'run'</script>"
        "<img src=x onerror=\"document.title = 'run'\"></main>",
    )
    tab, requests, messages = opened(browser, text, 1280)
    assert (
        tab.title().startswith("Low-dose naltrexone")
        and requests == [HERE]
        and any("Content Security Policy" in line for line in messages)
    )
    tab.close()


def test_on_paper_everything_is_open_and_nothing_is_cut_off(browser, folders):
    tab, *_ = opened(browser, page(folders / "med"), 1280)
    tab.emulate_media(media="print")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert (
        tab.evaluate("[...document.querySelectorAll('details')].every(d => d.open)")
        and not tab.locator("nav").is_visible()
    )
    assert tab.pdf(format="A4")[:4] == b"%PDF"
    tab.close()
