//! The body of a snapshot, out of a dump's statements and rows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fmt::Write as _;
use std::ops::Range;

use super::dump::{Dump, DumpStatement};
use super::dump_facts::sequence_tables;
use super::rows::TableRows;
use super::shared::SharedObjects;
use crate::snapshot::decision::{Decision, Decisions, PlaceNumbers, TEXT_OF};
use crate::snapshot::object::{Action, Object, ObjectKind};
use crate::snapshot::rename::{Catalog, Mention, MentionVerdict, Pair, mentions, settle};
use crate::snapshot::strip_mark;
use crate::snapshot::template::{PLACEHOLDER, escape_placeholders};
use crate::sql::Script;
use crate::sql::literal::content;
use crate::sql::token::Prefix;
use crate::sql::{TokenKind, as_reloaded, quote};
use crate::text::slice;

/// Columns of an excerpt on either side of the doubtful word.
const AROUND: usize = 56;

/// A place that only the user can judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The object, as decisions name it: `function n(integer)`.
    pub object: String,
    /// The number of the ambiguous place in the object, starting at 1.
    pub place: usize,
    /// 1-based line in the dump.
    pub line: usize,
    /// 1-based line in the object's own definition.
    pub own_line: usize,
    /// The line of text it stands in, cut on both sides so that the word is in the middle.
    pub excerpt: String,
    /// Byte range of the word within [`Doubt::excerpt`].
    pub word: Range<usize>,
    /// The reason why it is ambiguous.
    pub why: String,
}

impl fmt::Display for Doubt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}#{} ({}): {}",
            self.object, self.place, self.why, self.excerpt
        )
    }
}

/// The intermediate form between a dump and its snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undecided {
    /// Places for the user to decide.
    pub doubts: Vec<Doubt>,
    /// Objects in which an alias or table is called like the schema, and that `PostgreSQL` was not asked about.
    pub contested: Vec<String>,
    /// True if the lines of the dump are those of a file that the user has.
    pub is_file: bool,
}

/// A body, and what became of the decisions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assembled {
    /// The body.
    pub body: String,
    /// Number of words in constants, messages and comments of each object stay as they are, without a decision.
    pub texts: BTreeMap<String, usize>,
    /// The names and patterns of the decisions that had an effect.
    pub used: BTreeSet<String>,
    /// The decision on each doubtful place of an object, in order.
    pub places: BTreeMap<String, Vec<Decision>>,
    /// Names that a decision can use: objects with doubtful places, and `text of …`.
    pub decidable: BTreeSet<String>,
    /// Names of extensions' objects that the body refers to.
    pub shared: BTreeSet<String>,
}

/// The input of the body in addition to the dump.
#[derive(Debug, Default)]
pub struct SnapshotParts<'a> {
    /// Rows, in the order in which they are inserted.
    pub rows: &'a [TableRows],
    /// Materialized views to fill.
    pub refresh: &'a [String],
    /// The schemas that follow the tenant's own in `search_path` while rows are inserted and views
    /// are filled.
    pub search_path: &'a [String],
    /// Definitions before and after a rename.
    pub pairs: &'a [Pair],
    /// The unguessable name in `pairs`.
    pub new_name: &'a str,
    /// The OIDs of the schema's objects, with what they are: `table t`.
    pub oids: Option<&'a BTreeMap<u32, String>>,
    /// Objects of extensions in the schema, which tenants share.
    pub shared: Option<&'a SharedObjects>,
}

