//! Runs a script's steps: by the editor's commands, or by input events of mouse and keyboard.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bevy::input::ButtonState;
use bevy::input::keyboard::{Key, KeyboardInput, NativeKey};
use bevy::input::mouse::MouseButtonInput;
use bevy::prelude::*;
use bevy::render::view::screenshot::{Screenshot, save_to_disk};
use bevy::window::{CursorMoved, PrimaryWindow};
use ludus_agent::StepClock;
use ludus_train::session::SessionCommand;

use super::{Step, names};
use crate::dock::Dock;
use crate::scene::SceneKinds;
use crate::selection::ShownKind;
#[cfg(feature = "tune")]
use crate::snapshot::SearchesSnapshot;
use crate::snapshot::{AgentId, RunsSnapshot, SceneSnapshot};
use crate::takeover::key_by_name;
use crate::training::Training;
use crate::viewport::seen_at;
use crate::{Direction, EditorCommand, Pace};

/// Number of images that a screenshot waits for, so that it shows the effects of earlier steps.
const SETTLING: u32 = 4;

/// The time since the present step began.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Number of images before this one.
    pub image: u32,
    /// Time \[s\].
    pub seconds: f64,
}

/// The flag that is set when the present screenshot is written; `None` without one.
#[derive(Resource, Default)]
pub struct Shots(Option<Arc<AtomicBool>>);

/// Runs a step, or waits for it. Returns true if it is done.
pub fn act(world: &mut World, step: &Step, now: Moment) -> bool {
    match step {
        Step::WaitSeconds(seconds) => now.seconds >= *seconds,
        Step::WaitTicks(ticks) => world.resource::<StepClock>().ticks() >= *ticks,
        Step::WaitSteps(steps) => world.resource::<Training>().snapshot().steps() >= *steps,
        Step::WaitForEnd => !world.resource::<Training>().snapshot().state.is_live(),
        Step::ClickAgent(row) => click(world, of_shown_kind(world, *row), now.image),
        Step::ShowKind(name) => show_kind(world, name),
        Step::Parameter(name, value) => set_parameter(world, name, *value),
        Step::Press(name) => key(world, name, ButtonState::Pressed),
        Step::Release(name) => key(world, name, ButtonState::Released),
        Step::ResumeRun(name) => resume(world, name),
        Step::Replay(name) => replay(world, name),
        Step::WaitForReplay(step) => is_replay_at(world, *step),
        #[cfg(feature = "tune")]
        Step::ShowSearch(name) => show_search(world, name),
        #[cfg(feature = "tune")]
        Step::ChooseTrial(trial) => choose_trial(world, *trial),
        Step::ShowPanel(title) => {
            world.resource_mut::<Dock>().show(title);
            true
        }
        Step::Screenshot(path) => screenshot(world, path, now.image),
        Step::Quit => {
            world.write_message(AppExit::Success);
            true
        }
        _ => {
            let kind = world.resource::<ShownKind>().0;
            world.write_message_batch(command(step, kind));
            true
        }
    }
}

/// The agent in this row of the kind that is shown.
fn of_shown_kind(world: &World, row: usize) -> AgentId {
    AgentId { kind: world.resource::<ShownKind>().0, row }
}

/// Shows the kind of agents with this name. Returns false, so that the step waits until it times out, if there is none.
fn show_kind(world: &mut World, name: &str) -> bool {
    let Some(kind) = world.resource::<SceneKinds>().specs().position(|spec| spec.name == name) else { return false };
    // Set at once, since the steps that follow use it.
    world.resource_mut::<ShownKind>().0 = kind;
    true
}

/// Sets the episode parameter with this name. Returns false, so that the step waits until it times out, if there is none.
fn set_parameter(world: &mut World, name: &str, value: f32) -> bool {
    let parameters = &world.resource::<SceneSnapshot>().parameters;
    if parameters.iter().all(|shown| shown.parameter.name != name) {
        return false;
    }
    world.write_message(EditorCommand::SetParameter { name: name.to_owned(), value: Some(value) });
    true
}

