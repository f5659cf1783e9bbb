//! The command `verify`.

use anstyle::AnsiColor;
use serde_json::json;

use super::arguments::VerifyArguments;
use super::failure::CommandError;
use super::output::Output;
use super::scope::named;
use super::session::Session;
use super::snapshot_file;
use crate::exit;
use crate::fleet::verify::{Verification, VerifyOptions, verify};
use crate::tenant::compare::{Aspect, Class, DriftFinding, Reference};
use crate::text::swrite;
use crate::text::{plural, safe};

/// Number of findings of a variant that are shown without `-v`.
const SHOWN: usize = 20;

pub(super) async fn run(session: &Session, arguments: VerifyArguments) -> Result<u8, CommandError> {
    let scope = arguments.scope.explicit_scope()?;
    let settings = session.settings()?;
    let snapshot = if arguments.each_other {
        None
    } else {
        Some(snapshot_file::load(
            &snapshot_file::find(&settings.tool)?,
            session,
        )?)
    };
    let target = session.target(&settings).await?;
    let wanted = [
        (arguments.owners, Aspect::Owners),
        (arguments.privileges, Aspect::Privileges),
        (arguments.comments, Aspect::Comments),
    ];
    let aspects = wanted
        .into_iter()
        .filter_map(|(wanted, aspect)| wanted.then_some(aspect))
        .collect();
    let reference = snapshot
        .as_ref()
        .map_or(Reference::Majority, Reference::Snapshot);
    let options = VerifyOptions { scope, aspects };
    let verification = verify(&target.server, reference, &options, &session.shutdown).await?;
    if session.output.is_json() {
        for_programs(&verification)?;
    } else {
        for_people(session, &verification)?;
    }
    let differs = verification.differs() || (arguments.strict && !verification.variants.is_empty());
    Ok(if differs {
        exit::DIFFERENCES
    } else {
        exit::DONE
    })
}

fn word(class: Class) -> &'static str {
    match class {
        Class::Cosmetic => "cosmetic",
        Class::Real => "different",
        Class::ForeignTenant => "foreign_tenant",
    }
}

fn finding_json(finding: &DriftFinding) -> serde_json::Value {
    json!({
        "class": word(finding.class), "kind": finding.kind, "object": finding.object, "aspect": finding.aspect,
        "expected": finding.expected, "found": finding.found, "message": finding.to_string(),
    })
}

fn for_programs(verification: &Verification) -> Result<(), CommandError> {
    for tenant in &verification.equal {
        Output::json(&json!({ "tenant": tenant.as_str(), "outcome": "equal" }))?;
    }
    for tenant in &verification.missing {
        Output::json(&json!({ "tenant": tenant.as_str(), "outcome": "missing" }))?;
    }
    for (index, variant) in verification.variants.iter().enumerate() {
        for tenant in &variant.tenants {
            let outcome = word(variant.class());
            Output::json(
                &json!({ "tenant": tenant.as_str(), "outcome": outcome, "variant": index + 1 }),
            )?;
        }
        let findings: Vec<_> = variant.findings.iter().map(finding_json).collect();
        Output::json(
            &json!({ "variant": index + 1, "tenants": variant.tenants.len(), "findings": findings }),
        )?;
    }
    let differing: usize = verification
        .variants
        .iter()
        .map(|variant| variant.tenants.len())
        .sum();
    Output::json(&json!({ "summary": {
        "equal": verification.equal.len(), "different": differing, "variants": verification.variants.len(),
        "missing": verification.missing.len(),
    } }))
}

fn for_people(session: &Session, verification: &Verification) -> Result<(), CommandError> {
    let output = session.output;
    let red = AnsiColor::Red.on_default();
    for variant in &verification.variants {
        let style = if variant.class() == Class::Cosmetic {
            AnsiColor::Yellow.on_default()
        } else {
            red
        };
        let heading = format!(
            "{}: {}",
            plural(variant.tenants.len(), "tenant"),
            named(&variant.tenants)
        );
        output.result(
            style,
            word(variant.class()).split('_').next().unwrap_or_default(),
            &heading,
        )?;
        let shown = if session.common.verbose > 0 {
            usize::MAX
        } else {
            SHOWN
        };
        for finding in variant.findings.iter().take(shown) {
            output.result(anstyle::Style::new(), " ", &finding.to_string())?;
        }
        let more = variant.findings.len().saturating_sub(shown);
        if more > 0 {
            output.result(
                anstyle::Style::new(),
                " ",
                &format!("and {more} more; -v shows them"),
            )?;
        }
    }
    for tenant in &verification.missing {
        output.result(red, "missing", &safe(tenant.as_str()))?;
    }
    let differing: usize = verification
        .variants
        .iter()
        .map(|variant| variant.tenants.len())
        .sum();
    let mut text = format!("{} equal", verification.equal.len());
    if differing > 0 {
        swrite!(
            text,
            ", {differing} in {}",
            plural(verification.variants.len(), "variant")
        );
    }
    if !verification.missing.is_empty() {
        swrite!(text, ", {} missing", verification.missing.len());
    }
    output.say(&text);
    Ok(())
}
