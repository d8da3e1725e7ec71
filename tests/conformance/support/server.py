"""The service that the platform runs: one file, run by the machine's own Python.

PORT     where it listens
VERSION  what it answers with
FAULT    `crash` ends it at once, `sick` fails its health checks
"""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = os.environ.get("VERSION", "one")
FAULT = os.environ.get("FAULT")


def log(event, **members):
    print(json.dumps({"event": event, "version": VERSION, **members}), flush=True)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        sick = FAULT == "sick" and self.path == "/health"
        body = json.dumps({"version": VERSION, "path": self.path}).encode()
        self.send_response(503 if sick else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if self.path != "/health":
            log("request", path=self.path)

    def log_message(self, *_):
        pass


def stop(*_):
    log("stop")
    sys.exit(0)


if __name__ == "__main__":
    if FAULT == "crash":
        log("crash")
        sys.exit(3)
    signal.signal(signal.SIGTERM, stop)
    log("start")
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
