"""A small server that faults are injected into: run as `python faulty_server.py FAULT`.

Prints its port. `POST /transcribe` is answered as the service does, or with the fault `error` by a
500; with `leak` every request leaves a file open.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAULT = sys.argv[1]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        if FAULT == "leak":
            os.open(os.devnull, os.O_RDONLY)
        body = json.dumps({"text": "regn", "error": None}).encode()
        self.send_response(500 if FAULT == "error" else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""


with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
    print(server.server_port, flush=True)
    server.serve_forever()
