"""What `pkpd app` opens: a model, a model file, a folder, or nothing, with a remedy."""

import pytest

from pkpd.cli.workbench import _page


def test_a_model_a_file_and_a_folder_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text("not TOML: the page says so")
    (tmp_path / "ldn").mkdir()
    assert _page("ldn/hormesis") == ("?model=ldn%2Fhormesis", {})
    assert _page("mine.toml") == ("?model=mine.toml", {"own": "mine.toml"})
    assert _page("ldn") == ("study", {"folder": "ldn"})


@pytest.mark.parametrize("what", ["ldn/hormesi", "none.toml", "pk/one_compartment"])
def test_anything_else_is_refused_before_a_server_starts(what, run):
    code, _, err = run("app", what, "--no-browser")
    assert code == 1 and f"'{what}' is no model with a benefit, no .toml file and no folder." in err
    assert ("Did you mean 'ldn/hormesis'" in err) == (what == "ldn/hormesi")
