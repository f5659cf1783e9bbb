use std::fmt;

use super::connection::{Connection, Interference};
use super::keyword::{Handling, KEYWORDS};
use super::{Environment, Origin};

/// Variables that libpq, psql, `pg_dump` or Debian's wrapper read, and no keyword stands for.
const OTHERS: &[(&str, &str)] = &[
    ("PGDATESTYLE", "would change how dates are read and written"),
    (
        "PGTZ",
        "would change how times with a time zone are written",
    ),
    (
        "PGGEQO",
        "would change the planner, and PgBouncer refuses it",
    ),
    ("PGLOCALEDIR", "would choose the translations of messages"),
    ("PSQLRC", "would run commands at the start of psql"),
    ("PG_COLOR", "would put colours into error messages"),
    (
        "PGCLUSTER",
        "would make Debian's wrapper choose another server",
    ),
    ("PGOAUTHDEBUG", "would change how OAuth logs in"),
    (
        "PGSYSCONFDIR",
        "would choose the directory of the system-wide files",
    ),
];

impl Interference {
    pub(super) fn find(connection: &Connection, environment: &Environment) -> Vec<Self> {
        let set = |variable: &str| environment.get(variable).is_some();
        let mut found: Vec<Self> = KEYWORDS
            .iter()
            .filter_map(|keyword| {
                let variable = keyword.variable.filter(|variable| set(variable))?;
                let winner = match keyword.name {
                    "password" => connection
                        .password
                        .as_ref()
                        .map(|password| &password.origin),
                    name => connection.get(name).map(|setting| &setting.origin),
                };
                let own = Origin::Variable(variable.to_owned());
                let (effect, instead) = match &keyword.handling {
                    // Services and password files are read here; that the child does not read them changes nothing.
                    Handling::Consumed => return None,
                    Handling::Deliberate => (
                        "would change the session of psql",
                        winner.filter(|winner| **winner != own),
                    ),
                    _ if winner == Some(&own) => return None,
                    _ => ("would count for psql where nothing else does", winner),
                };
                Some(Self {
                    variable,
                    effect,
                    instead: instead.cloned(),
                })
            })
            .collect();
        let others = OTHERS.iter().filter(|(variable, _)| set(variable));
        found.extend(others.map(|&(variable, effect)| Self {
            variable,
            effect,
            instead: None,
        }));
        if environment.account().is_some() && environment.home(15) != environment.home(14) {
            let effect = "is not the home of this account: libpq 15 and later would look for certificates there";
            found.push(Self {
                variable: "HOME",
                effect,
                instead: None,
            });
        }
        found
    }
}

impl fmt::Display for Interference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}; ", self.variable, self.effect)?;
        match &self.instead {
            Some(origin) => write!(formatter, "{origin} counts instead"),
            None => formatter.write_str("it is not passed on"),
        }
    }
}
