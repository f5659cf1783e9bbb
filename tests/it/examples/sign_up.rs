use super::language::Language;
use crate::provision::{Held, wait_until_blocked};
use crate::support::Cluster;

/// Each name has its own answer, in the order in which the names were given.
fn names_are_answered(language: Language) {
    let database = Cluster::shared().database();
    let world = Language::world(&database);
    database.sql("CREATE SCHEMA taken");
    let output = language.run(
        &world,
        &["acme", "taken", "pg_home", "O'Neil \"& Söhne\" \\"],
    );
    let expected = "acme created\ntaken failed tenant.exists\npg_home failed tenant.name\nO'Neil \"& Söhne\" \\ created\n";
    // Not all of them were created.
    assert_eq!(
        (output.stdout.as_str(), output.code),
        (expected, Some(1)),
        "{output}"
    );
    let tables = "SELECT string_agg(schemaname, ',' ORDER BY schemaname) FROM pg_tables WHERE tablename = 't'";
    assert_eq!(database.query(tables), "O'Neil \"& Söhne\" \\,acme");
    assert!(world.leftovers().is_empty(), "{:?}", world.leftovers());
    // A name that cannot be a line is refused before it is sent.
    let output = language.run(&world, &["two\nlines"]);
    assert!(
        output.code == Some(1) && output.stderr.contains("is not a line with a name"),
        "{output}"
    );
}

/// One name waits, another is answered; the end waits for both.
fn names_do_not_wait_for_each_other(language: Language) {
    let database = Cluster::shared().database();
    let world = Language::world(&database);
    let held = Held::tenant(&database, "slow");
    let python = "slow = threading.Thread(target=ask, args=('slow',)); slow.start(); ask('fast'); sys.stdin.readline()\n\
        end = threading.Thread(target=ups.close); end.start(); say('closing'); end.join()\n\
        ended = ups._process is None; slow.join(); say('closed' if ended else 'not yet')";
    let elixir = "slow = Task.async(fn -> ask.(\"slow\") end); ask.(\"fast\"); IO.gets(\"\"); IO.puts(\"closing\")\n\
        GenServer.stop(ups); Task.await(slow); IO.puts(\"closed\")";
    let mut driven = language.drive(&world, python, elixir);
    assert_eq!(driven.line(), "fast created");
    wait_until_blocked(&database);
    driven.go_on();
    assert_eq!(driven.line(), "closing");
    held.release(&database);
    assert_eq!([driven.line(), driven.line()], ["slow created", "closed"]);
    driven.end();
    assert_eq!(
        database.query("SELECT count(*) FROM pg_tables WHERE tablename = 't'"),
        "2"
    );
}

/// Requests of a killed process are `unknown`. The next name starts a new process.
fn a_process_that_died_is_replaced(language: Language) {
    let database = Cluster::shared().database();
    let world = Language::world(&database);
    let held = Held::tenant(&database, "slow");
    let python = "ask('first')\nslow = threading.Thread(target=ask, args=('slow',)); slow.start(); sys.stdin.readline()\n\
        ups._process.kill(); slow.join(); ask('first'); ask('second'); ups.close()";
    let elixir = "ask.(\"first\"); slow = Task.async(fn -> ask.(\"slow\") end); IO.gets(\"\")\n\
        {:os_pid, pid} = Port.info(:sys.get_state(ups).port, :os_pid)\n\
        System.cmd(\"kill\", [\"-9\", \"#{pid}\"]); Task.await(slow); ask.(\"first\"); ask.(\"second\"); GenServer.stop(ups)";
    let mut driven = language.drive(&world, python, elixir);
    assert_eq!(driven.line(), "first created");
    wait_until_blocked(&database);
    driven.go_on();
    assert_eq!(
        [driven.line(), driven.line(), driven.line()],
        ["slow unknown", "first failed", "second created"]
    );
    driven.end();
    held.release(&database);
}

/// More names at once than the pipes hold: writing must not block reading.
#[test]
fn python_burst_does_not_block() {
    let database = Cluster::shared().database();
    let world = Language::world(&database);
    // Names that need no server. Their messages on stderr are ignored.
    let python = "ups.close()\n\
        ups = sign_up.SignUps(['sh', '-c', 'exec \"$@\" 2>/dev/null', 'sh', *sign_up.COMMAND])\n\
        answers, all_are_there = [], threading.Barrier(1500)\n\
        def add(number):\n    all_are_there.wait()\n    answers.append(ups.sign_up(f'pg_{number:0180}')['error']['id'])\n\
        asks = [threading.Thread(target=add, args=(number,)) for number in range(1500)]\n\
        for step in (threading.Thread.start, threading.Thread.join):\n    for ask in asks: step(ask)\n\
        ups.close(); say(f'{len(answers)} {set(answers)}')";
    let mut driven = Language::Python.drive(&world, python, "");
    assert_eq!(driven.line(), "1500 {'tenant.name'}");
    driven.end();
}

#[test]
fn python_names_are_answered() {
    names_are_answered(Language::Python);
}

#[test]
fn elixir_names_are_answered() {
    names_are_answered(Language::Elixir);
}

#[test]
fn python_names_do_not_wait_for_each_other() {
    names_do_not_wait_for_each_other(Language::Python);
}

#[test]
fn elixir_names_do_not_wait_for_each_other() {
    names_do_not_wait_for_each_other(Language::Elixir);
}

#[test]
fn python_dead_process_is_replaced() {
    a_process_that_died_is_replaced(Language::Python);
}

#[test]
fn elixir_dead_process_is_replaced() {
    a_process_that_died_is_replaced(Language::Elixir);
}
