//! Reinforcement learning on slices: simulations step, policies decide, algorithms learn. No Bevy, no libtorch.
//!
//! A [`Simulation`] steps rows of agents: a game's worlds, or plain arrays. A [`Collector`] steps simulations and calls
//! policies ([`Decider`]) in lockstep. An [`Algorithm`] learns from the rollouts that this fills: [`Ppo`], [`Pqn`],
//! [`Dqn`] or [`Sac`]. The arithmetic of PPO is in a [`Learner`], that of value learning in a [`ValueLearner`], that of SAC
//! in a [`SacLearner`]; [`NativeLearner`], [`NativeValueLearner`] and [`NativeSacLearner`] are those in plain Rust.
//!
//! ```
//! use std::sync::Arc;
//! use ludus_learn::{
//!     Algorithm, LaneShape, Machine, NativeLearner, Ppo, PpoConfig, Schedule, SensedRows, Simulation, StepLanes,
//! };
//! use ludus_net::{Layout, Network, NetworkConfig};
//! use ludus_spec::{Head, Outcome, Seed, stopped_clock};
//!
//! /// 64 agents that see nothing and are rewarded for choosing 1.
//! struct Lever;
//!
//! impl Simulation for Lever {
//!     fn lane(&self, _: usize) -> LaneShape {
//!         LaneShape { rows: 64, observation_width: 1, action_width: 1, ..LaneShape::default() }
//!     }
//!     fn observe(&mut self, _: usize, now: SensedRows<'_>) {
//!         now.observations.fill(1.0);
//!     }
//!     fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
//!         let rows = lanes.lane(0);
//!         rows.rewards.copy_from_slice(rows.actions);
//!         rows.outcomes.fill(Outcome::Running);
//!         rows.next.observations.fill(1.0);
//!     }
//! }
//!
//! let config = PpoConfig { learning_rate: Schedule::Constant(0.01).into(), minibatch: 256, ..PpoConfig::default() };
//! let layout = Layout::new(1, &[Head::Categorical { choices: 2 }], &NetworkConfig::default())?;
//! let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build()?);
//! let machine = Machine { pool, clock: stopped_clock };
//! let learner = NativeLearner::new(Network::new(layout, Seed::new(1)), None, machine)?;
//! let mut ppo = Ppo::new(config, learner, &[Lever.lane(0)], Seed::new(2))?;
//! for iteration in 0..8 {
//!     ppo.iterate(&mut [Lever], iteration as f32 / 8.0)?;
//! }
//! let rewards = &ppo.rollout().samples().rewards[..32 * 64];
//! assert!(rewards.iter().sum::<f32>() > 0.9 * rewards.len() as f32);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Guarantees
//!
//! - **Same seed, same bits**, with any number of threads. The seed of a draw derives from the run, the iteration, the
//!   step and the row that the draw is for. A minibatch is cut into shards by its size alone, and they are added up
//!   along a fixed binary tree.
//! - **No hidden state**: a run resumes from the return value of [`Algorithm::save`] alone.
//! - **Nothing allocates** per step or per minibatch, where policies decide in the threads of the simulations.
//! - **A loss that is not finite changes nothing**: [`LearnError::NotFinite`]. If an earlier gradient step broke the
//!   parameters, [`Algorithm::rewind`] restores the last marked state.
//!
//! # PPO, detail by detail
//!
//! Each is cited by its number where it is implemented. *Huang* is Huang et al. 2022, "The 37 implementation details of
//! proximal policy optimization", ICLR blog track; *Andrychowicz* is Andrychowicz et al. 2020, arXiv:2006.05990.
//!
//! 1. **Orthogonal weights**, gain √2 for hidden layers, 0.01 for the policy's head, 1 for the critic's; biases 0
//!    (in `ludus_net`). Huang, core 2; Andrychowicz, §3.2.
//! 2. **Adam with ε = 1e-5** (in `ludus_net`). Huang, core 3.
//! 3. **Schedules** for the learning rate, the clip range and the entropy bonus, by the run's progress. Huang, core 4.
//! 4. **Generalised advantage estimation**. Schulman et al. 2016, arXiv:1506.02438; Huang, core 5.
//! 5. **A truncated step bootstraps** from the value of its true final observation, a terminated one doesn't.
//!    Pardo et al. 2018, arXiv:1712.00378.
//! 6. **Only experience counts**: restart steps, vacant rows and faulty steps are in no advantage, minibatch or
//!    statistic. Gymnasium's next-step autoreset; Huang et al. mask it likewise.
//! 7. **One policy per rollout**: every action comes from the newest policy, and its log-probability and value are
//!    kept. Schulman et al. 2017, arXiv:1707.06347, algorithm 1.
//! 8. **Shuffled minibatches**, anew in every epoch, of sizes that differ by one at most. Huang, core 6.
//! 9. **Advantages normalised per minibatch** of two samples or more. Huang, core 7; Andrychowicz, §3.3.
//! 10. **The clipped surrogate**. Schulman et al. 2017, eq. 7; Huang, core 8.
//! 11. **The critic's squared error, clipped if wanted**. Huang, core 9; Engstrom et al. 2020, arXiv:2005.12729, §3.
//! 12. **An entropy bonus**. Schulman et al. 2017, eq. 9; Huang, core 10.
//! 13. **The gradient clipped by its global norm**. Huang, core 11.
//! 14. **Observations normalised** by running statistics that stand still within an iteration and belong to the policy;
//!     not those columns that the normaliser doesn't follow, such as flags. Huang, continuous 6 and 7; Andrychowicz,
//!     §3.3.
//! 15. **Rewards scaled** by the deviation of the discounted return, if wanted. Engstrom et al. 2020, §3; Huang,
//!     continuous 8 and 9.
//! 16. **An early stop** once the policy has moved far enough, if wanted. Achiam 2018, "Spinning Up in Deep RL", PPO.
//! 17. **Metrics**: the divergence from the old policy by two estimators, the part of samples that were clipped,
//!     the variance that the critic explains. Huang, core 12; Schulman 2020, "Approximating KL divergence".
//! 18. **Heads**: Gaussians whose deviation does not depend on the observation, categoricals, any mix; the
//!     log-probabilities of independent parts add up (in `ludus_net`). Huang, continuous 1 to 3.
//! 19. **Choices that are not allowed** have the logit −∞, when an action is drawn and when it is learned from: no
//!     probability, no gradient, no part in the entropy. Huang and Ontañón 2020, arXiv:2006.14171.
//!
//! # Value learning, detail by detail
//!
//! [`Pqn`] learns from rollouts, [`Dqn`] from a replay. Both learn the value of each choice of a discrete action.
//!
//! 20. **The policy's outputs are values**: the greedy action is the allowed choice with the greatest output. Watkins and
//!     Dayan 1992, doi:10.1007/BF00992698. The branches of an action have values of their own, whose mean is that of the
//!     action. Tavakoli et al. 2018, arXiv:1711.08946, §4.1.
//! 21. **Dueling**, if wanted: the critic's value plus the outputs less their mean. Wang et al. 2016, arXiv:1511.06581,
//!     eq. 9.
//! 22. **ε-greedy exploration**, in training alone, by a schedule over a part of the run. Mnih et al. 2015,
//!     doi:10.1038/nature14236, methods.
//! 23. **λ-returns** (PQN) over the greedy values of the rollout: Peng's Q(λ), with the traces of detail 4 to 6.
//!     Gallici et al. 2024, arXiv:2407.04811, §4.2; Peng and Williams 1996, doi:10.1007/BF00114731.
//! 24. **Epochs of shuffled minibatches without a target network** (PQN). A network with layer normalisation keeps that
//!     stable. Gallici et al. 2024, §3 and algorithm 1.
//! 25. **A replay** (DQN): a ring of the last steps of all rows, in which an observation is kept once. Lin 1992,
//!     doi:10.1007/BF00992699; Mnih et al. 2015.
//! 26. **n-step targets** (DQN) from the replay: they stop where an episode ends, bootstrap where it was truncated or
//!     where no more is known, and never cross a restart step or a world that was built anew. Hessel et al. 2018,
//!     arXiv:1710.02298.
//! 27. **Priorities** (DQN), if wanted: surprising experience is sampled more often, and weighed less. Schaul et al. 2016,
//!     arXiv:1511.05952, §3.3 and §3.4.
//! 28. **Double Q-learning** (DQN): the learned network chooses, the target network estimates. van Hasselt et al. 2016,
//!     arXiv:1509.06461, eq. 4.
//! 29. **Huber's loss** (DQN), if wanted. Mnih et al. 2015, methods.
//! 30. **A target network** (DQN) that is copied now and then, or follows slowly. Mnih et al. 2015; Lillicrap et al. 2016,
//!     arXiv:1509.02971, §3.
//! 31. **Choices that are not allowed** are in no maximum, and never drawn, as in detail 19.
//!
//! Details 2, 3, 5, 6, 13 and 14 hold for them too.
//!
//! # SAC, detail by detail
//!
//! *Haarnoja* is Haarnoja et al. 2018, arXiv:1812.05905.
//!
//! 32. **Every action is drawn** from the newest policy while it learns, and at random before the first update. A saved
//!     policy chooses the squashed mean, and the most probable choices. Haarnoja, algorithm 1.
//! 33. **A replay** of the last steps of every row, sampled evenly; transitions over n decisions end where the episode
//!     does. As for DQN.
//! 34. **Targets** are rewards and the soft value of what follows: the smaller one of two target critics, for actions
//!     that the policy draws there, and the entropy with its weight. A truncated step bootstraps, a terminated one
//!     doesn't. Haarnoja, eq. 5 and §5; Fujimoto et al. 2018, arXiv:1802.09477, for the smaller one.
//! 35. **Both critics** learn the same targets with half the squared error, each by an Adam of its own. Haarnoja, eq. 5.
//! 36. **The policy** ascends the soft value of its own actions, through the numbers that the critics read and by
//!     expectation over choices. Haarnoja, eq. 7; Christodoulou 2019, arXiv:1910.07207, eq. 12, for choices; Delalleau et
//!     al. 2019, arXiv:1912.11077, for both.
//! 37. **Temperatures are tuned**, one for numbers and one for choices, until the policy has the target entropy. Haarnoja,
//!     eq. 18.
//! 38. **Target critics** follow the critics at a distance after every gradient step. Haarnoja, algorithm 1.
//! 39. **Heads**: numbers squashed into -1..=1, whose deviation depends on the observation (in `ludus_net`), choices, any
//!     mix. A choice that is not allowed has no probability, no part in an expectation and no part in the entropy.
//!     Haarnoja, appendix C.
//! 40. **State-dependent exploration**, if wanted: the noise of numbers is a smooth function of the observation for some
//!     updates, with the same density for each action. Raffin et al. 2021, arXiv:2005.05719; see [`GsdeConfig`].
//!
//! # Streams of rewards, detail by detail
//!
//! PPO learns from any number of streams of rewards beside those of the simulation ([`Ppo::with_streams`]): terms of a
//! game's reward with a discount of their own ([`StreamConfig`]), and curiosity ([`CuriosityConfig`]). *Burda* is Burda
//! et al. 2019, "Exploration by random network distillation", arXiv:1810.12894.
//!
//! 41. **A value head for each stream**, with its own discount. The policy learns from the weighted sum of the streams'
//!     advantages, in which the simulation's own rewards have weight 1; the critic's loss is the mean over its values.
//!     Burda, §2.3; van Seijen et al. 2017, arXiv:1706.04208.
//! 42. **Returns that go on in the next episode**, if wanted, so that an end costs nothing but the way back. Burda, §2.3.
//! 43. **Curiosity**: the error with which a network predicts the outputs of a fixed random network, from the observation
//!     after a step. Burda, §2.2.
//! 44. **Its scales**: observations are shifted and scaled by running statistics and clipped to ±5, rewards are divided by
//!     the running deviation of their discounted return, as in detail 15. Burda, §2.4.
//! 45. **Its predictor** learns after the policy, in as many gradient steps, from a share of the experience that is drawn
//!     anew in every epoch. Burda, algorithm 1.
//!
//! What streams add never reaches a simulation: returns of episodes are those of its own rewards. A saved policy has the
//! value of these alone.
//!
//! # Imitation, detail by detail
//!
//! PPO imitates demonstrations ([`Ppo::with_imitation`]): the actions of a person, a script or another policy.
//!
//! 46. **Cloning** is maximum likelihood: the loss is the mean negative log-likelihood of the demonstrated actions under
//!     the policy's own heads, masks and memory. Pomerleau 1991, doi:10.1162/neco.1991.3.1.88; Bain and Sammut 1999, "A
//!     framework for behavioural cloning".
//! 47. **Pretraining** takes some epochs of cloning before the first step. The policy of the best epoch on episodes that
//!     were held out is kept, and Adam begins anew after it. The statistics of observations are those of the
//!     demonstrations for the whole run: new ones would change the policy from one update to the next, as no gradient
//!     step would. What is constant in all demonstrations is shifted and not scaled.
//! 48. **In PPO**, only the critic learns in the first updates (its warm-up), and the loss of cloning, with a weight that
//!     follows a schedule, may be a part of each gradient step. Rajeswaran et al. 2018, arXiv:1709.10087, §4.2.
//!
//! 49. **GAIL** ([`Gail`]): a stream of rewards for pairs of observation and action that a network takes for demonstrated
//!     ones, the logarithm of their odds. It is scaled as in detail 15, and its returns go on in the next episode as in
//!     detail 42: so neither a long nor a short life is a reward in itself. Ho and Ermon 2016, arXiv:1606.03476; Fu et al.
//!     2018, arXiv:1710.11248, §6.
//! 50. **Its network** learns after the policy, from as many pairs of the demonstrations as of the rollout, with a penalty
//!     on its gradient at points between both. Kostrikov et al. 2019, arXiv:1809.02925, §4.
//!
//! 53. **Policy distillation** ([`Ppo::with_teacher`]): the loss is the mean divergence KL(teacher ‖ policy) in what the
//!     policy itself observes, under its masks. In the first updates the policy learns from it alone, and the critic from
//!     rewards; then it may be a part of each gradient step, with a weight that follows a schedule. Rusu et al. 2016,
//!     arXiv:1511.06295; Ross et al. 2011, arXiv:1011.0686 (DAgger), for the observations; Schmitt et al. 2018,
//!     arXiv:1803.03835, for the loss beside rewards.
//!
//! # Teams
//!
//! 51. **A critic of the team** reads what the other members observe, as a set behind the agent's own observation. The
//!     simulation writes it; the policy does not read it. Lowe et al. 2017, arXiv:1706.02275, for critics that see more
//!     than their policies; Cohen et al. 2022, arXiv:2111.05992, for teams of any size.
//! 52. **Posthumous credit**: if a member's episode terminates while others of its team go on, its last step bootstraps
//!     from the mean of their values. Cohen et al. 2022, §4. Only where the lane has teams
//!     ([`LaneShape::has_teams`]).
//! 55. **A counterfactual baseline** ([`Ppo::with_counterfactual_baseline`]): a member's advantage is its λ-return less the
//!     value of the step without its own action, which a network estimates from what it observes, and from what the other
//!     members observe and do. It learns after the policy, the critic's targets, in as many gradient steps. Cohen et al.
//!     2022, §4.2; Foerster et al. 2018, arXiv:1705.08926, §3.2.
//!
//! # Returns of any size
//!
//! 54. **Normalised value targets** ([`PpoConfig::normalize_values`]): in an update, the critic's targets are shifted and
//!     scaled by their running mean and deviation, and its last layer is brought to the same units before the update and
//!     back after it, so that values don't change with the statistics. van Hasselt et al. 2016, arXiv:1602.07714; Yu et al.
//!     2022, arXiv:2103.01955, §5.1.
//!
//! # Types by topic
//!
//! | for | see |
//! |---|---|
//! | settings | [`PpoConfig`], [`Schedule`] |
//! | simulations | [`Simulation`], [`LaneShape`], [`StepLanes`] |
//! | policies that decide | [`Decider`], [`GroupDecider`], [`BatchDecider`] |
//! | the lockstep loop | [`Collector`], [`CollectedLane`] |
//! | algorithms | [`Algorithm`], [`Report`], [`Collector::iterate`] |
//! | value learning | [`Pqn`], [`PqnConfig`], [`Dqn`], [`DqnConfig`] |
//! | PPO | [`Ppo`], [`Iteration`], [`Losses`], [`PhaseTimes`] |
//! | streams of rewards | [`RewardStream`], [`RewardSource`], [`StreamConfig`], [`Curiosity`], [`CuriosityConfig`] |
//! | imitation | [`Imitation`], [`Demonstrations`], [`CloningConfig`], [`CloningLearner`], [`Gail`], [`GailConfig`] |
//! | teachers | [`PolicyDistillation`], [`Teacher`], [`DistillationConfig`] |
//! | SAC | [`Sac`], [`SacConfig`], [`Temperature`], [`GsdeConfig`] |
//! | the data | [`Rollout`], [`estimate_advantages`] |
//! | the arithmetic of PPO | [`Learner`], [`NativeLearner`], [`Experience`] |
//! | the arithmetic of value learning | [`ValueLearner`], [`NativeValueLearner`], [`ValueSamples`] |
//! | the arithmetic of SAC | [`SacLearner`], [`NativeSacLearner`], [`SacNetworks`], [`SacSamples`] |
//! | saving | [`SavedAlgorithm`], [`PpoState`], [`LearnerState`] |

