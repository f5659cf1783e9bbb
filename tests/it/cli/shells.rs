//! The completions, tried in the shells.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::{Client, Cluster, Schemastamp};

/// Returns what a shell offers for a line, one word per line.
fn offered(shell: &Shell, line: &str) -> Vec<String> {
    let world = Schemastamp::new();
    let script = world.run(&["completions", shell.name]).succeeds().stdout;
    world.write("script", script);
    world.write("snapshot.sql", "");
    std::fs::create_dir(world.path("migrations")).unwrap();
    complete(&world, shell, line)
}

/// Runs the driver of a shell, which loads the file `script`, in a world.
fn complete(world: &Schemastamp, shell: &Shell, line: &str) -> Vec<String> {
    world.write("driver", shell.driver);
    let arguments = ["60", shell.name, shell.no_settings, "driver", line];
    let child = world
        .command_of(Path::new("/usr/bin/timeout"), &arguments)
        .env("TERM", "dumb")
        .spawn()
        .unwrap();
    let output = world.finish(child);
    assert_eq!(
        output.code,
        Some(0),
        "{} (from scripts/install/packages): {output}",
        shell.name
    );
    let words = output.stdout.lines().filter(|word| !word.trim().is_empty());
    words.map(|word| word.trim().to_owned()).collect()
}

/// Sets what bash sets, and calls the function that the script registers.
const BASH: &str = r#"
. ./script
compopt() { [[ $* != *default* ]] || files=true; }
read -ra COMP_WORDS <<<"$1"
[[ $1 != *" " ]] || COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMPREPLY=() files=false
function=$(complete -p schemastamp | sed 's/.* -F \([^ ]*\) .*/\1/')
"$function" schemastamp "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
if $files; then ls; fi
"#;

const FISH: &str = "source script\ncomplete -C $argv[1] | string replace -r '\\t.*' ''\ntrue\n";

/// Types the line in a zsh at a terminal, which also writes its matches into a file.
const ZSH: &str = r#"
zmodload zsh/zpty
if grep -q '^#compdef' script && ! grep -q '^compdef .*_dynamic' script; then
  mkdir functions && mv script functions/_schemastamp
fi
cat >setup <<'END'
PROMPT=
setopt no_beep
fpath=($PWD/functions $fpath)
autoload -Uz compinit && compinit -u -D
if [[ -e script ]]; then . ./script; fi
bindkey '^I' complete-word
comppostfuncs=(done_completing)
done_completing() { print >finished }
compadd() {
  if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
    typeset -a found
    builtin compadd -A found "$@"
    print -rl -- $found >>found
  fi
  builtin compadd "$@"
}
print >ready
END
wait_for() { integer n=0; while [[ ! -e $1 ]] && ((n++ < 100)); do zpty -rt shell output || sleep 0.05; done; }
zpty -b shell zsh -f -i
zpty -w shell '. ./setup'
wait_for ready
zpty -w -n shell "$1"$'\t'
wait_for finished
zpty -d shell
if [[ -e found ]]; then sort -u found; fi
"#;

/// Stands in for elvish's editor, which only an interactive elvish has, and which filters what the script offers.
const ELVISH: &str = r"
use str
var completion: = (ns [&arg-completer=[&]])
var candidate~ = {|stem &display='' &code-suffix='' &display-suffix=''| put $stem }
var edit: = (ns [&completion:=$completion: &complex-candidate~=$candidate~])
eval &ns=(ns [&edit:=$edit:]) (slurp < script)
var words = [(str:split ' ' $args[0])]
for word [($edit:completion:arg-completer[schemastamp] $@words)] {
    if (str:has-prefix $word $words[-1]) { echo $word }
}
";

/// A shell, how it runs without the user's settings, and what types a line in it.
struct Shell {
    name: &'static str,
    no_settings: &'static str,
    driver: &'static str,
}

const BASH_SHELL: Shell = Shell {
    name: "bash",
    no_settings: "--norc",
    driver: BASH,
};
const FISH_SHELL: Shell = Shell {
    name: "fish",
    no_settings: "--no-config",
    driver: FISH,
};
const ZSH_SHELL: Shell = Shell {
    name: "zsh",
    no_settings: "-f",
    driver: ZSH,
};
const ELVISH_SHELL: Shell = Shell {
    name: "elvish",
    no_settings: "-norc",
    driver: ELVISH,
};

