//! The snapshot file: a header of `--` lines, then SQL with `#{prefix}`.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::header::{Header, ParsedHeader, parse_header};
use super::minify::minify;
use super::object::{Action, ObjectKind, ObjectScope};
use super::outside::{OutsidePolicy, OutsideStatement, Reach};
use super::problem::{Missing, SnapshotError, Warning};
use super::template::{CompiledStatement, Template};
use super::version::TITLE;
use crate::sql::{TenantName, may_change_session, quote, refuse_nul, tokens_of_template};
use crate::text::{hexadecimal, slice, swrite, swriteln};

/// A tenant's schema as a template.
#[derive(Clone, Debug)]
pub struct Snapshot {
    header: Header,
    body: String,
    template: Template,
    warnings: Vec<Warning>,
    changes_session: bool,
}

impl Snapshot {
    /// Reads a snapshot file's text.
    ///
    /// ```
    /// let snapshot = schemastamp::snapshot::Snapshot::parse(
    ///     "-- schemastamp snapshot, format 1\n\nCREATE SCHEMA #{prefix};\nCREATE TABLE #{prefix}.t (id int);\n",
    /// )?;
    /// assert_eq!(snapshot.template().statements.len(), 2);
    /// # Ok::<(), schemastamp::snapshot::SnapshotError>(())
    /// ```
    ///
    /// # Errors
    /// Fails if the snapshot is unusable, with the line. Problems of a usable snapshot are
    /// [`Snapshot::warnings`].
    pub fn parse(text: &str) -> Result<Self, SnapshotError> {
        Self::parse_with(text, OutsidePolicy::Refuse)
    }

