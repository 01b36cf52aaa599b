//! Episodes: their start and end, their limits and their random numbers.

use core::num::NonZeroU32;
use core::ops::{Deref, DerefMut};

use bevy::ecs::lifecycle::HookContext;
use bevy::ecs::world::DeferredWorld;
use bevy::prelude::*;
use ludus_spec::{Generator, Outcome, Seed};
use serde::{Deserialize, Serialize};

use crate::{AgentKinds, Slot};

/// An agent's steps from a start to an end.
///
/// Systems of the [`ScoreAgents`](crate::ScoreAgents) schedule end it with [`terminate`](Self::terminate) or
/// [`truncate`](Self::truncate). The next step is the restart: the agent idles, [`EpisodeStart`] has been sent,
/// and nothing is learned from it.
///
/// An agent into which an episode is inserted restarts. One into which a [`SavedAgent`](crate::SavedAgent) is inserted
/// continues the saved episode.
#[derive(Component, Reflect, Clone, Copy, Debug, PartialEq, Eq)]
#[component(on_insert = begin_anew)]
#[reflect(Component, Clone, Debug, Default, PartialEq)]
pub struct Episode {
    number: u32,
    steps: u32,
    limit: u32,
    /// Steps by which the limit of the first episode is shorter.
    head_start: u32,
    phase: Phase,
    /// The game's verdict on the present episode, if it gave one.
    success: Option<bool>,
}

#[derive(Reflect, Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Before the first restart, or before that of an agent that returns.
    Unborn,
    Restarting,
    Running,
    /// Ended in this very tick, whose reward still counts.
    Ending(End),
    /// Ended in an earlier tick of this step.
    Ended(End),
}

#[derive(Reflect, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Truncated,
    Terminated,
}

impl Default for Episode {
    fn default() -> Self {
        Self { number: 0, steps: 0, limit: u32::MAX, head_start: 0, phase: Phase::Unborn, success: None }
    }
}

impl Episode {
    /// Ends the episode as terminated: the task is over, and no reward would come after it.
    ///
    /// Does nothing if the episode has ended already, or is restarting.
    pub fn terminate(&mut self) {
        self.end(End::Terminated);
    }

    /// Ends the episode as truncated: the task would have gone on, and learning estimates the return of the rest.
    ///
    /// Does nothing if the episode has ended already, or is restarting.
    pub fn truncate(&mut self) {
        self.end(End::Truncated);
    }

    /// Ends the episode as a success: as [`terminate`](Self::terminate), and the episode counts for the success rate of
    /// the kind.
    ///
    /// Does nothing if the episode has ended already, or is restarting.
    pub fn succeed(&mut self) {
        self.judge(true);
        self.terminate();
    }

    /// Ends the episode as a failure: as [`terminate`](Self::terminate), and the episode counts against the success rate
    /// of the kind.
    ///
    /// Does nothing if the episode has ended already, or is restarting.
    pub fn fail(&mut self) {
        self.judge(false);
        self.terminate();
    }

    /// Says whether the present episode is a success, without ending it. The last verdict before the end counts.
    ///
    /// For tasks in which time that runs out is a success. An episode without a verdict is no success, if the kind has
    /// any verdicts at all. Does nothing if the episode has ended already, or is restarting.
    pub fn judge(&mut self, success: bool) {
        if self.phase == Phase::Running {
            self.success = Some(success);
        }
    }

    /// The game's verdict on the present episode, if it has given one.
    pub const fn success(&self) -> Option<bool> {
        self.success
    }

