//! Worlds and a learner: what a run is made of.

use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ludus_learn::{
    Collector, IterationPlan, IterationResult, LaneShape, LearnError, LearnedPolicy, Machine, Metric, PhaseTimes,
    Report, Rollout, SavedAlgorithm, Simulation,
};
use ludus_net::{Layout, Network, Normalizer};
use ludus_policy::{Origin, PolicyFile};
use ludus_spec::{AgentSpec, Seed};
#[cfg(feature = "torch")]
use ludus_torch::{Demand, Parameter, TorchNetwork, described};
use ludus_worlds::{AgentSettings, PooledWorld, WorldError, WorldSettings, build_worlds};
use rayon::ThreadPool;

use crate::checkpoint::Checkpoint;
use crate::clock;
use crate::config::{AgentConfig, Reaction, RunConfig};
use crate::definition::GameDefinition;
use crate::episodes::{EpisodeSummary, RecentEpisodes, RowSettings};
use crate::error::TrainError;
use crate::group::{FIRST_KIND, WorldGroup, group_worlds};
use crate::hash_log::{LoggedHash, learned_hashes};
use crate::incidents::Incidents;
use crate::initialize::{Heir, Inheritance, inherit};
use crate::learner::{BuiltAlgorithm, Decision, LearnerChoice, Place, PpoParts, Workload, decide};
#[cfg(feature = "torch")]
use crate::learner::{TorchParts, open_cuda};
use crate::patience::while_waiting;
use crate::phases::{Phases, StepTimes};
use crate::record::{PastEpisode, RunRecord};
use crate::replay::{EpisodeHead, KeptEpisodes, RecorderSettings};

/// Indices of the run seed's children: what the draws are for.
pub(crate) const WORLDS: u64 = 0;
const NETWORK: u64 = 1;
const LEARNING: u64 = 2;
const EVALUATION_WORLDS: u64 = 3;
const EVALUATION_ACTIONS: u64 = 4;
const RESUMED_WORLDS: u64 = 5;
const KEPT_EPISODES: u64 = 6;
const EXAM: u64 = 7;

/// Arenas of a run whose episodes are noted, to keep some.
const RECORDED_ARENAS: usize = 16;

/// Steps of the longest episode that is kept.
const LONGEST_RECORD: usize = 16_384;

/// The greatest absolute value of a normalised observation. Huang et al. 2022, continuous detail 5.
const OBSERVATION_CLIP: f32 = 10.0;

/// Iterations in a row that may be skipped: more never learn again.
const MOST_SKIPPED: u32 = 10;

/// What a run is built from.
#[derive(Clone)]
pub(crate) struct Blueprint {
    pub definition: GameDefinition,
    pub spec: Arc<AgentSpec>,
    /// With the number of worlds settled.
    pub config: RunConfig,
    pub pool: Arc<ThreadPool>,
    /// Iterations that are over when training's worlds are built: 0, or those of the checkpoint that the run goes on from.
    pub iteration: u64,
    /// Ticks between two state hashes, if they are logged.
    pub hash_every: Option<NonZeroU64>,
    /// The learner that was asked for.
    pub learner: LearnerChoice,
    /// Tells what goes on while it lasts.
    pub note: fn(String),
}

/// Which worlds to build: those of training, or fresh ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Training,
    /// Worlds whose seeds training never uses.
    Evaluation,
}

impl Blueprint {
    /// All worlds of a run, in order.
    pub fn build_worlds(&self, purpose: Purpose) -> Result<Vec<PooledWorld>, WorldError> {
        let seed = self.worlds_seed(purpose);
        let count = self.config.worlds.resolve().get();
        let settings = (0..count).map(|world| self.world_settings(purpose, seed, world)).collect();
        let built = AtomicUsize::new(0);
        let say = |seconds| (self.note)(building_sentence(built.load(Ordering::Relaxed), count, seconds));
        while_waiting(say, || self.pool.install(|| build_worlds(&self.definition.game, settings, &built)))
    }

