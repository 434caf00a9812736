"""Alert rules and dashboard against a real Prometheus and the types of Grafana: `make metrics-check`."""

import contextlib
import enum
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import typing
import urllib.parse

from grafana_foundation_sdk.cog import plugins, runtime
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from common import ROOT, application, ask, free_port, run, stop, until

RULES = ROOT / "docs/prometheus/alerts.yml"
TESTS = ROOT / "docs/prometheus/alerts_test.yml"
DASHBOARD = ROOT / "docs/grafana/giotto.json"

# What an application on its memory alone has no figures of: calls to a store are not timed there, and it tells no evictions.
WITHOUT_A_STORE = ("giotto_cache_store_seconds", "giotto_cache_evictions")


def promtool(*words):
    done = subprocess.run(["promtool", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def the_rules_are_valid_and_fire_when_they_should():
    promtool("check", "rules", RULES)
    promtool("test", "rules", TESTS)


def each_alert_is_tested_and_has_a_next_step():
    rules, tests = RULES.read_text(), TESTS.read_text()
    for alert in re.split(r"\n +- alert: ", rules)[1:]:
        name = alert.split("\n")[0]
        fires, is_quiet = tests.count(f"- alertname: {name}\n"), tests.count(f"{{alertname: {name}, ")
        assert fires and is_quiet, f"{name}: {fires} tests in which it fires, {is_quiet} in which it is quiet"
        for part in ("summary", "description", "command", "runbook"):
            assert f" {part}: " in alert, f"{name} has no {part}"
        file, anchor = re.search(r"runbook: (\S+)#(\S+)", alert).groups()
        headings = re.findall(r"(?m)^#+ (.*)$", (ROOT / file).read_text())
        slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
        assert anchor in slugs, f"{name}: {file} has no section #{anchor}"


def dashboard():
    return json.loads(DASHBOARD.read_text())


def differences(given, known, path="$"):
    """What of `given` is not in `known`."""
    if isinstance(given, dict) and isinstance(known, dict):
        for name, value in given.items():
            yield from differences(value, known[name], f"{path}.{name}") if name in known else [f"{path}.{name}"]
    elif isinstance(given, list) and isinstance(known, list) and len(given) == len(known):
        for at, (one, other) in enumerate(zip(given, known)):
            yield from differences(one, other, f"{path}[{at}]")
    elif given != known:
        yield f"{path}: {given!r}"


def wrong_words(decoded, path="$"):
    """Values that are none of those that the type of their field has."""
    if isinstance(decoded, list):
        for at, one in enumerate(decoded):
            yield from wrong_words(one, f"{path}[{at}]")
    elif hasattr(decoded, "to_json"):
        for name, kind in typing.get_type_hints(type(decoded)).items():
            value = getattr(decoded, name, None)
            kinds = [one for one in (kind, *typing.get_args(kind)) if isinstance(one, type) and issubclass(one, enum.Enum)]
            if kinds and isinstance(value, str) and value not in [member.value for member in kinds[0]]:
                yield f"{path}.{name}: {value!r}"
            yield from wrong_words(value, f"{path}.{name}")


def grafana_knows_each_field_of_the_dashboard():
    """It is read into the types that Grafana Labs generate of Grafana's schema, and nothing may be lost."""
    plugins.register_default_plugins()
    given = dashboard()
    decoded = Dashboard.from_json(given)
    lost = list(differences(given, json.loads(JSONEncoder().encode(decoded))))
    assert not lost, f"Grafana does not know {lost}"
    assert not list(wrong_words(decoded)), list(wrong_words(decoded))
    for panel in given["panels"]:
        assert panel["type"] == "row" or runtime.panelcfg_config(panel["type"]), f"there is no panel {panel['type']}"
    ids = [panel["id"] for panel in given["panels"]]
    assert len(set(ids)) == len(ids), "two panels have one number"


def queries():
    """The queries of the dashboard by panel, as Grafana would send them."""
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            query = re.sub(r'"\$\w+"', '".*"', target["expr"])
            yield panel["title"], query.replace("$__rate_interval", "10s")


@contextlib.contextmanager
def prometheus(*admins):
    """A Prometheus that reads the metrics of the admin listeners each second: what asks its API."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "prometheus.yml"
        config.write_text(json.dumps({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(RULES)],
            "scrape_configs": [{"job_name": "giotto", "static_configs": [{"targets": [f"127.0.0.1:{admin}" for admin in admins]}]}],
        }))
        flags = [f"--config.file={config}", f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}"]
        process = run(["prometheus", *flags], port, folder)

        def api(path, **parameters):
            reply = ask(port, f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
            answer = json.loads(reply.body)
            assert answer["status"] == "success", (parameters, answer)
            return answer["data"]

        try:
            until("Prometheus has answered once", lambda: ask(port, "/-/ready").status == 200)
            yield api
        finally:
            stop(process)


def visit(port):
    """Requests with every kind of answer."""
    for number in range(20):
        ask(port, f"/search?words=a&page={number % 4}", {"Accept": "text/html"})
        ask(port, "/report", {"Accept": "text/html"})
        ask(port, f"/note/{number % 3}", {"Accept": "text/html"})
    ask(port, "/note/1", method="POST", body="text=changed")


def metrics_have_every_name_and_label(admin):
    reply = ask(admin, "/metrics", {"Accept": "application/openmetrics-text"})
    assert reply.status == 200, reply
    text = reply.body.decode()
    names = {"up"}
    for name, kind in re.findall(r"(?m)^# TYPE (\w+) (\w+)$", text):
        suffixes = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}[kind]
        names |= {name + suffix for suffix in suffixes}
    labels = set(re.findall(r'(kind|reason|of)="(\w+)"', text))
    used = RULES.read_text() + "\n".join(query for _, query in queries())
    for name in set(re.findall(r"\bgiotto_cache_\w+", used)):
        assert name in names, f"no metric is named {name}"
    for label, values in re.findall(r'\b(kind|reason|of)[!=]?[~=]"([\w|]+)"', used):
        for value in values.split("|"):
            assert (label, value) in labels, f'no metric has {label}="{value}"'


def a_real_prometheus_answers_every_query_and_runs_every_rule():
    admin = free_port()
    with application(f"admin.listen=127.0.0.1:{admin}") as (port, _), prometheus(admin) as api:
        visit(port)
        metrics_have_every_name_and_label(admin)
        rate = "sum(rate(giotto_cache_hits_total[10s]))"

        def is_read():
            visit(port)
            found = api("query", query=rate)["result"]
            return found and float(found[0]["value"][1]) > 0

        until("Prometheus has read the metrics twice", is_read)
        for title, query in queries():
            found = api("query", query=query)["result"]
            assert found or any(name in query for name in WITHOUT_A_STORE), f"{title}: nothing is found by {query}"
        sum_of = "sum(giotto_cache_hits_total) + sum(giotto_cache_misses_total)"
        assert float(api("query", query=sum_of)["result"][0]["value"][1]) >= 60, "lookups"
        rules = [rule for group in api("rules")["groups"] for rule in group["rules"]]
        assert len(rules) == RULES.read_text().count("- alert: "), rules
        for rule in rules:
            assert rule["health"] == "ok" and rule["state"] != "firing", rule


CLAIMS = [
    the_rules_are_valid_and_fire_when_they_should,
    each_alert_is_tested_and_has_a_next_step,
    grafana_knows_each_field_of_the_dashboard,
    a_real_prometheus_answers_every_query_and_runs_every_rule,
]


def main():
    failed = 0
    for claim in CLAIMS:
        try:
            claim()
            print(claim.__name__.replace("_", " "))
        except AssertionError as error:
            failed += 1
            print(f"FAILED {claim.__name__}: {error}")
    print(f"{len(CLAIMS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