    /// True if the agent decides and is scored: not in the restart step, and not once the episode has ended.
    ///
    /// Systems run in the restart step too, with the idle action. A system in which the idle action moves something
    /// checks this first.
    pub const fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running)
    }

    /// The number of the episode among those of its agent: 1 for the first, 0 before it.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// The count of finished steps, including those in which the agent did not decide.
    pub const fn steps(&self) -> u32 {
        self.steps
    }

    #[inline]
    pub(crate) fn end(&mut self, end: End) {
        if self.phase == Phase::Running {
            self.phase = Phase::Ending(end);
        }
    }

    /// Ends the episode together with the others of its arena, with their verdict if it has none of its own. One that is
    /// restarting restarts once more with them.
    pub(crate) fn end_with_others(&mut self, end: End, success: Option<bool>) {
        if self.phase == Phase::Restarting {
            self.phase = Phase::Unborn;
        } else {
            self.success = self.success.or(success);
            self.end(end);
        }
    }

    /// Resets the phase when the agent has left its row, so that it restarts if it returns.
    pub(crate) const fn leave(&mut self) {
        self.phase = Phase::Unborn;
    }

    /// True if the episode is over: the next one starts with the next step.
    pub const fn has_ended(&self) -> bool {
        self.ended().is_some()
    }

    /// The outcome of its end, if it has ended: [`Outcome::Terminated`] or [`Outcome::Truncated`].
    pub const fn end_outcome(&self) -> Option<Outcome> {
        match self.ended() {
            None => None,
            Some(End::Terminated) => Some(Outcome::Terminated),
            Some(End::Truncated) => Some(Outcome::Truncated),
        }
    }

    pub(crate) const fn ended(&self) -> Option<End> {
        match self.phase {
            Phase::Ending(end) | Phase::Ended(end) => Some(end),
            Phase::Unborn | Phase::Restarting | Phase::Running => None,
        }
    }

    /// True in the restart step, and in the steps to which it extends.
    pub(crate) const fn is_restarting(&self) -> bool {
        matches!(self.phase, Phase::Restarting)
    }

    /// Sets the number of the next episode, so that an episode can be repeated.
    pub const fn skip_to(&mut self, number: u32) {
        self.number = number.wrapping_sub(1);
    }

    /// True if the next step is to be a restart.
    pub(crate) const fn wants_restart(&self) -> bool {
        matches!(self.phase, Phase::Unborn | Phase::Ended(_))
    }

    pub(crate) fn restart(&mut self) {
        if self.number == 1 {
            self.head_start = 0;
        }
        self.number = self.number.wrapping_add(1);
        self.steps = 0;
        self.success = None;
        self.phase = Phase::Restarting;
    }

    pub(crate) fn run(&mut self) {
        if self.phase == Phase::Restarting {
            self.phase = Phase::Running;
        }
    }

    /// True if the reward of the present tick counts.
    #[inline]
    pub(crate) const fn is_scored(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Ending(_))
    }

    /// Closes a tick; true if its reward counts.
    #[inline]
    pub(crate) fn close_tick(&mut self) -> bool {
        // Nearly all episodes are running: a branch is foretold better than a jump to one of five places.
        if self.phase == Phase::Running {
            return true;
        }
        let Phase::Ending(end) = self.phase else { return false };
        self.phase = Phase::Ended(end);
        true
    }

    /// Truncates an episode whose present step is the last one that its limit allows. Called on a step's last tick.
    #[inline]
    pub(crate) fn heed_limit(&mut self) {
        if self.phase == Phase::Running && self.steps + self.head_start + 1 >= self.limit {
            self.phase = Phase::Ending(End::Truncated);
        }
    }

    /// Closes a step after its last tick and returns its outcome.
    #[inline]
    pub(crate) fn close_step(&mut self) -> Outcome {
        if self.phase == Phase::Running {
            self.steps += 1;
            return Outcome::Running;
        }
        match self.phase {
            Phase::Ending(end) | Phase::Ended(end) => {
                self.steps += 1;
                end.into()
            }
            _ => Outcome::Restart,
        }
    }

    /// Sets the limit, in steps, unless there is one already.
    pub(crate) fn set_default_limit(&mut self, limit: u32) {
        if self.limit == u32::MAX {
            self.limit = limit;
        }
    }

    /// Sets the limit, in steps.
    pub(crate) const fn set_limit(&mut self, limit: u32) {
        self.limit = limit;
    }

    /// True if the episode was truncated early to stagger it: its return says little about the policy.
    pub(crate) fn is_staggered(&self) -> bool {
        self.head_start > 0 && self.ended() == Some(End::Truncated)
    }

    /// Shortens the limit of the first episode by this part of it, in `0.0..1.0`. Does nothing without a limit.
    pub(crate) fn stagger(&mut self, part: f32) {
        if self.limit != u32::MAX {
            self.head_start = (self.limit as f32 * part) as u32;
        }
    }
}

impl From<End> for Outcome {
    fn from(end: End) -> Self {
        match end {
            End::Truncated => Self::Truncated,
            End::Terminated => Self::Terminated,
        }
    }
}

/// Ends an agent's episode after this many steps, as a truncation.
///
/// Without it, the run's `episode_limit` holds; without that, episodes end only when the game says so.
#[derive(Component, Reflect, Clone, Copy, Debug, PartialEq, Eq)]
#[component(immutable, on_insert = note_limit, on_remove = forget_limit)]
#[require(Episode)]
#[reflect(Component, Debug, PartialEq)]
pub struct EpisodeLimit(pub NonZeroU32);

/// Copies the limit into the episode, so that a tick reads one component and not two.
fn note_limit(mut world: DeferredWorld, context: HookContext) {
    let limit = own_limit(&world, context.entity).unwrap_or(u32::MAX);
    set_limit(&mut world, context.entity, limit);
}

