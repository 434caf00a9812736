"""The example `library` as in production: with docs/deployment/giotto.toml, and its secrets in files."""

import contextlib
import os
import pathlib
import subprocess
import tempfile

from common import ROOT, free_port, listens, stop, until

FILES = ROOT / "docs" / "deployment"
HOST = "www.example.org"
KEY = "0123456789abcdef" * 4
PASSWORD = "correct horse battery"
ADMIN = "staple correct horse"


def binary():
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return str(target.absolute() / "debug" / "library")


def configured(folder, changes=()):
    """Writes the configuration, with the folders and ports of this run: the variables that go with it."""
    text = (FILES / "giotto.toml").read_text()
    here = {"/var/cache/library": folder, "/var/lib/library": folder, "/run/library": f"{folder}/run"}
    for documented, own in [*here.items(), ("127.0.0.1:5001", f"127.0.0.1:{free_port()}"), *changes]:
        assert documented in text, documented
        text = text.replace(documented, str(own))
    secrets = {"session": KEY, "admin_password": ADMIN}
    for name, content in {"giotto.toml": text, **secrets}.items():
        (pathlib.Path(folder) / name).write_text(content)
    return {
        "PATH": os.environ["PATH"],
        "GIOTTO_CONFIG": f"{folder}/giotto.toml",
        "GIOTTO_SESSION_KEY_FILE": f"{folder}/session",
        "GIOTTO_APP_ADMIN_PASSWORD_FILE": f"{folder}/admin_password",
    }


@contextlib.contextmanager
def started(*arguments, before=(), changes=()):
    """A process of it in a new folder, which ends with 0: the folder."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder).chmod(0o755)
        env = configured(folder, changes)
        command = [one.format(folder=folder) for one in (*before, binary(), "http", *arguments)]
        with open(f"{folder}/log", "w") as log:
            process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=env)
        try:
            said = lambda: "listening on" in pathlib.Path(folder, "log").read_text().lower() or process.poll() is not None
            until("it listens", said)
            assert process.poll() is None, pathlib.Path(folder, "log").read_text()
            yield folder
        finally:
            stop(process)
        assert process.returncode == 0, pathlib.Path(folder, "log").read_text()[-2_000:]


@contextlib.contextmanager
def library(changes=()):
    """The same on a port: its address."""
    port = free_port()
    with started("--port", str(port), changes=changes):
        until("it accepts", lambda: listens(port))
        yield f"127.0.0.1:{port}"
