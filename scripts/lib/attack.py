"""Hostile inputs for schemastamp, by class, and what must hold after each: run by scripts/attack."""

import collections
import json
import os
import pathlib
import random
import resource
import shutil
import subprocess
import sys
import threading
import time

BINARY, ROOT, BIN = os.environ["ATTACK_BINARY"], os.environ["ATTACK_ROOT"], os.environ["PG_BIN"]
SEED = int(os.environ.get("ATTACK_SEED") or random.SystemRandom().randrange(1 << 32))
RANDOM = random.Random(SEED)
# docs/exit-codes: done, differences, usage, settings to diagnose's own; 130 and 143 are for signals, which nobody sends here.
EXIT_CODES = {0, 1, 2, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20}
WORK = pathlib.Path.cwd()
TMP = WORK / "tmp"
OWNED = WORK / "owned"

# Bytes and lines that psql, a lexer or a terminal could take for something else.
HOSTILE = [
    b"\0", b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\x1b]0;title\x07", b"\r", b"\x1a", b"\x04", b"\xe2\x80\xae",
    b"'", b'"', b"$$", b"$a$", b"/*", b"*/", b"--", b";", b"\\", b"(", b"]", b"#{", b"#{prefix}", b"#{schema", b"%s", b"\n\\.\n",
    b"\n\\! touch %owned\n", b"\n\\o |touch %owned\n", b"\n\\copy (SELECT 1) TO PROGRAM 'touch %owned'\n", b"\n\\i /etc/passwd\n",
    b"\n\\set x `touch %owned`\n", b"\n\\g |touch %owned\n", b"\n\\connect postgres\n", b"\n\\restrict x\n", b"\n\\unrestrict x\n",
    b"\n\\q\n", b"\n\\if true\n", b"\nCOMMIT;\n", b"\nROLLBACK;\n", b"\nCOPY t FROM stdin;\n", b"\nEND;BEGIN;\n", b"A" * 100_000,
]
HOSTILE = [hostile.replace(b"%owned", str(OWNED).encode()) for hostile in HOSTILE]
NAMES = [
    "a", "A", "ä", "o'neil", 'quo"te', "back\\slash", "semi;colon", "$$", "$a$", "--", "/*", "#{prefix}", "#{schema}", " ", "a b",
    "a\tb", "\u202eabc", "\u0000".replace("\0", "x"), "%s", "*", "?", "-", "--all", "~", "../x", "/etc", "pg_temp", "pg_x", "public",
    "information_schema", "select", "a.b", '"a"', "'; DROP SCHEMA canary CASCADE; --", '"; DROP SCHEMA canary CASCADE; --',
    "a" * 63, "a" * 64, "ä" * 31, "ä" * 32, "\U0001f600", "\u0301", "\x1b[31mred", "\x7f", "a\nb", "a\rb", "`touch owned`", "$(touch owned)",
    "tenant_demo", "TENANT_DEMO", "E'\\x41'", "U&\"\\0041\"", "#{", "}", "\\", "\ufeffx", "x\u00a0", "x ", " x",
]

counts = collections.defaultdict(collections.Counter)
failures = []


def psql(query):
    command = [f"{BIN}/psql", "-X", "-q", "-w", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", query]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.rstrip("\n")


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def untouched():
    """What no input may change: other schemas and what they hold, roles, databases, settings of roles."""
    return psql(
        "SELECT (SELECT string_agg(relname::text || relkind::text, ',' ORDER BY oid) FROM pg_class WHERE relnamespace IN"
        " ('canary'::regnamespace, 'public'::regnamespace, 'tenant_demo'::regnamespace)),"
        " (SELECT string_agg(datname, ',' ORDER BY oid) FROM pg_database),"
        " (SELECT string_agg(rolname::text || rolsuper::text, ',' ORDER BY oid) FROM pg_authid),"
        " (SELECT count(*) FROM pg_db_role_setting), (SELECT string_agg(a::text, ',') FROM canary.kept)"
    )


def schemas():
    return set(json.loads(psql("SELECT json_agg(nspname) FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$)'")))


def show(data):
    data = data if isinstance(data, bytes) else str(data).encode("utf-8", "surrogateescape")
    return repr(data if len(data) < 300 else data[:150] + b" ... " + data[-150:])


def limit_memory():
    # An endless file must not take the machine along.
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))


