//! The settings of a project in the place of flags that were not given.

use std::path::PathBuf;

use super::arguments::{
    Command, OneTargetArguments, PoolCommand, TargetsArguments, TargetsCommand,
};
use super::failure::CommandError;
use super::session::Session;
use crate::config::{Project, Setting};
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
        .filter(|_| !session.common.connection().is_given());
    // A pooler's configuration is about the targets and never about one connection.
    let variable = match command {
        Command::Targets(_) => None,
        _ => session.environment.connection_variable(),
    };
    if let Some(arguments) = targets(command) {
        fill_targets(arguments, fleet, variable.as_deref(), session)?;
    }
    if let Some(arguments) = one_target(command) {
        fill_one_target(arguments, fleet)?;
    }
    Ok(())
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
        Command::Migrate(arguments) => Some(&mut arguments.versions_table),
        Command::Status(arguments) => Some(&mut arguments.versions_table),
        Command::Verify(arguments) => Some(&mut arguments.versions_table),
        Command::Adopt(arguments) => Some(&mut arguments.versions_table),
        Command::Refresh(arguments) => Some(&mut arguments.versions_table),
        Command::Check(arguments) => Some(&mut arguments.versions_table),
        Command::Drop(arguments) => Some(&mut arguments.versions_table),
        Command::Rename(arguments) => Some(&mut arguments.versions_table),
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
    fleet: Option<&Setting<PathBuf>>,
    variable: Option<&str>,
    session: &Session,
) -> Result<(), CommandError> {
    if arguments.targets.is_some() {
        return Ok(());
    }
    // `--target` can only mean a target of the project's file, and a flag wins over a variable.
    let variable = variable.filter(|_| arguments.target.is_empty());
    match (fleet, variable) {
        (Some(fleet), None) => {
            arguments.targets = Some(fleet.value.clone());
            Ok(())
        }
        (Some(fleet), Some(variable)) => {
            let unused = unused_targets(fleet, variable);
            if arguments.total_jobs.is_some() {
                return Err(CommandError::Usage(format!(
                    "--total-jobs needs a file of targets, and {unused}"
                )));
            }
            if !session.output.is_json() {
                session.output.note(&unused);
            }
            Ok(())
        }
        (None, _) if arguments.total_jobs.is_some() => Err(needs_targets("--total-jobs")),
        (None, _) if !arguments.target.is_empty() => Err(needs_targets("--target")),
        (None, _) => Ok(()),
    }
}

/// Says why the targets of a project are left out, and how to use them.
fn unused_targets(fleet: &Setting<PathBuf>, variable: &str) -> String {
    let path = safe(&fleet.value.display().to_string());
    format!(
        "the {} are not used because {variable} is set; for them, pass --targets '{path}' or unset {variable}",
        fleet.origin
    )
}

fn fill_one_target(
    arguments: &mut OneTargetArguments,
    fleet: Option<&Setting<PathBuf>>,
) -> Result<(), CommandError> {
    if arguments.target.is_none() {
        return Ok(());
    }
    if arguments.targets.is_none() {
        arguments.targets = fleet.map(|fleet| fleet.value.clone());
    }
    if arguments.targets.is_none() {
        return Err(needs_targets("--target"));
    }
    Ok(())
}

fn needs_targets(flag: &str) -> CommandError {
    CommandError::Usage(format!(
        "{flag} needs a file of targets: pass --targets FILE, or set targets in schemastamp.toml"
    ))
}
