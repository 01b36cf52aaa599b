//! The config of a run: typed, every problem reported at once.

mod algorithm;
mod check;
mod check_critic;
mod check_kinds;
mod check_parameters;
mod critic;
mod former;
mod names;
mod parameters;
mod policy;
mod pretrain;
mod self_play;
mod starter;
mod teacher;
mod worlds;

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ludus_config::{Location, Node, Problems, Sources, field_names, parse};
use ludus_learn::{DqnConfig, PpoConfig, PqnConfig, SacConfig};
use ludus_libtorch::DeviceConfig;
use ludus_net::NetworkConfig;
use ludus_spec::{AgentSpec, Distribution, EpisodeParameter, ObservationField};
use serde::{Deserialize, Serialize};

pub use algorithm::AlgorithmConfig;
pub use critic::{Baseline, CriticView};
pub use ludus_config::{ConfigError, Problem};
pub(crate) use parameters::StageNumbers;
pub use parameters::{Criterion, ParameterConfig, Stage};
pub use policy::{MeanReturn, PolicySource};
pub use pretrain::PretrainConfig;
pub use self_play::{OpponentSampling, SelfPlayConfig};
pub use starter::starter_config;
pub use teacher::TeacherConfig;
pub use worlds::WorldCount;

use crate::text::read_text;
use check_parameters::check_parameters;

/// Everything that decides what a run learns.
///
/// The same config and seed give the same policy, bit for bit, whatever the number of threads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// The root of every random number of the run.
    pub seed: u64,
    /// Copies of the game's app, which run on as many cores as there are. What is learned depends on their number.
    ///
    /// At least 1, usually as many as there are cores or more. `Auto` is 8, on any machine.
    pub worlds: WorldCount,
    /// Playing fields in each world. 1 for a game that can't be copied inside a world.
    pub arenas: NonZeroU32,
    /// Ticks per step: each agent decides once in so many ticks.
    pub decision_interval: NonZeroU32,
    /// A section per kind of agent, by its type's name.
    pub agents: BTreeMap<String, AgentConfig>,
    /// The values of episode parameters, by names such as `Course.wall_height`: numbers, distributions, or curricula.
    /// Parameters that are not named stay at their defaults.
    pub parameters: BTreeMap<String, ParameterConfig>,
    /// Conditions that end the run.
    pub stop: StopConfig,
    /// Intervals between checkpoints, and the number of them to keep.
    pub checkpoints: CheckpointConfig,
    /// Reactions to panics and to numbers that are not finite.
    pub faults: FaultConfig,
}

