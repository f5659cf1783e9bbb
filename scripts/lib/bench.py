"""Measures; called by scripts/bench, which provides the cluster. See docs/benchmarks.md for what comes out."""

import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from open_connection import OpenConnection  # noqa: E402

ROOT = pathlib.Path(sys.argv[1])
SCHEMASTAMP = os.environ["BENCH_BINARY"]
PG_BIN = pathlib.Path(os.environ["PG_BIN"])
PSQL = [str(PG_BIN / "psql"), "-X", "-q", "-w", "-v", "ON_ERROR_STOP=1"]
QUIET = "SET client_min_messages = warning;"
ROUNDS = 9
# Fewer only to see whether the sections work.
TENANTS = int(os.environ.get("BENCH_TENANTS", "1000"))


class Table:
    """The rows of the report: what, measured, target, reached or not."""

    def __init__(self):
        self.rows = []

    def add(self, what, value, target, unit="", detail=""):
        reached = "yes" if value <= target else "**no**"
        shown = f"{value:.2f}" if not unit else f"{value:.1f} {unit}"
        limit = f"≤ {target:g}{' ' + unit if unit else ''}"
        self.rows.append(f"| {what} | {shown} | {limit} | {reached} | {detail} |")
        print(self.rows[-1], flush=True)

    def fact(self, what, shown, detail=""):
        """A number without a target."""
        self.rows.append(f"| {what} | {shown} |  |  | {detail} |")
        print(self.rows[-1], flush=True)


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


def drop(schema):
    sql(f'{QUIET} DROP SCHEMA IF EXISTS "{schema}" CASCADE')


def median(values):
    return statistics.median(values)


