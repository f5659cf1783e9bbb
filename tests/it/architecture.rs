//! The order of the modules: what may import what.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use crate::support::{Sources, read_sources};

/// The top-level modules from the ground up. A module imports only from the rows above its own in this list; modules
/// of one row do not import each other.
const LEVELS: &[&[&str]] = &[
    &["text", "exit"],
    &["path", "sql"],
    &["process", "tls"],
    &["config", "pg"],
    &["snapshot"],
    &["diagnose"],
    &["connect"],
    &["tenant"],
    &["fleet"],
    &["service"],
    &["cli"],
];

/// Modules whose own modules import each other in a circle: none. One that is listed and has no circle
/// is a fault as well, so that this list only gets shorter.
const CIRCLES: &[&str] = &[];

/// A module by the names that lead to it: `["pg", "server"]`; empty for the crate's root.
type Module = Vec<String>;

/// One module uses another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Arrow {
    from: Module,
    to: Module,
    /// The file that has the arrow.
    file: String,
    /// 1-based line.
    line: usize,
}

impl fmt::Display for Arrow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "src/{}:{}: {} uses {}",
            self.file,
            self.line,
            self.from.join("::"),
            self.to.join("::")
        )
    }
}

/// A word or a mark of Rust, with its line.
#[derive(Clone, Debug)]
struct Lexeme<'a> {
    text: &'a str,
    line: usize,
}

/// A path that begins at the crate's root, at this module or above it; `as` names and a glob's star are left out.
#[derive(Clone, Debug)]
struct UsedPath {
    segments: Vec<String>,
    line: usize,
    /// The name under which a `use` makes it known, where the path stands in one.
    name: Option<String>,
}

#[test]
fn no_module_imports_upwards_or_in_a_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let found = faults(&read_sources(&root), LEVELS, CIRCLES);
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn an_import_from_above_is_named() {
    let found = faults(
        &tree(&[
            ("sql.rs", "pub fn quote() {}\n"),
            ("pg/mod.rs", "mod server;\n"),
            (
                "pg/server.rs",
                "use crate::sql::quote;\n\nfn run() {\n    crate::cli::say(\"crate::fleet::no\"); // crate::fleet::x\n}\n",
            ),
            ("cli/mod.rs", "pub fn say() {}\n"),
        ]),
        LEVELS,
        &[],
    );
    assert_eq!(
        found,
        ["src/pg/server.rs:4: pg::server uses cli, which is not below pg"]
    );
}

#[test]
fn modules_of_one_row_do_not_import_each_other() {
    let found = faults(
        &tree(&[
            ("config.rs", "pub struct Setting;\n"),
            ("pg.rs", "use crate::{config::{Setting as S}, sql};\n"),
            ("sql.rs", ""),
        ]),
        LEVELS,
        &[],
    );
    assert_eq!(
        found,
        ["src/pg.rs:1: pg uses config, which is not below pg"]
    );
}

#[test]
fn a_module_without_a_place_is_named() {
    let found = faults(&tree(&[("misc.rs", "")]), LEVELS, &[]);
    assert_eq!(found, ["src/misc.rs: `misc` has no level"]);
}

#[test]
fn a_circle_of_siblings_is_named_with_its_arrows() {
    let found = faults(
        &tree(&[
            (
                "tenant/mod.rs",
                "mod one;\nmod two;\nmod three;\npub use one::One;\npub(crate) use two::{Two, self as both};\n",
            ),
            ("tenant/one.rs", "use super::Two;\npub struct One;\n"),
            (
                "tenant/two.rs",
                "use super::three::Three;\npub struct Two;\nmod tests { use super::*; }\n",
            ),
            (
                "tenant/three.rs",
                "pub struct Three;\nmod inner {\n    use super::super::One;\n}\n",
            ),
        ]),
        LEVELS,
        &[],
    );
    assert_eq!(
        found,
        ["the modules of `tenant` import each other in a circle:\n  \
          src/tenant/one.rs:1: tenant::one uses tenant::two\n  \
          src/tenant/two.rs:1: tenant::two uses tenant::three\n  \
          src/tenant/three.rs:3: tenant::three uses tenant::one"]
    );
}

