//! The published files of FewRel: sentences by the relation of two entities in them.

use std::path::Path;

use serde_json::Value;

use super::by_class::ByClass;
use super::text::TextSet;
use super::text_files::json;
use crate::error::{Error, Result};

/// The words that stand before and after each mention of the first and of the second entity.
const MARKS: [(&str, &str); 2] = [("h", "entity1"), ("t", "entity2")];

impl TextSet {
    /// Reads a file of FewRel (feature `text`): an object of lists of `{"tokens": [..], "h": [.., .., MENTIONS], "t": ..}` by
    /// relation, in the order of their names. A sentence is its tokens with spaces between them; the word `entity1` stands
    /// before and after each mention of the first entity, `entity2` of the second: `entity1 Wilton Bridge entity1 was a major
    /// crossing of the entity2 River Wye entity2`. Without them a sentence does not say whose relation is meant.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::BadFile`] for another format, naming the relation and the place in its list.
    pub fn read_few_rel(path: impl AsRef<Path>) -> Result<TextSet> {
        let path = path.as_ref();
        let all = json(path)?;
        let bad = |reason: String| Error::BadFile { path: path.into(), reason };
        let relations = all.as_object().ok_or_else(|| bad("it is not an object of relations".into()))?;
        let mut found = ByClass::new();
        let mut names: Vec<_> = relations.keys().collect();
        names.sort();
        for name in names {
            let list = relations[name].as_array().ok_or_else(|| bad(format!("{name:?} is not a list")))?;
            for (i, entry) in list.iter().enumerate() {
                let need = |what| bad(format!("entry {i} of {name:?} has no {what}"));
                let mut words = tokens(entry).ok_or_else(|| need("list of tokens"))?;
                for (key, mark) in MARKS {
                    let mentions = mentions(&entry[key][2], words.len());
                    let mentions = mentions.ok_or_else(|| need("lists of tokens of two entities"))?;
                    surround(&mut words, &mentions, mark);
                }
                found.add(name, words.concat().join(" "));
            }
        }
        TextSet::from_classes(found.into_classes())
    }
}

/// The tokens, each as a list that marks can join.
fn tokens(entry: &Value) -> Option<Vec<Vec<&str>>> {
    entry["tokens"].as_array()?.iter().map(|token| Some(vec![token.as_str()?])).collect()
}

/// The first and the last token of each mention.
fn mentions(lists: &Value, tokens: usize) -> Option<Vec<[usize; 2]>> {
    let token = |value: Option<&Value>| {
        let token = usize::try_from(value?.as_u64()?).ok()?;
        (token < tokens).then_some(token)
    };
    let ends = |list: &Value| {
        let list = list.as_array()?;
        let [first, last] = [token(list.first())?, token(list.last())?];
        (first <= last).then_some([first, last])
    };
    lists.as_array()?.iter().map(ends).collect()
}

/// Puts the mark before the first and after the last token of each mention.
fn surround(words: &mut [Vec<&str>], mentions: &[[usize; 2]], mark: &'static str) {
    for &[first, last] in mentions {
        words[first].insert(0, mark);
        words[last].push(mark);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> Result<TextSet> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.json");
        std::fs::write(&path, content).unwrap();
        TextSet::read_few_rel(path)
    }

    #[test]
    fn each_mention_stands_between_its_marks() {
        let text = read(
            r#"{"P1": [{"tokens": ["Wye", "at", "Wilton", "Bridge", ",", "the", "Wye"],
                "h": ["wilton bridge", "Q1", [[2, 3]]], "t": ["wye", "Q2", [[0], [6]]]}]}"#,
        );
        let marked = "entity2 Wye entity2 at entity1 Wilton Bridge entity1 , the entity2 Wye entity2";
        assert_eq!(text.unwrap().sentence(0, 0), marked);
    }

    #[test]
    fn mentions_that_are_not_in_the_sentence_are_refused_with_their_place() {
        for mentions in ["[[2]]", "[[-1]]", "[[1, 0]]", "[[]]", "[0]", "0", "null"] {
            let entry = format!(
                r#"{{"P1": [{{"tokens": ["a", "b"], "h": ["", "", [[0]]], "t": ["", "", {mentions}]}}]}}"#
            );
            let Err(Error::BadFile { reason, .. }) = read(&entry) else { panic!("{mentions}") };
            assert_eq!(reason, "entry 0 of \"P1\" has no lists of tokens of two entities");
        }
    }
}