    /// A world to look at, with no more arenas than this.
    pub fn build_exam(&self, most_arenas: u32) -> Result<PooledWorld, WorldError> {
        let arenas = 0..self.config.arenas.get().min(most_arenas);
        let settings = self.world_settings(Purpose::Evaluation, self.exam_seed(), 0);
        PooledWorld::build(&self.definition.game, WorldSettings { arenas, ..settings })
    }

    /// What that world's seeds and its actions derive from.
    pub fn exam_seed(&self) -> Seed {
        Seed::new(self.config.seed).derive(EXAM)
    }

    /// What the seeds of worlds derive from.
    fn worlds_seed(&self, purpose: Purpose) -> Seed {
        let run = Seed::new(self.config.seed);
        match purpose {
            Purpose::Training if self.iteration == 0 => run.derive(WORLDS),
            // Episodes that were seen before are not to be seen again.
            Purpose::Training => run.derive(RESUMED_WORLDS).derive(self.iteration),
            Purpose::Evaluation => run.derive(EVALUATION_WORLDS),
        }
    }

    /// What an evaluation's actions derive from, where they are drawn.
    pub fn evaluation_seed(&self) -> Seed {
        Seed::new(self.config.seed).derive(EVALUATION_ACTIONS)
    }

    fn world_settings(&self, purpose: Purpose, seed: Seed, world: u32) -> WorldSettings {
        let agent = self.config.agent(&self.spec);
        WorldSettings {
            seed,
            world,
            arenas: 0..self.config.arenas.get(),
            decision_interval: self.config.decision_interval,
            agents: vec![AgentSettings {
                name: self.spec.name.clone(),
                decision_interval: None,
                weights: agent.weights(&self.spec),
                episode_limit: agent.episode_limit,
                // What an evaluation counts are whole episodes.
                stagger: agent.stagger && purpose == Purpose::Training,
                rows: agent.rows.map(|rows| rows.get()),
            }],
            clock: clock::nanoseconds,
        }
    }

    /// Has some arenas' episodes noted: those of the first worlds, so that it costs a large run no more than a small one.
    fn record_episodes(&self, groups: &mut [WorldGroup]) {
        let config = self.config.agent(&self.spec);
        if config.rows.is_some() {
            // Agents come and go: what they do depends on more than an episode.
            return;
        }
        let worlds = self.config.worlds.resolve().get() as usize;
        let longest = config.episode_limit.map_or(LONGEST_RECORD, |limit| limit.get() as usize).min(LONGEST_RECORD);
        let arenas = (RECORDED_ARENAS / worlds).max(1);
        let settings = RecorderSettings { head: self.episode_head(), arenas, longest };
        let mut left = RECORDED_ARENAS.min(worlds);
        for group in groups {
            left -= group.record_episodes(left, &settings);
        }
    }

    /// What is the same of all episodes of the run.
    fn episode_head(&self) -> EpisodeHead {
        let config = self.config.agent(&self.spec);
        EpisodeHead {
            program: self.definition.name.clone(),
            arenas: self.config.arenas.get(),
            decision_interval: self.config.decision_interval,
            episode_limit: config.episode_limit,
            stagger: config.stagger,
            ..EpisodeHead::of_agent(&self.spec)
        }
    }

    fn row_settings(&self, rows: usize) -> RowSettings {
        let AgentConfig { episode_limit, stagger, .. } = *self.config.agent(&self.spec);
        RowSettings { rows, limit: episode_limit.map(|limit| limit.get()), stagger }
    }

    /// A network that has learned nothing yet.
    fn network(&self) -> Result<Network, LearnError> {
        let layout = Layout::of_agent(&self.spec, &self.config.agent(&self.spec).described_network())?;
        Ok(Network::new(layout, Seed::new(self.config.seed).derive(NETWORK)))
    }