#[test]
fn an_exception_that_is_no_longer_needed_is_named() {
    let files = [
        ("tenant/mod.rs", "mod one;\nmod two;\n"),
        ("tenant/one.rs", "use super::two::Two;\n"),
        ("tenant/two.rs", "pub struct Two;\n"),
    ];
    let found = faults(&tree(&files), LEVELS, &["tenant"]);
    assert_eq!(found, ["`tenant` has no circle: take it off the list"]);
}

#[test]
fn an_item_of_a_mod_file_that_its_modules_use_is_named() {
    let found = faults(
        &tree(&[
            ("sql/mod.rs", "mod token;\n\npub fn quote() {}\n"),
            ("sql/token.rs", ""),
        ]),
        LEVELS,
        &[],
    );
    assert_eq!(found, Vec::<String>::new(), "nothing imports it from below");
    let found = faults(
        &tree(&[
            ("sql/mod.rs", "mod token;\n\npub fn quote() {}\n"),
            ("sql/token.rs", "use super::quote;\n"),
        ]),
        LEVELS,
        &[],
    );
    assert_eq!(
        found,
        [
            "src/sql/token.rs:1: sql::token uses sql, which holds it: give what both need a file of its own"
        ]
    );
}

fn tree(files: &[(&str, &str)]) -> Sources {
    let own = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
    files.iter().map(own).collect()
}

/// Everything that breaks the order, each with the arrow that does.
fn faults(sources: &Sources, levels: &[&[&str]], circles: &[&str]) -> Vec<String> {
    let modules: BTreeMap<Module, &String> = sources
        .keys()
        .filter(|file| *file != "main.rs" && !file.ends_with("/tests.rs"))
        .map(|file| (module_of(file), file))
        .collect();
    let paths: BTreeMap<&Module, Vec<UsedPath>> = modules
        .iter()
        .map(|(module, file)| (module, used_paths(module, &sources[*file])))
        .collect();
    let mut arrows = BTreeSet::new();
    for (module, used) in &paths {
        for path in used {
            let to = resolve(&path.segments, &paths, 0);
            if to != **module {
                arrows.insert(Arrow {
                    from: (*module).clone(),
                    to,
                    file: modules[*module].clone(),
                    line: path.line,
                });
            }
        }
    }
    let level = |module: &Module| {
        let top = module.first()?;
        levels.iter().position(|row| row.contains(&top.as_str()))
    };
    let mut found = Vec::new();
    for (module, file) in modules.iter().filter(|(module, _)| module.len() == 1) {
        if level(module).is_none() {
            found.push(format!("src/{file}: `{}` has no level", module[0]));
        }
    }
    let mut siblings: BTreeMap<Module, Vec<(String, String, Arrow)>> = BTreeMap::new();
    for arrow in arrows.iter().filter(|arrow| !arrow.from.is_empty()) {
        let shared = arrow
            .from
            .iter()
            .zip(&arrow.to)
            .take_while(|(one, other)| one == other)
            .count();
        if shared == 0 {
            let above = level(&arrow.to) >= level(&arrow.from);
            if above {
                found.push(format!("{arrow}, which is not below {}", arrow.from[0]));
            }
        } else if shared == arrow.to.len() {
            found.push(format!(
                "{arrow}, which holds it: give what both need a file of its own"
            ));
        } else if shared < arrow.from.len() {
            let edge = (
                arrow.from[shared].clone(),
                arrow.to[shared].clone(),
                arrow.clone(),
            );
            siblings
                .entry(arrow.from[..shared].to_vec())
                .or_default()
                .push(edge);
        }
    }
    for (parent, edges) in &siblings {
        let parent = parent.join("::");
        match (circle(edges), circles.contains(&parent.as_str())) {
            (None, false) | (Some(_), true) => {}
            (None, true) => found.push(format!("`{parent}` has no circle: take it off the list")),
            (Some(circle), false) => {
                let arrows: Vec<String> =
                    circle.iter().map(|arrow| format!("\n  {arrow}")).collect();
                found.push(format!(
                    "the modules of `{parent}` import each other in a circle:{}",
                    arrows.concat()
                ));
            }
        }
    }
    found
}

