//! Flags that say something to some learners only: with others they are refused, and not ignored.

use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::learners::ALL;

const INNER: &[&str] = &[
    "maml",
    "fomaml",
    "anil",
    "boil",
    "meta-sgd",
    "meta-curvature",
    "maml++",
    "imaml",
    "cavia",
    "meta-lstm",
    "reptile",
];
const METRIC: &[&str] = &[
    "protonet",
    "protonet-scaled",
    "protonet-cosine",
    "semi-protonet",
    "matching",
    "matching-fce",
    "tadam",
    "r2d2",
    "meta-opt-net",
];

/// A flag, by the name of its field in `Settings`, and the learners that take it.
const OF_SOME: &[(&str, &[&str])] = &[
    ("inner_lr", INNER),
    ("inner_steps", INNER),
    ("eval_steps", &["maml", "fomaml", "anil", "boil", "meta-sgd", "meta-curvature", "reptile"]),
    ("slow_body", &["maml", "fomaml", "meta-sgd", "meta-curvature", "maml++", "imaml", "reptile"]),
    ("norms_stay", &["maml", "fomaml"]),
    ("lambda", &["imaml"]),
    ("damping", &["imaml"]),
    ("hessian_free", &["imaml"]),
    ("head_scale", &["baseline++"]),
    ("statistics", METRIC),
];

/// Refuses a flag that none of these learners takes.
pub fn check(given: &ArgMatches, learners: &[&str]) -> Result<(), String> {
    for (flag, takers) in OF_SOME {
        debug_assert!(
            takers.iter().all(|taker| ALL.iter().any(|learner| learner.name == *taker)),
            "{takers:?}"
        );
        let typed = given.value_source(flag) == Some(ValueSource::CommandLine);
        if typed && !learners.iter().any(|learner| takers.contains(learner)) {
            let (flag, these) = (flag.replace('_', "-"), learners.join(", "));
            return Err(format!("--{flag} says nothing to {these}; it is for {}", takers.join(", ")));
        }
    }
    Ok(())
}
