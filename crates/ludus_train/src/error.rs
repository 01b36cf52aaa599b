//! What can end a command before its time.

use std::io;
use std::path::PathBuf;

use ludus_learn::LearnError;
use ludus_policy::PolicyError;
use ludus_worlds::WorldError;

use crate::config::ConfigError;
use crate::learner::DeviceChoice;
use crate::replay::ReplayError;
use crate::window::WindowFailure;

/// Why a run can't start, go on or be evaluated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The config can't be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no config to train with.
    #[error(
        "no config `{file}` in {folders}; write a starter config with `{game} train --write-config`, or name one with --config"
    )]
    NoConfig {
        /// The game.
        game: String,
        /// The config's path, from one of the folders.
        file: PathBuf,
        /// Where it was looked for: quoted paths.
        folders: String,
    },
    /// A starter config would overwrite a file.
    #[error("`{path}` is there already and is not overwritten; edit it, or name another file with --config")]
    ConfigExists {
        /// The file.
        path: PathBuf,
    },
    /// The game's name can't be that of a file.
    #[error(
        "the game's name `{name}` can't be that of a folder and of a config; give `Ludus::new` one of letters, digits, `-`, \
         `_`, and spaces and dots between them, of 64 bytes at most"
    )]
    GameName {
        /// The name.
        name: String,
    },
    /// A world can't be built.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The learner can't be made from the config and the game.
    #[error(transparent)]
    Learner(LearnError),
    /// A policy can't be read or written.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Learning led to numbers that are not finite, or a device failed.
    #[error("{cause}; that was iteration {iteration}, {kept}")]
    Diverged {
        /// What the learner said.
        cause: LearnError,
        /// When.
        iteration: u64,
        /// What is left of the run.
        kept: String,
    },
    /// A kind of agents has no policy where it was looked for.
    #[error(
        "`{path}` has no policy of `{kind}`; name a run of this game, or say what decides for `{kind}`, such as `--set \
         {kind}.policy=External` or `--set '{kind}.policy=Frozen(\"FILE\")'`"
    )]
    NoPolicyOf {
        /// The path that was named.
        path: PathBuf,
        /// The kind of agents.
        kind: String,
    },
    /// A checkpoint lacks a policy that the run learns.
    #[error(
        "the checkpoint has no policy of `{kind}`, which the config lets learn; go on with the config that the run has, or \
         train anew"
    )]
    NotSaved {
        /// The kind of agents.
        kind: String,
    },
    /// The policy to start from does not fit.
    #[error("`{policy}` can't be started from: {problem}")]
    Unfit {
        /// The file.
        policy: PathBuf,
        /// What differs, and the remedy.
        problem: String,
    },
    /// The game panicked too often.
    #[error("{summary}\nthat is more than `faults.panics` allows within {steps} steps; {kept}")]
    TooManyPanics {
        /// Which panics there were.
        summary: String,
        /// The config's steps.
        steps: u64,
        /// What is left of the run.
        kept: String,
    },
    /// A number was not finite, and the config says to stop.
    #[error("{fault}, and `faults.bad_steps` says to stop; {kept}")]
    BadStep {
        /// Where it was.
        fault: String,
        /// What is left of the run.
        kept: String,
    },
    /// No agent decides anything that could be learned from.
    #[error("nothing to learn from in the last {steps} steps of each row: {reason}; {kept}")]
    NothingToLearn {
        /// Steps of each row since the last experience.
        steps: u64,
        /// Why, and the remedy.
        reason: String,
        /// What is left of the run.
        kept: String,
    },
    /// The native learner can't use a GPU.
    #[error("the native learner computes on the CPU, not on `{device}`; choose `--learner torch`, or `--device cpu`")]
    NativeOnGpu {
        /// What was asked for.
        device: DeviceChoice,
    },
    /// The native learner can't learn the network.
    #[error("the native learner learns neither convolutions nor a game's own network; choose `--learner torch`")]
    NativeNetwork,
    /// The program has no libtorch.
    #[error(
        "this program was built without libtorch; build it with the feature `torch`, as `cargo xtask train {game} \
         --learner torch` does, or choose `--learner native`"
    )]
    NoTorch {
        /// The game.
        game: String,
    },
    /// The learner on libtorch can't be had.
    #[error("{0}")]
    Torch(String),
    /// Something can't be saved, so the run ended.
    #[error("{cause}; {kept}")]
    Unsaved {
        /// What can't be written, and why.
        cause: Box<TrainError>,
        /// What is left of the run, and how to go on.
        kept: String,
    },
    /// Another process trains the run.
    #[error("`{run}` is being trained by {holder}; wait until it ends, or end it first")]
    Busy {
        /// The run's folder.
        run: PathBuf,
        /// Who has it.
        holder: String,
    },
    /// There is no run to go on with.
    #[error("no run of `{game}` to resume in `{runs}`; train without --resume, or name the run's folder")]
    NothingToResume {
        /// The game.
        game: String,
        /// Where runs were looked for.
        runs: PathBuf,
    },
    /// The folder has no config.
    #[error(
        "`{run}` has no config.ron: it is no run's folder, or the run ended before it began; train without --resume"
    )]
    NotBegun {
        /// The folder.
        run: PathBuf,
    },
    /// All checkpoints are damaged.
    #[error("{}no checkpoint of `{run}` can be gone on from; train without --resume", lines(skipped))]
    NoGoodCheckpoint {
        /// The run's folder.
        run: PathBuf,
        /// What is wrong with each, the newest first.
        skipped: Vec<PolicyError>,
    },
    /// There is a policy without a checkpoint.
    #[error(
        "`{run}` has a policy, but no checkpoint to go on from, so it can't go on; begin a new run with what it has \
         learned: train --initialize-from {run}"
    )]
    CheckpointsGone {
        /// The run's folder.
        run: PathBuf,
    },
    /// An export would replace what a run has saved.
    #[error("`{path}` was saved by a run, and that is never overwritten; choose another file with --to")]
    OfARun {
        /// The file.
        path: PathBuf,
    },
    /// Something in a run's folder is a link, a pipe or a device.
    #[error("`{path}` can't be a part of a run: {source}")]
    NotOwn {
        /// The file or folder.
        path: PathBuf,
        /// What it is, and the remedy.
        source: io::Error,
    },
    /// A run's folder or a file in it can't be written.
    #[error("`{path}` can't be written: {source}; check its permissions, or choose another folder with --runs-dir")]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// There is nothing to evaluate.
    #[error("no run of `{game}` with a policy in `{runs}`; train one first, or name its folder")]
    NoRun {
        /// The game.
        game: String,
        /// Where runs were looked for.
        runs: PathBuf,
    },
    /// The run that was named is not there.
    #[error("no run `{run}`, neither as a path nor in `{runs}`; check the name")]
    UnknownRun {
        /// The path that was named.
        run: PathBuf,
        /// Where runs were looked for.
        runs: PathBuf,
    },
    /// The program has nothing that opens a window.
    #[error(
        "this program was built without a window; build it with the feature `editor`, or run `{game} train`, which needs none"
    )]
    NoWindow {
        /// The game.
        game: String,
    },
    /// The window can't be opened, or did not do what it was to do.
    #[error(transparent)]
    Window(#[from] WindowFailure),
    /// A file of state hashes is damaged, or none.
    #[error("`{path}` has no state hashes: {problem}; train with --hash-every")]
    HashLog {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// An episode can't be read, written or played again.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The run has no such episode.
    #[error("`{run}` has no episode `{name}`; {valid}")]
    NoEpisode {
        /// The run's folder.
        run: PathBuf,
        /// What was asked for.
        name: String,
        /// What there is.
        valid: String,
    },
    /// A replay is not what was logged.
    #[error(
        "the replay differs from what was logged, first after step {step} (tick {tick}); the episode depends on more \
         than its seed and its actions, such as physics shared with other arenas, or this is another game, build or machine"
    )]
    ReplayDiffers {
        /// Steps of the episode.
        step: u32,
        /// Its ticks.
        tick: u64,
    },
    /// Two runs are not the same.
    #[error("the runs differ: first in {}", described(*tick, *world, part))]
    Differ {
        /// Ticks of the world, or of the run, until the first difference.
        tick: u64,
        /// The world, unless what was learned from all of them differs.
        world: Option<u32>,
        /// What differs.
        part: String,
    },
    /// Two files of state hashes can't be compared.
    #[error("`{one}` and `{other}` have nothing in common: train both with the same --hash-every")]
    NothingInCommon {
        /// A file.
        one: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// The game has no policy to play with.
    #[error("no policy `{path}`; write one there with `{game} export RUN`, or name a run: `{game} play RUN`")]
    NoShippedPolicy {
        /// The game.
        game: String,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The policy can't decide in this game.
    #[error("{0}")]
    Unplayable(String),
    /// The game panicked where it is played.
    #[error("the game panicked: {0}")]
    GamePanicked(String),
    /// The threads can't be started.
    #[error("{threads} threads can't be started: {message}; choose fewer with --threads")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the operating system said.
        message: String,
    },
}

