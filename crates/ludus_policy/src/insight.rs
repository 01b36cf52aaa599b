//! Distributions and values of a policy, for display.

use ludus_net::{SquashedGaussian, stage};
use ludus_spec::Head;

use crate::{Policy, PolicyScratch, Sensed};

/// A policy's action distributions and value for one observation.
#[derive(Clone, Debug, PartialEq)]
pub struct Insight {
    /// The distribution of each head's action, in the order of the action's fields.
    pub heads: Vec<HeadInsight>,
    /// The estimate of the discounted return of the rest of the episode, in the scale that rewards had in training, as the
    /// policy's [`ValueEstimate`](crate::ValueEstimate) says. `None` for a policy that has none.
    pub value: Option<f32>,
}

/// The distribution of one head's action.
#[derive(Clone, Debug, PartialEq)]
pub enum HeadInsight {
    /// Independent distributions, one for each dimension; -1..=1 is the field's range. They are normal, or normal ones
    /// that were squashed into the range.
    Gaussian {
        /// The mean of each dimension.
        mean: Vec<f32>,
        /// The standard deviation of each dimension.
        deviation: Vec<f32>,
    },
    /// One of several choices.
    Categorical {
        /// The probability of each choice. They add up to 1.
        probabilities: Vec<f32>,
    },
}

impl Policy {
    /// Computes distributions and value for one agent, that is one row. Allocates, so it is for the display of a few
    /// agents.
    ///
    /// `memory` is what policy and critic remember of the agent's episode
    /// `[`[`memory_width_with_critic`](Self::memory_width_with_critic)`]`.
    ///
    /// # Panics
    ///
    /// If a slice is not of one row.
    pub fn insight(&self, sensed: Sensed<'_>, memory: &[f32], scratch: &mut PolicyScratch) -> Insight {
        let mut value = [0.0];
        self.values(sensed, memory, scratch, &mut value);
        self.stage(sensed.observations, scratch);
        let PolicyScratch { network, inputs, outputs, .. } = scratch;
        outputs.resize(self.network.layout().output_width(), 0.0);
        self.network.step(inputs, &mut memory.to_vec(), network, outputs, &mut [0.0]);
        Insight { heads: self.heads(outputs, sensed.masks), value: self.has_values().then_some(value[0]) }
    }

    pub(crate) fn has_critic(&self) -> bool {
        !self.network.layout().config().without_critic
    }

    /// Writes the network's inputs into `scratch`.
    pub(crate) fn stage(&self, observations: &[f32], scratch: &mut PolicyScratch) {
        scratch.inputs.resize(observations.len(), 0.0);
        stage(self.normalizer.as_ref(), observations, &mut scratch.inputs);
    }

    fn heads(&self, outputs: &[f32], masks: &[bool]) -> Vec<HeadInsight> {
        // Without a mask, every choice is allowed.
        let mut allowed = masks.iter().copied().chain(std::iter::repeat(true));
        let layout = self.network.layout();
        let mut log_std = self.network.parameters()[layout.log_std()].iter();
        let mut outputs = outputs.iter().copied();
        let mut describe = |head: &Head| match *head {
            Head::Gaussian { width } => HeadInsight::Gaussian {
                mean: outputs.by_ref().take(width).collect(),
                deviation: log_std.by_ref().take(width).map(|log| log.exp()).collect(),
            },
            Head::SquashedGaussian { width } => {
                let means = outputs.by_ref().take(width).collect::<Vec<_>>();
                let of = means.into_iter().zip(outputs.by_ref().take(width));
                let (mean, deviation) = of.map(|(mean, spread)| SquashedGaussian::new(mean, spread).moments()).unzip();
                HeadInsight::Gaussian { mean, deviation }
            }
            Head::Categorical { choices } => {
                let logits = outputs.by_ref().take(choices).zip(allowed.by_ref());
                let logits = logits.map(|(logit, allowed)| if allowed { logit } else { f32::NEG_INFINITY });
                HeadInsight::Categorical { probabilities: softmax(logits.collect()) }
            }
        };
        layout.heads().iter().map(&mut describe).collect()
    }
}

