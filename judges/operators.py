"""What operators run beside the application: Prometheus' own linter, and nginx during a rolling restart: `make operators`.

An argument is the number of requests of each restart; 50000 takes some minutes.
"""

import atexit
import contextlib
import http.client
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time

from common import PATIENCE, ROOT, application, ask, free_port, run, stop
from prometheus_client.openmetrics.parser import text_string_to_metric_families

CLIENTS = 20
REQUESTS = 5000
# The `fail_timeout` of nginx, for which it does not ask a server that has refused a connection, and a little more.
FAIL_TIMEOUT = 10.5
# nginx as it is installed, without what it would write to the disk.
NGINX = """
pid {folder}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream application {{ {servers} }}
    server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://application; }} }}
}}
"""


def prometheus_reads_the_metrics():
    """promtool has no complaint of the older text, and the official parser none of OpenMetrics."""
    admin = free_port()
    with application(f"admin.listen=127.0.0.1:{admin}") as (port, _):
        for target in ("/shared/1", "/shared/1", "/note/1", "/uncached", "/nothing", "/missing", "/search?q=%22"):
            ask(port, target)
        older = ask(admin, "/metrics", {"Accept": "text/plain"})
        told = subprocess.run(["promtool", "check", "metrics"], input=older.body, capture_output=True, check=False)
        assert told.returncode == 0 and not told.stdout + told.stderr, (told.stdout + told.stderr).decode()
        reply = ask(admin, "/metrics")
        assert reply.get("content-type") == "application/openmetrics-text; version=1.0.0; charset=utf-8"
        families = {family.name: family for family in text_string_to_metric_families(reply.body.decode())}
        hits = [sample for sample in families["giotto_cache_hits"].samples if sample.labels["kind"] == "fresh"]
        assert sum(sample.value for sample in hits) == 1, hits
        return f"{len(families)} families"


class Load:
    """Clients that keep their connections, and count what fails."""

    def __init__(self, port, requests):
        self.port, self.left, self.lock = port, requests, threading.Lock()
        self.failed = []
        self.threads = [threading.Thread(target=self.ask) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def takes_one(self):
        with self.lock:
            self.left -= 1
            return self.left >= 0

    def ask(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, PATIENCE)
        while self.takes_one():
            try:
                connection.request("GET", "/uncached")
                response = connection.getresponse()
                response.read()
                if response.status != 200:
                    self.failed.append(response.status)
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
                connection.close()
        connection.close()

    def is_over(self):
        return not any(thread.is_alive() for thread in self.threads)


def program(port, *settings):
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    flags = [flag for setting in ("cache=locmem", *settings) for flag in ("--set", setting)]
    return [str(target.absolute() / "debug" / "judges"), "http", "--port", str(port), *flags]


class Server:
    """One process of the application, which has said that it listens."""

    def __init__(self, command, **more):
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **more)
        atexit.register(self.process.kill)
        line = self.process.stderr.readline()
        assert line.startswith("Listening on "), line + self.process.stderr.read()
        # Otherwise it would wait for a reader of its log.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def end(self):
        stop(self.process)
        assert self.process.returncode == 0, self.process.returncode


@contextlib.contextmanager
def behind_nginx(*origins):
    port = free_port()
    servers = " ".join(f"server 127.0.0.1:{origin};" for origin in origins)
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder).chmod(0o755)
        text = NGINX.format(folder=folder, servers=servers, port=port)
        (pathlib.Path(folder) / "nginx.conf").write_text(text)
        command = ["nginx", "-p", folder, "-c", "nginx.conf", "-e", "stderr", "-g", "daemon off;"]
        proxy = run(command, port, folder)
        try:
            yield port
        finally:
            stop(proxy)


def while_asked(port, requests, restart):
    """Restarts again and again until all requests have their response: how often."""
    load, restarts = Load(port, requests), 0
    while not load.is_over():
        time.sleep(0.5)
        restart()
        restarts += 1
    assert not load.failed, f"{len(load.failed)} of {requests} failed: {load.failed[:3]}"
    return f"0 of {requests} failed in {restarts} restarts"


def a_successor_on_the_same_port(requests):
    port = free_port()
    command = program(port, "http.reuse_port=true")
    server = Server(command)

    def restart():
        nonlocal server
        old, server = server, Server(command)
        old.end()

    with behind_nginx(port) as front:
        told = while_asked(front, requests, restart)
    server.end()
    return told


def a_successor_on_the_same_socket(requests):
    """As systemd does: it holds the socket, and starts the next process when the last one has ended."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    number = listener.fileno()
    script = f'exec 3<&{number}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"'
    command = ["sh", "-c", script, "sh", *program(0)]
    server = Server(command, pass_fds=[number])

    def restart():
        nonlocal server
        server.end()
        server = Server(command, pass_fds=[number])

    with behind_nginx(listener.getsockname()[1]) as front:
        told = while_asked(front, requests, restart)
    server.end()
    return told


def one_server_after_the_other(requests):
    """Two servers that share nothing: nginx asks the other one."""
    ports = [free_port(), free_port()]
    servers = [Server(program(port)) for port in ports]

    def restart():
        servers[0].end()
        servers.append(Server(program(ports[0])))
        ports.reverse()
        servers.pop(0)
        time.sleep(FAIL_TIMEOUT)

    with behind_nginx(*ports) as front:
        told = while_asked(front, requests, restart)
    for server in servers:
        server.end()
    return told


RESTARTS = (a_successor_on_the_same_port, a_successor_on_the_same_socket, one_server_after_the_other)


def main():
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS
    failed = 0
    claims = [(prometheus_reads_the_metrics, ())] + [(restart, (requests,)) for restart in RESTARTS]
    for claim, arguments in claims:
        name = claim.__name__.replace("_", " ")
        try:
            print(f"{name}: {claim(*arguments)}", flush=True)
        except AssertionError as error:
            failed += 1
            print(f"{name}: FAILED: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
