//! Arenas: copies of the playing field inside one world.

use core::any::TypeId;
use core::ops::Range;

use bevy::ecs::lifecycle::HookContext;
use bevy::ecs::world::DeferredWorld;
use bevy::prelude::*;

use crate::parameters::{EpisodeStarts, draw_parameters};
use crate::{EpisodeRng, FirstEpisodes, HasEpisodes, Home, ParameterPlan, WorldSeed};

/// One copy of the playing field.
///
/// A game builds its field in an observer of `On<Add, Arena>`, relative to the arena's [`Transform`] if the world has
/// an [`ArenaLayout`]. It makes the entities of the field members with [`InArena`]. A game that is played has one
/// arena, a world that trains has many.
#[derive(Component, Reflect, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[component(immutable, on_add = settle_arena)]
#[require(EpisodeRng, ArenaCounts)]
#[reflect(Component, Debug, PartialEq)]
pub struct Arena {
    /// The index of the arena in its world; seeds derive from it.
    pub index: u32,
}

/// Seeds the arena's own random numbers, sets its count of episodes and draws the parameters of its first episode, before
/// observers of `On<Add, Arena>` run.
fn settle_arena(mut world: DeferredWorld, context: HookContext) {
    let seed = world.get_resource::<WorldSeed>().copied().unwrap_or_default();
    let arena = world.get::<Arena>(context.entity).map_or(0, |arena| arena.index);
    let home = Home { arena: Some(arena), member: 0 };
    if let Some(mut rng) = world.get_mut::<EpisodeRng>(context.entity) {
        rng.settle(home);
        rng.restart(seed, 0);
    }
    let first = world.get_resource::<FirstEpisodes>().map_or(1, |first| first.of(0));
    if let Some(mut counts) = world.get_mut::<ArenaCounts>(context.entity) {
        counts.episodes = first.saturating_sub(1);
        counts.draws = 0;
    }
    // The start of that episode draws the same values again.
    draw_parameters(&mut world, context.entity, EpisodeStarts { owner: TypeId::of::<Arena>(), home, number: 1 });
    let plan = world.get_resource::<ParameterPlan>().map_or(0, ParameterPlan::number);
    if let Some(mut counts) = world.get_mut::<ArenaCounts>(context.entity) {
        counts.plan = plan;
    }
}

impl HasEpisodes for Arena {
    const OWNER: &'static str = "Arena";
}

/// Counts of agents and episodes of an arena; seeds derive from them.
///
/// They are part of a saved game in which agents come later than the arena, or share its episode.
#[derive(Component, Reflect, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[component(clone_behavior = Ignore)]
#[reflect(Component, Clone, Debug, Default, PartialEq)]
pub struct ArenaCounts {
    /// Agents that have come so far.
    pub(crate) agents: u32,
    /// Episodes that the arena as a whole has started.
    pub(crate) episodes: u32,
    /// The count of draws of its parameters for the start of an episode.
    pub(crate) draws: u32,
    /// The number of the plan by which they were drawn last.
    pub(crate) plan: u32,
}

/// Makes an entity a member of an arena. Despawning the arena despawns its members.
#[derive(Component, Reflect, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[relationship(relationship_target = ArenaMembers)]
#[reflect(Component, Debug, PartialEq)]
pub struct InArena(pub Entity);

/// The entities that belong to an arena, in the order in which they joined.
#[derive(Component, Reflect, Clone, Debug, Default, PartialEq, Eq)]
#[relationship_target(relationship = InArena, linked_spawn)]
#[reflect(Component, Debug, Default, PartialEq)]
pub struct ArenaMembers(Vec<Entity>);

/// The layout of a world's arenas: a square grid, on which they stand apart and don't touch each other.
///
/// A game without space needs no such resource; its arenas have no [`Transform`] then.
#[derive(Resource, Reflect, Clone, Copy, Debug, Default, PartialEq)]
#[reflect(Resource, Debug, Default, PartialEq)]
pub struct ArenaLayout {
    /// Distance between neighbouring arenas along x and z \[m\]; 0 puts all at the origin.
    pub spacing: f32,
}

impl ArenaLayout {
    /// Returns the centre of an arena \[m\].
    ///
    /// Arenas fill growing squares around the origin. So an arena's place depends on its index alone, and its distance
    /// is as small as possible: float precision falls with distance.
    pub fn origin(&self, index: u32) -> Vec3 {
        let (column, row) = square_cell(index);
        Vec3::new(around_zero(column), 0.0, around_zero(row)) * self.spacing
    }
}

/// Maps 0, 1, 2, 3, 4, … to 0, 1, -1, 2, -2, ….
fn around_zero(cell: u32) -> f32 {
    let distance = cell.div_ceil(2) as f32;
    if cell.is_multiple_of(2) { 0.0 - distance } else { distance }
}

/// Returns the cell of the grid with this number, if squares of side 1, 2, 3, … are filled shell by shell.
fn square_cell(index: u32) -> (u32, u32) {
    let shell = index.isqrt();
    let along = index - shell * shell;
    if along <= shell { (along, shell) } else { (shell, 2 * shell - along) }
}

/// The indices of the arenas that are still to be spawned.
///
/// They are spawned in the world's first tick, after the game's own `Startup`, at the places of the [`ArenaLayout`].
/// There is one by default, as in a game that is played. An arena is the same alone and among others, since its seeds
/// derive from its index.
#[derive(Resource, Clone, Debug, PartialEq, Eq)]
pub struct Arenas(pub Range<u32>);

impl Default for Arenas {
    fn default() -> Self {
        Self(0..1)
    }
}

/// Spawns arenas, each together with its [`Transform`], so that observers of `On<Add, Arena>` can read it.
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