    /// An algorithm that has learned nothing yet, for these lanes; with which learner, and why.
    fn algorithm(&self, network: Network, lanes: &[LaneShape]) -> Result<(BuiltAlgorithm, Decision), TrainError> {
        let agent = self.config.agent(&self.spec);
        let normalize = || Normalizer::of_columns(self.spec.normalized_columns(), OBSERVATION_CLIP);
        let normalizer = agent.ppo.normalize_observations.then(normalize);
        let rows = lanes.iter().map(|lane| lane.rows).sum();
        let workload = Workload {
            rows,
            parameters: network.parameters().len(),
            threads: self.pool.current_num_threads(),
            is_perceptron: self.is_perceptron(),
        };
        let decision = decide(self.learner, workload, open_cuda)?;
        let seed = Seed::new(self.config.seed).derive(LEARNING);
        let parts = PpoParts { config: agent.ppo.clone(), lanes, seed };
        let machine = self.machine();
        let built = match decision.place {
            Place::Native => parts.native(network, normalizer, machine).map_err(TrainError::Learner)?,
            #[cfg(feature = "torch")]
            place => {
                let network = self.own_network().unwrap_or_else(|| described(network));
                let demand = self.demand(&*network, rows);
                let config = agent.device.clone();
                parts.torch(place, TorchParts { network, normalizer, config, machine }, demand)?
            }
            #[cfg(not(feature = "torch"))]
            _ => return Err(TrainError::NoTorch { game: self.definition.name.clone() }),
        };
        Ok((built, decision))
    }

    fn machine(&self) -> Machine {
        Machine { pool: self.pool.clone(), clock: clock::nanoseconds }
    }

    /// Whether both learners can compute the network.
    fn is_perceptron(&self) -> bool {
        !self.definition.has_own_network() && self.config.agent(&self.spec).convolutions.is_empty()
    }

    /// The game's own network, if it has one. It has not learned anything.
    #[cfg(feature = "torch")]
    pub fn own_network(&self) -> Option<Box<dyn TorchNetwork>> {
        let seed = Seed::new(self.config.seed).derive(NETWORK);
        self.definition.networks.as_ref().map(|make| make(&self.spec, seed))
    }

    /// What the run asks of a GPU's memory.
    #[cfg(feature = "torch")]
    fn demand(&self, network: &dyn TorchNetwork, rows: usize) -> Demand {
        let agent = self.config.agent(&self.spec);
        Demand {
            rows,
            steps: agent.ppo.rollout_steps,
            minibatch: agent.ppo.minibatch,
            observation_width: self.spec.observation_width(),
            action_width: self.spec.action_width(),
            mask_width: self.spec.mask_width(),
            parameters: network.parameters().iter().map(Parameter::count).sum(),
            activations: network.activations(),
        }
    }
}

/// How far the building of worlds is.
fn building_sentence(built: usize, count: u32, seconds: u64) -> String {
    format!("building worlds: {built} of {count} are there after {seconds} s")
}

/// Without libtorch there is no CUDA to open.
#[cfg(not(feature = "torch"))]
fn open_cuda() -> Result<(), String> {
    Err("this program was built without libtorch".to_owned())
}

/// Worlds, a learner, and what came of them so far.
pub(crate) struct Training {
    pub blueprint: Blueprint,
    /// The algorithm, and the network that it learns.
    pub learned: BuiltAlgorithm,
    collector: Collector,
    /// Which learner it is, and why.
    pub decision: Decision,
    pub groups: Vec<WorldGroup>,
    /// Experience so far: decisions of all agents.
    pub steps: u64,
    pub phases: Phases,
    pub recent: RecentEpisodes,
    /// The return of each row's last episode `[rows]`; NaN before the first.
    pub last_returns: Vec<f32>,
    pub kept: KeptEpisodes,
    /// Ticks per second of the game's time.
    pub tick_rate_hz: f64,
    /// Iterations in a row of which nothing was learned.
    skipped: u32,
}

