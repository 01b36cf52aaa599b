//! Errors that end a command.

use std::io;
use std::path::PathBuf;

use ludus_config::ConfigError;
use ludus_demonstrations::DemonstrationError;
use ludus_learn::LearnError;
use ludus_policy::PolicyError;
use ludus_worlds::WorldError;

use crate::learner::DeviceChoice;
#[cfg(feature = "tune")]
use crate::tune::TuneError;
use crate::window_failure::WindowFailure;
use ludus_replay::{HashLogError, ReplayError};

/// The reasons that a run can't start, go on or be evaluated.
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
        /// Name of the game.
        game: String,
        /// The config's path, from one of the folders.
        file: PathBuf,
        /// The folders that were searched, as quoted paths.
        folders: String,
    },
    /// A starter config would overwrite a file.
    #[error("`{path}` is there already and is not overwritten; edit it, or name another file with --config")]
    ConfigExists {
        /// Path of the file that exists.
        path: PathBuf,
    },
    /// The game's name can't be that of a file.
    #[error(
        "the game's name `{name}` can't be that of a folder and of a config; give `Ludus::new` one of letters, digits, `-`, \
         `_`, and spaces and dots between them, of 64 bytes at most"
    )]
    GameName {
        /// Name of the game, which is not valid.
        name: String,
    },
    /// A world can't be built.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The learner can't be made from the config and the game.
    #[error(transparent)]
    Learner(LearnError),
    /// Demonstrations can't be read, written or learned from.
    #[error(transparent)]
    Demonstrations(#[from] DemonstrationError),
    /// A file of demonstrations would be overwritten.
    #[error("`{path}` is there already and is not overwritten; choose another file with --to")]
    DemonstrationsExist {
        /// Path of the file that exists.
        path: PathBuf,
    },
    /// A policy can't be read or written.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Learning led to numbers that are not finite, or a device failed.
    #[error("{cause}; that was iteration {iteration}, {kept}")]
    Diverged {
        /// The error of the learner.
        cause: LearnError,
        /// Index of the iteration that failed.
        iteration: u64,
        /// The part of the run that is saved, in words.
        kept: String,
    },
    /// There is no policy of a kind of agents at the path that was named.
    #[error(
        "`{path}` has no policy of `{kind}`; name a run of this game, or say what decides for `{kind}`, such as `--set \
         {kind}.policy=External` or `--set '{kind}.policy=Frozen(\"FILE\")'`"
    )]
    NoPolicyOf {
        /// The path that was named.
        path: PathBuf,
        /// Name of the kind of agents.
        kind: String,
    },
    /// A checkpoint lacks a policy that the run learns.
    #[error(
        "the checkpoint has no policy of `{kind}`, which the config lets learn; go on with the config that the run has, or \
         train anew"
    )]
    NotSaved {
        /// Name of the kind of agents.
        kind: String,
    },
    /// A run whose policies do not play against themselves.
    #[error("run `{run}` has no matches: its config has no `self_play`, or it ended before its first checkpoint")]
    NoLadder {
        /// Folder of the run.
        run: PathBuf,
    },
    /// An opponent that remembers more than the rows have room for.
    #[error(
        "the policy remembers {needed} numbers of an episode, and the run's rows have room for {room}; give the run a \
         `network.memory` that is as wide, or leave the opponent out"
    )]
    TooMuchMemory {
        /// Numbers that the opponent remembers.
        needed: usize,
        /// Numbers that the run's rows have room for.
        room: usize,
    },
    /// Self-play of a policy with a memory on libtorch.
    #[error(
        "`{kind}` has a memory and plays against itself: its opponents can't remember on libtorch; use --learner native"
    )]
    SelfPlayOnTorch {
        /// Name of the kind of agents.
        kind: String,
    },
    /// A match between policies in a game without sides.
    #[error(
        "the game has no teams, so there are no matches: give its agents a component that derives `Team`, and name it in \
         `#[agent(…, team = …)]`"
    )]
    NoTeams,
    /// The policy to start from does not fit.
    #[error("`{policy}` can't be started from: {problem}")]
    Unfit {
        /// Path of the policy file.
        policy: PathBuf,
        /// The difference, and the remedy.
        problem: String,
    },
    /// The game panicked too often.
    #[error("{summary}\nthat is more than `faults.panics` allows within {steps} steps; {kept}")]
    TooManyPanics {
        /// The panics, in words.
        summary: String,
        /// The value of `faults.panic_steps` in the config.
        steps: u64,
        /// The part of the run that is saved, in words.
        kept: String,
    },
    /// A number was not finite, and the config ends the run then.
    #[error("{fault}, and `faults.bad_steps` says to stop; {kept}")]
    BadStep {
        /// The fault with its place, in words.
        fault: String,
        /// The part of the run that is saved, in words.
        kept: String,
    },
    /// No agent decides anything that could be learned from.
    #[error("nothing to learn from in the last {steps} steps of each row: {reason}; {kept}")]
    NothingToLearn {
        /// Steps of each row since the last experience.
        steps: u64,
        /// The reason, and the remedy.
        reason: String,
        /// The part of the run that is saved, in words.
        kept: String,
    },
    /// The native learner can't use a GPU.
    #[error("the native learner computes on the CPU, not on `{device}`; choose `--learner torch`, or `--device cpu`")]
    NativeOnGpu {
        /// The device that was chosen.
        device: DeviceChoice,
    },
    /// The native learner can't learn the network.
    #[error("the native learner does not learn a game's own network; choose `--learner torch`")]
    NativeNetwork,
    /// The noise that is a function of the observation is drawn in plain Rust only.
    #[error(
        "`gsde` of `sac` explores in plain Rust on the CPU alone; leave out `--learner torch` and `--device cuda`, or leave \
         out `gsde`"
    )]
    NativeNoise,
    /// The critics of soft actor-critic are made from a config's `network`, and the game has a network of its own.
    #[error(
        "`sac` makes its critics as the config's `network` says, so it does not learn a game's own network; learn with \
         `ppo`, `pqn` or `dqn`"
    )]
    NoCritics,
    /// A network of the game's own does not learn from demonstrations or teachers.
    #[error(
        "`pretrain` learns with the network that the config describes, and this game has a network of its own; leave out \
         `pretrain`"
    )]
    PretrainedNetwork,
    /// The program has no libtorch.
    #[error(
        "this program was built without libtorch; build it with the feature `torch`, as `cargo xtask train {game} \
         --learner torch` does, or choose `--learner native`"
    )]
    NoTorch {
        /// Name of the game.
        game: String,
    },
    /// The learner on libtorch can't be used.
    #[error("{0}")]
    Torch(String),
    /// Something can't be saved, so the run ended.
    #[error("{cause}; {kept}")]
    Unsaved {
        /// The error of the write.
        cause: Box<TrainError>,
        /// The part of the run that is saved, and how to go on, in words.
        kept: String,
    },
    /// Another process trains the run.
    #[error("`{run}` is being trained by {holder}; wait until it ends, or end it first")]
    Busy {
        /// Path of the run's folder.
        run: PathBuf,
        /// The process that trains it, in words.
        holder: String,
    },
    /// There is no run to go on with.
    #[error("no run of `{game}` to resume in `{runs}`; train without --resume, or name the run's folder")]
    NothingToResume {
        /// Name of the game.
        game: String,
        /// The folder in which runs were searched.
        runs: PathBuf,
    },
    /// The folder has no config.
    #[error(
        "`{run}` has no config.ron: it is no run's folder, or the run ended before it began; train without --resume"
    )]
    NotBegun {
        /// Path of the folder.
        run: PathBuf,
    },
    /// All checkpoints are damaged.
    #[error("{}no checkpoint of `{run}` can be gone on from; train without --resume", lines(skipped))]
    NoGoodCheckpoint {
        /// Path of the run's folder.
        run: PathBuf,
        /// The problem of each checkpoint, the newest first.
        skipped: Vec<PolicyError>,
    },
    /// There is a policy without a checkpoint.
    #[error(
        "`{run}` has a policy, but no checkpoint to go on from, so it can't go on; begin a new run with what it has \
         learned: train --initialize-from {run}"
    )]
    CheckpointsGone {
        /// Path of the run's folder.
        run: PathBuf,
    },
    /// An export would replace what a run has saved.
    #[error("`{path}` was saved by a run, and that is never overwritten; choose another file with --to")]
    OfARun {
        /// Path of the file that a run has saved.
        path: PathBuf,
    },
    /// Something in a run's folder is a link, a pipe or a device.
    #[error("`{path}` can't be a part of a run: {source}")]
    NotOwn {
        /// Path of the file or folder.
        path: PathBuf,
        /// The kind of file that it is, and the remedy.
        source: io::Error,
    },
    /// A run's folder or a file in it can't be written.
    #[error("`{path}` can't be written: {source}; check its permissions, or choose another folder with --runs-dir")]
    Folder {
        /// Path of the folder or file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// No run of the game has a policy.
    #[error("no run of `{game}` with a policy in `{runs}`; train one first, or name its folder")]
    NoRun {
        /// Name of the game.
        game: String,
        /// The folder in which runs were searched.
        runs: PathBuf,
    },
    /// The run that was named is not there.
    #[error("no run `{run}`, neither as a path nor in `{runs}`; check the name")]
    UnknownRun {
        /// The path that was named.
        run: PathBuf,
        /// The folder in which the run was searched.
        runs: PathBuf,
    },
    /// The opponent that was named is not there.
    #[error(
        "no opponent `{opponent}`: neither a run, as a path or in `{runs}`, nor a file of a policy; name one of these, \
         `script` for the game's own script, or `random` for random actions"
    )]
    UnknownOpponent {
        /// The name or path.
        opponent: PathBuf,
        /// The folder in which a run was searched.
        runs: PathBuf,
    },
    /// The program was built without a window.
    #[error(
        "this program was built without a window; build it with the feature `editor`, or run `{game} train`, which needs none"
    )]
    NoWindow {
        /// Name of the game.
        game: String,
    },
    /// The window can't be opened, or its work did not come to its end.
    #[error(transparent)]
    Window(#[from] WindowFailure),
    /// Files of state hashes can't be compared.
    #[error(transparent)]
    HashLog(#[from] HashLogError),
    /// An episode can't be read, written or played again.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The run has no such episode.
    #[error("`{run}` has no episode `{name}`; {valid}")]
    NoEpisode {
        /// Path of the run's folder.
        run: PathBuf,
        /// The name that was given.
        name: String,
        /// The episodes that the run has, in words.
        valid: String,
    },
    /// A replay differs from the log of its episode.
    #[error(
        "the replay differs from what was logged, first after step {step} (tick {tick}); the episode depends on more \
         than its seed and its actions, such as physics shared with other arenas, or this is another game, build or machine"
    )]
    ReplayDiffers {
        /// Steps of the episode until the first difference.
        step: u32,
        /// Ticks of the episode at that step's end.
        tick: u64,
    },
    /// The state hashes of two runs differ.
    #[error("the runs differ: first in {}", described(*tick, *world, part))]
    Differ {
        /// Ticks of the world, or of the run, until the first difference.
        tick: u64,
        /// The world, unless what was learned from all of them differs.
        world: Option<u32>,
        /// Name of the part that differs.
        part: String,
    },
    /// The game has no policy to play with.
    #[error("no policy `{path}`; write one there with `{game} export RUN`, or name a run: `{game} play RUN`")]
    NoShippedPolicy {
        /// Name of the game.
        game: String,
        /// The path at which the policy is expected.
        path: PathBuf,
    },
    /// The policy can't decide in this game.
    #[error("{0}")]
    Unplayable(String),
    /// The game panicked where it is played.
    #[error("the game panicked: {0}")]
    GamePanicked(String),
    /// A search can't start or go on.
    #[cfg(feature = "tune")]
    #[error(transparent)]
    Tune(#[from] TuneError),
    /// The threads can't be started.
    #[error("{threads} threads can't be started: {message}; choose fewer with --threads")]
    Threads {
        /// The number of threads that were to be started.
        threads: usize,
        /// The error of the operating system.
        message: String,
    },
}

