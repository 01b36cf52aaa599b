//! Taking over: the keyboard decides for the selected agent, whatever its action is made of.

#[cfg(feature = "gamepad")]
mod gamepad;
mod keys;
mod overlay;

use bevy::prelude::*;
use bevy_egui::EguiContexts;
use ludus_agent::spec::AgentSpec;
use ludus_agent::{AgentSystems, Controller, Slot};

use crate::EditorCommand;
use crate::scene::{Replaying, SceneKind};
use crate::selection::Selection;

use overlay::Corner;

pub use keys::{KeyMap, key_by_name};
pub use overlay::overlay_ui;

/// The agent that the keyboard decides for.
#[derive(Resource, Default)]
pub struct TakeOver {
    row: Option<usize>,
    keys: KeyMap,
    /// Its action, as a policy would have written it.
    action: Vec<f32>,
    /// Where its keys are shown.
    corner: Corner,
}

impl TakeOver {
    /// Of nobody yet, in a game whose agents act like this.
    pub fn new(spec: &AgentSpec) -> Self {
        Self { keys: KeyMap::new(spec), ..Self::default() }
    }

    /// The agent's row.
    pub const fn row(&self) -> Option<usize> {
        self.row
    }

    /// The action of a row, if it is the one that was taken over.
    pub fn action_of(&self, row: usize) -> Option<&[f32]> {
        (self.row == Some(row)).then_some(&self.action)
    }
}

/// Adds taking over.
pub struct TakeOverPlugin;

impl Plugin for TakeOverPlugin {
    fn build(&self, app: &mut App) {
        let taken = TakeOver::new(app.world().resource::<SceneKind>().spec());
        app.insert_resource(taken);
        app.add_systems(PreUpdate, (obey, read_keys).chain());
        #[cfg(feature = "gamepad")]
        app.add_systems(PreUpdate, read_gamepads.after(read_keys));
        app.add_systems(FixedPreUpdate, act.in_set(AgentSystems::Act));
    }
}

pub fn obey(
    mut commands: MessageReader<EditorCommand>,
    (selection, replaying): (Res<Selection>, Res<Replaying>),
    mut taken: ResMut<TakeOver>,
    mut agents: Query<(&Slot, &mut Controller)>,
) {
    let before = taken.row;
    for command in commands.read() {
        match command {
            // Who acts in an episode that is played again was decided when it was logged.
            EditorCommand::TakeOver if replaying.playback().is_none() => taken.row = selection.row(),
            EditorCommand::LetGo | EditorCommand::Replay(_) => taken.row = None,
            _ => {}
        }
    }
    if before != taken.row {
        taken.action = taken.keys.resting_action();
    }
    for (slot, mut controller) in &mut agents {
        let (is_taken, was_taken) = (taken.row == Some(slot.index()), before == Some(slot.index()));
        match *controller {
            Controller::Policy if is_taken => *controller = Controller::External,
            Controller::External if was_taken && !is_taken => *controller = Controller::Policy,
            _ => {}
        }
    }
}

/// Keys are read once per image; what is held then holds for all of its ticks.
fn read_keys(keyboard: Res<ButtonInput<KeyCode>>, mut contexts: EguiContexts, mut taken: ResMut<TakeOver>) {
    let is_typing = contexts.ctx_mut().is_ok_and(|context| context.egui_wants_keyboard_input());
    if taken.row.is_some() && !is_typing {
        let TakeOver { keys, action, .. } = &mut *taken;
        keys.read(&keyboard, action);
    }
}

/// A gamepad overrules the keys as long as it is touched.
#[cfg(feature = "gamepad")]
fn read_gamepads(gamepads: Query<&bevy::input::gamepad::Gamepad>, mut taken: ResMut<TakeOver>) {
    if taken.row.is_some() {
        let TakeOver { keys, action, .. } = &mut *taken;
        gamepads.iter().for_each(|gamepad| gamepad::read(keys, gamepad, action));
    }
}

pub fn act(world: &mut World, agents: &mut QueryState<(Entity, &Slot, &Controller)>) {
    let taken = world.resource::<TakeOver>();
    let Some(row) = taken.row else { return };
    let action = taken.action.clone();
    let mut all = agents.query(world).into_iter();
    let found = all.find(|(_, slot, controller)| slot.index() == row && **controller == Controller::External);
    if let Some((agent, ..)) = found {
        let kind = world.resource::<SceneKind>().0.clone();
        kind.write_action(world, agent, &action);
    }
}
