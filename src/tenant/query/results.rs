//! Reads the results that psql prints as CSV. Pure: no I/O.

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultColumn {
    /// Its name. Columns of one result may share a name.
    pub name: String,
    /// Its type, as `format_type` names it, if it was asked for.
    pub type_name: Option<String>,
}

/// The rows of a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResultTable {
    /// The columns, in order.
    pub columns: Vec<ResultColumn>,
    /// The rows, each with a value for each column. `None` is NULL. Rows without columns are not among them.
    pub rows: Vec<Vec<Option<String>>>,
}

/// Reasons why a result cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ResultError {
    /// A value is not UTF-8, as in a database with the encoding `SQL_ASCII`.
    #[error("a value is not UTF-8; cast it to bytea, or convert it with convert_from")]
    Encoding,
    /// A row has more or fewer values than there are columns.
    #[error("psql printed a row that does not fit its header")]
    Shape,
}

/// Reads a result line by line: the names of the columns, then the rows.
#[derive(Debug, Default)]
pub(crate) struct ResultReader {
    /// The lines of a record that has not ended.
    pending: Vec<u8>,
    open: bool,
    table: Option<ResultTable>,
    error: Option<ResultError>,
}

impl ResultReader {
    /// Takes a line without its end. `null` is the text that psql prints for NULL.
    pub(crate) fn line(&mut self, line: &[u8], null: &str) {
        if self.open {
            self.pending.push(b'\n');
        }
        self.pending.extend_from_slice(line);
        // psql doubles quotation marks within quotes, so their number is even once a record has ended.
        for byte in line {
            self.open ^= *byte == b'"';
        }
        if self.open {
            return;
        }
        let record = std::mem::take(&mut self.pending);
        match std::str::from_utf8(&record) {
            Ok(record) => self.record(record, null),
            Err(_) => self.fail(ResultError::Encoding),
        }
    }

    /// Returns the result, or `None` if the statement has none.
    pub(crate) fn finish(mut self) -> Result<Option<ResultTable>, ResultError> {
        if self.open {
            self.fail(ResultError::Shape);
        }
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.table),
        }
    }

    fn fail(&mut self, error: ResultError) {
        self.error.get_or_insert(error);
    }

    fn record(&mut self, record: &str, null: &str) {
        let Some(table) = &mut self.table else {
            // No column has an empty name, so an empty header is one of no columns.
            let columns = if record.is_empty() {
                Vec::new()
            } else {
                fields(record, null)
                    .into_iter()
                    .map(|name| ResultColumn {
                        name: name.unwrap_or_default(),
                        type_name: None,
                    })
                    .collect()
            };
            self.table = Some(ResultTable {
                columns,
                rows: Vec::new(),
            });
            return;
        };
        // psql prints nothing for a row without columns.
        let row = fields(record, null);
        if row.len() == table.columns.len() {
            table.rows.push(row);
        } else {
            self.fail(ResultError::Shape);
        }
    }
}

/// Cuts a record into its values.
fn fields(record: &str, null: &str) -> Vec<Option<String>> {
    let mut values = Vec::new();
    let mut value = String::new();
    let mut quoted = false;
    let mut was_quoted = false;
    let mut characters = record.chars().peekable();
    let mut end = |value: &mut String, was_quoted: &mut bool| {
        let text = std::mem::take(value);
        let is_null = !std::mem::take(was_quoted) && text == null;
        values.push((!is_null).then_some(text));
    };
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                value.push('"');
            }
            '"' => {
                quoted = !quoted;
                was_quoted = true;
            }
            ',' if !quoted => end(&mut value, &mut was_quoted),
            other => value.push(other),
        }
    }
    end(&mut value, &mut was_quoted);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<ResultTable>, ResultError> {
        let mut reader = ResultReader::default();
        for line in text.split_terminator('\n') {
            reader.line(line.as_bytes(), "NIL");
        }
        reader.finish()
    }

    fn shown(text: &str) -> String {
        let table = read(text).unwrap().unwrap();
        let names: Vec<&str> = table.columns.iter().map(|column| &*column.name).collect();
        format!("{names:?} {:?}", table.rows)
    }

    #[test]
    fn values_are_what_they_were() {
        assert_eq!(
            shown("a,a,\"b,\"\"c\"\n1,NIL,\n\"x\ny\",\"say \"\"no\"\"\",\"NIL\"\n"),
            "[\"a\", \"a\", \"b,\\\"c\"] [[Some(\"1\"), None, Some(\"\")], \
             [Some(\"x\\ny\"), Some(\"say \\\"no\\\"\"), Some(\"NIL\")]]"
        );
        assert_eq!(shown("a\n\n\n"), "[\"a\"] [[Some(\"\")], [Some(\"\")]]");
        assert_eq!(shown("a\n\"x\r\n,\"\n"), "[\"a\"] [[Some(\"x\\r\\n,\")]]");
        assert_eq!(shown("a\n"), "[\"a\"] []");
        assert_eq!(shown("\n"), "[] []");
    }

    #[test]
    fn a_statement_without_a_result_has_none_and_broken_output_is_an_error() {
        assert_eq!(read(""), Ok(None));
        assert_eq!(read("a,b\n1\n"), Err(ResultError::Shape));
        assert_eq!(read("a\n\"x\n"), Err(ResultError::Shape));
        assert_eq!(read("\nx\n"), Err(ResultError::Shape));
        let mut reader = ResultReader::default();
        reader.line(b"a", "NIL");
        reader.line(b"\xff", "NIL");
        assert_eq!(reader.finish(), Err(ResultError::Encoding));
    }
}
