//! Replay of a run's episode on screen: forwards, backwards, from any step.
//!
//! The replay runs in the game on screen, so that the game's visuals and all panels show it like any other episode: its
//! arena alone, at its own place, with the actions of its log. The result of every step is compared with the log. A
//! world can't run backwards: to go back, the episode is replayed from its start, within one image. Before each start
//! the world is reset (`WorldReset`), so that the episode begins in the same state as on the command line: that of a
//! new world.

mod playback;

use core::ops::Range;

use bevy::prelude::*;
use ludus_agent::{Episode, EpisodeRng, InArena, Rows, StepClock, WorldReset};
use ludus_train::replay::EpisodeLog;

use super::{SceneKinds, Stage, replayed_arenas, rules_now};
use crate::snapshot::{AgentId, RunsSnapshot};
use crate::timeline::{Pace, Timeline};
use crate::{Direction, EditorCommand};

use playback::AgentEpisode;
pub use playback::Playback;

/// The replay on screen, if there is one.
#[derive(Resource, Default)]
pub struct Replaying {
    playback: Option<Playback>,
    /// True if the stage has yet to be set for the replay, or for the run after its end.
    is_stale: bool,
}

/// The systems that carry out replay commands, before the game's clock is set.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReplaySystems;

impl Replaying {
    /// The replay with its position.
    pub const fn playback(&self) -> Option<&Playback> {
        self.playback.as_ref()
    }

    /// The log of the replay, if there is one.
    pub fn log(&self) -> Option<&EpisodeLog> {
        self.playback.as_ref().map(Playback::log)
    }

    /// Index of the world and indices of the arenas in which the replay runs.
    pub fn place(&self) -> Option<(u32, Range<u32>)> {
        self.log().map(|log| (log.head.world, replayed_arenas(&log.head)))
    }

    /// Number of ticks in this image; `None` if the clock or the user decides it.
    pub fn ticks_due(&self) -> Option<u32> {
        self.playback.as_ref().and_then(Playback::ticks_due)
    }

    /// Starts the replay of an episode.
    pub fn begin(&mut self, playback: Playback) {
        (self.playback, self.is_stale) = (Some(playback), true);
    }

    fn end(&mut self) {
        self.is_stale |= self.playback.take().is_some();
    }

    fn seek(&mut self, step: u32) {
        self.is_stale |= self.playback.as_mut().is_some_and(|playback| playback.seek(step));
    }

    fn step_back(&mut self) {
        if let Some(playback) = &mut self.playback {
            playback.turn(Direction::Backwards);
            let before = playback.step_before();
            self.seek(before);
        }
    }

    fn turn(&mut self, direction: Direction) {
        if let Some(playback) = &mut self.playback {
            playback.turn(direction);
        }
    }

    /// Restarts the replay if it is at its end.
    fn go_on(&mut self) {
        if self.playback.as_ref().is_some_and(Playback::is_at_end) {
            self.seek(0);
        }
    }
}

/// Carries out the commands about replays.
pub fn obey(
    mut commands: MessageReader<EditorCommand>,
    kinds: Res<SceneKinds>,
    mut replaying: ResMut<Replaying>,
    mut timeline: ResMut<Timeline>,
    mut runs: ResMut<RunsSnapshot>,
) {
    for command in commands.read() {
        match command {
            EditorCommand::Replay(path) => match Playback::open(path, &kinds.specs().cloned().collect::<Vec<_>>()) {
                Ok(playback) => {
                    replaying.begin(playback);
                    timeline.leave_end();
                    runs.trouble = None;
                }
                Err(sentence) => runs.trouble = Some(sentence),
            },
            EditorCommand::SeekReplay(step) => replaying.seek(*step),
            EditorCommand::StepBack => replaying.step_back(),
            EditorCommand::PlayReplay(direction) => {
                replaying.turn(*direction);
                replaying.go_on();
            }
            EditorCommand::SetPace(pace) if *pace != Pace::Paused => replaying.go_on(),
            EditorCommand::StepTick | EditorCommand::StepDecision => replaying.turn(Direction::Forwards),
            EditorCommand::EndReplay | EditorCommand::ShowArena { .. } | EditorCommand::ShowArenas(_) => {
                replaying.end();
            }
            _ => {}
        }
    }
}

/// Moves a replay that plays backwards, at the present pace.
pub fn go_back(
    real: Res<Time<Real>>,
    fixed: Res<Time<Fixed>>,
    timeline: Res<Timeline>,
    mut replaying: ResMut<Replaying>,
) {
    let ticks = match timeline.pace() {
        Pace::Paused => return,
        Pace::Times(times) => times * real.delta_secs() / fixed.timestep().as_secs_f32(),
        Pace::Unlimited => f32::INFINITY,
    };
    if let Some(step) = replaying.playback.as_mut().and_then(|playback| playback.step_back_by(ticks)) {
        replaying.seek(step);
    }
}

/// Pauses the game when the replay has nothing more to play in its direction.
pub fn stop(replaying: Res<Replaying>, mut timeline: ResMut<Timeline>) {
    if replaying.playback().is_some_and(Playback::is_over) {
        timeline.stop_at_end();
    }
}

