//! Splits by lists of class names.

use std::fs;
use std::path::Path;

use super::class::ClassRef;
use super::images::ImageSet;
use super::photos::Photos;
use super::split::Split;
use crate::error::{Error, Result};

impl Photos {
    /// Reads the lists `train.txt`, `val.txt` and `test.txt` of a folder: one class per line, by its name, or with
    /// columns separated by tabs, the first a number and the second the name. Blank lines are passed over; a missing
    /// `val.txt` is an empty list.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::BadLine`]; [`Error::UnknownClass`] for a class that `images` lacks;
    /// [`Error::RepeatedClass`]; [`Error::SharedClass`] if two lists have a class in common.
    pub fn split(images: &ImageSet, folder: impl AsRef<Path>) -> Result<Split> {
        let folder = folder.as_ref();
        let mut owner = vec![None; images.classes()];
        let mut read = |list: &'static str| list_of(images, &folder.join(list), list, &mut owner);
        let train = read("train.txt")?;
        let val = if folder.join("val.txt").exists() { read("val.txt")? } else { Vec::new() };
        Ok(Split { train, val, test: read("test.txt")? })
    }
}

fn list_of(
    images: &ImageSet,
    path: &Path,
    list: &'static str,
    owner: &mut [Option<&'static str>],
) -> Result<Vec<ClassRef>> {
    let text = fs::read_to_string(path).map_err(|source| Error::Io { path: path.into(), source })?;
    let mut classes = Vec::new();
    for (line, text) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        if text.trim().is_empty() {
            continue;
        }
        let mut columns = text.trim().split('\t');
        let name = match (columns.next(), columns.next()) {
            (Some(name), None) => name,
            (Some(number), Some(name)) if number.parse::<u64>().is_ok() && !name.is_empty() => name,
            _ => {
                let need = "a class name, or a number, a tab and a class name";
                return Err(Error::BadLine { path: path.into(), line, text: text.into(), need });
            }
        };
        let (place, class) = (|| format!("{}:{line}", path.display()), name.to_string());
        let Some(number) = images.class_named(name) else {
            return Err(Error::UnknownClass { class, place: place() });
        };
        match owner[number].replace(list) {
            Some(first) if first == list => return Err(Error::RepeatedClass { class, place: place() }),
            Some(first) => return Err(Error::SharedClass { class, first, second: list }),
            None => classes.push(ClassRef { class: number, turns: 0 }),
        }
    }
    Ok(classes)
}
