//! The completions that a shell has without asking the program: commands, options, values and files.

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, Command, CommandFactory as _, ValueHint};
use clap_complete::Shell;

use super::arguments::{Arguments, CompletionShell};
use crate::config::SSL_MODES;
use crate::text::swriteln;

/// The beginning of a line of clap's script that lists the words for a command.
const BASH_LIST: &str = "            opts=\"";

/// Lines for bash to run before it completes a word: options are offered for a word that begins with a hyphen, and commands for
/// others. clap's script offers all words, names of arguments too.
const BASH_WORDS: &str = r#"            if [[ ${cur} != -* ]]; then
                local word words
                read -ra words <<<"${opts}"
                opts=""
                for word in "${words[@]}"; do
                    case ${word} in
                        -* | "["* | "<"*) ;;
                        *) opts+="${word} " ;;
                    esac
                done
            fi
"#;

/// Returns the completions for a shell.
pub(super) fn script(shell: CompletionShell) -> String {
    match shell {
        CompletionShell::Bash => bash(&generate(Shell::Bash)),
        // elvish takes a bare question mark for a wildcard.
        CompletionShell::Elvish => generate(Shell::Elvish).replace("cand -? ", "cand '-?' "),
        CompletionShell::Fish => fish(&generate(Shell::Fish)),
        CompletionShell::Nushell => generate(clap_complete_nushell::Nushell),
        CompletionShell::PowerShell => generate(Shell::PowerShell),
        CompletionShell::Zsh => generate(Shell::Zsh),
    }
}

fn generate(shell: impl clap_complete::Generator) -> String {
    let mut text = Vec::new();
    clap_complete::generate(
        shell,
        &mut described(Arguments::command()),
        "schemastamp",
        &mut text,
    );
    String::from_utf8_lossy(&text).into_owned()
}

fn bash(script: &str) -> String {
    // Where the script knows no word, nothing is offered: a tenant is no file.
    let script = script.replace(" -o bashdefault -o default schemastamp", " schemastamp");
    let mut text = String::with_capacity(script.len() * 2);
    for line in script.split_inclusive('\n') {
        text.push_str(line);
        if line.starts_with(BASH_LIST) {
            text.push_str(BASH_WORDS);
        }
        if line.trim_end().ends_with("__minify)") {
            // Its argument is a file.
            text.push_str(
                "            [[ ${COMP_CWORD} -ne 2 ]] || compopt -o default 2>/dev/null\n",
            );
        }
    }
    text
}

fn fish(script: &str) -> String {
    // fish before 4.0 takes a bare question mark for a wildcard, and `argparse` refuses it as an option.
    let mut text = script
        .replace(" ?/help", " help")
        .replace("-s ? ", "-s '?' ");
    // Words that are no options are files for fish, unless it is told otherwise. clap's script says nothing of them.
    swriteln!(text, "complete -c schemastamp -f");
    for command in described(Arguments::command()).get_subcommands() {
        for argument in command.get_positionals() {
            let values = argument.get_possible_values();
            let values: Vec<&str> = values.iter().map(PossibleValue::get_name).collect();
            let offer = match argument.get_value_hint() {
                ValueHint::FilePath => "-F".to_owned(),
                _ if values.is_empty() => continue,
                _ => format!("-a '{}'", values.join(" ")),
            };
            let name = command.get_name();
            swriteln!(
                text,
                "complete -c schemastamp -n \"__fish_schemastamp_using_subcommand {name}\" {offer}"
            );
        }
    }
    text
}

fn command_names(command: &Command) -> Vec<String> {
    let commands = command.get_subcommands();
    commands
        .map(|command| command.get_name().to_owned())
        .collect()
}

/// The commands with what a shell can offer for each value.
pub(super) fn described(command: Command) -> Command {
    let names = command_names(&command);
    command
        .mut_args(with_hint)
        .mut_subcommands(described)
        .mut_subcommands(|command| match command.get_name() {
            "man" => {
                let names = names.clone();
                command.mut_arg("command", |argument| {
                    argument.value_parser(PossibleValuesParser::new(names))
                })
            }
            _ => command,
        })
}

/// An argument with the kind of its value, which the name of the value says.
fn with_hint(argument: Arg) -> Arg {
    if argument.get_id() == "sslmode" {
        // The configuration checks the mode, not clap.
        return argument.value_parser(PossibleValuesParser::new(SSL_MODES));
    }
    if !argument.get_action().takes_values() {
        return argument;
    }
    let names = argument.get_value_names().unwrap_or_default();
    let hint = match names.first().map_or("", |name| name.as_str()) {
        "FILE" | "NAMES" | "DUMP.sql" => ValueHint::FilePath,
        "DIR" => ValueHint::DirPath,
        "PROGRAM" => ValueHint::ExecutablePath,
        "CMD" | "COMMAND" => ValueHint::CommandString,
        "HOST" => ValueHint::Hostname,
        "ROLE" => ValueHint::Username,
        "" => return argument,
        // Names of tenants, tables and others: no files.
        _ => ValueHint::Other,
    };
    argument.value_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_value_has_its_completion() {
        let zsh = script(CompletionShell::Zsh);
        for part in [
            "[Read SQL migrations from the directory DIR",
            ":FILE:_files",
            ":DIR:_files -/",
            "verify-full",
        ] {
            assert!(zsh.contains(part), "{part}: {zsh}");
        }
        let nushell = script(CompletionShell::Nushell);
        assert!(
            nushell.contains("export extern \"schemastamp pool fill\""),
            "{nushell}"
        );
    }

    #[test]
    fn no_argument_is_completed_with_the_name_of_a_value() {
        let bash = script(CompletionShell::Bash);
        let is_list = |line: &&str| line.starts_with(BASH_LIST);
        let lists = bash.lines().filter(is_list).count();
        let filters = bash.matches("opts+=").count();
        assert!(
            lists > 20 && filters == lists,
            "{lists} lists, {filters} filters"
        );
    }
}
