//! Vectors from tables of comma-separated values.

use std::path::Path;

use super::by_class::ByClass;
use super::features::FeatureSet;
use super::table_lines::{line_of, refused};
use crate::error::{Error, Result};

impl FeatureSet {
    /// Reads a table with a vector per line and its class in one of the columns (feature `csv`).
    ///
    /// `class` names the column of the class; then the first line holds the names of the columns. Without a name the class is in the
    /// last column, and a first line without numbers is taken for names. Quotes, commas and line ends in
    /// quotes, and either kind of line end are accepted. Classes stand in the order in which they first appear.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::BadFile`] for bytes that are no table, lines of differing length, or a column that is not
    /// there; [`Error::BadLine`] for a value that is not a finite number; as [`from_classes`](FeatureSet::from_classes).
    pub fn read_csv(path: impl AsRef<Path>, class: Option<&str>) -> Result<FeatureSet> {
        let path = path.as_ref();
        let bad = |reason: String| Error::BadFile { path: path.into(), reason };
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(crate::read::open(path)?);
        let (mut column, mut found) = (None, ByClass::new());
        for (row, record) in reader.records().enumerate() {
            let record = match record {
                Ok(record) => record,
                Err(error) => return Err(refused(path, crate::read::open(path)?, error)),
            };
            if record.len() < 2 {
                return Err(bad("a line needs at least one number and a class".into()));
            }
            if row == 0 {
                if let Some(name) = class {
                    column = record.iter().position(|cell| cell.trim() == name);
                    if column.is_none() {
                        return Err(bad(format!("there is no column {name:?}")));
                    }
                }
                let numbers =
                    record.iter().take(record.len() - 1).any(|cell| cell.trim().parse::<f32>().is_ok());
                if class.is_some() || !numbers {
                    continue;
                }
            }
            let at = column.unwrap_or(record.len() - 1);
            let number = |cell: &str| match cell.trim().parse::<f32>() {
                Ok(v) if v.is_finite() => Ok(v),
                _ => {
                    let line = line_of(crate::read::open(path)?, record.position());
                    let need = "a finite number";
                    Err(Error::BadLine { path: path.into(), line, text: cell.into(), need })
                }
            };
            let cells = record.iter().enumerate().filter(|(i, _)| *i != at);
            let vector = cells.map(|(_, cell)| number(cell)).collect::<Result<Vec<_>>>()?;
            found.add(record[at].trim(), vector);
        }
        FeatureSet::from_classes(found.into_classes())
    }
}