class Attack:
    """One run of the binary in a class of inputs, and the judgement on it."""

    def __init__(self, kind, what):
        self.kind, self.what, self.before = kind, what, None

    def wrong(self, why):
        failures.append(f"{self.kind}: {why}\n    input: {show(self.what)}")
        counts[self.kind]["WRONG"] += 1

    def run(self, *arguments, stdin=b"", seconds=30):
        """Runs the binary; the exit code, or None when it had to be killed."""
        shutil.rmtree(TMP, ignore_errors=True)
        TMP.mkdir()
        try:
            done = subprocess.run(
                [BINARY, *arguments], input=stdin, capture_output=True, timeout=seconds, preexec_fn=limit_memory, env={**os.environ, "TMPDIR": str(TMP)}
            )
        except subprocess.TimeoutExpired:
            self.wrong(f"no end after {seconds} s")
            return None, b""
        code, said = done.returncode, done.stdout + done.stderr
        if code not in EXIT_CODES or b"panicked" in said:
            self.wrong(f"exit code {code}: {show(done.stderr)}")
        if code != 0 and not done.stderr.strip() and not done.stdout.strip():
            self.wrong(f"exit code {code} without a word")
        if any(byte < 32 and byte not in b"\n\t\r" for byte in done.stderr):
            self.wrong(f"control characters on stderr: {show(done.stderr)}")
        if OWNED.exists():
            self.wrong("a program was started by the input")
            OWNED.unlink()
        left = [path.name for path in TMP.iterdir()]
        if left:
            self.wrong(f"left behind in TMPDIR: {left}")
        if untouched() != CANARY:
            self.wrong(f"touched what is not the tenant's: {untouched()}")
            sys.exit(finish())
        counts[self.kind][code] += 1
        return code, said

    def provision(self, name, *arguments, **options):
        """Provisions; the tenant is there if that ended with 0, and it is not there otherwise."""
        before = schemas()
        code, said = self.run("provision", *arguments, **options)
        made = schemas() - before
        if code == 0 and made != {name}:
            self.wrong(f"ended with 0 and made {sorted(made)}")
        if code not in (0, None) and made:
            self.wrong(f"ended with {code} and made {sorted(made)}")
        for schema in made:
            psql(f"SET client_min_messages = error; DROP SCHEMA {quoted(schema)} CASCADE")
        return code, said


def mutated(text):
    """A text with hostile bytes in it, cut, doubled or swapped."""
    data = bytearray(text)
    for _ in range(RANDOM.choice([1, 1, 1, 2, 5])):
        at = RANDOM.randrange(len(data) + 1)
        if RANDOM.random() < 0.3:
            # At the start of a line, where psql looks for meta-commands.
            at = data.rfind(b"\n", 0, at) + 1
        to = min(len(data), at + RANDOM.choice([0, 0, 1, 10, 1000]))
        match RANDOM.randrange(6):
            case 0:
                del data[at:to]
            case 1:
                data[at:at] = data[at:to]
            case 2:
                del data[at:]
            case _:
                data[at:to] = RANDOM.choice(HOSTILE)
    return bytes(data)


def attack_snapshot():
    text = mutated(SNAPSHOT)
    (WORK / "hostile.sql").write_bytes(text)
    Attack("snapshot", text).provision("victim", "victim", "--snapshot", "hostile.sql")


def attack_dump():
    text = mutated(DUMP)
    (WORK / "dump.sql").write_bytes(text)
    before = schemas()
    attack = Attack("dump", text)
    attack.run("capture", "--schema", "tenant_demo", "--from", "dump.sql", "-o", "captured.sql")
    if schemas() != before:
        attack.wrong(f"made {schemas() - before}")
    (WORK / "captured.sql").unlink(missing_ok=True)


def attack_name():
    name = RANDOM.choice(NAMES) if RANDOM.random() < 0.6 else "".join(RANDOM.choice(NAMES)[:3] for _ in range(RANDOM.randrange(1, 12)))
    attack = Attack("name", name)
    taken = schemas()
    if RANDOM.random() < 0.5:
        code, _ = attack.provision(name, "--snapshot", "small.sql", "--", name)
    else:
        # A file has bytes that no argument can have.
        line = name.encode() if RANDOM.random() < 0.7 else mutated(name.encode() or b"x")
        attack.what = line
        before = schemas()
        code, _ = attack.run("provision", "--snapshot", "small.sql", "--from-file", "-", stdin=line + b"\n")
        for schema in schemas() - before:
            if schema.encode() not in line:
                attack.wrong(f"made {schema!r}, which is not in the list")
            psql(f"SET client_min_messages = error; DROP SCHEMA {quoted(schema)} CASCADE")
    if code == 0 and name in taken and attack.what == name:
        attack.wrong("a schema that was there is taken for a new tenant")


