"""Measures commands for many existing tenants: sections of scripts/bench."""

import os
import pathlib

from bench_tools import (PG_BIN, PSQL, SCHEMASTAMP, TENANTS, QUIET, by_xargs, capture, database, in_turn, peak_megabytes, run,
                         small_schema, sql)


def tenants(count, tables, analyze=True):
    """Tenants `t_0`, …, each with N tables and a versions table at version 1, made by the server itself."""
    # Some at a time: a transaction locks every table that it makes.
    run([*PSQL, "-o", "/dev/null", "-c", f"""CREATE PROCEDURE make_tenants() LANGUAGE plpgsql AS $$ BEGIN
        FOR t IN 0..{count - 1} LOOP
            EXECUTE format('CREATE SCHEMA t_%s; CREATE TABLE t_%1$s.schema_migrations (version varchar PRIMARY KEY);
                INSERT INTO t_%1$s.schema_migrations VALUES (1)', t);
            FOR n IN 1..{tables} LOOP
                EXECUTE format('CREATE TABLE t_%s.t_%s (id int PRIMARY KEY, note text NOT NULL DEFAULT %L, at timestamptz)', t, n, 'x');
            END LOOP;
            IF t % 20 = 19 THEN COMMIT; END IF;
        END LOOP;
    END $$""", "-c", "CALL make_tenants()", "-c", "DROP PROCEDURE make_tenants", *(["-c", "ANALYZE"] if analyze else [])])
    return [f"t_{n}" for n in range(count)]


def drop_tenants(names):
    for start in range(0, len(names), 50):
        sql(f"{QUIET} DROP SCHEMA IF EXISTS {', '.join(names[start:start + 50])} CASCADE")


def bench_migrate(table):
    """Migrations for many tenants, against loops of psql."""
    names = tenants(TENANTS, 2)
    directory = pathlib.Path("migrations")
    directory.mkdir()
    jobs = str(os.cpu_count())
    migrate = [SCHEMASTAMP, "migrate", "--match", "t_*", "--migrations", str(directory), "--jobs", jobs]
    (directory / "1_first.sql").write_text("SELECT 1;\n")
    one_by_one = f'while read t; do {PG_BIN}/psql -X -q -w -A -t -c "SELECT max(version) FROM $t.schema_migrations" || exit; done'
    pathlib.Path("names").write_text("".join(f"{name}\n" for name in names))
    times = in_turn(3, migrate=lambda _: run(migrate), loop=lambda _: run(["sh", "-c", f"{one_by_one} < names"]))
    table.add(f"nothing to do for {len(names):,} tenants", times["migrate"] / 1000, 1, "s")
    table.add("… ÷ a loop of `psql -c 'SELECT max(version) …'`", times["migrate"] / times["loop"], 0.05,
              detail="{migrate:.0f} ms ÷ {loop:.0f} ms".format(**times))

    version = 1

    def own(_):
        nonlocal version
        version += 1
        (directory / f"{version}_own.sql").write_text(f"ALTER TABLE #{{prefix}}.t_1 ADD own_{version} int;\n")
        return run(migrate)

    def psql(_):
        nonlocal version
        version += 1
        # Its file is there too, so that the versions are known to the next run of schemastamp.
        (directory / f"{version}_psql.sql").write_text(f"ALTER TABLE #{{prefix}}.t_1 ADD psql_{version} int;\n")
        text = (f"BEGIN; ALTER TABLE {{}}.t_1 ADD psql_{version} int; INSERT INTO {{}}.schema_migrations VALUES ({version});"
                " COMMIT")
        return by_xargs([*PSQL, "-c", text], names)

    times = in_turn(3, own=own, psql=psql)
    detail = "{own:.0f} ms ÷ {psql:.0f} ms".format(**times)
    table.fact(f"one `ALTER TABLE` for {len(names):,} tenants, `--jobs {jobs}`", f"{len(names) / times['own'] * 1000:.0f} a second",
               "300 or more is the target")
    table.add(f"… ÷ `xargs -P {jobs} psql -c 'BEGIN; ALTER …; INSERT …; COMMIT'`", times["own"] / times["psql"], 0.33, detail=detail)
    version += 1
    (directory / f"{version}_own.sql").write_text(f"ALTER TABLE #{{prefix}}.t_1 ADD own_{version} int;\n")
    memory(table, "`migrate`", [SCHEMASTAMP, "migrate", "--migrations", str(directory)], names)
    drop_tenants(names)


