"""Every input belongs to a block of equations."""

import pytest

from pkpd.symbolic.load import load, models


def test_inputs_belong_to_the_block_that_first_uses_them():
    groups = {i.name: i.group for i in load("ldn/hormesis").inputs}
    expected = {
        "cl": "naltrexone",
        "wt": "naltrexone",
        "toff": "receptor",
        "b50": "rebound",
        "ic50_tlr4": "glia",
        "s_opioid": "pain",
        "infl": "pain",
    }
    assert {name: groups[name] for name in expected} == expected
    # named by the dose target alone
    assert groups["tlag"] == "naltrexone" and groups["salt"] == "naltrexone"


@pytest.mark.parametrize("name", models())
def test_every_input_of_the_library_has_a_group(name):
    assert all(i.group for i in load(name).inputs)
