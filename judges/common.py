"""What the judges share: a server that is started and stopped, and a client of HTTP that hides nothing."""

import contextlib
import http.client
import os
import pathlib
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Bounds of waiting, in seconds: generous, for a machine under load.
PATIENCE = 30


class Reply:
    """A response as it was sent: `fields` is a list of pairs of bytes, in the order sent."""

    def __init__(self, response, body):
        self.status, self.reason, self.version = response.status, response.reason, response.version
        self.fields = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in response.getheaders()]
        self.body = body

    def get(self, name):
        """The values of the field `name`, joined as RFC 9110, 5.3 allows; `None` if there is none."""
        values = [v.decode("latin-1") for n, v in self.fields if n.decode().lower() == name]
        return ", ".join(values) if values else None

    def __repr__(self):
        return "\n".join([str(self.status)] + [f"{n.decode()}: {v.decode()}" for n, v in self.fields])


def ask(port, target, fields=None, method="GET", body=None, client="127.0.0.1"):
    """One request on a connection of its own, from the address `client`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, PATIENCE, source_address=(client, 0))
    with contextlib.closing(connection):
        connection.putrequest(method, target, skip_accept_encoding=True)
        fields = {"User-Agent": "judges"} | (fields or {})
        if isinstance(body, str):
            body = body.encode()
        if body is not None:
            form = "application/x-www-form-urlencoded"
            fields = {"Content-Type": form, "Content-Length": str(len(body))} | fields
        for name, value in fields.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        return Reply(response, response.read())


def until(what, condition):
    """Asks `condition` until it holds, and returns its value."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"in {PATIENCE} seconds: {what}")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def listens(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    return False


def run(command, port, folder, env=None):
    """Starts a server that ends with this process or with `stop`, and waits until it listens on `port`."""
    log = open(pathlib.Path(folder) / f"{pathlib.Path(command[0]).name}-{port}.log", "w+")
    process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=env)

    def is_up():
        if process.poll() is not None:
            log.seek(0)
            raise AssertionError(f"{command[0]} ended:\n{log.read()}")
        return listens(port)

    until(f"{command[0]} listens", is_up)
    return process


def stop(process):
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def server(folder, *settings, program="judges"):
    """A process of the application of `src/main.rs`, or of an example, in this folder: its port and its process."""
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    port = free_port()
    flags = [flag for setting in settings for flag in ("--set", setting)]
    command = [str(target.absolute() / "debug" / program), "http", "--port", str(port), *flags]
    process = run(command, port, folder, env={"PATH": os.environ["PATH"]})
    try:
        yield port, process
    finally:
        stop(process)


@contextlib.contextmanager
def application(*settings, program="judges"):
    """The same, alone and with an empty cache in memory."""
    with tempfile.TemporaryDirectory() as folder, server(folder, "cache=locmem", *settings, program=program) as started:
        yield started