    /// Reads a snapshot file's text, with a decision about statements that are not confined to the tenant's schema.
    ///
    /// # Errors
    /// See [`Snapshot::parse`].
    pub fn parse_with(text: &str, outside: OutsidePolicy) -> Result<Self, SnapshotError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        refuse_nul(text)?;
        if text.trim().is_empty() {
            return Err(SnapshotError::Empty);
        }
        let unix = only_crlf(text).then(|| text.replace("\r\n", "\n"));
        let mut warnings = Vec::new();
        if unix.is_some() {
            warnings.push(Warning::LineEnds);
        }
        let text = unix.as_deref().unwrap_or(text);
        let ParsedHeader {
            header,
            length: header_length,
            checksum,
            objects,
        } = parse_header(text, &mut warnings)?;
        let body = slice(text, header_length..);
        match checksum {
            None => warnings.push(Warning::NoChecksum),
            Some(recorded) => {
                let actual = sha256(body);
                if recorded != actual {
                    warnings.push(Warning::Edited {
                        recorded,
                        actual,
                        missing: Vec::new(),
                    });
                }
            }
        }
        let as_made = matches!(
            warnings.last(),
            None | Some(Warning::LineEnds | Warning::UnknownHeader { .. })
        );
        // Lines in messages are those of the file.
        let header_lines = text
            .as_bytes()
            .iter()
            .take(header_length)
            .filter(|byte| **byte == b'\n')
            .count();
        let template = Template::compile(&format!("{}{body}", "\n".repeat(header_lines)))?;
        if !as_made && !is_finished(body) {
            return Err(SnapshotError::Unfinished);
        }
        let mut snapshot = Self::new(header, body.to_owned(), template, warnings)?;
        snapshot.count_missing(&objects);
        if outside == OutsidePolicy::Refuse {
            snapshot.refuse_outside()?;
        }
        Ok(snapshot)
    }

    /// Returns the statements that are not confined to the tenant's schema.
    pub fn outside(&self) -> impl Iterator<Item = &OutsideStatement> {
        self.template
            .statements
            .iter()
            .filter_map(CompiledStatement::outside)
    }

    /// Refuses what reaches beyond the database, and adds a warning for what is in other schemas.
    fn refuse_outside(&mut self) -> Result<(), SnapshotError> {
        let (refused, told): (Vec<_>, Vec<_>) = self
            .outside()
            .cloned()
            .partition(|statement| statement.reach == Reach::Server);
        if !refused.is_empty() {
            return Err(SnapshotError::Outside {
                statements: refused,
            });
        }
        if !told.is_empty() {
            self.warnings.push(Warning::Outside { statements: told });
        }
        Ok(())
    }

    /// Reports the objects that the header counts and an edited body lacks: it may be truncated.
    fn count_missing(&mut self, objects: &str) {
        let counts = self.counts();
        let Some(Warning::Edited { missing, .. }) = self
            .warnings
            .iter_mut()
            .find(|warning| matches!(warning, Warning::Edited { .. }))
        else {
            return;
        };
        for counted in objects.split(", ") {
            let Some((number, words)) = counted.split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<usize>() else {
                continue;
            };
            let of_kind = counts
                .iter()
                .find(|(kind, _)| kind.plural() == words || kind.words() == words);
            let has = of_kind.map_or(0, |(_, count)| *count);
            if has < number {
                missing.push(Missing {
                    objects: words.to_owned(),
                    header: number,
                    body: has,
                });
            }
        }
    }

    /// Reads a snapshot file's bytes: as [`Snapshot::parse_with`], and says where they are not UTF-8.
    ///
    /// # Errors
    /// See [`Snapshot::parse`].
    pub fn parse_bytes(bytes: &[u8], outside: OutsidePolicy) -> Result<Self, SnapshotError> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::parse_with(text, outside),
            Err(error) => {
                let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let line = before.split(|byte| *byte == b'\n').count();
                Err(SnapshotError::Encoding { line })
            }
        }
    }

    /// Makes a snapshot of a header and a body. Statements outside of the tenant's schema are accepted:
    /// see [`Snapshot::outside`].
    ///
    /// # Errors
    /// Fails if the body is not a usable template. Lines are those of the body.
    pub fn from_parts(header: Header, body: String) -> Result<Self, SnapshotError> {
        let template = Template::compile(&body)?;
        Self::new(header, body, template, Vec::new())
    }

    fn new(
        header: Header,
        body: String,
        template: Template,
        warnings: Vec<Warning>,
    ) -> Result<Self, SnapshotError> {
        let creates = |statement: &&CompiledStatement| {
            statement.object.action == Action::Create
                && statement.object.kind == ObjectKind::Schema
                && statement.object.scope == ObjectScope::Placeholder
        };
        let count = template.statements.iter().filter(creates).count();
        if count != 1 || !template.statements.first().as_ref().is_some_and(creates) {
            return Err(SnapshotError::CreateSchema { count });
        }
        let changes_session = template.statements.iter().any(changes_session);
        Ok(Self {
            header,
            body,
            template,
            warnings,
            changes_session,
        })
    }

    /// True if its statements may leave something behind in their session, as those of a captured schema never do.
    pub(crate) fn changes_session(&self) -> bool {
        self.changes_session
    }

    /// Returns the header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The SQL below the header.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The statements, ready to be rendered.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// Returns the problems of the file that leave it usable.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Returns the SHA-256, in hexadecimal, of the minified body: the same for a snapshot and its
    /// minified form. Each tenant's marker contains it.
    pub fn fingerprint(&self) -> &str {
        &self.template.fingerprint
    }

    /// Returns `true` if a fingerprint is that of this snapshot, or of the same schema in an older
    /// format.
    pub fn has_fingerprint(&self, fingerprint: &str) -> bool {
        self.fingerprints().any(|known| known == fingerprint)
    }

    /// The fingerprint, followed by those that the same schema had in older formats.
    pub fn fingerprints(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.fingerprint()).chain(self.header.formerly.iter().map(String::as_str))
    }

    /// The same snapshot, known to be what an older one of the same schema has become.
    #[must_use]
    pub fn succeeding(mut self, older: &Self) -> Self {
        let known: Vec<String> = older
            .fingerprints()
            .filter(|fingerprint| *fingerprint != self.fingerprint())
            .map(str::to_owned)
            .collect();
        self.header.formerly = known;
        self
    }

    /// The same snapshot without comments, blank lines and needless blanks in its body.
    ///
    /// # Errors
    /// Cannot fail for a parsed snapshot. The result is checked like any snapshot.
    pub fn minified(&self) -> Result<Self, SnapshotError> {
        Self::from_parts(self.header.clone(), minify(&self.body)?)
    }

    /// Counts the objects of each kind that the snapshot creates.
    pub fn counts(&self) -> BTreeMap<ObjectKind, usize> {
        let mut counts = BTreeMap::new();
        let mut twice = BTreeSet::new();
        for CompiledStatement { object, .. } in &self.template.statements {
            // A view in a circle and a base type are created in two steps. Others can share a name: operators.
            if object.action != Action::Create || object.kind == ObjectKind::Schema {
                continue;
            }
            let in_steps = matches!(object.kind, ObjectKind::View | ObjectKind::Type);
            if !in_steps || twice.insert((object.kind, &object.name)) {
                *counts.entry(object.kind).or_default() += 1;
            }
        }
        counts
    }

    /// The file's text.
    pub fn to_text(&self) -> String {
        let header = &self.header;
        let mut text = format!("{TITLE}{}\n", header.format);
        if let Some(server) = header.server {
            swrite!(text, "-- server: PostgreSQL {server}");
            if let Some(wording) = header.wording {
                swrite!(text, ", in the wording of pg_dump {wording}");
            }
            text.push('\n');
        }
        let counts: Vec<String> = self
            .counts()
            .into_iter()
            .map(|(kind, count)| {
                if count == 1 {
                    format!("1 {}", kind.words())
                } else {
                    format!("{count} {}", kind.plural())
                }
            })
            .collect();
        swriteln!(
            text,
            "-- objects: {}",
            if counts.is_empty() {
                "none".into()
            } else {
                counts.join(", ")
            }
        );
        for versions in &header.versions {
            swriteln!(text, "-- versions: {versions}");
        }
        if !header.seeds.is_empty() {
            let seeds: Vec<String> = header.seeds.iter().map(|seed| quote(seed)).collect();
            swriteln!(text, "-- seed: {}", seeds.join(", "));
        }
        for (object, decision) in header.decisions.iter() {
            swriteln!(text, "-- {}: {object}", decision.word());
        }
        // Format 1 had no such line, and a file of it stays as it is.
        if header.format > 1 {
            swriteln!(text, "-- fingerprint: {}", self.fingerprint());
        }
        for fingerprint in &header.formerly {
            swriteln!(text, "-- formerly: {fingerprint}");
        }
        swriteln!(text, "-- sha256: {}", sha256(&self.body));
        text.push_str(&self.body);
        text
    }
}

