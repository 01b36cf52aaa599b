//! Scale of the panels: Ctrl with + and − changes it, Ctrl with 0 resets it.

use bevy::ecs::message::MessageReader;
use bevy::input::keyboard::{Key, KeyboardInput};
use bevy::prelude::*;
use bevy_egui::EguiContexts;

/// Change of the scale per key press.
const STEP: f32 = 0.1;
/// The smallest and the largest scale at which a panel can be used.
const RANGE: [f32; 2] = [0.5, 3.0];

/// The change of scale of a key press.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Zoom {
    In,
    Out,
    Reset,
}

/// Scales all panels. The scene's cameras are not affected.
pub fn zoom(mut presses: MessageReader<KeyboardInput>, keys: Res<ButtonInput<KeyCode>>, mut contexts: EguiContexts) {
    let command = [KeyCode::ControlLeft, KeyCode::ControlRight, KeyCode::SuperLeft, KeyCode::SuperRight];
    let is_command = keys.any_pressed(command);
    for zoom in presses.read().filter(|press| is_command && press.state.is_pressed()).filter_map(asked) {
        if let Ok(context) = contexts.ctx_mut() {
            context.set_zoom_factor(zoom.applied(context.zoom_factor()));
        }
    }
}

/// Returns the change of scale of a key, by the character that it types or by its place on the number pad.
fn asked(press: &KeyboardInput) -> Option<Zoom> {
    match (&press.logical_key, press.key_code) {
        (_, KeyCode::NumpadAdd) => Some(Zoom::In),
        (_, KeyCode::NumpadSubtract) => Some(Zoom::Out),
        (_, KeyCode::Numpad0) => Some(Zoom::Reset),
        (Key::Character(letter), _) => match letter.as_str() {
            "+" | "=" => Some(Zoom::In),
            "-" | "−" => Some(Zoom::Out),
            "0" => Some(Zoom::Reset),
            _ => None,
        },
        _ => None,
    }
}

impl Zoom {
    fn applied(self, scale: f32) -> f32 {
        let scale = match self {
            Self::In => scale + STEP,
            Self::Out => scale - STEP,
            Self::Reset => 1.0,
        };
        // Rounded to whole steps, so that rounding errors don't add up.
        ((scale / STEP).round() * STEP).clamp(RANGE[0], RANGE[1])
    }
}

#[cfg(test)]
mod tests {
    use bevy::input::ButtonState;

    use super::*;

    fn press(letter: &str, key_code: KeyCode) -> KeyboardInput {
        let (logical_key, window) = (Key::Character(letter.into()), Entity::PLACEHOLDER);
        KeyboardInput { key_code, logical_key, state: ButtonState::Pressed, text: None, repeat: false, window }
    }

    #[test]
    fn keys_are_known_by_what_is_written_on_them() {
        // On a German keyboard, plus is where an American one has its bracket.
        assert_eq!(asked(&press("+", KeyCode::BracketRight)), Some(Zoom::In));
        assert_eq!(asked(&press("=", KeyCode::Equal)), Some(Zoom::In));
        assert_eq!(asked(&press("-", KeyCode::Slash)), Some(Zoom::Out));
        assert_eq!(asked(&press("0", KeyCode::Digit0)), Some(Zoom::Reset));
        assert_eq!(asked(&press("?", KeyCode::NumpadAdd)), Some(Zoom::In));
        assert_eq!(asked(&press("x", KeyCode::KeyX)), None);
    }

    #[test]
    fn the_scale_has_bounds_and_comes_back() {
        let many = |zoom: Zoom| (0..100).fold(1.0, |scale, _| zoom.applied(scale));
        assert_eq!([Zoom::In, Zoom::Out, Zoom::Reset].map(many), [3.0, 0.5, 1.0]);
        assert_eq!(Zoom::Out.applied(Zoom::In.applied(1.0)), 1.0);
    }
}
