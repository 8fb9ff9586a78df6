"""Notebooks of the documents are as they would be if they were executed today."""

import re
from html import unescape
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).parents[1] / "docs/notebooks"
BOOKS = sorted(FOLDER.glob("*.ipynb"))
LARGEST = 400_000  # bytes
OF_A_MACHINE = re.compile(r"/(?:home|root|tmp|work|Users|usr)/|[A-Z]:\\")
NUMBER = re.compile(r"[-+]?\d+\.?\d*(?:e[-+]?\d+)?")
LAST_DIGITS = 0.01  # machines round otherwise, and what is printed has few digits

each_book = pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)


def code_of(book):
    return [cell for cell in book.cells if cell.cell_type == "code"]


def printed(cell):
    """What each output of a cell prints: HTML where it has some, without pictures."""
    for output in cell.outputs:
        data = output.get("data", {})
        text = output.get("text", data.get("text/html", data.get("text/plain", "")))
        yield re.sub(r"data:image[^\"]*", "", text)


def visible(cell):
    """What a cell prints at first sight, as one text: no markup, pictures or parts that are closed.

    What is closed are tables of models and patients, such as sources of numbers, in full.
    """
    shown = []
    for text in printed(cell):
        text = re.sub(r"<style.*?</style>|<details.*?</details>|<[^>]*>", " ", text, flags=re.S)
        shown.append(" ".join(unescape(text).split()))
    return "\n".join(shown)


@each_book
def test_a_notebook_was_executed_in_order_and_without_error(path):
    cells = code_of(nbformat.read(path, as_version=4))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert all(output.output_type in ("execute_result", "stream") for output in outputs)
    assert any("image/png" in output.get("data", {}) for output in outputs)


@each_book
def test_a_notebook_is_small_and_names_no_place_on_a_machine(path):
    assert path.stat().st_size < LARGEST
    for cell in nbformat.read(path, as_version=4).cells:
        assert not OF_A_MACHINE.search(cell.source)
        for output in cell.get("outputs", ()):
            assert not OF_A_MACHINE.search(str(output.get("text", output.get("data"))))


@each_book
def test_links_of_a_notebook_lead_to_files(path):
    for cell in nbformat.read(path, as_version=4).cells:
        for link in re.findall(r"\]\(([^)#]+)\)", cell.source):
            assert link.startswith("https://") or (FOLDER / link).exists(), link


@pytest.mark.slow
@each_book
def test_a_notebook_says_what_it_would_say_today(path, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    from execute import executed

    kept = code_of(nbformat.read(path, as_version=4))
    for old, new in zip(kept, code_of(executed(path)), strict=True):
        before, now = visible(old), visible(new)
        assert NUMBER.sub("#", now) == NUMBER.sub("#", before), old.source
        numbers = [list(map(float, NUMBER.findall(text))) for text in (now, before)]
        assert numbers[0] == pytest.approx(numbers[1], rel=LAST_DIGITS, abs=1e-9), old.source
        assert len(new.outputs) == len(old.outputs)
