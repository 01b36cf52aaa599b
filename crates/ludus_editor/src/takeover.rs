//! Taking over: the keyboard decides for the selected agent, whatever its action is made of.

#[cfg(feature = "gamepad")]
mod gamepad;
mod keys;

use bevy::prelude::*;
use bevy_egui::EguiContexts;
use bevy_egui::egui::{self, RichText, Ui};
use ludus_agent::spec::AgentSpec;
use ludus_agent::{AgentSystems, Controller, Slot};

use crate::scene::{Replaying, SceneKind};
use crate::selection::Selection;
use crate::{EditorCommand, theme};

pub use keys::{KeyMap, key_by_name};

/// Between the scene's edge and the keys on it [points].
const MARGIN: f32 = 12.0;

/// The agent that the keyboard decides for.
#[derive(Resource, Default)]
pub struct TakeOver {
    row: Option<usize>,
    keys: KeyMap,
    /// Its action, as a policy would have written it.
    action: Vec<f32>,
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

/// Shows which keys do what, and how to let go.
pub fn overlay_ui(ui: &mut Ui, rect: egui::Rect, world: &World) {
    let taken = world.resource::<TakeOver>();
    if taken.row.is_none() {
        return;
    }
    let place = egui::Area::new("take over".into()).order(egui::Order::Foreground);
    let corner = rect.left_bottom() + egui::vec2(MARGIN, -MARGIN);
    place.pivot(egui::Align2::LEFT_BOTTOM).fixed_pos(corner).constrain_to(rect).show(ui.ctx(), |ui| {
        egui::Frame::popup(ui.style()).show(ui, |ui| keys_ui(ui, taken));
    });
}

fn keys_ui(ui: &mut Ui, taken: &TakeOver) {
    let TakeOver { row, keys, action } = taken;
    let agent = row.map_or_else(String::new, |row| format!(" for agent {row}"));
    ui.label(RichText::new(format!("You decide{agent}")).strong().color(theme::WARN));
    egui::Grid::new("keys").num_columns(3).show(ui, |ui| {
        for control in keys.controls() {
            ui.label(RichText::new(control.keys()).monospace());
            ui.label(control.name());
            ui.label(RichText::new(control.shown(action)).monospace());
            ui.end_row();
        }
    });
    ui.label(RichText::new("Esc lets go").weak());
}
