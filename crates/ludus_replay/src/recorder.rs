//! Records some arenas of a world, and returns the episodes that are worth keeping.

mod unit;

use ludus_agent::ParameterPlan;
use ludus_spec::Outcome;
use ludus_worlds::PooledWorld;

use super::log::{EpisodeHead, EpisodeKind, EpisodeLog, EpisodeValues};
use unit::{Unit, units};

/// Steps of the longest episode that is recorded.
const LONGEST_RECORD: usize = 16_384;

/// The settings that all recorders of a run share.
#[derive(Clone, Debug)]
pub struct RecorderSettings {
    /// The game's name.
    pub program: String,
    /// The number of arenas to record in a world.
    pub arenas: usize,
}

/// Records the first arenas of a world.
///
/// In each step, it reads the state of these arenas and copies the actions of their agents. Memory is allocated once;
/// only an episode that is kept is copied.
#[derive(Debug)]
pub struct Recorder {
    /// The part of the head that is the same for all episodes of the world.
    head: EpisodeHead,
    /// The returns that are worth keeping, for each kind that is recorded.
    pub(crate) bounds: Vec<ReturnBounds>,
    /// True if the next episode is kept, whatever its return.
    pub(crate) wants_any: bool,
    /// The number of the present iteration.
    pub(crate) iteration: u64,
    units: Vec<Unit>,
    taken: TakenEpisodes,
}

/// The returns beyond which an episode is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReturnBounds {
    /// An episode with a return above this one is kept as the best.
    pub best_above: f32,
    /// An episode with a return below this one is kept as the worst.
    pub worst_below: f32,
}

/// Episodes that were kept since the last call of [`Recorder::take`].
#[derive(Debug, Default)]
pub(crate) struct TakenEpisodes {
    /// The best and the worst for each kind that is recorded.
    pub kinds: Vec<ExtremeEpisodes>,
    /// An ordinary episode, if one was wanted.
    pub any: Option<EpisodeLog>,
}

/// The best and the worst episode for a kind, if there were any.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExtremeEpisodes {
    /// The episode with the highest return.
    pub best: Option<EpisodeLog>,
    /// The episode with the lowest return.
    pub worst: Option<EpisodeLog>,
}

impl Default for ReturnBounds {
    fn default() -> Self {
        Self { best_above: f32::NEG_INFINITY, worst_below: f32::INFINITY }
    }
}

impl Recorder {
    /// Makes a recorder of the first arenas of a world, which has to stand before its first step.
    pub fn new(world: &PooledWorld, settings: RecorderSettings) -> Self {
        let head = head(world, settings.program);
        let mut units = units(world);
        units.truncate(settings.arenas);
        units.iter_mut().for_each(|unit| unit.reserve(&head, LONGEST_RECORD));
        let kinds = head.kinds.len();
        let (bounds, taken) = (vec![ReturnBounds::default(); kinds], TakenEpisodes::of_kinds(kinds));
        Self { head, bounds, wants_any: false, iteration: 0, units, taken }
    }

    /// Records the step that the world has just taken. Has to be called once before the first step, too.
    pub fn record(&mut self, world: &PooledWorld) {
        for index in 0..self.units.len() {
            if let Some(outcome) = self.units[index].record(world) {
                self.consider(index, world, outcome);
            }
        }
    }

    /// Drops the episodes in progress, since the world was built anew or the weights have changed.
    pub fn restart(&mut self) {
        self.units.iter_mut().for_each(Unit::forget);
    }

    /// Takes the episodes that were kept since the last call.
    pub(crate) fn take(&mut self) -> TakenEpisodes {
        std::mem::replace(&mut self.taken, TakenEpisodes::of_kinds(self.bounds.len()))
    }

