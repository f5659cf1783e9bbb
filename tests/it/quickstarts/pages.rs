use super::page::{Action, Page};
use super::reader::Reader;

/// Follows a page, and requires that it tells the whole story.
fn follow(name: &str) {
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
    Reader::with_app(name).follow(&page);
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
#[ignore = "takes a minute: scripts/nightly quickstarts"]
fn django_tenants() {
    follow("django-tenants");
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
