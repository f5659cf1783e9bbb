"""Measures that commands stay flat with thousands of tenants present: a section of scripts/bench."""

import os
import pathlib

from bench_many import autovacuum, tenants
from bench_tools import (PG_BIN, SCHEMASTAMP, Stream, TENANTS, capture, database, in_turn, lines_file, peak_megabytes, run, scaled,
                         small_schema)

ROUNDS = 3
JOBS = str(os.cpu_count())


def bench_present(table):
    """Commands with 1,000, 5,000 and 10,000 tenants present, right after a bulk run."""
    alone = measured(0, f"present_{TENANTS}_alone")
    for size in [scaled(1000), scaled(5000), scaled(10000)]:
        compare(table, size, alone, measured(size, f"present_{size}"))


def measured(size, name):
    """The milliseconds of each command in a database with `size` tenants, and one called `app` besides.

    Nothing has gathered statistics since they were made.
    """
    with database(name):
        autovacuum("off")
        small_schema("app", 10, functions=2)
        run([str(PG_BIN / "psql"), "-X", "-q", "-c", "CREATE TABLE app.schema_migrations (version varchar PRIMARY KEY)",
             "-c", "INSERT INTO app.schema_migrations VALUES ('1')"])
        capture("app", "present.sql")
        run([SCHEMASTAMP, "provision", "moving", "--snapshot", "present.sql"])
        if size > 0:
            tenants(size, 10, analyze=False)
            capture("t_0", "many.sql")
        directory = pathlib.Path(name)
        directory.mkdir()
        (directory / "1_first.sql").write_text("SELECT 1;\n")
        times = {**one_tenant(directory), **(all_tenants(size, directory) if size > 0 else {})}
        autovacuum("on")
    return times


def one_tenant(directory):
    """What concerns a single tenant, or none."""
    migrations, snapshot = ["--migrations", str(directory)], ["--snapshot", "present.sql"]
    own = [SCHEMASTAMP]
    times = in_turn(
        ROUNDS,
        verify=lambda _: run([*own, "verify", "app", *snapshot]),
        rename=renamed,
        clone=lambda name: run([*own, "clone", "app", name]),
        drop=lambda name: run([*own, "drop", name.replace("drop", "clone"), "--yes"]),
        dump=lambda _: run([str(PG_BIN / "pg_dump"), "--schema=app", "-f", "present.dump.sql"]),
        capture=lambda _: capture("app", "present.again.sql"),
        check=lambda _: run([*own, "check", "--schema", "app", *snapshot]),
        refresh=lambda _: run([*own, "refresh", *migrations, *snapshot]),
        status=lambda _: run([*own, "status", "app", *migrations]),
        nothing=lambda _: run([*own, "migrate", "app", *migrations]))
    run([*own, "pool", "fill", "--size", "20", *snapshot])
    with_claims = Stream("present.sql", "--from-pool")
    times |= in_turn(15, claim=lambda name: with_claims.milliseconds(name, "pool"))
    with_claims.close()
    return times


def renamed(_):
    """Renames a tenant and back; the milliseconds of one rename."""
    rename = [SCHEMASTAMP, "rename", "--yes", "--snapshot", "present.sql"]
    return (run([*rename, "moving", "moved"]) + run([*rename, "moved", "moving"])) / 2


def all_tenants(size, directory):
    """What concerns all of them."""
    migrations, pattern = ["--migrations", str(directory)], ["--match", "t_*"]
    verify = [SCHEMASTAMP, "verify", "--snapshot", "many.sql", "--jobs", JOBS]
    times = in_turn(
        ROUNDS,
        verify_all=lambda _: run([*verify, *pattern]),
        status_all=lambda _: run([SCHEMASTAMP, "status", *pattern, *migrations]),
        nothing_all=lambda _: run([SCHEMASTAMP, "migrate", *pattern, *migrations]))
    (directory / "2_own.sql").write_text("ALTER TABLE #{prefix}.t_1 ADD own int;\n")
    times["alter_all"] = run([SCHEMASTAMP, "migrate", *pattern, *migrations, "--jobs", JOBS])
    names = lines_file("all_names", [f"t_{n}" for n in range(size)])
    # Compared with each other: those of the snapshot lack the column.
    times["megabytes"] = peak_megabytes([SCHEMASTAMP, "verify", "--each-other", "--from-file", names])
    return times


def compare(table, size, alone, present):
    """The rows of one size."""
    with_present = f"with {size:,} present"
    table.add(f"`verify` of all, {with_present}, a tenant", present["verify_all"] / size, 3, "ms",
              f"{present['verify_all'] / 1000:.1f} s, `--jobs {JOBS}`")
    allowed = 100 + 0.2 * size
    for what, key in (("`status` of all", "status_all"), ("nothing to migrate", "nothing_all")):
        table.add(f"{what}, {with_present}", present[key], allowed, "ms")
    table.add(f"one `ALTER TABLE`, {with_present}, `--jobs {JOBS}`", size / present["alter_all"] * 1000, 800, "a second", or_more=True)
    table.add(f"`verify` of one {with_present}, less the time without them", present["verify"] - alone["verify"], 150, "ms",
              difference(alone, present, "verify"))
    for key in ("status", "nothing", "rename", "clone", "drop", "claim"):
        what = {"status": "`status` of one", "nothing": "nothing to migrate, one tenant", "claim": "a claim, streaming"}.get(key, f"`{key}`")
        table.add(f"{what} {with_present} ÷ without them", present[key] / alone[key], 1.15,
                  detail=f"{present[key]:.1f} ms ÷ {alone[key]:.1f} ms")
    grown = present["dump"] - alone["dump"]
    for key in ("capture", "check", "refresh"):
        table.add(f"`{key}` {with_present}, less the time without them, ÷ what pg_dump grows by", (present[key] - alone[key]) / grown, 1.2,
                  detail=f"({difference(alone, present, key)}) ÷ {grown:.0f} ms")
    table.add(f"largest process of `verify`, psql included, {with_present}", present["megabytes"], 64, "MB")


def difference(alone, present, key):
    return f"{present[key]:.0f} ms − {alone[key]:.0f} ms"
