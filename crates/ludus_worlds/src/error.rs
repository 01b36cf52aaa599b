//! Errors of worlds.

use core::num::NonZeroU32;
use std::any::Any;

use ludus_agent::UnknownParameter;

/// The reasons that a world can't be built.
#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorldError {
    /// The game has no kind of agents.
    #[error("the game has no agents: call `app.add_agent::<YourAgent>()` in it")]
    NoAgents,
    /// There are several kinds where one is expected.
    #[error("the game has {} kinds of agents ({}), but a run trains one: add only the one to train", .0.len(), .0.join(", "))]
    SeveralKinds(Vec<String>),
    /// Two kinds have the same name, as types of two modules may.
    #[error("two kinds of agents are named `{0}`, so nothing can tell their sections and policies apart: rename one")]
    SameName(String),
    /// The settings list a kind of agents that the game doesn't have.
    #[error("the game has no agents named `{agent}`, but {}", quoted(kinds))]
    NoSuchKind {
        /// The name in the settings.
        agent: String,
        /// The kinds that there are.
        kinds: Vec<String>,
    },
    /// The settings name an episode parameter that the game doesn't have.
    #[error(transparent)]
    UnknownParameter(#[from] UnknownParameter),
    /// A game that was built anew has other kinds of agents than before, or the same in another order.
    #[error(
        "the game added other kinds of agents when world {world} was built anew, or the same in another order: let it call \
         `add_agent` for the same kinds in the same order every time"
    )]
    OtherKinds {
        /// The world's index.
        world: u32,
    },
    /// A kind would decide between two steps of the world.
    #[error(
        "`{agent}` decides every {interval} ticks, which is no multiple of the {smallest} ticks of `{fastest}`, which \
         decides most often: choose a multiple of {smallest}"
    )]
    UnevenInterval {
        /// The kind of agent.
        agent: String,
        /// Its ticks from one decision to the next.
        interval: NonZeroU32,
        /// The kind that decides most often.
        fastest: String,
        /// The ticks of that one.
        smallest: NonZeroU32,
    },
    /// No agent was there after the first step.
    #[error(
        "world {world} has no {} after its first step: spawn one in an observer of `On<Add, Arena>` or in `Startup`",
        either(agents)
    )]
    NobodyCame {
        /// The world's index.
        world: u32,
        /// The kinds that are to learn or to play.
        agents: Vec<String>,
    },
    /// There are more or fewer weights than terms.
    #[error("`{agent}` has {terms} reward terms, but {weights} weights were given: give one for each term")]
    WrongWeights {
        /// The kind of agent.
        agent: String,
        /// Terms of its reward.
        terms: usize,
        /// Weights that were given.
        weights: usize,
    },
    /// The game has data that must stay on the thread on which it was made.
    #[error(
        "the game has data that can't leave its thread, {}, but worlds that train are stepped by any thread: add it in \
         the function that draws the game, or make it a resource that is `Send`, for example within a `Mutex`",
        thread_bound(types)
    )]
    ThreadBound {
        /// The types of the data; `None` if Bevy was built without its feature `debug`.
        types: Vec<Option<String>>,
    },
    /// The game panicked while it was built.
    #[error(transparent)]
    Panicked(#[from] WorldPanic),
}

/// A panic of a game, with the world, the tick and the seed.
#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
#[error("the game panicked in world {world}{} at tick {tick} (world seed {seed:#018x}): {message}", place(*arena))]
pub struct WorldPanic {
    /// The world's index.
    pub world: u32,
    /// The arena of the panic, if it is known: the only one of its world, or the one whose episode was starting.
    pub arena: Option<u32>,
    /// Ticks since the world was built.
    pub tick: u64,
    /// The world's own seed.
    pub seed: u64,
    /// The message of the panic.
    pub message: String,
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn either(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
}

fn thread_bound(types: &[Option<String>]) -> String {
    let names: Vec<_> = types.iter().flatten().map(|name| format!("`{name}`")).collect();
    match (names.len(), types.len()) {
        (0, 1) => "by `insert_non_send` or `init_non_send` (Bevy's feature `debug` shows its type)".to_owned(),
        (0, count) => {
            format!("{count} times by `insert_non_send` or `init_non_send` (Bevy's feature `debug` shows their types)")
        }
        _ => names.join(", "),
    }
}

fn place(arena: Option<u32>) -> String {
    arena.map_or_else(String::new, |arena| format!(", arena {arena},"))
}

/// Returns the message of a caught panic, with a remedy if Bevy's own message has none that holds in a world.
pub fn explained(panic: &(dyn Any + Send)) -> String {
    let mut message = panic_message(panic);
    for (sign, remedy) in REMEDIES {
        if message.contains(sign) {
            message.push_str("; ");
            message.push_str(remedy);
        }
    }
    message
}

/// Parts of Bevy's messages, each with its remedy.
const REMEDIES: [(&str, &str); 2] = [
    (
        "plugin was already added in application",
        "a world that trains has task pools, the frame count and time, and what it uses of transforms and states: add \
         `DefaultPlugins` or `MinimalPlugins` in `main` or in the function that draws, not in the game's",
    ),
    (
        "<Enable the debug feature to see the name>",
        "build with Bevy's feature `debug` to see the names: `cargo add bevy --features debug`",
    ),
];

/// Joins a message of several lines to one, without the backtrace that Bevy appends to it.
fn in_one_line(message: &str) -> String {
    let is_backtrace = |line: &&str| line.starts_with("0: ") || line.starts_with("stack backtrace");
    let lines = message.lines().map(str::trim).take_while(|line| !is_backtrace(line));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Returns the message of a caught panic, in one line.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.map_or_else(|| "(no message)".to_owned(), |text| in_one_line(&text))
}
