"""What all tests share: the command line as a function, and a cache of compiled kernels.

The kernels live in pytest's own cache folder: kept between runs, emptied by `pytest --cache-clear`.
"""

import os

import pytest

from pkpd.cli import main


def pytest_configure(config):
    os.environ.setdefault("PKPD_CACHE", str(config.cache.mkdir("pkpd")))


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """run(words...) -> (exit code, stdout, stderr), in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        try:
            main([str(w) for w in words])
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        return code, *capsys.readouterr()

    return call
