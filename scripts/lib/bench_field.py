"""schemastamp beside what else creates tenants: a section of scripts/bench, with a plot."""

import os
import pathlib
import re
import subprocess
import sys
import time

from bench_plot import grouped_bars
from bench_tools import (PSQL, ROOT, SCHEMASTAMP, Stream, capture, database, dump, lines_file, median, run, scaled, small_schema)

TABLES = 40
CLONE = "django-tenants' clone"


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
    """Beside the field: one more tenant, with few and with many present."""
    present = {"1 tenant": 1, f"{scaled(500):,} tenants": scaled(500)}
    with database("field"):
        small_schema("small", TABLES)
        capture("small", "field.sql")
        dump("small", "field.dump.sql")
        few, many = present
        measured = {few: field_times("few")}
        run([SCHEMASTAMP, "provision", "--snapshot", "field.sql", "--from-file",
             lines_file("names", [f"present_{n}" for n in range(present[many] - 1)])])
        measured[many] = field_times("many")
    shown = [f"| a tenant of {TABLES} tables, in ms | " + " | ".join(f"{name} present" for name in present) + " | how many times as long |",
             "|---|---|---|---|"]
    for way in measured[few]:
        first, last = measured[few][way], measured[many][way]
        shown.append(f"| {way} | {first:.1f} | {last:.1f} | {last / first:.1f} |")
    print("\n".join(shown), flush=True)
    pathlib.Path("benchmarks.svg").write_text(grouped_bars(
        f"Creating one tenant of {TABLES} tables", {f"{name} present": times for name, times in measured.items()}))
    table.plots.append(pathlib.Path("benchmarks.svg"))
    names = ", ".join(f"`{way}`" if way.startswith("psql") else way for way in measured[few])
    table.beneath = "\n".join(shown) + f"""

Medians within one run, each from the name to the end: {names}. The dump is pg_dump's, with the schema's name replaced.
The clone is `CloneSchema().clone_schema` of django-tenants {os.environ["BENCH_CLONE_VERSION"]} (PyPI) over an open connection, with
the package's own default mode; with many tenants present it is measured once.

![Creating one tenant, in milliseconds on a log scale](benchmarks.svg)
"""


def field_times(word):
    """The median milliseconds of each way; the clone, where it takes long, is measured once."""
    rounds = 7
    run([SCHEMASTAMP, "pool", "fill", "--size", str(rounds + 1), "--snapshot", "field.sql"])
    stream, pool, clone = Stream("field.sql"), Stream("field.sql", "--from-pool"), Clone()
    text = pathlib.Path("field.dump.sql").read_text()

    def psql(tenant):
        pathlib.Path("one.sql").write_text(re.sub(r"\bsmall\b", tenant, text))
        return run([*PSQL, "-o", "/dev/null", "-f", "one.sql"])

    ways = {CLONE: clone.milliseconds, "`psql -f` of a dump": psql,
            "schemastamp, a process for each": lambda tenant: run([SCHEMASTAMP, "provision", tenant, "--snapshot", "field.sql"]),
            "schemastamp, streaming": stream.milliseconds,
            "schemastamp, from the pool": lambda tenant: pool.milliseconds(tenant, "pool")}
    times = {way: [] for way in ways}
    for number in range(rounds + 1):
        for index, (way, measure) in enumerate(ways.items()):
            # The first round warms up, except for what takes so long that it does not matter.
            slow = times[way] and max(times[way]) > 10_000
            if not slow:
                times[way].append(measure(f"{word}_{index}_{number}"))
    for kept_open in (stream, pool, clone):
        kept_open.close()
    return {way: median(values[1:] or values) for way, values in times.items()}
