//! What can go wrong outside the program: files, data and settings.
//!
//! Misuse of the engine (shapes that cannot fit) panics at the call. Everything that comes from files
//! or from a user's settings gives one of these errors, with the value, its place and what to do.

use std::path::PathBuf;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Trouble with data, files or settings.
///
/// The message of each variant says what was wrong, where, and what to do next. New variants may be
/// added in any release.
///
/// ```
/// use innerloop::{Error, ImageSet};
///
/// let two_by_two = vec![("a".to_string(), vec![vec![0, 255, 255]])];
/// let error = ImageSet::from_classes(two_by_two, 2, 2, 1).unwrap_err();
/// assert!(matches!(error, Error::ImageBytes { expected: 4, found: 3, .. }));
/// ```
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting lies outside its range.
    #[error("setting `{name}` is {value}: it must be {need}")]
    Setting {
        /// The setting, as it is called in the interface.
        name: &'static str,
        /// The value that was given.
        value: String,
        /// What is allowed, worded to follow "it must be".
        need: &'static str,
    },

    /// The description of a parameter is not sound.
    #[error("parameter {name} cannot be used: {reason}")]
    Spec {
        /// The parameter: its name in quotes, or its number if it has no name.
        name: String,
        /// What is wrong with its name, shape, role or initial distribution.
        reason: String,
    },

    /// The operating system could not read or write a file or folder.
    #[error("cannot access {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The reason given by the operating system.
        #[source]
        source: std::io::Error,
    },

    /// A file was read but is not what its name promises.
    #[error("{}: {reason}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it and what to do next.
        reason: String,
    },

    /// A saved file lacks an array that was asked for.
    #[error("{} holds no array named {name:?}: check that it was saved by the same model", path.display())]
    MissingArray {
        /// The array.
        name: String,
        /// The file.
        path: PathBuf,
    },

    /// The named arrays of another framework are not those of a network.
    #[error("the arrays cannot be the network's: {reason}")]
    Weights {
        /// What is missing, left over or of another shape, and what to do next.
        reason: String,
    },

    /// An array from outside has another shape than the one needed.
    #[error("{what}: the shape must be {expected:?}, but it is {found:?}")]
    Shape {
        /// What the array is.
        what: String,
        /// The shape that is needed.
        expected: Vec<usize>,
        /// The shape that was found.
        found: Vec<usize>,
    },

    /// A number is infinite or NaN: it came in so, or a computation diverged.
    #[error("{what} is not finite: look for missing values in the input, or lower the learning rates")]
    NotFinite {
        /// What holds the number, and where in it.
        what: String,
    },

    /// A linear system has no unique solution that can be computed, or its matrix has no Cholesky factor.
    #[error(
        "{op}: matrix {matrix} of the batch (counted from 0) cannot be solved, the pivot in its row {row} is {pivot}: \
         add a ridge (a small multiple of the identity) to the matrix, or look for a NaN in what it was made of"
    )]
    NotSolvable {
        /// The operation.
        op: &'static str,
        /// Which matrix of the batch, counted from 0; 0 for a single matrix.
        matrix: usize,
        /// The row at which the factorisation stopped, counted from 0.
        row: usize,
        /// The pivot that was found there, or the entry that is not finite.
        pivot: f64,
    },

    /// An adapted learner lacks an array that the learner which should predict needs.
    #[error("the adapted learner has no array named {name:?}: predict with the learner that adapted it")]
    NotAdapted {
        /// The array.
        name: String,
    },

    /// An environment returned something that cannot be used.
    #[error(
        "environment {environment}, trajectory {trajectory}, step {step} (both counted from 0): {reason}"
    )]
    Environment {
        /// The environment, as its `Debug` text.
        environment: String,
        /// The trajectory of the task.
        trajectory: usize,
        /// The step of the trajectory.
        step: usize,
        /// What was returned and what is needed.
        reason: String,
    },

    /// Something went wrong in one task of a training or an evaluation.
    #[error("task {task}: {source}")]
    Task {
        /// The number of the task in its source.
        task: u64,
        /// What went wrong.
        #[source]
        source: Box<Error>,
    },

    /// Something went wrong on one rank of a training on several, which ends it on all.
    #[error("rank {rank}: {source}")]
    Rank {
        /// The number of the rank.
        rank: usize,
        /// What went wrong; on other ranks its message as [`Error::Own`].
        #[source]
        source: Box<Error>,
    },

    /// An error of a learner or model of your own.
    #[error("{0}")]
    Own(#[source] Box<dyn std::error::Error + Send + Sync>),

    /// A training that should continue had other settings or other tasks when it began.
    #[error(
        "the training that should continue has other {what} than it began with: \"{now}\", which was \"{was}\": \
         give what it began with, or begin another training"
    )]
    OtherRun {
        /// What differs: settings or tasks.
        what: &'static str,
        /// The first line of the earlier description that differs, with its place.
        was: String,
        /// The same line now.
        now: String,
    },

    /// The state of a training holds numbers that no training leaves behind.
    #[error(
        "the training cannot continue from this state: {reason}; use the checkpoint as it was saved, or an earlier one"
    )]
    State {
        /// What cannot be.
        reason: String,
    },

    /// A file could not be fetched from a server.
    #[error("cannot fetch {address}: {reason}")]
    Fetch {
        /// Where it was asked for.
        address: String,
        /// What went wrong and what to do next.
        reason: String,
    },

    /// A data set was not found where it was looked for.
    #[error(
        "{what} was not found in {}, which has none of {looked_for}: put it there or give another folder",
        root.display()
    )]
    NoData {
        /// The data set, or the part of it, that is missing.
        what: &'static str,
        /// The folder that was searched.
        root: PathBuf,
        /// The files or folders that were looked for; one of them is enough.
        looked_for: String,
    },

    /// One image of an archive or folder cannot be used.
    #[error("{}: image {member}: {reason}", path.display())]
    BadImage {
        /// The archive or the folder.
        path: PathBuf,
        /// The image in it.
        member: String,
        /// What is wrong with the image.
        reason: String,
    },

    /// One image of an archive or folder has the wrong size.
    #[error(
        "{}: image {member} is {found_h}x{found_w} pixels (height x width), but it must be {expected}x{expected}: \
         use the images as published; they are resized when they are loaded",
        path.display()
    )]
    ImageSize {
        /// The archive or the folder.
        path: PathBuf,
        /// The image in it.
        member: String,
        /// Height and width that are needed.
        expected: usize,
        /// The height that was found.
        found_h: usize,
        /// The width that was found.
        found_w: usize,
    },

    /// An image has the wrong number of bytes for the shape of its set.
    #[error(
        "the number of bytes of image {image} of class {class:?} is {found}, but h * w * c is {expected}"
    )]
    ImageBytes {
        /// The class.
        class: String,
        /// The image, counted within its class from 0.
        image: usize,
        /// `h * w * c`.
        expected: usize,
        /// The bytes that were given.
        found: usize,
    },

    /// A class has no images at all.
    #[error("class {class:?} has no images: leave the class out, or look for the missing files")]
    EmptyClass {
        /// The class.
        class: String,
    },

    /// A sentence has nothing but white space.
    #[error("sentence {sentence} of class {class:?} (counted from 0) is empty: leave it out")]
    EmptySentence {
        /// The class.
        class: String,
        /// The sentence, counted within its class from 0.
        sentence: usize,
    },

    /// A network was given the number of a word that its table does not hold.
    #[error(
        "input {input}, place {place} (counted from 0): {id} is not the id of a word, a whole number below {words}: \
         make rows with the vocabulary that the network was made for"
    )]
    WordId {
        /// The input, counted from 0.
        input: usize,
        /// The place in its row, counted from 0.
        place: usize,
        /// What was found there.
        id: f64,
        /// The rows of the table.
        words: usize,
    },

    /// A class is named twice where each may appear once.
    #[error("class {class:?} appears twice in {place}")]
    RepeatedClass {
        /// The class, with its rotation where that matters.
        class: String,
        /// The set or list in which it is repeated.
        place: String,
    },

    /// A class is named that the image set does not have.
    #[error("class {class:?} ({place}) is not in the image set: check that the data set is complete")]
    UnknownClass {
        /// The class, by name or by number.
        class: String,
        /// Where it was named.
        place: String,
    },

    /// One class is in two parts of a split, so training would see what it is tested on.
    #[error("class {class:?} is in {first} and in {second}: the parts of a split must be disjoint")]
    SharedClass {
        /// The class.
        class: String,
        /// The part that was read first, or the place in it.
        first: String,
        /// The part that repeats it, or the place in it.
        second: String,
    },

    /// A line of a text file does not follow the format of the file.
    #[error("{}:{line}: {text:?} is not {need}", path.display())]
    BadLine {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The line as it stands in the file.
        text: String,
        /// The format, worded to follow "is not".
        need: &'static str,
    },

    /// A sentence consists of words that a vocabulary lacks: all such sentences look alike to a network.
    #[error(
        "{}sentence {number} of class {class:?} has no known word: {sentence:?}; leave it out, or take a vocabulary \
         that knows its words, such as `CharNgrams`",
        line.as_ref().map_or(String::new(), |(path, line)| format!("{}:{line}: ", path.display()))
    )]
    UnknownWords {
        /// The class.
        class: String,
        /// The number of the sentence in its class, counted from 1 in the order of its file.
        number: usize,
        /// The sentence.
        sentence: String,
        /// The file and the line, counted from 1, if the sentence was read from a file of lines.
        line: Option<(PathBuf, usize)>,
    },

    /// More classes are needed than there are.
    #[error("the number of classes is {have}, but {what} needs at least {need}")]
    TooFewClasses {
        /// What needs them.
        what: &'static str,
        /// How many it needs.
        need: usize,
        /// How many there are.
        have: usize,
    },

    /// More classes of one superclass are needed than it has.
    #[error(
        "the number of classes of {superclass:?} is {have}, but an episode within one superclass needs {need}: lower \
         the ways, or leave its classes out"
    )]
    SmallSuperclass {
        /// The superclass.
        superclass: String,
        /// The ways of an episode.
        need: usize,
        /// The classes of the superclass.
        have: usize,
    },

    /// More images, or other examples, of one class are needed than it has.
    #[error(
        "the number of examples of class {class:?} is {have}, but an episode needs {need} of them: \
         lower shots, queries or unlabelled examples, or leave the class out"
    )]
    TooFewImages {
        /// The class.
        class: String,
        /// Shots, queries and unlabelled images together.
        need: usize,
        /// The images of the class.
        have: usize,
    },

    /// A quarter turn was asked for of images that are not square.
    #[error("images of {h}x{w} pixels (height x width) cannot be turned by 90 degrees: crop them to squares")]
    NotSquare {
        /// Height in pixels.
        h: usize,
        /// Width in pixels.
        w: usize,
    },

    /// A label of an episode is not below its number of ways.
    #[error("the {what} set has label {label} at position {index}: labels must be less than ways = {ways}")]
    Label {
        /// Support or query set.
        what: &'static str,
        /// The position of the example.
        index: usize,
        /// The label found there.
        label: usize,
        /// The ways of the episode.
        ways: usize,
    },

    /// A class of an episode has no support example to learn from.
    #[error("the support set has no example of label {label}: each label below ways = {ways} needs one")]
    MissingLabel {
        /// The label that never occurs.
        label: usize,
        /// The ways of the episode.
        ways: usize,
    },
}

impl Error {
    /// An error of your own, passed on by a learner or a model.
    pub fn own(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Own(error.into())
    }

    /// The same with the task in which it happened, unless it says so already.
    pub(crate) fn in_task(self, task: u64) -> Error {
        match self {
            Error::Task { .. } => self,
            _ => Error::Task { task, source: Box::new(self) },
        }
    }

    /// The same with the rank on which it happened, unless that is said already or is the task's doing.
    pub(crate) fn on_rank(self, rank: usize) -> Error {
        match self {
            Error::Task { .. } | Error::Rank { .. } => self,
            _ => Error::Rank { rank, source: Box::new(self) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_can_cross_threads_and_be_boxed() {
        fn check<E: std::error::Error + Send + Sync + 'static>() {}
        check::<Error>();
    }

    #[test]
    fn a_message_names_the_value_the_place_and_the_range() {
        let error = Error::Setting { name: "ways", value: "0".into(), need: "at least 1" };
        assert_eq!(error.to_string(), "setting `ways` is 0: it must be at least 1");
        let error = Error::BadLine { path: "a/train.txt".into(), line: 7, text: "x".into(), need: "a class" };
        assert_eq!(error.to_string(), "a/train.txt:7: \"x\" is not a class");
    }
}