/// The section of one kind of agents: its policy, episodes, reward, network and learning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AgentConfig {
    /// The source of its policy. By default, the run learns a policy for each kind.
    pub policy: PolicySource,
    /// Ticks per step, where the kind decides less often than others; without it, the run's `decision_interval`.
    ///
    /// A multiple of the smallest interval of the run's kinds.
    pub decision_interval: Option<NonZeroU32>,
    /// Steps after which an episode is truncated; without it, the game alone ends episodes.
    pub episode_limit: Option<NonZeroU32>,
    /// True if the limit cuts the first episode of each agent at a point of its own. `true` by default.
    ///
    /// Otherwise, agents that all live to their limit restart in the same step for ever. Between these steps, learning
    /// forgets the beginning of episodes. Rudin et al. 2022, arXiv:2109.11978.
    pub stagger: bool,
    /// Rows per world; without it, as many as the game has agents when it starts.
    ///
    /// For games that spawn agents while they run.
    pub rows: Option<NonZeroU32>,
    /// The standard deviation of normally distributed noise on fields of the observation, by their names, in their
    /// units: for policies that have to bear inexact sensors. Only in training.
    pub observation_noise: BTreeMap<String, f32>,
    /// Decisions by which actions take effect later: for policies that have to bear slow actuators or networks. Only in
    /// training. 0 by default.
    pub action_delay: u32,
    /// Opponents from earlier in the run, for agents with teams. Without it, the newest policy plays all sides.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "algorithm::without_some")]
    pub self_play: Option<SelfPlayConfig>,
    /// The weight of each term of the reward.
    pub reward: BTreeMap<String, f32>,
    /// The actor's and the critic's network.
    pub network: NetworkConfig,
    /// The observations that the critic reads: by default its agent's, or `Team`: also those of the other members of its
    /// team.
    ///
    /// For agents that cooperate, with `ppo`. The policy does not see it. The field is called `team`, and its default
    /// encoder is `Pool(32)`.
    #[serde(skip_serializing_if = "CriticView::is_default")]
    pub critic: CriticView,
    /// The baseline of the advantages: by default the critic's value, or `Counterfactual`: the value without the agent's
    /// own action.
    ///
    /// For teams in which it is hard to tell which member earned the reward. With `critic: Team`. Its network is made as
    /// the policy's. Cohen et al. 2022, arXiv:2111.05992, §4.2.
    #[serde(skip_serializing_if = "Baseline::is_default")]
    pub baseline: Baseline,
    /// Settings of proximal policy optimisation, which learns the policy unless another section is there: at most one
    /// of `ppo`, `pqn`, `dqn` and `sac`.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "algorithm::without_some")]
    pub ppo: Option<PpoConfig>,
    /// Settings of Q-learning with many agents, without replay: for discrete actions in fast simulations.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "algorithm::without_some")]
    pub pqn: Option<PqnConfig>,
    /// Settings of Q-learning from a replay: for discrete actions where steps are expensive.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "algorithm::without_some")]
    pub dqn: Option<DqnConfig>,
    /// Settings of soft actor-critic: for continuous actions, or a mix, where steps are expensive.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "algorithm::without_some")]
    pub sac: Option<SacConfig>,
    /// Settings of the learners on libtorch, for the device that it computes on.
    pub device: DeviceConfig,
    /// The policy that learning starts from: a run's folder, its name, or a policy file. By default, there is none.
    ///
    /// Observations and actions are matched by name where the layout has changed; all else of the network must be the
    /// same.
    pub initialize_from: Option<PathBuf>,
    /// Demonstrations that the policy learns from before the first step, and beside rewards. By default, there are none.
    #[serde(serialize_with = "algorithm::without_some")]
    pub pretrain: Option<PretrainConfig>,
}

/// Conditions that end a run. It ends as soon as one of them holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StopConfig {
    /// Steps of all agents together. The steps in which an episode restarts don't count.
    pub steps: NonZeroU64,
    /// Mean return of the last episodes in the order in which they began, once there are as many as rows, 100 at least
    /// and 1000 at most. An episode counts once all that began before it are over, which does not favour short ones.
    ///
    /// With several kinds of agents a goal for each that has one, `{ "Kind": 3.0 }`: the run ends when all are reached.
    pub mean_return: Option<MeanReturn>,
    /// The part of the episodes that succeed, of each kind that learns: 0 to 1, over the same episodes as the mean
    /// return. For games that call `Episode::succeed`.
    pub success: Option<f32>,
    /// Seconds of training. The only limit that depends on the machine: with it, the same seed may learn more or less.
    pub seconds: Option<f64>,
}

/// Intervals between checkpoints. A run saves one as soon as an interval is over, and always at its end.
///
/// Checkpoints do not affect what is learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointConfig {
    /// Steps between checkpoints.
    pub every: NonZeroU64,
    /// Seconds between checkpoints: the most that a run loses if it is killed. 300 by default.
    pub every_seconds: Option<f64>,
    /// Newest checkpoints to keep. The best is kept besides.
    pub keep: NonZeroU32,
    /// Episodes in which the most probable actions of a checkpoint are evaluated, to find the best one; 0, the default,
    /// takes the mean return of training.
    ///
    /// They are played in worlds of their own, and nothing is learned from them. Usually 20 to 100 where actions are
    /// random in training, as with `dqn`, `pqn` and `sac`: then training returns less than the policy can, and a run of
    /// few episodes tells too late how good it is. Runs that learn several policies have no best checkpoint, and
    /// evaluate none.
    pub evaluation_episodes: u32,
}

