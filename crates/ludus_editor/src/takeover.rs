//! Keyboard and gamepad control of the selected agent, for any kind of action.

#[cfg(feature = "gamepad")]
mod gamepad;
mod keys;
mod overlay;

use std::path::PathBuf;
use std::sync::Arc;

use bevy::prelude::*;
use bevy_egui::EguiContexts;
use ludus_agent::spec::AgentSpec;
use ludus_agent::{AgentSystems, Controller};

use crate::EditorCommand;
use crate::scene::{AgentsFound, Replaying, RunRules, SceneAgents, SceneKinds};
use crate::selection::Selection;
use crate::snapshot::AgentId;

use overlay::Corner;

pub use keys::{KeyMap, key_by_name, key_names};
pub use overlay::overlay_ui;

/// The agent that the keyboard controls, and its action.
#[derive(Resource, Default)]
pub struct TakeOver {
    agent: Option<AgentId>,
    /// The keys of each kind of agents.
    keys: Vec<KeyMap>,
    /// The action of the agent, one number for each column of the action's row.
    action: Vec<f32>,
    /// The corner of the scene in which the keys are shown.
    corner: Corner,
    /// The folder to which episodes with a person's decisions are recorded, if they are.
    recorded_to: Option<PathBuf>,
}

impl TakeOver {
    /// Returns the keys of each kind of agents, with no agent taken over.
    pub fn new<'a>(specs: impl Iterator<Item = &'a Arc<AgentSpec>>) -> Self {
        Self { keys: specs.map(|spec| KeyMap::new(spec)).collect(), ..Self::default() }
    }

    /// Shows that episodes with a person's decisions are recorded to this folder.
    pub fn record_to(&mut self, folder: PathBuf) {
        self.recorded_to = Some(folder);
    }

    /// The agent that is taken over.
    pub const fn agent(&self) -> Option<AgentId> {
        self.agent
    }

    /// The action of an agent; `None` unless it is the one that was taken over.
    pub fn action_of(&self, agent: AgentId) -> Option<&[f32]> {
        (self.agent == Some(agent)).then_some(&self.action)
    }

    /// The keys of the agent that is taken over, and its action to write.
    fn controls(&mut self) -> Option<(&KeyMap, &mut [f32])> {
        Some((self.keys.get(self.agent?.kind)?, &mut self.action))
    }
}

/// Adds the control of agents by keyboard and gamepad.
pub struct TakeOverPlugin;

impl Plugin for TakeOverPlugin {
    fn build(&self, app: &mut App) {
        let taken = TakeOver::new(app.world().resource::<SceneKinds>().specs());
        app.insert_resource(taken);
        app.add_systems(PreUpdate, (obey, read_keys).chain().after(AgentsFound));
        #[cfg(feature = "gamepad")]
        app.add_systems(PreUpdate, read_gamepads.after(read_keys));
        app.add_systems(FixedPreUpdate, act.in_set(AgentSystems::Act));
    }
}

pub fn obey(
    mut commands: MessageReader<EditorCommand>,
    selection: Res<Selection>,
    replaying: Res<Replaying>,
    rules: Res<RunRules>,
    ids: Res<SceneAgents>,
    mut taken: ResMut<TakeOver>,
    mut controllers: Query<&mut Controller>,
) {
    let before = taken.agent;
    for command in commands.read() {
        match command {
            // The actions of a replay are those of its log.
            EditorCommand::TakeOver if replaying.playback().is_none() => {
                taken.agent = selection.agent().filter(|agent| rules.is_driven(agent.kind));
            }
            EditorCommand::LetGo | EditorCommand::Replay(_) => taken.agent = None,
            _ => {}
        }
    }
    let mut hand_over = |agent: Option<AgentId>, from: Controller, to: Controller| {
        let controller = agent.and_then(|agent| controllers.get_mut(ids.entity(agent)?).ok());
        if let Some(mut controller) = controller.filter(|controller| **controller == from) {
            *controller = to;
        }
    };
    if before != taken.agent {
        taken.action =
            taken.agent.and_then(|agent| taken.keys.get(agent.kind)).map_or(Vec::new(), KeyMap::resting_action);
        hand_over(before, Controller::External, Controller::Policy);
    }
    hand_over(taken.agent, Controller::Policy, Controller::External);
}

/// Reads the keys once per image. The action then holds for all ticks of the image.
fn read_keys(keyboard: Res<ButtonInput<KeyCode>>, mut contexts: EguiContexts, mut taken: ResMut<TakeOver>) {
    let is_typing = contexts.ctx_mut().is_ok_and(|context| context.egui_wants_keyboard_input());
    if let Some((keys, action)) = taken.controls().filter(|_| !is_typing) {
        keys.read(&keyboard, action);
    }
}

/// Reads the gamepads. A gamepad in use overrides the keys.
#[cfg(feature = "gamepad")]
fn read_gamepads(gamepads: Query<&bevy::input::gamepad::Gamepad>, mut taken: ResMut<TakeOver>) {
    if let Some((keys, action)) = taken.controls() {
        gamepads.iter().for_each(|gamepad| gamepad::read(keys, gamepad, action));
    }
}

pub fn act(world: &mut World) {
    let (taken, kinds) = (world.resource::<TakeOver>(), world.resource::<SceneKinds>());
    let Some(id) = taken.agent else { return };
    let Some(agent) = kinds.entity(world, id) else { return };
    if world.get::<Controller>(agent) == Some(&Controller::External) {
        let (kind, action) = (kinds[id.kind].clone(), taken.action.clone());
        kind.write_action(world, agent, &action);
    }
}
