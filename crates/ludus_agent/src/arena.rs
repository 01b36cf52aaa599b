//! Arenas: copies of the playing field inside one world.

use core::ops::Range;

use bevy::ecs::lifecycle::HookContext;
use bevy::ecs::world::DeferredWorld;
use bevy::prelude::*;

use crate::{EpisodeRng, FirstEpisodes, Home, WorldSeed};

/// One copy of the playing field.
///
/// A game builds its field in an observer of `On<Add, Arena>`, relative to the arena's [`Transform`] if the world has an
/// [`ArenaLayout`], and makes what belongs to it a member with [`InArena`]. A game that is played has one, a world that trains has many.
#[derive(Component, Reflect, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[component(immutable, on_add = settle_arena)]
#[require(EpisodeRng, ArenaCounts)]
#[reflect(Component, Debug, PartialEq)]
pub struct Arena {
    /// Which of the world's arenas it is; seeds derive from it.
    pub index: u32,
}

/// An arena's own random numbers are there before observers of `On<Add, Arena>` run.
fn settle_arena(mut world: DeferredWorld, context: HookContext) {
    let seed = world.get_resource::<WorldSeed>().copied().unwrap_or_default();
    let arena = world.get::<Arena>(context.entity).map_or(0, |arena| arena.index);
    if let Some(mut rng) = world.get_mut::<EpisodeRng>(context.entity) {
        rng.settle(Home { arena: Some(arena), member: 0 });
        rng.restart(seed, 0);
    }
    let first = world.get_resource::<FirstEpisodes>().map_or(1, |first| first.of(0));
    if let Some(mut counts) = world.get_mut::<ArenaCounts>(context.entity) {
        counts.episodes = first.saturating_sub(1);
    }
}

/// What has happened in an arena; seeds derive from it.
#[derive(Component, Clone, Copy, Debug, Default)]
#[component(clone_behavior = Ignore)]
pub(crate) struct ArenaCounts {
    /// Agents that have come so far.
    pub agents: u32,
    /// Episodes that the arena as a whole has started.
    pub episodes: u32,
}

/// Says which arena an entity belongs to. Despawning the arena despawns its members.
#[derive(Component, Reflect, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[relationship(relationship_target = ArenaMembers)]
#[reflect(Component, Debug, PartialEq)]
pub struct InArena(pub Entity);

/// The entities that belong to an arena, in the order in which they joined.
#[derive(Component, Reflect, Clone, Debug, Default, PartialEq, Eq)]
#[relationship_target(relationship = InArena, linked_spawn)]
#[reflect(Component, Debug, Default, PartialEq)]
pub struct ArenaMembers(Vec<Entity>);

/// Where a world's arenas stand: apart on a square grid, so that they don't touch each other.
///
/// A game without space does without this resource; its arenas have no [`Transform`].
#[derive(Resource, Reflect, Clone, Copy, Debug, Default, PartialEq)]
#[reflect(Resource, Debug, Default, PartialEq)]
pub struct ArenaLayout {
    /// Distance between neighbouring arenas along x and z \[m\]; 0 puts all at the origin.
    pub spacing: f32,
}

impl ArenaLayout {
    /// The centre of an arena \[m\].
    ///
    /// Arenas fill growing squares around the origin, so that an arena's place depends on its index alone, and none is
    /// further away than it need be: float precision falls with distance.
    pub fn origin(&self, index: u32) -> Vec3 {
        let (column, row) = square_cell(index);
        Vec3::new(around_zero(column), 0.0, around_zero(row)) * self.spacing
    }
}

/// 0, 1, 2, 3, 4, … as 0, 1, -1, 2, -2, …
fn around_zero(cell: u32) -> f32 {
    let distance = cell.div_ceil(2) as f32;
    if cell.is_multiple_of(2) { 0.0 - distance } else { distance }
}

/// The cell of the grid with this number, when squares of side 1, 2, 3, … are filled one shell after the other.
fn square_cell(index: u32) -> (u32, u32) {
    let shell = index.isqrt();
    let along = index - shell * shell;
    if along <= shell { (along, shell) } else { (shell, 2 * shell - along) }
}

/// Which arenas a world is still to get. They come with its first tick, after the game's own `Startup`, and stand where
/// [`ArenaLayout`] puts them.
///
/// One by default, as in a game that is played. A single arena from the middle of the count is the same arena as among
/// the others: its seeds derive from its index.
#[derive(Resource, Clone, Debug, PartialEq, Eq)]
pub struct Arenas(pub Range<u32>);

impl Default for Arenas {
    fn default() -> Self {
        Self(0..1)
    }
}

/// The [`Transform`] comes with the arena, so that it is there when observers of `On<Add, Arena>` run.
pub(crate) fn spawn_arenas(mut arenas: ResMut<Arenas>, layout: Option<Res<ArenaLayout>>, mut commands: Commands) {
    for index in core::mem::take(&mut arenas.bypass_change_detection().0) {
        match &layout {
            Some(layout) => commands.spawn((Arena { index }, Transform::from_translation(layout.origin(index)))),
            None => commands.spawn(Arena { index }),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_fill_without_gaps() {
        let mut cells: Vec<_> = (0..49).map(square_cell).collect();
        assert_eq!(cells[..5], [(0, 0), (0, 1), (1, 1), (1, 0), (0, 2)]);
        cells.sort_unstable();
        cells.dedup();
        assert_eq!(cells.len(), 49);
        assert!(cells.iter().all(|&(column, row)| column < 7 && row < 7));
    }

    #[test]
    fn the_grid_is_centred() {
        assert_eq!([0, 1, 2, 3, 4].map(around_zero), [0.0, 1.0, -1.0, 2.0, -2.0]);
    }

    #[test]
    fn without_spacing_all_stand_at_the_origin() {
        assert_eq!(ArenaLayout::default().origin(17), Vec3::ZERO);
    }
}
