//! The worlds and the policies of a run, with their progress so far.

mod lane;

use std::path::Path;

use ludus_learn::{
    Collector, IterationPlan, IterationResult, LaneShape, LearnError, LearnedPolicy, PhaseTimes, Report,
};
use ludus_learn::{SavedAlgorithm, Simulation};
use ludus_policy::{Origin, PolicyFile};
use ludus_worlds::{PooledWorld, WorldError};

use crate::blueprint::{Blueprint, Purpose};
use crate::checkpoint::{Checkpoint, SavedPolicy};
use crate::clock;
use crate::config::PolicySource;
use crate::episodes::{EpisodeSummary, RecentEpisodes};
use crate::error::TrainError;
use crate::group::{WorldGroup, group_worlds};
use crate::incidents::Incidents;
use crate::learned_hashes::learned_hashes;
use crate::phases::{Phases, StepTimes};
use crate::record::{KindRecord, PastEpisode, RunRecord};
use ludus_replay::{KeptEpisodes, LoggedHash};

pub(crate) use lane::{LaneLap, LanePolicy, LearnedLane, PolicyLane};

use lane::FrozenLane;

/// The worlds and the policies of a run, with their progress so far.
pub(crate) struct Training {
    pub blueprint: Blueprint,
    /// The policies: a lane of the worlds each.
    pub lanes: Vec<PolicyLane>,
    /// The episodes of each kind.
    pub kinds: Vec<KindEpisodes>,
    collector: Collector,
    pub groups: Vec<WorldGroup>,
    /// Experience so far: decisions of all agents that learn.
    pub steps: u64,
    /// The number of iterations that are over.
    iteration: u64,
    /// Steps of each world so far.
    world_steps: u64,
    pub phases: Phases,
    pub kept: KeptEpisodes,
    /// Ticks per second of the game's time.
    pub tick_rate_hz: f64,
}

/// The episodes of a kind of agents.
pub(crate) struct KindEpisodes {
    pub recent: RecentEpisodes,
    /// The return of each row's last episode `[rows]`; NaN before the first.
    pub last_returns: Vec<f32>,
}

/// The results of an iteration.
#[derive(Debug)]
pub(crate) struct Lap {
    /// Number of the iteration, from 0.
    pub number: u64,
    /// Steps of each world.
    pub world_steps: usize,
    pub phases: Phases,
    /// The result of each policy; `None` for one that does not learn.
    pub lanes: Vec<Option<LaneLap>>,
    /// The number of episodes of each kind that newly count in the mean return.
    pub episodes: Vec<usize>,
}

impl Lap {
    /// The reports of the policies that learn.
    pub fn reports(&self) -> impl Iterator<Item = &Report> {
        self.lanes.iter().flatten().map(|lane| &lane.report)
    }

    /// The number of steps that were learned from.
    pub fn experience(&self) -> usize {
        self.reports().map(|report| report.experience).sum()
    }
}

impl Training {
    /// Builds the worlds, the networks and the algorithms.
    pub fn build(blueprint: Blueprint) -> Result<Self, TrainError> {
        let lanes = blueprint.lanes();
        let is_learned = |kind: usize| blueprint.agent(kind).policy == PolicySource::Learned;
        // Networks are made before the worlds are built, so that their errors are reported early.
        let network = |kinds: &Vec<usize>| is_learned(kinds[0]).then(|| blueprint.network(kinds[0])).transpose();
        let networks = lanes.iter().map(network).collect::<Result<Vec<_>, _>>().map_err(TrainError::Learner)?;
        let worlds = blueprint.build_worlds(Purpose::Training)?;
        let tick_rate_hz = worlds.first().map_or(0.0, tick_rate_hz);
        let mut groups = group_worlds(worlds, &lanes, clock::nanoseconds);
        if let Some(every) = blueprint.hash_every {
            groups.iter_mut().for_each(|group| group.hash_every(every));
        }
        blueprint.record_episodes(&mut groups);
        let policy = |(index, network): (usize, Option<_>)| {
            let (kinds, shapes) = (lanes[index].clone(), lane_shapes(&groups, index));
            let policy = match network {
                Some(network) => {
                    let (built, decision) = blueprint.algorithm(kinds[0], network, &shapes)?;
                    LanePolicy::Learned(LearnedLane::new(built, decision))
                }
                None => LanePolicy::Frozen(Box::new(FrozenLane::new(&blueprint, kinds[0], &shapes)?)),
            };
            Ok(PolicyLane { kinds, policy })
        };
        let policies = networks.into_iter().enumerate().map(policy).collect::<Result<Vec<_>, TrainError>>()?;
        let kind = |kind: usize| {
            let rows = groups.iter().map(|group| group.row_count(kind)).sum();
            let recent = RecentEpisodes::new(blueprint.row_settings(kind, rows));
            KindEpisodes { recent, last_returns: vec![f32::NAN; rows] }
        };
        Ok(Self {
            kinds: (0..blueprint.specs.len()).map(kind).collect(),
            lanes: policies,
            collector: Collector::new(blueprint.machine()),
            groups,
            steps: 0,
            iteration: 0,
            world_steps: 0,
            phases: Phases::default(),
            kept: blueprint.kept_episodes(),
            tick_rate_hz,
            blueprint,
        })
    }

