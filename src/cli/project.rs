//! The settings of a project in the place of flags that were not given.

use std::path::PathBuf;

use super::arguments::{
    Command, OneTargetArguments, PoolCommand, TargetsArguments, TargetsCommand,
};
use super::failure::CommandError;
use super::output::Output;
use super::session::Session;
use crate::config::{FileChoice, Project, Setting};
use crate::text::safe;

/// Fills in what the command line leaves open.
pub(super) fn fill(
    command: &mut Command,
    session: &Session,
    project: &Project,
) -> Result<(), CommandError> {
    schema_and_seeds(command, project);
    if let (Some(table), Some(setting)) = (versions_table(command), &project.versions_table) {
        table.get_or_insert_with(|| setting.value.clone());
    }
    let fleet = project
        .targets
        .as_ref()
        .filter(|_| !session.common.connection().is_given())
        .map(|file| ProjectTargets {
            file,
            choice: project.choice,
            output: session.output,
        });
    // A pooler's configuration is about the targets and never about one connection.
    let variable = match command {
        Command::Targets(_) => None,
        _ => session.environment.connection_variable(),
    };
    if let Some(arguments) = targets(command) {
        fill_targets(arguments, fleet.as_ref(), variable.as_deref())?;
    }
    if let Some(arguments) = one_target(command) {
        fill_one_target(arguments, fleet.as_ref())?;
    }
    Ok(())
}

/// The targets file of a project.
struct ProjectTargets<'a> {
    file: &'a Setting<PathBuf>,
    choice: FileChoice,
    output: Output,
}

impl ProjectTargets<'_> {
    fn path(&self) -> String {
        safe(&self.file.value.display().to_string())
    }

    /// Says that a command works on other servers than those that its line names.
    fn say_used(&self) {
        self.say(&format!(
            "the servers are those of '{}' ({})",
            self.path(),
            self.file.origin
        ));
    }

    /// Returns why the targets are left out, and how to use them.
    fn unused(&self, variable: &str) -> String {
        format!(
            "the {} are not used because {variable} is set; for them, pass --targets '{}' or unset {variable}",
            self.file.origin,
            self.path()
        )
    }

    fn say(&self, text: &str) {
        if !self.output.is_json() {
            self.output.note(text);
        }
    }
}

fn schema_and_seeds(command: &mut Command, project: &Project) {
    let schema = project.schema.as_ref().map(|setting| setting.value.clone());
    match command {
        Command::Capture(arguments) => {
            let has_source = arguments.migrations.is_some() || arguments.run.is_some();
            if arguments.schema.is_none() && !has_source {
                arguments.schema = schema;
            }
            if let (Some(seeds), true) = (&project.seeds, arguments.seed.is_empty()) {
                arguments.seed.clone_from(&seeds.value);
            }
        }
        // Migrations are the reference of a project that has both.
        Command::Check(arguments)
            if arguments.migrations.is_none() && project.migrations.is_none() =>
        {
            arguments.schema = arguments.schema.take().or(schema);
        }
        _ => {}
    }
}

fn versions_table(command: &mut Command) -> Option<&mut Option<String>> {
    match command {
        Command::Capture(arguments) => Some(&mut arguments.versions_table),
        Command::Provision(arguments) => Some(&mut arguments.versions_table),
        Command::Migrate(arguments) => Some(&mut arguments.versions.table),
        Command::Status(arguments) => Some(&mut arguments.versions.table),
        Command::Verify(arguments) => Some(&mut arguments.versions.table),
        Command::Adopt(arguments) => Some(&mut arguments.versions.table),
        Command::Refresh(arguments) => Some(&mut arguments.versions.table),
        Command::Check(arguments) => Some(&mut arguments.versions.table),
        Command::Drop(arguments) => Some(&mut arguments.versions.table),
        Command::Rename(arguments) => Some(&mut arguments.versions.table),
        _ => None,
    }
}

fn targets(command: &mut Command) -> Option<&mut TargetsArguments> {
    match command {
        Command::Provision(arguments) => Some(&mut arguments.targets),
        Command::Pool(arguments) => Some(match &mut arguments.command {
            PoolCommand::Fill(arguments) => &mut arguments.targets,
            PoolCommand::Status(arguments) => &mut arguments.targets,
            PoolCommand::Drain(arguments) => &mut arguments.targets,
        }),
        Command::Migrate(arguments) => Some(&mut arguments.targets),
        Command::Runs(arguments) => Some(&mut arguments.targets),
        Command::Query(arguments) => Some(&mut arguments.targets),
        Command::Status(arguments) => Some(&mut arguments.targets),
        Command::Verify(arguments) => Some(&mut arguments.targets),
        Command::Adopt(arguments) => Some(&mut arguments.targets),
        Command::Drop(arguments) => Some(&mut arguments.targets),
        Command::Targets(arguments) => match &mut arguments.command {
            TargetsCommand::Export(arguments) => Some(&mut arguments.targets),
        },
        _ => None,
    }
}

