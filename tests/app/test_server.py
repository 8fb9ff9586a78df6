"""The server answers this machine alone, lets nothing be fetched, and refuses in sentences."""

import asyncio
import io
import json
import re
import socket
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pandas as pd
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

import pkpd
from pkpd.app import server
from pkpd.errors import PkpdError
from tests.app.conftest import served


@dataclass
class Answer:
    status: int
    headers: dict
    text: str


@pytest.fixture
def ask(address):
    """ask(path) -> Answer; the path goes out as it is written."""

    def call(path, method="GET", **headers):
        host = urlsplit(address).netloc
        with closing(HTTPConnection(host, timeout=300)) as link:
            link.request(method, path, headers=headers)
            answer = link.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read().decode())

    return call


def test_every_answer_forbids_what_comes_from_elsewhere(ask):
    for path in (*server.FILES, "/api/day", "/api/day?n=x"):
        answer = ask(path)
        assert answer.status == (400 if "n=x" in path else 200)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_files_name_no_address_but_those_of_this_server(ask):
    for path in server.FILES:
        text = ask(path).text.replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text and "https:" not in text and "innerHTML" not in text


def test_a_stranger_cannot_reach_it_under_another_name(ask):
    assert ask("/", Host="evil.example").status == 400
    assert ask("/../pyproject.toml").status == 404
    assert ask("/web/../server.py").status == 404
    assert ask("/api/day", "POST").status == 405


def test_answers_are_sent_at_once():
    """Without TCP_NODELAY the second packet of an answer waits 40 ms for a receipt of the first."""

    async def delayed(bound):
        answer = asyncio.Future()

        def arrived(_, writer):
            connection = writer.get_extra_info("socket")
            answer.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        async with await asyncio.start_server(arrived, sock=bound):
            with socket.create_connection(bound.getsockname()):
                return not await answer

    assert not asyncio.run(delayed(server.bind(0)))


def test_a_bad_link_gets_a_sentence_and_no_traceback(ask):
    answer = ask("/api/people?set.tof=<script>")
    assert answer.status == 400
    assert "means nothing here" in json.loads(answer.text)["error"]
    for path in ("/meds.csv", "/report.html", "/api/titration", "/api/covariates"):
        assert ask(f"{path}?n=0").status == 400
    assert "no rule" in json.loads(ask("/api/titration?n=5").text)["error"]


def test_work_ends_when_whoever_asked_for_it_goes(endless):
    work, workers = endless
    route = Route("/", server._answer(lambda _: server._told(work)))
    with served(Starlette(routes=[route])) as address:
        with closing(HTTPConnection(urlsplit(address).netloc, timeout=60)) as link:
            link.request("GET", "/")
            assert json.loads(link.getresponse().readline()) == {"done": 0}
        [worker] = workers
        worker.join(60)
        assert not worker.is_alive()


def test_the_table_is_that_of_the_package(ask):
    text = ask("/meds.csv?n=12&seed=3").text
    model = pkpd.load("ldn/hormesis")
    expected = pkpd.med(model, pkpd.cohort(model, 12, seed=3)).frame()
    found = pd.read_csv(io.StringIO(text))
    pd.testing.assert_series_equal(found["med"], expected["med"], check_exact=True)


def test_the_report_is_that_of_the_package_and_names_no_place_of_this_machine(ask, tmp_path):
    answer = ask("/report.html?n=12&seed=3&spread.toff=0.4")
    model = pkpd.load("ldn/hormesis")
    meds = pkpd.med(model, pkpd.cohort(model, 12, seed=3, spread={"toff": 0.4}))
    page = meds.report(tmp_path / "med").read_text(encoding="utf-8")
    answers = [
        re.search(r'id="question".*?</section>', text, re.S)[0] for text in (answer.text, page)
    ]
    assert answers[0] == answers[1]
    assert "attachment" in answer.headers["content-disposition"]
    assert "--spread toff=0.4" in answer.text and "/tmp" not in answer.text


def test_it_listens_on_the_loopback_address_alone_and_says_when_a_port_is_taken():
    with server.bind(0) as bound:
        host, port = bound.getsockname()
        assert host == "127.0.0.1"
        with pytest.raises(PkpdError, match=f"Port {port} cannot be used"):
            server.bind(port)
