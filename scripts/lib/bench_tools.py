"""The tools that the sections of scripts/bench share."""

import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from open_connection import OpenConnection  # noqa: E402, F401

ROOT = pathlib.Path(sys.argv[1])
SCHEMASTAMP = os.environ["BENCH_BINARY"]
PG_BIN = pathlib.Path(os.environ["PG_BIN"])
PSQL = [str(PG_BIN / "psql"), "-X", "-q", "-w", "-v", "ON_ERROR_STOP=1"]
QUIET = "SET client_min_messages = warning;"
ROUNDS = 9
# Fewer only to see whether the sections work.
TENANTS = int(os.environ.get("BENCH_TENANTS", "1000"))
HEAD = "| what | measured | target | reached | from |\n|---|---|---|---|---|"


class Table:
    """The rows of a section: what, measured, target, reached or not; and what the section says beneath them."""

    def __init__(self):
        self.rows = []
        self.beneath = ""
        self.plots = []

    def add(self, what, value, target, unit="", detail="", or_more=False):
        """A number that is to be `target` or less; with `or_more`, that or more."""
        reached = "yes" if (value >= target if or_more else value <= target) else "**no**"
        shown = f"{value:.2f}" if not unit else f"{value:.1f} {unit}"
        limit = f"{'≥' if or_more else '≤'} {target:g}{' ' + unit if unit else ''}"
        self._row(what, shown, limit, reached, detail)

    def add_part(self, what, part, whole, parts, unit="ms"):
        """How small a part of something else it is to be: 1/`parts` or less."""
        reached = "yes" if whole / part >= parts else "**no**"
        self._row(what, f"1/{whole / part:.0f}", f"≤ 1/{parts}", reached, f"{part:.1f} {unit} ÷ {whole:.0f} {unit}")

    def check(self, what, shown, holds, detail=""):
        """Something that is so or not."""
        self._row(what, shown, "", "yes" if holds else "**no**", detail)

    def fact(self, what, shown, detail=""):
        """A number without a target."""
        self._row(what, shown, "", "", detail)

    def text(self):
        rows = [HEAD + "\n" + "\n".join(self.rows) + "\n"] if self.rows else []
        return "\n".join(rows + ([self.beneath] if self.beneath else []))

    def _row(self, *cells):
        self.rows.append(f"| {' | '.join(cells)} |")
        print(self.rows[-1], flush=True)


def scaled(count):
    """`count` of a thousand tenants, scaled to the size of this run."""
    return max(10, count * TENANTS // 1000)


def run(command, **options):
    """Runs a command to its end; the milliseconds it took. Shows what it said when it fails."""
    start = time.perf_counter()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, **options)
    elapsed = (time.perf_counter() - start) * 1000
    if done.returncode != 0:
        sys.exit(f"{command}: exit {done.returncode}\n{done.stdout.decode()}\n{done.stderr.decode()}")
    return elapsed


def sql(text):
    run([*PSQL, "-o", "/dev/null", "-c", text])


def ask(query):
    """The lines that a query gives."""
    return subprocess.run([*PSQL, "-A", "-t", "-c", query], check=True, capture_output=True, text=True).stdout.split("\n")[:-1]


def drop(schema):
    sql(f'{QUIET} DROP SCHEMA IF EXISTS "{schema}" CASCADE')


def median(values):
    return statistics.median(values)


@contextlib.contextmanager
def connected_to(name):
    """Everything within goes to a database."""
    before = os.environ["PGDATABASE"]
    os.environ["PGDATABASE"] = name
    try:
        yield
    finally:
        os.environ["PGDATABASE"] = before


@contextlib.contextmanager
def database(name):
    """Everything within works in a database of its own, which is dropped at the end: faster than its schemas are."""
    sql(f"CREATE DATABASE {name}")
    try:
        with connected_to(name):
            yield
    finally:
        sql(f"DROP DATABASE {name} WITH (FORCE)")


