"""What one tenant costs: sections of scripts/bench."""

import os
import pathlib
import socket
import subprocess
import time

from bench_tools import (PG_BIN, PSQL, ROUNDS, SCHEMASTAMP, OpenConnection, ask, capture, database, drop, dump, in_turn, median,
                         peak_megabytes, rendered, run, small_schema, sql, through_proxy)


def bench_provision(table):
    """One tenant of the sample application against psql -f and against the limit."""
    capture("tenant_demo", "app.sql", "--seed", "plans")
    dump("tenant_demo", "dump.sql")
    sql("ALTER SCHEMA tenant_demo RENAME TO kept_aside")
    connection = OpenConnection()

    def psql(_, env=None):
        elapsed = run([*PSQL, "-o", "/dev/null", "-f", "dump.sql"], env=env)
        drop("tenant_demo")
        return elapsed

    def schemastamp(tenant, env=None):
        elapsed = run([SCHEMASTAMP, "provision", tenant, "--snapshot", "app.sql"], env=env)
        drop(tenant)
        return elapsed

    def limit(tenant):
        text = rendered(tenant, "app.sql")
        elapsed = connection.milliseconds(text)
        drop(tenant)
        return elapsed

    for way in (psql, schemastamp, limit):
        way("warm_up")
    near = in_turn(ROUNDS, psql=psql, schemastamp=schemastamp, limit=limit)
    detail = "{schemastamp:.0f} ms ÷ {psql:.0f} ms".format(**near)
    table.add("a tenant of 44 tables ÷ `psql -f` of its dump", near["schemastamp"] / near["psql"], 0.6, detail=detail)
    detail = "{schemastamp:.0f} ms ÷ {limit:.0f} ms".format(**near)
    table.add("… ÷ the same SQL as one message, connection open", near["schemastamp"] / near["limit"], 1.15, detail=detail)

    direct, direct_proxy = through_proxy(0)
    far, far_proxy = through_proxy(10)
    times = in_turn(5, near=lambda tenant: schemastamp(tenant, direct), far=lambda tenant: schemastamp(tenant, far),
                    psql_near=lambda tenant: psql(tenant, direct), psql_far=lambda tenant: psql(tenant, far))
    for proxy in (direct_proxy, far_proxy):
        proxy.stdin.close()
        proxy.wait()
    table.add("… with 10 ms round trip ÷ without", times["far"] / times["near"], 1.2,
              detail="{far:.0f} ms ÷ {near:.0f} ms".format(**times))
    table.fact("`psql -f` with 10 ms round trip ÷ without", f"{times['psql_far'] / times['psql_near']:.1f}",
               "{psql_far:.0f} ms ÷ {psql_near:.0f} ms".format(**times))
    sql("ALTER SCHEMA kept_aside RENAME TO tenant_demo")


