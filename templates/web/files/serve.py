"""The example's web service: answers its version and a greeting on a free port.

It ends by itself when its pid file names another process or is gone: a deleted folder leaves
nothing running. A release whose version contains "broken" answers 500, for the story of the demo.
"""

import http.server
import os
import sys

ROOT = sys.argv[1]
RELEASE = os.path.realpath(os.path.join(ROOT, "current"))


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read().strip()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        version = read(os.path.join(RELEASE, "VERSION"))
        body = {"/version": version, "/greeting": os.environ.get("GREETING", "")}.get(self.path)
        status = 404 if body is None else 500 if "broken" in version else 200
        data = ((body or "") + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def still_mine():
    try:
        return read(os.path.join(ROOT, "run", "pid")) == str(os.getpid())
    except OSError:
        return False


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
server.timeout = 1
for name, value in (("pid", os.getpid()), ("port", server.server_address[1])):
    path = os.path.join(ROOT, "run", name)
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(f"{value}\n")
    os.replace(path + ".new", path)
while still_mine():
    server.handle_request()
