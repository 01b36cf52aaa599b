//! Time of a policy's decision in a game that is played, for about a thousand agents.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bevy::prelude::*;
use ludus_agent::{AgentKinds, AgentSystems, StepClock};
use ludus_play::PolicySystems;
use ludus_policy::{ActionChoice, PolicyFile};
use ludus_worlds::Game;
use serde::Serialize;

use super::Until;
use crate::blueprint::{Blueprint, Purpose};
use crate::clock;
use crate::config::WorldCount;
use crate::definition::GameDefinition;
use crate::error::TrainError;
use crate::group::WorldGroup;
use crate::play::PlayedPolicy;

/// Agents that are decided for at once. There are more if the number of arenas is rounded up.
const AGENTS: usize = 1000;

/// Steps before the measurement, which fill caches and allocate memory.
const WARM_UP: u32 = 5;

/// Time that a policy takes to decide in a game, on one thread: observations are gathered, then the forward pass, then
/// actions are written.
#[derive(Clone, Debug, Serialize)]
pub struct DecisionSpeed {
    /// Number of agents in a decision.
    pub agents: usize,
    /// Widths of the hidden layers of the first policy; empty for a game's own network.
    pub hidden: Vec<usize>,
    /// Mean time of one decision for all of these agents \[ms\].
    pub milliseconds: f64,
}

/// Number and time of the decisions so far.
#[derive(Resource, Clone, Default)]
struct Decisions(Arc<Counts>);

/// Counts that outlive the world, which may panic and be built anew.
#[derive(Default)]
struct Counts {
    began: AtomicU64,
    /// Time of all decisions \[ns\].
    total: AtomicU64,
    count: AtomicU64,
}

/// A world in which policies decide for the agents.
pub(super) struct Players {
    pub group: WorldGroup,
    decisions: Decisions,
    hidden: Vec<usize>,
}

impl Players {
    /// Builds the world, with as many arenas as a thousand agents need. `rows` is the number of rows in all worlds of
    /// `blueprint`.
    pub fn build(blueprint: &Blueprint, policies: Vec<PolicyFile>, rows: usize) -> Result<Self, TrainError> {
        let mut config = blueprint.config.clone();
        let copies = config.arenas.get() as usize * config.worlds.resolve().get() as usize;
        let arenas = u32::try_from((AGENTS * copies).div_ceil(rows.max(1))).ok().and_then(NonZeroU32::new);
        config.worlds = WorldCount::Exactly(NonZeroU32::MIN);
        config.arenas = arenas.unwrap_or(config.arenas);
        let decisions = Decisions::default();
        let played = |policy: &PolicyFile| {
            let kind = blueprint.specs.iter().position(|spec| spec.name == policy.spec.name).unwrap_or_default();
            let played = PlayedPolicy::new(policy, Path::new("bench"), blueprint, kind)?;
            Ok((policy.spec.name.clone(), played))
        };
        let played = policies.iter().map(played).collect::<Result<Vec<_>, TrainError>>()?;
        let game = measured(blueprint.definition.game.clone(), played, decisions.clone());
        let definition = GameDefinition { game, ..blueprint.definition.clone() };
        let blueprint = Blueprint { definition, config, ..blueprint.clone() };
        let group =
            WorldGroup::new(blueprint.build_worlds(Purpose::Evaluation)?, blueprint.lanes(), clock::nanoseconds);
        let hidden = |policy: &PolicyFile| Some(policy.network.described()?.hidden.clone());
        let hidden = policies.first().and_then(hidden).unwrap_or_default();
        Ok(Self { group, decisions, hidden })
    }

    /// Steps the world and measures the decisions.
    pub fn play(&mut self, until: Until<'_>) -> DecisionSpeed {
        (0..WARM_UP).for_each(|_| self.step());
        self.decisions.0.total.store(0, Ordering::Relaxed);
        self.decisions.0.count.store(0, Ordering::Relaxed);
        let start = clock::seconds();
        loop {
            self.step();
            if self.group.failure().is_some() || until.is_over(start) {
                break;
            }
        }
        let [total, count] = [&self.decisions.0.total, &self.decisions.0.count].map(|sum| sum.load(Ordering::Relaxed));
        let milliseconds = total as f64 * 1e-6 / count.max(1) as f64;
        let agents = (0..self.group.kind_count()).map(|kind| self.group.row_count(kind)).sum();
        DecisionSpeed { agents, hidden: self.hidden.clone(), milliseconds }
    }

    fn step(&mut self) {
        self.group.step_in_place();
        self.group.drain_episodes().for_each(drop);
    }
}

/// The game with policies that decide for its agents, and with systems that measure the time of the decisions.
fn measured(game: Game, policies: Vec<(String, PlayedPolicy)>, decisions: Decisions) -> Game {
    Arc::new(move |app: &mut App| {
        game(app);
        let kinds =
            app.world().get_resource::<AgentKinds>().map_or(Vec::new(), |kinds| kinds.iter().cloned().collect());
        for kind in kinds {
            let of_kind = policies.iter().find(|(name, _)| *name == kind.spec().name);
            of_kind.into_iter().for_each(|(_, policy)| policy.add_to(app, &kind, ActionChoice::Greedy));
        }
        let decide = PolicySystems::Decide;
        app.insert_resource(decisions.clone());
        app.add_systems(FixedPreUpdate, (begin.before(decide), end.after(decide).before(AgentSystems::Act)));
    })
}

fn begin(decisions: Res<Decisions>) {
    decisions.0.began.store(clock::nanoseconds(), Ordering::Relaxed);
}

fn end(step: Res<StepClock>, decisions: Res<Decisions>) {
    if step.is_first_tick() {
        let counts = &decisions.0;
        counts.total.fetch_add(clock::nanoseconds() - counts.began.load(Ordering::Relaxed), Ordering::Relaxed);
        counts.count.fetch_add(1, Ordering::Relaxed);
    }
}
