"""Tables: what is read, what is said of it, and that what could be read in two ways is refused."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pkpd.errors import DoseError
from pkpd.reading import cells, lookalike, number, table


def file(tmp_path, text, encoding="utf-8", name="t.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def read(tmp_path, text, **options):
    return table(file(tmp_path, text, **options), DoseError)


@pytest.mark.parametrize("separator", [",", ";", "\t", " "])
def test_cells_are_the_same_behind_any_separator(tmp_path, separator):
    found = read(tmp_path, "ID,TIME,AMT\n1,0,2.5\n2,1.5,.\n".replace(",", separator))
    assert {k: v.tolist() for k, v in found.columns.items()} == {
        "ID": ["1", "2"],
        "TIME": ["0", "1.5"],
        "AMT": ["2.5", "."],
    }
    assert found.row.tolist() == [1, 2] and found.notes == ()


@given(st.lists(st.tuples(st.integers(0, 999), st.integers(1, 99)), min_size=1, max_size=5))
def test_decimal_commas_between_semicolons_are_decimals(tmp_path_factory, values):
    rows = "".join(f"{whole};0,5;{whole},{tenth}\n" for whole, tenth in values)
    found = read(tmp_path_factory.mktemp("t"), f"ID;TIME;AMT\n{rows}")
    assert found.floats("AMT")[0].tolist() == [float(f"{whole}.{tenth}") for whole, tenth in values]
    assert found.floats("TIME")[0].tolist() == [0.5] * len(values)
    assert found.notes == ("Decimal commas were read as points.",)


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 9), st.sampled_from([",", ";", "\t"]))
def test_a_row_of_another_length_than_the_header_is_refused(
    tmp_path_factory, names, cells, row, separator
):
    header, short, right = ([str(k) for k in range(n)] for n in (names, cells, names))
    lines = [header, *[right] * row, short, right]
    text = "\n".join(separator.join(line) for line in lines)
    folder = tmp_path_factory.mktemp("t")
    if names == cells or (names == 1 and separator != ","):
        return
    with pytest.raises(DoseError, match=rf"row {row + 1}: {cells} cells? under {names} names?"):
        read(folder, text)


def test_decimal_commas_between_commas_are_refused_with_the_remedy(tmp_path):
    with pytest.raises(DoseError, match="row 1: 5 cells under 4 names") as caught:
        read(tmp_path, "TIME,AMT,II,ADDL\n0,2,5,12,3\n")
    assert "Write decimals with a point" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("TIME;AMT\n0;1,500\n", "'1,500' may be 1.500 or 1500"),
        ("TIME;AMT\n0,5;1.5\n", "'0,5' has a decimal comma and '1.5' a point"),
        ("TIME,AMT,AMT\n0,1,2\n", "two columns are called AMT"),
        ("ID;TIME,AMT\n1;0,5\n1;0,7\n", "separated by commas or semicolons"),
        ('TIME,NOTE\n0,"a\nb"\n', "over several lines"),
        ('TIME,NOTE\n0,"a\n', "not a readable table"),
        ("", "it is empty"),
        (b"PK\x03\x04...", "Excel workbook"),
        (b"\x1f\x8b...", "compressed"),
        (b"TIME,AMT\n0,\0\n", "zero bytes"),
    ],
)
def test_what_can_be_read_in_two_ways_or_none_is_refused(tmp_path, text, part):
    with pytest.raises(DoseError, match=part):
        read(tmp_path, text)


def test_of_many_rows_that_do_not_fit_ten_are_shown_and_all_are_counted(tmp_path):
    with pytest.raises(DoseError) as caught:
        read(tmp_path, "TIME,AMT\n" + "0,1,2\n" * 37)
    lines = str(caught.value).splitlines()
    assert "37 rows do not fit" in lines[0] and lines[11] == "  and 27 more." and len(lines) == 13


def test_lines_of_comments_and_blank_ones_are_left_out_and_rows_keep_their_numbers(tmp_path):
    found = read(tmp_path, "# made by hand\nTIME,AMT\n0,1\n# later\n\n4,2\n")
    assert found.row.tolist() == [1, 4] and found.columns["AMT"].tolist() == ["1", "2"]
    assert found.notes == ("2 comment lines left out.",)


@pytest.mark.parametrize(
    ("encoding", "notes"), [("utf-8", 0), ("utf-8-sig", 0), ("utf-16", 0), ("latin-1", 1)]
)
def test_letters_beyond_ascii_are_read_in_any_usual_encoding(tmp_path, encoding, notes):
    found = read(tmp_path, "TIME,Größe (µg)\n0,Müller\n", encoding=encoding)
    assert found.columns["Größe (µg)"].tolist() == ["Müller"] and len(found.notes) == notes


def test_cells_that_are_empty_behind_the_header_are_no_cells(tmp_path):
    assert list(read(tmp_path, "TIME,AMT,\n0,1,\n2,3\n").columns) == ["TIME", "AMT"]


@pytest.mark.parametrize("ids", ["1 C 2", "C 7 C", "12 c 3"])
def test_a_row_whose_id_is_c_among_numbers_is_a_comment(tmp_path, ids):
    ids = ids.split()
    found = cells(file(tmp_path, "ID,TIME\n" + "".join(f"{i},0\n" for i in ids)), DoseError)
    assert found.columns["ID"].tolist() == [i for i in ids if i.upper() != "C"]
    assert "left out" in found.notes[0]


def test_a_patient_called_c_among_letters_is_a_patient(tmp_path):
    found = cells(file(tmp_path, "ID,TIME\nA,0\nB,0\nC,0\n"), DoseError)
    assert found.columns["ID"].tolist() == ["A", "B", "C"] and found.notes == ()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_as_python_writes_it_reads_back(value):
    assert number(repr(value)) == value == number(value)


@pytest.mark.parametrize(
    "text",
    [
        "1_000",
        "2,5",
        "1,000",
        "1.000,5",
        "inf",
        "nan",
        "ten",
        "1e",
        "5 mg",
        "0x10",
        "１",
        "--1",
        "08:30",
        "50%",
    ],
)
def test_what_python_or_a_spreadsheet_would_take_for_a_number_is_none(text):
    assert np.isnan(number(text))


OTHER_NAMES = {
    "ID": ["Subject", "SUBJID", "patient", "USUBJID", "Idd"],
    "TIME": ["Hours", "TIMES", "t", "Tme"],
    "AMT": ["DOSE", "Amount", "AMTT", "Dose (mg)"],
    "RATE": ["Duration", "RATES"],
    "II": ["tau", "Interval"],
    "CMT": ["Compartment", "CMPT", "ROUTE"],
    "wt": ["WGT", "weight", "Body weight", "WT (kg)", "w_t", "BW"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "column"), [(n, c) for n, columns in OTHER_NAMES.items() for c in columns]
)
def test_a_column_that_is_almost_the_one_wanted_is_noticed(name, column):
    assert lookalike(name, ["NOTE", column]) == column


@pytest.mark.parametrize(
    "column", ["NOTE", "STUDY", "VISIT", "OCC", "TAD", "AGE", "HT", "DVID", "LLOQ", "DATE2", "FLAG"]
)
def test_a_column_of_its_own_is_no_lookalike(column):
    assert not [
        name
        for name in ("ID", "TIME", "AMT", "RATE", "II", "ADDL", "SS", "EVID", "CMT", "wt")
        if lookalike(name, [column])
    ]


def test_the_account_says_used_unused_and_missing(tmp_path):
    found = read(tmp_path, "TIME,NOTE\n0,x\n")
    assert found.account(["TIME"], ["AMT"]).endswith(
        "t.csv: 1 row; used: TIME; unused: NOTE; missing: AMT."
    )


def test_a_frame_and_its_file_say_the_same(tmp_path):
    frame = pd.DataFrame({"ID": [1, 2], "TIME": [0.1, 1e-7], "AMT": [np.nan, 3.0]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    for one, other in itertools.combinations(
        [frame, tmp_path / "t.csv", tmp_path / "t.parquet"], 2
    ):
        for name in frame:
            np.testing.assert_array_equal(
                table(one, DoseError).floats(name)[0], table(other, DoseError).floats(name)[0]
            )
