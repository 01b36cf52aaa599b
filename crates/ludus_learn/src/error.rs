//! The errors of learning.

use crate::LaneShape;

/// The reasons that an algorithm can't start, continue or resume.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    /// Settings are out of range: each field's name, and a sentence about it.
    #[error("{}", sentences(.0))]
    Config(Vec<(&'static str, String)>),
    /// A minibatch led to a number that is not finite. The parameters are as they were before it.
    #[error(
        "the {what} is {value}, so nothing was learned from it; train with a lower `learning_rate` or smaller rewards, \
         or look for rewards and observations that are not finite"
    )]
    NotFinite {
        /// The name of the number: a loss, or the gradient's length.
        what: &'static str,
        /// The number: NaN or infinite.
        value: f32,
    },
    /// A gradient step has left a parameter that is not finite. The parameters before it are lost:
    /// [`Learner::rewind`](crate::Learner::rewind) restores the marked state.
    #[error("a parameter of the network became {value}; train with a lower `learning_rate` or smaller rewards")]
    Parameter {
        /// The number: NaN or infinite.
        value: f32,
    },
    /// A derivative is not finite. The parameters are as they were before.
    #[error(
        "the gradient of `{tensor}` has a {value}, so nothing was learned from it; train with a lower `learning_rate` or \
         smaller rewards"
    )]
    Gradient {
        /// The first tensor of the network with such a derivative, such as `actor.0.weight`.
        tensor: String,
        /// The number: NaN or infinite.
        value: f32,
    },
    /// An algorithm that learns values of actions was given a continuous action.
    #[error("its actions are continuous, and only discrete ones have a value each; learn with `ppo` or `sac`")]
    Continuous,
    /// Soft actor-critic was given a network whose numbers are not squashed into the range of the action.
    #[error("its network's continuous actions are not squashed, as `sac` needs them; make it with `squashed: true`")]
    NotSquashed,
    /// The learner has no noise that is a function of the observation.
    #[error(
        "`gsde` needs a learner in plain Rust, which alone has noise that is a function of the observation; train with \
         `--learner native`, or leave `gsde` out"
    )]
    SmoothNoise,
    /// An algorithm that can't learn with a memory was given a network that has one.
    #[error("its network has a `memory`, with which this algorithm can't learn; leave it out, or learn with `ppo`")]
    Memory,
    /// The rollout has more samples than `u32` indices can address.
    #[error(
        "a rollout has {samples} samples, there may be {} at most; train with fewer agents, or with a lower \
         `rollout_steps`",
        u32::MAX
    )]
    TooManySamples {
        /// `(steps + 1) · rows`.
        samples: usize,
    },
    /// A rollout has one sample, whose advantage would always be normalised to 0.
    #[error(
        "a rollout has a single sample, 1 agent × 1 step; with `normalize_advantages` it needs at least 2: train with more \
         `arenas` or `worlds`, or with a higher `rollout_steps`"
    )]
    SingleSample,
    /// The simulations have other numbers of rows than the rollout was laid out for.
    #[error("simulation {simulation} has {now} rows, but the rollout was laid out for {was}; build PPO anew")]
    Rows {
        /// The index of the first simulation that differs.
        simulation: usize,
        /// Its rows when the rollout was laid out; 0 if the simulation is new.
        was: usize,
        /// Its rows now; 0 if the simulation is gone.
        now: usize,
    },
    /// The simulations' lanes differ from each other, or from the lane that the rollout was laid out for.
    #[error(
        "simulation {simulation} offers {}, not {} as expected; learn from simulations of one kind of agent at a time",
        widths(.actual),
        widths(.expected)
    )]
    Lanes {
        /// The index of the first simulation that differs.
        simulation: usize,
        /// The shape that was expected.
        expected: Box<LaneShape>,
        /// The shape of the simulation's lane.
        actual: Box<LaneShape>,
    },
    /// The network can't be made, or saved numbers don't fit it.
    #[error(transparent)]
    Network(#[from] ludus_net::NetError),
    /// The device, or the library that computes there, failed.
    #[error(
        "the learner can't go on: {0}; if memory is short, train with fewer `arenas` or `worlds`, or lower \
         `rollout_steps` or `minibatch`"
    )]
    Device(String),
    /// A critic has another number of values than there are streams of rewards.
    #[error(
        "the critic estimates {actual} streams of rewards, and there are {needed}; make its network with {needed} value \
         heads, or leave `streams` and `curiosity` out"
    )]
    ValueHeads {
        /// The number of streams, with the simulation's own rewards.
        needed: usize,
        /// The value heads of the critic.
        actual: usize,
    },
    /// The settings have streams of rewards, and none were added to the algorithm.
    #[error(
        "the settings have {streams} streams of rewards beside the simulations' own, and PPO was given none; add those of \
         `config.reward_streams(…)` by `with_streams`, or leave `streams` and `curiosity` out"
    )]
    NoStreams {
        /// The number of streams in the settings, with that of curiosity.
        streams: usize,
    },
    /// A counterfactual baseline has nothing to read.
    #[error(
        "a counterfactual baseline reads what the members of a team observe and do, and the critic does not see its team; \
         let it see the team, or leave the baseline out"
    )]
    NoTeamView,
    /// There is nothing to imitate.
    #[error("the demonstrations have no step that can be imitated; record some, or leave `pretrain` out")]
    NoDemonstrations,
    /// Values are normalised by the critic's last layer, and the network does not say which that is.
    #[error(
        "`normalize_values` needs a network that the config describes; leave it out, or set `scale_rewards` instead"
    )]
    NoValueHead,
    /// The learner can't imitate.
    #[error(
        "this learner can't learn from demonstrations or teachers; train with `--learner native`, or leave `pretrain` out"
    )]
    NoCloning,
    /// The teacher remembers what it has seen, which is not part of the rollouts that it is asked about.
    #[error(
        "the teacher's network has a `memory`, stacked steps or its last action; learn from a teacher without them"
    )]
    TeacherMemory,
    /// The teacher reads or decides something else than the policy.
    #[error("the teacher {difference}; give `network` the same, or take another teacher")]
    OtherTeacher {
        /// The difference, as the rest of a sentence.
        difference: String,
    },
    /// A stream reads rewards that the simulations don't write.
    #[error(
        "a stream reads column {column} of the simulations' streams of rewards, and they write {columns}; give their \
         lanes as many `reward_streams`"
    )]
    NoStream {
        /// The column, from 0.
        column: usize,
        /// The columns that there are.
        columns: usize,
    },
    /// The saved state lacks numbers: it belongs to another algorithm.
    #[error("the checkpoint has no `{name}`; resume with the config that made it")]
    Missing {
        /// The name of the missing counter or array.
        name: &'static str,
    },
    /// Saved numbers don't fit the learner.
    #[error("the checkpoint has {was} {what}, the learner {now}; resume with the config that made it")]
    Checkpoint {
        /// The kind of numbers whose count is wrong.
        what: &'static str,
        /// The number in the saved state.
        was: usize,
        /// The number that the learner needs.
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
