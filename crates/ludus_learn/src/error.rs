//! Why learning stops.

use crate::LaneShape;

/// Why PPO can't start, go on or resume.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    /// The settings are out of range.
    #[error("{}", sentences(.0))]
    Config(Vec<(&'static str, String)>),
    /// A minibatch led to a number that is not finite. The parameters are as they were before it.
    #[error(
        "the {what} is {value}, so nothing was learned from it; train with a lower `learning_rate` or smaller rewards, \
         or look for rewards and observations that are not finite"
    )]
    NotFinite {
        /// What the number is: a loss or the gradient's length.
        what: &'static str,
        /// NaN or infinite.
        value: f32,
    },
    /// A step has left a parameter that is not finite. Nothing is as it was: [`Learner::rewind`](crate::Learner::rewind)
    /// goes back to what was marked.
    #[error("a parameter of the network became {value}; train with a lower `learning_rate` or smaller rewards")]
    Parameter {
        /// NaN or infinite.
        value: f32,
    },
    /// A derivative is not finite. The parameters are as they were before.
    #[error(
        "the gradient of `{tensor}` has a {value}, so nothing was learned from it; train with a lower `learning_rate` or \
         smaller rewards"
    )]
    Gradient {
        /// The first part of the network that is concerned, such as `actor.0.weight`.
        tensor: String,
        /// NaN or infinite.
        value: f32,
    },
    /// The rollout has more samples than can be told apart.
    #[error(
        "a rollout has {samples} samples, there may be {} at most; train with fewer agents, or with a lower \
         `rollout_steps`",
        u32::MAX
    )]
    TooManySamples {
        /// Steps, and one more, times rows.
        samples: usize,
    },
    /// A rollout has one sample, whose advantage would always be normalised to 0.
    #[error(
        "a rollout has a single sample, 1 agent × 1 step; with `normalize_advantages` it needs at least 2: train with more \
         `arenas` or `worlds`, or with a higher `rollout_steps`"
    )]
    SingleSample,
    /// The simulations are not those that the rollout was laid out for.
    #[error("simulation {simulation} has {now} rows, but the rollout was laid out for {was}; build PPO anew")]
    Rows {
        /// Index of the first that differs.
        simulation: usize,
        /// Its rows then; 0 if it is new.
        was: usize,
        /// Its rows now; 0 if it is gone.
        now: usize,
    },
    /// The simulations' lanes differ, or are not those that the rollout was laid out for.
    #[error(
        "simulation {simulation} offers {}, not {} as expected; learn from simulations of one kind of agent at a time",
        widths(.actual),
        widths(.expected)
    )]
    Lanes {
        /// Index of the first that differs.
        simulation: usize,
        /// The shape that was expected.
        expected: LaneShape,
        /// Its own.
        actual: LaneShape,
    },
    /// The network can't be had, or saved numbers don't fit it.
    #[error(transparent)]
    Network(#[from] ludus_net::NetError),
    /// The device, or the library that computes there, failed.
    #[error(
        "the learner can't go on: {0}; if memory is short, train with fewer `arenas` or `worlds`, or lower \
         `rollout_steps` or `minibatch`"
    )]
    Device(String),
    /// Saved numbers that are needed are missing: they are those of another algorithm.
    #[error("the checkpoint has no `{name}`; resume with the config that made it")]
    Missing {
        /// The name of what is missing.
        name: &'static str,
    },
    /// Saved numbers don't fit the learner.
    #[error("the checkpoint has {was} {what}, the learner {now}; resume with the config that made it")]
    Checkpoint {
        /// What there are too many or too few of.
        what: &'static str,
        /// How many were saved.
        was: usize,
        /// How many are needed.
        now: usize,
    },
}

fn widths(lane: &LaneShape) -> String {
    let LaneShape { observation_width, action_width, mask_width, .. } = lane;
    format!("observations of {observation_width} numbers, actions of {action_width} and masks of {mask_width} choices")
}

fn sentences(problems: &[(&'static str, String)]) -> String {
    problems.iter().map(|(_, sentence)| sentence.as_str()).collect::<Vec<_>>().join("\n")
}
