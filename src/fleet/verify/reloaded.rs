//! Views that differ only in what the server prints: one was loaded from a dump, the other was written by hand.
//!
//! `SELECT NULL` in a UNION is printed as `NULL::integer`, and once that was loaded, as `NULL::integer AS int4`, since a cast
//! names its column (`FigureColname` in `parse_target.c`). A tenant from which the snapshot was captured has the first.

use serde_json::Value;

use crate::pg::{PsqlError, ScriptOptions, Server};
use crate::process::Shutdown;
use crate::snapshot::capture::{Difference, is_same_definition, may_be_reworded, search_path};
use crate::sql::{TenantName, quote_literal};

/// Removes the differences of views that both sides print alike after their definitions were loaded again.
///
/// `prelude` begins a transaction in which both schemas are there; it is rolled back. A definition that does not load again
/// stays a difference.
pub(super) async fn without_reloaded_views(
    server: &Server,
    prelude: &str,
    [tenant, reference]: [&TenantName; 2],
    differences: Vec<Difference>,
    shutdown: &Shutdown,
) -> Result<Vec<Difference>, PsqlError> {
    let queries: Vec<Option<[String; 2]>> = differences.iter().map(queries).collect();
    if queries.iter().all(Option::is_none) {
        return Ok(differences);
    }
    let mut script = prelude.to_owned();
    for (side, schema) in [tenant, reference].into_iter().enumerate() {
        script.push_str(&search_path(&[schema.as_str()]));
        script.push_str(";\n");
        for (index, queries) in queries.iter().enumerate() {
            if let Some(query) = queries.as_ref().and_then(|queries| queries.get(side)) {
                script.push_str(&load_again(side, index, query));
            }
        }
    }
    script.push_str("ROLLBACK;\n");
    let output = server
        .run_script(&script, &ScriptOptions::default(), shutdown)
        .await?;
    let mut printed: Vec<[Option<String>; 2]> = vec![[None, None]; differences.len()];
    for line in &output.lines {
        if let Ok((side, index, query)) = serde_json::from_str::<(usize, usize, _)>(line)
            && let Some(place) = printed.get_mut(index).and_then(|sides| sides.get_mut(side))
        {
            *place = query;
        }
    }
    let is_real = |sides: &[Option<String>; 2]| match sides {
        [Some(own), Some(expected)] => {
            !is_same_definition(own, expected, reference.as_str(), tenant.as_str())
        }
        _ => true,
    };
    Ok(differences
        .into_iter()
        .zip(&printed)
        .filter(|(_, sides)| is_real(sides))
        .map(|(difference, _)| difference)
        .collect())
}

/// Returns the queries of both sides, if the difference is that of a view in nothing else.
fn queries(difference: &Difference) -> Option<[String; 2]> {
    let is_view = ["view", "materialized view"].contains(&difference.object.kind.as_str());
    if !is_view || !may_be_reworded(difference) {
        return None;
    }
    let query = |definition: &Option<String>| -> Option<String> {
        let definition: Value = serde_json::from_str(definition.as_deref()?).ok()?;
        Some(definition.get("query")?.as_str()?.to_owned())
    };
    Some([query(&difference.source)?, query(&difference.copy)?])
}

/// Returns statements that print a query as the server words it once it was loaded from its text.
fn load_again(side: usize, index: usize, query: &str) -> String {
    let view = format!("schemastamp_view_{side}_{index}");
    let create = format!("CREATE TEMPORARY VIEW {view} AS {query}");
    let body = format!(
        "BEGIN EXECUTE {}; EXCEPTION WHEN OTHERS THEN NULL; END",
        quote_literal(&create)
    );
    format!(
        "DO {};\nSELECT pg_catalog.json_build_array({side}, {index}, \
         pg_catalog.pg_get_viewdef(pg_catalog.to_regclass('pg_temp.{view}')::pg_catalog.oid));\n",
        quote_literal(&body)
    )
}
