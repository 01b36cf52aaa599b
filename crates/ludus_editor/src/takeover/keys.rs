//! The key bindings of an action, built from its spec, for any game.

use bevy::input::ButtonInput;
use bevy::input::keyboard::KeyCode;
use ludus_agent::spec::{ActionField, ActionKind, AgentSpec, joined};

/// Pairs of keys for continuous dimensions: the key of the least value first.
const AXES: [(Key, Key); 6] = [
    (Key("←", KeyCode::ArrowLeft), Key("→", KeyCode::ArrowRight)),
    (Key("↓", KeyCode::ArrowDown), Key("↑", KeyCode::ArrowUp)),
    (Key("A", KeyCode::KeyA), Key("D", KeyCode::KeyD)),
    (Key("S", KeyCode::KeyS), Key("W", KeyCode::KeyW)),
    (Key("Q", KeyCode::KeyQ), Key("E", KeyCode::KeyE)),
    (Key("F", KeyCode::KeyF), Key("R", KeyCode::KeyR)),
];

/// Rows of keys for choices, one row for each discrete field.
const CHOICES: [&[Key]; 3] = [
    &[
        Key("1", KeyCode::Digit1),
        Key("2", KeyCode::Digit2),
        Key("3", KeyCode::Digit3),
        Key("4", KeyCode::Digit4),
        Key("5", KeyCode::Digit5),
        Key("6", KeyCode::Digit6),
        Key("7", KeyCode::Digit7),
        Key("8", KeyCode::Digit8),
        Key("9", KeyCode::Digit9),
        Key("0", KeyCode::Digit0),
    ],
    &[
        Key("Z", KeyCode::KeyZ),
        Key("X", KeyCode::KeyX),
        Key("C", KeyCode::KeyC),
        Key("V", KeyCode::KeyV),
        Key("B", KeyCode::KeyB),
        Key("N", KeyCode::KeyN),
        Key("M", KeyCode::KeyM),
    ],
    &[
        Key("Y", KeyCode::KeyY),
        Key("U", KeyCode::KeyU),
        Key("I", KeyCode::KeyI),
        Key("O", KeyCode::KeyO),
        Key("P", KeyCode::KeyP),
    ],
];

/// A key and the name that is printed on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(&'static str, KeyCode);

/// Returns the key with this name printed on it.
pub fn key_by_name(name: &str) -> Option<KeyCode> {
    named_keys().find(|key| key.0 == name).map(|key| key.1)
}

/// Returns the names of all keys that can be pressed by their names.
pub fn key_names() -> impl Iterator<Item = &'static str> {
    named_keys().map(|key| key.0)
}

fn named_keys() -> impl Iterator<Item = Key> {
    let axes = AXES.iter().flat_map(|(less, more)| [less, more]);
    let others = [
        Key("Space", KeyCode::Space),
        Key("Esc", KeyCode::Escape),
        Key("Ctrl", KeyCode::ControlLeft),
        Key("+", KeyCode::Equal),
        Key("-", KeyCode::Minus),
        Key(".", KeyCode::Period),
        Key(",", KeyCode::Comma),
    ];
    axes.chain(CHOICES.iter().copied().flatten()).copied().chain(others)
}

/// The key bindings of an action.
#[derive(Clone, Debug, Default)]
pub struct KeyMap {
    controls: Vec<Control>,
    /// Number of columns in the action's row.
    width: usize,
}

/// The key bindings of one column of the action's row.
#[derive(Clone, Debug)]
pub struct Control {
    name: String,
    column: usize,
    kind: ControlKind,
}

#[derive(Clone, Debug)]
pub enum ControlKind {
    /// A continuous dimension: its least value while one key is held, the greatest with the other, the middle with none
    /// or both.
    Axis {
        /// The keys of the least and the greatest value; `None` if there are more dimensions than pairs of keys.
        keys: Option<(Key, Key)>,
        /// The game's values for -1 and 1.
        range: (f32, f32),
    },
    /// A discrete field: the choice of the key that was pressed last. Choices beyond the last key have none.
    Choice {
        /// The keys, in the order of the choices.
        keys: &'static [Key],
        /// The names of the choices.
        names: Vec<String>,
    },
}

impl KeyMap {
    /// Binds keys to every field of an action, as far as there are keys.
    pub fn new(spec: &AgentSpec) -> Self {
        let (mut axes, mut choices) = (AXES.iter().copied(), CHOICES.iter().copied());
        let mut map = Self::default();
        for field in &spec.action {
            match field.kind {
                ActionKind::Continuous { low, high } => {
                    for part in &field.parts {
                        map.push(
                            joined(&field.name, part),
                            ControlKind::Axis { keys: axes.next(), range: (low, high) },
                        );
                    }
                }
                ActionKind::Discrete => {
                    let keys = choices.next().unwrap_or_default();
                    map.push(choice_name(field, spec), ControlKind::Choice { keys, names: field.parts.clone() });
                }
            }
        }
        map
    }

    fn push(&mut self, name: String, kind: ControlKind) {
        self.controls.push(Control { name, column: self.width, kind });
        self.width += 1;
    }

    /// The bindings of all columns, in the order of the row.
    pub fn controls(&self) -> &[Control] {
        &self.controls
    }