/// What an iteration came to.
#[derive(Debug)]
pub(crate) struct Lap {
    /// Number of the iteration, from 0.
    pub number: u64,
    pub report: Report,
    pub phases: Phases,
    /// How many episodes have come to count in the mean return.
    pub episodes: usize,
    /// Why nothing was learned, if so.
    pub skipped: Option<LearnError>,
}

impl Training {
    /// Builds the worlds and the learner.
    pub fn build(blueprint: Blueprint) -> Result<Self, TrainError> {
        // Before the worlds are built: it is sooner found wrong.
        let network = blueprint.network().map_err(TrainError::Learner)?;
        let worlds = blueprint.build_worlds(Purpose::Training)?;
        let tick_rate_hz = worlds.first().map_or(0.0, tick_rate_hz);
        let mut groups = group_worlds(worlds, clock::nanoseconds);
        if let Some(every) = blueprint.hash_every {
            groups.iter_mut().for_each(|group| group.hash_every(every));
        }
        blueprint.record_episodes(&mut groups);
        let lanes: Vec<LaneShape> = groups.iter().map(|group| group.lane(0)).collect();
        let rows = lanes.iter().map(|lane| lane.rows).sum();
        let (learned, decision) = blueprint.algorithm(network, &lanes)?;
        let collector = Collector::new(blueprint.machine());
        let recent = RecentEpisodes::new(blueprint.row_settings(rows));
        let (steps, phases, last_returns) = (0, Phases::default(), vec![f32::NAN; rows]);
        let kept = KeptEpisodes::new(Seed::new(blueprint.config.seed).derive(KEPT_EPISODES));
        let skipped = 0;
        Ok(Self {
            blueprint,
            learned,
            collector,
            decision,
            groups,
            steps,
            phases,
            recent,
            last_returns,
            kept,
            tick_rate_hz,
            skipped,
        })
    }

    /// Goes on from a checkpoint; the worlds were built for it.
    ///
    /// # Errors
    ///
    /// If it belongs to another network; then everything is as it was.
    pub fn resume(&mut self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        let Checkpoint { policy, state, record } = checkpoint;
        let PolicyFile { parameters, normalizer, .. } = policy;
        let policy_numbers = LearnedPolicy { parameters: parameters.clone(), normalizer: normalizer.clone() };
        let saved = SavedAlgorithm { policy: policy_numbers, state: state.clone() };
        self.learned.algorithm.restore(&saved).map_err(TrainError::Learner)?;
        self.steps = policy.origin.steps;
        self.recent.restore(record.recent.iter().map(EpisodeSummary::from), record.episodes);
        Ok(())
    }

    /// Everything that a run needs to go on, after this many seconds of training.
    pub fn checkpoint(&self, seconds: f64) -> Checkpoint {
        let recent = self.recent.iter().filter_map(PastEpisode::of).collect();
        let record = RunRecord { episodes: self.recent.total(), recent, seconds, run: String::new() };
        let SavedAlgorithm { policy, state } = self.learned.algorithm.save();
        Checkpoint { policy: self.policy_file(policy), state, record }
    }

    /// Rows of all worlds.
    pub fn rows(&self) -> usize {
        self.groups.iter().map(|group| group.row_count(FIRST_KIND)).sum()
    }

    /// Plays one rollout and learns from it. `progress` is the part of the run that is over.
    ///
    /// # Errors
    ///
    /// If something is not finite, unless the config says to skip that, or if a device fails; then what was learned before
    /// this iteration is as it was.
    pub fn iterate(&mut self, progress: f32) -> Result<Lap, LearnError> {
        let algorithm = &mut *self.learned.algorithm;
        algorithm.mark()?;
        let number = algorithm.iteration();
        let recorders = self.groups.iter_mut().flat_map(WorldGroup::recorders).collect::<Vec<_>>();
        self.kept.before(number, recorders.into_iter());
        let plan = IterationPlan { progress, least_steps: 0 };
        let played = self.collector.iterate(&mut self.groups, &mut [algorithm], plan);
        let (times, learned) = match played {
            Ok(IterationResult { times, mut reports, .. }) => (times, reports.swap_remove(0)),
            Err(error) => (PhaseTimes::default(), Err(error)),
        };
        let mut skipped = None;
        let (report, times) = match learned {
            Ok(report) => {
                self.skipped = 0;
                (report, times)
            }
            Err(cause) => {
                let report = self.undo(&cause)?;
                skipped = Some(cause);
                (report, PhaseTimes::default())
            }
        };
        self.steps += report.experience as u64;
        let phases = Phases::split(&times, self.take_times());
        self.phases.add(&phases);
        self.kept.after(self.groups.iter_mut().flat_map(WorldGroup::recorders));
        let episodes = self.take_episodes();
        Ok(Lap { number, report, phases, episodes, skipped })
    }

