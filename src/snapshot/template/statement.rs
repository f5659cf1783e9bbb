//! A statement of a template, and its text for one tenant.

use super::error::TemplateError;
use super::slot::{Escape, Piece, SlotForm};
use crate::snapshot::object::Object;
use crate::snapshot::outside::OutsideStatement;
use crate::sql::TenantName;
use crate::sql::identifier::is_plain;

/// A statement of a template.
#[derive(Clone, Debug)]
pub struct CompiledStatement {
    /// The object.
    pub object: Object,
    /// 1-based line in the snapshot file.
    pub line: usize,
    /// The language of the routine it creates, when that is neither SQL nor PL/pgSQL.
    pub(super) foreign: Option<String>,
    /// Its reach, if it is not confined to the tenant's schema.
    pub(super) outside: Option<OutsideStatement>,
    pub(super) pieces: Vec<Piece>,
}

impl CompiledStatement {
    /// Returns `true` if it holds the name as text, not only as an identifier: in a literal, a
    /// body, a comment.
    ///
    /// `PostgreSQL` itself renames identifiers. Text must be rewritten.
    pub fn holds_name_as_text(&self) -> bool {
        self.pieces.iter().any(|piece| match piece {
            Piece::Slot(slot) => !slot.escapes.is_empty() || slot.form == SlotForm::Name,
            Piece::Delimiter { .. } => true,
            Piece::Text(_) | Piece::EscapeMark(_) | Piece::Semicolon => false,
        })
    }

    /// Returns its reach, if it is not confined to the tenant's schema.
    pub fn outside(&self) -> Option<&OutsideStatement> {
        self.outside.as_ref()
    }

    /// The statement for one tenant, without a semicolon at its end.
    ///
    /// Semicolons inside a `BEGIN ATOMIC` body come out as `\;`: psql before 14 would cut the body there.
    ///
    /// # Errors
    /// [`TemplateError::Foreign`] for a name that a body in another language cannot hold.
    pub fn render(&self, tenant: &TenantName, output: &mut String) -> Result<(), TemplateError> {
        self.render_with(tenant, "\\;", output)
    }

    /// Like [`CompiledStatement::render`], for the server itself instead of psql: for `EXECUTE`.
    ///
    /// # Errors
    /// See [`CompiledStatement::render`].
    pub fn render_plain(
        &self,
        tenant: &TenantName,
        output: &mut String,
    ) -> Result<(), TemplateError> {
        self.render_with(tenant, ";", output)
    }