def attack_migration():
    directory = WORK / "migrations"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    text = mutated(b"CREATE TABLE #{prefix}.added (a int);\nINSERT INTO #{prefix}.added VALUES (1), (2);\n")
    named = RANDOM.choice(["20300101000000_x.sql", "1.sql", "20300101000000_\u202e.sql", "20300101000000_'.sql", "-x.sql"])
    (directory / named).write_bytes(text)
    attack = Attack("migration", text)
    versions = "SELECT string_agg(version, ',' ORDER BY version) FROM migrated.schema_migrations"
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'migrated'"
    before = psql(versions), psql(tables)
    code, _ = attack.run("migrate", "migrated", "--migrations", "migrations")
    after = psql(versions), psql(tables)
    if code not in (0, None) and after != before:
        attack.wrong(f"ended with {code} and left versions and tables {after} instead of {before}")
    if code == 0 and after[0] == before[0] and after[1] != before[1]:
        attack.wrong(f"changed tables without a version: {after} instead of {before}")
    if after != before:
        psql("SET client_min_messages = error; DROP SCHEMA migrated CASCADE")
        make_tenant("migrated")


def attack_file():
    path = WORK / "blocked.sql"
    path.unlink(missing_ok=True) if not path.is_dir() else shutil.rmtree(path)
    what = RANDOM.choice(["fifo", "directory", "dangling link", "loop", "zeros", "unreadable", "empty", "itself", "deep"])
    match what:
        case "fifo":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case "dangling link":
            path.symlink_to("nowhere")
        case "loop":
            path.symlink_to(path.name)
        case "zeros":
            path.symlink_to("/dev/zero")
        case "unreadable":
            path.symlink_to("/proc/self/mem")
        case "empty":
            path.write_bytes(b"")
        case "itself":
            path.symlink_to(BINARY)
        case "deep":
            path.symlink_to("a/" * 2000)
    attack = Attack("file", what)
    commands = [
        ("provision", "victim", "--snapshot", path.name),
        ("provision", "--from-file", path.name, "--snapshot", "small.sql"),
        ("capture", "--schema", "tenant_demo", "--from", path.name),
        ("migrate", "migrated", "--migrations", path.name),
        ("provision", "victim", "--snapshot", "small.sql", "--targets", path.name),
        ("verify", "migrated", "--snapshot", path.name),
    ]
    # Any line of a program may be a name; that it makes tenants of these is right.
    command = RANDOM.choice([command for command in commands if (what, command[1]) != ("itself", "--from-file")])
    attack.what = f"{what}: {' '.join(command)}"
    before = schemas()
    attack.run(*command, "--timeout", "5", seconds=20)
    if schemas() != before:
        attack.wrong(f"made {schemas() - before}")


def attack_directory():
    """Somebody else swaps the private directory, or files in it, while a run goes on."""
    attack = Attack("directory", "")
    stop = threading.Event()
    elsewhere = WORK / "elsewhere"
    shutil.rmtree(elsewhere, ignore_errors=True)
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("kept")
    attack.what = RANDOM.choice(["link", "removed", "renamed", "files"])
    moved = WORK / "moved"

    def swap():
        while not stop.is_set():
            for path in [path for path in map(TMP.joinpath, os.listdir(TMP)) if path.name.startswith(".schemastamp")]:
                try:
                    match attack.what:
                        case "link":
                            path.rename(moved / path.name)
                            path.symlink_to(elsewhere)
                        case "removed":
                            shutil.rmtree(path)
                        case "renamed":
                            path.rename(moved / path.name)
                        case "files":
                            for file in path.iterdir():
                                file.unlink()
                                file.write_bytes(b"\\! touch " + bytes(OWNED) + b"\n")
                    stop.wait(RANDOM.random() * 0.1)
                except OSError:
                    pass

    shutil.rmtree(moved, ignore_errors=True)
    moved.mkdir()
    before = schemas()
    shutil.rmtree(TMP, ignore_errors=True)
    TMP.mkdir()
    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        done = subprocess.run(
            [BINARY, "provision", "victim", "--snapshot", "small.sql"], capture_output=True, timeout=30, env={**os.environ, "TMPDIR": str(TMP)}
        )
        counts["directory"][done.returncode] += 1
        if done.returncode not in EXIT_CODES or b"panicked" in done.stderr:
            attack.wrong(f"exit code {done.returncode}: {show(done.stderr)}")
        made = schemas() - before
        if (done.returncode == 0) != (made == {"victim"}):
            attack.wrong(f"ended with {done.returncode} and made {made}: {show(done.stderr)}")
    except subprocess.TimeoutExpired:
        attack.wrong("no end after 30 s")
    finally:
        stop.set()
        swapper.join()
    if OWNED.exists():
        # Whoever may write the user's own private directory is that user; this counts and is no failure.
        counts["directory"]["own user's program"] += 1
        OWNED.unlink()
    if not (elsewhere / "kept").exists():
        attack.wrong("a link was followed, and files of another directory were removed")
    psql("SET client_min_messages = error; DROP SCHEMA IF EXISTS victim CASCADE")


