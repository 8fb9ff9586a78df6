"""What is to be cited: each paper that a model names, once, with what it is named for."""

import re

import pytest

import pkpd
from pkpd.errors import ModelError


def keys(text):
    return re.findall(r"^@\w+\{(\w+),", text, re.M)


@pytest.mark.parametrize("name", pkpd.models())
def test_each_paper_that_a_source_names_is_cited_once(name):
    model = pkpd.load(name)
    found = keys(pkpd.cite(model))
    assert found[0] == "pkpd" and len(set(found)) == len(found)
    named = set()
    for item in model.inputs:
        named |= set(re.findall(r"\b[A-Z][A-Za-z]+(?:19|20)\d\d\b", item.source))
    assert named <= set(found)


def test_a_paper_stands_below_the_numbers_that_it_is_named_for():
    text = pkpd.cite(pkpd.load("ldn/hormesis"))
    comment = text[: text.index("@article{Bertolotti1997")].splitlines()[-1]
    assert "cirrhosis_fold" in comment
    assert "published MEDs" in text[: text.index("@article{Marcus2024")].splitlines()[-1]
    assert "Hoskin1989" not in keys(text)


def test_the_command_line_prints_the_same(run):
    assert run("cite", "pk/naltrexone")[1] == pkpd.cite(pkpd.load("pk/naltrexone")) + "\n"
    assert keys(run("cite")[1]) == ["pkpd"]
    code, _, error = run("cite", "pk/naltrexon")
    assert code == 1 and "pk/naltrexone" in error
    with pytest.raises(ModelError, match=r"pkpd\.load"):
        pkpd.cite("pk/naltrexone")
