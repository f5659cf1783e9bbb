//! No password in any message.

use std::error::Error;

use proptest::prelude::*;
use schemastamp::config::{Connection, ConnectionFlags, Environment};

/// Everything a resolution can show: the error with its causes, or the connection.
fn shown(flags: &ConnectionFlags, environment: &Environment) -> String {
    match Connection::resolve(flags, environment) {
        Ok(connection) => {
            let described: Vec<_> = connection.describe().collect();
            let arguments = connection.conninfo_arguments();
            let child = connection.child_environment();
            let (warnings, interfering) = (connection.warnings(), connection.interfering());
            format!(
                "{connection:?} {described:?} {arguments:?} {child:?} {warnings:?} {interfering:?} {environment:?}"
            )
        }
        Err(error) => {
            let mut text = format!("{error:?} {error}");
            let mut cause: Option<&dyn Error> = error.source();
            while let Some(error) = cause {
                text.push_str(&error.to_string());
                cause = error.source();
            }
            text
        }
    }
}

fn encode(text: &str) -> String {
    text.bytes()
        .fold(String::new(), |text, byte| text + &format!("%{byte:02X}"))
}

/// The sources a password can come from, well and badly written.
const TEMPLATES: &[(&str, &str)] = &[
    ("DATABASE_URL", "postgres://u:{}@h/d"),
    ("DATABASE_URL", "postgres://u:{}@h:70000/d?sslmode=x"),
    ("DATABASE_URL", "postgres://u:{}@h/d?password=x&pool=5"),
    ("DATABASE_URL", "postgres://u@h/d?password={}"),
    ("DATABASE_URL", "mysql://u:{}@h/d"),
    ("DATABASE_URL", "{}"),
    ("SCHEMASTAMP_DATABASE_URL", "host=h password={} user=u"),
    ("SCHEMASTAMP_DATABASE_URL", "host=h password='{}' sslmod=x"),
    ("SCHEMASTAMP_PASSWORD", "{}"),
    ("SCHEMASTAMP_SSLPASSWORD", "{}"),
    ("PGPASSWORD", "{}"),
    ("PGDATABASE", "postgres://u:{}@h/d"),
    ("PGHOST", "postgres://u:{}@h/d"),
    ("PGPORT", "postgres://u:{}@h/d"),
    ("PGSSLMODE", "host=h password={}"),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]
    #[test]
    fn no_word_of_a_password_is_ever_shown(
        words in prop::collection::vec("[QWZ]{5}", 1..4),
        signs in "[/@:?%#&= ,'\\\\\\[\\]]{0,3}",
        at in 0..TEMPLATES.len(),
        encoded in any::<bool>(),
        in_flag in any::<bool>(),
    ) {
        let password = words.join(&signs);
        let (variable, template) = TEMPLATES[at];
        let value = template.replace("{}", &if encoded { encode(&password) } else { password });
        let url = variable.ends_with("DATABASE_URL") && template != "{}";
        let flags = ConnectionFlags { dbname: Some(value.clone()).filter(|_| in_flag && url), ..ConnectionFlags::default() };
        let environment: Environment = [("PGUSER", "u"), (variable, value.as_str())].into_iter().collect();
        let shown = shown(&flags, &environment.in_directory("/work"));
        for word in &words {
            prop_assert!(!shown.contains(word.as_str()) && !shown.contains(&encode(word)), "{} shows {}", shown, word);
        }
    }
}