    /// Keeps the episode that has just ended in a unit, if its return is beyond the bounds or any episode is wanted.
    fn consider(&mut self, unit: usize, world: &PooledWorld, outcome: Outcome) {
        let returns = self.units[unit].ended_returns();
        let is_extreme = returns.zip(&self.bounds).any(|(reward, bounds)| bounds.exceeded_by(reward));
        if !(is_extreme || self.wants_any) || self.was_cut(unit, outcome) {
            return;
        }
        let log = self.log(unit, world, outcome);
        let kinds = self.units[unit].ended_returns().zip(&mut self.bounds).zip(&mut self.taken.kinds);
        for ((reward, bounds), extremes) in kinds {
            bounds.narrow(reward, extremes, &log);
        }
        if std::mem::take(&mut self.wants_any) {
            self.taken.any = Some(log);
        }
    }

    /// True if staggering cut the episode short, so that its return is no measure of the policy.
    fn was_cut(&self, unit: usize, outcome: Outcome) -> bool {
        let unit = &self.units[unit];
        let is_first = unit.numbers().get(1) == Some(&1);
        let mut kinds = self.head.kinds.iter().zip(unit.ended_returns());
        outcome == Outcome::Truncated && is_first && kinds.any(|(kind, ended)| kind.stagger && ended.is_some())
    }

    fn log(&self, unit: usize, world: &PooledWorld, outcome: Outcome) -> EpisodeLog {
        let (seed, iteration) = (world.seed(), self.iteration);
        let head = EpisodeHead { seed, outcome, iteration, ..self.head.clone() };
        self.units[unit].log(world, head)
    }
}

impl TakenEpisodes {
    fn of_kinds(kinds: usize) -> Self {
        Self { kinds: vec![ExtremeEpisodes::default(); kinds], any: None }
    }
}

impl ReturnBounds {
    /// True if an episode with this return is kept. The return is `None` if the episode does not count for the kind.
    fn exceeded_by(&self, reward: Option<f32>) -> bool {
        reward.is_some_and(|reward| reward > self.best_above || reward < self.worst_below)
    }

    /// Keeps an episode that is beyond the bounds, and sets the bounds to its return.
    fn narrow(&mut self, reward: Option<f32>, extremes: &mut ExtremeEpisodes, log: &EpisodeLog) {
        let Some(reward) = reward else { return };
        if reward > self.best_above {
            self.best_above = reward;
            extremes.best = Some(log.clone());
        }
        if reward < self.worst_below {
            self.worst_below = reward;
            extremes.worst = Some(log.clone());
        }
    }
}

/// The part of the head that is the same for all episodes of a world.
fn head(world: &PooledWorld, program: String) -> EpisodeHead {
    EpisodeHead {
        program,
        library: env!("CARGO_PKG_VERSION").to_owned(),
        world: world.index(),
        seed: world.seed(),
        arena: None,
        arenas: world.settings().arenas.end,
        numbers: Vec::new(),
        restart_step: 0,
        parameters: parameters(world),
        kinds: listed_kinds(world).map(|kind| head_of_kind(world, kind)).collect(),
        steps: 0,
        outcome: Outcome::default(),
        iteration: 0,
    }
}

/// The names of the game's episode parameters, still without values.
fn parameters(world: &PooledWorld) -> EpisodeValues {
    let plan = world.world().get_resource::<ParameterPlan>();
    let names = plan.map_or(Vec::new(), |plan| plan.parameters().iter().map(|one| one.name.clone()).collect());
    EpisodeValues { names, members: Vec::new() }
}

fn head_of_kind(world: &PooledWorld, kind: usize) -> EpisodeKind {
    let (spec, settings) = (world.spec(kind), world.settings());
    let agent = settings.agent(&spec.name).expect("a listed kind has settings");
    EpisodeKind {
        decision_interval: settings.interval(agent),
        episode_limit: agent.episode_limit,
        stagger: agent.stagger,
        observation_noise: agent.observation_noise.clone(),
        action_delay: agent.action_delay,
        ..EpisodeKind::of_agent(spec)
    }
}

/// The kinds that the game does not decide for.
fn listed_kinds(world: &PooledWorld) -> impl Iterator<Item = usize> + '_ {
    (0..world.kinds().len()).filter(|&kind| world.is_listed(kind))
}

#[cfg(test)]
mod tests;
