//! The component that gives an agent its policy.

use bevy::prelude::*;
use ludus_agent::{AgentKind, Home};
use ludus_policy::ActionChoice;
use ludus_spec::Seed;

use crate::PolicyAsset;

/// Lets a policy decide for an agent, as long as its [`Controller`](ludus_agent::Controller) is `Policy`.
///
/// By default it is greedy: it takes the most probable action. Both fields may change at any time and count
/// from the next decision on. While its policy is loading, and if it is refused, the agent has its default action.
///
/// ```
/// # use bevy::prelude::*;
/// # use ludus_play::PolicyRunner;
/// # #[derive(Component)]
/// # struct Plate;
/// fn spawn_plates(assets: Res<AssetServer>, mut commands: Commands) {
///     let policy = assets.load("policies/balance.safetensors");
///     commands.spawn((Plate, PolicyRunner::new(policy.clone())));
///     commands.spawn((Plate, PolicyRunner::new(policy).sampled(7))); // less predictable
/// }
/// ```
#[derive(Component, Reflect, Clone, Debug)]
#[reflect(Component, Debug)]
#[require(PolicyState)]
pub struct PolicyRunner {
    /// The asset of the policy.
    pub policy: Handle<PolicyAsset>,
    /// The [bits](Seed::bits) of the seed from which actions are drawn. Without a seed, the agent gets the most probable
    /// action.
    ///
    /// A draw derives from this seed, the tick and the agent's identity (its arena, and its number in the arena), never
    /// from its row. So the same game with the same seed goes the same way, also if it was saved and loaded meanwhile.
    pub seed: Option<u64>,
}

/// The memory that an agent's policy keeps of its episode.
///
/// A [`PolicyRunner`] adds it. It is part of a saved game, since decisions depend on it: save it with the agent's
/// [`SavedAgent`](ludus_agent::SavedAgent).
#[derive(Component, Reflect, Clone, Debug, Default, PartialEq)]
#[reflect(Component, Clone, Debug, Default, PartialEq)]
pub struct PolicyState {
    /// The numbers of the policy's memory. Empty for a policy without memory, and before the first decision.
    ///
    /// They are set to zero where an episode starts.
    pub memory: Vec<f32>,
}

impl PolicyRunner {
    /// Creates a runner that takes the most probable actions of this policy.
    pub const fn new(policy: Handle<PolicyAsset>) -> Self {
        Self { policy, seed: None }
    }

    /// Draws actions as in training, from this seed.
    #[must_use]
    pub fn sampled(self, seed: u64) -> Self {
        self.choosing(ActionChoice::Sampled(Seed::new(seed)))
    }

    /// Chooses actions in this way.
    #[must_use]
    pub fn choosing(self, choice: ActionChoice) -> Self {
        let seed = match choice {
            ActionChoice::Greedy => None,
            ActionChoice::Sampled(seed) => Some(seed.bits()),
        };
        Self { seed, ..self }
    }

    /// Returns the seed of the draw at this tick for the agent with this identity; `None` if nothing is drawn.
    pub fn draw_seed(&self, tick: u64, home: Home) -> Option<Seed> {
        self.seed.map(|bits| home.derive(Seed::from_bits(bits).derive(tick)))
    }
}

/// Gives this runner to every agent of a kind that is spawned from now on.
///
/// For programs that don't know the kind by its type. Programs that do can use an observer of `On<Add, Plate>`.
pub fn give_runner(app: &mut App, kind: &AgentKind, runner: &PolicyRunner) {
    let runner = runner.clone();
    let give = move |agent: On<Add>, mut commands: Commands| {
        commands.entity(agent.entity).insert(runner.clone());
    };
    app.world_mut().spawn(Observer::new(give).with_component(kind.component()));
}
