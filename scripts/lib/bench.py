"""Runs the benchmarks on the cluster that scripts/bench provides. docs/benchmarks.md has the results."""

import os
import pathlib
import platform
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from bench_field import bench_field  # noqa: E402
from bench_many import bench_migrate, bench_stale, bench_verify  # noqa: E402
from bench_one import bench_diagnose, bench_flat, bench_own_work, bench_project, bench_provision  # noqa: E402
from bench_present import bench_present  # noqa: E402
from bench_streams import bench_bulk, bench_fleet, bench_pool, bench_streaming  # noqa: E402
from bench_tools import HEAD, PG_BIN, ROOT, Table  # noqa: E402

SECTIONS = {"provision": bench_provision, "own-work": bench_own_work, "flat": bench_flat, "bulk": bench_bulk,
            "streaming": bench_streaming, "pool": bench_pool, "fleet": bench_fleet, "migrate": bench_migrate,
            "verify": bench_verify, "stale": bench_stale, "present": bench_present, "project": bench_project, "field": bench_field,
            "diagnose": bench_diagnose}
REPORT = ROOT / "docs/benchmarks.md"


def machine():
    """What the numbers were measured on."""
    cpuinfo = pathlib.Path("/proc/cpuinfo").read_text().split("\n")
    cpu = next((line.split(":")[1].strip() for line in cpuinfo if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    server = subprocess.run([str(PG_BIN / "postgres"), "--version"], capture_output=True, text=True).stdout.split()[2]
    return (f"{os.cpu_count()} × {cpu}, {memory:.0f} GB, {platform.system()} {platform.release().split('-')[0]}, "
            f"PostgreSQL {server}, fsync on, everything on one machine")


def title(name):
    return SECTIONS[name].__doc__.strip().rstrip(".")


class Report:
    """docs/benchmarks.md: what it was measured on, and its sections by their titles."""

    def __init__(self, on, sections):
        self.on, self.sections = on, sections

    @classmethod
    def read(cls):
        """The file as it is."""
        if not REPORT.exists():
            return cls(machine(), {})
        head, *blocks = REPORT.read_text().split("\n## ")
        on = head.split("Measured on: ", 1)[1].strip().removesuffix(".")
        return cls(on, {block.split("\n", 1)[0]: block.split("\n", 1)[1].strip() for block in blocks})

    def put(self, name, table):
        """Replaces a section; one that was measured on another machine than the rest says so."""
        elsewhere = "" if machine() == self.on else f"Measured on: {machine()}.\n\n"
        self.sections[title(name)] = elsewhere + table.text().strip()
        for plot in table.plots:
            shutil.copy(plot, REPORT.parent / plot.name)

    def write(self):
        text = f"""# Benchmarks

`scripts/bench` measures these figures and writes this page. Most are ratios of medians. The two sides of a ratio are measured
in turn within one run, so the ratio depends little on the machine. `A ÷ B` of less than 1 means that A is faster. `from` has
the values that a figure was computed from.

Measured on: {self.on}.
"""
        for name in SECTIONS:
            if title(name) in self.sections:
                text += f"\n## {title(name)}\n\n{self.sections[title(name)]}\n"
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(text)


def main():
    chosen = [name for name in sys.argv[2:] if not name.startswith("--")]
    options = {name for name in sys.argv[2:] if name.startswith("--")}
    if unknown := [name for name in chosen if name not in SECTIONS] + sorted(options - {"--dry-run", "--update"}):
        sys.exit(f"no such section: {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    report = Report.read() if "--update" in options else Report(machine(), {})
    tables = {}
    print(f"{machine()}\n{HEAD}")
    for name in chosen or SECTIONS:
        tables[name] = Table()
        SECTIONS[name](tables[name])
        if "--update" in options and "--dry-run" not in options:
            # What comes after may be cut short.
            report.put(name, tables[name])
            report.write()
    if not chosen and not options:
        for name, table in tables.items():
            report.put(name, table)
        report.write()
    if "--dry-run" not in options and ("--update" in options or not chosen):
        print(f"\n{REPORT.relative_to(ROOT)} is written")


main()