    /// Returns the action without any key: the middles of ranges and the first choices.
    pub fn resting_action(&self) -> Vec<f32> {
        vec![0.0; self.width]
    }

    /// Writes the action of the pressed keys.
    pub fn read(&self, keyboard: &ButtonInput<KeyCode>, action: &mut [f32]) {
        for control in &self.controls {
            control.read(keyboard, &mut action[control.column]);
        }
    }
}

/// Returns the name of a discrete field; that of its agent if the field has none.
fn choice_name(field: &ActionField, spec: &AgentSpec) -> String {
    if field.name.is_empty() { format!("{}'s action", spec.name) } else { field.name.clone() }
}

impl Control {
    /// The name of the column.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The kind of binding.
    #[cfg(feature = "gamepad")]
    pub const fn kind(&self) -> &ControlKind {
        &self.kind
    }

    /// Returns the names of its keys, or `no key`.
    pub fn keys(&self) -> String {
        match &self.kind {
            ControlKind::Axis { keys: Some((less, more)), .. } => format!("{} {}", less.0, more.0),
            ControlKind::Choice { keys, names } if !keys.is_empty() => {
                format!("{}–{}", keys[0].0, keys[names.len().min(keys.len()) - 1].0)
            }
            _ => "no key".to_owned(),
        }
    }

    /// Returns its value as the game reads it.
    pub fn shown(&self, action: &[f32]) -> String {
        let value = action.get(self.column).copied().unwrap_or(0.0);
        match &self.kind {
            ControlKind::Axis { range: (low, high), .. } => {
                format!("{:+.2}", low + (value.clamp(-1.0, 1.0) + 1.0) / 2.0 * (high - low))
            }
            ControlKind::Choice { names, .. } => names.get(value as usize).cloned().unwrap_or_default(),
        }
    }

    fn read(&self, keyboard: &ButtonInput<KeyCode>, value: &mut f32) {
        match &self.kind {
            ControlKind::Axis { keys: Some((less, more)), .. } => {
                let is_held = |key: &Key| f32::from(u8::from(keyboard.pressed(key.1)));
                *value = is_held(more) - is_held(less);
            }
            ControlKind::Axis { keys: None, .. } => {}
            ControlKind::Choice { keys, names } => {
                let pressed = keys.iter().take(names.len()).position(|key| keyboard.just_pressed(key.1));
                *value = pressed.map_or(*value, |choice| choice as f32);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> AgentSpec {
        let field = |name: &str, parts: &[&str], kind| ActionField {
            name: name.to_owned(),
            doc: String::new(),
            parts: parts.iter().map(|&part| part.to_owned()).collect(),
            kind,
        };
        let action = vec![
            field("rate", &["x", "y"], ActionKind::Continuous { low: -1.0, high: 3.0 }),
            field("gear", &["Neutral", "Forward", "Reverse"], ActionKind::Discrete),
        ];
        AgentSpec { name: "Car".to_owned(), action, ..AgentSpec::default() }
    }

    #[test]
    fn every_column_has_keys() {
        let keys = KeyMap::new(&spec());
        let shown: Vec<_> = keys.controls().iter().map(|control| (control.name(), control.keys())).collect();
        let expected = [("rate.x", "← →"), ("rate.y", "↓ ↑"), ("gear", "1–3")];
        assert_eq!(shown, expected.map(|(name, keys)| (name, keys.to_owned())));
    }

    #[test]
    fn held_keys_are_numbers_and_pressed_ones_choices() {
        let keys = KeyMap::new(&spec());
        let mut keyboard = ButtonInput::default();
        let mut action = keys.resting_action();
        keyboard.press(KeyCode::ArrowRight);
        keyboard.press(KeyCode::Digit3);
        keys.read(&keyboard, &mut action);
        assert_eq!(action, [1.0, 0.0, 2.0]);
        let shown: Vec<_> = keys.controls().iter().map(|control| control.shown(&action)).collect();
        assert_eq!(shown, ["+3.00", "+1.00", "Reverse"]);
        keyboard.clear();
        keyboard.release(KeyCode::ArrowRight);
        keyboard.release(KeyCode::Digit3);
        keys.read(&keyboard, &mut action);
        assert_eq!(action, [0.0, 0.0, 2.0], "a choice stays made");
    }

    #[test]
    fn what_has_no_key_stays_as_it_is() {
        let parts = (0..9).map(|part| part.to_string()).collect();
        let kind = ActionKind::Continuous { low: -1.0, high: 1.0 };
        let field = ActionField { name: "joint".to_owned(), doc: String::new(), parts, kind };
        let keys = KeyMap::new(&AgentSpec { action: vec![field], ..AgentSpec::default() });
        let mut action = vec![0.25; 9];
        keys.read(&ButtonInput::default(), &mut action);
        assert_eq!(action, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.25, 0.25, 0.25]);
        assert_eq!(keys.controls()[8].keys(), "no key");
    }

    #[test]
    fn keys_have_the_names_that_are_written_on_them() {
        assert_eq!(key_by_name("←"), Some(KeyCode::ArrowLeft));
        assert_eq!(key_by_name("1"), Some(KeyCode::Digit1));
        assert_eq!(key_by_name("F13"), None);
    }
}