def through_proxy(round_trip_ms):
    """Starts the delaying proxy; the environment that leads through it, and the process (close its stdin to end it)."""
    proxy = subprocess.Popen(
        [sys.executable, str(ROOT / "scripts/lib/delay_proxy.py"), os.environ["PGHOST"], os.environ["PGPORT"], str(round_trip_ms)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    port = proxy.stdout.readline().decode().strip()
    return {**os.environ, "PGHOST": "127.0.0.1", "PGPORT": port, "PGSSLMODE": "disable"}, proxy


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


def in_turn(rounds, **ways):
    """Runs each way once per round, in turn; the median milliseconds of each."""
    times = {name: [] for name in ways}
    for number in range(rounds):
        for name, way in ways.items():
            times[name].append(way(f"bench_{name}_{number}"))
    return {name: median(values) for name, values in times.items()}


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


def peak_megabytes(command):
    """The largest memory of a command or of a child of it, measured in a process of its own."""
    code = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    done = subprocess.run([sys.executable, "-c", code, *command], check=True, capture_output=True)
    return int(done.stdout) / 1024


def bench_own_work(table):
    """What schemastamp itself costs beside psql, pg_dump and the server."""
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
    sql("CREATE SCHEMA small")
    for n in range(10):
        sql(f"CREATE TABLE small.t_{n} (id bigserial PRIMARY KEY, note text, parent bigint REFERENCES small.t_{max(0, n - 1)})")
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


def tenants(count, tables):
    """Tenants `t_0`, …, each with so many tables and a versions table at version 1, made by the server itself."""
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
    END $$""", "-c", "CALL make_tenants()", "-c", "DROP PROCEDURE make_tenants", "-c", "ANALYZE"])
    return [f"t_{n}" for n in range(count)]


def drop_tenants(names):
    for start in range(0, len(names), 50):
        sql(f"{QUIET} DROP SCHEMA IF EXISTS {', '.join(names[start:start + 50])} CASCADE")


def by_xargs(command, items):
    """One process after the other for each item, as many at a time as there are cores; the milliseconds."""
    path = pathlib.Path("items")
    path.write_text("".join(f"{item}\n" for item in items))
    return run(["xargs", "-P", str(os.cpu_count()), "-a", str(path), "-I{}", *command])


def bench_migrate(table):
    """Migrations for many tenants, against loops of psql."""
    names = tenants(TENANTS, 2)
    folder = pathlib.Path("migrations")
    folder.mkdir()
    jobs = str(os.cpu_count())
    migrate = [SCHEMASTAMP, "migrate", "--match", "t_*", "--migrations", str(folder), "--jobs", jobs]
    (folder / "1_first.sql").write_text("SELECT 1;\n")
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
        (folder / f"{version}_own.sql").write_text(f"ALTER TABLE #{{prefix}}.t_1 ADD own_{version} int;\n")
        return run(migrate)

    def psql(_):
        nonlocal version
        version += 1
        # Its file is there too, so that the versions are known to the next run of schemastamp.
        (folder / f"{version}_psql.sql").write_text(f"ALTER TABLE #{{prefix}}.t_1 ADD psql_{version} int;\n")
        text = (f"BEGIN; ALTER TABLE {{}}.t_1 ADD psql_{version} int; INSERT INTO {{}}.schema_migrations VALUES ({version});"
                " COMMIT")
        return by_xargs([*PSQL, "-c", text], names)

    times = in_turn(3, own=own, psql=psql)
    detail = "{own:.0f} ms ÷ {psql:.0f} ms".format(**times)
    table.fact(f"one `ALTER TABLE` for {len(names):,} tenants, `--jobs {jobs}`", f"{len(names) / times['own'] * 1000:.0f} a second",
               "300 or more is the target")
    table.add(f"… ÷ `xargs -P {jobs} psql -c 'BEGIN; ALTER …; INSERT …; COMMIT'`", times["own"] / times["psql"], 0.33, detail=detail)
    version += 1
    (folder / f"{version}_own.sql").write_text(f"ALTER TABLE #{{prefix}}.t_1 ADD own_{version} int;\n")
    memory(table, "`migrate`", [SCHEMASTAMP, "migrate", "--migrations", str(folder)], names)
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


def memory(table, what, command, names):
    """How the largest process, psql included, grows with the number of tenants."""
    few = peak_megabytes([*command, *names[:len(names) // 10]])
    many = peak_megabytes([*command, *names])
    table.add(f"memory of {what}: {len(names):,} tenants ÷ {len(names) // 10:,}", many / few, 1.5, detail=f"{many:.1f} MB ÷ {few:.1f} MB")


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
    count = subprocess.run([*PSQL, "-A", "-t", "-c", "SELECT count(*) FROM wagtail.django_migrations"], check=True,
                           capture_output=True).stdout.decode().strip()
    capture("wagtail", "wagtail.sql")
    schemastamp("warm_up")
    from_snapshot = in_turn(5, schemastamp=schemastamp)["schemastamp"]
    drop("wagtail")
    table.fact(f"Wagtail: a tenant from its snapshot ÷ by its {count} migrations",
               f"1/{by_migrations / from_snapshot:.0f}", f"{from_snapshot:.0f} ms ÷ {by_migrations:.0f} ms")


SECTIONS = {"provision": bench_provision, "own-work": bench_own_work, "flat": bench_flat, "migrate": bench_migrate,
            "verify": bench_verify, "project": bench_project}


def machine():
    """What the numbers were measured on."""
    cpuinfo = pathlib.Path("/proc/cpuinfo").read_text().split("\n")
    cpu = next((line.split(":")[1].strip() for line in cpuinfo if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    server = subprocess.run([str(PG_BIN / "postgres"), "--version"], capture_output=True, text=True).stdout.split()[2]
    return (f"{os.cpu_count()} × {cpu}, {memory:.0f} GB, {platform.system()} {platform.release().split('-')[0]}, "
            f"PostgreSQL {server}, fsync on, everything on one machine")


def main():
    chosen = [name for name in sys.argv[2:] if name != "--dry-run"]
    if unknown := [name for name in chosen if name not in SECTIONS]:
        sys.exit(f"no such section: {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    head = "| what | measured | target | reached | from |\n|---|---|---|---|---|"
    text = f"""# Benchmarks

Made by `scripts/bench`: ratios of medians, each pair measured in turn within one run.

Measured on: {machine()}.
"""
    print(f"{machine()}\n{head}")
    for name in chosen or SECTIONS:
        table = Table()
        SECTIONS[name](table)
        title = SECTIONS[name].__doc__.strip().rstrip(".")
        text += f"\n## {title}\n\n{head}\n" + "\n".join(table.rows) + "\n"
    if len(sys.argv) == 2:
        (ROOT / "docs").mkdir(exist_ok=True)
        (ROOT / "docs/benchmarks.md").write_text(text)
        print("\ndocs/benchmarks.md is written")


main()
