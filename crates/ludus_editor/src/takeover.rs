//! Taking over: the keyboard decides for the selected agent, whatever its action is made of.

#[cfg(feature = "gamepad")]
mod gamepad;
mod keys;
mod overlay;

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

pub use keys::{KeyMap, key_by_name};
pub use overlay::overlay_ui;

/// The agent that the keyboard decides for.
#[derive(Resource, Default)]
pub struct TakeOver {
    agent: Option<AgentId>,
    /// The keys of each kind of agents.
    keys: Vec<KeyMap>,
    /// Its action, as a policy would have written it.
    action: Vec<f32>,
    /// Where its keys are shown.
    corner: Corner,
}

impl TakeOver {
    /// Of nobody yet, in a game whose kinds of agents act like this.
    pub fn new<'a>(specs: impl Iterator<Item = &'a Arc<AgentSpec>>) -> Self {
        Self { keys: specs.map(|spec| KeyMap::new(spec)).collect(), ..Self::default() }
    }

    /// The agent.
    pub const fn agent(&self) -> Option<AgentId> {
        self.agent
    }

    /// The action of an agent, if it is the one that was taken over.
    pub fn action_of(&self, agent: AgentId) -> Option<&[f32]> {
        (self.agent == Some(agent)).then_some(&self.action)
    }

    /// The keys of the agent, and its action.
    fn controls(&mut self) -> Option<(&KeyMap, &mut [f32])> {
        Some((self.keys.get(self.agent?.kind)?, &mut self.action))
    }
}

/// Adds taking over.
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
    (selection, replaying): (Res<Selection>, Res<Replaying>),
    (rules, ids): (Res<RunRules>, Res<SceneAgents>),
    mut taken: ResMut<TakeOver>,
    mut controllers: Query<&mut Controller>,
) {
    let before = taken.agent;
    for command in commands.read() {
        match command {
            // Who acts in an episode that is played again was decided when it was logged.
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

/// Keys are read once per image; what is held then holds for all of its ticks.
fn read_keys(keyboard: Res<ButtonInput<KeyCode>>, mut contexts: EguiContexts, mut taken: ResMut<TakeOver>) {
    let is_typing = contexts.ctx_mut().is_ok_and(|context| context.egui_wants_keyboard_input());
    if let Some((keys, action)) = taken.controls().filter(|_| !is_typing) {
        keys.read(&keyboard, action);
    }
}

/// A gamepad overrules the keys as long as it is touched.
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
