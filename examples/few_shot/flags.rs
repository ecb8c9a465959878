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

/// Learners that are not trained, and the flags that say nothing to them.
const UNTRAINED: &[&str] = &["untrained", "nearest-neighbour", "nearest-centroid"];
const OF_TRAINED: &[&str] = &["start", "learned", "ensemble", "best"];

/// Refuses a flag that none of these learners takes.
pub fn check(given: &ArgMatches, learners: &[&str]) -> Result<(), String> {
    for (flag, takers) in OF_SOME {
        debug_assert!(
            takers.iter().all(|taker| ALL.iter().any(|learner| learner.name == *taker)),
            "{takers:?}"
        );
        if typed(given, flag) && !learners.iter().any(|learner| takers.contains(learner)) {
            let (flag, these) = (flag.replace('_', "-"), learners.join(", "));
            return Err(format!("--{flag} says nothing to {these}; it is for {}", takers.join(", ")));
        }
    }
    if learners.iter().all(|learner| UNTRAINED.contains(learner))
        && let Some(flag) = OF_TRAINED.iter().find(|flag| typed(given, flag))
    {
        let (flag, these) = (flag.replace('_', "-"), learners.join(", "));
        return Err(format!("--{flag} says nothing to {these}; it is for learners that are trained"));
    }
    Ok(())
}

fn typed(given: &ArgMatches, flag: &str) -> bool {
    given.value_source(flag) == Some(ValueSource::CommandLine)
}