/// Sets the run's limit again for an agent that has lost its own.
fn forget_limit(mut world: DeferredWorld, context: HookContext) {
    let limit = run_limit(&world, context.entity);
    set_limit(&mut world, context.entity, limit);
}

fn own_limit(world: &World, agent: Entity) -> Option<u32> {
    world.get::<EpisodeLimit>(agent).map(|limit| limit.0.get())
}

/// Returns the run's limit for an agent that has a row; others get it with the row.
fn run_limit(world: &World, agent: Entity) -> u32 {
    let (Ok(entity), Some(kinds)) = (world.get_entity(agent), world.get_resource::<AgentKinds>()) else {
        return u32::MAX;
    };
    let kind = kinds.iter().find(|kind| entity.contains::<Slot>() && entity.contains_id(kind.component()));
    kind.map_or(u32::MAX, |kind| kind.rows(world).default_limit)
}

/// Resets an episode that is inserted, such as a copy of another agent's: the agent restarts.
fn begin_anew(mut world: DeferredWorld, context: HookContext) {
    let limit = own_limit(&world, context.entity).unwrap_or_else(|| run_limit(&world, context.entity));
    if let Some(mut episode) = world.get_mut::<Episode>(context.entity) {
        *episode = Episode { number: episode.number, limit, ..Episode::default() };
    }
}

fn set_limit(world: &mut DeferredWorld, agent: Entity, limit: u32) {
    if let Some(mut episode) = world.get_mut::<Episode>(agent) {
        episode.limit = limit;
    }
}

/// The scope of an agent's episode: the agent alone, or its whole arena.
#[derive(Component, Reflect, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[component(immutable)]
#[reflect(Component, Debug, Default, PartialEq)]
pub enum EpisodeScope {
    /// The agent's own.
    #[default]
    Agent,
    /// The arena's: its agents end together and start together, as soon as one of them ends.
    /// If one of them terminated, all others terminate; else all are truncated.
    Arena,
}

/// Sent when an episode starts, so that the game can put things where they begin.
///
/// `EpisodeStart<Plate>` is sent to each agent of that kind, in slot order.
/// `EpisodeStart<Arena>` is sent to an arena whose episode is shared ([`EpisodeScope::Arena`]), before its agents.
/// Both are sent in [`AgentSystems::Restart`](crate::AgentSystems::Restart), so physics processes the new state before
/// it is observed.
#[derive(EntityEvent, Debug)]
pub struct EpisodeStart<T: Component> {
    /// The agent, or the arena.
    pub entity: Entity,
    /// The number of the episode that starts: 1 for the first.
    pub number: u32,
    kind: core::marker::PhantomData<fn() -> T>,
}

impl<T: Component> EpisodeStart<T> {
    pub(crate) const fn new(entity: Entity, number: u32) -> Self {
        Self { entity, number, kind: core::marker::PhantomData }
    }
}

/// Ties an entity to an episode: it is despawned when the next episode of that agent (or arena) starts.
///
/// Use it for entities that belong to a single episode: bullets, crates, targets.
#[derive(Component, Reflect, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[relationship(relationship_target = EpisodeEntities)]
#[reflect(Component, Debug, PartialEq)]
pub struct EpisodeScoped(pub Entity);

/// The entities that are despawned when the next episode starts.
#[derive(Component, Reflect, Clone, Debug, Default, PartialEq, Eq)]
#[relationship_target(relationship = EpisodeScoped, linked_spawn)]
#[reflect(Component, Debug, Default, PartialEq)]
pub struct EpisodeEntities(Vec<Entity>);

/// The random numbers of one episode, and the only ones that a game needs.
///
/// Seeded from run, world, arena and episode number at every start, so an episode can be repeated alone.
/// It is a [`rand`] generator: `rng.random_range(-1.0..=1.0)` with [`rand::RngExt`] in scope.
///
/// A clone of an agent gets random numbers of its own. A saved game keeps them: they are reflected, with the identity
/// of the agent.
#[derive(Component, Reflect, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[component(clone_behavior = Ignore)]
#[reflect(opaque)]
#[reflect(Component, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpisodeRng {
    generator: Generator,
    home: Home,
}

/// The identity of an agent or an arena in its world. With an episode's number it determines the episode's seed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Home {
    /// The index of its arena, if it is in one.
    pub arena: Option<u32>,
    /// The agent's number in its arena, or among the agents in none, from 1 in the order in which they came; 0 is the
    /// arena itself.
    pub member: u32,
}

/// The index that stands for no arena: greater than all indices of arenas.
const OUTSIDE: u64 = 1 << 32;

/// The index from which the seeds of phases derive: greater than all indices of arenas.
const PHASE: u64 = OUTSIDE + 1;

/// The index from which the seeds of noise on observations derive: greater than all indices of arenas.
const NOISE: u64 = OUTSIDE + 3;

