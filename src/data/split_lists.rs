//! Splits by lists of classes, as published with few-shot data sets: plain names, tables, JSON.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::class::ClassRef;
use super::class_data::ClassData;
use super::images::ImageSet;
use super::photos::Photos;
use super::split::{Split, check_listed};
use super::table_lines::{line_of, refused};
use crate::error::{Error, Result};
use crate::read;

/// What the lists of the three parts are called; the second name is that of Chen et al. (2019).
pub(super) const PARTS: [[&str; 2]; 3] = [["train", "base"], ["val", "val"], ["test", "novel"]];

/// A name of a class in a list, and its line; 0 where there are no lines.
type Name = (String, usize);

/// Each reads the lists of a folder: `train` (or `base`), `val` and `test` (or `novel`), where `val` may be missing. Classes
/// stand in the order of their list, each once. All three refuse a class that the data lacks, a class in two lists, and
/// an empty list of training or test classes.
impl Split {
    /// Reads `train.txt`, `val.txt` and `test.txt`: one class per line, by its name, or with columns separated by tabs, the
    /// first a number and the second the name. So are CIFAR-FS's lists published. Blank lines are passed over.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::BadLine`]; [`Error::UnknownClass`] for a class that `data` lacks and
    /// [`Error::RepeatedClass`] for one that is listed twice, with file and line; [`Error::SharedClass`] for one in two
    /// lists; [`Error::BadFile`] for an empty list.
    pub fn read_names(data: impl Into<ClassData>, folder: impl AsRef<Path>) -> Result<Split> {
        parts(&data.into(), folder.as_ref(), "txt", Repeats::Refused, names)
    }

    /// Reads `train.csv`, `val.csv` and `test.csv`. If the first line names a column `label` or `class`, this is the class,
    /// as in miniImageNet's lists of images (`filename,label` of Ravi and Larochelle, `filename,class` of Vinyals et
    /// al.), where each class has many lines. Else there is no line of names, and the class is in the first
    /// column, as in tieredImageNet's lists of classes (Ren et al.), whose second column is the superclass.
    ///
    /// # Errors
    /// As [`read_names`](Split::read_names); [`Error::BadFile`] for bytes that are no table.
    pub fn read_csv(data: impl Into<ClassData>, folder: impl AsRef<Path>) -> Result<Split> {
        parts(&data.into(), folder.as_ref(), "csv", Repeats::Merged, table)
    }

    /// Reads `train.json`, `val.json` and `test.json`, or `base.json`, `val.json` and `novel.json`, each one of:
    ///
    /// - a list of names;
    /// - names of classes by superclass, `{"fish": ["ray", "trout"], ..}`, as FC100 is published with Torchmeta;
    /// - the file lists of Chen et al. (2019) for CUB and others, `{"label_names": [..], "image_names": [..],
    ///   "image_labels": [..]}`: the classes are those names to which a label points.
    ///
    /// # Errors
    /// As [`read_names`](Split::read_names), without lines; [`Error::BadFile`] for other JSON, or none.
    pub fn read_json(data: impl Into<ClassData>, folder: impl AsRef<Path>) -> Result<Split> {
        parts(&data.into(), folder.as_ref(), "json", Repeats::Refused, json)
    }
}

impl Photos {
    /// [`Split::read_names`].
    ///
    /// # Errors
    /// The same.
    pub fn split(images: &ImageSet, folder: impl AsRef<Path>) -> Result<Split> {
        Split::read_names(images, folder)
    }
}

/// What a second line of one class means.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Repeats {
    Refused,
    Merged,
}

/// Where the list of one part is.
pub(super) fn list_of(folder: &Path, part: [&str; 2], ending: &str) -> PathBuf {
    let [first, second] = part.map(|name| folder.join(format!("{name}.{ending}")));
    if !first.exists() && second.exists() { second } else { first }
}