impl TrainError {
    /// The code that the process exits with: 2 if the command can't be carried out, 1 if it failed on the way.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Policy(PolicyError::Unwritable { .. })
            | Self::Demonstrations(DemonstrationError::Unwritable { .. })
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
            | Self::UnknownOpponent { .. }
            | Self::NoWindow { .. }
            | Self::Window(WindowFailure::NotOpened(_))
            | Self::NoShippedPolicy { .. }
            | Self::Unplayable(_)
            | Self::Policy(_)
            | Self::NativeOnGpu { .. }
            | Self::NativeNetwork
            | Self::NativeNoise
            | Self::NoCritics
            | Self::PretrainedNetwork
            | Self::DemonstrationsExist { .. }
            | Self::Demonstrations(_)
            | Self::NoTorch { .. }
            | Self::Torch(_)
            | Self::Busy { .. }
            | Self::NothingToResume { .. }
            | Self::NoPolicyOf { .. }
            | Self::NotSaved { .. }
            | Self::NoLadder { .. }
            | Self::NoTeams
            | Self::TooMuchMemory { .. }
            | Self::SelfPlayOnTorch { .. }
            | Self::NotBegun { .. }
            | Self::Unfit { .. }
            | Self::NoGoodCheckpoint { .. }
            | Self::CheckpointsGone { .. }
            | Self::NotOwn { .. }
            | Self::OfARun { .. }
            | Self::HashLog(_)
            | Self::NoEpisode { .. } => 2,
            Self::Replay(error) => error.exit_code(),
            #[cfg(feature = "tune")]
            Self::Tune(error) => error.exit_code(),
            _ => 1,
        }
    }
}

/// The place of the first difference between two runs, in words.
fn described(tick: u64, world: Option<u32>, part: &str) -> String {
    match world {
        None => format!("`{part}` of what was learned until tick {tick}"),
        Some(world) => format!("`{part}` of world {world} at tick {tick}"),
    }
}

/// The errors, each on a line of its own.
fn lines(errors: &[PolicyError]) -> String {
    errors.iter().map(|error| format!("{error}\n")).collect()
}

/// Turns an error of the operating system into one that names `path`.
pub(crate) fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> TrainError {
    |source| TrainError::Folder { path: path.into(), source }
}