    /// Takes back what an iteration learned. If the config says so, it counts as one that learned nothing, so that the
    /// next one draws other numbers.
    fn undo(&mut self, cause: &LearnError) -> Result<Report, LearnError> {
        self.learned.algorithm.rewind();
        self.skipped += 1;
        let is_hopeless = matches!(cause, LearnError::Device(_)) || self.skipped > MOST_SKIPPED;
        if is_hopeless || self.blueprint.config.faults.bad_updates == Reaction::Stop {
            return Err(cause.clone());
        }
        self.learned.algorithm.skip();
        let outcomes = self.rollout().samples().outcomes;
        let experience = outcomes.iter().filter(|outcome| outcome.is_experience()).count();
        let metrics = self.learned.algorithm.metrics().iter().map(|&info| Metric { info, value: 0.0 });
        Ok(Report { experience, metrics: metrics.collect(), ..Report::default() })
    }

    /// Starts from what `policy`, which is in the file at `path`, has learned; what is new and what is gone.
    ///
    /// # Errors
    ///
    /// If they differ in more than inputs and outputs.
    pub fn initialize(&mut self, path: &Path) -> Result<Vec<String>, TrainError> {
        let policy = PolicyFile::read(path)?;
        let own = self.policy();
        let layout = own.layout()?;
        let (spec, normalizer) = (&own.spec, own.normalizer.as_ref());
        let heir = Heir { spec, layout: &layout, parameters: &own.parameters, normalizer };
        let unfit = |problem| TrainError::Unfit { policy: path.to_owned(), problem };
        let Inheritance { parameters, normalizer, differences } = inherit(&policy, heir).map_err(unfit)?;
        let saved =
            SavedAlgorithm { policy: LearnedPolicy { parameters, normalizer }, ..self.learned.algorithm.save() };
        self.learned.algorithm.restore(&saved).map_err(TrainError::Learner)?;
        Ok(differences)
    }

    /// Takes note of the episodes that ended in the last rollout; how many have come to count in the mean return.
    fn take_episodes(&mut self) -> usize {
        let rollout = self.learned.algorithm.rollout();
        let (steps, outcomes) = (rollout.shape().steps, rollout.samples().outcomes);
        let mut first_row = 0;
        for (group, place) in self.groups.iter_mut().zip(rollout.slab_places()) {
            let rows = group.row_count(FIRST_KIND);
            for episode in group.drain_episodes() {
                let row = first_row + episode.row as usize;
                self.last_returns[row] = episode.reward;
                self.recent.end(row, episode);
            }
            let first_step = group.steps().saturating_sub(steps as u64);
            self.recent.observe(first_row, rows, first_step, &outcomes[place][..steps * rows]);
            first_row += rows;
        }
        let now = self.groups.first().map_or(0, WorldGroup::steps);
        self.recent.settle(now, |row| episode_so_far(&self.groups, row))
    }

    /// Takes another step size of Adam from the next iteration on, in place of the config's schedule.
    ///
    /// # Errors
    ///
    /// If it is out of range; then nothing changes.
    pub fn set_learning_rate(&mut self, learning_rate: f32) -> Result<(), LearnError> {
        self.learned.algorithm.set_learning_rate(learning_rate.into())?;
        self.agent_config_mut().ppo.learning_rate = learning_rate.into();
        Ok(())
    }

