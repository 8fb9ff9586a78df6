"""Tables as workbooks, HTML and LaTeX: every digit or few, with units, and no text that acts."""

import sys

import numpy as np
import openpyxl
import pytest

from pkpd.errors import ResultError
from pkpd.result.tables import write_table

COLUMNS = {
    "ID": np.array([1, 2, 3]),
    "Cc": np.array([1 / 3, np.nan, 123456.789]),
    "note": np.array(["=1+1", "http://x.org", "50 % <b>_{x}^2~\\"]),
}
UNITS = {"Cc": "ng/mL"}
ORIGIN = {"package": "pkpd", "set": {"cl": 5.0}}


def test_a_workbook_has_every_digit_units_provenance_and_no_formula(tmp_path):
    path = tmp_path / "run.xlsx"
    write_table(COLUMNS, path, UNITS, ORIGIN)
    book = openpyxl.load_workbook(path)
    rows = list(book["table"].values)
    assert rows[0] == ("ID", "Cc", "note") and rows[1] == (1, 1 / 3, "=1+1")
    assert rows[2] == (2, None, "http://x.org")
    kinds = {cell.data_type for row in book["table"].iter_rows(min_row=2) for cell in row}
    assert kinds <= {"n", "s"} and not any(
        c.hyperlink for r in book["table"].iter_rows() for c in r
    )
    about = dict(book["about"].values)
    assert about["unit of Cc"] == "ng/mL" and about["set"] == '{"cl": 5.0}'


def test_html_and_latex_have_units_few_digits_and_harmless_texts(tmp_path):
    write_table(COLUMNS, tmp_path / "run.html", UNITS, ORIGIN)
    write_table(COLUMNS, tmp_path / "run.tex", UNITS, ORIGIN)
    page, latex = ((tmp_path / f"run.{ending}").read_text() for ending in ("html", "tex"))
    assert "<th>Cc (ng/mL)</th>" in page and "&lt;b&gt;" in page and "0.33333" in page
    assert "Cc (ng/mL)" in latex and "1.2346e+05" in latex
    written = r"50 \% <b>\_\{x\}\textasciicircum{}2\textasciitilde{}\textbackslash{}"
    assert written in latex and "\\toprule" in latex


def test_more_rows_than_a_sheet_holds_are_refused_and_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr("pkpd.result.tables.MOST_ROWS", 2)
    with pytest.raises(ResultError, match="holds 2 rows, and the table has 3"):
        write_table(COLUMNS, tmp_path / "run.xlsx", UNITS, ORIGIN)
    assert not list(tmp_path.iterdir())


def test_a_workbook_without_its_package_names_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(ResultError, match=r"pip install 'pkpd\[excel\]'"):
        write_table(COLUMNS, tmp_path / "run.xlsx", UNITS, ORIGIN)
