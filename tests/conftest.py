"""What all tests share: the command line as a function, and a cache of compiled kernels.

No example of Hypothesis has a deadline: a loaded machine is no mistake.

The kernels live in pytest's own cache folder: kept between runs, shared by the processes of one,
emptied by `pytest --cache-clear`. With `-p no:cacheprovider` they live in the user's cache.
"""

import os

import pytest
from hypothesis import settings

from pkpd.cli import main

settings.register_profile("pkpd", deadline=None)
settings.load_profile("pkpd")


def pytest_configure(config):
    if config.pluginmanager.has_plugin("cacheprovider"):
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