    /// Takes another weight for a term of the reward from the next iteration on.
    ///
    /// Episodes that are going on have counted the old one until then.
    pub fn set_weight(&mut self, term: &str, weight: f32) {
        self.agent_config_mut().reward.insert(term.to_owned(), weight);
        let weights = self.blueprint.config.agent(&self.blueprint.spec).weights(&self.blueprint.spec);
        self.groups.iter_mut().for_each(|group| group.set_weights(FIRST_KIND, &weights));
    }

    fn agent_config_mut(&mut self) -> &mut AgentConfig {
        let Blueprint { config, spec, .. } = &mut self.blueprint;
        config.agent_mut(spec)
    }

    /// Ticks that the run has made.
    pub fn ticks(&self) -> u64 {
        let config = &self.blueprint.config;
        let steps = config.agent(&self.blueprint.spec).ppo.rollout_steps as u64;
        self.iteration().saturating_mul(steps).saturating_mul(u64::from(config.decision_interval.get()))
    }

    /// The state hashes since the last call, and those of what was learned; none if none are due.
    pub fn take_hashes(&mut self) -> Vec<LoggedHash> {
        let mut hashes = self.groups.iter_mut().flat_map(WorldGroup::take_hashes).collect::<Vec<_>>();
        hashes.sort_by(|one, other| one.place.cmp(&other.place));
        if !hashes.is_empty() {
            hashes.extend(learned_hashes(&self.learned.algorithm.save(), self.ticks()));
        }
        hashes
    }

    /// What went wrong since the last call.
    pub fn take_incidents(&mut self) -> Incidents {
        Incidents::take(&mut self.groups)
    }

    /// Numbers so far that were not finite.
    pub fn fault_count(&self) -> u64 {
        self.groups.iter().map(WorldGroup::fault_count).sum()
    }

    /// Why a world stands still, if one does.
    pub fn failure(&self) -> Option<&WorldError> {
        self.groups.iter().find_map(WorldGroup::failure)
    }

    /// How many iterations are over.
    pub fn iteration(&self) -> u64 {
        self.learned.algorithm.iteration()
    }

    /// The rollout that was collected last.
    pub fn rollout(&self) -> &Rollout {
        self.learned.algorithm.rollout()
    }

    /// The policy as it is now.
    pub fn policy(&self) -> PolicyFile {
        self.policy_file(self.learned.algorithm.policy())
    }

    fn policy_file(&self, LearnedPolicy { parameters, normalizer }: LearnedPolicy) -> PolicyFile {
        let config = &self.blueprint.config;
        PolicyFile {
            spec: (*self.blueprint.spec).clone(),
            network: self.learned.network.clone(),
            parameters,
            normalizer,
            decision_interval: config.decision_interval,
            tick_rate_hz: self.tick_rate_hz,
            origin: Origin {
                program: self.blueprint.definition.name.clone(),
                library: env!("CARGO_PKG_VERSION").to_owned(),
                seed: config.seed,
                steps: self.steps,
            },
        }
    }

    /// The time of all steps since the last call.
    pub fn take_times(&mut self) -> StepTimes {
        let mut times = StepTimes::default();
        for group in &mut self.groups {
            let own = group.take_times();
            times.total += own.total;
            times.sense_score += own.sense_score;
        }
        times
    }
}

/// What the episode that goes on in this row of all has brought so far.
fn episode_so_far(groups: &[WorldGroup], mut row: usize) -> Option<EpisodeSummary> {
    for group in groups {
        if row < group.row_count(FIRST_KIND) {
            return group.episode_so_far(FIRST_KIND, row);
        }
        row -= group.row_count(FIRST_KIND);
    }
    None
}

fn tick_rate_hz(world: &PooledWorld) -> f64 {
    let tick = world.world().get_resource::<bevy::time::Time<bevy::time::Fixed>>().map(|time| time.timestep());
    tick.map_or(0.0, ludus_spec::tick_rate_hz)
}
