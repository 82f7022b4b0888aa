"""Runs `up` with tiny stand-ins for the roles; prints the addresses as JSON when everything is ready."""

import json
import os
import signal
import sys
from dataclasses import asdict

from em_agent.embedded.endpoints import Endpoints
from em_agent.embedded.roles import Role
from em_agent.embedded.up import run_up
from em_agent.errors import EmAgentError
from em_agent.kit.logging import configure_logging
from em_agent.settings import Settings, load_settings

_SERVE = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = os.environ["DATABASE_URL"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def stand_ins(settings: Settings) -> list[Role]:
    """A role that serves HTTP, one that only runs, one that is forked, and whatever the environment asks for."""
    address = f"http://127.0.0.1:{settings.port}/"
    extra = [Role("extra", ("/bin/sh", "-c", os.environ["EXTRA_ROLE"]))] if os.environ.get("EXTRA_ROLE") else []
    return [
        Role("web", (sys.executable, "-I", "-S", "-c", _SERVE, str(settings.port)), address),
        Role("idle", ("/bin/sleep", "1000")),
        Role("forked", ("/bin/sleep", "1001"), work=signal.pause),
        *extra,
    ]


def announce(endpoints: Endpoints) -> None:
    """Print one line."""
    sys.stdout.write(json.dumps(asdict(endpoints)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    configure_logging("info", "up")
    try:
        run_up(load_settings(), announce, stand_ins)
    except EmAgentError as error:
        sys.stderr.write(f"em-agent: {error}\n")
        sys.exit(1)
