"""The local server of the page: files of this folder and panels as JSON, to this machine alone.

It listens on the loopback address, answers only requests that name it so (a page of a stranger
cannot reach it under a name of its own), and lets the browser fetch nothing from elsewhere. Knows
addresses and requests; knows nothing of models.
"""

import json
import socket
import warnings
from functools import partial
from pathlib import Path

from pkpd.errors import PkpdError, PkpdWarning

WEB = Path(__file__).with_name("web")
HOST = "127.0.0.1"
FILES = {
    "/": ("index.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/plot.js": ("plot.js", "text/javascript"),
    "/figures.js": ("figures.js", "text/javascript"),
    "/save.js": ("save.js", "text/javascript"),
    "/asked.js": ("asked.js", "text/javascript"),
    "/app.js": ("app.js", "text/javascript"),
    "/app.css": ("app.css", "text/css"),
}
STUDY_FILES = {
    "/study": ("study.html", "text/html"),
    "/study.js": ("study.js", "text/javascript"),
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
# a report brings a policy of its own, which lets nothing be fetched; here it may be framed, and has
# no part in the rest of the page
OF_REPORT = "sandbox allow-scripts; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
# one that a folder brings has no policy that can be trusted, and runs no script
OF_STORED = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def application(own=None, folder=None):
    """The ASGI application.

    own : path of a model file that the page offers beside the library
    folder : of a finished study that the page shows
    """
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    routes = _routes(own) + ([] if folder is None else _study_routes(folder))
    only_here = Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    return Starlette(routes=routes, middleware=[only_here])


def _routes(own):
    """What the page on a model asks for."""
    from pkpd.app import effects, panels, titration
    from pkpd.app.state import choices, state

    read = partial(state, own=own)

    def made(send, panel):
        return lambda query: send(panel(read(query)))

    answers = {
        "/api/models": lambda _: _json(choices(own)),
        "/api/study": made(_json, panels.study),
        "/api/day": made(_json, panels.at_once),
        "/api/first": made(_json, panels.first),
        "/api/people": lambda query: _told(partial(panels.people, read(query))),
        "/api/titration": partial(_asked, read, "rule", titration.panel),
        "/api/covariates": partial(_asked, read, "at", effects.panel),
        "/meds.csv": made(partial(_csv, name="meds"), panels.table),
        "/report.html": made(_page, panels.report_page),
    }
    return _of(FILES, answers)


def _study_routes(folder):
    """What the page on a finished study asks for."""
    from pkpd.app.study import Study

    study = Study(folder)
    answers = {
        "/api/folder": lambda _: _json(study.about()),
        "/study/made.html": lambda _: _framed(study.report(), OF_REPORT),
        "/study/stored.html": lambda _: _framed(study.stored_report(), OF_STORED),
        "/study/figure": lambda query: _send(*study.figure(_name(query))),
        "/study/table": lambda query: _json(study.table(_name(query))),
        "/study/table.csv": lambda query: _csv(study.csv(_name(query)), _name(query)),
    }
    return _of(STUDY_FILES, answers)


def _of(files, answers):
    """Routes to files of the folder `web`, and to answers on queries."""
    from starlette.routing import Route

    routes = [Route(path, _file(*file)) for path, file in files.items()]
    return routes + [Route(path, _answer(answer)) for path, answer in answers.items()]


def _name(query):
    """The one thing that a query of a finished study may say. Raises PkpdError."""
    if len(query) != 1 or query[0][0] != "name":
        raise PkpdError("The link says something that means nothing here.")
    return query[0][1]


def _file(name, kind):
    """An endpoint that sends a file of the folder `web`; all pages have one head."""
    names = ("head.html", name) if kind == "text/html" else (name,)
    return lambda request: _send(b"".join((WEB / part).read_bytes() for part in names), kind)


def _answer(answer):
    """An endpoint that sends answer(pairs of the query), or 400 and a sentence."""

    def send(request):
        try:
            return answer(request.query_params.multi_items())
        except PkpdError as error:
            return _json({"error": str(error)}, status=400)

    return send


def _send(content, kind, **headers):
    from starlette.responses import Response

    return Response(content, media_type=kind, headers=HEADERS | headers)


def _json(found, status=200):
    from starlette.responses import JSONResponse

    return JSONResponse(found, status_code=status, headers=HEADERS)


def _csv(text, name):
    """A table as a file."""
    return _send(text, "text/csv", **_download(f"{name}.csv"))


def _page(text):
    """A report as a file."""
    return _send(text, "text/html", **_download("report.html"))


def _framed(text, policy):
    """A report in a frame of the page on a finished study."""
    return _send(text, "text/html", **{"Content-Security-Policy": policy})


def _download(name):
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def _asked(read, name, panel, query):
    """The answer of panel(state, texts of the pairs `name` of the query, tell), as it comes."""
    texts = [text for key, text in query if key == name]
    return _told(partial(panel, read([pair for pair in query if pair[0] != name]), texts))


def _told(work):
    """A line of JSON for each word of work(tell), as it comes; work ends when nobody listens."""
    from starlette.responses import StreamingResponse

    from pkpd.app.on_the_way import on_the_way

    lines = (json.dumps(word) + "\n" for word in on_the_way(work))
    return StreamingResponse(lines, media_type="application/x-ndjson", headers=HEADERS)


def bind(port):
    """A listening socket on the loopback address. port : 0 for any. Raises PkpdError."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
        bound.listen()  # a browser that comes before `serve` waits for it
    except OSError as error:
        bound.close()
        raise PkpdError(
            f"Port {port} cannot be used: {error.strerror}. Give another with --port, or --port 0."
        ) from error
    return bound


def serve(bound, application):
    """Answer requests on a bound socket until Ctrl-C. Warnings are told on the page."""
    import uvicorn

    warnings.simplefilter("ignore", PkpdWarning)
    config = uvicorn.Config(application, log_level="warning", lifespan="off")
    uvicorn.Server(config).run(sockets=[bound])
