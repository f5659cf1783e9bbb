"""Measures lists and streams of tenants: sections of scripts/bench."""

import os
import pathlib
import subprocess
import time

from bench_tools import (PSQL, SCHEMASTAMP, OpenConnection, Stream, ask, by_xargs, capture, connected_to, database, drop, in_turn,
                         lines_file, peak_megabytes, rendered, run, scaled, small_schema, sql, through_proxy)

# What each is compared with: the best of these.
PARALLEL = sorted({2, 4, os.cpu_count()})


def bench_bulk(table):
    """A fleet made in one go, against psql -f of rendered files in parallel."""
    for count, tables in ((scaled(1000), 10), (scaled(200), 40)):
        directory, names = prepare_bulk(count, tables)
        shown = f"{count:,} tenants of {tables} tables"
        times = bulk_times(names, directory)
        say_bulk(table, shown, times, count, count, 1.5)
        # psql needs a connection for each: few of them show what one takes.
        few = names[:max(8, count // 10)]
        times = bulk_times(names, directory, few, far=True)
        say_bulk(table, f"{shown}, TLS, SCRAM, 5 ms round trip", times, count, len(few), 5)


def prepare_bulk(count, tables):
    """The snapshot, and the file of each tenant rendered beforehand; their directory and the names."""
    directory = pathlib.Path(f"bulk_{tables}")
    directory.mkdir()
    names = [f"bulk_{n}" for n in range(count)]
    with database("bulk_source"):
        small_schema("small", tables)
        capture("small", str(directory / "snapshot"))
    for name in names:
        with open(directory / f"{name}.sql", "wb") as file:
            subprocess.run([SCHEMASTAMP, "render", name, "--snapshot", str(directory / "snapshot")], check=True, stdout=file)
    return directory, names


def bulk_times(names, directory, few=None, far=False):
    """The milliseconds of a run of schemastamp, and of psql for each file with N at a time; each in an empty
    database."""
    listed = lines_file("names", names)

    def within(way):
        def measure(_):
            with database("bulk"):
                env, proxy = through_proxy(5, over_tls=True) if far else (dict(os.environ), None)
                elapsed = way(env)
                if proxy:
                    proxy.stdin.close()
                    proxy.wait()
                return elapsed
        return measure

    def own(env):
        return run([SCHEMASTAMP, "provision", "--from-file", listed, "--snapshot", str(directory / "snapshot")], env=env)

    def xargs(jobs):
        command = [*PSQL, "-o", "/dev/null", "-f", f"{directory}/{{}}.sql"]
        return lambda env: by_xargs(command, few or names, jobs, env)

    ways = {f"xargs_{jobs}": within(xargs(jobs)) for jobs in PARALLEL}
    return in_turn(2 if far else 3, own=within(own), **ways)


def say_bulk(table, what, times, count, count_of_psql, target):
    """Tenants a second against each other: with as many psql as there are cores, and with the best number of them."""
    rate = {name: (count if name == "own" else count_of_psql) / ms * 1000 for name, ms in times.items()}
    extrapolated = "" if count_of_psql == count else f", psql's extrapolated from {count_of_psql} tenants"
    cores = os.cpu_count()
    best = max(PARALLEL, key=lambda jobs: rate[f"xargs_{jobs}"])
    for begin, jobs in ((f"{what}: rate ÷", cores), ("… ÷ the best of " + ", ".join(f"-P {jobs}" for jobs in PARALLEL) + ":", best)):
        other = rate[f"xargs_{jobs}"]
        table.add(f"{begin} `xargs -P {jobs} psql -f`", rate["own"] / other, target, or_more=True,
                  detail=f"{rate['own']:.1f} ÷ {other:.1f} a second{extrapolated}")


def bench_streaming(table):
    """A stream of sign-ups over a kept-open run, against the limit."""
    snapshot = str(pathlib.Path("stream.app.sql"))
    capture("tenant_demo", snapshot, "--seed", "plans")
    stream, connection = Stream(snapshot), OpenConnection()

    def streaming(tenant):
        elapsed = stream.milliseconds(tenant)
        drop(tenant)
        return elapsed

    def limit(tenant):
        text = rendered(tenant, snapshot)
        elapsed = connection.milliseconds(text)
        drop(tenant)
        return elapsed

    for number in range(3):
        streaming(f"warm_up_{number}")
        limit(f"warm_up_{number}")
    times = in_turn(25, streaming=streaming, limit=limit)
    stream.close()
    table.add("from the name to the answer, 44 tables ÷ the same SQL as one message, connection open",
              times["streaming"] / times["limit"], 1.1, detail="{streaming:.1f} ms ÷ {limit:.1f} ms".format(**times))


def bench_pool(table):
    """Ready-made tenants."""
    rounds, claims = 30, 100
    with database("pool"):
        small_schema("small", 40, functions=20, indexes=2)
        capture("small", "pool.sql")
        run([SCHEMASTAMP, "pool", "fill", "--size", str(rounds + 5), "--snapshot", "pool.sql"])
        claiming, creating = Stream("pool.sql", "--from-pool"), Stream("pool.sql")
        for number in range(5):
            claiming.milliseconds(f"warm_claim_{number}", "pool")
            creating.milliseconds(f"warm_create_{number}")
        # Ten of each at a time: a tenant of 40 tables that is created empties the caches of the claiming backend.
        times = in_turn(rounds, at_a_time=10, claim=lambda tenant: claiming.milliseconds(tenant, "pool"), create=creating.milliseconds)
        claiming.close()
        creating.close()
        table.add("a claim, 40 tables of 3 indexes with 20 functions, streaming", times["claim"], 5, "ms")
        table.add_part("… ÷ creating it, streaming", times["claim"], times["create"], 30)
        claim_at_once(table, claims)


def claim_at_once(table, claims):
    """Ten processes claim at once: each spare becomes one tenant, and none is left."""
    run([SCHEMASTAMP, "pool", "fill", "--size", str(claims), "--snapshot", "pool.sql"])
    spares = "SELECT oid FROM pg_namespace WHERE nspname LIKE 'schemastamp_spare_%' ORDER BY oid"
    before = ask(spares)
    streams = [Stream("pool.sql", "--from-pool") for _ in range(10)]
    time.sleep(1)
    start = time.perf_counter()
    for number, stream in enumerate(streams):
        stream.begin(f"at_once_{number}_{n}" for n in range(claims // 10))
    answers = [answer for stream in streams for answer in stream.answers()]
    elapsed = (time.perf_counter() - start) * 1000
    claimed = [answer["tenant"] for answer in answers if answer["outcome"] == "created" and answer.get("source") == "pool"]
    after = ask("SELECT oid FROM pg_namespace WHERE nspname LIKE 'at\\_once\\_%' ORDER BY oid")
    left = ask(spares) + ask("SELECT name FROM schemastamp_pool.spares")
    holds = len(set(claimed)) == claims == len(answers) == len(before) and before == after and not left
    table.check(f"{claims} claims at once by 10 processes", f"{len(set(before) & set(after))} different spares", holds,
                f"{len(left)} left in the pool, {elapsed:.0f} ms for all")


def bench_fleet(table):
    """A tenant costs the same however many there are."""
    sizes = [scaled(100), scaled(1000), scaled(5000)]
    with database("fleet_source"):
        small_schema("small", 10)
        capture("small", "fleet.sql")
    own = [SCHEMASTAMP, "provision", "--snapshot", "fleet.sql", "--from-file"]
    peaks = {}
    for size in sizes:
        sql(f"CREATE DATABASE fleet_{size}")
        with connected_to(f"fleet_{size}"):
            elapsed = run([*own, lines_file("names", [f"present_{n}" for n in range(size)])])
        # Few or many, the catalogs have room in their pages, as in a database that is not new.
        with connected_to(f"fleet_{size}"):
            sql("VACUUM ANALYZE")
        table.fact(f"{size:,} tenants of 10 tables", f"{size / elapsed * 1000:.0f} a second")
    fleet_times(table, sizes)
    for size in (sizes[0], sizes[-1]):
        with connected_to(f"fleet_{size}"):
            peaks[size] = peak_megabytes([*own, "-"], lines_file("names", [f"peak_{n}" for n in range(20)]))
    for size in sizes:
        sql(f"DROP DATABASE fleet_{size} WITH (FORCE)")
    say_memory(table, "tenants present", peaks)
    peaks = {}
    for names in (scaled(200), scaled(2000)):
        with database("fleet_stream"):
            peaks[names] = peak_megabytes([*own, "-"], lines_file("names", [f"stream_{n}" for n in range(names)]))
    say_memory(table, "names in a stream", peaks)


def fleet_times(table, sizes):
    """Databases with few and many tenants are given one more in turn."""
    streams = {size: Stream("fleet.sql", env={**os.environ, "PGDATABASE": f"fleet_{size}"}) for size in sizes}
    sql("CHECKPOINT")
    for number in range(5):
        for stream in streams.values():
            stream.milliseconds(f"warm_up_{number}")
    ways = {str(size): stream.milliseconds for size, stream in streams.items()}
    times = in_turn(50, **ways)
    for stream in streams.values():
        stream.close()
    table.add(f"a tenant with {', '.join(f'{size:,}' for size in sizes)} present, streaming: the slowest ÷ the fastest",
              max(times.values()) / min(times.values()), 1.15, detail=", ".join(f"{ms:.1f} ms" for ms in times.values()))


def say_memory(table, what, peaks):
    (few, least), (many, most) = sorted(peaks.items())
    table.add(f"largest process, psql included: {many:,} {what} ÷ {few:,}", most / least, 1.1,
              detail=f"{most:.1f} MB ÷ {least:.1f} MB")