/// Starts a step with the next tick, in which the stage is set, by the rules of the replay or of the run. Does nothing
/// unless a replay was started, ended, or has to start again.
pub fn set_rules(world: &mut World) {
    let mut replaying = world.resource_mut::<Replaying>();
    if !core::mem::take(&mut replaying.is_stale) {
        return;
    }
    let rules = rules_now(world);
    world.resource_mut::<Stage>().is_stale = true;
    world.resource_mut::<StepClock>().begin_step(rules.ticks_per_step);
    rules.apply(world);
}

/// Brings agents outside any arena to the logged episode: their present episode is truncated, and the next has its
/// number.
///
/// The world is reset again before the episode starts, so that nothing is left of the steps before it.
pub fn lead_in(
    replaying: Res<Replaying>,
    mut homeless: Query<(&mut Episode, &EpisodeRng), Without<InArena>>,
    mut commands: Commands,
) {
    let Some(playback) = replaying.playback().filter(|playback| !playback.has_begun()) else { return };
    if homeless.iter().any(|(episode, _)| episode.has_ended()) {
        commands.trigger(WorldReset);
        // The agents restart in this step.
        commands.queue(|world: &mut World| rules_now(world).restart(world));
    }
    // Only once: the next episode is the logged one.
    for (mut episode, rng) in homeless.iter_mut().filter(|(episode, _)| episode.is_running()) {
        if let Some(&number) = playback.log().head.numbers.get(rng.home().member as usize) {
            episode.truncate();
            episode.skip_to(number);
        }
    }
}

/// Replaces the actions of policies with those of the log, on a step's first tick.
pub fn act(world: &mut World, agents: &mut QueryState<&EpisodeRng>) {
    if !world.resource::<StepClock>().is_first_tick() {
        return;
    }
    let of = rows_of(world, agents);
    let kinds = world.resource::<SceneKinds>().clone();
    world.resource_scope(|world, replaying: Mut<Replaying>| {
        let Some(playback) = replaying.playback() else { return };
        for (index, KindRows { kind, rows: of }) in of.iter().enumerate() {
            if let Some(actions) = playback.actions(index) {
                write_actions(kinds[*kind].rows_mut(world), of, actions);
            }
        }
    });
}

fn write_actions(rows: &mut Rows, of: &[usize], actions: &[f32]) {
    let width = rows.spec().action_width();
    for (&row, action) in of.iter().zip(actions.chunks_exact(width)) {
        rows.actions_mut()[row * width..][..width].copy_from_slice(action);
    }
}

/// Updates the position of the replay after every tick, and compares it with the log at the end of a step.
pub fn follow(
    world: &mut World,
    agents: &mut QueryState<&EpisodeRng>,
    episodes: &mut QueryState<(&Episode, &EpisodeRng)>,
) {
    let is_last_tick = world.resource::<StepClock>().is_last_tick();
    let Some(playback) = &mut world.resource_mut::<Replaying>().playback else { return };
    // A seek makes thousands of ticks in one image, so agents are queried only at the end of a step.
    if !is_last_tick {
        return playback.end_tick();
    }
    let of = rows_of(world, agents);
    let kinds = world.resource::<SceneKinds>().clone();
    let starts = starts_of(world, &kinds, &of, episodes);
    world.resource_scope(|world, mut replaying: Mut<Replaying>| {
        let Some(playback) = &mut replaying.playback else { return };
        let shown = of.iter().map(|of| (kinds[of.kind].rows(world), &of.rows[..])).collect::<Vec<_>>();
        playback.end_step(&shown, &starts);
        if playback.is_at_end() {
            // Further ticks in this image would belong to another episode.
            let mut fixed = world.resource_mut::<Time<Fixed>>();
            let overstep = fixed.overstep();
            fixed.discard_overstep(overstep);
        }
    });
}

/// The rows of the episode's agents of a kind, in the order of their members.
struct KindRows {
    /// The kind, as an index among those on screen.
    kind: usize,
    rows: Vec<usize>,
}

/// The rows of the episode's agents, for each kind of the log; none without an episode.
fn rows_of(world: &World, agents: &mut QueryState<&EpisodeRng>) -> Vec<KindRows> {
    let Some(playback) = world.resource::<Replaying>().playback() else { return Vec::new() };
    let (arena, kinds) = (playback.log().head.arena, world.resource::<SceneKinds>());
    let all = agents.query(world);
    let of_kind = |&kind: &usize| {
        let member = |(id, agent): (AgentId, Entity)| {
            let home = all.get(agent).ok()?.home();
            (home.arena == arena).then_some((home.member, id.row))
        };
        let mut rows = kinds.agents(world, kind).filter_map(member).collect::<Vec<_>>();
        rows.sort_unstable();
        KindRows { kind, rows: rows.into_iter().map(|(_, row)| row).collect() }
    };
    playback.kinds().iter().map(of_kind).collect()
}

/// Returns the position of each of these agents in its episode.
fn starts_of(
    world: &World,
    kinds: &SceneKinds,
    of: &[KindRows],
    episodes: &mut QueryState<(&Episode, &EpisodeRng)>,
) -> Vec<AgentEpisode> {
    let all = episodes.query(world);
    let ids = of.iter().flat_map(|of| of.rows.iter().map(|&row| AgentId { kind: of.kind, row }));
    let found = ids.filter_map(|id| all.get(kinds.entity(world, id)?).ok());
    let at = |(episode, rng): (&Episode, &EpisodeRng)| AgentEpisode {
        member: rng.home().member as usize,
        number: episode.number(),
        steps: episode.steps(),
    };
    found.map(at).collect()
}