/// Returns the command that a step sends while this kind of agents is shown.
fn command(step: &Step, kind: usize) -> Option<EditorCommand> {
    Some(match step {
        Step::StartTraining => EditorCommand::StartTraining,
        Step::PauseTraining => EditorCommand::Training(SessionCommand::Pause),
        Step::GoOn => EditorCommand::Training(SessionCommand::GoOn),
        Step::SaveTraining => EditorCommand::Training(SessionCommand::Save),
        Step::StopTraining => EditorCommand::Training(SessionCommand::Stop),
        Step::LearningRate(rate) => EditorCommand::Training(SessionCommand::SetLearningRate { kind, rate: *rate }),
        Step::Weight(term, weight) => {
            EditorCommand::Training(SessionCommand::SetWeight { kind, term: *term, weight: *weight })
        }
        Step::Select(row) => EditorCommand::Select(AgentId { kind, row: *row }),
        Step::TakeOver => EditorCommand::TakeOver,
        Step::LetGo => EditorCommand::LetGo,
        Step::Pause => EditorCommand::SetPace(Pace::Paused),
        Step::Pace(times) => EditorCommand::SetPace(Pace::Times(*times)),
        Step::Unlimited => EditorCommand::SetPace(Pace::Unlimited),
        Step::NextTick => EditorCommand::StepTick,
        Step::NextDecision => EditorCommand::StepDecision,
        Step::ShowArenas(count) => EditorCommand::ShowArenas(*count),
        Step::ShowArena(world, arena) => EditorCommand::ShowArena { world: *world, arena: *arena },
        Step::LoadPolicy(path) => EditorCommand::LoadPolicy(path.clone()),
        Step::Compare(path) => EditorCommand::Compare(path.clone()),
        Step::PlayAgainst(path) => EditorCommand::PlayAgainst(path.clone()),
        Step::StopComparing => EditorCommand::StopComparing,
        Step::SeekReplay(step) => EditorCommand::SeekReplay(*step),
        Step::PlayBackwards => EditorCommand::PlayReplay(Direction::Backwards),
        Step::PlayForwards => EditorCommand::PlayReplay(Direction::Forwards),
        Step::StepBack => EditorCommand::StepBack,
        Step::EndReplay => EditorCommand::EndReplay,
        _ => return None,
    })
}

/// Resumes the run with this name. Returns false, so that the step waits, as long as there is none.
fn resume(world: &mut World, name: &str) -> bool {
    let found = world.resource::<Training>().run_named(name);
    let is_found = found.is_some();
    world.write_message_batch(found.map(EditorCommand::ResumeRun));
    is_found
}

/// Starts the replay of the episode with this name. Returns false, so that the step waits, until the run folders were
/// read.
fn replay(world: &mut World, name: &str) -> bool {
    let found = names::episode(world.resource::<RunsSnapshot>(), name);
    let command = found.map(EditorCommand::Replay);
    let is_found = command.is_some();
    world.write_message_batch(command);
    is_found
}

/// Shows the search with this name. Returns false, so that the step waits, as long as there is none.
#[cfg(feature = "tune")]
fn show_search(world: &mut World, name: &str) -> bool {
    let mut folders = world.resource::<SearchesSnapshot>().folders.iter();
    let found = if name == "latest" { folders.next() } else { folders.find(|folder| folder.ends_with(name)) };
    let command = found.map(|folder| EditorCommand::ShowSearch(folder.clone()));
    let is_found = command.is_some();
    world.write_message_batch(command);
    is_found
}

/// Chooses the trial with this number. Returns false, so that the step waits, until the trial has ended.
#[cfg(feature = "tune")]
fn choose_trial(world: &mut World, trial: u64) -> bool {
    let has_ended = world.resource::<SearchesSnapshot>().has_trial(trial);
    if has_ended {
        world.write_message(EditorCommand::ChooseTrial(trial));
    }
    has_ended
}

fn is_replay_at(world: &World, step: u32) -> bool {
    world.resource::<SceneSnapshot>().replay.as_ref().is_some_and(|replay| match replay.direction {
        Direction::Forwards => replay.step >= step,
        Direction::Backwards => replay.step <= step,
    })
}

/// Moves the pointer to an agent and clicks: press in one image, release in the next. Waits until the agent is visible.
fn click(world: &mut World, agent: AgentId, image: u32) -> bool {
    let Some((window, position)) = window(world).zip(seen_at(world, agent)) else { return false };
    // Agents move; a pointer that follows one while it is pressed is a drag.
    if image < 2 {
        world.write_message(CursorMoved { window, position, delta: None });
        return false;
    }
    let state = if image == 2 { ButtonState::Pressed } else { ButtonState::Released };
    world.write_message(MouseButtonInput { button: MouseButton::Left, state, window });
    state == ButtonState::Released
}

fn window(world: &mut World) -> Option<Entity> {
    world.query_filtered::<Entity, With<PrimaryWindow>>().single(world).ok()
}

fn key(world: &mut World, name: &str, state: ButtonState) -> bool {
    let Some((key_code, window)) = key_by_name(name).zip(window(world)) else { return false };
    let logical_key = match name {
        "Ctrl" => Key::Control,
        "+" | "-" => Key::Character(name.into()),
        _ => Key::Unidentified(NativeKey::Unidentified),
    };
    world.write_message(KeyboardInput { key_code, logical_key, state, text: None, repeat: false, window });
    true
}

/// Takes a screenshot, and waits until its file is written.
fn screenshot(world: &mut World, path: &Path, image: u32) -> bool {
    if image < SETTLING {
        return false;
    }
    if let Some(written) = &world.resource::<Shots>().0 {
        let is_written = written.load(Ordering::Relaxed);
        if is_written {
            world.resource_mut::<Shots>().0 = None;
        }
        return is_written;
    }
    let written = Arc::new(AtomicBool::new(false));
    world.resource_mut::<Shots>().0 = Some(written.clone());
    let path: PathBuf = path.to_owned();
    let mut save = save_to_disk(path);
    world.spawn(Screenshot::primary_window()).observe(
        move |shot: On<bevy::render::view::screenshot::ScreenshotCaptured>| {
            save(shot);
            written.store(true, Ordering::Relaxed);
        },
    );
    false
}