/// Reactions of a run to panics in its worlds, and to numbers that are not finite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FaultConfig {
    /// Panics of the game within `panic_steps` steps that the run survives; one more ends it. 100 by default.
    ///
    /// Each loses the unfinished episodes of its world, and takes the time to build that world anew.
    pub panics: u32,
    /// Steps within which `panics` are counted. A million by default.
    pub panic_steps: NonZeroU64,
    /// Reaction to a step whose observation or reward is not finite. By default, the step is skipped.
    pub bad_steps: Reaction,
    /// Reaction to an iteration whose losses, gradient or weights are not finite. By default, the run ends.
    ///
    /// With `Skip`, the learning of the iteration is undone and the next rollout is tried. The run still ends if that
    /// happens too often in a row, or if a device fails.
    pub bad_updates: Reaction,
}

/// The reactions to a step or an update that can't be learned from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reaction {
    /// Leave it out, report that, and go on.
    Skip,
    /// End the run with its last good state.
    Stop,
}

/// The source of a config: a file, and the changes of the command line.
#[derive(Clone, Debug, Default)]
pub struct ConfigSource {
    /// A RON file; without one, defaults, with all terms of the reward weighing 1.
    pub file: Option<PathBuf>,
    /// Changes `key=value`, where the key is a path from the top (`stop.steps`), from an agent's section by its name
    /// (`Chaser.ppo.clip`), or from the sections of all kinds that learn (`ppo.clip`).
    pub sets: Vec<String>,
    /// Replaces the config's seed.
    pub seed: Option<u64>,
    /// The episode parameters of the game: see [`parameters_of`](ludus_worlds::parameters_of).
    pub parameters: Vec<EpisodeParameter>,
    /// True if the policies are networks of the game's own, and not those that the config describes.
    pub has_own_network: bool,
}

/// The parts of a game that its config depends on, beside the specs of its agents.
#[derive(Clone, Copy, Debug, Default)]
struct GameParts<'a> {
    parameters: &'a [EpisodeParameter],
    has_own_network: bool,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            worlds: WorldCount::Auto,
            arenas: const { NonZeroU32::new(16).unwrap() },
            decision_interval: NonZeroU32::MIN,
            agents: BTreeMap::new(),
            parameters: BTreeMap::new(),
            stop: StopConfig::default(),
            checkpoints: CheckpointConfig::default(),
            faults: FaultConfig::default(),
        }
    }
}

impl Default for StopConfig {
    fn default() -> Self {
        Self { steps: const { NonZeroU64::new(1_000_000).unwrap() }, mean_return: None, success: None, seconds: None }
    }
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self {
            every: const { NonZeroU64::new(500_000).unwrap() },
            every_seconds: Some(300.0),
            keep: const { NonZeroU32::new(3).unwrap() },
            evaluation_episodes: 0,
        }
    }
}

impl Default for FaultConfig {
    fn default() -> Self {
        Self {
            panics: 100,
            panic_steps: const { NonZeroU64::new(1_000_000).unwrap() },
            bad_steps: Reaction::Skip,
            bad_updates: Reaction::Stop,
        }
    }
}

impl StopConfig {
    /// The goal for the mean return of this kind of agents, if it has one.
    pub fn goal(&self, kind: &str) -> Option<f32> {
        self.mean_return.as_ref()?.of(kind)
    }
}

impl RunConfig {
    /// The defaults for a game with these kinds of agents: all terms of their rewards weigh 1, and agents with teams play
    /// against themselves.
    pub fn for_agents(specs: &[Arc<AgentSpec>]) -> Self {
        let section = |spec: &Arc<AgentSpec>| {
            let reward = spec.reward.iter().map(|term| (term.name.clone(), 1.0)).collect();
            let self_play = (spec.teams.len() > 1).then(SelfPlayConfig::default);
            (spec.name.clone(), AgentConfig { reward, self_play, ..AgentConfig::default() })
        };
        Self { agents: specs.iter().map(section).collect(), ..Self::default() }
    }

