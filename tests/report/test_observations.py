"""Tables of observations as NONMEM users write them."""

import numpy as np
import pytest

from pkpd.errors import ResultError
from pkpd.report.figures.observations import observations


def write(tmp_path, text):
    (tmp_path / "obs.csv").write_text(text)
    return tmp_path / "obs.csv"


def test_lower_case_missing_and_commented_rows(tmp_path):
    path = write(
        tmp_path, "c,id,time,dv,mdv\n.,1,0,.,1\n.,1,1,5.5,0\n.,1,2,.,0\nC,1,3,bad,0\n\n,2,4,7,0\n"
    )
    (found,) = observations(path, ("Cc", "pain"))
    assert (found.name, found.column) == ("Cc", "DV")
    np.testing.assert_array_equal(found.times, [1, 4])
    np.testing.assert_array_equal(found.values, [5.5, 7])


def test_columns_named_like_outputs(tmp_path):
    found = observations(write(tmp_path, "TIME,PAIN,cc\n0,6,.\n1,5,2\n"), ("Cc", "pain"))
    assert [(f.name, list(f.times)) for f in found] == [("Cc", [1.0]), ("pain", [0.0, 1.0])]


@pytest.mark.parametrize(
    "text, part",
    [
        ("TIME,DV\n1,x\n", "row 1, column DV: 'x' is not a number"),
        ("DV\n1\n", "no column TIME"),
        ("TIME,Y\n1,2\n", "no column DV"),
        ("TIME,DV\n1\n", "row 1: 1 cell under 2 names"),
        ("TIME,DV\n", "holds no records"),
    ],
)
def test_mistakes_are_named_with_row_and_column(tmp_path, text, part):
    with pytest.raises(ResultError, match=part):
        observations(write(tmp_path, text), ("Cc",))


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(ResultError, match="cannot be read"):
        observations(tmp_path / "none.csv", ("Cc",))
