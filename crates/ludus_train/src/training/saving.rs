//! What a run saves of its policies and resumes from: checkpoints, policy files and hashes.

use std::path::Path;

use ludus_learn::{LearnedPolicy, SavedAlgorithm};
use ludus_policy::{Origin, PolicyFile};
use ludus_replay::LoggedHash;

use super::Training;
use super::lane::{LearnedLane, PolicyLane};
use crate::checkpoint::{Checkpoint, SavedPolicy};
use crate::error::TrainError;
use crate::group::WorldGroup;
use crate::learned_hashes::learned_hashes;
use crate::record::{KindRecord, PastEpisode, RunRecord};
use crate::self_play::SelfPlay;
use crate::shown_values::{SessionPolicy, value_estimate};

impl Training {
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
        if let (Some(self_play), Some(record)) = (&mut self.self_play, &record.self_play) {
            self_play.resume(record, &self.blueprint);
        }
        Ok(())
    }

    /// A checkpoint with all that a resumed run needs, after this many seconds of training. The run's identity is left
    /// empty.
    pub fn checkpoint(&self, seconds: f64) -> Checkpoint {
        let record = |kind: usize| {
            let recent = &self.kinds[kind].recent;
            let past = recent.iter().filter_map(PastEpisode::of).collect();
            (
                self.blueprint.specs[kind].name.clone(),
                KindRecord { episodes: recent.total(), recent: past, evaluated: None },
            )
        };
        let record = RunRecord {
            kinds: self.blueprint.driven_kinds().map(record).collect(),
            iteration: self.iteration,
            world_steps: Some(self.world_steps),
            seconds,
            curricula: self.blueprint.stages.clone(),
            self_play: self.self_play.as_ref().map(SelfPlay::record),
            run: String::new(),
        };
        let saved = |(lane, learned): (&PolicyLane, &LearnedLane)| {
            let SavedAlgorithm { policy, state } = learned.algorithm().save();
            SavedPolicy { policy: self.policy_file(lane.owner(), learned, policy), state }
        };
        Checkpoint { policies: self.learned_lanes().map(saved).collect(), record }
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

    /// The learned policies as they are now, one for each kind that follows one.
    pub fn policies(&self) -> Vec<PolicyFile> {
        let of_lane = |(lane, learned): (&PolicyLane, &LearnedLane)| {
            let policy = learned.algorithm().policy();
            let of_kind = |&kind: &usize| self.policy_file(kind, learned, policy.clone());
            lane.kinds.iter().map(of_kind).collect::<Vec<_>>()
        };
        self.learned_lanes().flat_map(of_lane).collect()
    }

    /// The learned policies for the rows of the game: those whose critic sees the team are without it.
    pub fn played_policies(&self) -> Vec<PolicyFile> {
        let specs = &self.blueprint.specs;
        let of_game = |policy: PolicyFile| {
            let spec = specs.iter().find(|spec| spec.name == policy.spec.name)?;
            policy.for_agents(spec, Path::new(&spec.name)).ok()
        };
        self.policies().into_iter().filter_map(of_game).collect()
    }

    /// The policies that are [played](Self::played_policies), with the numbers that estimate their values.
    pub fn session_policies(&self) -> Vec<SessionPolicy> {
        let specs = &self.blueprint.specs;
        let critics_of = |name: &str| {
            let follows = |lane: &PolicyLane| lane.kinds.iter().any(|&kind| specs[kind].name == name);
            let (_, learned) = self.learned_lanes().find(|(lane, _)| follows(lane))?;
            learned.algorithm().critics()
        };
        let with_values = |file: PolicyFile| {
            let critics = critics_of(&file.spec.name);
            SessionPolicy { values: value_estimate(&self.blueprint.config, &file, critics.as_deref()), file }
        };
        self.played_policies().into_iter().map(with_values).collect()
    }

    /// The policy file of a kind that follows a learned policy.
    pub(super) fn policy_file(&self, kind: usize, learned: &LearnedLane, policy: LearnedPolicy) -> PolicyFile {
        let (config, spec) = (&self.blueprint.config, self.blueprint.learned_spec(kind));
        let LearnedPolicy { parameters, normalizer } = policy;
        PolicyFile {
            spec: (*spec).clone(),
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
}
