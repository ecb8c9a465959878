//! Which statistics batch norm uses for the two sets of an episode.

use super::network::Network;
use super::norm::Moments;
use crate::error::{Error, Result};

/// Which statistics a learner's batch norms use. There is no default.
///
/// | mode | support set | query set in training | [`predict`](crate::Learner::predict) | [`predict_together`](crate::Learner::predict_together) |
/// |---|---|---|---|---|
/// | `Batch` | its own | its own | the support set's | the batch's own |
/// | `Support` | its own | the support set's | the support set's | the batch's own |
/// | `Together` | both sets as one batch (metric learners), else its own | both sets as one batch | the support set's | the batch's own |
/// | `Tracked` | its own | its own | tracked ones | the batch's own |
/// | `TrackedTogether` (metric learners, baselines) | both sets as one batch | both sets as one batch | tracked ones | the batch's own |
/// | `Running` | given ones | given ones | given ones | given ones |
///
/// Metric learners use tracked statistics for the support set too where they predict inductively, so that both
/// sets are embedded by the same function. In the modes `Together`, `Tracked` and `TrackedTogether` their
/// `predict_together` embeds the support set again, as in training (in the modes that say together in one batch with the
/// queries); what they adapted keeps it for this.
///
/// Unlabelled inputs of a support set are a set of their own, after the support set; in mode `Together` the statistics
/// of `predict` are those of both.
///
/// A figure is *transductive* where a query is normalised along with other queries, and
/// *inductive* where it is not. The published MAML and RelationNet figures are transductive.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum NormMode {
    /// Each set's own.
    Batch,
    /// The support set's for both sets; the gradient flows through them.
    Support,
    /// Support and query set go through the network as one batch, as in the training of prototypical networks.
    Together,
    /// Each set's own in training, where a running mean of them is kept in the learner's state.
    Tracked {
        /// How far a meta-batch's statistics move the running ones, in `0..=1`; PyTorch's layers
        /// use 0.1.
        momentum: f64,
    },
    /// Support and query set go through the network as one batch in training, where a running mean of its statistics is kept
    /// in the learner's state: what the published code of prototypical networks and their relatives does. For metric
    /// learners; a baseline, which has one set, takes it as [`Tracked`](NormMode::Tracked).
    TrackedTogether {
        /// As in [`Tracked`](NormMode::Tracked).
        momentum: f64,
    },
    /// Given ones, an entry per normalised layer.
    Running(Vec<Moments>),
}

impl NormMode {
    /// Whether the mode's numbers are in range and given statistics fit a model.
    ///
    /// # Errors
    /// [`Error::Setting`] for a momentum out of range; [`Error::Shape`] if the number of given statistics differs,
    /// or the number of channels of a layer; [`Error::NotFinite`] if a value is not finite or a variance is
    /// negative. The last two name the layer.
    pub fn check(&self, model: &(impl Network + ?Sized)) -> Result<()> {
        let (given, channels) = match self {
            NormMode::Running(given) => (given, model.norms()),
            NormMode::Tracked { momentum } | NormMode::TrackedTogether { momentum }
                if !(0.0 < *momentum && *momentum <= 1.0) =>
            {
                let need = "above 0 and at most 1, the share of the new statistics";
                return Err(Error::Setting { name: "momentum", value: momentum.to_string(), need });
            }
            _ => return Ok(()),
        };
        check_moments(given, &channels)
    }

    /// How far new statistics move the running ones, in the modes that track them.
    pub(crate) fn momentum(&self) -> Option<f64> {
        match self {
            NormMode::Tracked { momentum } | NormMode::TrackedTogether { momentum } => Some(*momentum),
            _ => None,
        }
    }

    /// Whether both sets are one batch in training.
    pub(crate) fn joins(&self) -> bool {
        matches!(self, NormMode::Together | NormMode::TrackedTogether { .. })
    }
}

/// Whether statistics fit layers with so many `channels`, and give finite outputs.
///
/// # Errors
/// As [`NormMode::check`].
pub(crate) fn check_moments(given: &[Moments], channels: &[usize]) -> Result<()> {
    let refuse = |what: String, expected, found| {
        Err(Error::Shape { what, expected: vec![expected], found: vec![found] })
    };
    if given.len() != channels.len() {
        return refuse("running statistics, one entry per layer".into(), channels.len(), given.len());
    }
    for (i, (moments, &c)) in given.iter().zip(channels).enumerate() {
        for found in [moments.mean.len(), moments.var.len()] {
            if found != c {
                return refuse(format!("running statistics of layer {i}"), c, found);
            }
        }
        let finite = |v: &f64| v.is_finite();
        if !(moments.mean.iter().all(finite) && moments.var.iter().map(|v| v.sqrt()).all(|v| finite(&v))) {
            let what = format!("a mean or a root of a variance in the running statistics of layer {i}");
            return Err(Error::NotFinite { what });
        }
    }
    Ok(())
}