/// Builds the body: every mention of the schema becomes `#{prefix}`.
///
/// # Errors
/// Everything that is not decided, all at once.
pub fn assemble(
    dump: &Dump,
    schema: &str,
    decisions: &Decisions,
    parts: &SnapshotParts<'_>,
) -> Result<Assembled, Undecided> {
    let catalog = Catalog::from_objects(dump.statements.iter().map(|statement| &statement.object));
    let mut undecided = Undecided::default();
    let mut assembled = Assembled::default();
    let mut writer = Writer {
        body: format!("\nCREATE SCHEMA {PLACEHOLDER};\n"),
        rows_written: false,
    };
    for statement in &dump.statements {
        if statement.object.kind == ObjectKind::Schema && statement.object.action == Action::Create
        {
            continue;
        }
        let Some(text) = rename(
            statement,
            schema,
            &catalog,
            decisions,
            parts,
            &mut undecided,
            &mut assembled,
        ) else {
            continue;
        };
        let Some(text) = without_mark(&statement.object, text) else {
            continue;
        };
        let text = as_reloaded(&with_own_delimiter(&statement.object, text));
        if is_behind_rows(&statement.object) {
            writer.rows(dump, parts, schema);
        }
        writer.statement(&statement.object, &text);
    }
    writer.rows(dump, parts, schema);
    writer.refresh(parts);
    if undecided == Undecided::default() {
        assembled.body = writer.body;
        Ok(assembled)
    } else {
        Err(undecided)
    }
}

/// `pg_dump` puts rows after tables, functions and views, and before constraints, indexes and
/// triggers.
fn is_behind_rows(object: &Object) -> bool {
    object.action == Action::Create
        && matches!(
            object.kind,
            ObjectKind::Constraint
                | ObjectKind::Index
                | ObjectKind::Trigger
                | ObjectKind::Rule
                | ObjectKind::Policy
        )
}

struct Writer {
    body: String,
    rows_written: bool,
}

impl Writer {
    fn statement(&mut self, object: &Object, text: &str) {
        self.body.push('\n');
        if object.action == Action::Create {
            self.body.push_str("-- ");
            self.body
                .push_str(&escape_placeholders(&object.to_string()));
            self.body.push('\n');
        }
        self.plain(text);
    }

    fn plain(&mut self, text: &str) {
        self.body.push_str(text);
        self.body.push_str(";\n");
    }

    fn search_path(&mut self, parts: &SnapshotParts<'_>, ours: bool) {
        self.body.push('\n');
        let path = if ours {
            let others = parts.search_path.iter().map(|schema| quote(schema));
            std::iter::once(PLACEHOLDER.to_owned())
                .chain(others.map(|schema| escape_placeholders(&schema).replace('\'', "''")))
                .collect::<Vec<_>>()
                .join(", ")
        } else {
            String::new()
        };
        self.plain(&format!(
            "SELECT pg_catalog.set_config('search_path', '{path}', true)"
        ));
    }

    /// Rows are inserted with the tenant's own `search_path`: a CHECK may call a function that needs it.
    fn rows(&mut self, dump: &Dump, parts: &SnapshotParts<'_>, schema: &str) {
        if self.rows_written {
            return;
        }
        self.rows_written = true;
        if parts.rows.iter().all(|table| table.rows.is_empty()) {
            return;
        }
        self.search_path(parts, true);
        for table in parts.rows {
            for statement in table.statements() {
                self.body.push('\n');
                let name = table.table.escape_debug().to_string();
                let _ = writeln!(self.body, "-- rows of {}", escape_placeholders(&name));
                self.plain(&statement);
            }
        }
        let users = sequence_tables(dump);
        for (sequence, value) in &dump.sequence_values {
            let of = users.get(sequence);
            if parts
                .rows
                .iter()
                .any(|table| of.is_some_and(|of| of.contains(&table.table)))
            {
                self.body.push('\n');
                self.plain(&setval(value, schema));
            }
        }
        self.search_path(parts, false);
    }

    fn refresh(&mut self, parts: &SnapshotParts<'_>) {
        if parts.refresh.is_empty() {
            return;
        }
        self.search_path(parts, true);
        for view in parts.refresh {
            self.body.push('\n');
            self.plain(&format!(
                "REFRESH MATERIALIZED VIEW {PLACEHOLDER}.{}",
                escape_placeholders(&quote(view))
            ));
        }
        self.search_path(parts, false);
    }
}

