//! The completions, tried in the shells.

use std::path::Path;

use crate::support::Schemastamp;

/// What a shell offers for a line, one word per line.
fn offered(shell: &str, driver: &str, line: &str) -> Vec<String> {
    let world = Schemastamp::new();
    let script = world.run(&["completions", shell]).succeeds().stdout;
    world.write("script", script);
    world.write("snapshot.sql", "");
    std::fs::create_dir(world.path("migrations")).unwrap();
    world.write("driver", driver);
    let no_settings = match shell {
        "fish" => "--no-config",
        "zsh" => "-f",
        _ => "--norc",
    };
    let child = world
        .command_of(
            Path::new("/usr/bin/timeout"),
            &["60", shell, no_settings, "driver", line],
        )
        .env("TERM", "dumb")
        .spawn()
        .unwrap();
    let output = world.finish(child);
    assert_eq!(
        output.code,
        Some(0),
        "{shell} (from scripts/install/packages): {output}"
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
COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$1 COMP_POINT=${#1} COMPREPLY=() files=false
_schemastamp schemastamp "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
if $files; then ls; fi
"#;

const FISH: &str = "source script\ncomplete -C $argv[1] | string replace -r '\\t.*' ''\ntrue\n";

/// Types the line in a zsh at a terminal, which also writes its matches into a file.
const ZSH: &str = r#"
zmodload zsh/zpty
mkdir functions && mv script functions/_schemastamp
cat >setup <<'END'
PROMPT=
setopt no_beep
fpath=($PWD/functions $fpath)
autoload -Uz compinit && compinit -u -D
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

const SHELLS: [(&str, &str); 3] = [("bash", BASH), ("fish", FISH), ("zsh", ZSH)];

#[test]
fn commands_values_and_files_are_completed() {
    for (shell, driver) in SHELLS {
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
            let words = offered(shell, driver, line);
            let has = |word: &str| words.iter().any(|found| found == word);
            assert!(has(wanted), "{shell}, '{line}': {words:?}");
            assert!(!has(unwanted), "{shell}, '{line}': {words:?}");
        }
    }
}

#[test]
fn a_tenant_is_no_file() {
    for (shell, driver) in SHELLS {
        let words = offered(shell, driver, "schemastamp verify ");
        assert!(words.is_empty(), "{shell}: {words:?}");
    }
}
