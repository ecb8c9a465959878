//! Sentences from files: tables of comma-separated values, lines of JSON, and the published file of CLINC150.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::by_class::ByClass;
use super::sentence::Sentence;
use super::table_lines::{line_of, refused};
use super::text::TextSet;
use crate::error::{Error, Result};
use crate::read::{MOST_DATA, whole};

impl TextSet {
    /// Reads tables whose first line names the columns, all into one set (feature `text`). BANKING77's files have the columns
    /// `text` and `category`. Quotes, and commas and line ends in quotes, are accepted.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::BadFile`] for bytes that are no table, lines of differing length, a column that is not
    /// there, or more than 4 GiB; [`Error::BadLine`] for an empty sentence or class; [`Error::TooFewClasses`] without any sentence.
    pub fn read_csv<P: AsRef<Path>>(paths: &[P], text: &str, class: &str) -> Result<TextSet> {
        let (mut found, mut table) = (ByClass::new(), Vec::new());
        for path in paths {
            let path: Arc<Path> = path.as_ref().into();
            whole(&path, MOST_DATA, &mut table)?;
            let bad = |reason: String| Error::BadFile { path: path.to_path_buf(), reason };
            let mut reader = csv::Reader::from_reader(table.as_slice());
            let header = reader.headers().map_err(|e| bad(e.to_string()))?.clone();
            let column = |name: &str| {
                let at = header.iter().position(|cell| cell.trim() == name);
                let all = || header.iter().collect::<Vec<_>>().join(", ");
                at.ok_or_else(|| bad(format!("there is no column {name:?}, its columns are {}", all())))
            };
            let (text, class) = (column(text)?, column(class)?);
            for record in reader.records() {
                let record = record.map_err(|error| refused(&path, Cursor::new(&table), error))?;
                let line = line_of(Cursor::new(&table), record.position());
                for (cell, need) in [(&record[text], "a sentence"), (&record[class], "the name of a class")] {
                    if cell.trim().is_empty() {
                        return Err(Error::BadLine {
                            path: path.to_path_buf(),
                            line,
                            text: cell.into(),
                            need,
                        });
                    }
                }
                let sentence = record[text].trim().to_owned();
                found
                    .add(record[class].trim(), Sentence { text: sentence, line: Some((path.clone(), line)) });
            }
        }
        TextSet::from_sentences(found.into_classes())
    }

    /// Reads lines of JSON (feature `text`): an object per line, with a sentence under the key `text` and its class under the key
    /// `class`, a string or a whole number. Other keys are ignored, and so are empty lines.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::BadLine`] for a line that is no such object, and for an empty sentence or class;
    /// [`Error::TooFewClasses`] without any sentence.
    pub fn read_json_lines(path: impl AsRef<Path>, text: &str, class: &str) -> Result<TextSet> {
        let path: Arc<Path> = path.as_ref().into();
        let mut all = Vec::new();
        whole(&path, MOST_DATA, &mut all)?;
        let all = all.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&all);
        let mut found = ByClass::new();
        for (i, line) in all.split(|byte| *byte == b'\n').enumerate() {
            let bad = |need| {
                let text = String::from_utf8_lossy(line).trim_end().into();
                Error::BadLine { path: path.to_path_buf(), line: i + 1, text, need }
            };
            if line.trim_ascii().is_empty() {
                continue;
            }
            let object: Value = serde_json::from_slice(line).map_err(|_| bad("an object in JSON"))?;
            let sentence = object[text].as_str().map(str::trim).filter(|s| !s.is_empty());
            let sentence =
                sentence.ok_or_else(|| bad("an object with a sentence under the key of the text"))?;
            let name = match &object[class] {
                Value::String(name) => name.trim().to_owned(),
                Value::Number(n) if n.is_i64() || n.is_u64() => n.to_string(),
                _ => String::new(),
            };
            if name.is_empty() {
                return Err(bad("an object with a name or a whole number under the key of the class"));
            }
            found.add(&name, Sentence { text: sentence.to_owned(), line: Some((path.clone(), i + 1)) });
        }
        TextSet::from_sentences(found.into_classes())
    }

    /// Reads CLINC150's `data_full.json` (feature `text`): the lists `train`, `val` and `test` of `[sentence, intent]` as one
    /// set of 150 classes. The sentences out of scope are left out.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::BadFile`] for another format, naming the list and the place in it.
    pub fn read_clinc150(path: impl AsRef<Path>) -> Result<TextSet> {
        let path = path.as_ref();
        let all = json(path)?;
        let bad = |reason: String| Error::BadFile { path: path.into(), reason };
        let mut found = ByClass::new();
        for part in ["train", "val", "test"] {
            let list = all[part].as_array().ok_or_else(|| bad(format!("there is no list {part:?}")))?;
            for (i, pair) in list.iter().enumerate() {
                match (pair[0].as_str(), pair[1].as_str()) {
                    (Some(sentence), Some(intent)) => found.add(intent, sentence.to_owned()),
                    _ => return Err(bad(format!("entry {i} of {part:?} is not [sentence, intent]"))),
                }
            }
        }
        TextSet::from_classes(found.into_classes())
    }
}

pub(super) fn json(path: &Path) -> Result<Value> {
    let mut bytes = Vec::new();
    whole(path, MOST_DATA, &mut bytes)?;
    serde_json::from_slice(&bytes).map_err(|e| Error::BadFile { path: path.into(), reason: e.to_string() })
}