/// `pg/server.rs` and `pg/server/mod.rs` are `pg::server`.
fn module_of(file: &str) -> Module {
    let stem = file.strip_suffix(".rs").unwrap();
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    if stem == "lib" {
        return Module::new();
    }
    stem.split('/').map(str::to_owned).collect()
}

/// The module in which the last name of a path is defined: re-exports are followed.
fn resolve(path: &[String], paths: &BTreeMap<&Module, Vec<UsedPath>>, depth: usize) -> Module {
    let mut module = Module::new();
    for (index, name) in path.iter().enumerate() {
        let mut inner = module.clone();
        inner.push(name.clone());
        if paths.contains_key(&inner) {
            module = inner;
            continue;
        }
        let known = paths.get(&module).and_then(|used| {
            used.iter()
                .find(|used| used.name.as_ref() == Some(name) && used.segments != path)
        });
        if let Some(known) = known.filter(|_| depth < 8) {
            let mut whole = known.segments.clone();
            whole.extend_from_slice(&path[index + 1..]);
            return resolve(&whole, paths, depth + 1);
        }
        break;
    }
    module
}

/// A shortest circle among the edges, if there is one.
fn circle(edges: &[(String, String, Arrow)]) -> Option<Vec<Arrow>> {
    let mut names: Vec<&String> = edges.iter().map(|(from, ..)| from).collect();
    names.sort();
    names.dedup();
    let mut shortest: Option<Vec<Arrow>> = None;
    for start in names {
        let mut reached: BTreeSet<&String> = BTreeSet::new();
        let mut open: Vec<(&String, Vec<Arrow>)> = vec![(start, Vec::new())];
        while !open.is_empty() {
            let mut next = Vec::new();
            for (at, way) in open {
                for (_, to, arrow) in edges.iter().filter(|(from, ..)| from == at) {
                    let mut longer = way.clone();
                    longer.push(arrow.clone());
                    if to == start {
                        if shortest
                            .as_ref()
                            .is_none_or(|best| longer.len() < best.len())
                        {
                            shortest = Some(longer);
                        }
                    } else if reached.insert(to) {
                        next.push((to, longer));
                    }
                }
            }
            open = next;
        }
    }
    shortest
}

/// The paths of a file, as they lead from the crate's root.
fn used_paths(module: &Module, text: &str) -> Vec<UsedPath> {
    let lexemes = lexemes(text);
    let mut found = Vec::new();
    // The inline modules that are open: how many braces are open around each of them.
    let mut inline: Vec<(String, usize)> = Vec::new();
    let mut braces = 0;
    let mut index = 0;
    while index < lexemes.len() {
        let mut here = module.clone();
        here.extend(inline.iter().map(|(name, _)| name.clone()));
        match text_at(&lexemes, index) {
            "{" => braces += 1,
            "}" => {
                braces -= 1;
                inline.retain(|(_, around)| *around < braces);
            }
            "mod" if text_at(&lexemes, index + 2) == "{" => {
                let name = text_at(&lexemes, index + 1);
                if name == "tests" {
                    // Tests may stage what stands above them.
                    return found;
                }
                inline.push((name.to_owned(), braces));
            }
            // What may see an item is no use of the module that is named.
            "pub" if text_at(&lexemes, index + 1) == "(" => {
                while !["", ")"].contains(&text_at(&lexemes, index)) {
                    index += 1;
                }
            }
            "use" => {
                index += 1;
                use_tree(&lexemes, &mut index, &[], &here, module, &mut found);
            }
            word @ ("crate" | "super" | "self") if text_at(&lexemes, index + 1) == "::" => {
                let line = lexemes[index].line;
                let mut names = vec![word.to_owned()];
                while text_at(&lexemes, index + 1) == "::" && is_word(text_at(&lexemes, index + 2))
                {
                    names.push(text_at(&lexemes, index + 2).to_owned());
                    index += 2;
                }
                found.extend(from_root(&names, &here, module, line, None));
            }
            _ => {}
        }
        index += 1;
    }
    found
}

fn text_at<'a>(lexemes: &[Lexeme<'a>], index: usize) -> &'a str {
    lexemes.get(index).map_or("", |lexeme| lexeme.text)
}