    /// Loads the config for a game with these kinds of agents.
    ///
    /// # Errors
    ///
    /// Every problem at once: text that is not RON, unknown fields, agents and terms, missing weights, values of a
    /// wrong type or out of range, frozen policies that don't fit, each with its line and what would be valid.
    pub fn load(source: &ConfigSource, specs: &[Arc<AgentSpec>]) -> Result<Self, ConfigError> {
        let sources = Sources { file: source.file.clone(), flags: source.sets.clone() };
        let mut tree = read_tree(source.file.as_deref(), specs)?;
        let game = GameParts { parameters: &source.parameters, has_own_network: source.has_own_network };
        let config = Self::from_tree(&mut tree, &sources, specs, game)?;
        Ok(Self { seed: source.seed.unwrap_or(config.seed), ..config })
    }

    /// Parses the config for a game with these kinds of agents. Reads no file but those of frozen policies.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn from_ron(text: &str, specs: &[Arc<AgentSpec>]) -> Result<Self, ConfigError> {
        let tree = parse(text).map_err(|error| ConfigError::single(format!("line {}", error.line), error.message));
        Self::from_tree(&mut tree?, &Sources::default(), specs, GameParts::default())
    }

    /// Applies the changes of the command line, and checks everything.
    fn from_tree(
        tree: &mut Node,
        sources: &Sources,
        specs: &[Arc<AgentSpec>],
        game: GameParts<'_>,
    ) -> Result<Self, ConfigError> {
        let mut problems = apply_sets(tree, &sources.flags, specs);
        problems.extend(starter::set_unfilled_aside(tree));
        problems.extend(former::set_convolutions_aside(tree, specs));
        let mut mistakes = Vec::new();
        let mut config = ludus_config::read::<Self>(tree, &mut mistakes);
        problems.extend(mistakes.iter().map(|mistake| {
            let place = mistake.place.unwrap_or(tree.place);
            (place, names::explained(mistake, place))
        }));
        let mut report = Problems::new(tree, problems);
        if let Some(config) = &mut config {
            for (kind, agent) in &mut config.agents {
                agent.choose_algorithm(report.is_written(&["agents", kind, "ppo"]));
            }
            check::check(config, specs, &mut report);
            check_parameters(config, specs, game.parameters, &mut report);
            if game.has_own_network {
                check::check_own_networks(config, &mut report);
            }
        }
        report.finish(sources)?;
        config.ok_or_else(|| ConfigError::single(sources.file().display().to_string(), "is empty"))
    }

    /// The same config with `worlds` as a number.
    #[must_use]
    pub fn resolved(mut self) -> Self {
        self.worlds = WorldCount::Exactly(self.worlds.resolve());
        self
    }

    /// The same config with no more worlds and arenas than this many episodes need; `worlds` is a number.
    #[must_use]
    pub(crate) fn shrunk_to(mut self, episodes: NonZeroU32) -> Self {
        let worlds = self.worlds.resolve().min(episodes);
        let per_world = episodes.get().div_ceil(worlds.get());
        self.worlds = WorldCount::Exactly(worlds);
        self.arenas = NonZeroU32::new(per_world).map_or(self.arenas, |most| self.arenas.min(most));
        self
    }

    /// The config as a RON file.
    pub fn to_ron(&self) -> String {
        let pretty = ron::ser::PrettyConfig::new().struct_names(false);
        ron::ser::to_string_pretty(self, pretty).expect("a config has no value that RON can't write")
    }

    /// The distributions of episode parameters, if the curriculum of each is in the stage that `stage` returns for its
    /// name. A number that is too great stands for the last stage, which is the task itself.
    pub fn parameters_at(&self, stage: impl Fn(&str) -> usize) -> Vec<(String, Distribution)> {
        let parameters = self.parameters.iter();
        parameters.map(|(name, values)| (name.clone(), values.at(stage(name)).clone())).collect()
    }

    /// Ticks per step of this kind of agents.
    pub fn interval(&self, kind: &str) -> NonZeroU32 {
        let own = self.agents.get(kind).and_then(|agent| agent.decision_interval);
        own.unwrap_or(self.decision_interval)
    }

    /// Sets the decision interval of a kind of agents; with only one kind, that of the run too.
    pub(crate) fn set_interval(&mut self, specs: &[Arc<AgentSpec>], kind: usize, interval: NonZeroU32) {
        if specs.len() == 1 {
            self.decision_interval = interval;
        }
        let agent = self.agent_mut(&specs[kind]);
        if specs.len() > 1 || agent.decision_interval.is_some() {
            agent.decision_interval = Some(interval);
        }
    }

    /// Ticks per step of the world: the smallest interval of the kinds that a policy decides for.
    pub fn ticks_per_step(&self) -> NonZeroU32 {
        let driven = self.agents.iter().filter(|(_, agent)| agent.policy != PolicySource::External);
        driven.map(|(kind, _)| self.interval(kind)).min().unwrap_or(self.decision_interval)
    }

    /// The section of this kind of agents, mutable.
    pub(crate) fn agent_mut(&mut self, spec: &AgentSpec) -> &mut AgentConfig {
        self.agents.get_mut(&spec.name).expect("checked when the config was loaded")
    }

    /// The section of this kind of agents.
    ///
    /// # Panics
    ///
    /// If the config has no section for it. A config that was loaded has one for every kind of the game.
    pub fn agent(&self, spec: &AgentSpec) -> &AgentConfig {
        self.agents.get(&spec.name).expect("checked when the config was loaded")
    }
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            policy: PolicySource::Learned,
            decision_interval: None,
            episode_limit: None,
            stagger: true,
            rows: None,
            observation_noise: BTreeMap::new(),
            action_delay: 0,
            self_play: None,
            reward: BTreeMap::new(),
            network: NetworkConfig::default(),
            critic: CriticView::default(),
            baseline: Baseline::default(),
            ppo: Some(PpoConfig::default()),
            pqn: None,
            dqn: None,
            sac: None,
            device: DeviceConfig::default(),
            initialize_from: None,
            pretrain: None,
        }
    }
}

