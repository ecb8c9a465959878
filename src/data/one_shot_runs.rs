//! The 20 runs of one-shot classification that were published with Omniglot.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::archive::{Member, Source};
use super::bitmap::Bitmap;
use super::episode::{Episode, Examples};
use super::omniglot::{check_size, decoded};
use super::pixels::PixelRange;
use super::tasks::Tasks;
use crate::error::{Error, Result};
use crate::real::Real;

/// What a run's list of right answers is called.
const LIST: &str = "class_labels.txt";
const LINE: &str =
    "the path of a test drawing, a space, and the path of the training drawing of the same character";

/// The task by which people and machines were compared in Lake, Salakhutdinov and Tenenbaum (Science 350, 2015): 20 runs, in each of
/// which 20 drawings of one drawer are told apart by one drawing each of another, all of one alphabet. Alphabets
/// and characters are of the evaluation set, so learners are trained on [`Split::background`](crate::Split::background) alone.
///
/// Published error rates: people 4.5 %, Bayesian program learning 3.3 %, a modified Hausdorff distance 38.8 %.
///
/// As a source of [`Tasks`], run `i` is episode `i`; after the last the first follows. Nothing is random.
#[derive(Debug, Clone)]
pub struct OneShotRuns {
    runs: Vec<OneRun>,
    size: usize,
}

/// The drawings of one run.
#[derive(Debug, Clone)]
struct OneRun {
    support: Vec<Vec<u8>>,
    query: Vec<Vec<u8>>,
    answers: Vec<usize>,
    /// Of the drawings of the support set.
    names: Vec<String>,
}

impl OneShotRuns {
    /// Reads `all_runs.zip` as published (<https://github.com/brendenlake/omniglot>), or a folder `all_runs` unpacked from it, in `root` or in
    /// `root/omniglot`: for each run a file `class_labels.txt`, whose lines name a test drawing and the training drawing of the same
    /// character. Images become `size` x `size` pixels, as those of [`Omniglot::load_sized`](crate::Omniglot::load_sized) do.
    ///
    /// ```no_run
    /// use innerloop::{Conv4, Downsample, Evaluator, Learned, Learner, NormMode, OneShotRuns, ProtoNet};
    ///
    /// let runs = OneShotRuns::load("data", 28)?;
    /// let learner = ProtoNet::new(Conv4::new([28, 28, 1], 64, Downsample::MaxPool, None)?, NormMode::Together);
    /// let learned: Learned<f32> = learner.init(0).into(); // usually a trained one
    /// println!("{}", Evaluator::new(&runs, runs.len() as u64).evaluate(&learner, &learned)?);
    /// # Ok::<(), innerloop::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`]; [`Error::NoData`]; [`Error::Io`]; [`Error::BadFile`] if there is no list, or one without lines;
    /// [`Error::BadLine`] for a line of another form, or one that names a drawing that is not there; [`Error::BadImage`]
    /// and [`Error::ImageSize`] for a drawing that cannot be used.
    pub fn load(root: impl AsRef<Path>, size: usize) -> Result<OneShotRuns> {
        check_size(size)?;
        let mut source = Source::find(root.as_ref(), "all_runs")?;
        let members: BTreeMap<String, Member> =
            source.members("all_runs")?.into_iter().map(|member| (member.name.clone(), member)).collect();
        let lists: Vec<&Member> = members.values().filter(|member| is_list(&member.name)).collect();
        if lists.is_empty() {
            let reason = format!("there is no {LIST} in it: unpack or download it again");
            return Err(Error::BadFile { path: source.path, reason });
        }
        let runs = lists.into_iter().map(|list| OneRun::read(&mut source, &members, list, size));
        Ok(OneShotRuns { runs: runs.collect::<Result<_>>()?, size })
    }

    /// How many runs there are.
    pub fn len(&self) -> usize {
        self.runs.len()
    }

    /// Whether there are none; never.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }
}

fn is_list(name: &str) -> bool {
    name.strip_suffix(LIST).is_some_and(|before| before.is_empty() || before.ends_with('/'))
        && !name.starts_with("__MACOSX")
}

impl OneRun {
    fn read(
        source: &mut Source,
        members: &BTreeMap<String, Member>,
        list: &Member,
        size: usize,
    ) -> Result<OneRun> {
        let mut bytes = Vec::new();
        source.read(list, &mut bytes)?;
        let path = source.path.join(&list.name);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        // paths start at the folder that holds the folders of the runs
        let folder = list.name.trim_end_matches(LIST).trim_end_matches('/');
        let base = folder.rsplit_once('/').map_or("", |(base, _)| base);
        let mut pairs = Vec::new();
        for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let wrong = |need| Error::BadLine { path: path.clone(), line: i + 1, text: line.into(), need };
            let words: Vec<&str> = line.split_whitespace().collect();
            let [test, train] = words[..] else { return Err(wrong(LINE)) };
            let find = |name: &str| {
                let name = if base.is_empty() { name.into() } else { format!("{base}/{name}") };
                members.get(&name).ok_or_else(|| wrong("a line of drawings that are there"))
            };
            pairs.push((find(test)?, find(train)?));
        }
        if pairs.is_empty() {
            return Err(Error::BadFile { path, reason: "it has no lines: download it again".into() });
        }
        let names: BTreeSet<&str> = pairs.iter().map(|(_, train)| train.name.as_str()).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let mut bitmap = Bitmap::default();
        let mut drawing = |member: &Member| {
            source.read(member, &mut bytes)?;
            decoded(&bytes, &mut bitmap, size, &source.path, &member.name)
        };
        Ok(OneRun {
            support: names.iter().map(|name| drawing(&members[*name])).collect::<Result<_>>()?,
            query: pairs.iter().map(|(test, _)| drawing(test)).collect::<Result<_>>()?,
            answers: pairs
                .iter()
                .map(|(_, train)| names.partition_point(|name| **name < *train.name))
                .collect(),
            names: names.iter().map(|name| name[base.len()..].trim_start_matches('/').into()).collect(),
        })
    }
}

impl<T: Real> Tasks<Episode<T>> for OneShotRuns {
    fn task(&self, i: u64) -> Episode<T> {
        let OneRun { support, query, answers, names } = &self.runs[(i % self.len() as u64) as usize];
        let examples = |drawings: &[Vec<u8>], labels: Vec<usize>| {
            let pictures: Vec<&[u8]> = drawings.iter().map(Vec::as_slice).collect();
            let x = PixelRange::default().inputs(&pictures, [self.size, self.size, 1]);
            Examples::labelled(x.expect("checked: drawings of this size"), labels, names.len())
        };
        Episode {
            support: examples(support, (0..names.len()).collect()),
            query: examples(query, answers.clone()),
            classes: names.clone(),
        }
    }
}

compiled_here!(T: <OneShotRuns as Tasks<Episode<T>>>::task);
