//! The lines of a table of comma-separated values, for messages.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::error::Error;

/// The line on which a record begins. What reads tables says where it began to look: before the second byte of a line end of
/// two, and before empty lines.
pub(super) fn line_of(table: impl Read + Seek, position: Option<&csv::Position>) -> usize {
    let Some(position) = position else { return 1 };
    let mut table = std::io::BufReader::with_capacity(64, table);
    let mut line = position.line() as usize;
    if table.seek(SeekFrom::Start(position.byte())).is_ok() {
        let ends = table.bytes().map_while(|byte| byte.ok().filter(|byte| b"\r\n".contains(byte)));
        line += ends.filter(|byte| *byte == b'\n').count();
    }
    line
}

/// The error of a record that cannot be read, with its line.
pub(super) fn refused(path: &Path, table: impl Read + Seek, error: csv::Error) -> Error {
    let line = line_of(table, error.position());
    let reason = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("line {line} has {len} cells, and the first {expected_len}")
        }
        csv::ErrorKind::Utf8 { err, .. } => format!("line {line}: cell {} is not UTF-8", err.field() + 1),
        _ => error.to_string(),
    };
    Error::BadFile { path: path.into(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn a_record_has_the_line_that_an_editor_shows() {
        for (end, empty) in [("\n", 0), ("\r\n", 0), ("\n", 1), ("\r\n", 2), ("\n", 3)] {
            let gap = end.repeat(1 + empty);
            let table = ["\u{feff}a,b", "\"x\ny\",c", "d,e", "f,g"].join(&gap);
            let mut reader = csv::Reader::from_reader(table.as_bytes());
            let lines: Vec<_> = reader
                .records()
                .map(|record| line_of(Cursor::new(&table), record.unwrap().position()))
                .collect();
            // the first record begins after the names, and has a line end of its own
            let want = [2 + empty, 4 + 2 * empty, 5 + 3 * empty];
            assert_eq!(lines, want, "line ends {end:?}, {empty} empty lines");
        }
    }

    #[test]
    fn a_record_of_another_length_or_encoding_is_named_by_its_line() {
        let message = |table: &[u8]| {
            let mut reader = csv::Reader::from_reader(table);
            reader.headers().unwrap(); // as all here do first
            let error = reader.records().find_map(Result::err).unwrap();
            refused(Path::new("t.csv"), Cursor::new(table), error).to_string()
        };
        let found = message(b"a,b\r\nc,d\r\ne\r\n");
        assert!(found.contains("line 3 has 1 cells, and the first 2"), "{found}");
        let found = message(b"a,b\nc,\xff\n");
        assert!(found.contains("line 2: cell 2 is not UTF-8"), "{found}");
    }
}