def through_proxy(round_trip_ms, over_tls=False):
    """Starts the delaying proxy; the environment that leads through it, and the process (close its stdin to end it).

    Over TLS the login is by SCRAM, as the role that cluster_tls has made.
    """
    host = "127.0.0.1" if over_tls else os.environ["PGHOST"]
    proxy = subprocess.Popen(
        [sys.executable, str(ROOT / "scripts/lib/delay_proxy.py"), host, os.environ["PGPORT"], str(round_trip_ms)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    port = proxy.stdout.readline().decode().strip()
    login = {"PGSSLMODE": "require", "PGUSER": "over_tls", "PGPASSWORD": "over_tls"} if over_tls else {"PGSSLMODE": "disable"}
    return {**os.environ, "PGHOST": "127.0.0.1", "PGPORT": port, **login}, proxy


def capture(schema, snapshot, *options):
    return run([SCHEMASTAMP, "capture", "--schema", schema, "-o", snapshot, *options])


def dump(schema, path):
    run([str(PG_BIN / "pg_dump"), f"--schema={schema}", "--schema-only", "-f", path])


def rendered(tenant, snapshot):
    """The SQL of one tenant, without psql's own commands, as one message takes it."""
    text = subprocess.run([SCHEMASTAMP, "render", tenant, "--snapshot", snapshot], check=True, capture_output=True).stdout
    lines = [line for line in text.decode().split("\n") if not line.startswith("\\")]
    # psql's own word for "a semicolon, and the message goes on".
    return "\n".join(line.removesuffix("\\;") + ";" if line.endswith("\\;") else line for line in lines)


def small_schema(name, tables, functions=0, indexes=0):
    """A schema of tables with a key, a sequence, a reference and further indexes each, and functions that name it."""
    sql(f"CREATE SCHEMA {name}")
    statements = [f"CREATE TABLE {name}.t_{n} (id bigserial PRIMARY KEY, note text, parent bigint REFERENCES {name}.t_{max(0, n - 1)})"
                  for n in range(tables)]
    statements += [f"CREATE INDEX ON {name}.t_{n} ({'parent' if i == 0 else f'note, id, ({i})'})" for n in range(tables) for i in range(indexes)]
    statements += [f"CREATE FUNCTION {name}.f_{n}() RETURNS bigint LANGUAGE plpgsql AS "
                   f"$$ BEGIN RETURN (SELECT count(*) FROM {name}.t_{n % tables} WHERE note <> 'x'); END $$" for n in range(functions)]
    sql("; ".join(statements))


def in_turn(rounds, at_a_time=1, **ways):
    """Runs each way once per round, in turn, or N times before the next; the median milliseconds of each."""
    times = {name: [] for name in ways}
    for first in range(0, rounds, at_a_time):
        for name, way in ways.items():
            times[name] += [way(f"bench_{name}_{number}") for number in range(first, min(first + at_a_time, rounds))]
    return {name: median(values) for name, values in times.items()}


def peak_megabytes(command, stdin=os.devnull):
    """The largest memory of a command or of a child of it, measured in a process of its own."""
    code = ("import resource, subprocess, sys; subprocess.run(sys.argv[2:], check=True, stdin=open(sys.argv[1]),"
            "stdout=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    done = subprocess.run([sys.executable, "-c", code, str(stdin), *command], check=True, capture_output=True)
    return int(done.stdout) / 1024


def lines_file(path, lines):
    """Writes lines into a file; its path."""
    pathlib.Path(path).write_text("".join(f"{line}\n" for line in lines))
    return path


def by_xargs(command, items, jobs=None, env=None):
    """One process after the other for each item, N at a time, or as many as there are cores; the milliseconds."""
    path = lines_file("items", items)
    return run(["xargs", "-P", str(jobs or os.cpu_count()), "-a", path, "-I{}", *command], env=env)


class Stream:
    """A `provision --from-file -` with one worker that is kept open: a name in, an answer out."""

    def __init__(self, snapshot, *options, env=None):
        self.said = open(f"stream.{id(self)}", "w+")
        self.process = subprocess.Popen(
            [SCHEMASTAMP, "provision", "--from-file", "-", "--format", "json", "--jobs", "1", "--snapshot", snapshot, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said, env=env)

    def milliseconds(self, tenant, source=None):
        """How long it took from the name to the answer that it is created, of the `source` that is expected."""
        start = time.perf_counter()
        self.process.stdin.write(f"{tenant}\n".encode())
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        elapsed = (time.perf_counter() - start) * 1000
        answer = json.loads(line or "{}")
        if answer.get("outcome") != "created" or answer.get("source") != source:
            self.said.seek(0)
            sys.exit(f"{tenant}: {line.decode()}\n{self.said.read()}")
        return elapsed

    def begin(self, tenants):
        """Writes names, and no more follow; `answers` waits for what becomes of them."""
        self.process.stdin.write("".join(f"{tenant}\n" for tenant in tenants).encode())
        self.process.stdin.close()

    def answers(self):
        lines = [json.loads(line) for line in self.process.stdout]
        self.process.wait()
        self.said.close()
        return [line for line in lines if "tenant" in line]

    def close(self):
        self.begin([])
        self.answers()
