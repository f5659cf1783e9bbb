//! The wording that an expression keeps when it is loaded and printed again.

use super::{Token, TokenKind, tokens};
use crate::text::slice;

/// Moves casts into lists of `varchar` constants, as the server itself does the first time such a list is loaded again.
///
/// `status IN ('a', 'b')` over a `varchar` column is printed as `(ARRAY['a'::character varying, …])::text[]`. Reading that,
/// the parser casts each element instead (`transformArrayExpr` in `parse_expr.c`), and prints
/// `ARRAY[('a'::character varying)::text, …]` ever after. Both mean the same; with the second, a copy of a copy is worded
/// like the copy. Without its parentheses (`pg_get_indexdef(…, true)`) the form is kept without them.
pub fn as_reloaded(sql: &str) -> String {
    if !sql.contains("character varying") {
        return sql.to_owned();
    }
    let all = tokens(sql);
    let mut output = String::with_capacity(sql.len());
    let mut copied = 0;
    let mut index = 0;
    while index < all.len() {
        if let Some(list) = List::at(all.get(index..).unwrap_or_default(), sql) {
            output.push_str(slice(sql, copied..list.start));
            output.push_str(&list.reloaded());
            copied = list.end;
            index += list.tokens;
        } else {
            index += 1;
        }
    }
    output.push_str(slice(sql, copied..));
    output
}

/// A list in the first wording.
struct List<'a> {
    start: usize,
    end: usize,
    tokens: usize,
    parenthesised: bool,
    literals: Vec<&'a str>,
}

impl<'a> List<'a> {
    fn at(tokens: &[Token], sql: &'a str) -> Option<Self> {
        let first = tokens.first()?;
        let parenthesised = first.is(sql, "(");
        if !parenthesised && !first.is_word(sql, "array") {
            return None;
        }
        let mut reader = ListReader {
            tokens,
            sql,
            position: usize::from(parenthesised),
        };
        reader.word("array")?;
        reader.mark("[")?;
        let mut literals = Vec::new();
        loop {
            literals.push(reader.literal()?);
            reader.mark("::")?;
            reader.word("character")?;
            reader.word("varying")?;
            if reader.mark(",").is_none() {
                break;
            }
        }
        reader.mark("]")?;
        if parenthesised {
            reader.mark(")")?;
        }
        reader.mark("::")?;
        reader.word("text")?;
        reader.mark("[")?;
        let end = reader.mark("]")?.end;
        Some(Self {
            start: first.start,
            end,
            tokens: reader.position,
            parenthesised,
            literals,
        })
    }

    fn reloaded(&self) -> String {
        let element = |literal: &&str| {
            if self.parenthesised {
                format!("({literal}::character varying)::text")
            } else {
                format!("{literal}::character varying::text")
            }
        };
        format!(
            "ARRAY[{}]",
            self.literals
                .iter()
                .map(element)
                .collect::<Vec<_>>()
                .join(", ")
        )
    }
}

struct ListReader<'a, 't> {
    tokens: &'t [Token],
    sql: &'a str,
    position: usize,
}

impl<'a> ListReader<'a, '_> {
    fn next(&mut self, wanted: impl Fn(Token) -> bool) -> Option<Token> {
        let rest = self.tokens.get(self.position..)?;
        let blanks = rest
            .iter()
            .take_while(|token| token.kind == TokenKind::Space)
            .count();
        let token = *rest.get(blanks)?;
        wanted(token).then(|| {
            self.position += blanks + 1;
            token
        })
    }

    fn word(&mut self, word: &str) -> Option<Token> {
        let sql = self.sql;
        self.next(|token| token.is_word(sql, word))
    }

    fn mark(&mut self, mark: &str) -> Option<Token> {
        let sql = self.sql;
        self.next(|token| token.is(sql, mark))
    }

    fn literal(&mut self) -> Option<&'a str> {
        let sql = self.sql;
        self.next(|token| matches!(token.kind, TokenKind::String(_, true)))
            .map(|token| token.text(sql))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_move_into_the_list() {
        assert_eq!(
            as_reloaded(
                "CHECK (((s)::text = ANY ((ARRAY['new'::character varying, 'it''s'::character varying])::text[])))"
            ),
            "CHECK (((s)::text = ANY (ARRAY[('new'::character varying)::text, ('it''s'::character varying)::text])))"
        );
        assert_eq!(
            as_reloaded(
                "(s::text = ANY (ARRAY['a'::character varying, E'b\\\\'::character varying]::text[]))"
            ),
            "(s::text = ANY (ARRAY['a'::character varying::text, E'b\\\\'::character varying::text]))"
        );
    }

    #[test]
    fn what_was_reloaded_stays() {
        for sql in [
            "ARRAY[('new'::character varying)::text]",
            "(ARRAY['a'::text])::text[]",
            "(ARRAY['a'::character varying])::character varying[]",
            "(ARRAY['a'::character varying, b])::text[]",
            "(ARRAY['a'::character varying(20)])::text[]",
            "'(ARRAY[''a''::character varying])::text[]'",
            "$$ (ARRAY['a'::character varying])::text[] $$",
            "ARRAY[",
            "(",
            "",
        ] {
            assert_eq!(as_reloaded(sql), sql);
        }
    }

    #[test]
    fn several_lists_in_one_text() {
        let once = "f((ARRAY['a'::character varying])::text[]) + g((ARRAY['b'::character varying])::text[]) -- end";
        let again = "f(ARRAY[('a'::character varying)::text]) + g(ARRAY[('b'::character varying)::text]) -- end";
        assert_eq!(as_reloaded(once), again);
        assert_eq!(as_reloaded(again), again);
    }
}
