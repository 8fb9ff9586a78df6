"""The local server of the page: files of this folder and panels as JSON, to this machine alone.

It listens on the loopback address, answers only requests that name it so (a page of a stranger
cannot reach it under a name of its own), and lets the browser fetch nothing from elsewhere. Knows
addresses and requests; knows nothing of models.
"""

import socket
from pathlib import Path

from pkpd.errors import PkpdError

WEB = Path(__file__).with_name("web")
HOST = "127.0.0.1"
FILES = {
    "/": ("index.html", "text/html"),
    "/app.js": ("app.js", "text/javascript"),
    "/plot.js": ("plot.js", "text/javascript"),
    "/app.css": ("app.css", "text/css"),
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def application():
    """The ASGI application."""
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.routing import Route

    from pkpd.app import panels

    answers = {
        "/api/study": panels.study,
        "/api/again": panels.again,
        "/api/typical": panels.typical,
        "/api/quick": panels.quick,
        "/api/people": panels.people,
    }
    routes = [Route(path, _file(*file)) for path, file in FILES.items()]
    routes += [Route(path, _json(answer)) for path, answer in answers.items()]
    routes.append(Route("/meds.csv", _csv))
    only_here = Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    return Starlette(routes=routes, middleware=[only_here])


def _file(name, kind):
    """An endpoint that sends a file of the folder `web`."""
    from starlette.responses import Response

    def send(request):
        return Response((WEB / name).read_bytes(), media_type=kind, headers=HEADERS)

    return send


def _json(answer):
    """An endpoint that sends answer(state) as JSON, or 400 and a sentence."""
    from starlette.responses import JSONResponse

    from pkpd.app.state import state

    def send(request):
        try:
            found = answer(state(request.query_params.multi_items()))
        except PkpdError as error:
            return JSONResponse({"error": str(error)}, status_code=400, headers=HEADERS)
        return JSONResponse(found, headers=HEADERS)

    return send


def _csv(request):
    """The table of MEDs as a file."""
    from starlette.responses import PlainTextResponse, Response

    from pkpd.app import panels
    from pkpd.app.state import state

    try:
        text = panels.table(state(request.query_params.multi_items()))
    except PkpdError as error:
        return PlainTextResponse(str(error), status_code=400, headers=HEADERS)
    named = {"Content-Disposition": 'attachment; filename="meds.csv"'}
    return Response(text, media_type="text/csv", headers=HEADERS | named)


def bind(port):
    """A listening socket on the loopback address. port : 0 for any. Raises PkpdError."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
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


def serve(bound):
    """Answer requests on a bound socket until Ctrl-C."""
    import uvicorn

    config = uvicorn.Config(application(), log_level="warning", lifespan="off")
    uvicorn.Server(config).run(sockets=[bound])
