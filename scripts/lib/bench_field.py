"""schemastamp compared with other ways to create tenants: a section of scripts/bench, with a plot."""

import os
import pathlib
import re
import subprocess
import sys
import time

from bench_plot import grouped_bars
from bench_tools import (PSQL, ROOT, SCHEMASTAMP, Stream, ask, capture, connected_to, database, drop, dump, lines_file, median,
                         run, scaled, small_schema)

TABLES = 40
ROUNDS = 7
# In milliseconds: what takes longer is measured once.
SLOW = 10_000


class Clone:
    """django-tenants' own clone, by the package itself in a process that is kept open."""

    def __init__(self):
        self.process = subprocess.Popen([os.environ["BENCH_CLONE_PYTHON"], str(ROOT / "scripts/lib/clone_tenants.py"), "small"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def milliseconds(self, tenant):
        start = time.perf_counter()
        self.process.stdin.write(f"{tenant}\n")
        self.process.stdin.flush()
        if self.process.stdout.readline() != f"{tenant}\n":
            sys.exit(f"{tenant}: django-tenants has not cloned it")
        return (time.perf_counter() - start) * 1000

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def bench_field(table):
    """Compared with the field: one more tenant, with few and with many present."""
    present = {"1 tenant": 1, f"{scaled(500):,} tenants": scaled(500)}
    few, many = present
    with database("field_few"):
        small_schema("small", TABLES)
        capture("small", "field.sql")
        dump("small", "field.dump.sql")
        with database("field_many"):
            small_schema("small", TABLES)
            run([SCHEMASTAMP, "provision", "--snapshot", "field.sql", "--from-file",
                 lines_file("names", [f"present_{n}" for n in range(present[many] - 1)])])
            measured = field_times({few: Place("field_few"), many: Place("field_many")})
    shown = [f"| a tenant of {TABLES} tables, in ms | " + " | ".join(f"{name} present" for name in present) + " | how many times as long |",
             "|---|---|---|---|"]
    for way in measured[few]:
        first, last = measured[few][way], measured[many][way]
        shown.append(f"| {way} | {first:.1f} | {last:.1f} | {last / first:.1f} |")
    print("\n".join(shown), flush=True)
    pathlib.Path("benchmarks.svg").write_text(grouped_bars(
        f"Creating one tenant of {TABLES} tables", {f"{name} present": times for name, times in measured.items()}))
    table.plots.append(pathlib.Path("benchmarks.svg"))
    table.beneath = "\n".join(shown) + f"""

Medians of {ROUNDS} within one run, measured in turn, from the name to the end; what takes longer than {SLOW // 1000} s is
measured once. The dump is pg_dump's, with the schema's name replaced. The clone is `CloneSchema().clone_schema` of
django-tenants {os.environ["BENCH_CLONE_VERSION"]} (PyPI) as the package calls it, over a connection that stays open: it makes its
functions again each time.

![Creating one tenant, in milliseconds on a log scale](benchmarks.svg)
"""


class Place:
    """A database in which a tenant is created in each of the ways, with what is kept open for them."""

    def __init__(self, name):
        self.name = name
        with connected_to(name):
            fill_pool()
            self.stream, self.pool, self.clone = Stream("field.sql"), Stream("field.sql", "--from-pool"), Clone()
        self.ways = {
            "django-tenants' clone": self.clone.milliseconds,
            "`psql -f` of a dump": psql,
            "schemastamp, a process for each": lambda tenant: run([SCHEMASTAMP, "provision", tenant, "--snapshot", "field.sql"]),
            "schemastamp, streaming": self.stream.milliseconds,
            "schemastamp, from the pool": lambda tenant: self.pool.milliseconds(tenant, "pool")}
        self.times = {way: [] for way in self.ways}

    def measure(self, way, tenant):
        """One tenant more, which is dropped before the next; not again where it takes long."""
        if max(self.times[way], default=0) < SLOW:
            with connected_to(self.name):
                self.times[way].append(self.ways[way](tenant))
                check_tables(way, tenant)
                drop(tenant)
                fill_pool()

    def close(self):
        for kept_open in (self.stream, self.pool, self.clone):
            kept_open.close()


def field_times(places):
    """The median milliseconds of each way at each place."""
    ways = list(next(iter(places.values())).ways)
    # The first round warms up.
    for number in range(ROUNDS + 1):
        for index, way in enumerate(ways):
            for place in places.values():
                place.measure(way, f"field_{index}_{number}")
    for place in places.values():
        place.close()
    return {name: {way: median(values[1:] or values) for way, values in place.times.items()} for name, place in places.items()}


def psql(tenant):
    text = pathlib.Path("field.dump.sql").read_text()
    pathlib.Path("one.sql").write_text(re.sub(r"\bsmall\b", tenant, text))
    return run([*PSQL, "-o", "/dev/null", "-f", "one.sql"])


def fill_pool():
    """Two spares: before the first one of a pool there is a proof, which would take its time in each round."""
    run([SCHEMASTAMP, "pool", "fill", "--size", "2", "--snapshot", "field.sql"])


def check_tables(way, tenant):
    """A way that makes less than the others is not compared with them."""
    [tables] = ask(f"SELECT count(*) FROM pg_tables WHERE schemaname = '{tenant}'")
    if int(tables) != TABLES:
        sys.exit(f"{way} has made {tables} tables of {TABLES}")