#[test]
fn commands_values_and_files_are_completed() {
    for shell in [BASH_SHELL, FISH_SHELL, ZSH_SHELL] {
        for (line, wanted, unwanted) in [
            ("schemastamp ", "provision", "--sslmode"),
            ("schemastamp pro", "provision", "migrate"),
            ("schemastamp pool ", "fill", "provision"),
            (
                "schemastamp status --sslmode ver",
                "verify-full",
                "snapshot.sql",
            ),
            (
                "schemastamp provision --if-exists ",
                "resume",
                "snapshot.sql",
            ),
            ("schemastamp status --ver", "--versions-table", "--jobs"),
            ("schemastamp man ", "provision", "snapshot.sql"),
            ("schemastamp completions ", "nushell", "snapshot.sql"),
            ("schemastamp capture --from s", "snapshot.sql", "capture"),
            ("schemastamp minify s", "snapshot.sql", "--output"),
        ] {
            check(&shell, line, &offered(&shell, line), wanted, unwanted);
        }
    }
}

fn check(shell: &Shell, line: &str, words: &[String], wanted: &str, unwanted: &str) {
    let has = |word: &str| words.iter().any(|found| found == word);
    assert!(has(wanted), "{}, '{line}': {words:?}", shell.name);
    assert!(!has(unwanted), "{}, '{line}': {words:?}", shell.name);
}

/// clap has no values for elvish.
#[test]
fn elvish_completes_commands_and_options() {
    for (line, wanted, unwanted) in [
        ("schemastamp pro", "provision", "migrate"),
        ("schemastamp pool f", "fill", "provision"),
        ("schemastamp status --ver", "--versions-table", "--jobs"),
        ("schemastamp verify -", "-?", "--seed"),
    ] {
        let words = offered(&ELVISH_SHELL, line);
        check(&ELVISH_SHELL, line, &words, wanted, unwanted);
    }
}

#[test]
fn a_tenant_is_no_file() {
    for shell in [BASH_SHELL, FISH_SHELL, ZSH_SHELL] {
        let words = offered(&shell, "schemastamp verify ");
        assert!(words.is_empty(), "{}: {words:?}", shell.name);
    }
}

const TENANTS: &str = "
    CREATE SCHEMA acme; CREATE TABLE acme.schema_migrations (version varchar NOT NULL PRIMARY KEY);
    CREATE SCHEMA acid; CREATE TABLE acid.schema_migrations (version varchar NOT NULL PRIMARY KEY);
    CREATE SCHEMA globex; CREATE TABLE globex.schema_migrations (version varchar NOT NULL PRIMARY KEY);
    CREATE SCHEMA accounting;
    CREATE SCHEMA \"ac$(touch pwned)\";
    CREATE TABLE \"ac$(touch pwned)\".schema_migrations (version varchar NOT NULL PRIMARY KEY);";

/// Completes a line with the script that asks the program, which is in the `PATH`.
fn asked(world: Schemastamp, shell: &Shell, line: &str) -> (Vec<String>, Schemastamp) {
    let script = world.run(&["completions", shell.name, "--tenants"]);
    world.write("script", script.succeeds().stdout);
    let path = world.path("bin");
    std::fs::create_dir(&path).unwrap();
    let binary = env!("CARGO_BIN_EXE_schemastamp");
    std::os::unix::fs::symlink(binary, path.join("schemastamp")).unwrap();
    let mut path = path.into_os_string();
    for directory in [Client::installed().bin.as_path(), "/usr/bin:/bin".as_ref()] {
        path.push(":");
        path.push(directory);
    }
    let world = world.env("PATH", path);
    let words = complete(&world, shell, line);
    assert_eq!(world.leftovers(), [] as [&Path; 0], "{}", shell.name);
    (words, world)
}

