//! Driving a rover by the arrow keys, in a game that is played.

use bevy::prelude::*;
use bevy_ludus::prelude::*;

use super::game::{Drive, Rover};

/// Marks the rover that the arrow keys drive.
#[derive(Component)]
pub struct DrivenByKeys;

/// Lets Tab hand the first rover over to the arrow keys, and back to its policy.
///
/// Up drives forwards, Down backwards; Left and Right turn at full lock.
pub fn rover_keys(app: &mut App) {
    app.add_systems(PreUpdate, hand_over.after(bevy::input::InputSystems));
    app.add_systems(FixedPreUpdate, drive_by_keys.in_set(AgentSystems::Act));
}

fn hand_over(
    keys: Option<Res<ButtonInput<KeyCode>>>,
    mut rovers: Query<(Entity, &mut Controller, Has<DrivenByKeys>), With<Rover>>,
    mut commands: Commands,
) {
    if !keys.is_some_and(|keys| keys.just_pressed(KeyCode::Tab)) {
        return;
    }
    let Some((rover, mut controller, is_driven)) = rovers.iter_mut().next() else { return };
    if is_driven {
        *controller = Controller::Policy;
        commands.entity(rover).remove::<DrivenByKeys>();
    } else {
        *controller = Controller::External;
        commands.entity(rover).insert(DrivenByKeys);
    }
}

fn drive_by_keys(keys: Option<Res<ButtonInput<KeyCode>>>, mut rovers: Query<&mut Drive, With<DrivenByKeys>>) {
    let Some(keys) = keys else { return };
    let held = |key: KeyCode| f32::from(keys.pressed(key));
    for mut drive in &mut rovers {
        drive.speed = held(KeyCode::ArrowUp) - 0.25 * held(KeyCode::ArrowDown);
        drive.turn = held(KeyCode::ArrowLeft) - held(KeyCode::ArrowRight);
    }
}
