//! Notes what some arenas of a world do, and hands out the episodes that are worth keeping.

use ludus_agent::{Episode, EpisodeRng, Rows};
use ludus_spec::Outcome;
use ludus_worlds::PooledWorld;

use super::FIRST_KIND;
use super::log::{EpisodeHead, EpisodeLog};
use super::seen;

/// What all recorders of a run have in common.
#[derive(Clone, Debug)]
pub(crate) struct RecorderSettings {
    /// What an episode's head says, but for what is the episode's own.
    pub head: EpisodeHead,
    /// Arenas to record in a world.
    pub arenas: usize,
    /// Steps of the longest episode to record.
    pub longest: usize,
}

/// Records the first arenas of a world.
///
/// A step costs one look at each of them, and a copy of what their agents do. Memory is taken once; only an episode that
/// is kept is copied.
#[derive(Debug)]
pub(crate) struct Recorder {
    settings: RecorderSettings,
    /// An episode with a return above this one is kept as the best.
    pub best_above: f32,
    /// An episode with a return below this one is kept as the worst.
    pub worst_below: f32,
    /// Whether the next episode is kept, whatever it is.
    pub wants_any: bool,
    /// The number of the present iteration.
    pub iteration: u64,
    units: Vec<Unit>,
    taken: Taken,
}

/// Episodes that were kept since they were last asked for.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub best: Option<EpisodeLog>,
    pub worst: Option<EpisodeLog>,
    pub any: Option<EpisodeLog>,
}

/// Agents whose episodes can only be repeated together: those of an arena, or all of a world without arenas.
#[derive(Debug)]
struct Unit {
    arena: Option<u32>,
    /// In the order of their members.
    rows: Vec<usize>,
    is_recording: bool,
    /// The members' episodes.
    numbers: Vec<u32>,
    actions: Vec<f32>,
    hashes: Vec<u32>,
    returns: Vec<f32>,
}

/// An episode that has just ended.
struct Ended {
    reward: f32,
    outcome: Outcome,
}

impl Recorder {
    pub fn new(world: &PooledWorld, settings: RecorderSettings) -> Self {
        let mut units = units(world);
        units.truncate(settings.arenas);
        for unit in &mut units {
            unit.actions.reserve_exact(settings.longest * unit.rows.len() * settings.head.choices.len());
            unit.hashes.reserve_exact(settings.longest + 1);
        }
        Self {
            settings,
            best_above: f32::NEG_INFINITY,
            worst_below: f32::INFINITY,
            wants_any: false,
            iteration: 0,
            units,
            taken: Taken::default(),
        }
    }

    /// Notes the step that the world has just taken, its first included.
    pub fn record(&mut self, world: &PooledWorld) {
        for index in 0..self.units.len() {
            if let Some(ended) = self.units[index].record(world, self.settings.longest) {
                self.consider(index, world, &ended);
            }
        }
    }

    /// Forgets what is going on: the world was built anew.
    pub fn restart(&mut self) {
        self.units.iter_mut().for_each(|unit| unit.is_recording = false);
    }

    /// Hands out what was kept since the last call.
    pub fn take(&mut self) -> Taken {
        std::mem::take(&mut self.taken)
    }

    fn consider(&mut self, unit: usize, world: &PooledWorld, ended: &Ended) {
        let is_best = ended.reward > self.best_above;
        let is_worst = ended.reward < self.worst_below;
        if !(is_best || is_worst || self.wants_any) || self.was_cut(unit, ended) {
            return;
        }
        let log = self.log(unit, world, ended);
        if is_best {
            self.best_above = ended.reward;
            self.taken.best = Some(log.clone());
        }
        if is_worst {
            self.worst_below = ended.reward;
            self.taken.worst = Some(log.clone());
        }
        if std::mem::take(&mut self.wants_any) {
            self.taken.any = Some(log);
        }
    }

    /// Whether it was cut short so that it would end apart from others: that says little about the policy.
    fn was_cut(&self, unit: usize, ended: &Ended) -> bool {
        let is_first = self.units[unit].numbers.get(1) == Some(&1);
        self.settings.head.stagger && is_first && ended.outcome == Outcome::Truncated
    }

    fn log(&self, unit: usize, world: &PooledWorld, ended: &Ended) -> EpisodeLog {
        let unit = &self.units[unit];
        let head = EpisodeHead {
            world: world.index(),
            seed: world.seed(),
            arena: unit.arena,
            numbers: unit.numbers.clone(),
            weights: world.rows(FIRST_KIND).weights().to_vec(),
            rows: unit.rows.len() as u32,
            steps: unit.hashes.len() as u32 - 1,
            reward: ended.reward,
            outcome: ended.outcome,
            iteration: self.iteration,
            ..self.settings.head.clone()
        };
        EpisodeLog { head, actions: unit.actions.clone(), hashes: unit.hashes.clone() }
    }
}

