//! Replaces the schema's name in the statements of a dump, as far as that is decided.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::assembled::{Assembled, Doubt, SnapshotParts, Undecided};
use super::dump::{Dump, DumpStatement};
use crate::snapshot::decision::{Decision, Decisions, PlaceNumbers, TEXT_OF};
use crate::snapshot::object::{Action, ObjectKind};
use crate::snapshot::rename::{Catalog, Mention, MentionVerdict, mentions, settle};
use crate::snapshot::template::{PLACEHOLDER, escape_placeholders};
use crate::sql::token::Prefix;
use crate::sql::{Script, TokenKind, quote};
use crate::text::{slice, swrite};

/// Columns of an excerpt on either side of the doubtful word.
const AROUND: usize = 56;

/// Replaces the schema's name, and collects what became of the decisions.
pub(super) struct StatementRenamer<'a> {
    schema: &'a str,
    catalog: Catalog,
    decisions: &'a Decisions,
    parts: &'a SnapshotParts<'a>,
    undecided: Undecided,
    assembled: Assembled,
}

/// A number in a statement that is the OID of an object of the schema.
struct OidNumber {
    range: Range<usize>,
    /// The object: `table t`.
    object: String,
}

impl<'a> StatementRenamer<'a> {
    pub(super) fn new(
        dump: &Dump,
        schema: &'a str,
        decisions: &'a Decisions,
        parts: &'a SnapshotParts<'a>,
    ) -> Self {
        Self {
            schema,
            catalog: Catalog::from_objects(
                dump.statements.iter().map(|statement| &statement.object),
            ),
            decisions,
            parts,
            undecided: Undecided::default(),
            assembled: Assembled::default(),
        }
    }

    /// Returns the body with what became of the decisions, or everything that is not decided.
    pub(super) fn finish(self, body: String) -> Result<Assembled, Undecided> {
        if self.undecided == Undecided::default() {
            Ok(Assembled {
                body,
                ..self.assembled
            })
        } else {
            Err(self.undecided)
        }
    }

    /// Returns the statement with every mention of the schema replaced; `None` when something in it is undecided.
    pub(super) fn rename(&mut self, statement: &DumpStatement) -> Option<String> {
        let text = statement.text.as_str();
        let script = Script::parse(text).ok()?;
        let parsed = script.statements().next()?;
        let mut found = mentions(parsed, &statement.object, text, self.schema, &self.catalog);
        if let Some(shared) = self.parts.shared {
            let names = shared.settle(&mut found, &statement.object, text, &self.catalog);
            self.assembled.shared.extend(names);
        }
        let mut is_decided = settle(&mut found, text, 0, self.parts.pairs, self.parts.new_name);
        if !is_decided {
            let object = statement.object.to_string();
            self.undecided.contested.push(object);
        }
        let oids = oids_in(statement, self.parts.oids);
        let doubtful = found.iter().filter(|mention| is_doubtful(mention)).count();
        // The numbers of the places go on from the words to the OIDs.
        is_decided &= self.decide_mentions(statement, &mut found, doubtful + oids.len());
        is_decided &= self.decide_oids(statement, doubtful, oids);
        // What a routine finds by its search_path may be an extension's.
        let behind = self
            .parts
            .shared
            .filter(|shared| shared.has_any())
            .map(|_| self.schema);
        let replaced = is_decided.then(|| replace(text, &found, behind))?;
        Some(if self.schema.contains('\\') {
            without_escape_marks(&replaced)
        } else {
            replaced
        })
    }