def bench_verify(table):
    """Comparison of many tenants, against pg_dump of each."""
    names = tenants(TENANTS, 10)
    capture(names[0], "ten.sql")
    verify = [SCHEMASTAMP, "verify", "--snapshot", "ten.sql"]
    dumped = names[:max(1, len(names) // 10)]
    times = in_turn(3, verify=lambda _: run([*verify, "--match", "t_*"]))
    times["dump"] = run(["sh", "-c", f"for t in {' '.join(dumped)}; do {PG_BIN}/pg_dump --schema-only --schema=$t >dumped || exit; done"])
    times["dump"] *= len(names) / len(dumped)
    table.add(f"`verify` of {len(names):,} tenants of 10 tables", times["verify"] / 1000, 10, "s")
    table.add("… ÷ `pg_dump --schema-only` of each", times["verify"] / times["dump"], 0.02,
              detail="{verify:.0f} ms ÷ {dump:.0f} ms, ".format(**times) + f"extrapolated from {len(dumped)}")
    memory(table, "`verify`", verify, names)
    drop_tenants(names)


def bench_stale(table):
    """Commands right after a bulk run, with the statistics of a small database."""
    with database("stale"):
        # As after a bulk run that no autovacuum has followed yet.
        autovacuum("off")
        small_schema("app", 10, functions=2)
        sql("CREATE TABLE app.schema_migrations (version text PRIMARY KEY)")
        capture("app", "stale.sql")
        one = [SCHEMASTAMP, "verify", "app", "--snapshot", "stale.sql"]
        run(one)
        alone = in_turn(3, verify=lambda _: run(one), rename=renamed)
        sql("VACUUM ANALYZE")
        names = [f"t_{n}" for n in range(TENANTS)]
        run([SCHEMASTAMP, "provision", *names, "--snapshot", "stale.sql", "--jobs", str(os.cpu_count())])
        every = [SCHEMASTAMP, "verify", "--all", "--snapshot", "stale.sql"]
        dump_of_one = [str(PG_BIN / "pg_dump"), "--schema-only", "--schema=app", "-f", "stale.dump.sql"]
        stale = in_turn(3, verify=lambda _: run(one), rename=renamed, dump=lambda _: run(dump_of_one))
        all_stale = run(every)
        sql("VACUUM ANALYZE")
        fresh = in_turn(3, verify=lambda _: run(one), rename=renamed)
        all_fresh = run(every)
        autovacuum("on")
    what = f"with {len(names):,} more present, statistics stale"
    table.add(f"`verify` of one tenant {what}, less the time without them", stale["verify"] - alone["verify"], 150, "ms",
              "{:.0f} ms − {:.0f} ms".format(stale["verify"], alone["verify"]))
    table.add("… ÷ with fresh statistics", stale["verify"] / fresh["verify"], 1.15,
              detail="{:.0f} ms ÷ {:.0f} ms".format(stale["verify"], fresh["verify"]))
    table.add("`verify` of all, statistics stale ÷ fresh", all_stale / all_fresh, 1.15, detail=f"{all_stale:.0f} ms ÷ {all_fresh:.0f} ms")
    table.add("… for each tenant", all_stale / (len(names) + 1), 3, "ms")
    table.add(f"`rename` {what} ÷ with fresh statistics", stale["rename"] / fresh["rename"], 1.15,
              detail="{:.0f} ms ÷ {:.0f} ms".format(stale["rename"], fresh["rename"]))
    table.fact("… less the time without them, and less pg_dump's own time",
               f"{stale['rename'] - alone['rename'] - stale['dump']:.0f} ms",
               "{:.0f} ms − {:.0f} ms − {:.0f} ms".format(stale["rename"], alone["rename"], stale["dump"]))


def autovacuum(state):
    sql(f"ALTER SYSTEM SET autovacuum = {state}")
    sql("SELECT pg_reload_conf()")


def renamed(_):
    """Renames `app` and back; the milliseconds of one rename."""
    forth = run([SCHEMASTAMP, "rename", "app", "app_away", "--yes"])
    return (forth + run([SCHEMASTAMP, "rename", "app_away", "app", "--yes"])) / 2


def memory(table, what, command, names):
    """How the largest process, psql included, grows with the number of tenants."""
    few = peak_megabytes([*command, *names[:len(names) // 10]])
    many = peak_megabytes([*command, *names])
    table.add(f"memory of {what}: {len(names):,} tenants ÷ {len(names) // 10:,}", many / few, 1.5, detail=f"{many:.1f} MB ÷ {few:.1f} MB")