/// Reads one tree of a `use` from `index` on; leaves `index` on the mark behind it.
fn use_tree(
    lexemes: &[Lexeme<'_>],
    index: &mut usize,
    before: &[String],
    here: &Module,
    module: &Module,
    found: &mut Vec<UsedPath>,
) {
    let mut names = before.to_vec();
    let mut line = 0;
    let mut alias = None;
    while let Some(lexeme) = lexemes.get(*index) {
        match lexeme.text {
            "::" | "*" => {}
            "{" => {
                *index += 1;
                loop {
                    use_tree(lexemes, index, &names, here, module, found);
                    match lexemes.get(*index).map(|lexeme| lexeme.text) {
                        Some(",") => *index += 1,
                        _ => break,
                    }
                }
                *index += 1;
                return;
            }
            "as" => {
                alias = lexemes.get(*index + 1).map(|lexeme| lexeme.text.to_owned());
                *index += 1;
            }
            "self" if !names.is_empty() => {}
            word if is_word(word) => {
                line = lexeme.line;
                names.push(word.to_owned());
            }
            _ => break,
        }
        *index += 1;
    }
    if names.len() > before.len() || (line == 0 && alias.is_some()) {
        let name = alias.or_else(|| names.last().cloned());
        let line = if line == 0 {
            lexemes[*index - 1].line
        } else {
            line
        };
        found.extend(from_root(&names, here, module, line, name));
    }
}

/// A path as it leads from the crate's root; `None` for one that leads into another crate.
fn from_root(
    names: &[String],
    here: &Module,
    module: &Module,
    line: usize,
    name: Option<String>,
) -> Option<UsedPath> {
    let mut rest = names.iter().peekable();
    let mut segments = match rest.peek()?.as_str() {
        "crate" => {
            rest.next();
            Vec::new()
        }
        "self" => {
            rest.next();
            here.clone()
        }
        "super" => {
            let mut base = here.clone();
            while rest.next_if(|name| *name == "super").is_some() {
                base.pop();
            }
            base
        }
        // A file's own inner modules, as a `mod.rs` re-exports from them.
        _ if name.is_some() => module.clone(),
        _ => return None,
    };
    segments.extend(rest.cloned());
    // Names of other crates lead from this module to nowhere, which is this module.
    Some(UsedPath {
        segments,
        line,
        name,
    })
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// The words and marks of Rust without comments, strings and characters.
#[expect(
    clippy::string_slice,
    reason = "every cut is at a character that was found"
)]
fn lexemes(text: &str) -> Vec<Lexeme<'_>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < bytes.len() {
        let rest = &text[at..];
        let begin = at;
        at += if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = literal(rest) {
            length
        } else if rest.starts_with("::") {
            found.push(Lexeme {
                text: &rest[..2],
                line,
            });
            2
        } else {
            let word = rest
                .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
                .unwrap_or(rest.len());
            let length = word.max(rest.chars().next().map_or(1, char::len_utf8));
            if !rest.starts_with(char::is_whitespace) {
                found.push(Lexeme {
                    text: &rest[..length],
                    line,
                });
            }
            length
        };
        line += text[begin..at].matches('\n').count();
    }
    found
}

/// The length of a string or character that the text begins with.
#[expect(
    clippy::string_slice,
    reason = "every cut is at a character that was found"
)]
fn literal(text: &str) -> Option<usize> {
    let unprefixed = text.trim_start_matches(['b', 'c', 'r']);
    let prefix = text.len() - unprefixed.len();
    let is_raw = text[..prefix].contains('r');
    let hashes = unprefixed.len() - unprefixed.trim_start_matches('#').len();
    if is_raw && unprefixed[hashes..].starts_with('"') {
        let close = format!("\"{}", "#".repeat(hashes));
        let end = unprefixed[hashes + 1..].find(&close)?;
        return Some(prefix + hashes + 1 + end + close.len());
    }
    if prefix <= 1 && unprefixed.starts_with('"') {
        return Some(prefix + quoted(unprefixed, '"')?);
    }
    // A lifetime has no second quote behind its letter.
    let character = unprefixed.strip_prefix('\'').filter(|_| prefix <= 1)?;
    let first = character.chars().next()?;
    if first == '\\' || character[first.len_utf8()..].starts_with('\'') {
        return Some(prefix + quoted(unprefixed, '\'')?);
    }
    None
}

fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if letter == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}
