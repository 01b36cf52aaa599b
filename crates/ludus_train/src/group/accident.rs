//! Panics and faults of worlds.

use ludus_agent::Fault;
use ludus_worlds::{PooledWorld, WorldPanic};

/// A number that was not finite, with its world and the kind of its agent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct WorldFault {
    pub world: u32,
    pub kind: usize,
    pub fault: Fault,
}

/// A panic of a world, and the result of building the world anew.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Accident {
    pub panic: WorldPanic,
    /// Panics with the seeds that were tried first when the world was built anew.
    pub failed_rebuilds: Vec<WorldPanic>,
    /// True if the world was built anew; else it is no longer stepped.
    pub is_rebuilt: bool,
    /// The message of another panic, while the broken world was dropped.
    pub drop_panic: Option<String>,
}

impl Accident {
    /// The panics before a world could be built for the first time; `None` if there were none.
    pub(super) fn of_building(world: &mut PooledWorld) -> Option<Self> {
        let mut panics = world.take_build_panics().into_iter();
        let panic = panics.next()?;
        Some(Self { panic, failed_rebuilds: panics.collect(), is_rebuilt: true, drop_panic: None })
    }

    /// The panic, then those while the world was built anew.
    pub fn panics(&self) -> impl Iterator<Item = &WorldPanic> {
        std::iter::once(&self.panic).chain(&self.failed_rebuilds)
    }
}
