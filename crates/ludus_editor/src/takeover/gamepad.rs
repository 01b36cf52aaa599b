//! Control with a gamepad: its sticks set continuous dimensions, its four right buttons choices.

use bevy::input::gamepad::{Gamepad, GamepadAxis, GamepadButton};

use super::keys::{ControlKind, KeyMap};

/// Sticks in the order of the dimensions.
const AXES: [GamepadAxis; 4] =
    [GamepadAxis::LeftStickX, GamepadAxis::LeftStickY, GamepadAxis::RightStickX, GamepadAxis::RightStickY];
/// Buttons in the order of the choices of the first discrete field.
const CHOICES: [GamepadButton; 4] =
    [GamepadButton::South, GamepadButton::East, GamepadButton::West, GamepadButton::North];
/// Deflection up to which a stick counts as at rest, from 0 to 1.
const DEAD_ZONE: f32 = 0.1;

/// Writes the state of a gamepad to the action, after the keys. A stick at rest and buttons that are not pressed change
/// nothing.
pub fn read(keys: &KeyMap, gamepad: &Gamepad, action: &mut [f32]) {
    let (mut axes, mut has_choices) = (AXES.iter(), true);
    for (value, control) in action.iter_mut().zip(keys.controls()) {
        match control.kind() {
            ControlKind::Axis { .. } => {
                let stick = axes.next().and_then(|axis| gamepad.get(*axis)).unwrap_or(0.0);
                *value = if stick.abs() > DEAD_ZONE { stick } else { *value };
            }
            ControlKind::Choice { names, .. } if has_choices => {
                has_choices = false;
                let pressed = CHOICES.iter().take(names.len()).position(|button| gamepad.just_pressed(*button));
                *value = pressed.map_or(*value, |choice| choice as f32);
            }
            ControlKind::Choice { .. } => {}
        }
    }
}
