//! Places the scene's cameras so that all shown arenas are in view: each keeps the direction that the game's visuals
//! gave it, and is moved or scaled.

use bevy::prelude::*;
use ludus_agent::{Arena, ArenaLayout};

use crate::viewport::SceneCamera;

/// Part of the picture that is left free around the outermost arenas, for perspective cameras.
const MARGIN: f32 = 0.04;
/// Height of an arena, as a part of its width.
const HEIGHT: f32 = 0.25;

/// The transform and the aspect ratio that a camera got when it was last framed.
#[derive(Component, Clone, Copy, Debug, PartialEq)]
pub struct Framed {
    place: Transform,
    aspect: f32,
}

type Cameras<'a> = (Entity, &'a mut Transform, &'a mut Projection, &'a SceneCamera, Option<&'a Framed>);

/// Frames every camera after the shown arenas have changed, and after the aspect ratio has changed unless the camera
/// was moved by hand since.
pub fn frame_arenas(
    came: Query<(), Added<Arena>>,
    arenas: Query<&Transform, With<Arena>>,
    layout: Option<Res<ArenaLayout>>,
    mut cameras: Query<Cameras, Without<Arena>>,
    mut commands: Commands,
) {
    let Some(layout) = layout else { return };
    if arenas.is_empty() {
        return;
    }
    let places: Vec<_> = arenas.iter().map(|arena| arena.translation).collect();
    for (entity, mut camera, mut projection, home, framed) in &mut cameras {
        let aspect = aspect(&projection);
        let is_untouched = framed.is_none_or(|framed| framed.place == *camera);
        let is_reshaped = framed.is_none_or(|framed| (framed.aspect - aspect).abs() > 1e-3);
        if came.is_empty() && !(is_reshaped && is_untouched) {
            continue;
        }
        match &mut *projection {
            Projection::Perspective(lens) => {
                let half = (lens.fov / 2.0).tan();
                *camera = perspective(&home.0, &places, layout.spacing, vec2(half * aspect, half));
            }
            Projection::Orthographic(lens) => {
                let Projection::Orthographic(own) = &home.1 else { continue };
                let scale = orthographic_scale(&home.0, &places);
                *camera = moved(&home.0, centre(&places));
                lens.scale = own.scale * scale;
            }
            Projection::Custom(_) => *camera = moved(&home.0, centre(&places)),
        }
        commands.entity(entity).insert(Framed { place: *camera, aspect });
    }
}

fn aspect(projection: &Projection) -> f32 {
    match projection {
        Projection::Perspective(lens) => lens.aspect_ratio,
        _ => 1.0,
    }
}

/// Returns the middle between the outermost arenas.
fn centre(places: &[Vec3]) -> Vec3 {
    let (least, most) = ends(places);
    least.midpoint(most)
}

fn ends(places: &[Vec3]) -> (Vec3, Vec3) {
    let none = (Vec3::INFINITY, Vec3::NEG_INFINITY);
    places.iter().fold(none, |(least, most), &place| (least.min(place), most.max(place)))
}

fn moved(home: &Transform, by: Vec3) -> Transform {
    Transform { translation: by + home.translation, ..*home }
}

/// Returns the factor by which an orthographic camera has to show more than it does of one arena from `home`.
fn orthographic_scale(home: &Transform, places: &[Vec3]) -> f32 {
    /// Space around the outermost arenas, as a part of their distance.
    const SPACE: f32 = 1.6;
    let (least, most) = ends(places);
    let reach = (most - least).max_element() / 2.0;
    1.0 + reach * (1.0 + SPACE) / home.translation.length().max(1e-3)
}

/// Returns the transform closest to the arenas from which a camera sees all of them, in its direction at `home`. A
/// single arena is shown as the game shows it.
///
/// The width of an arena is `spacing`, or the height that the camera shows of one if that is less. `slopes` are the
/// tangents of half the angles of view, sideways and upwards.
fn perspective(home: &Transform, places: &[Vec3], spacing: f32, slopes: Vec2) -> Transform {
    if let [only] = places {
        return moved(home, *only);
    }
    let half = half_arena(home, spacing, slopes);
    let slopes = slopes * (1.0 - MARGIN);
    let (right, up, forward) = (home.right(), home.up(), home.forward());
    // The extents that a camera at the origin has to see along both directions of the picture, before it is moved.
    let mut sideways = Extent::new(slopes.x);
    let mut upwards = Extent::new(slopes.y);
    for corner in places.iter().flat_map(|&place| corners(place, half)) {
        let depth = corner.dot(*forward);
        sideways.add(corner.dot(*right), depth);
        upwards.add(corner.dot(*up), depth);
    }
    let back = sideways.back().max(upwards.back());
    let translation = *right * sideways.aside(back) + *up * upwards.aside(back) - *forward * back;
    Transform { translation, ..*home }
}

