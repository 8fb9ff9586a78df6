"""Drafts of model files: every mistake at once, and metadata that may be missing."""

import pytest

from pkpd.cli import main
from pkpd.errors import ModelError
from pkpd.symbolic.load import draft, load

BARE = """
title = "draft"
time = "h"
outputs = ["Cc"]
[dose]
central = { unit = "mg" }
[parameters]
cl = { value = 4.0, unit = "L/h" }
vc = { value = 40.0, unit = "L", label = "volume", source = "s", evidence = "assumed" }
[equations]
pk = '''
d/dt(central) = -cl/vc*central : mg
Cc = central/vc : ng/mL
'''
"""
WRONG = [  # a mistake, its line and what is said of it
    ('unit = "L/h" }', 'unit = "L/zz" }', 8, "'zz' is not a unit"),
    ("value = 40.0", 'value = "40"', 9, "must be a finite number"),
    ('["Cc"]', '["Cx"]', 4, "output 'Cx' is not defined"),
    ("Cc = central/vc : ng/mL", "Cc = central/vd : ng/mL", 13, "unknown name 'vd'"),
    ('central = { unit = "mg" }', 'gut = { unit = "mg" }', 6, "dose into 'gut'"),
]


@pytest.fixture
def write(tmp_path):
    def make(text):
        path = tmp_path / "draft.toml"
        path.write_text(text)
        return path

    return make


def test_a_draft_may_lack_label_source_and_evidence_and_says_so(write):
    path = write(BARE)
    model, lacking = draft(path)
    assert model.input_names == ("cl", "vc")
    assert lacking == (f"{path}:8: 'cl' has no label, source, evidence.",)
    with pytest.raises(ModelError, match="'cl' has no label"):
        load(path)


def test_all_mistakes_are_told_at_once_with_their_places(write):
    text = BARE
    for old, new, *_ in WRONG:
        assert old in text
        text = text.replace(old, new)
    path = write(text)
    with pytest.raises(ModelError) as caught:
        draft(path)
    head, *lines = str(caught.value).splitlines()
    assert head == f"draft: {len(WRONG)} mistakes:"
    for _, _, line, part in WRONG:
        assert any(entry.strip().startswith(f"{path}:{line}:") and part in entry for entry in lines)


@pytest.mark.parametrize(("old", "new", "line", "part"), WRONG)
def test_a_single_mistake_drags_no_other_along(write, old, new, line, part):
    path = write(BARE.replace(old, new))
    with pytest.raises(ModelError) as caught:
        draft(path)
    head, only = str(caught.value).splitlines()
    assert head == "draft: 1 mistake:" and only.strip().startswith(f"{path}:{line}:")
    assert part in only


@pytest.mark.parametrize(
    "text",
    [
        BARE.replace("Cc = central/vc : ng/mL", "Cc = central/vc : ng/xL\nd = 2*Cc : ng/mL"),
        BARE.replace("Cc = central/vc : ng/mL", "Cc = Cd : ng/mL\nCd = Cc : ng/mL"),
        BARE.replace("Cc = central/vc : ng/mL", "Cc = central/vc"),
        BARE.replace("[parameters]", "[parameter]"),
        BARE + "[benefit]\noutcome = 'x'\n",
        BARE.replace("-cl/vc*central", "-cl*vc"),
    ],
)
def test_what_a_whole_file_is_refused_for_a_draft_is_too(write, text):
    path = write(text)
    with pytest.raises(ModelError, match=r"draft.toml:\d+: "):
        draft(path)


def test_the_library_has_nothing_that_a_draft_would_complain_of():
    model, lacking = draft("ldn/hormesis")
    assert lacking == () and model == load("ldn/hormesis")


def test_the_command_prints_what_is_lacking(write, capsys):
    path = write(BARE)
    with pytest.raises(SystemExit) as stopped:
        main(["check", str(path), "--draft"])
    assert stopped.value.code in (0, None)
    out = capsys.readouterr().out
    assert "draft is sound" in out and "'cl' has no label, source, evidence." in out
