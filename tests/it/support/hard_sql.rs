use std::path::Path;

use super::Cluster;

/// A file of `testdata/hard-sql`; its README tells the format.
#[derive(Debug, Clone)]
pub(crate) struct HardCase {
    /// The file's name without `.sql`.
    pub(crate) name: String,
    pub(crate) expect: Expectation,
    /// The source schema, as a name without quotes.
    pub(crate) schema: String,
    pub(crate) tenants: Vec<String>,
    /// Tables whose rows are carried, as `--seed` takes them.
    pub(crate) seeds: Vec<String>,
    /// What the user says of doubtful text, as `--keep` and `--rename` take it.
    pub(crate) keep: Vec<String>,
    pub(crate) rename: Vec<String>,
    /// The oldest server that can load it.
    pub(crate) server: Option<u32>,
    /// The newest server on which such a source can be made.
    until: Option<u32>,
    /// Makes the source.
    pub(crate) sql: String,
    check: String,
}

/// What capture may do with a case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Expectation {
    /// It may be captured, and then the check of the tenant holds.
    pub(crate) right: bool,
    /// It may be refused with this object's name in the error.
    pub(crate) refused: Option<String>,
    /// It may ask for a decision on this object.
    pub(crate) ambiguous: Option<String>,
}

impl HardCase {
    /// All cases, in the order of their names.
    pub(crate) fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/hard-sql");
        let entries = std::fs::read_dir(&folder).expect("testdata/hard-sql is there");
        let mut paths: Vec<_> = entries
            .map(|entry| entry.expect("readable").path())
            .collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
        paths.sort();
        paths.iter().map(|path| Self::parse(path)).collect()
    }

    fn parse(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("readable");
        let name = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .expect("UTF-8")
            .to_owned();
        let (sql, check) = text
            .split_once("\n-- check:\n")
            .unwrap_or_else(|| panic!("{name}: no '-- check:'"));
        let header = |key: &str| -> Vec<String> {
            let start = format!("-- {key}: ");
            sql.split('\n')
                .take_while(|line| line.starts_with("--"))
                .filter_map(|line| line.strip_prefix(&start))
                .map(str::to_owned)
                .collect()
        };
        let only = |key: &str| header(key).pop();
        let mut tenants = header("tenant");
        if tenants.is_empty() {
            tenants.push("acme".to_owned());
        }
        assert!(only("why").is_some(), "{name}: no '-- why:'");
        Self {
            expect: Expectation::parse(
                &only("expect").unwrap_or_else(|| panic!("{name}: no '-- expect:'")),
            ),
            schema: only("schema").unwrap_or_else(|| "app".to_owned()),
            tenants,
            seeds: header("seed"),
            keep: header("keep"),
            rename: header("rename"),
            server: only("server").map(|major| major.parse().expect("a major version")),
            until: only("until").map(|major| major.parse().expect("a major version")),
            sql: sql.to_owned(),
            check: check.to_owned(),
            name,
        }
    }

    /// The installed server, or an older or newer one if the case needs it.
    pub(crate) fn cluster(&self) -> &'static Cluster {
        let installed = Cluster::shared();
        let major = installed.maintenance().major();
        match (self.server, self.until) {
            (Some(oldest), _) if oldest > major => Cluster::of_major(oldest),
            (_, Some(newest)) if newest < major => Cluster::of_major(newest),
            _ => installed,
        }
    }

    /// The check for a tenant: `#{prefix}` becomes the quoted identifier, its single quotes doubled within a literal.
    pub(crate) fn check(&self, tenant: &str) -> String {
        let identifier = format!("\"{}\"", tenant.replace('"', "\"\""));
        let mut within_literal = false;
        let mut pieces = self.check.split("#{prefix}");
        let mut text = pieces.next().unwrap_or_default().to_owned();
        within_literal ^= quotes(&text) % 2 == 1;
        for piece in pieces {
            text += &if within_literal {
                identifier.replace('\'', "''")
            } else {
                identifier.clone()
            };
            text += piece;
            within_literal ^= quotes(piece) % 2 == 1;
        }
        text
    }
}

fn quotes(text: &str) -> usize {
    text.matches('\'').count()
}

impl Expectation {
    fn parse(text: &str) -> Self {
        let mut this = Self::default();
        for alternative in text.split(" or ") {
            match alternative.split_once(": ") {
                None if alternative == "right" => this.right = true,
                Some(("refused", object)) => this.refused = Some(object.to_owned()),
                Some(("ambiguous", object)) => this.ambiguous = Some(object.to_owned()),
                _ => panic!("cannot read the expectation '{text}'"),
            }
        }
        this
    }
}
