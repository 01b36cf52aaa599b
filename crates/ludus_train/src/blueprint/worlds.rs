//! The worlds of a run, and the episodes that are recorded in them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ludus_replay::{KeptEpisodes, RecorderSettings};
use ludus_spec::Seed;
use ludus_worlds::{AgentSettings, PooledWorld, WorldError, WorldParameters, WorldSettings, build_worlds};

use super::{Blueprint, Draws, Purpose};
use crate::clock;
use crate::group::WorldGroup;
use crate::patience::while_waiting;

/// Most arenas of a run whose episodes are recorded, to keep some of them.
const RECORDED_ARENAS: usize = 16;

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

    /// Builds the world of a check, with `most_arenas` arenas at most.
    pub fn build_check_world(&self, most_arenas: u32) -> Result<PooledWorld, WorldError> {
        let arenas = 0..self.config.arenas.get().min(most_arenas);
        let settings = self.world_settings(Purpose::Evaluation, self.check_seed(), 0);
        // What training begins with is looked at, not what it ends with.
        let parameters = self.parameters(Purpose::Training);
        PooledWorld::build(&self.definition.game, WorldSettings { arenas, parameters, ..settings })
    }

    /// The distributions of episode parameters: in a training those of the present stages of curricula, in an evaluation
    /// those of their last stages, since that is the task.
    pub fn parameters(&self, purpose: Purpose) -> Arc<WorldParameters> {
        let stage = |name: &str| match purpose {
            Purpose::Training => self.stages.of(name),
            Purpose::Evaluation | Purpose::Checkpoints => usize::MAX,
        };
        Arc::new(WorldParameters { number: self.stages.number, distributions: self.config.parameters_at(stage) })
    }

    fn world_settings(&self, purpose: Purpose, seed: Seed, world: u32) -> WorldSettings {
        let is_training = purpose == Purpose::Training;
        let settings = |kind: usize| {
            let agent = self.agent(kind);
            AgentSettings {
                name: self.specs[kind].name.clone(),
                decision_interval: agent.decision_interval,
                weights: self.weights(kind),
                reward_streams: if purpose == Purpose::Training { self.stream_terms(kind) } else { Vec::new() },
                episode_limit: agent.episode_limit,
                // An evaluation counts whole episodes only.
                stagger: agent.stagger && purpose == Purpose::Training,
                rows: agent.rows.map(|rows| rows.get()),
                // An evaluation measures the game as it is shipped.
                observation_noise: if is_training { agent.noise(&self.specs[kind]) } else { Vec::new() },
                action_delay: if is_training { agent.action_delay } else { 0 },
            }
        };
        WorldSettings {
            seed,
            world,
            arenas: 0..self.config.arenas.get(),
            decision_interval: self.config.decision_interval,
            agents: self.driven_kinds().map(settings).collect(),
            parameters: self.parameters(purpose),
            clock: clock::nanoseconds,
        }
    }

    /// Turns on the recording of episodes in [`RECORDED_ARENAS`] arenas at most, those of the first worlds. So the cost
    /// does not grow with the run.
    pub fn record_episodes(&self, groups: &mut [WorldGroup]) {
        if self.driven_kinds().any(|kind| self.agent(kind).rows.is_some()) {
            // Agents come and go, so an episode depends on more than its own seed and actions.
            return;
        }
        let worlds = self.config.worlds.resolve().get() as usize;
        let arenas = (RECORDED_ARENAS / worlds).max(1);
        let settings = RecorderSettings { program: self.definition.name.clone(), arenas };
        let mut left = RECORDED_ARENAS.min(worlds);
        for group in groups {
            left -= group.record_episodes(left, &settings);
        }
    }

    /// The collection of episodes that the run keeps, still empty.
    pub fn kept_episodes(&self) -> KeptEpisodes {
        let names: Vec<_> = self.driven_kinds().map(|kind| &*self.specs[kind].name).collect();
        KeptEpisodes::new(Draws::KeptEpisodes.seed(self.config.seed), names.into_iter())
    }
}

/// The progress of building worlds, as a sentence.
fn building_sentence(built: usize, count: u32, seconds: u64) -> String {
    format!("building worlds: {built} of {count} are there after {seconds} s")
}