/// `setval('schema.sequence', …)`: the literal is an identifier.
fn setval(statement: &DumpStatement, schema: &str) -> String {
    let catalog = Catalog::default();
    let Ok(script) = Script::parse(&statement.text) else {
        return statement.text.clone();
    };
    let Some(parsed) = script.statements().next() else {
        return statement.text.clone();
    };
    let found = mentions(parsed, &statement.object, &statement.text, schema, &catalog);
    replace(&statement.text, &found, None)
}

/// Finds the decision on a place, and remembers that it was used.
fn find(
    decisions: &Decisions,
    object: &str,
    place: usize,
    used: &mut BTreeSet<String>,
) -> Option<Decision> {
    let (name, decision) = decisions.find(object, place)?;
    used.insert(name.to_owned());
    Some(decision)
}

/// The statement with every mention of the schema replaced; `None` when something in it is undecided.
fn rename(
    statement: &DumpStatement,
    schema: &str,
    catalog: &Catalog,
    decisions: &Decisions,
    parts: &SnapshotParts<'_>,
    undecided: &mut Undecided,
    assembled: &mut Assembled,
) -> Option<String> {
    let text = statement.text.as_str();
    let script = Script::parse(text).ok()?;
    let parsed = script.statements().next()?;
    let mut found = mentions(parsed, &statement.object, text, schema, catalog);
    if let Some(shared) = parts.shared {
        let names = shared.settle(&mut found, &statement.object, text, catalog);
        assembled.shared.extend(names);
    }
    let mut decided = true;
    if !settle(&mut found, text, 0, parts.pairs, parts.new_name) {
        undecided.contested.push(statement.object.to_string());
        decided = false;
    }
    let object = statement.object.to_string();
    let constants = format!("{TEXT_OF}{object}");
    let doubt = |place: usize, range: &Range<usize>, why: String| {
        let (excerpt, word) = excerpt(text, range);
        let own_line = 1 + slice(text, ..range.start).matches('\n').count();
        Doubt {
            object: object.clone(),
            place,
            line: statement.line + own_line - 1,
            own_line,
            excerpt,
            word,
            why,
        }
    };
    let oids: Vec<_> = oids_in(statement, parts.oids).into_iter().collect();
    let is_doubtful = |mention: &&Mention| matches!(mention.verdict, MentionVerdict::Doubtful(_));
    let numbers = decisions.place_numbers(
        &object,
        found.iter().filter(is_doubtful).count() + oids.len(),
    );
    let (mut place, mut text_place) = (0, 0);
    for mention in &mut found {
        let (name, at) = match mention.verdict {
            MentionVerdict::Doubtful(_) => {
                place += 1;
                (&object, place)
            }
            MentionVerdict::Text => {
                text_place += 1;
                (&constants, text_place)
            }
            _ => continue,
        };
        assembled.decidable.insert(name.clone());
        let found = match (numbers, mention.verdict) {
            (PlaceNumbers::AllRenamed, MentionVerdict::Doubtful(_)) => Some(Decision::Rename),
            (PlaceNumbers::Unknown, MentionVerdict::Doubtful(_)) => {
                find(&decisions.given(), name, at, &mut assembled.used)
            }
            _ => find(decisions, name, at, &mut assembled.used),
        };
        if let (PlaceNumbers::Same, MentionVerdict::Doubtful(_), Some(decision)) =
            (numbers, mention.verdict, found)
        {
            let places = assembled.places.entry(object.clone()).or_default();
            places.push(decision);
        }
        match (found, mention.verdict) {
            (Some(Decision::Rename), _) => mention.verdict = MentionVerdict::Schema,
            (Some(Decision::Keep), _) => mention.verdict = MentionVerdict::Other,
            (None, MentionVerdict::Doubtful(why)) => {
                decided = false;
                undecided
                    .doubts
                    .push(doubt(place, &mention.range, why.to_owned()));
            }
            (None, _) => *assembled.texts.entry(object.clone()).or_default() += 1,
        }
    }
    for (range, of) in oids {
        place += 1;
        assembled.decidable.insert(object.clone());
        let found = decisions.find(&object, place);
        if let Some((key, decision)) = found {
            assembled.used.insert(key.to_owned());
            let places = assembled.places.entry(object.clone()).or_default();
            places.push(decision);
        }
        if found.map(|(_, decision)| decision) != Some(Decision::Keep) {
            decided = false;
            let why = format!(
                "the number is the OID of {of}; give the object's name instead, which can be renamed, or keep it if it \
                 is only a number"
            );
            undecided.doubts.push(doubt(place, &range, why));
        }
    }
    // What a routine finds by its search_path may be an extension's.
    let behind = parts
        .shared
        .filter(|shared| shared.has_any())
        .map(|_| schema);
    let replaced = decided.then(|| replace(text, &found, behind))?;
    Some(if schema.contains('\\') {
        without_escape_marks(&replaced)
    } else {
        replaced
    })
}

