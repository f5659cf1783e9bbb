//! Finds the ways up and down in a file, and reads its comments on transactions: those of dbmate, goose, sqlx
//! and schemastamp.

/// One way of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MigrationWay {
    /// The SQL, with enough line ends in front to keep the line numbers of the file.
    pub(super) sql: String,
    /// `true` if the migration runs in one transaction.
    pub(super) transaction: bool,
    /// The 1-based line of a comment that asks for variables to be substituted.
    pub(super) variables: Option<usize>,
}

/// A way of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Up,
    Down,
}

impl Direction {
    fn opposite(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }
}

/// Returns `true` if a file has sections.
pub(super) fn has_sections(text: &str) -> bool {
    text.lines()
        .any(|line| matches!(marker(line), Some(Marker::Section(..))))
}

/// Extracts one way from a file. Returns `None` if the file has sections and none of them is that way. A file without
/// sections is the wanted way as a whole.
pub(super) fn parse_way(text: &str, wanted: Direction) -> Option<MigrationWay> {
    let mut part = MigrationWay {
        sql: String::with_capacity(text.len()),
        transaction: true,
        variables: None,
    };
    let sections = has_sections(text);
    let mut direction = (!sections).then_some(wanted);
    let mut is_found = !sections;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        match marker(line) {
            Some(Marker::Section(new, transaction)) => {
                direction = Some(new);
                if new == wanted {
                    is_found = true;
                    part.transaction &= transaction;
                }
            }
            // goose's comment is above the sections and counts for both ways. schemastamp's may be
            // in the way itself.
            Some(Marker::NoTransaction) if direction != Some(wanted.opposite()) => {
                part.transaction = false;
            }
            // sqlx reads it on the first line only.
            Some(Marker::SqlxNoTransaction) if index == 0 => part.transaction = false,
            Some(Marker::Variables) => part.variables = part.variables.or(Some(index + 1)),
            _ => {}
        }
        if direction == Some(wanted) {
            part.sql.push_str(line);
        } else {
            part.sql.push('\n');
        }
    }
    is_found.then_some(part)
}

/// The tool in whose words a file has sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SectionStyle {
    Dbmate,
    Goose,
}

/// Returns the tool in whose words a file has sections, if it has any.
pub(super) fn section_style(text: &str) -> Option<SectionStyle> {
    let line = text
        .lines()
        .find(|line| matches!(marker(line), Some(Marker::Section(..))))?;
    Some(if line.contains("migrate:") {
        SectionStyle::Dbmate
    } else {
        SectionStyle::Goose
    })
}

enum Marker {
    /// A section begins. The flag says that it runs in a transaction.
    Section(Direction, bool),
    NoTransaction,
    SqlxNoTransaction,
    Variables,
}

fn marker(line: &str) -> Option<Marker> {
    let comment = line.trim().strip_prefix("--")?.trim();
    if let Some(rest) = comment.strip_prefix("migrate:") {
        let mut words = rest.split_whitespace();
        let direction = match words.next()? {
            "up" => Direction::Up,
            "down" => Direction::Down,
            _ => return None,
        };
        return Some(Marker::Section(
            direction,
            !words.any(|option| option == "transaction:false"),
        ));
    }
    let lower = comment.to_ascii_lowercase();
    if let Some(command) = lower.strip_prefix("+goose ") {
        return match command.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["up"] => Some(Marker::Section(Direction::Up, true)),
            ["down"] => Some(Marker::Section(Direction::Down, true)),
            ["no", "transaction"] => Some(Marker::NoTransaction),
            ["envsub", "on"] => Some(Marker::Variables),
            _ => None,
        };
    }
    if let Some(command) = lower.strip_prefix("schemastamp:") {
        return (command.trim() == "no-transaction").then_some(Marker::NoTransaction);
    }
    (lower == "no-transaction").then_some(Marker::SqlxNoTransaction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up_part(text: &str) -> Option<MigrationWay> {
        parse_way(text, Direction::Up)
    }

    fn up(text: &str) -> (String, bool) {
        let part = up_part(text).unwrap();
        (part.sql, part.transaction)
    }

    #[test]
    fn a_plain_file_is_the_way_up() {
        assert_eq!(up("SELECT 1;\n"), ("SELECT 1;\n".to_owned(), true));
        assert!(!up("-- schemastamp: no-transaction\nSELECT 1;").1);
        assert!(!up("-- no-transaction\nSELECT 1;").1);
        assert!(
            up("SELECT 1;\n-- no-transaction\n").1,
            "sqlx looks at the first line only"
        );
    }

    #[test]
    fn sections_of_dbmate() {
        let text = "-- migrate:up\nCREATE TABLE t();\n\n-- migrate:down\nDROP TABLE t;\n";
        assert_eq!(
            up(text),
            ("-- migrate:up\nCREATE TABLE t();\n\n\n\n".to_owned(), true)
        );
        assert!(!up("-- migrate:up transaction:false\nSELECT 1;").1);
        assert!(up("-- migrate:up\nSELECT 1;\n-- migrate:down transaction:false\n").1);
        assert_eq!(up_part("-- migrate:down\nDROP TABLE t;\n"), None);
    }

    #[test]
    fn ways_down_have_transactions_of_their_own() {
        let down = |text: &str| {
            let part = parse_way(text, Direction::Down).unwrap();
            (part.sql.trim().to_owned(), part.transaction)
        };
        let dbmate = "-- migrate:up\nSELECT 1;\n-- migrate:down transaction:false\nSELECT 2;\n";
        assert_eq!(
            down(dbmate),
            (
                "-- migrate:down transaction:false\nSELECT 2;".to_owned(),
                false
            )
        );
        let dbmate = "-- migrate:up transaction:false\nSELECT 1;\n-- migrate:down\nSELECT 2;\n";
        assert!(down(dbmate).1);
        let goose =
            "-- +goose NO TRANSACTION\n-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 2;\n";
        assert!(!down(goose).1);
        assert_eq!(down("DROP TABLE t;"), ("DROP TABLE t;".to_owned(), true));
        assert_eq!(
            parse_way("-- migrate:up\nSELECT 1;\n", Direction::Down),
            None
        );
    }

    #[test]
    fn sections_of_goose() {
        let text = "-- +goose NO TRANSACTION\n-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n-- +goose StatementEnd\n\
                    -- +goose Down\nSELECT 2;\n";
        let (sql, transaction) = up(text);
        assert!(
            !transaction && sql.contains("SELECT 1") && !sql.contains("SELECT 2"),
            "{sql}"
        );
        assert_eq!(
            sql.lines().position(|line| line == "SELECT 1;"),
            Some(3),
            "lines are the file's"
        );
        assert_eq!(
            up_part("-- +goose ENVSUB ON\n-- +goose Up\nSELECT 1;")
                .unwrap()
                .variables,
            Some(1)
        );
    }
}