impl TrainError {
    /// The code that the process exits with: 2 if what was asked for can't be done, 1 if it failed on the way.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Policy(PolicyError::Unwritable { .. })
            | Self::Learner(
                LearnError::NotFinite { .. }
                | LearnError::Gradient { .. }
                | LearnError::Parameter { .. }
                | LearnError::Device(_),
            ) => 1,
            Self::Config(_)
            | Self::NoConfig { .. }
            | Self::ConfigExists { .. }
            | Self::GameName { .. }
            | Self::Learner(_)
            | Self::NoRun { .. }
            | Self::UnknownRun { .. }
            | Self::NoWindow { .. }
            | Self::Window(WindowFailure::NotOpened(_))
            | Self::NoShippedPolicy { .. }
            | Self::Unplayable(_)
            | Self::Policy(_)
            | Self::NativeOnGpu { .. }
            | Self::NativeNetwork
            | Self::NoTorch { .. }
            | Self::Torch(_)
            | Self::Busy { .. }
            | Self::NothingToResume { .. }
            | Self::NoPolicyOf { .. }
            | Self::NotSaved { .. }
            | Self::NotBegun { .. }
            | Self::Unfit { .. }
            | Self::NoGoodCheckpoint { .. }
            | Self::CheckpointsGone { .. }
            | Self::NotOwn { .. }
            | Self::OfARun { .. }
            | Self::HashLog { .. }
            | Self::NothingInCommon { .. }
            | Self::NoEpisode { .. } => 2,
            Self::Replay(error) => error.exit_code(),
            _ => 1,
        }
    }
}

/// Where two runs part.
fn described(tick: u64, world: Option<u32>, part: &str) -> String {
    match world {
        None => format!("`{part}` of what was learned until tick {tick}"),
        Some(world) => format!("`{part}` of world {world} at tick {tick}"),
    }
}

/// Each on a line of its own.
fn lines(errors: &[PolicyError]) -> String {
    errors.iter().map(|error| format!("{error}\n")).collect()
}

/// Names the path that an error is about.
pub(crate) fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> TrainError {
    |source| TrainError::Folder { path: path.into(), source }
}