/// Takes back the `E` that rendering puts in front of a literal for a name with a backslash, in bodies too.
fn without_escape_marks(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    for token in crate::sql::tokens_of_template(text) {
        let piece = token.text(text);
        match token.kind {
            TokenKind::Dollar(length, true) => {
                let body = piece.get(length..piece.len() - length).unwrap_or_default();
                let delimiter = slice(piece, ..length);
                let _ = write!(
                    output,
                    "{delimiter}{}{delimiter}",
                    without_escape_marks(body)
                );
            }
            TokenKind::String(Prefix::Escape, true)
                if piece.contains(PLACEHOLDER) && !piece.contains('\\') =>
            {
                output.push_str(slice(piece, 1..));
            }
            _ => output.push_str(piece),
        }
    }
    output
}

/// The text with `#{prefix}` in the place of the schema, and every other `#{` kept from being a placeholder. In a
/// `search_path`, the schema `behind` follows.
fn replace(text: &str, found: &[Mention], behind: Option<&str>) -> String {
    let mut output = String::with_capacity(text.len());
    let mut at = 0;
    for mention in found.iter().filter(|mention| mention.verdict.is_schema()) {
        if mention.range.start < at {
            continue;
        }
        output.push_str(&escape_placeholders(slice(text, at..mention.range.start)));
        output.push_str(PLACEHOLDER);
        if let Some(behind) = behind {
            match mention.verdict {
                MentionVerdict::PathName => {
                    let _ = write!(output, ", {}", quote(behind));
                }
                MentionVerdict::PathItem => {
                    let marks = quotation_marks(text, &mention.range);
                    let _ = write!(output, "{marks}, {marks}{behind}");
                }
                _ => {}
            }
        }
        at = mention.range.end;
    }
    output.push_str(&escape_placeholders(slice(text, at..)));
    output
}

/// The marks around the content of a literal: doubled in a literal within a literal.
fn quotation_marks<'a>(text: &'a str, content: &Range<usize>) -> &'a str {
    let before = slice(text, ..content.start);
    let after = slice(text, content.end..);
    let count =
        |bytes: &mut dyn Iterator<Item = u8>| bytes.take_while(|byte| *byte == b'\'').count();
    let length = count(&mut before.bytes().rev()).min(count(&mut after.bytes()));
    slice(after, ..length)
}