    /// Restores the state of a checkpoint; the worlds were built for it.
    ///
    /// # Errors
    ///
    /// If it lacks a policy that this run learns, or has one of another network.
    pub fn resume(&mut self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        let specs = &self.blueprint.specs;
        for lane in &mut self.lanes {
            let kind = &specs[lane.owner()].name;
            let Some(lane) = lane.learned_mut() else { continue };
            let saved = checkpoint.of(kind).ok_or_else(|| TrainError::NotSaved { kind: kind.clone() })?;
            let PolicyFile { parameters, normalizer, .. } = &saved.policy;
            let policy = LearnedPolicy { parameters: parameters.clone(), normalizer: normalizer.clone() };
            let saved = SavedAlgorithm { policy, state: saved.state.clone() };
            lane.algorithm_mut().restore(&saved).map_err(TrainError::Learner)?;
        }
        self.steps = checkpoint.steps();
        let record = &checkpoint.record;
        self.iteration = record.iteration;
        let rollout_steps = self.blueprint.longest_rollout() as u64;
        self.world_steps = record.world_steps.unwrap_or_else(|| record.iteration.saturating_mul(rollout_steps));
        for (kind, episodes) in self.kinds.iter_mut().enumerate() {
            if let Some(record) = record.kinds.get(&specs[kind].name) {
                episodes.recent.restore(record.recent.iter().map(|past| past.of_kind(kind)), record.episodes);
            }
        }
        Ok(())
    }

    /// A checkpoint with all that a resumed run needs, after this many seconds of training. The run's identity is left
    /// empty.
    pub fn checkpoint(&self, seconds: f64) -> Checkpoint {
        let record = |kind: usize| {
            let recent = &self.kinds[kind].recent;
            let past = recent.iter().filter_map(PastEpisode::of).collect();
            (self.blueprint.specs[kind].name.clone(), KindRecord { episodes: recent.total(), recent: past })
        };
        let record = RunRecord {
            kinds: self.blueprint.driven_kinds().map(record).collect(),
            iteration: self.iteration,
            world_steps: Some(self.world_steps),
            seconds,
            run: String::new(),
        };
        let saved = |(lane, learned): (&PolicyLane, &LearnedLane)| {
            let SavedAlgorithm { policy, state } = learned.algorithm().save();
            SavedPolicy { policy: self.policy_file(lane.owner(), learned, policy), state }
        };
        Checkpoint { policies: self.learned_lanes().map(saved).collect(), record }
    }

    /// The lanes whose policies are learned, each with its algorithm.
    pub fn learned_lanes(&self) -> impl Iterator<Item = (&PolicyLane, &LearnedLane)> {
        self.lanes.iter().filter_map(|lane| Some((lane, lane.learned()?)))
    }

    /// The learner of each policy, with the reason for it: `native, on the CPU (why)`, or `Wolf: native, …` where there
    /// are several kinds.
    pub fn learner_sentences(&self) -> Vec<String> {
        let blueprint = &self.blueprint;
        let sentence = |lane: &PolicyLane| {
            let what = match &lane.policy {
                LanePolicy::Learned(learned) => learned.decision.sentence(),
                LanePolicy::Frozen(frozen) => format!("none, it stays as it is in `{}`", frozen.path.display()),
            };
            if !blueprint.has_several_kinds() {
                return what;
            }
            let names: Vec<_> = lane.kinds.iter().map(|&kind| &*blueprint.specs[kind].name).collect();
            format!("{}: {what}", names.join(" and "))
        };
        self.lanes.iter().map(sentence).collect()
    }

    /// The number of rows of a kind in all worlds.
    pub fn rows_of(&self, kind: usize) -> usize {
        self.kinds[kind].last_returns.len()
    }

    /// The number of rows of all kinds that a policy decides for.
    pub fn rows(&self) -> usize {
        (0..self.kinds.len()).map(|kind| self.rows_of(kind)).sum()
    }