/// SHA-256 in hexadecimal.
pub fn sha256(text: &str) -> String {
    hexadecimal(&Sha256::digest(text.as_bytes()))
}

/// Returns `true` if the last statement has its semicolon.
fn is_finished(body: &str) -> bool {
    let tokens = tokens_of_template(body);
    tokens
        .iter()
        .rev()
        .find(|token| !token.is_trivia())
        .is_none_or(|token| token.text(body) == ";")
}

fn only_crlf(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut lines = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .peekable();
    lines.peek().is_some() && lines.all(|(at, _)| at > 0 && bytes.get(at - 1) == Some(&b'\r'))
}

/// Returns whether a statement may leave something behind in its session.
pub(crate) fn changes_session(statement: &CompiledStatement) -> bool {
    let mut sql = String::new();
    let rendered =
        TenantName::new("t").is_ok_and(|any| statement.render_plain(&any, &mut sql).is_ok());
    !rendered || may_change_session(&sql)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Decision;

    const BODY: &str = "\nCREATE SCHEMA #{prefix};\n\n-- table t\nCREATE TABLE #{prefix}.t (\n    id integer\n);\n";

    fn sample() -> Snapshot {
        let mut header = Header {
            server: Some(15),
            wording: Some(18),
            versions: vec!["schema_migrations: 2 rows, last 7".into()],
            seeds: vec!["plans".into(), "My Plans".into()],
            ..Header::default()
        };
        header.decisions.add("function n()", Decision::Rename);
        Snapshot::from_parts(header, BODY.to_owned()).unwrap()
    }

    #[test]
    fn text_and_back() {
        let text = sample().to_text();
        let again = Snapshot::parse(&text).unwrap();
        assert_eq!(again.header(), sample().header());
        assert_eq!(again.body(), BODY);
        assert_eq!(again.warnings(), []);
        assert_eq!(again.to_text(), text);
        insta::assert_snapshot!(text, @r#"
        -- schemastamp snapshot, format 2
        -- server: PostgreSQL 15, in the wording of pg_dump 18
        -- objects: 1 table
        -- versions: schema_migrations: 2 rows, last 7
        -- seed: plans, "My Plans"
        -- rename: function n()
        -- fingerprint: 0eb08044f264f9641cf7abc251d2fd97959549bcb7f403a8d2aab4a7c5467f7c
        -- sha256: 9a96132f1f040228bf968cf4437863e06fb28d1868a01fe27510ac012afd05f0

        CREATE SCHEMA #{prefix};

        -- table t
        CREATE TABLE #{prefix}.t (
            id integer
        );
        "#);
    }

    #[test]
    fn an_edited_file_is_accepted_with_a_warning() {
        let text = sample().to_text().replace("integer", "bigint");
        let snapshot = Snapshot::parse(&text).unwrap();
        assert!(matches!(snapshot.warnings(), [Warning::Edited { .. }]));
    }

    #[test]
    fn what_a_truncated_file_lacks() {
        let text = sample()
            .to_text()
            .replace("objects: 1 table", "objects: 44 tables, 2 views, 1 table");
        let snapshot = Snapshot::parse(&text.replace("integer", "bigint")).unwrap();
        let warning = snapshot.warnings()[0].to_string();
        assert!(
            warning
                .ends_with("; the header counts 44 tables, the body has 1; the header counts 2 views, the body has 0"),
            "{warning}"
        );
    }

    #[test]
    fn objects_made_in_two_steps_count_once() {
        let body = "\nCREATE SCHEMA #{prefix};\nCREATE VIEW #{prefix}.v AS SELECT 1 AS a;\n\
            CREATE OPERATOR #{prefix}.+ (FUNCTION = f, LEFTARG = a);\nCREATE OPERATOR #{prefix}.+ (FUNCTION = g, LEFTARG = b);\n\
            CREATE OR REPLACE VIEW #{prefix}.v AS SELECT 2 AS a;\n";
        let counts = Snapshot::from_parts(Header::default(), body.to_owned())
            .unwrap()
            .counts();
        assert_eq!(
            counts,
            BTreeMap::from([(ObjectKind::View, 1), (ObjectKind::Operator, 2)])
        );
    }

    #[test]
    fn line_ends_and_byte_order_mark() {
        let text = format!("\u{feff}{}", sample().to_text().replace('\n', "\r\n"));
        let snapshot = Snapshot::parse(&text).unwrap();
        assert_eq!(snapshot.warnings(), [Warning::LineEnds]);
        assert_eq!(snapshot.body(), BODY);
    }

    #[test]
    fn the_minified_snapshot_has_the_same_fingerprint() {
        let small = sample().minified().unwrap();
        assert_eq!(small.fingerprint(), sample().fingerprint());
        assert_eq!(
            small.body(),
            "CREATE SCHEMA #{prefix};\nCREATE TABLE #{prefix}.t (id integer);\n"
        );
        assert_eq!(Snapshot::parse(&small.to_text()).unwrap().warnings(), []);
    }

    #[test]
    fn what_is_no_snapshot() {
        for (text, expected) in [
            ("", "the file is empty"),
            (" \n", "the file is empty"),
            ("CREATE TABLE t ();", "line 1: this is not a snapshot"),
            (
                "-- schemastamp snapshot, format 3\n",
                "line 1: the snapshot has format 3",
            ),
            (
                "-- schemastamp snapshot, format 1\nSELECT 1;",
                "the body has 0 statements",
            ),
            (
                "-- schemastamp snapshot, format 1\n-- sha256: 12\n",
                "line 2: '12' is not a SHA-256",
            ),
            (
                "-- schemastamp snapshot, format 1\n-- server: x\n",
                "line 2: 'x' is not",
            ),
            (
                "-- schemastamp snapshot, format 1\n\nCREATE SCHEMA #{prefix};\n\\! id\n",
                "line 4: psql meta-command",
            ),
            (
                "-- schemastamp snapshot, format 1\n\nCREATE SCHEMA #{prefix};\nSELECT 'a",
                "line 4: a string literal",
            ),
            (
                "-- schemastamp snapshot, format 1\n\nCREATE SCHEMA #{prefix};\nSELECT $$x\0$$,\n$$\n\\! id\n$$;\n",
                "line 4: a NUL byte",
            ),
            (
                "-- schemastamp snapshot, format 1\n-- keep: x\0\n\nCREATE SCHEMA #{prefix};\n",
                "line 2: a NUL byte",
            ),
        ] {
            let error = Snapshot::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        assert_eq!(
            Snapshot::parse_bytes(b"-- x\n\xff", OutsidePolicy::Refuse).unwrap_err(),
            SnapshotError::Encoding { line: 2 }
        );
    }
}