fn one_target(command: &mut Command) -> Option<&mut OneTargetArguments> {
    match command {
        Command::Capture(arguments) => Some(&mut arguments.target),
        Command::Refresh(arguments) => Some(&mut arguments.target),
        Command::Check(arguments) => Some(&mut arguments.target),
        Command::Rename(arguments) => Some(&mut arguments.tenants.target),
        Command::Clone(arguments) => Some(&mut arguments.target),
        _ => None,
    }
}

fn fill_targets(
    arguments: &mut TargetsArguments,
    fleet: Option<&ProjectTargets<'_>>,
    variable: Option<&str>,
) -> Result<(), CommandError> {
    if arguments.targets.is_some() {
        return Ok(());
    }
    // `--target` can only mean a target of the project's file, and a flag wins over a variable.
    let variable = variable.filter(|_| arguments.target.is_empty());
    match (fleet, variable) {
        (Some(fleet), None) => {
            arguments.targets = Some(fleet.file.value.clone());
            arguments.choice = fleet.choice;
            fleet.say_used();
            Ok(())
        }
        (Some(fleet), Some(variable)) if arguments.total_jobs.is_some() => {
            Err(CommandError::Usage(format!(
                "--total-jobs needs a file of targets, and {}",
                fleet.unused(variable)
            )))
        }
        (Some(fleet), Some(variable)) => {
            fleet.say(&fleet.unused(variable));
            Ok(())
        }
        (None, _) if arguments.total_jobs.is_some() => Err(needs_targets("--total-jobs")),
        (None, _) if !arguments.target.is_empty() => Err(needs_targets("--target")),
        (None, _) => Ok(()),
    }
}

fn fill_one_target(
    arguments: &mut OneTargetArguments,
    fleet: Option<&ProjectTargets<'_>>,
) -> Result<(), CommandError> {
    if arguments.target.is_none() || arguments.targets.is_some() {
        return Ok(());
    }
    let fleet = fleet.ok_or_else(|| needs_targets("--target"))?;
    arguments.targets = Some(fleet.file.value.clone());
    arguments.choice = fleet.choice;
    fleet.say_used();
    Ok(())
}

fn needs_targets(flag: &str) -> CommandError {
    CommandError::Usage(format!(
        "{flag} needs a file of targets: pass --targets FILE, or set targets in schemastamp.toml"
    ))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;
    use crate::cli::arguments::Arguments;

    /// Returns the arguments that a command needs besides its name.
    fn needed(name: &str) -> &'static [&'static str] {
        match name {
            "provision" | "render" => &["acme"],
            "rename" | "clone" => &["acme", "copy"],
            "query" => &["-c", "SELECT 1"],
            "fill" => &["--size", "1"],
            "completions" => &["bash"],
            _ => &[],
        }
    }

    /// Checks that each command with arguments that a project has is in the list of those that are filled in.
    fn check(path: &[&str], command: &clap::Command) {
        for child in command
            .get_subcommands()
            .filter(|child| child.get_name() != "help")
        {
            check(&[path, &[child.get_name()]].concat(), child);
        }
        if command.has_subcommands() || path.len() < 2 {
            return;
        }
        let line = [path, needed(command.get_name())].concat();
        let parsed =
            Arguments::try_parse_from(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
        let mut parsed = parsed.command.unwrap();
        let has = |id: &str| {
            command
                .get_arguments()
                .any(|argument| argument.get_id() == id)
        };
        // `diagnose` shows what counts for one connection, or for a file that is named.
        let has_targets = has("targets") && command.get_name() != "diagnose";
        let has_several = has("total_jobs");
        assert_eq!(
            versions_table(&mut parsed).is_some(),
            has("versions_table"),
            "{path:?}"
        );
        assert_eq!(targets(&mut parsed).is_some(), has_several, "{path:?}");
        assert_eq!(
            one_target(&mut parsed).is_some(),
            has_targets && !has_several,
            "{path:?}"
        );
    }

    #[test]
    fn every_command_with_arguments_of_a_project_is_filled_in() {
        let command = Arguments::command();
        check(&[command.get_name()], &command);
    }
}