impl AgentConfig {
    /// Values that PPO's critic estimates: one for each stream of rewards.
    pub fn value_heads(&self, ppo: &PpoConfig) -> usize {
        let gail = self.pretrain.as_ref().and_then(|pretrain| pretrain.gail.as_ref());
        ppo.value_heads() + usize::from(gail.is_some())
    }

    /// The deviation of the noise on each column of the observation; empty without noise.
    pub fn noise(&self, spec: &AgentSpec) -> Vec<f32> {
        let of_field = |field: &ObservationField| {
            let deviation = self.observation_noise.get(&field.name).copied().unwrap_or(0.0);
            std::iter::repeat_n(deviation, field.width())
        };
        if self.observation_noise.is_empty() {
            Vec::new()
        } else {
            spec.observation.iter().flat_map(of_field).collect()
        }
    }

    /// The spec of the rows that its algorithm learns from: where the critic sees the team, with what up to `members` other
    /// members see.
    pub fn learned_spec(&self, spec: &AgentSpec, members: usize) -> AgentSpec {
        match self.critic {
            CriticView::Agent => spec.clone(),
            CriticView::Team => spec.with_team_view(members),
        }
    }

    /// The weights of the reward, in the order of the spec's terms.
    pub fn weights(&self, spec: &AgentSpec) -> Vec<f32> {
        spec.reward.iter().map(|term| self.reward.get(&term.name).copied().unwrap_or(0.0)).collect()
    }
}

fn read_tree(file: Option<&Path>, specs: &[Arc<AgentSpec>]) -> Result<Node, ConfigError> {
    let Some(path) = file else {
        let mut defaults = RunConfig::for_agents(specs);
        // The default algorithm is not written, so that the command line may name another.
        defaults.agents.values_mut().for_each(|agent| agent.ppo = None);
        return Ok(parse(&defaults.to_ron()).expect("what RON wrote is RON"));
    };
    let shown = path.display();
    let text = read_text(path).map_err(|error| ConfigError::single(shown.to_string(), error.sentence("--config")))?;
    parse(&text).map_err(|error| ConfigError::single(format!("{shown}:{}", error.line), error.message))
}