/// Returns half of the width of an arena on the ground.
fn half_arena(home: &Transform, spacing: f32, slopes: Vec2) -> f32 {
    (spacing / 2.0).min(home.translation.length() * slopes.y)
}

fn corners(place: Vec3, half: f32) -> impl Iterator<Item = Vec3> {
    let heights = [0.0, 2.0 * half * HEIGHT];
    let offsets = [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]];
    offsets.into_iter().flat_map(move |[x, z]| heights.map(|y| place + Vec3::new(x * half, y, z * half)))
}

/// The points that have to be seen, along one direction of the picture.
///
/// A camera that is moved back by `b` and aside by `a` shows a point at `p` and depth `d` at `(p - a) / (d + b)`, which
/// has to be within `±slope`.
struct Extent {
    slope: f32,
    /// Positions of points, and their depths.
    points: Vec<[f32; 2]>,
}

impl Extent {
    const fn new(slope: f32) -> Self {
        Self { slope, points: Vec::new() }
    }

    fn add(&mut self, place: f32, depth: f32) {
        self.points.push([place, depth]);
    }

    /// Returns the least `b` for which there is an `a`: it is between the greatest `p - slope·d` less `slope·b` and the
    /// least `p + slope·d` more `slope·b`.
    fn back(&self) -> f32 {
        let [low, high] = self.limits();
        (low - high) / (2.0 * self.slope)
    }

    fn limits(&self) -> [f32; 2] {
        let start = [f32::NEG_INFINITY, f32::INFINITY];
        self.points.iter().fold(start, |[low, high], &[place, depth]| {
            [low.max(place - self.slope * depth), high.min(place + self.slope * depth)]
        })
    }

    /// Returns the `a` at which both ends of the points are equally far from the middle of the picture, by bisection.
    fn aside(&self, back: f32) -> f32 {
        /// Number of bisections; after so many, no float is between the bounds.
        const HALVINGS: u32 = 40;
        let [low, high] = self.limits();
        let (mut least, mut most) = (low - self.slope * back, high + self.slope * back);
        for _ in 0..HALVINGS {
            let middle = least.midpoint(most);
            if self.balance(middle, back) > 0.0 {
                least = middle;
            } else {
                most = middle;
            }
        }
        least.midpoint(most)
    }

