//! An episode of a run, played again on screen: forwards, backwards, from any step.
//!
//! It is played in the game on screen, so that the game's visuals and all panels show it as they show everything else:
//! its arena alone, at its own place, with the actions of its log. What comes of every step is compared with the log.
//! A world can't be wound back: to go back, the episode is played again from its start, within one image. Each time the
//! world is reset before it (`WorldReset`), so that it begins in what the command line begins in: a new world.

mod playback;

use core::ops::Range;

use bevy::prelude::*;
use ludus_agent::{Episode, EpisodeRng, InArena, Rows, Slot, StepClock, WorldReset};
use ludus_train::replay::{EpisodeHead, EpisodeLog};

use super::{RunRules, SceneKind, Stage, replayed_arenas};
use crate::EditorCommand;
use crate::snapshot::{RunsSnapshot, SceneSnapshot};
use crate::timeline::{Pace, Timeline};

pub use playback::{Direction, Playback};

/// The episode that is played again, if one is.
#[derive(Resource, Default)]
pub struct Replaying {
    playback: Option<Playback>,
    /// Whether the stage is still to be set for what is to be shown.
    is_stale: bool,
}

/// What hears about replays and moves them; before the game's clock is set.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReplaySystems;

impl Replaying {
    /// The episode, and where it is.
    pub const fn playback(&self) -> Option<&Playback> {
        self.playback.as_ref()
    }

    /// What is played, if anything is.
    pub fn log(&self) -> Option<&EpisodeLog> {
        self.playback.as_ref().map(Playback::log)
    }

    /// The world and the arenas that it is played in.
    pub fn place(&self) -> Option<(u32, Range<u32>)> {
        self.log().map(|log| (log.head.world, replayed_arenas(&log.head)))
    }

    /// Ticks that this image is to make, where neither the clock nor a hand decides that.
    pub fn ticks_due(&self) -> Option<u32> {
        self.playback.as_ref().and_then(Playback::ticks_due)
    }

    /// Plays an episode from its start.
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

    /// Time is to go on: at the end, from the start.
    fn go_on(&mut self) {
        if self.playback.as_ref().is_some_and(Playback::is_at_end) {
            self.seek(0);
        }
    }
}

/// Does what was asked for.
pub fn obey(
    mut commands: MessageReader<EditorCommand>,
    scene: Res<SceneSnapshot>,
    (mut replaying, mut timeline): (ResMut<Replaying>, ResMut<Timeline>),
    mut runs: ResMut<RunsSnapshot>,
) {
    for command in commands.read() {
        match command {
            EditorCommand::Replay(path) => match Playback::open(path, &scene.spec) {
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

/// Goes back by as much as the pace asks for.
pub fn go_back(
    (real, fixed): (Res<Time<Real>>, Res<Time<Fixed>>),
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

/// Pauses where there is nothing more to play.
pub fn stop(replaying: Res<Replaying>, mut timeline: ResMut<Timeline>) {
    if replaying.playback().is_some_and(Playback::is_over) {
        timeline.stop_at_end();
    }
}

/// Lets the next tick begin a step in which the stage is set, by the rules that hold for what is shown.
pub fn set_rules(world: &mut World) {
    let mut replaying = world.resource_mut::<Replaying>();
    if !core::mem::take(&mut replaying.is_stale) {
        return;
    }
    let rules = world.resource::<Replaying>().log().map(|log| RunRules::of_episode(&log.head));
    let rules = rules.unwrap_or_else(|| world.resource::<RunRules>().clone());
    world.resource_mut::<Stage>().is_stale = true;
    world.resource_mut::<StepClock>().begin_step(rules.decision_interval);
    let kind = world.resource::<SceneKind>().0.clone();
    rules.apply(kind.rows_mut(world));
}

/// Agents outside any arena stay where the arenas go: they come to the episode by an end of their present one.
///
/// The world is reset again before the episode starts, so that it finds nothing of what they did on the way.
pub fn lead_in(
    replaying: Res<Replaying>,
    mut homeless: Query<(&mut Episode, &EpisodeRng), Without<InArena>>,
    mut commands: Commands,
) {
    let Some(playback) = replaying.playback().filter(|playback| !playback.has_begun()) else { return };
    if homeless.iter().any(|(episode, _)| episode.has_ended()) {
        commands.trigger(WorldReset);
    }
    // Once: the episode that begins by it is the wanted one.
    for (mut episode, rng) in homeless.iter_mut().filter(|(episode, _)| episode.is_running()) {
        if let Some(&number) = playback.log().head.numbers.get(rng.home().member as usize) {
            episode.truncate();
            episode.skip_to(number);
        }
    }
}

type Players<'a> = (&'a Slot, &'a EpisodeRng);

/// On a step's first tick: the log's actions take the place of what a policy made of it.
pub fn act(world: &mut World, agents: &mut QueryState<Players>) {
    if !world.resource::<StepClock>().is_first_tick() {
        return;
    }
    let of = rows_of(world, agents);
    let kind = world.resource::<SceneKind>().0.clone();
    world.resource_scope(|world, replaying: Mut<Replaying>| {
        if let Some(actions) = replaying.playback().and_then(Playback::actions) {
            write_actions(kind.rows_mut(world), &of, actions);
        }
    });
}

fn write_actions(rows: &mut Rows, of: &[usize], actions: &[f32]) {
    let width = rows.spec().action_width();
    for (&row, action) in of.iter().zip(actions.chunks_exact(width)) {
        rows.actions_mut()[row * width..][..width].copy_from_slice(action);
    }
}

/// After every tick: where the episode is now, and whether it is still what was logged.
pub fn follow(world: &mut World, agents: &mut QueryState<Players>, episodes: &mut QueryState<&Episode>) {
    let is_last_tick = world.resource::<StepClock>().is_last_tick();
    let Some(playback) = &mut world.resource_mut::<Replaying>().playback else { return };
    // Seeking makes thousands of ticks in one image: only those that end a step look at agents.
    if !is_last_tick {
        return playback.end_tick();
    }
    let of = rows_of(world, agents);
    let kind = world.resource::<SceneKind>().0.clone();
    let numbers = of.iter().filter_map(|&row| episodes.get(world, kind.rows(world).agent(row)?).ok());
    let numbers = numbers.map(|episode| (episode.number(), episode.steps())).collect::<Vec<_>>();
    world.resource_scope(|world, mut replaying: Mut<Replaying>| {
        let Some(playback) = &mut replaying.playback else { return };
        playback.end_step(kind.rows(world), &of, &numbers);
        if playback.is_at_end() {
            // Whatever the clock still asks for in this image would be another episode.
            let mut fixed = world.resource_mut::<Time<Fixed>>();
            let overstep = fixed.overstep();
            fixed.discard_overstep(overstep);
        }
    });
}

/// The rows of the episode's agents, in the order in which the log has them; none without an episode.
fn rows_of(world: &mut World, agents: &mut QueryState<Players>) -> Vec<usize> {
    let Some(arena) = world.resource::<Replaying>().log().map(|log| log.head.arena) else { return Vec::new() };
    let all = agents.query(world);
    let of_arena = all.iter().filter(|(_, rng)| rng.home().arena == arena);
    let mut rows = of_arena.map(|(slot, rng)| (rng.home().member, slot.index())).collect::<Vec<_>>();
    rows.sort_unstable();
    rows.into_iter().map(|(_, row)| row).collect()
}

impl RunRules {
    fn of_episode(head: &EpisodeHead) -> Self {
        Self {
            decision_interval: head.decision_interval,
            weights: head.weights.clone(),
            episode_limit: head.episode_limit,
        }
    }
}