/// Numbers in a statement that are the OIDs of the schema's objects, with these. Objects that users make have OIDs from
/// 16384 on (`FirstNormalObjectId`), so that few numbers are queried.
fn oids_in(
    statement: &DumpStatement,
    oids: Option<&BTreeMap<u32, String>>,
) -> Vec<(Range<usize>, String)> {
    let Some(oids) = oids else { return Vec::new() };
    // Where a sequence starts, rows: numbers and nothing else.
    if statement.object.action == Action::Rows || statement.object.kind == ObjectKind::Sequence {
        return Vec::new();
    }
    let text = statement.text.as_bytes();
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(byte) = text.get(at) {
        if !byte.is_ascii_digit() {
            at += 1;
            continue;
        }
        let length = text
            .iter()
            .skip(at)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let continues = |byte: Option<&u8>| {
            byte.is_some_and(|byte| crate::sql::token::continues_word(*byte) || *byte == b'.')
        };
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        let is_whole = !continues(before) && !continues(text.get(at + length));
        let number = statement
            .text
            .get(at..at + length)
            .filter(|_| is_whole && length >= 5)
            .and_then(|digits| digits.parse::<u32>().ok());
        if let Some(of) = number.and_then(|number| oids.get(&number)) {
            found.push((at..at + length, of.clone()));
        }
        at += length;
    }
    found
}

/// The line of text around a word, cut so that the word is in the middle, and where the word is in it.
fn excerpt(text: &str, range: &Range<usize>) -> (String, Range<usize>) {
    let before = slice(text, ..range.start);
    let before = before.rsplit('\n').next().unwrap_or_default().trim_start();
    let word = text.get(range.clone()).unwrap_or_default();
    let behind = slice(text, range.end..);
    let behind = behind.split('\n').next().unwrap_or_default().trim_end();
    let cut = before.chars().count().saturating_sub(AROUND);
    let mut excerpt = String::new();
    if cut > 0 {
        excerpt.push('…');
    }
    let clean = |text: &str| -> String {
        text.chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect()
    };
    excerpt.push_str(&clean(&before.chars().skip(cut).collect::<String>()));
    let start = excerpt.len();
    excerpt.push_str(&clean(word));
    let end = excerpt.len();
    excerpt.push_str(&clean(&behind.chars().take(AROUND).collect::<String>()));
    if behind.chars().count() > AROUND {
        excerpt.push('…');
    }
    (excerpt, start..end)
}

/// A routine whose body has the delimiter that `pg_dump` would choose for the template's text
/// (`appendStringLiteralDQ`): what it chose for the dump depends on the characters in the schema's name.
fn with_own_delimiter(object: &Object, text: String) -> String {
    if !matches!(object.kind, ObjectKind::Function | ObjectKind::Procedure)
        || object.action != Action::Create
    {
        return text;
    }
    let tokens = crate::sql::tokens_of_template(&text);
    let Some((token, length)) = tokens.iter().rev().find_map(|token| match token.kind {
        TokenKind::Dollar(length, true) => Some((*token, length)),
        _ => None,
    }) else {
        return text;
    };
    let Some(body) = text.get(token.start + length..token.end - length) else {
        return text;
    };
    let mut delimiter = String::from("$");
    let mut suffixes = "_XXXXXXX".chars().cycle();
    while body.contains(&delimiter) {
        delimiter.extend(suffixes.next());
    }
    delimiter.push('$');
    let (before, behind) = (slice(&text, ..token.start), slice(&text, token.end..));
    format!("{before}{delimiter}{body}{delimiter}{behind}")
}

/// Returns a schema's comment without the marker of `provision`, or `None` if nothing else is in
/// it.
fn without_mark(object: &Object, text: String) -> Option<String> {
    if object.kind != ObjectKind::Schema || object.action != Action::Comment {
        return Some(text);
    }
    let literal = crate::sql::tokens_of_template(&text)
        .into_iter()
        .rev()
        .find(|t| matches!(t.kind, TokenKind::String(..)));
    let Some(value) = literal.and_then(|token| content(token, &text)) else {
        return Some(text);
    };
    let kept = strip_mark(&value.text);
    match (literal, kept) {
        (_, "") => None,
        (Some(token), kept) if kept != value.text => {
            let head = slice(&text, ..token.start);
            // Written as pg_dump does: never with `E`, whatever backslashes it has.
            Some(format!("{head}'{}'", kept.replace('\'', "''")))
        }
        _ => Some(text),
    }
}