fn parts(
    data: &ClassData,
    folder: &Path,
    ending: &str,
    repeats: Repeats,
    read: fn(&Path) -> Result<Vec<Name>>,
) -> Result<Split> {
    // the part that has a class, and where it stands
    let mut owner: Vec<Option<(&'static str, String)>> = vec![None; data.classes()];
    let mut part = |part: [&'static str; 2]| {
        let path = list_of(folder, part, ending);
        let mut classes = Vec::new();
        if part[0] == "val" && !path.exists() {
            return Ok(classes);
        }
        for (class, line) in read(&path)? {
            let place = || match line {
                0 => path.display().to_string(),
                line => format!("{}:{line}", path.display()),
            };
            let Some(number) = data.named(&class) else {
                return Err(Error::UnknownClass { class, place: place() });
            };
            match &owner[number] {
                Some((first, at)) if *first != part[0] => {
                    return Err(Error::SharedClass { class, first: at.clone(), second: place() });
                }
                Some(_) if repeats == Repeats::Refused => {
                    return Err(Error::RepeatedClass { class, place: place() });
                }
                Some(_) => {}
                None => {
                    owner[number] = Some((part[0], place()));
                    classes.push(ClassRef { class: number, turns: 0 });
                }
            }
        }
        if part[0] != "val" {
            check_listed(&path, &classes)?;
        }
        Ok(classes)
    };
    let [train, val, test] = PARTS;
    Ok(Split { train: part(train)?, val: part(val)?, test: part(test)? })
}

fn names(path: &Path) -> Result<Vec<Name>> {
    let text = read::text(path)?;
    let mut found = Vec::new();
    for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        let mut columns = text.trim().split('\t');
        let name = match (columns.next(), columns.next()) {
            (Some(name), None) => name,
            (Some(number), Some(name)) if number.parse::<u64>().is_ok() && !name.is_empty() => name,
            _ => {
                let need = "a class name, or a number, a tab and a class name";
                return Err(Error::BadLine { path: path.into(), line, text: text.into(), need });
            }
        };
        found.push((name.to_string(), line));
    }
    Ok(found)
}

/// The rows of a table, each with its line; empty ones are passed over.
pub(super) fn rows(path: &Path) -> Result<Vec<(csv::StringRecord, usize)>> {
    let text = read::text(path)?;
    let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let row = |row: csv::Result<csv::StringRecord>| {
        let mut row = row.map_err(|error| refused(path, Cursor::new(&text), error))?;
        row.trim();
        let line = line_of(Cursor::new(&text), row.position());
        Ok((row, line))
    };
    let empty = |row: &Result<(csv::StringRecord, usize)>| {
        row.as_ref().is_ok_and(|(row, _)| row.iter().all(str::is_empty))
    };
    reader.into_records().map(row).filter(|row| !empty(row)).collect()
}

/// The column of one of these names in the first row of a table.
pub(super) fn column(rows: &[(csv::StringRecord, usize)], names: &[&str]) -> Option<usize> {
    let (first, _) = rows.first()?;
    first.iter().position(|cell| names.iter().any(|name| cell.eq_ignore_ascii_case(name)))
}

/// What the column of classes is called.
pub(super) const CLASS: [&str; 2] = ["label", "class"];

fn table(path: &Path) -> Result<Vec<Name>> {
    let rows = rows(path)?;
    let column = column(&rows, &CLASS);
    let mut found: Vec<Name> = Vec::new();
    for (row, line) in rows.iter().skip(usize::from(column.is_some())) {
        let class = row.get(column.unwrap_or(0)).filter(|class| !class.is_empty());
        let Some(class) = class else {
            let text = row.iter().collect::<Vec<_>>().join(",");
            let need = "a row with a class in its column";
            return Err(Error::BadLine { path: path.into(), line: *line, text, need });
        };
        if found.last().is_none_or(|(last, _)| last != class) {
            found.push((class.to_string(), *line));
        }
    }
    Ok(found)
}

fn json(path: &Path) -> Result<Vec<Name>> {
    let bad = |reason: String| Error::BadFile { path: path.into(), reason };
    let list: Value = serde_json::from_str(&read::text(path)?).map_err(|e| bad(e.to_string()))?;
    let names = match &list {
        Value::Object(parts) if parts.contains_key("label_names") => chen(&list),
        Value::Object(superclasses) => {
            superclasses.values().map(strings).collect::<Option<Vec<_>>>().map(|names| names.concat())
        }
        list => strings(list),
    };
    let names = names.ok_or_else(|| {
        bad("it is no list of names, no lists of names by superclass, and no list of files by label_names and image_labels".into())
    })?;
    Ok(names.into_iter().map(|name| (name.to_string(), 0)).collect())
}

fn strings(list: &Value) -> Option<Vec<&str>> {
    list.as_array()?.iter().map(Value::as_str).collect()
}

/// The classes of a file list: those names to which a label points, in the order of the names.
fn chen(list: &Value) -> Option<Vec<&str>> {
    let names = strings(list.get("label_names")?)?;
    let Some(labels) = list.get("image_labels") else { return Some(names) };
    let mut used = vec![false; names.len()];
    for label in labels.as_array()? {
        *used.get_mut(usize::try_from(label.as_u64()?).ok()?)? = true;
    }
    Some(names.into_iter().zip(used).filter_map(|(name, used)| used.then_some(name)).collect())
}