/// Writes all that the command line changes into the tree; what can't be written, with its place.
fn apply_sets(tree: &mut Node, sets: &[String], specs: &[Arc<AgentSpec>]) -> Vec<(Location, String)> {
    let mut problems = Vec::new();
    for (index, set) in sets.iter().enumerate() {
        let place = Location::Flag(index);
        if let Err(message) = apply_set(tree, set, place, specs) {
            problems.push((place, message));
        }
    }
    problems
}

/// True if `sets` alone give every term of the rewards a weight, right or wrong.
pub(crate) fn weighs_all_terms(sets: &[String], specs: &[Arc<AgentSpec>]) -> bool {
    let mut tree = Node::section(Location::Line(0));
    apply_sets(&mut tree, sets, specs);
    let report = Problems::new(&tree, Vec::new());
    let is_weighed = |spec: &AgentSpec| {
        spec.reward.iter().all(|term| report.is_written(&["agents", &spec.name, "reward", &term.name]))
    };
    specs.iter().all(|spec| is_weighed(spec))
}

/// The section of episode parameters.
const PARAMETERS: &str = "parameters";

/// Writes one `key=value` into the tree.
fn apply_set(tree: &mut Node, set: &str, place: Location, specs: &[Arc<AgentSpec>]) -> Result<(), String> {
    let (key, text) = set.split_once('=').ok_or("expected key=value, such as ppo.clip=0.1")?;
    let path = key.trim().split('.').collect::<Vec<_>>();
    if path.iter().any(|part| part.is_empty()) {
        return Err(format!("`{key}` is not a path of names, such as ppo.clip"));
    }
    let joined = path[1..].join(".");
    // The names of episode parameters have dots.
    let path = if path[0] == PARAMETERS && path.len() > 2 { vec![PARAMETERS, &joined] } else { path };
    let mut value = parse(text).map_err(|error| format!("the value `{text}`: {}", error.message))?;
    value.relocate(place);
    let is_absolute = field_names::<RunConfig>().contains(&path[0]);
    let (sections, path) = if is_absolute { (vec![Vec::new()], &path[..]) } else { sections_of(tree, &path, specs) };
    for section in sections {
        tree.set(&[&section, path].concat(), value.clone());
    }
    Ok(())
}

/// The sections that a path which is not from the top is in, and the path in them.
///
/// A path that begins with a kind's name is in its section. Any other is in those of all kinds that learn; a term of
/// the reward in those of all that have it.
fn sections_of<'a, 'b>(
    tree: &Node,
    path: &'a [&'b str],
    specs: &'b [Arc<AgentSpec>],
) -> (Vec<Vec<&'b str>>, &'a [&'b str]) {
    let section = |spec: &'b Arc<AgentSpec>| vec!["agents", spec.name.as_str()];
    if let Some(spec) = specs.iter().find(|spec| spec.name == path[0]).filter(|_| path.len() > 1) {
        return (vec![section(spec)], &path[1..]);
    }
    let has_term = |spec: &&Arc<AgentSpec>| match path {
        ["reward", term, ..] => spec.reward.iter().any(|own| own.name == *term),
        _ => false,
    };
    if specs.iter().any(|spec| has_term(&spec)) {
        return (specs.iter().filter(has_term).map(section).collect(), path);
    }
    let report = Problems::new(tree, Vec::new());
    let learns = |spec: &&Arc<AgentSpec>| !report.is_written(&["agents", &spec.name, "policy"]);
    let learning: Vec<_> = specs.iter().filter(learns).map(section).collect();
    (if learning.is_empty() { specs.iter().map(section).collect() } else { learning }, path)
}

#[cfg(test)]
mod tests;