/// Converts logits to probabilities.
fn softmax(mut logits: Vec<f32>) -> Vec<f32> {
    let greatest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    logits.iter_mut().for_each(|logit| *logit = (*logit - greatest).exp());
    let sum: f32 = logits.iter().sum();
    logits.iter_mut().for_each(|weight| *weight /= sum);
    logits
}

#[cfg(test)]
mod tests {
    use ludus_net::NetworkConfig;

    use super::*;
    use crate::PolicyFile;
    use crate::file::tests::policy;

    /// Makes a policy of one layer with the means x and 2·y + 0.5, the logits 0 and z, and the value x + y + z.
    fn linear() -> Policy {
        let mut file = PolicyFile { normalizer: None, ..policy() };
        file.network = NetworkConfig { hidden: Vec::new(), ..NetworkConfig::default() }.into();
        let layout = file.layout().unwrap();
        let tensors = layout.tensors().map(|tensor| {
            let values = match tensor.name.as_str() {
                "actor.0.weight" => vec![1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
                "actor.0.bias" => vec![0.0, 0.5, 0.0, 0.0],
                "critic.0.weight" => vec![1.0; 3],
                "log_std" => vec![0.0, 1.0],
                _ => vec![0.0; tensor.element_count()],
            };
            (tensor.name.clone(), tensor.shape.clone(), values)
        });
        file.parameters = layout.import(&tensors.collect::<Vec<_>>()).unwrap();
        Policy::new(&file).unwrap()
    }

    #[test]
    fn a_policy_says_what_it_would_do_and_what_it_expects() {
        let policy = linear();
        let sensed = Sensed { observations: &[0.25, 1.0, 3.0], masks: &[] };
        let insight = policy.insight(sensed, &[], &mut policy.scratch());
        let value = insight.value.unwrap();
        assert!((value - 4.25).abs() < 1e-6, "{value}");
        let HeadInsight::Gaussian { mean, deviation } = &insight.heads[0] else { panic!("{insight:?}") };
        assert_eq!(mean, &[0.25, 2.5]);
        assert!((deviation[0] - 1.0).abs() < 1e-6 && (deviation[1] - core::f32::consts::E).abs() < 1e-5);
        let HeadInsight::Categorical { probabilities } = &insight.heads[1] else { panic!("{insight:?}") };
        assert!((probabilities[1] - 1.0 / (1.0 + (-3.0_f32).exp())).abs() < 1e-6, "{probabilities:?}");
        let insight = policy.insight(Sensed { masks: &[true, false], ..sensed }, &[], &mut policy.scratch());
        assert_eq!(insight.heads[1], HeadInsight::Categorical { probabilities: vec![1.0, 0.0] });
    }

    /// Spread outputs are 0, so ln σ = −1.5.
    #[test]
    fn squashed_numbers_are_shown_as_the_game_gets_them() {
        let mut file = PolicyFile { normalizer: None, ..policy() };
        file.network = NetworkConfig { hidden: Vec::new(), squashed: true, ..NetworkConfig::default() }.into();
        let layout = file.layout().unwrap();
        assert_eq!((layout.output_width(), layout.log_std().len()), (6, 0));
        file.parameters = layout.import(&layout.export(&vec![0.0; layout.parameter_count()])).unwrap();
        let again = PolicyFile::from_tensor_file(&file.to_tensor_file()).unwrap();
        let policy = Policy::new(&again).unwrap();
        let sensed = Sensed { observations: &[0.25, 1.0, 3.0], masks: &[] };
        let insight = policy.insight(sensed, &[], &mut policy.scratch());
        let HeadInsight::Gaussian { mean, deviation } = &insight.heads[0] else { panic!("{insight:?}") };
        assert!(mean.len() == 2 && mean.iter().all(|mean| mean.abs() < 1e-6), "{mean:?}");
        // A little less than σ before it is squashed.
        assert!(deviation.iter().all(|deviation| (0.2..0.2232).contains(deviation)), "{deviation:?}");
        let mut drawn = vec![0.0; 300];
        let choice = crate::ActionChoice::Sampled(ludus_spec::Seed::new(1));
        policy.act(&[0.0; 300], choice, &mut policy.scratch(), &mut drawn);
        assert!(drawn.chunks(3).all(|row| row[0].abs() < 1.0 && row[0] != 0.0));
    }
}
