//! The progress and the result of a pretraining.

/// An epoch of a pretraining that is over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CloningEpoch {
    /// Epochs that are over.
    pub epoch: usize,
    /// The mean loss of the samples that were learned from, each before its gradient step \[nats\].
    pub loss: f32,
    /// The mean loss of the samples that were held out, after the epoch \[nats\]; `None` without any.
    pub held_out_loss: Option<f32>,
}

/// The result of a pretraining.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CloningReport {
    /// The epoch whose policy was kept: the one with the least loss of the samples that were held out, or the last one
    /// without any.
    pub kept: CloningEpoch,
    /// Epochs that were made.
    pub epochs: usize,
    /// Samples that were learned from in each.
    pub samples: usize,
}
