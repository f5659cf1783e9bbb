//! The header of a snapshot file: `--` lines.

use super::decision::{Decision, Decisions};
use super::problem::{SnapshotError, Warning};
use super::version::{FORMAT, OLDEST_FORMAT, TITLE};
use crate::sql::identifier::{fold, unquote};
use crate::sql::{TokenKind, tokens};

/// The header of a snapshot: what people and tools want to know without reading the body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// The format of the body: [`FORMAT`], or that of the older version that wrote it.
    pub format: u32,
    /// Major version of the captured server, or of the dump, if it is known.
    pub server: Option<u32>,
    /// Major version of the `pg_dump` whose wording the body has.
    pub wording: Option<u32>,
    /// The version tables and their content, as text: `schema_migrations: 12 rows, last
    /// 20240301120000`.
    pub versions: Vec<String>,
    /// Tables whose rows are carried, in the order in which they are filled.
    pub seeds: Vec<String>,
    /// The user's decisions about ambiguous text.
    pub decisions: Decisions,
    /// Fingerprints that the same schema had in older formats: tenants and spares that carry one are of this snapshot.
    pub formerly: Vec<String>,
}

impl Default for Header {
    fn default() -> Self {
        Self {
            format: FORMAT,
            server: None,
            wording: None,
            versions: Vec::new(),
            seeds: Vec::new(),
            decisions: Decisions::default(),
            formerly: Vec::new(),
        }
    }
}

/// A header as it stands in a file.
#[derive(Default)]
pub(super) struct ParsedHeader {
    pub(super) header: Header,
    /// In bytes.
    pub(super) length: usize,
    /// SHA-256 of the body.
    pub(super) checksum: Option<String>,
    /// Number of objects of the body.
    pub(super) objects: String,
}

pub(super) fn parse_header(
    text: &str,
    warnings: &mut Vec<Warning>,
) -> Result<ParsedHeader, SnapshotError> {
    let mut parsed = ParsedHeader::default();
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let number = index + 1;
        let content = line.trim_end_matches(['\n', '\r']);
        if index == 0 {
            let format = content
                .strip_prefix(TITLE)
                .ok_or(SnapshotError::NotASnapshot)?
                .trim();
            match format.parse::<u32>() {
                Ok(known) if (OLDEST_FORMAT..=FORMAT).contains(&known) => {
                    parsed.header.format = known;
                }
                Ok(_) => {
                    return Err(SnapshotError::Format {
                        format: format.to_owned(),
                    });
                }
                Err(_) => return Err(SnapshotError::NotASnapshot),
            }
        } else {
            let Some(content) = content.strip_prefix("-- ") else {
                break;
            };
            // Comments of the body may follow the header of a file without a checksum.
            let Some((key, value)) = content.split_once(": ") else {
                break;
            };
            let header = &mut parsed.header;
            let bad = |message: String| SnapshotError::Header {
                line: number,
                message,
            };
            match key {
                "server" => {
                    (header.server, header.wording) = parse_server(value).ok_or_else(|| {
                        bad(format!(
                            "'{value}' is not 'PostgreSQL N, in the wording of pg_dump N'"
                        ))
                    })?;
                }
                // Counted again from the body.
                "objects" => value.clone_into(&mut parsed.objects),
                "versions" => header.versions.push(value.to_owned()),
                "seed" => header.seeds = parse_names(value).map_err(bad)?,
                "keep" => header.decisions.add_remembered(value, Decision::Keep),
                "rename" => header.decisions.add_remembered(value, Decision::Rename),
                // Computed again from the body.
                "fingerprint" => drop(parse_sha256(value).map_err(bad)?),
                "formerly" => header.formerly.push(parse_sha256(value).map_err(bad)?),
                "sha256" => {
                    parsed.checksum = Some(parse_sha256(value).map_err(bad)?);
                    parsed.length += line.len();
                    return Ok(parsed);
                }
                _ => warnings.push(Warning::UnknownHeader {
                    line: number,
                    text: content.chars().take(80).collect(),
                }),
            }
        }
        parsed.length += line.len();
    }
    Ok(parsed)
}

fn parse_sha256(value: &str) -> Result<String, String> {
    if value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(value.to_ascii_lowercase())
    } else {
        Err(format!(
            "'{value}' is not a SHA-256 of 64 hexadecimal digits"
        ))
    }
}

fn parse_server(value: &str) -> Option<(Option<u32>, Option<u32>)> {
    let rest = value.strip_prefix("PostgreSQL ")?;
    match rest.split_once(", in the wording of pg_dump ") {
        Some((server, wording)) => Some((Some(server.parse().ok()?), Some(wording.parse().ok()?))),
        None => Some((Some(rest.parse().ok()?), None)),
    }
}

/// A list of identifiers, separated by commas.
///
/// # Errors
/// A message for people when it is no such list.
pub fn parse_names(list: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    let mut expects_name = true;
    for token in tokens(list).into_iter().filter(|token| !token.is_trivia()) {
        let text = token.text(list);
        match token.kind {
            TokenKind::Word if expects_name => names.push(fold(text)),
            TokenKind::Quoted(true) if expects_name => names.push(unquote(text)),
            TokenKind::Punctuation if text == "," && !expects_name => {}
            _ => {
                return Err(format!(
                    "'{list}' is not a list of names separated by commas"
                ));
            }
        }
        expects_name = !expects_name;
    }
    Ok(names)
}