/// The index from which the seeds of episode parameters derive: greater than all indices of arenas.
const PARAMETERS: u64 = OUTSIDE + 2;

impl Default for EpisodeRng {
    fn default() -> Self {
        Self { generator: Seed::default().generator(), home: Home::default() }
    }
}

impl EpisodeRng {
    /// The index of the arena that it belongs to, if it is in one.
    pub(crate) const fn arena(&self) -> Option<u32> {
        self.home.arena
    }

    /// The identity of the agent or the arena that draws these numbers.
    pub const fn home(&self) -> Home {
        self.home
    }

    pub(crate) fn settle(&mut self, home: Home) {
        self.home = home;
    }

    pub(crate) fn restart(&mut self, world: WorldSeed, number: u32) {
        self.generator = self.home.derive(world.0).derive(u64::from(number)).generator();
    }
}

impl Home {
    /// Returns the seed of this agent or arena among those below `seed`: below it are the arenas, and below each arena
    /// its members.
    pub fn derive(self, seed: Seed) -> Seed {
        seed.derive(self.arena.map_or(OUTSIDE, u64::from)).derive(u64::from(self.member))
    }

    /// Returns the seed of the noise on what it observes in an episode.
    pub(crate) fn noise(self, world: WorldSeed, number: u32) -> Seed {
        self.derive(world.0.derive(NOISE)).derive(u64::from(number))
    }

    /// Returns the seed of its episode parameters. They do not change what [`EpisodeRng`] draws.
    pub(crate) fn parameters(self, world: WorldSeed) -> Seed {
        self.derive(world.0.derive(PARAMETERS))
    }

    /// Draws a number in `0.0..1.0` that is the same for all agents of an arena.
    pub(crate) fn phase(self, world: WorldSeed) -> f32 {
        let apart = self.arena.map_or(OUTSIDE + u64::from(self.member), u64::from);
        world.0.derive(PHASE).derive(apart).uniform()
    }
}

impl Deref for EpisodeRng {
    type Target = Generator;

    fn deref(&self) -> &Generator {
        &self.generator
    }
}

impl DerefMut for EpisodeRng {
    fn deref_mut(&mut self) -> &mut Generator {
        &mut self.generator
    }
}

/// The numbers of the episodes with which the agents of a world begin: 1, unless an episode is to be repeated.
///
/// Indexed by [`Home::member`]; the first entry is that of the arena's own episode. Members that are not listed begin
/// with 1.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq)]
pub struct FirstEpisodes(pub Vec<u32>);

impl FirstEpisodes {
    pub(crate) fn of(&self, member: u32) -> u32 {
        self.0.get(member as usize).copied().unwrap_or(1)
    }
}

/// The seed of a world, from which those of its arenas and episodes derive.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorldSeed(pub Seed);

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> Episode {
        let mut episode = Episode::default();
        episode.restart();
        episode.run();
        episode
    }

    #[test]
    fn the_tick_that_ends_an_episode_still_counts() {
        let mut episode = running();
        episode.terminate();
        assert!(episode.close_tick());
        assert!(!episode.close_tick(), "later ticks of the same step don't");
        assert_eq!(episode.close_step(), Outcome::Terminated);
        assert_eq!(episode.steps(), 1);
    }

    #[test]
    fn the_first_end_stands() {
        let mut episode = running();
        episode.truncate();
        episode.terminate();
        assert_eq!(episode.ended(), Some(End::Truncated));
    }

    #[test]
    fn a_restarting_episode_does_not_end() {
        let mut episode = Episode::default();
        episode.restart();
        episode.terminate();
        assert!(!episode.close_tick());
        assert_eq!(episode.close_step(), Outcome::Restart);
        assert_eq!(episode.steps(), 0);
    }

    #[test]
    fn a_staggered_episode_is_short_but_the_next_one_is_not() {
        let mut episode = Episode::default();
        episode.set_default_limit(4);
        episode.stagger(0.5);
        let mut lengths = Vec::new();
        for _ in 0..2 {
            episode.restart();
            episode.run();
            while episode.ended().is_none() {
                episode.heed_limit();
                episode.close_tick();
                episode.close_step();
            }
            lengths.push(episode.steps());
        }
        assert_eq!(lengths, [2, 4]);
    }

    #[test]
    fn a_limit_of_two_allows_two_steps() {
        let mut episode = running();
        episode.set_default_limit(2);
        let mut outcomes = Vec::new();
        for _ in 0..2 {
            episode.heed_limit();
            episode.close_tick();
            outcomes.push(episode.close_step());
        }
        assert_eq!(outcomes, [Outcome::Running, Outcome::Truncated]);
        assert!(episode.wants_restart());
    }
}
