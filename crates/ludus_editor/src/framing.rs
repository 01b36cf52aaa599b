//! Makes the scene's cameras see all arenas that are shown: what the game's visuals show of one, moved and drawn back.

use bevy::prelude::*;
use ludus_agent::{Arena, ArenaLayout};

use crate::viewport::SceneCamera;

/// Space around the outermost arenas, as a part of their distance.
const MARGIN: f32 = 1.6;

/// After the shown arenas have changed, places every camera anew.
pub fn frame_arenas(
    came: Query<(), Added<Arena>>,
    arenas: Query<&Transform, With<Arena>>,
    layout: Option<Res<ArenaLayout>>,
    mut cameras: Query<(&mut Transform, &mut Projection, &SceneCamera), Without<Arena>>,
    adopted: Query<(), Added<SceneCamera>>,
) {
    if layout.is_none() || (came.is_empty() && adopted.is_empty()) {
        return;
    }
    let Some(shown) = Shown::of(arenas.iter().map(|arena| arena.translation)) else { return };
    for (mut camera, mut projection, home) in &mut cameras {
        let (place, scale) = shown.framed(&home.0);
        *camera = place;
        if let (Projection::Orthographic(seen), Projection::Orthographic(home)) = (&mut *projection, &home.1) {
            seen.scale = home.scale * scale;
        }
    }
}

/// What the shown arenas take up.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Shown {
    centre: Vec3,
    /// From the centre to the centre of the outermost arena \[m\].
    reach: f32,
}

impl Shown {
    fn of(mut places: impl Iterator<Item = Vec3>) -> Option<Self> {
        let first = places.next()?;
        let (least, most) = places.fold((first, first), |(least, most), place| (least.min(place), most.max(place)));
        let half = (most - least) / 2.0;
        Some(Self { centre: least + half, reach: half.max_element() })
    }

    /// Where a camera sees all arenas that sees one from `home`, and how much more it sees.
    fn framed(self, home: &Transform) -> (Transform, f32) {
        let distance = home.translation.length().max(1e-3);
        let scale = 1.0 + self.reach * (1.0 + MARGIN) / distance;
        (Transform { translation: self.centre + home.translation * scale, ..*home }, scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_arena_is_seen_as_the_game_shows_it() {
        let home = Transform::from_xyz(0.0, 3.0, 4.0);
        let shown = Shown::of([Vec3::ZERO].into_iter()).unwrap();
        assert_eq!(shown.framed(&home), (home, 1.0));
    }

    #[test]
    fn many_arenas_are_seen_from_further_away() {
        let shown = Shown::of([Vec3::ZERO, Vec3::new(-10.0, 0.0, -10.0)].into_iter()).unwrap();
        assert_eq!(shown, Shown { centre: Vec3::new(-5.0, 0.0, -5.0), reach: 5.0 });
        let (camera, scale) = shown.framed(&Transform::from_xyz(0.0, 3.0, 4.0));
        assert!(scale > 2.0 && camera.translation.abs_diff_eq(shown.centre + scale * Vec3::new(0.0, 3.0, 4.0), 1e-4));
        assert_eq!(Shown::of(core::iter::empty()), None);
    }
}