def unanswered_port():
    """A port of 127.0.0.1 whose packets are dropped, as by a firewall: the queue of its listener is full. And what keeps it so."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    held = [listener]
    while True:
        client = socket.socket()
        client.settimeout(0.2)
        held.append(client)
        try:
            client.connect(listener.getsockname())
        except TimeoutError:
            return listener.getsockname()[1], held


def bench_diagnose(table):
    """A diagnosis, of a healthy server and of one that does not answer."""
    times = in_turn(ROUNDS, diagnose=lambda _: run([SCHEMASTAMP, "diagnose"]))
    table.add("`diagnose` of a healthy server", times["diagnose"], 300, "ms")
    port, held = unanswered_port()
    dead = [SCHEMASTAMP, "diagnose", "--timeout", "2", "-h", "127.0.0.1", "-p", str(port)]
    start = time.perf_counter()
    code = subprocess.run(dead, stdin=subprocess.DEVNULL, capture_output=True).returncode
    elapsed = (time.perf_counter() - start) * 1000
    table.add("… of a server that does not answer, `--timeout 2`", elapsed, 2300, "ms")
    table.check("… its exit code", str(code), code == 20)
    for each in held:
        each.close()


def big_schema(name, size):
    """A schema whose dump has about `size` bytes, most of it in functions, as in applications that grew."""
    body = "\n".join(f"  -- step {n}: {name}.t_1 is read\n  PERFORM count(*) FROM {name}.t_{n % 20} WHERE note <> 'x  --  y';"
                     for n in range(40))
    tables = [f"CREATE TABLE {name}.t_{n} (id bigserial PRIMARY KEY, note text DEFAULT 'app', at timestamptz)" for n in range(20)]
    functions = [f"CREATE FUNCTION {name}.f_{n}() RETURNS void LANGUAGE plpgsql AS $$\nBEGIN\n{body}\nEND\n$$"
                 for n in range(size // (len(body) + 300))]
    path = pathlib.Path(f"{name}.sql")
    path.write_text(f"CREATE SCHEMA {name};\n" + ";\n".join(tables + functions) + ";\n")
    run([*PSQL, "-1", "-o", "/dev/null", "-f", str(path)])


def bench_own_work(table):
    """The cost of schemastamp itself, next to psql, pg_dump and the server."""
    big_schema("half", 500_000)
    capture("half", "half.snapshot.sql")
    size = os.path.getsize("half.snapshot.sql") / 1000
    work = in_turn(ROUNDS, help=lambda _: run([SCHEMASTAMP, "--help"]),
                   render=lambda tenant: run([SCHEMASTAMP, "render", tenant, "--snapshot", "half.snapshot.sql"]))
    table.add(f"own work for a tenant, snapshot of {size:.0f} KB", work["render"], 10, "ms", "`render`, process included")
    big_schema("big", 5_000_000)
    dump("big", "big.dump.sql")
    capture("big", "big.snapshot.sql")
    megabytes = os.path.getsize("big.snapshot.sql") / 1e6
    peak = peak_megabytes([SCHEMASTAMP, "provision", "big_tenant", "--snapshot", "big.snapshot.sql"])
    table.add(f"memory to provision from a snapshot of {megabytes:.1f} MB", peak, 64, "MB", "largest process, psql included")
    minify = median([run([SCHEMASTAMP, "minify", "big.snapshot.sql", "-o", "big.min.sql"]) for _ in range(5)])
    table.fact(f"`minify` of {megabytes:.1f} MB", f"{minify:.0f} ms")
    whole = median([capture("big", "again.sql", "--no-prove") for _ in range(3)])
    pg_dump = median([run([str(PG_BIN / "pg_dump"), "--schema=big", "--schema-only", "-f", "big.dump.sql"]) for _ in range(3)])
    table.add(f"capture of {megabytes:.1f} MB without proof, less pg_dump's own time", (whole - pg_dump) / 1000, 0.5, "s",
              f"{whole:.0f} ms − {pg_dump:.0f} ms")
    for schema in ("half", "big", "big_tenant"):
        drop(schema)


def bench_flat(table):
    """A tenant costs the same with 1,000 tenants present."""
    with database("flat"):
        small_schema("small", 10)
        capture("small", "small.sql")

        def provision(*tenants):
            return run([SCHEMASTAMP, "provision", *tenants, "--snapshot", "small.sql"])

        provision(*(f"warm_up_{n}" for n in range(20)))
        first = median([provision(f"first_{n}") for n in range(20)])
        start = time.perf_counter()
        for chunk in range(10):
            provision(*(f"many_{chunk}_{n}" for n in range(100)))
        rate = 1000 / (time.perf_counter() - start)
        last = median([provision(f"last_{n}") for n in range(20)])
    table.add("a tenant with 1,000 tenants present ÷ the first", last / first, 1.15, detail=f"{last:.1f} ms ÷ {first:.1f} ms")
    table.fact("1,000 tenants of 10 tables, one after the other", f"{rate:.0f} a second")


def bench_project(table):
    """A tenant of a real project: from a snapshot, and by all of its migrations."""
    project, python = os.environ["BENCH_PROJECT"], os.environ["BENCH_PYTHON"]

    def migrations(schema):
        sql(f'CREATE SCHEMA "{schema}"')
        return run([python, "manage.py", "migrate", "--verbosity", "0"], cwd=project,
                   env={**os.environ, "WAGTAIL_SCHEMA": schema})

    def schemastamp(tenant):
        elapsed = run([SCHEMASTAMP, "provision", tenant, "--snapshot", "wagtail.sql"])
        drop(tenant)
        return elapsed

    # The first run compiles Python's files.
    migrations("wagtail_first")
    drop("wagtail_first")
    by_migrations = migrations("wagtail")
    [count] = ask("SELECT count(*) FROM wagtail.django_migrations")
    capture("wagtail", "wagtail.sql")
    schemastamp("warm_up")
    from_snapshot = in_turn(5, schemastamp=schemastamp)["schemastamp"]
    drop("wagtail")
    table.fact(f"Wagtail: a tenant from its snapshot ÷ by its {count} migrations",
               f"1/{by_migrations / from_snapshot:.0f}", f"{from_snapshot:.0f} ms ÷ {by_migrations:.0f} ms")
