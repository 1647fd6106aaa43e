//! CSV and TSV.

use csv::{ByteRecord, ReaderBuilder};

use super::Example;
use super::cells::Columns;
use super::loader::fault;
use crate::error::Result;
use crate::record::Record;

/// Reads a header and rows.
pub(super) fn read(text: &str, name: &str, separator: u8, columns: &Columns) -> Result<Vec<Example>> {
    let mut reader = ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        // Lengths are checked here, for a message that names the columns.
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut lines = Lines {
        text,
        seen: 0,
        line: 1,
    };
    let mut header: Option<Vec<String>> = None;
    let mut examples = Vec::new();
    let mut record = ByteRecord::new();
    loop {
        let begin = offset(reader.position());
        let more = reader
            .read_byte_record(&mut record)
            .map_err(|error| fault(name, None, format!("can't be read: {error}")))?;
        if !more {
            break;
        }
        let line = lines.of_record(begin);
        let cells: Vec<&str> = record
            .iter()
            .map(|cell| std::str::from_utf8(cell).unwrap_or_default())
            .collect();
        let end = offset(reader.position());
        let raw = text.get(begin..end).unwrap_or_default();
        if end == text.len() && unclosed(raw, &cells) {
            let problem = "a quote that opens in this row is never closed";
            return Err(fault(name, Some((line, None)), problem));
        }
        match &header {
            None => header = Some(heads(&cells, name, line, columns)?),
            Some(header) => examples.push(row(&cells, header, name, line, columns)?),
        }
    }
    if examples.is_empty() {
        return Err(fault(name, None, "it has a header and no rows"));
    }
    Ok(examples)
}

fn offset(position: &csv::Position) -> usize {
    usize::try_from(position.byte()).unwrap_or(usize::MAX)
}

/// The names of the columns. One without a name, as data frames write their index, is called by its place.
fn heads(cells: &[&str], name: &str, line: usize, columns: &Columns) -> Result<Vec<String>> {
    let mut header: Vec<String> = Vec::with_capacity(cells.len());
    for (index, cell) in cells.iter().enumerate() {
        let head = match cell.trim() {
            "" => format!("column_{}", index + 1),
            head => head.to_owned(),
        };
        let field = columns.field_of(&head);
        if header.iter().any(|other| columns.field_of(other) == field) {
            let problem = format!("the column `{field}` stands twice in the header");
            return Err(fault(name, Some((line, None)), problem));
        }
        header.push(head);
    }
    match columns.missing(&header) {
        Some(problem) => Err(fault(name, Some((line, None)), problem)),
        None => Ok(header),
    }
}

fn row(cells: &[&str], header: &[String], name: &str, line: usize, columns: &Columns) -> Result<Example> {
    if cells.len() != header.len() {
        let problem = format!(
            "the row has {} cells and the header {}; a cell that holds the separator needs quotes",
            cells.len(),
            header.len()
        );
        return Err(fault(name, Some((line, None)), problem));
    }
    let mut fields = Record::new();
    for (column, cell) in header.iter().zip(cells) {
        let field = columns.field_of(column);
        let value = columns
            .cell(field, cell)
            .map_err(|problem| fault(name, Some((line, None)), format!("column `{column}`: {problem}")))?;
        if let Some(value) = value {
            fields.insert(field, value);
        }
    }
    columns.example(fields).map_err(|input| {
        fault(
            name,
            Some((line, None)),
            format!("the input `{input}` is missing"),
        )
    })
}

/// Whether the last cell swallowed lines because its quote was never closed: the reader takes the rest of the file then.
fn unclosed(raw: &str, cells: &[&str]) -> bool {
    raw.matches('"').count() % 2 == 1 && cells.last().is_some_and(|cell| cell.contains('\n'))
}

/// Counts lines up to records. The reader's own count stands before line ends that belong to the record before.
struct Lines<'a> {
    text: &'a str,
    seen: usize,
    line: usize,
}

impl Lines<'_> {
    fn of_record(&mut self, begin: usize) -> usize {
        let rest = self.text.get(begin..).unwrap_or_default();
        let start = begin + (rest.len() - rest.trim_start_matches(['\r', '\n']).len());
        let passed = self.text.get(self.seen..start).unwrap_or_default();
        self.line += passed.matches('\n').count();
        self.seen = start;
        self.line
    }
}