    fn render_with(
        &self,
        tenant: &TenantName,
        semicolon: &str,
        output: &mut String,
    ) -> Result<(), TemplateError> {
        let name = tenant.as_str();
        let tags = self.tags(tenant);
        let mut next_tag = tags.iter();
        let mut open = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => output.push_str(text),
                Piece::Semicolon => output.push_str(semicolon),
                Piece::Slot(slot) => {
                    if slot.escapes.contains(&Escape::Foreign) && !is_plain(name) {
                        return Err(TemplateError::Foreign {
                            line: self.line,
                            object: self.object.to_string(),
                            language: self.foreign.clone().unwrap_or_default(),
                            name: name.to_owned(),
                        });
                    }
                    output.push_str(&slot.render(name));
                }
                Piece::EscapeMark(_) if name.contains('\\') => {
                    // `select'…'` is legal, `selectE'…'` another word.
                    let glued = output
                        .bytes()
                        .last()
                        .is_some_and(crate::sql::token::continues_word);
                    output.push_str(if glued { " E" } else { "E" });
                }
                Piece::EscapeMark(prefix) => output.push_str(prefix),
                Piece::Delimiter { opens: true, .. } => {
                    let tag = next_tag.next().map_or("$$", String::as_str);
                    open.push(tag);
                    output.push_str(tag);
                }
                Piece::Delimiter { opens: false, .. } => {
                    output.push_str(open.pop().unwrap_or("$$"));
                }
            }
        }
        Ok(())
    }

    /// The delimiters of the dollar-quoted strings that hold a slot, in order: their own, or others where the name
    /// holds a delimiter and would end the string.
    fn tags(&self, tenant: &TenantName) -> Vec<String> {
        let name = tenant.as_str();
        let taken = |tag: &str| {
            self.pieces.iter().any(|piece| match piece {
                Piece::Text(text) => text.contains(tag),
                Piece::Delimiter { tag: other, .. } => &**other == tag,
                _ => false,
            })
        };
        let fresh = |tag: &str| {
            let mut fresh = tag.to_owned();
            while name.contains(&fresh) || (fresh != tag && taken(&fresh)) {
                fresh = format!("${}_$", fresh.trim_matches('$'));
            }
            fresh
        };
        self.pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Delimiter { tag, opens: true } => Some(fresh(tag)),
                _ => None,
            })
            .collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::snapshot::object::identifier_value;
    use crate::snapshot::template::{Template, escape_placeholders};
    use crate::sql::literal::content;
    use crate::sql::{Token, TokenKind, quote};

    pub(in crate::snapshot::template) fn rendered(template: &str, name: &str) -> String {
        let template = Template::compile(template).unwrap();
        let mut output = String::new();
        template.statements[0]
            .render(&TenantName::new(name).unwrap(), &mut output)
            .unwrap();
        output
    }

    const ODD: &str = "o'ne\"il.$1";

    #[test]
    fn identifiers_are_quoted_when_they_need_it() {
        assert_eq!(
            rendered("CREATE TABLE #{prefix}.t ();", "acme"),
            "CREATE TABLE acme.t ()"
        );
        assert_eq!(
            rendered("CREATE TABLE #{prefix}.t ();", ODD),
            "CREATE TABLE \"o'ne\"\"il.$1\".t ()"
        );
        assert_eq!(
            rendered("SELECT \"x #{prefix}\";", "a\"b"),
            "SELECT \"x a\"\"b\""
        );
    }

    #[test]
    fn an_identifier_in_a_literal_is_quoted_then_escaped() {
        assert_eq!(
            rendered("SELECT nextval('#{prefix}.s'::regclass);", ODD),
            "SELECT nextval('\"o''ne\"\"il.$1\".s'::regclass)"
        );
        assert_eq!(
            rendered("SELECT E'\\t#{prefix}.s';", "a\\b'"),
            "SELECT E'\\t\"a\\\\b''\".s'"
        );
    }

    #[test]
    fn parts_of_paths_and_lists_are_not_quoted() {
        for (template, expected) in [
            ("'https://x.org/#{prefix}?a'", "'https://x.org/a-b?a'"),
            ("'#{prefix}/orders'", "'a-b/orders'"),
            ("'#{prefix}:orders'", "'a-b:orders'"),
            ("'x|#{prefix}'", "'x|a-b'"),
            ("'12/#{prefix}.n()'", "'12/\"a-b\".n()'"),
            ("'x || #{prefix}.n()'", "'x || \"a-b\".n()'"),
            ("'#{prefix}::name'", "'\"a-b\"::name'"),
        ] {
            assert_eq!(
                rendered(&format!("SELECT {template};"), "a-b"),
                format!("SELECT {expected}")
            );
        }
    }

    #[test]
    fn bodies_are_read_as_code() {
        assert_eq!(
            rendered(
                "CREATE FUNCTION f() AS $$ select #{prefix}.t, '#{prefix}', E'#{prefix}.x' $$;",
                "A'b"
            ),
            "CREATE FUNCTION f() AS $$ select \"A'b\".t, 'A''b', E'\"A''b\".x' $$"
        );
        assert_eq!(
            rendered("CREATE FUNCTION f() AS 'select ''#{prefix}.t''';", "A'b"),
            "CREATE FUNCTION f() AS 'select ''\"A''''b\".t'''"
        );
    }

    #[test]
    fn no_name_ends_a_dollar_quoted_body() {
        assert_eq!(
            rendered("DO $$ x #{prefix} $$;", "a$$b"),
            "DO $_$ x \"a$$b\" $_$"
        );
        assert_eq!(
            rendered("DO $f$ x #{prefix} $f$;", "$f$$f_$"),
            "DO $f__$ x \"$f$$f_$\" $f__$"
        );
        assert_eq!(
            rendered("DO $a$ $$ #{prefix} $$ $a$;", "$$"),
            "DO $a$ $_$ \"$$\" $_$ $a$"
        );
    }

    #[test]
    fn a_backslash_means_the_same_under_both_settings() {
        assert_eq!(rendered("SELECT 'a\\b';", "x"), "SELECT  E'a\\\\b'");
        assert_eq!(
            rendered("SELECT '#{prefix}.t';", "a\\'"),
            "SELECT E'\"a\\\\''\".t'"
        );
        assert_eq!(
            rendered("SELECT '\\#{prefix}.t';", "a\\"),
            "SELECT  E'\\\\\"a\\\\\".t'"
        );
    }

    #[test]
    fn psql_finds_no_variables_and_no_ends() {
        assert_eq!(
            rendered("SELECT a[x:\"HOST\"], b::text, c[1:y];", "x"),
            "SELECT a[x: \"HOST\"], b::text, c[1: y]"
        );
        assert_eq!(
            rendered("CREATE FUNCTION f() BEGIN ATOMIC SELECT 1; END;", "x"),
            "CREATE FUNCTION f() BEGIN ATOMIC SELECT 1\\; END"
        );
        assert_eq!(
            rendered(
                "CREATE FUNCTION #{prefix}.begin() RETURNS Begin LANGUAGE sql AS '';",
                "begin"
            ),
            "CREATE FUNCTION \"begin\".\"begin\"() RETURNS \"begin\" LANGUAGE sql AS ''"
        );
        assert_eq!(
            rendered("SELECT a[x:#{prefix}.f()], :U&\"HOST\", :1;", "host"),
            "SELECT a[x: host.f()], : U&\"HOST\", : 1"
        );
        let template =
            Template::compile("CREATE FUNCTION f() BEGIN ATOMIC SELECT 1; END;").unwrap();
        let mut plain = String::new();
        template.statements[0]
            .render_plain(&TenantName::new("x").unwrap(), &mut plain)
            .unwrap();
        assert_eq!(plain, "CREATE FUNCTION f() BEGIN ATOMIC SELECT 1; END");
    }

    #[test]
    fn a_hash_can_be_written() {
        assert_eq!(
            rendered("SELECT '#{#}{prefix} #{prefix}.x';", "t"),
            "SELECT '#{prefix} t.x'"
        );
        assert_eq!(
            escape_placeholders("a #{prefix} #{b}"),
            "a #{#}{prefix} #{#}{b}"
        );
    }

    #[test]
    fn names_are_not_rendered_again() {
        assert_eq!(
            rendered("SELECT #{prefix}.a;", "#{prefix}"),
            "SELECT \"#{prefix}\".a"
        );
    }

    #[test]
    fn bodies_in_other_languages_take_plain_names_only() {
        let source = "CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS $$ plpy.execute(\"select #{prefix}.t\") $$;";
        assert!(rendered(source, "acme").contains("acme.t"));
        let template = Template::compile(source).unwrap();
        let error = template.statements[0]
            .render(&TenantName::new("a-b").unwrap(), &mut String::new())
            .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("function f() has a body in plpython3u"),
            "{error}"
        );
    }

    proptest! {
        /// With any name, the rendered statement has the same tokens around it, and names exactly
        /// the schema.
        #[test]
        fn no_name_leaves_its_place(name in "[ -~é\\n]{1,20}|[$'\"\\\\]{1,8}") {
            prop_assume!(TenantName::new(name.clone()).is_ok());
            let output = rendered("SELECT #{prefix}.a, '#{prefix}.b'::regclass, $$ #{prefix}.c '#{prefix}' $$, x;", &name);
            let tokens: Vec<Token> =
                crate::sql::tokens(&output).into_iter().filter(|token| !token.is_trivia()).collect();
            prop_assert_eq!(identifier_value(tokens[1], &output), Some(name.clone()));
            let literal = tokens.iter().find(|t| matches!(t.kind, TokenKind::String(..))).unwrap();
            let value = content(*literal, &output).unwrap().text;
            prop_assert_eq!(value, format!("{}.b", quote(&name)));
            let body = tokens.iter().find(|t| matches!(t.kind, TokenKind::Dollar(..))).unwrap();
            let body = content(*body, &output).unwrap().text;
            let inner: Vec<Token> = crate::sql::tokens(&body).into_iter().filter(|token| !token.is_trivia()).collect();
            prop_assert_eq!(identifier_value(inner[0], &body), Some(name.clone()));
            prop_assert_eq!(content(*inner.last().unwrap(), &body).unwrap().text, name);
            prop_assert_eq!(tokens.last().unwrap().text(&output), "x");
        }
    }
}