#[test]
fn names_of_tenants_are_completed_from_the_database() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    database.sql(TENANTS);
    let url = database.url();
    for shell in [BASH_SHELL, FISH_SHELL, ZSH_SHELL, ELVISH_SHELL] {
        for (line, expected) in [
            ("schemastamp verify a", &["acid", "acme"][..]),
            ("schemastamp query --jobs 2 acme a", &["acid"]),
            ("schemastamp rename g", &["globex"]),
            ("schemastamp capture --schema a", &["acid", "acme"]),
            ("schemastamp provision a", &[]),
            ("schemastamp po", &["pool"]),
            ("schemastamp status --sslmode verify-f", &["verify-full"]),
        ] {
            let (mut words, world) = asked(Schemastamp::on(&database), &shell, line);
            words.sort();
            assert_eq!(words, expected, "{}, '{line}'", shell.name);
            assert!(!world.path("pwned").exists(), "{}", shell.name);
        }
        let line = format!("schemastamp -d {url} drop g");
        let (words, _) = asked(Schemastamp::new(), &shell, &line);
        assert_eq!(words, ["globex"], "{}, with a URL", shell.name);
    }
}

#[test]
fn names_of_tenants_and_targets_are_completed_from_a_file_of_targets() {
    let cluster = Cluster::shared();
    let (one, other) = (cluster.database(), cluster.database());
    one.sql(TENANTS);
    other.sql("CREATE SCHEMA acorn; CREATE TABLE acorn.schema_migrations (version varchar NOT NULL PRIMARY KEY);");
    let file = format!(
        "[[target]]\nname = \"eu\"\nurl = \"{}\"\n[[target]]\nname = \"us\"\nurl = \"{}\"\n[[target]]\nname = \"gone\"\nurl = \"postgres://127.0.0.1:1/x\"\n",
        one.url(),
        other.url()
    );
    for (line, expected) in [
        (
            "schemastamp verify --targets fleet.toml a",
            &["acid", "acme", "acorn"][..],
        ),
        (
            "schemastamp verify --targets fleet.toml --target us a",
            &["acorn"],
        ),
        (
            "schemastamp verify --targets fleet.toml --target ",
            &["eu", "gone", "us"],
        ),
        ("schemastamp status a", &["acid", "acme", "acorn"]),
        ("schemastamp rename a", &[]),
        ("schemastamp rename --target us a", &["acorn"]),
    ] {
        let world = Schemastamp::new();
        world.write("fleet.toml", &file);
        world.write("schemastamp.toml", "targets = \"fleet.toml\"\n");
        let (mut words, _) = asked(world, &BASH_SHELL, line);
        words.sort();
        assert_eq!(words, expected, "'{line}'");
    }
}

/// A server that takes connections and never answers, one that is not there, a password that only a command knows, a psql that is not
/// there: nothing is offered, nothing is printed, and nobody waits.
#[test]
fn a_tab_is_quick_and_silent_where_names_cannot_be_had() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let on = |port: &str| {
        Schemastamp::new()
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", port)
            .env("PGUSER", "nobody")
    };
    for (what, world) in [
        ("no answer", on(&port)),
        ("no server", on("1")),
        (
            "no psql",
            on(&port).env("SCHEMASTAMP_PSQL", "/nonexistent/psql"),
        ),
        ("a malformed setting", on("port")),
        (
            "a command for the password",
            on("1").env("SCHEMASTAMP_PASSWORD_COMMAND", "touch asked"),
        ),
    ] {
        let start = Instant::now();
        let world = world.env("_SCHEMASTAMP_COMPLETE", "fish");
        let output = world.run(&["--", "schemastamp", "verify", "a"]);
        assert!(start.elapsed() < Duration::from_secs(4), "{what}: {output}");
        assert_eq!(output.code, Some(0), "{what}: {output}");
        assert_eq!(output.stderr, "", "{what}");
        assert_eq!(output.stdout, "", "{what}");
        assert!(!world.path("asked").exists(), "{what}");
        assert_eq!(world.leftovers(), [] as [&Path; 0], "{what}");
    }
}

#[test]
fn a_shell_that_cannot_ask_has_a_hint() {
    let output = Schemastamp::new().run(&["completions", "nushell", "--tenants"]);
    assert_eq!(output.code, Some(2), "{output}");
    assert!(
        output.stderr.contains("leave it out for nushell"),
        "{output}"
    );
}