def attack_client():
    """A psql or pg_dump that is not what it should be."""
    what, script = RANDOM.choice([
        ("garbage", "head -c 100000 /dev/urandom"),
        ("endless", "yes"),
        ("endless errors", "yes >&2"),
        ("empty", "exit 0"),
        ("dies", "kill -9 $$"),
        ("version only", 'case "$*" in *version*) echo "psql (PostgreSQL) 15.18" ;; *) exit 3 ;; esac'),
        ("future", 'echo "psql (PostgreSQL) 99.1"'),
        ("controls", "printf '\\033[2J\\007\\000' >&2; exit 2"),
        ("half", f'{BIN}/psql "$@" | head -c 20'),
    ])
    program = WORK / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    flag = RANDOM.choice(["--psql", "--pg-dump"])
    attack = Attack("client", f"{flag}: {what}")
    before = schemas()
    if flag == "--psql":
        code, _ = attack.run("provision", "victim", "--snapshot", "small.sql", flag, str(program), "--timeout", "5")
    else:
        code, _ = attack.run("capture", "--schema", "small", flag, str(program), "--timeout", "5")
    # A program that claims success is believed, and one that was cut off may have done its work.
    if code == 0 and what not in ("future", "half"):
        attack.wrong("ended with 0")
    for schema in schemas() - before:
        psql(f"SET client_min_messages = error; DROP SCHEMA {quoted(schema)} CASCADE")


def make_tenant(name):
    subprocess.run([BINARY, "--quiet", "provision", name, "--snapshot", "small.sql"], check=True)


CLASSES = {
    "snapshot": attack_snapshot,
    "dump": attack_dump,
    "name": attack_name,
    "migration": attack_migration,
    "file": attack_file,
    "directory": attack_directory,
    "client": attack_client,
}


def finish():
    print(f"\nseed {SEED}\n\n| class | inputs | accepted | refused, by exit code | wrong |\n|---|---:|---:|---|---:|")
    for kind, count in counts.items():
        wrong = count.pop("WRONG", 0)
        refused = ", ".join(f"{code}: {number}" for code, number in sorted(count.items(), key=str) if code != 0)
        print(f"| {kind} | {sum(count.values())} | {count[0]} | {refused} | {wrong} |")
    for failure in failures:
        print(f"\n{failure}")
    return 1 if failures else 0


seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 600
chosen = sys.argv[2:] or list(CLASSES)
TMP.mkdir(exist_ok=True)
psql(
    "CREATE SCHEMA canary; CREATE TABLE canary.kept (a) AS SELECT 1; CREATE SCHEMA small;"
    " CREATE TABLE small.users (id int PRIMARY KEY, name text DEFAULT 'x'); CREATE VIEW small.v AS SELECT name FROM small.users;"
    " CREATE TABLE small.schema_migrations (version varchar PRIMARY KEY); INSERT INTO small.schema_migrations VALUES ('20200101000000');"
    " CREATE FUNCTION small.f() RETURNS int LANGUAGE sql AS $$ SELECT count(*)::int FROM small.users $$;"
)
subprocess.run([BINARY, "--quiet", "capture", "--schema", "small", "-o", "small.sql"], check=True)
make_tenant("migrated")
SNAPSHOT = (WORK / "small.sql").read_bytes()
DUMP = subprocess.run(
    [f"{BIN}/pg_dump", "--schema=tenant_demo", "--schema-only"], check=True, capture_output=True
).stdout
CANARY = untouched()
end = time.monotonic() + seconds
for index, kind in enumerate(chosen):
    # What is left of the time is shared among the classes that are left.
    until = time.monotonic() + max(0, end - time.monotonic()) / (len(chosen) - index)
    while time.monotonic() < until:
        CLASSES[kind]()
    print(f"{kind}: {sum(number for code, number in counts[kind].items() if code != 'WRONG')} inputs", flush=True)
sys.exit(finish())
