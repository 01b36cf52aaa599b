//! Recording demonstrations in a game that is played.

mod files;
mod record;

use std::sync::Arc;

use bevy::prelude::*;
use ludus_agent::{AgentPlugin, AgentSystems};
use ludus_demonstrations::{DecidedBy, Demonstration, DemonstrationHeader, EpisodeRecorder};

pub use files::{DemonstrationFilesPlugin, KeptDemonstrations};
use record::{Recording, drop_despawned, keep_despawned, record_decisions, record_steps};

/// Records the episodes of agents that have a [`DemonstrationRecorder`], and writes a [`DemonstrationFinished`] for each.
///
/// It needs no file system and no thread: a game may keep the bytes wherever it likes. [`DemonstrationFilesPlugin`]
/// writes them to files.
///
/// While an agent is recorded, an action that the game itself writes ([`Controller::External`](ludus_agent::Controller))
/// is the one of the step's first tick for the whole step, as a policy's is: otherwise what is recorded would not be what
/// happened. Systems that write it must be in [`AgentSystems::Act`]. A key that is pressed between two such ticks is lost
/// unless the game keeps it until then.
#[derive(Clone, Debug)]
pub struct DemonstrationPlugin {
    /// The name of the game, for the files.
    pub game: String,
    /// True if agents without a recorder get one.
    pub records_all: bool,
}

/// Records the episodes of its agent, each from its start to its end.
///
/// Require it on a kind of agents (`#[require(DemonstrationRecorder)]`), or insert it into one of them. The episode that
/// is going on then is not recorded, since its start was not seen. If the agent is despawned, its episode is recorded as
/// terminated, with the last observation that the agent had. An episode takes memory for its observations, actions and
/// reward terms until it ends; one that takes more than 16 MiB is recorded up to there.
#[derive(Component, Clone, Debug, Default)]
pub struct DemonstrationRecorder {
    /// The source of the decisions that the game itself makes: a person, unless a script plays.
    pub external: ExternalSource,
    pub(crate) recorder: Option<EpisodeRecorder>,
    /// True from the start of an episode on, until something prevents that it is recorded as a whole.
    pub(crate) is_whole: bool,
    /// The action of the step's first tick; empty before the first.
    pub(crate) latched: Vec<f32>,
    /// The sums of the episode's terms after the last step.
    pub(crate) terms: Vec<f32>,
}

/// The sources of decisions that a game itself makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ExternalSource {
    /// A person, by keys, a mouse or a gamepad.
    #[default]
    Person,
    /// A script.
    Script,
}

impl From<ExternalSource> for DecidedBy {
    fn from(source: ExternalSource) -> Self {
        match source {
            ExternalSource::Person => Self::Person,
            ExternalSource::Script => Self::Script,
        }
    }
}

/// An episode was recorded.
#[derive(Message, Clone, Debug)]
pub struct DemonstrationFinished {
    /// The agent.
    pub agent: Entity,
    /// The header of a file of such episodes.
    pub header: Arc<DemonstrationHeader>,
    /// The episode.
    pub episode: Demonstration,
}

impl DemonstrationFinished {
    /// Returns the record of the episode in a file, which is appended to the [bytes of the
    /// header](DemonstrationHeader::to_bytes).
    pub fn bytes(&self) -> Vec<u8> {
        self.episode.to_bytes()
    }
}

impl Plugin for DemonstrationPlugin {
    fn build(&self, app: &mut App) {
        if !app.is_plugin_added::<AgentPlugin>() {
            app.add_plugins(AgentPlugin);
        }
        app.insert_resource(Recording::new(self)).add_message::<DemonstrationFinished>();
        app.add_observer(keep_despawned).add_observer(drop_despawned);
        app.add_systems(FixedPreUpdate, record_decisions.after(AgentSystems::Act));
        app.add_systems(FixedLast, record_steps.after(AgentSystems::Sense));
    }
}