    /// Returns the sum of the signed positions of both ends, which is 0 if they are equally far from the middle of the
    /// picture.
    fn balance(&self, aside: f32, back: f32) -> f32 {
        let seen = self.points.iter().map(|[place, depth]| (place - aside) / (depth + back));
        let (low, high) = seen.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), at| (low.min(at), high.max(at)));
        low + high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACING: f32 = 12.0;
    /// Tangent of half of Bevy's default angle of view, 45°.
    const HALF: f32 = 0.414_213_57;

    fn layout(count: u32) -> Vec<Vec3> {
        let layout = ArenaLayout { spacing: SPACING };
        (0..count).map(|index| layout.origin(index)).collect()
    }

    /// Returns the position of a point in the picture; -1 and 1 are its edges.
    fn pictured(camera: &Transform, slopes: Vec2, point: Vec3) -> Vec2 {
        let seen = camera.to_matrix().inverse().transform_point3(point);
        Vec2::new(seen.x, seen.y) / (-seen.z * slopes)
    }

    #[test]
    fn one_arena_is_seen_as_the_game_shows_it() {
        let home = Transform::from_xyz(0.0, 3.0, 4.0).looking_at(Vec3::ZERO, Vec3::Y);
        assert_eq!(perspective(&home, &layout(1), SPACING, Vec2::splat(HALF)), home);
        let elsewhere = perspective(&home, &[Vec3::X], SPACING, Vec2::splat(HALF));
        assert_eq!(elsewhere.translation, home.translation + Vec3::X);
    }

    #[test]
    fn every_corner_of_every_arena_is_in_sight() {
        for (x, y, z) in [(0.0, 7.0, 11.0), (0.0, 2.5, 6.0), (0.0, 14.0, 11.0), (9.0, 3.0, -4.0)] {
            let home = Transform::from_xyz(x, y, z).looking_at(Vec3::new(0.0, 0.4, 0.0), Vec3::Y);
            for (count, aspect) in [(2, 1.0), (4, 0.6), (4, 1.1), (9, 1.6), (16, 2.5), (36, 1.0)] {
                let slopes = vec2(HALF * aspect, HALF);
                let camera = perspective(&home, &layout(count), SPACING, slopes);
                let half = half_arena(&home, SPACING, slopes);
                let seen: Vec<_> = layout(count).into_iter().flat_map(|place| corners(place, half)).collect();
                let seen: Vec<_> = seen.into_iter().map(|corner| pictured(&camera, slopes, corner)).collect();
                let (low, high) = seen.iter().fold((Vec2::INFINITY, Vec2::NEG_INFINITY), |(low, high), &place| {
                    (low.min(place), high.max(place))
                });
                assert!(
                    (low + high).abs().max_element() < 1e-3,
                    "in the middle: {low}, {high} from {home:?}, {aspect}"
                );
                let outermost = seen.iter().fold(0.0_f32, |most, place| most.max(place.abs().max_element()));
                assert!(outermost < 1.0, "{count} arenas from {home:?}, {aspect}: {outermost}");
                assert!(outermost > 0.9, "and no further away than that: {count} from {home:?}: {outermost}");
            }
        }
    }

    /// Arenas have the same size in a picture that is high and narrow.
    #[test]
    fn a_narrow_picture_shows_arenas_whole() {
        let home = Transform::from_xyz(0.0, 4.0, 5.0).looking_at(Vec3::ZERO, Vec3::Y);
        let slopes = vec2(HALF * 0.4, HALF);
        let camera = perspective(&home, &layout(4), SPACING, slopes);
        for corner in layout(4).into_iter().flat_map(|place| corners(place, 2.5)) {
            assert!(pictured(&camera, slopes, corner).abs().max_element() < 1.0);
        }
    }

    #[test]
    fn a_flat_camera_sees_more() {
        let home = Transform::from_xyz(0.0, 3.0, 4.0);
        assert_eq!(orthographic_scale(&home, &layout(1)), 1.0);
        assert!(orthographic_scale(&home, &layout(4)) > 2.0);
    }

    /// A camera that the game added, and four arenas.
    fn app() -> (App, Entity) {
        let mut app = App::new();
        app.insert_resource(ArenaLayout { spacing: SPACING }).add_systems(Update, frame_arenas);
        for place in layout(4) {
            app.world_mut().spawn((Arena { index: 0 }, Transform::from_translation(place)));
        }
        let home = Transform::from_xyz(0.0, 7.0, 11.0).looking_at(Vec3::ZERO, Vec3::Y);
        let lens = Projection::Perspective(PerspectiveProjection { aspect_ratio: 1.5, ..default() });
        let camera = app.world_mut().spawn((home, lens.clone(), SceneCamera(home, lens))).id();
        app.update();
        (app, camera)
    }

    fn reshape(app: &mut App, camera: Entity) {
        let lens = PerspectiveProjection { aspect_ratio: 0.7, ..default() };
        *app.world_mut().get_mut::<Projection>(camera).unwrap() = Projection::Perspective(lens);
        app.update();
    }

    #[test]
    fn a_picture_of_another_shape_is_framed_anew() {
        let (mut app, camera) = app();
        let before = *app.world().get::<Transform>(camera).unwrap();
        reshape(&mut app, camera);
        let after = *app.world().get::<Transform>(camera).unwrap();
        assert!(after.translation.length() > before.translation.length() + 1.0, "{before:?}, {after:?}");
    }

    #[test]
    fn a_camera_that_was_turned_by_hand_stays_where_it_is() {
        let (mut app, camera) = app();
        let turned = Transform::from_xyz(1.0, 2.0, 3.0);
        *app.world_mut().get_mut::<Transform>(camera).unwrap() = turned;
        reshape(&mut app, camera);
        assert_eq!(*app.world().get::<Transform>(camera).unwrap(), turned);
    }
}