    /// Collects experience until every policy that learns has learned once. `progress` is the part of the run that is
    /// over.
    ///
    /// # Errors
    ///
    /// If something is not finite, unless the config says to skip that, or if a device fails; then what was learned
    /// before this iteration is as it was.
    pub fn iterate(&mut self, progress: f32) -> Result<Lap, LearnError> {
        for lane in &mut self.lanes {
            lane.learned_mut().map_or(Ok(()), |lane| lane.algorithm_mut().mark())?;
        }
        let number = self.iteration;
        let recorders = self.groups.iter_mut().flat_map(WorldGroup::recorders).collect::<Vec<_>>();
        self.kept.before(number, recorders.into_iter());
        let plan = IterationPlan { progress, least_steps: 0 };
        let mut lanes: Vec<_> = self.lanes.iter_mut().map(|lane| lane.iterated(number)).collect();
        let played = self.collector.iterate(&mut self.groups, &mut lanes, plan);
        drop(lanes);
        let (world_steps, times, reports) = match played {
            Ok(IterationResult { steps, times, reports }) => (steps, times, reports),
            Err(error) => {
                let failed = self.learned_lanes().map(|_| Err(error.clone())).collect();
                (self.blueprint.longest_rollout(), PhaseTimes::default(), failed)
            }
        };
        let lanes = self.finish_lanes(reports)?;
        let has_failed = lanes.iter().flatten().any(|lane| lane.skipped.is_some());
        let times = if has_failed { PhaseTimes::default() } else { times };
        let phases = Phases::split(&times, self.take_times());
        self.phases.add(&phases);
        self.kept.after(self.groups.iter_mut().flat_map(WorldGroup::recorders));
        let episodes = self.take_episodes();
        let lap = Lap { number, world_steps, phases, lanes, episodes };
        self.iteration += 1;
        self.world_steps += world_steps as u64;
        self.steps += lap.experience() as u64;
        Ok(lap)
    }

    /// Takes the reports of the policies that learn. If one can't go on, all are as they were before the iteration.
    fn finish_lanes(&mut self, reports: Vec<Result<Report, LearnError>>) -> Result<Vec<Option<LaneLap>>, LearnError> {
        let reaction = self.blueprint.config.faults.bad_updates;
        let mut reports = reports.into_iter();
        let mut laps = Vec::with_capacity(self.lanes.len());
        let mut failure = None;
        for lane in &mut self.lanes {
            let learned = lane.learned_mut().and_then(|lane| Some(lane.finish(reports.next()?, reaction)));
            match learned.transpose() {
                Ok(lap) => laps.push(lap),
                Err(error) => {
                    failure.get_or_insert(error);
                }
            }
        }
        match failure {
            None => Ok(laps),
            Some(error) => {
                let learned = self.lanes.iter_mut().filter_map(PolicyLane::learned_mut);
                learned.for_each(|lane| lane.algorithm_mut().rewind());
                Err(error)
            }
        }
    }

    /// Initializes a policy from the one in the file at `path`; returns the parts of observation and action that are
    /// new or gone.
    ///
    /// # Errors
    ///
    /// If they differ in more than inputs and outputs.
    pub fn initialize(&mut self, lane: usize, path: &Path) -> Result<Vec<String>, TrainError> {
        let policy = PolicyFile::read(path)?;
        let kind = self.lanes[lane].owner();
        let Some(learned) = self.lanes[lane].learned() else { return Ok(Vec::new()) };
        let own = self.policy_file(kind, learned, learned.algorithm().policy());
        let unfit = |problem| TrainError::Unfit { policy: path.to_owned(), problem };
        if self.blueprint.has_several_kinds() && policy.spec.name != own.spec.name {
            let [was, now] = [&policy.spec.name, &own.spec.name];
            let problem = format!("it is a policy of `{was}`, not of `{now}`; name it in the section of `{was}`");
            return Err(unfit(problem));
        }
        let Some(learned) = self.lanes[lane].learned_mut() else { return Ok(Vec::new()) };
        learned.warm_start(&policy, &own)?.map_err(unfit)
    }

    /// Collects the episodes that ended in the iteration; returns the number of episodes of each kind that newly count
    /// in the mean return.
    fn take_episodes(&mut self) -> Vec<usize> {
        let now = self.groups.first().map_or(0, WorldGroup::steps);
        let mut first_rows = vec![0; self.kinds.len()];
        for group in &mut self.groups {
            for episode in group.drain_episodes() {
                let kind = &mut self.kinds[episode.kind];
                let row = first_rows[episode.kind] + episode.row as usize;
                kind.last_returns[row] = episode.reward;
                kind.recent.end(row, episode);
            }
            for (kind, first_row) in first_rows.iter_mut().enumerate() {
                self.kinds[kind].recent.observe(*first_row, group.changes_mut(kind));
                *first_row += group.row_count(kind);
            }
        }
        let groups = &self.groups;
        let settle = |(kind, episodes): (usize, &mut KindEpisodes)| {
            episodes.recent.settle(now, |row| episode_so_far(groups, kind, row))
        };
        self.kinds.iter_mut().enumerate().map(settle).collect()
    }

