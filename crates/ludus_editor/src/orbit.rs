//! Orbit controls: a drag turns the scene's cameras about the point that they look at, the wheel changes the distance.

use core::f32::consts::FRAC_PI_2;

use bevy::prelude::*;

use crate::viewport::SceneCamera;

/// Turn of a camera per dragged point [rad/point].
const TURN: f32 = 0.006;
/// Natural logarithm of the change of distance per scrolled point [1/point].
const ZOOM: f32 = 0.002;
/// The least angle between a camera's direction and the vertical [rad].
const POLE: f32 = 0.05;
/// Distance from a camera to its target, if it does not look at the ground [m].
const DEFAULT_DISTANCE: f32 = 10.0;

/// The drag and the scroll of the pointer over the scene since the last image.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq)]
pub struct Drag {
    /// Dragged distance \[points\].
    pub turn: Vec2,
    /// Scrolled distance \[points\]; positive brings the camera closer.
    pub zoom: f32,
}

/// Turns the cameras of the scene.
pub fn orbit(drag: Res<Drag>, mut cameras: Query<(&mut Transform, &Projection), With<SceneCamera>>) {
    if *drag == Drag::default() {
        return;
    }
    for (mut camera, projection) in &mut cameras {
        if matches!(projection, Projection::Perspective(_)) {
            *camera = orbited(&camera, *drag);
        }
    }
}

/// Returns the camera after a drag. It looks at the same point of the ground as before.
fn orbited(camera: &Transform, drag: Drag) -> Transform {
    let target = looked_at(camera);
    let offset = camera.translation - target;
    let distance = offset.length() * (-drag.zoom * ZOOM).exp();
    let (yaw, pitch) = (offset.x.atan2(offset.z), (offset.y / offset.length()).clamp(-1.0, 1.0).asin());
    let limit = FRAC_PI_2 - POLE;
    let (yaw, pitch) = (yaw - drag.turn.x * TURN, (pitch + drag.turn.y * TURN).clamp(-limit, limit));
    let direction = Vec3::new(yaw.sin() * pitch.cos(), pitch.sin(), yaw.cos() * pitch.cos());
    Transform::from_translation(target + direction * distance).looking_at(target, Vec3::Y)
}

/// Returns the point of the ground that a camera looks at, or a point straight ahead if it does not look at the ground.
fn looked_at(camera: &Transform) -> Vec3 {
    let forward = camera.forward();
    let distance = -camera.translation.y / forward.y;
    let is_ahead = distance.is_finite() && distance > 0.1 && distance < 1_000.0;
    camera.translation + forward * if is_ahead { distance } else { DEFAULT_DISTANCE }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(drag: Drag, expected: Vec3) {
        let camera = Transform::from_xyz(0.0, 3.0, 4.0).looking_at(Vec3::ZERO, Vec3::Y);
        let turned = orbited(&camera, drag);
        assert!(turned.translation.abs_diff_eq(expected, 1e-3), "{} is not {expected}", turned.translation);
        assert!(turned.forward().dot(-turned.translation.normalize()) > 0.999, "it looks at the same point");
    }

    #[test]
    fn a_drag_turns_about_what_is_looked_at() {
        check(Drag { turn: vec2(-FRAC_PI_2 / TURN, 0.0), zoom: 0.0 }, Vec3::new(4.0, 3.0, 0.0));
    }

    #[test]
    fn the_wheel_brings_it_closer() {
        check(Drag { turn: Vec2::ZERO, zoom: 2_f32.ln() / ZOOM }, Vec3::new(0.0, 1.5, 2.0));
    }

    #[test]
    fn it_never_turns_over() {
        let camera = Transform::from_xyz(0.0, 3.0, 4.0).looking_at(Vec3::ZERO, Vec3::Y);
        let turned = orbited(&camera, Drag { turn: vec2(0.0, 1e4), zoom: 0.0 });
        assert!(turned.translation.y < 5.0 && turned.translation.is_finite());
    }
}
