//! What a list of arrays lacks, and what it has too much, in words.

use super::names::WeightNames;
use crate::nn::ParamSpec;

/// What is missing and what is left over, with the names most alike.
pub(super) fn differences(missing: &[&ParamSpec], left: &[&str], names: &WeightNames) -> String {
    let alike = |a: &str, b: &str| {
        let common =
            |pairs: &mut dyn Iterator<Item = (char, char)>| pairs.take_while(|(a, b)| a == b).count();
        common(&mut a.chars().zip(b.chars())) + common(&mut a.chars().rev().zip(b.chars().rev()))
    };
    let mut told = Vec::new();
    for spec in missing.iter().take(8) {
        let theirs = names.theirs(&spec.name);
        let nearest = left.iter().max_by_key(|name| alike(name, theirs));
        let nearest = nearest.map_or(String::new(), |name| format!(" (the nearest name is {name:?})"));
        told.push(format!(
            "parameter {:?} needs the array {theirs:?}, which is not there{nearest}",
            spec.name
        ));
    }
    if missing.len() > 8 {
        told.push(format!("and so do {} more parameters", missing.len() - 8));
    }
    if !left.is_empty() {
        let (some, more) = (&left[..left.len().min(12)], left.len().saturating_sub(12));
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        told.push(format!("no parameter takes the arrays {some:?}{more}"));
    }
    format!("{}: give a table of names, and leave out with `without` what is not needed", told.join("; "))
}
