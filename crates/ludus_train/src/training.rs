//! The worlds and the policies of a run, with their progress so far.

mod curricula;
mod episodes;
mod lane;
mod lap;
mod matches;
mod saving;
mod team_views;

use ludus_learn::{Collector, IterationPlan, IterationResult, LaneShape, LearnError, PhaseTimes, Report, Simulation};
use ludus_worlds::{PooledWorld, WorldError};

use crate::blueprint::{Blueprint, Purpose};
use crate::clock;
use crate::config::PolicySource;
use crate::episodes::RecentEpisodes;
use crate::error::TrainError;
use crate::group::{WorldGroup, group_worlds};
use crate::incidents::Incidents;
use crate::phases::{Phases, StepTimes};
use crate::self_play::SelfPlay;
use ludus_replay::KeptEpisodes;

use curricula::GameParameters;
pub(crate) use episodes::KindEpisodes;
pub(crate) use lane::{LaneLap, LanePolicy, LearnedLane, PolicyLane};
pub(crate) use lap::Lap;

use lane::FrozenLane;
use matches::opponents;
use team_views::{count_teams, view_teams};

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
    /// The players of matches, if policies play against themselves.
    pub self_play: Option<SelfPlay>,
    /// The episode parameters of the game, and the kinds of agents that have each.
    parameters: GameParameters,
}

impl Training {
    /// Builds the worlds, the networks and the algorithms.
    pub fn build(mut blueprint: Blueprint) -> Result<Self, TrainError> {
        let lanes = blueprint.lanes();
        let see_teams = (0..blueprint.specs.len()).any(|kind| blueprint.critic_sees_team(kind));
        let mut worlds = None;
        if see_teams {
            // Their networks depend on the sizes of teams.
            let built = blueprint.build_worlds(Purpose::Training)?;
            count_teams(&mut blueprint, &built)?;
            worlds = Some(built);
        }
        let is_learned = |kind: usize| blueprint.agent(kind).policy == PolicySource::Learned;
        // Networks are made before the worlds are built, so that their errors are reported early.
        let network = |kinds: &Vec<usize>| is_learned(kinds[0]).then(|| blueprint.network(kinds[0])).transpose();
        let networks = lanes.iter().map(network).collect::<Result<Vec<_>, _>>().map_err(TrainError::Learner)?;
        let worlds = worlds.map_or_else(|| blueprint.build_worlds(Purpose::Training), Ok)?;
        let tick_rate_hz = worlds.first().map_or(0.0, tick_rate_hz);
        let parameters = worlds.first().map_or_else(GameParameters::default, GameParameters::of);
        let mut groups = group_worlds(worlds, &lanes, clock::nanoseconds);
        if let Some(every) = blueprint.hash_every {
            groups.iter_mut().for_each(|group| group.hash_every(every));
        }
        blueprint.record_episodes(&mut groups);
        view_teams(&blueprint, &mut groups);
        let self_play = SelfPlay::of(&blueprint);
        if self_play.is_some() {
            groups.iter_mut().for_each(WorldGroup::expect_matches);
        }
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
            KindEpisodes { recent, last_returns: vec![f32::NAN; rows], demonstrated_steps: None }
        };
        let training = Self {
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
            self_play,
            parameters,
            blueprint,
        };
        training.check_memories()?;
        Ok(training)
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
        let plan = IterationPlan { progress, least_steps: self.iteration_steps() };
        let others = opponents(self.self_play.as_ref(), self.lanes.len());
        let lanes = self.lanes.iter_mut().zip(&others);
        let mut lanes: Vec<_> = lanes.map(|(lane, others)| lane.iterated(number, others)).collect();
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

    /// The steps that an iteration has at least: those that the algorithms ask for.
    fn iteration_steps(&self) -> usize {
        let of_lane = |(lane, _): (&PolicyLane, &LearnedLane)| {
            let rows = lane.kinds.iter().map(|&kind| self.rows_of(kind)).sum();
            self.blueprint.agent(lane.owner()).algorithm().iteration_steps(rows)
        };
        self.learned_lanes().map(of_lane).max().unwrap_or(1)
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

    /// Sets Adam's step size from the next iteration on, in place of the schedule in the kind's section.
    ///
    /// # Errors
    ///
    /// If it is out of range; then nothing changes.
    pub fn set_learning_rate(&mut self, kind: usize, learning_rate: f32) -> Result<(), LearnError> {
        let lane = self.lanes.iter_mut().find(|lane| lane.owner() == kind).and_then(PolicyLane::learned_mut);
        let Some(lane) = lane else { return Ok(()) };
        lane.algorithm_mut().set_learning_rate(learning_rate.into())?;
        self.blueprint.agent_mut(kind).set_learning_rate(learning_rate.into());
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

fn tick_rate_hz(world: &PooledWorld) -> f64 {
    let tick = world.world().get_resource::<bevy::time::Time<bevy::time::Fixed>>().map(|time| time.timestep());
    tick.map_or(0.0, ludus_spec::tick_rate_hz)
}