    /// Sets Adam's step size from the next iteration on, in place of the schedule in the kind's section.
    ///
    /// # Errors
    ///
    /// If it is out of range; then nothing changes.
    pub fn set_learning_rate(&mut self, kind: usize, learning_rate: f32) -> Result<(), LearnError> {
        let lane = self.lanes.iter_mut().find(|lane| lane.owner() == kind).and_then(PolicyLane::learned_mut);
        let Some(lane) = lane else { return Ok(()) };
        lane.algorithm_mut().set_learning_rate(learning_rate.into())?;
        self.blueprint.agent_mut(kind).ppo.learning_rate = learning_rate.into();
        Ok(())
    }

    /// Sets the weight of a kind's reward term from the next iteration on.
    ///
    /// Episodes in progress have counted the old weight until then.
    pub fn set_weight(&mut self, kind: usize, term: &str, weight: f32) {
        self.blueprint.agent_mut(kind).reward.insert(term.to_owned(), weight);
        let weights = self.blueprint.weights(kind);
        self.groups.iter_mut().for_each(|group| group.set_weights(kind, &weights));
    }

    /// The number of steps that each world has made.
    pub const fn world_steps(&self) -> u64 {
        self.world_steps
    }

    /// The number of ticks that the run has made.
    pub fn ticks(&self) -> u64 {
        self.world_steps.saturating_mul(u64::from(self.blueprint.config.ticks_per_step().get()))
    }

    /// The state hashes of worlds since the last call, and those of the algorithms; none if no world has any.
    pub fn take_hashes(&mut self) -> Vec<LoggedHash> {
        let mut hashes = self.groups.iter_mut().flat_map(WorldGroup::take_hashes).collect::<Vec<_>>();
        hashes.sort_by(|one, other| one.place.cmp(&other.place));
        if !hashes.is_empty() {
            let saved = |(lane, learned): (&PolicyLane, &LearnedLane)| {
                let kind = self.blueprint.specs[lane.owner()].name.clone();
                (self.blueprint.has_several_kinds().then_some(kind), learned.algorithm().save())
            };
            hashes.extend(learned_hashes(self.learned_lanes().map(saved), self.ticks()));
        }
        hashes
    }

    /// Takes the incidents in the worlds since the last call.
    pub fn take_incidents(&mut self) -> Incidents {
        Incidents::take(&mut self.groups)
    }

    /// The count of numbers so far that were not finite.
    pub fn fault_count(&self) -> u64 {
        self.groups.iter().map(WorldGroup::fault_count).sum()
    }

    /// The error of a world that could not be built anew, if there is one.
    pub fn failure(&self) -> Option<&WorldError> {
        self.groups.iter().find_map(WorldGroup::failure)
    }

    /// The number of iterations that are over.
    pub const fn iteration(&self) -> u64 {
        self.iteration
    }

    /// The learned policies as they are now, one for each kind that follows one.
    pub fn policies(&self) -> Vec<PolicyFile> {
        let of_lane = |(lane, learned): (&PolicyLane, &LearnedLane)| {
            let policy = learned.algorithm().policy();
            let of_kind = |&kind: &usize| self.policy_file(kind, learned, policy.clone());
            lane.kinds.iter().map(of_kind).collect::<Vec<_>>()
        };
        self.learned_lanes().flat_map(of_lane).collect()
    }

    /// The policy file of a kind that follows a learned policy.
    fn policy_file(&self, kind: usize, learned: &LearnedLane, policy: LearnedPolicy) -> PolicyFile {
        let (config, spec) = (&self.blueprint.config, &self.blueprint.specs[kind]);
        let LearnedPolicy { parameters, normalizer } = policy;
        PolicyFile {
            spec: (**spec).clone(),
            network: learned.built.network.clone(),
            parameters,
            normalizer,
            decision_interval: config.interval(&spec.name),
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

/// The shapes of a lane in all groups.
fn lane_shapes(groups: &[WorldGroup], lane: usize) -> Vec<LaneShape> {
    groups.iter().map(|group| group.lane(lane)).collect()
}

/// The sums so far of the episode that goes on in this row of a kind.
fn episode_so_far(groups: &[WorldGroup], kind: usize, mut row: usize) -> Option<EpisodeSummary> {
    for group in groups {
        if row < group.row_count(kind) {
            return group.episode_so_far(kind, row);
        }
        row -= group.row_count(kind);
    }
    None
}

fn tick_rate_hz(world: &PooledWorld) -> f64 {
    let tick = world.world().get_resource::<bevy::time::Time<bevy::time::Fixed>>().map(|time| time.timestep());
    tick.map_or(0.0, ludus_spec::tick_rate_hz)
}
