"""The example's web service: says its version and a greeting on a free port of 127.0.0.1.

Usage: serve.py FOLDER, with FOLDER/current/{VERSION,GREETING}; writes FOLDER/run/{pid,port}.

A server of this example is not to run for ever on somebody's machine. It ends by itself when
run/pid names no longer itself (also: when the folder is gone) and after an hour without a request.
A version with "broken" in it answers 500: the demo deploys one.
"""

import http.server
import os
import socketserver
import sys
import time

FOLDER = sys.argv[1]
LONGEST_SILENCE = 3600


def read(*path):
    with open(os.path.join(FOLDER, *path), encoding="utf-8") as file:
        return file.read().strip()


VERSION = read("current", "VERSION")
PAGES = {"/version": VERSION, "/": f"{read('current', 'GREETING')} from web {VERSION}"}
last_request = time.monotonic()


class Handler(http.server.BaseHTTPRequestHandler):
    timeout = 5

    def do_GET(self):
        global last_request
        last_request = time.monotonic()
        page = PAGES.get(self.path)
        body = f"{page}\n".encode()
        self.send_response(404 if page is None else 500 if "broken" in VERSION else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def is_wanted():
    try:
        return read("run", "pid") == str(os.getpid())
    except OSError:
        return False


server = socketserver.TCPServer(("127.0.0.1", 0), Handler)
server.timeout = 0.5
for name, value in (("pid", os.getpid()), ("port", server.server_address[1])):
    path = os.path.join(FOLDER, "run", name)
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(f"{value}\n")
    os.replace(f"{path}.new", path)
while is_wanted() and time.monotonic() - last_request < LONGEST_SILENCE:
    server.handle_request()
