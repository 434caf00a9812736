"""The example `library`, started as in production: below a base, with a key of sessions, and an admin."""

import contextlib
import tempfile

from common import server

HOST = "www.example.org"
KEY = "0123456789abcdef" * 4
PASSWORD = "correct horse battery"
ADMIN = "staple correct horse"


def settings(base="/library", origin=True):
    told = [f"http.base={base}"] if base else []
    if origin:
        told.append(f"http.origin=https://{HOST}")
    # The proxy is on this machine. The second one is who asks past it in a claim.
    return (*told, "http.trusted_proxies=[\"127.0.0.1\"]", f"session.key={KEY}", f"app.admin_password={ADMIN}")


@contextlib.contextmanager
def library(*more):
    """The application in a new folder, whose cache is an SQLite file there: its address, and its process."""
    with tempfile.TemporaryDirectory() as folder, server(folder, "cache=database", *more, program="library") as (port, process):
        yield f"127.0.0.1:{port}", process
