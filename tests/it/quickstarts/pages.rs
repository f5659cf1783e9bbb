use super::page::{Action, Page};
use super::reader::Reader;
use crate::support::is_nightly;

fn follow(name: &str) {
    Reader::with_app(name).follow(&read(name));
}

/// Reads a page that tells the whole story.
fn read(name: &str) -> Page {
    let page = Page::read(name);
    let commands: String = page
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Run(script) => Some(script.as_str()),
            Action::Show { command, .. } => Some(command.as_str()),
            Action::Write { .. } => None,
        })
        .flat_map(|script| [script, "\n"])
        .collect();
    for part in [
        "schemastamp capture",
        "schemastamp migrate",
        "schemastamp status",
    ] {
        assert!(commands.contains(part), "{name} has no '{part}'");
    }
    let has_workflow = page.steps.iter().any(|step| {
        matches!(&step.action, Action::Write { path, .. } if path.starts_with(".github/workflows/"))
    });
    assert!(has_workflow, "{name} has no job for CI");
    page
}

#[test]
fn plain_sql() {
    follow("plain-sql");
}

#[test]
fn dbmate() {
    follow("dbmate");
}

#[test]
fn alembic() {
    follow("alembic");
}

#[test]
fn django() {
    follow("django");
}

#[test]
fn golang_migrate() {
    follow("golang-migrate");
}

#[test]
fn rails() {
    follow("rails");
}

#[test]
fn django_tenants() {
    // More than a minute.
    if is_nightly() {
        follow("django-tenants");
    } else {
        drop(read("django-tenants"));
    }
}

#[test]
fn ecto() {
    follow("ecto");
}

#[test]
fn flyway() {
    follow("flyway");
}

#[test]
fn goose() {
    follow("goose");
}

#[test]
fn sqlx() {
    follow("sqlx");
}
