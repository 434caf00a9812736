"""The proxies of `make proxies`, each started with its configuration of docs/http/ in front of the application."""

import contextlib
import http.client
import os
import pathlib
import shutil
import tempfile

from common import ROOT, application, ask, free_port, run, stop, until
from witness import Witness

CONFIGURATIONS = ROOT / "docs" / "http"
# Collapsed forwarding of Traffic Server, as its documentation sets it up.
COLLAPSING = """
CONFIG proxy.config.cache.enable_read_while_writer INT 1
CONFIG proxy.config.http.cache.open_write_fail_action INT 5
CONFIG proxy.config.http.cache.max_open_read_retries INT 20
CONFIG proxy.config.http.cache.open_read_retry_time INT 50
"""


def configuration(name, folder, origin, port):
    """The file of docs/http/ with the addresses and folders of this run, and nothing else changed."""
    text = (CONFIGURATIONS / name).read_text()
    for documented, here in (
        ("127.0.0.1:5000", f"127.0.0.1:{origin}"),
        ('.port = "5000"', f'.port = "{origin}"'),
        ("127.0.0.1:8080", f"127.0.0.1:{port}"),
        ("STRING 8080", f"STRING {port}"),
        ("/var/lib/nginx", str(folder)),
    ):
        text = text.replace(documented, here)
    return text


def nginx(folder, origin, port, more=""):
    text = configuration("nginx.conf", folder, origin, port)
    text = text.replace("proxy_cache_revalidate on;", f"proxy_cache_revalidate on; {more}")
    (folder / "nginx.conf").write_text(f"pid {folder}/nginx.pid;\nuser root;\n{text}")
    return ["nginx", "-p", str(folder), "-c", "nginx.conf", "-e", "stderr", "-g", "daemon off;"]


def nginx_collapsing(folder, origin, port):
    """With collapsed forwarding, which docs/http.md advises against: private pages are private all the same."""
    return nginx(folder, origin, port, "proxy_cache_lock on;")


def varnish(folder, origin, port, vcl=str):
    (folder / "varnish.vcl").write_text(vcl(configuration("varnish.vcl", folder, origin, port)))
    return [
        *("varnishd", "-F", "-n", f"{folder}/varnish", "-a", f"127.0.0.1:{port}", "-f", f"{folder}/varnish.vcl"),
        *("-p", "http_gzip_support=off", "-s", f"file,{folder}/store,64m"),
    ]


def varnish_purged(folder, origin, port):
    """With purges of the application."""
    return varnish(folder, origin, port)


def varnish_banned(folder, origin, port):
    """The same without the module xkey."""
    ban = (CONFIGURATIONS / "varnish-ban.vcl").read_text()

    def without_xkey(vcl):
        recv = vcl.index("sub vcl_recv")
        purge, rest = vcl.index('    if (req.method == "PURGE")'), vcl.index("    # Cookies do not keep")
        return vcl[:recv].replace("import xkey;", "") + ban + vcl[recv:purge] + vcl[rest:]

    return varnish(folder, origin, port, without_xkey)


PURGED = {varnish_purged: "varnish-xkey", varnish_banned: "varnish-ban"}


def settings(proxy, port):
    """What docs/http.md shows under "Purges"."""
    if proxy not in PURGED:
        return ()
    url = f"http://127.0.0.1:{port}/"
    return 'http.tag_fields=["xkey"]', f"purge.front.kind={PURGED[proxy]}", f"purge.front.url={url}"


def trafficserver_collapsing(folder, origin, port):
    """With collapsed forwarding: a request waits for the response to another one."""
    return trafficserver(folder, origin, port, COLLAPSING)


def trafficserver(folder, origin, port, more=""):
    etc = folder / "etc"
    shutil.copytree("/etc/trafficserver", etc)
    for name in ("run", "log", "cache"):
        (folder / name).mkdir()
    for name in ("records.config", "remap.config"):
        (etc / name).write_text(configuration(f"trafficserver/{name}", folder, origin, port))
    with open(etc / "records.config", "a") as records:
        records.write(more)
    (etc / "storage.config").write_text(f"{folder}/cache 64M\n")
    places = {
        "prefix": "/usr", "exec_prefix": "/usr", "bindir": "/usr/bin", "sbindir": "/usr/sbin", "includedir": "/usr/include",
        "libdir": "/usr/lib/trafficserver", "libexecdir": "/usr/lib/trafficserver/modules", "sysconfdir": etc,
        "datadir": folder, "localstatedir": folder, "runtimedir": folder / "run", "logdir": folder / "log",
        "cachedir": folder / "cache",
    }
    (folder / "runroot.yaml").write_text("".join(f"{name}: {place}\n" for name, place in places.items()))
    command = ["traffic_server", f"--run-root={folder}"]
    if os.getuid() == 0:  # it refuses to run as root
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, "trafficserver")
        command = ["setpriv", "--reuid=trafficserver", "--regid=trafficserver", "--clear-groups", *command]
    return command


def caddy(folder, origin, port):
    (folder / "Caddyfile").write_text("{\nadmin off\n}\n" + configuration("Caddyfile", folder, origin, port))
    return ["caddy", "run", "--config", "Caddyfile", "--adapter", "caddyfile"]


class Setting:
    """A proxy in front of a witness in front of the application."""

    def __init__(self, name, folder, port, origin, process, witness):
        self.name, self.folder, self.port = name, folder, port
        self.origin, self.process, self.witness = origin, process, witness

    def get(self, target, **fields):
        return ask(self.port, target, {name.replace("_", "-"): value for name, value in fields.items()})

    def write(self, target, text, port=None):
        reply = ask(port or self.origin, target, method="POST", body=f"text={text}")
        assert reply.status == 303, reply

    def kept(self):
        """All that the proxy has on disk."""
        places = [self.folder / name for name in ("giotto", "store", "cache")]
        files = [path for place in places for path in (place, *place.rglob("*")) if path.is_file()]
        return b"".join(path.read_bytes() for path in files)

    def says(self, form, *values):
        print(f"{self.name:25} {form.format(*values)}")


@contextlib.contextmanager
def setting(command):
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, application(*settings(command, port)) as (origin, process):
        pathlib.Path(folder).chmod(0o755)
        witness = Witness(origin)
        env = {"PATH": "/usr/sbin:/usr/bin:/bin", "HOME": folder}
        proxy = run(command(pathlib.Path(folder), witness.port, port), port, folder, env)
        try:
            until("the proxy reaches the application", lambda: answers(port))
            yield Setting(command.__name__, pathlib.Path(folder), port, origin, process, witness)
        finally:
            stop(proxy)
            witness.close()


def answers(port):
    with contextlib.suppress(OSError, http.client.HTTPException):
        return ask(port, "/uncached").status == 200
