//! The seeds of a run: each purpose of random draws has a stream of its own.

use ludus_spec::{Seed, StableHasher};

use super::Blueprint;

/// The purposes of random draws. The number of each is the index of the run seed's child that it draws from, so that
/// draws for one purpose never change those for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Draws {
    /// The worlds of the training.
    Worlds = 0,
    /// The weights of new networks.
    Network = 1,
    /// The algorithms: sampled actions and shuffles.
    Learning = 2,
    /// The worlds of evaluations.
    EvaluationWorlds = 3,
    /// Sampled actions in evaluations.
    EvaluationActions = 4,
    /// The worlds of a training that was resumed.
    ResumedWorlds = 5,
    /// The choice of ordinary episodes that a run keeps.
    KeptEpisodes = 6,
    /// The world and the random actions of a check.
    Check = 7,
    /// Sampled actions of policies that are not learned.
    FrozenActions = 8,
    /// The worlds in which checkpoints are evaluated.
    CheckpointWorlds = 9,
    /// The players of matches.
    Matches = 10,
    /// The actions of opponents that act at random.
    RandomOpponents = 11,
}

/// The purpose of worlds, which decides their seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Training,
    /// Worlds whose seeds training never uses.
    Evaluation,
    /// Worlds in which a run evaluates its checkpoints. Other evaluations never use their seeds, so that the best
    /// checkpoint is not one that was lucky in them.
    Checkpoints,
}

impl Draws {
    /// The seed of these draws in a run with this seed.
    pub const fn seed(self, run: u64) -> Seed {
        Seed::new(run).derive(self as u64)
    }
}

impl Blueprint {
    /// The seed of a kind's draws for a purpose.
    ///
    /// If there are several kinds, it depends on the kind's name and not on the other kinds.
    pub fn seed_of(&self, draws: Draws, kind: usize) -> Seed {
        let seed = draws.seed(self.config.seed);
        if !self.has_several_kinds() {
            return seed;
        }
        seed.derive(StableHasher::default().bytes(self.specs[kind].name.as_bytes()).finish())
    }

    /// The seed of the world of a check and of its random actions.
    pub fn check_seed(&self) -> Seed {
        Draws::Check.seed(self.config.seed)
    }

    /// The seed that the seeds of worlds derive from.
    pub(super) fn worlds_seed(&self, purpose: Purpose) -> Seed {
        let seed = |draws: Draws| draws.seed(self.config.seed);
        match purpose {
            Purpose::Training if self.iteration == 0 => seed(Draws::Worlds),
            // A resumed run must not repeat the episodes that it has learned from.
            Purpose::Training => seed(Draws::ResumedWorlds).derive(self.iteration),
            Purpose::Evaluation => seed(Draws::EvaluationWorlds),
            Purpose::Checkpoints => seed(Draws::CheckpointWorlds),
        }
    }

    /// The seed of an evaluation's actions, where they are drawn.
    pub fn evaluation_seed(&self) -> Seed {
        Draws::EvaluationActions.seed(self.config.seed)
    }
}
