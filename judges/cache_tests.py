"""The suite http-cache-tests of cache-tests.fyi against the example `proxy`: `make cache-tests`.

A check passes only where those that it depends on pass too. Each that fails is in cache-tests.toml, with the sentence that
says why it may; none of those is about private or authenticated responses.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

from common import ROOT, free_port, run, stop

LISTED = ROOT / "judges" / "cache-tests.toml"
# Where the published package and a checkout of the suite's repository have their client and server.
ENGINES = {"package": ".", "repository": "test-engine"}
KINDS = {"required": "required", "optimal": "optimal", "check": "behaviour"}
# How the suite marks a check that passes.
PASSED = ("\N{WHITE HEAVY CHECK MARK}", "Y")
# No failure of a check whose name says this may be listed.
NEVER_LISTED = re.compile(r"\bprivate\b|Authorization`|Authentication", re.IGNORECASE)
IMPORT = """
const suites = []
for (const file of process.argv.slice(1)) suites.push((await import(file)).default)
console.log(JSON.stringify(suites.flat()))
"""
NGINX = """
user root;
daemon off;
pid {folder}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/temp;
    proxy_cache_path {folder}/cache keys_zone=suite:8m;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{origin};
            proxy_http_version 1.1;
            proxy_cache suite;
            proxy_cache_revalidate on;
        }}
    }}
}}
"""


def proxy(folder, origin, port):
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute()
    return [str(target / "debug" / "proxy"), "--upstream", f"http://127.0.0.1:{origin}", "--listen", f"127.0.0.1:{port}"]


def nginx(folder, origin, port):
    """As the suite configures it, to compare with."""
    pathlib.Path(folder, "nginx.conf").write_text(NGINX.format(folder=folder, origin=origin, port=port))
    return ["nginx", "-p", folder, "-c", "nginx.conf", "-e", "stderr"]


def node(*arguments, **options):
    command = ["node", "--no-warnings", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, **options).stdout


def checks_of(suite):
    """Each check by its id."""
    files = [suite / "tests" / name for name in ("index.mjs", "surrogate-control.mjs")]
    suites = json.loads(node("--input-type=module", "--eval", IMPORT, "--", *[str(file) for file in files if file.exists()]))
    return {check["id"]: check for group in suites for check in group["tests"]}


def kind_of(suite):
    [kind] = [kind for kind, place in ENGINES.items() if (suite / place / "cli.mjs").exists()]
    return kind


def results_of(suite, front, folder, only=""):
    """What the suite's client prints: of all checks an object with `True` or the reason by the check's id, of one a text."""
    engine = suite / ENGINES[kind_of(suite)]
    origin, port = free_port(), free_port()
    env = {"npm_config_protocol": "http", "npm_config_port": str(origin), "npm_config_pidfile": f"{folder}/origin.pid"}
    env |= {"npm_config_base": f"http://127.0.0.1:{port}", "npm_package_config_id": only, "PATH": os.environ["PATH"]}
    started = []
    try:
        started.append(run(["node", str(engine / "server" / "server.mjs")], origin, folder, env))
        started.append(run(front(folder, origin, port), port, folder, {"PATH": os.environ["PATH"]}))
        return node(str(engine / "cli.mjs"), env=env)
    finally:
        for process in reversed(started):
            stop(process)


def listed(kind, checks):
    """The checks that may fail."""
    names = set()
    for entry in tomllib.loads(LISTED.read_text())["fails"]:
        assert entry["source"] and entry["sentence"] and entry["why"], entry
        if entry.get("only", kind) != kind:
            continue
        for name in entry["checks"]:
            assert name not in names, f"{name} is listed twice"
            title = checks.get(name, {"name": ""})["name"]
            assert not NEVER_LISTED.search(title), f"{name} may not be listed: {title}"
            names.add(name)
    return names


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    suite = ROOT / "target" / "cache-tests" / "node_modules" / "http-cache-tests"
    parser.add_argument("--suite", type=pathlib.Path, default=suite, help="a checkout of the suite's repository")
    parser.add_argument("--nginx", action="store_true", help="nginx in place of the proxy, and no list")
    options = parser.parse_args()
    suite = options.suite.absolute()
    checks = checks_of(suite)
    with tempfile.TemporaryDirectory() as folder:
        results = json.loads(results_of(suite, nginx if options.nginx else proxy, folder))

    def passes(name):
        return results.get(name) is True and all(passes(other) for other in checks[name].get("depends_on", ()))

    def outcome(name):
        if passes(name):
            return "passed"
        return "failed: " + (results[name][1] if results[name] is not True else "one that it depends on fails")

    may_fail = set(checks) if options.nginx else listed(kind_of(suite), checks)
    # The suite counts in seconds while it runs a hundred checks at once: what fails is run again, alone.
    for name in [name for name in results if results[name] is not True and name not in may_fail]:
        with tempfile.TemporaryDirectory() as folder:
            lines = results_of(suite, proxy, folder, only=name).splitlines()
        results[name] = lines[-1].startswith(PASSED) or results[name]
        print(f"{name} is run again, alone")
    totals = {kind: collections.Counter() for kind in KINDS}
    for name in results:
        kind = checks[name].get("kind", "required")
        totals[kind][passes(name)] += 1
        print(f"{KINDS[kind]:10} {name}: {outcome(name)}")
    for kind, total in totals.items():
        print(f"{KINDS[kind]}: {total[True]} of {total.total()}")
    if options.nginx:
        return 0
    wrong = [f"{name} is not listed, and {outcome(name)}" for name in results if not passes(name) and name not in may_fail]
    wrong += [f"{name} is listed, and passed" for name in results if passes(name) and name in may_fail]
    for complaint in wrong:
        print(f"WRONG: {complaint}")
    print(f"{len(results) - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
