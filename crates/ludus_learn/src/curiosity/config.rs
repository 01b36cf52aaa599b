//! The settings of curiosity.

use std::collections::BTreeMap;

use ludus_net::{Activation, Encoder, InputBlock, Layout, NetError, NetworkConfig};
use ludus_spec::{AgentSpec, Head};
use serde::{Deserialize, Serialize};

use crate::Schedule;
use crate::problems::{Problems, Range};

/// The settings of curiosity by random network distillation: a section of those of PPO.
///
/// Burda et al. 2019, arXiv:1810.12894.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CuriosityConfig {
    /// The fields of the observation that it is curious about; empty for all of them.
    ///
    /// What is new to an agent, and what it can't influence, is all the same to it: leave out fields of noise.
    pub fields: Vec<String>,
    /// The weight of its advantages beside those of the game's rewards, whose weight is 1.
    ///
    /// Its rewards are scaled by the deviation of their discounted return, those of the game only with `scale_rewards`.
    /// At least 0, usually 0.1 to 1, and often `Linear` down to 0. Burda et al. 2019 weigh it half as much as the game's
    /// rewards.
    pub weight: Schedule,
    /// The discount factor of its rewards per decision (γ). Its returns go on in the next episode.
    ///
    /// In `0.0..=1.0`, usually 0.99. Burda et al. 2019, §2.3.
    pub gamma: f32,
    /// Width of each hidden layer of its two networks.
    ///
    /// Each at least 1, usually `[64, 64]`.
    pub hidden: Vec<usize>,
    /// Outputs of its random network, which the other network learns to predict.
    ///
    /// At least 2, usually 32 to 512.
    pub outputs: usize,
    /// Adam's step size of the network that predicts.
    ///
    /// Faster makes it lose interest in what it knows sooner. At least 0, usually 1e-4 to 1e-3.
    pub learning_rate: Schedule,
    /// The share of a rollout's steps that each epoch predicts, drawn anew.
    ///
    /// Fewer keep interest alive longer. Above 0 and at most 1, usually 0.25, as in Burda et al. 2019.
    pub samples: f32,
}

impl Default for CuriosityConfig {
    fn default() -> Self {
        Self {
            fields: Vec::new(),
            weight: Schedule::Constant(1.0),
            gamma: 0.99,
            hidden: vec![64, 64],
            outputs: 64,
            learning_rate: Schedule::Constant(3e-4),
            samples: 0.25,
        }
    }
}

impl CuriosityConfig {
    /// Returns every setting that is out of range: the field's name, and a sentence with its value and the valid range.
    ///
    /// ```
    /// # use ludus_learn::CuriosityConfig;
    /// let config = CuriosityConfig { samples: 1.5, ..CuriosityConfig::default() };
    /// assert_eq!(config.problems(), [("samples", "`samples` is 1.5; it must be above 0 and at most 1".to_owned())]);
    /// ```
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Problems::default();
        problems
            .schedule("weight", self.weight, Range::NotNegative)
            .numbers("gamma", &[self.gamma], Range::Fraction)
            .schedule("learning_rate", self.learning_rate, Range::NotNegative)
            .numbers("samples", &[self.samples], Range::Share)
            .hidden(&self.hidden);
        if self.outputs < 2 {
            problems.0.push(("outputs", format!("`outputs` is {}; it must be at least 2", self.outputs)));
        }
        problems.0
    }

    /// Returns a sentence for each field that agents with this spec don't observe.
    pub fn problems_for(&self, spec: &AgentSpec) -> Vec<(&'static str, String)> {
        let names = spec.observation.iter().map(|field| format!("`{}`", field.name)).collect::<Vec<_>>().join(", ");
        let is_unknown = |name: &&String| spec.observation.iter().all(|field| field.name != **name);
        let sentence = |name| format!("`{}` observes no field `{name}`; valid: {names}", spec.name);
        self.fields.iter().filter(is_unknown).map(|name| ("fields", sentence(name))).collect()
    }

    /// Lays out a network for the observations of these agents, which observe the chosen fields alone.
    ///
    /// Of `encoders`, only those that read the present step are taken.
    pub(super) fn layout(&self, chosen: &AgentSpec, encoders: &BTreeMap<String, Encoder>) -> Result<Layout, NetError> {
        let is_observed = |name: &String| chosen.observation.iter().any(|field| field.name == *name);
        let encoders =
            encoders.iter().filter(|(name, encoder)| is_observed(name) && !matches!(encoder, Encoder::Stack(_)));
        let config = NetworkConfig {
            encoders: encoders.map(|(name, encoder)| (name.clone(), encoder.clone())).collect(),
            hidden: self.hidden.clone(),
            activation: Activation::Relu,
            // The critic is not used: on a common trunk it costs next to nothing.
            shared: true,
            ..NetworkConfig::default()
        };
        let width = chosen.observation_width();
        // Choices are outputs of any number, and no more.
        let heads = [Head::Categorical { choices: self.outputs }];
        Layout::with_blocks(width, &InputBlock::of_agent(chosen), &heads, &config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_reported_at_once() {
        let config = CuriosityConfig {
            weight: Schedule::Linear { from: 1.0, to: -0.5 },
            gamma: 1.5,
            hidden: vec![8, 0],
            outputs: 1,
            learning_rate: Schedule::Constant(f32::NAN),
            samples: 0.0,
            ..CuriosityConfig::default()
        };
        let fields: Vec<&str> = config.problems().iter().map(|(field, _)| *field).collect();
        assert_eq!(fields, ["weight", "gamma", "learning_rate", "samples", "hidden", "outputs"]);
        assert_eq!(config.problems()[0].1, "`weight` is -0.5; it must be at least 0");
        assert_eq!(CuriosityConfig::default().problems(), []);
    }

    #[test]
    fn a_section_names_only_what_differs() {
        let config: CuriosityConfig =
            ron::from_str("(fields: [\"position\"], weight: Linear(from: 1.0, to: 0.0))").unwrap();
        assert_eq!((config.fields, config.weight.at(0.5), config.samples), (vec!["position".to_owned()], 0.5, 0.25));
        let error = ron::from_str::<CuriosityConfig>("(field: [])").unwrap_err().to_string();
        assert!(error.contains("field") && error.contains("fields"), "{error}");
    }
}
