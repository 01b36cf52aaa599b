//! The loss of a policy that learns from a teacher.

use ludus_net::{Block, TeacherRows};

use super::gather::gather_rows;
use super::{BlockColumns, Decided, LossContext};
use crate::TaughtSamples;
use crate::ppo::Losses;

impl BlockColumns {
    /// Adds the divergence of a teacher's distributions, and writes its derivatives. Detail 53.
    pub(super) fn derive_divergence(
        &mut self,
        context: LossContext<'_>,
        taught: TaughtSamples<'_>,
        decided: Decided<'_>,
        block: Block<'_>,
        losses: &mut Losses,
    ) {
        let (samples, width) = (decided.samples, context.network.layout().output_width());
        self.taught.resize(samples.len() * width, 0.0);
        gather_rows(taught.outputs, samples, &mut self.taught);
        let distribution = context.network.distribution().masked(decided.masks);
        let teacher = TeacherRows { distribution: taught.distribution, outputs: &self.taught };
        distribution.divergences(block.outputs, teacher, &mut self.log_probs);
        for (row, &sample) in samples.iter().enumerate() {
            let is_experience = context.is_experience(sample);
            losses.policy += if is_experience { self.log_probs[row] } else { 0.0 };
            self.d_log_probs[row] = if is_experience { context.weight() } else { 0.0 };
        }
        distribution.divergence_backward(block.outputs, teacher, &self.d_log_probs, block.d_outputs, block.d_log_std);
    }
}
