//! Every case of `testdata/hard-sql`: right, or refused with object and reason; never silently wrong.

use schemastamp::snapshot::Decision;
use schemastamp::snapshot::capture::CaptureError;

use super::{capture_with, chain, provision, run};
use crate::support::{Client, Database, Expectation, HardCase};

/// What became of a case.
enum Outcome {
    Right,
    Refused(String),
    Ambiguous(String),
    Wrong(String),
}

#[test]
fn right_or_refused() {
    let mut failures = Vec::new();
    for case in HardCase::all() {
        let cluster = case.cluster();
        let outcome = try_case(&cluster.database(), &case, false);
        let Expectation {
            right,
            refused,
            ambiguous,
        } = &case.expect;
        let named = |text: &str, object: &Option<String>| {
            object.as_ref().is_some_and(|object| {
                let bare = object
                    .strip_prefix(&format!("{}.", case.schema))
                    .unwrap_or(object);
                text.contains(bare.split('(').next().unwrap_or(bare))
            })
        };
        let verdict = match &outcome {
            Outcome::Right => right
                .then_some(())
                .ok_or("captured, and should not be".to_owned()),
            Outcome::Refused(text) => named(text, refused)
                .then_some(())
                .ok_or(format!("refused: {text}")),
            Outcome::Ambiguous(text) => named(text, ambiguous)
                .then_some(())
                .ok_or(format!("ambiguous: {text}")),
            Outcome::Wrong(text) => Err(format!("WRONG: {text}")),
        };
        if let Err(failure) = verdict {
            failures.push(format!("{}: {failure}", case.name));
        }
        // What is ambiguous is right once the user has decided.
        if matches!(outcome, Outcome::Ambiguous(_)) {
            match try_case(&cluster.database(), &case, true) {
                Outcome::Right => {}
                Outcome::Refused(text) | Outcome::Ambiguous(text) | Outcome::Wrong(text) => {
                    failures.push(format!("{} (decided): {text}", case.name));
                }
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

fn try_case(database: &Database<'_>, case: &HardCase, decided: bool) -> Outcome {
    if let Err(error) = database.try_query(&case.sql) {
        return Outcome::Wrong(format!("the source does not load: {error}"));
    }
    let client = case
        .server
        .filter(|major| *major > 15)
        .map_or_else(Client::installed, Client::of_major);
    let capture = || {
        let mut capture = capture_with(database, &case.schema, &client);
        capture.seeds = case
            .seeds
            .iter()
            .map(|seed| {
                seed.strip_prefix(&format!("{}.", case.schema))
                    .unwrap_or(seed)
                    .to_owned()
            })
            .collect();
        if decided {
            case.keep
                .iter()
                .for_each(|object| capture.decisions.add(object, Decision::Keep));
            case.rename
                .iter()
                .for_each(|object| capture.decisions.add(object, Decision::Rename));
        }
        capture
    };
    let captured = match run(capture()) {
        Ok(captured) => captured,
        Err(CaptureError::Doubtful(undecided)) => {
            let texts: Vec<String> = undecided.doubts.iter().map(ToString::to_string).collect();
            return Outcome::Ambiguous(texts.join("; "));
        }
        Err(error) => return Outcome::Refused(chain(&error)),
    };
    let text = captured.snapshot.to_text();
    // Where a snapshot is read again, none of it is refused or reported.
    if let Some(statement) = captured.snapshot.outside().next() {
        return Outcome::Wrong(format!("outside of the schema: {statement}\n{text}"));
    }
    for tenant in &case.tenants {
        if let Err(error) = provision(database, &captured.snapshot, tenant) {
            return Outcome::Wrong(format!("tenant {tenant:?} is not created: {error}\n{text}"));
        }
        // The way back: the tenant's own snapshot is the same, byte for byte.
        let mut back = capture();
        back.schema.clone_from(tenant);
        // A template in public leaves the schema's owner to the role that creates the tenant.
        back.schema_owner = case.schema != "public";
        // As from the header of the file: what looked like the source's name is no tenant's.
        for (object, decision) in captured.snapshot.header().decisions.iter() {
            back.decisions.add_remembered(object, decision);
        }
        match run(back) {
            Ok(back) => {
                let again = back.snapshot.to_text();
                if again != text {
                    let diff = similar::TextDiff::from_lines(&text, &again)
                        .unified_diff()
                        .to_string();
                    return Outcome::Wrong(format!(
                        "tenant {tenant:?} captured again differs:\n{diff}"
                    ));
                }
            }
            Err(error) => {
                return Outcome::Wrong(format!(
                    "tenant {tenant:?} cannot be captured again: {}",
                    chain(&error)
                ));
            }
        }
        let quoted = format!("\"{}\"", case.schema.replace('"', "\"\""));
        // Only the first tenant is checked without the source; it must not be missed.
        database.sql(&format!("DROP SCHEMA IF EXISTS {quoted} CASCADE"));
        match database.try_query(&case.check(tenant)) {
            Ok(result) if result.split('\n').next_back() == Some("t") => {}
            Ok(result) => {
                return Outcome::Wrong(format!("the check of {tenant:?} says {result:?}\n{text}"));
            }
            Err(error) => {
                return Outcome::Wrong(format!("the check of {tenant:?} fails: {error}\n{text}"));
            }
        }
    }
    Outcome::Right
}