/// The agents of a world by what can be repeated, arenas in order.
fn units(world: &PooledWorld) -> Vec<Unit> {
    let agents = (0..world.rows(FIRST_KIND).len()).filter_map(|row| Some((home(world, row)?, row)));
    let mut agents = agents.collect::<Vec<_>>();
    agents.sort_unstable();
    let arenas = agents.chunk_by(|(one, _), (other, _)| one.arena == other.arena);
    let unit = |agents: &[(ludus_agent::Home, usize)]| Unit {
        arena: agents[0].0.arena,
        rows: agents.iter().map(|&(_, row)| row).collect(),
        is_recording: false,
        numbers: Vec::with_capacity(agents.len() + 1),
        actions: Vec::new(),
        hashes: Vec::new(),
        returns: vec![0.0; agents.len()],
    };
    let units = arenas.map(unit).collect::<Vec<_>>();
    // Agents outside arenas meet all others.
    let is_mixed = units.len() > 1 && units.iter().any(|unit| unit.arena.is_none());
    if is_mixed { Vec::new() } else { units }
}

fn home(world: &PooledWorld, row: usize) -> Option<ludus_agent::Home> {
    let agent = world.rows(FIRST_KIND).agent(row)?;
    world.world().get::<EpisodeRng>(agent).map(EpisodeRng::home)
}

impl Unit {
    /// Notes a step; what ended, if an episode did.
    fn record(&mut self, world: &PooledWorld, longest: usize) -> Option<Ended> {
        let rows = world.rows(FIRST_KIND);
        if self.begins(world) {
            self.actions.clear();
            self.hashes.clear();
            self.hashes.push(seen(rows, self.rows.iter().copied()));
            self.returns.fill(0.0);
            self.is_recording = true;
            return None;
        }
        self.is_recording &= self.hashes.len() <= longest && !self.is_spoiled(rows);
        if !self.is_recording {
            return None;
        }
        self.note(rows);
        let ended = self.ended(rows);
        self.is_recording = ended.is_none();
        ended
    }

    /// Whether all agents are in their restart step; takes the numbers of the episodes that begin.
    fn begins(&mut self, world: &PooledWorld) -> bool {
        let outcomes = world.rows(FIRST_KIND).outcomes();
        let is_idle = |&row: &usize| matches!(outcomes[row], Outcome::Restart | Outcome::Vacant);
        if !self.rows.iter().any(|&row| outcomes[row] == Outcome::Restart) || !self.rows.iter().all(is_idle) {
            return false;
        }
        self.numbers.clear();
        self.numbers.push(0);
        for index in 0..self.rows.len() {
            let Some(number) = self.starting_number(world, index) else { return false };
            self.numbers.push(number);
        }
        // An arena's own episodes are counted with those of its first agent, where they are shared.
        self.numbers[0] = self.numbers.get(1).copied().unwrap_or(1);
        true
    }

    /// The number of the episode that an agent is about to begin, if it is and came with the arena.
    fn starting_number(&self, world: &PooledWorld, index: usize) -> Option<u32> {
        let agent = world.rows(FIRST_KIND).agent(self.rows[index])?;
        let home = world.world().get::<EpisodeRng>(agent)?.home();
        let episode = world.world().get::<Episode>(agent)?;
        let is_first_here = home.arena == self.arena && home.member as usize == index + 1;
        (is_first_here && !episode.is_running() && episode.steps() == 0).then(|| episode.number())
    }

    /// Whether an agent is gone or a number was not finite.
    fn is_spoiled(&self, rows: &Rows) -> bool {
        let is_lost = |&row: &usize| rows.outcomes()[row] == Outcome::Faulty || rows.agent(row).is_none();
        self.rows.iter().any(is_lost)
    }

    fn note(&mut self, rows: &Rows) {
        let width = rows.spec().action_width();
        for (&row, sum) in self.rows.iter().zip(&mut self.returns) {
            self.actions.extend_from_slice(&rows.actions()[row * width..][..width]);
            *sum += rows.rewards()[row];
        }
        self.hashes.push(seen(rows, self.rows.iter().copied()));
    }

    fn ended(&self, rows: &Rows) -> Option<Ended> {
        let mut ended = self.rows.iter().zip(&self.returns).filter(|(row, _)| rows.outcomes()[**row].is_end());
        let (row, first) = ended.next()?;
        let (count, sum) = ended.fold((1.0, *first), |(count, sum), (_, more)| (count + 1.0, sum + more));
        Some(Ended { reward: sum / count, outcome: rows.outcomes()[*row].as_decided() })
    }
}
