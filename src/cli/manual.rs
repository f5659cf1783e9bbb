//! Manual pages: `clap_mangen`'s names, descriptions and options, with the sections that a reader of manuals expects.

use std::io;

use clap::Command;
use clap_mangen::Man;

use crate::text::swrite;

/// The variables that matter to all commands; docs/configuration.md has every one.
const ENVIRONMENT: &[(&str, &str)] = &[
    (
        "DATABASE_URL",
        "Connection string of the database. SCHEMASTAMP_DATABASE_URL stands in for it.",
    ),
    (
        "PGHOST, PGPORT, PGUSER, PGDATABASE, PGPASSWORD, PGSSLMODE, …",
        "The variables of libpq, which flags, SCHEMASTAMP_* variables and connection strings override.",
    ),
    ("SCHEMASTAMP_SNAPSHOT", "The snapshot file, as --snapshot."),
    (
        "SCHEMASTAMP_PSQL, SCHEMASTAMP_PG_DUMP",
        "The programs to run, as --psql and --pg-dump.",
    ),
    (
        "SCHEMASTAMP_TIMEOUT",
        "The limit for one tenant in seconds, as --timeout.",
    ),
    (
        "SCHEMASTAMP_HOST, SCHEMASTAMP_SSLMODE, …",
        "Any keyword of libpq in upper case.",
    ),
    ("TMPDIR", "The directory for private files of a run."),
    ("NO_COLOR", "No colours, as --color never."),
];

/// The files that commands read without being given their names.
const FILES: &[(&str, &str)] = &[
    (
        "snapshots/*.sql",
        "The snapshot, where it is the only such file and none is named.",
    ),
    (
        "~/.pgpass",
        "Passwords, as in libpq. PGPASSFILE names another file.",
    ),
    (
        "~/.pg_service.conf",
        "Services, as in libpq. PGSERVICEFILE names another file.",
    ),
];

/// Preamble of the roff crate: an apostrophe that groff shows as one.
const APOSTROPHE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

/// A command's text for the end of its help, in parts: the lines beneath `Examples:`, `Exit codes:` and the rest.
#[derive(Debug, Default, PartialEq, Eq)]
struct AfterHelp {
    examples: String,
    exit_codes: String,
    notes: String,
}

impl AfterHelp {
    fn parse(command: &Command) -> Self {
        let text = command
            .get_after_long_help()
            .or_else(|| command.get_after_help())
            .map(ToString::to_string)
            .unwrap_or_default();
        let mut parts = Self::default();
        let mut title = String::new();
        for line in text.lines() {
            if !line.starts_with(' ') && !line.is_empty() {
                line.trim_end_matches(':').clone_into(&mut title);
                if matches!(title.as_str(), "Examples" | "Exit codes") {
                    continue;
                }
            }
            let part = match title.as_str() {
                "Examples" => &mut parts.examples,
                "Exit codes" => &mut parts.exit_codes,
                _ => &mut parts.notes,
            };
            part.push_str(line.strip_prefix("  ").unwrap_or(line));
            part.push('\n');
        }
        parts
    }
}

/// The manual page of a command, which `build` has completed. `program` is the command that it belongs to.
pub(super) fn page(command: &Command, program: &Command) -> io::Result<Vec<u8>> {
    let mut command = command.clone();
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim().to_owned();
    let command = command.override_usage(usage);
    let own = AfterHelp::parse(&command);
    let general = AfterHelp::parse(program);
    let name = command.get_display_name().unwrap_or_default().to_owned();

    let version = concat!("schemastamp ", env!("CARGO_PKG_VERSION"));
    let page = Man::new(command.clone())
        .source(version)
        .manual("schemastamp manual");
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    if command.get_subcommands().next().is_some() {
        page.render_subcommands_section(&mut text)?;
    }
    page.render_options_section(&mut text)?;
    let mut rest = String::new();
    as_is(&mut rest, "EXAMPLES", &own.examples);
    definitions(&mut rest, "ENVIRONMENT", ENVIRONMENT);
    definitions(&mut rest, "FILES", FILES);
    as_is(&mut rest, "EXIT STATUS", &general.exit_codes);
    as_is(&mut rest, "NOTES", &own.notes);
    let see_also = match name.rsplit_once('-') {
        None => "psql(1), pg_dump(1)".to_owned(),
        Some((parent, _)) => format!("{parent}(1), psql(1), pg_dump(1)"),
    };
    as_is(&mut rest, "SEE ALSO", &see_also);
    // Each section comes with the definition of the apostrophe; once is enough.
    let text = String::from_utf8_lossy(&text).replace(APOSTROPHE, "");
    Ok([APOSTROPHE, &text, &rest].concat().into_bytes())
}

/// A section of lines that are not filled; none without lines.
fn as_is(page: &mut String, title: &str, lines: &str) {
    let lines = lines.trim_matches('\n');
    if lines.is_empty() {
        return;
    }
    swrite!(*page, ".SH \"{title}\"\n.nf\n");
    for line in lines.lines() {
        page.push_str(&escape(line));
        page.push('\n');
    }
    page.push_str(".fi\n");
}

/// A section of terms with their explanations.
fn definitions(page: &mut String, title: &str, terms: &[(&str, &str)]) {
    swrite!(*page, ".SH {title}\n");
    for (term, meaning) in terms {
        swrite!(
            *page,
            ".TP\n\\fB{}\\fR\n{}\n",
            escape(term),
            escape(meaning)
        );
    }
}

/// A line of text for roff: nothing in it is a request or an escape, and hyphens can be copied.
fn escape(line: &str) -> String {
    let text = line
        .replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('…', "...");
    match text.chars().next() {
        Some('.' | '\'') => format!("\\&{text}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_help_is_split_by_its_titles() {
        let command = Command::new("x").after_help(
            "Examples:\n  x a\n  x b\n\nExit codes:\n  0  done\n\nA value comes from a flag.",
        );
        let parts = AfterHelp::parse(&command);
        assert_eq!(parts.examples, "x a\nx b\n\n");
        assert_eq!(parts.exit_codes, "0  done\n\n");
        assert_eq!(parts.notes, "A value comes from a flag.\n");
    }

    #[test]
    fn no_line_is_a_request() {
        assert_eq!(escape(".\\x -h"), "\\&.\\ex \\-h");
    }
}
