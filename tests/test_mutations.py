"""Damaged inputs of every kind end in a right value or in one sentence."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="benchmarks are not part of the source distribution"
)


@pytest.fixture
def mutations(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import mutations

    return mutations


def test_a_thousand_damaged_inputs_are_read_right_or_refused_in_a_sentence(mutations, tmp_path):
    tally, faults = mutations.run(1000, tmp_path)
    assert not faults, "\n\n".join(f"{kind} {number}: {what}" for kind, number, what in faults)
    # both ends are reached: the damage is neither fatal nor harmless
    assert all(counts["value"] and counts["sentence"] for counts in tally.values()), tally


@pytest.mark.slow
def test_ten_damaged_models_simulate_as_their_equations_say(mutations, tmp_path):
    assert mutations.compiled(10, tmp_path) == [""] * 10
