//! The command `verify`.

use anstyle::AnsiColor;
use serde_json::Value;

use super::arguments::VerifyArguments;
use super::failure::CommandError;
use super::lines::{
    Counts, Difference, DifferenceClass, Line, TenantDetails, TenantLine, TenantOutcome,
    VariantLine, VerifyCounts, VerifyDetails,
};
use super::output::Output;
use super::scope::{missing_code, missing_tenant, named, say_duplicates};
use super::session::Session;
use super::snapshot_file;
use crate::exit;
use crate::fleet::verify::{Verification, VerifyOptions, verify};
use crate::sql::TenantName;
use crate::tenant::compare::{Aspect, Class, DriftFinding, Reference};
use crate::text::swrite;
use crate::text::{plural, safe};

/// Number of findings of a variant that are shown without `-v`.
const SHOWN: usize = 20;

pub(super) async fn run(session: &Session, arguments: VerifyArguments) -> Result<u8, CommandError> {
    let request = arguments.scope.explicit_request(session).await?;
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
    let selection = request.resolve(&target.server, &session.shutdown).await?;
    say_duplicates(session.output, &selection);
    let options = VerifyOptions {
        scope: selection.at(None),
        aspects,
    };
    let verification = verify(&target.server, reference, &options, &session.shutdown).await?;
    let found = verification.len();
    arguments
        .scope
        .check_found(&selection, found, session.output)?;
    if session.output.is_json() {
        for_programs(session, &verification)?;
    } else {
        for_people(session, &verification)?;
    }
    let differs = verification.differs() || (arguments.strict && !verification.variants.is_empty());
    let missing = missing_code(verification.missing.len(), found);
    Ok(match missing {
        Some(code) => code,
        None if differs => exit::DIFFERENCES,
        None => exit::DONE,
    })
}

fn word(class: Class) -> &'static str {
    match class {
        Class::Cosmetic => "cosmetic",
        Class::Real => "different",
        Class::ForeignTenant => "foreign_tenant",
    }
}

fn outcome(class: Class) -> TenantOutcome {
    match class {
        Class::Cosmetic => TenantOutcome::Cosmetic,
        Class::Real => TenantOutcome::Different,
        Class::ForeignTenant => TenantOutcome::ForeignTenant,
    }
}

fn difference(finding: &DriftFinding) -> Difference {
    Difference {
        class: match finding.class {
            Class::Cosmetic => DifferenceClass::Cosmetic,
            Class::Real => DifferenceClass::Different,
            Class::ForeignTenant => DifferenceClass::ForeignTenant,
        },
        kind: finding.kind.clone(),
        object: finding.object.clone(),
        aspect: finding.aspect.clone(),
        expected: structured(finding.expected.as_deref()),
        found: structured(finding.found.as_deref()),
        message: finding.to_string(),
    }
}

/// A definition as the object or list that it is, with names that need no quotes; any other text as it is.
fn structured(text: Option<&str>) -> Value {
    let Some(text) = text else { return Value::Null };
    match serde_json::from_str(text) {
        Ok(Value::Object(parts)) => parts
            .into_iter()
            .map(|(name, value)| (name.replace(' ', "_"), value))
            .collect(),
        Ok(list @ Value::Array(_)) => list,
        _ => Value::String(text.to_owned()),
    }
}

fn for_programs(session: &Session, verification: &Verification) -> Result<(), CommandError> {
    let line = |tenant: &TenantName, outcome, variant| {
        Output::json(&Line::Tenant(TenantLine {
            tenant: tenant.as_str().to_owned(),
            outcome,
            ms: None,
            details: TenantDetails::Verify(VerifyDetails { variant }),
            error: (outcome == TenantOutcome::Missing).then(|| missing_tenant(tenant)),
        }))
    };
    for tenant in &verification.equal {
        line(tenant, TenantOutcome::Equal, None)?;
    }
    for tenant in &verification.missing {
        line(tenant, TenantOutcome::Missing, None)?;
    }
    for (variant, number) in verification.variants.iter().zip(1..) {
        for tenant in &variant.tenants {
            line(tenant, outcome(variant.class()), Some(number))?;
        }
        Output::json(&Line::Variant(VariantLine {
            variant: number,
            tenants: variant.tenants.len(),
            findings: variant.findings.iter().map(difference).collect(),
        }))?;
    }
    session.summary(Counts::Verify(VerifyCounts {
        equal: verification.equal.len(),
        different: verification
            .variants
            .iter()
            .map(|variant| variant.tenants.len())
            .sum(),
        variants: verification.variants.len(),
        missing: verification.missing.len(),
    }))
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