mod action_columns;
mod algorithm;
mod cloning;
mod collect;
mod counterfactual;
mod curiosity;
mod decider;
mod dqn;
mod error;
mod experience;
mod gae;
mod gail;
mod gradient;
mod iterate;
mod lane;
mod learned_network;
mod learner_state;
mod machine;
mod observed;
mod phases;
mod ppo;
mod pqn;
mod problems;
mod replay;
mod report;
mod reward_scale;
mod rollout;
mod sac;
mod saved_normalizer;
mod schedule;
mod simulation;
mod statistics;
mod streams;
mod teacher;
mod threads;
mod tree;
mod value;
mod worker_pool;

pub use algorithm::{Algorithm, AlgorithmState, LearnedPolicy, SavedAlgorithm, StateTensor};
pub use cloning::{
    CloningConfig, CloningEpoch, CloningLearner, CloningReport, CloningStep, DemonstratedEpisode, Demonstrations,
    Imitation,
};
pub use collect::{CollectedLane, Collector, after_step};
pub use curiosity::{Curiosity, CuriosityConfig};
pub use decider::{BatchDecider, Decider, DecisionRows, Exchange, GroupDecider, GroupExchange, RowSeeds};
pub use dqn::{Dqn, DqnConfig, PriorityConfig};
pub use error::LearnError;
pub use experience::{Experience, ExperienceRow, Minibatch, RowSteps};
pub use gae::{Discount, Trajectories, estimate_advantages};
pub use gail::{Gail, GailConfig};
pub use iterate::{IteratedLane, IterationPlan, IterationResult, PlayedLane};
pub use lane::{LaneShape, SensedRows, StepRows};
pub use learner_state::LearnerState;
pub use machine::Machine;
pub use observed::Observed;
pub use phases::{PhaseTimer, PhaseTimes};
pub use ppo::{
    Iteration, Learner, LearningRate, Losses, NativeLearner, Ppo, PpoConfig, PpoState, StreamProblem, Surrogate,
    UpdateSettings, ValueError, surrogate, value_error,
};
pub use pqn::{Pqn, PqnConfig};
pub use report::{LEARNING_RATE, Metric, MetricInfo, Report};
pub use rollout::{HeadRewards, Rollout, RolloutShape, Samples, Slab};
pub use sac::{
    ActionParts, ChoiceColumns, CriticState, DecidedRows, GsdeConfig, NativeSacLearner, NumberColumns, Sac,
    SacBehavior, SacConfig, SacLearner, SacLosses, SacNetworks, SacNextRows, SacSamples, SacState, SacStep,
    Temperature, TemperatureSettings, TemperatureState, Temperatures,
};
pub use schedule::Schedule;
pub use simulation::{Simulation, StepLanes};
pub use statistics::{Moments, Standardization, Sums};
pub use streams::{RewardSource, RewardStream, SourceUpdate, StreamConfig, TermRewards};
pub use teacher::{DistillationConfig, PolicyDistillation, TaughtSamples, Teacher};
pub use tree::sum_along_tree;
pub use value::{
    NativeValueLearner, TdError, ValueBatch, ValueLearner, ValueLosses, ValueSamples, ValueSetup, ValueState,
    ValueStep, td_error,
};