    /// Decides on the mentions that are doubtful or text, of which an object has `places` together with its OIDs. Returns
    /// whether all are decided.
    fn decide_mentions(
        &mut self,
        statement: &DumpStatement,
        found: &mut [Mention],
        places: usize,
    ) -> bool {
        let object = statement.object.to_string();
        let constants = format!("{TEXT_OF}{object}");
        let numbers = self.decisions.place_numbers(&object, places);
        let mut is_decided = true;
        let mut place = 0;
        let mut text_place = 0;
        for mention in found {
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
            self.assembled.decidable.insert(name.clone());
            let used = &mut self.assembled.used;
            let decision = match (numbers, mention.verdict) {
                (PlaceNumbers::AllRenamed, MentionVerdict::Doubtful(_)) => Some(Decision::Rename),
                (PlaceNumbers::Unknown, MentionVerdict::Doubtful(_)) => {
                    find(&self.decisions.given(), name, at, used)
                }
                _ => find(self.decisions, name, at, used),
            };
            if let (PlaceNumbers::Same, MentionVerdict::Doubtful(_), Some(decision)) =
                (numbers, mention.verdict, decision)
            {
                let places = self.assembled.places.entry(object.clone()).or_default();
                places.push(decision);
            }
            match (decision, mention.verdict) {
                (Some(Decision::Rename), _) => mention.verdict = MentionVerdict::Schema,
                (Some(Decision::Keep), _) => mention.verdict = MentionVerdict::Other,
                (None, MentionVerdict::Doubtful(why)) => {
                    is_decided = false;
                    let doubt = new_doubt(statement, place, &mention.range, why.to_owned());
                    self.undecided.doubts.push(doubt);
                }
                (None, _) => *self.assembled.texts.entry(object.clone()).or_default() += 1,
            }
        }
        is_decided
    }

    /// Decides on numbers that are OIDs, which come after `before` other places of the object. Returns whether all are
    /// decided.
    fn decide_oids(
        &mut self,
        statement: &DumpStatement,
        before: usize,
        oids: Vec<OidNumber>,
    ) -> bool {
        let object = statement.object.to_string();
        let mut is_decided = true;
        for (place, oid) in (before + 1..).zip(oids) {
            self.assembled.decidable.insert(object.clone());
            let found = self.decisions.find(&object, place);
            if let Some((key, decision)) = found {
                self.assembled.used.insert(key.to_owned());
                let places = self.assembled.places.entry(object.clone()).or_default();
                places.push(decision);
            }
            // A copy has other OIDs, and no text can name its own: there is nothing to rename such a number to.
            if found.map(|(_, decision)| decision) != Some(Decision::Keep) {
                is_decided = false;
                let why = format!(
                    "the number is the OID of {}; give the object's name instead, which can be renamed, or keep it if it \
                     is only a number",
                    oid.object
                );
                let doubt = new_doubt(statement, place, &oid.range, why);
                self.undecided.doubts.push(doubt);
            }
        }
        is_decided
    }
}

fn is_doubtful(mention: &Mention) -> bool {
    matches!(mention.verdict, MentionVerdict::Doubtful(_))
}

/// Describes a place of a statement that only the user can judge.
fn new_doubt(statement: &DumpStatement, place: usize, range: &Range<usize>, why: String) -> Doubt {
    let text = statement.text.as_str();
    let (excerpt, word) = excerpt(text, range);
    let own_line = 1 + slice(text, ..range.start).matches('\n').count();
    Doubt {
        object: statement.object.to_string(),
        place,
        line: statement.line + own_line - 1,
        own_line,
        excerpt,
        word,
        why,
    }
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

/// Takes back the `E` that rendering puts in front of a literal for a name with a backslash, in bodies too.
fn without_escape_marks(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    for token in crate::sql::tokens_of_template(text) {
        let piece = token.text(text);
        match token.kind {
            TokenKind::Dollar(length, true) => {
                let body = slice(piece, length..piece.len() - length);
                let delimiter = slice(piece, ..length);
                swrite!(
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
pub(super) fn replace(text: &str, found: &[Mention], behind: Option<&str>) -> String {
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
                    swrite!(output, ", {}", quote(behind));
                }
                MentionVerdict::PathItem => {
                    let marks = quotation_marks(text, &mention.range);
                    swrite!(output, "{marks}, {marks}{behind}");
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
fn oids_in(statement: &DumpStatement, oids: Option<&BTreeMap<u32, String>>) -> Vec<OidNumber> {
    let Some(oids) = oids else { return Vec::new() };
    // Where a sequence starts, rows: numbers and nothing else.
    if statement.object.action == Action::Rows || statement.object.kind == ObjectKind::Sequence {
        return Vec::new();
    }
    let text = statement.text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
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
        if let Some(object) = number.and_then(|number| oids.get(&number)) {
            found.push(OidNumber {
                range: at..at + length,
                object: object.clone(),
            });
        }
        at += length;
    }
    found
}

/// The line of text around a word, cut so that the word is in the middle, and where the word is in it.
fn excerpt(text: &str, range: &Range<usize>) -> (String, Range<usize>) {
    let before = slice(text, ..range.start);
    let before = before.rsplit('\n').next().unwrap_or_default().trim_start();
    let word = slice(text, range.clone());
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
