//! Arguments of the command line.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};

use crate::learner::{DeviceChoice, LearnerChoice, LearnerKind};
#[cfg(feature = "tune")]
use crate::tune::SamplerKind;

/// Trains, scores and measures the game's agents.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

/// The commands of a game's program.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Trains a policy in many headless copies of the game.
    Train(TrainArguments),
    /// Searches for values of the config's keys, such as the learning rate, with which the game is learned best.
    ///
    /// Each trial is a run, or several with --seeds, in a folder `<game>-tune-<date>-<number>` of all runs. A search that
    /// was ended goes on with --resume.
    #[cfg(feature = "tune")]
    Tune(TuneArguments),
    /// Opens a window on the game: live training, or what a run has learned.
    Watch(WatchArguments),
    /// Scores a run's policy on fresh episodes.
    Eval(EvalArguments),
    /// Rates the versions of a run whose policy plays against itself, by all of their matches.
    Ladder(LadderArguments),
    /// Trains a best response to a policy that stays as it is: how badly can it be beaten?
    ///
    /// The new run has the config of the run that is named; its policy plays one side, the other one the rest.
    Exploit(ExploitArguments),
    /// Plays the game with random actions and reports what is wrong with it. Writes nothing.
    ///
    /// Exits with 1 if there is a finding.
    Check(CheckArguments),
    /// Plays the game in real time, with the policy that is shipped with it: in a window, where one is built in.
    Play(PlayArguments),
    /// Writes a run's policy to where the game ships it, or as an ONNX graph.
    Export(ExportArguments),
    /// Measures the game and the learner by phase. Writes nothing.
    ///
    /// The simulation's agent-steps are all rows of all steps, those in which episodes restart included.
    Bench(BenchArguments),
    /// Plays an episode that a run kept once more, and verifies that it is the same, step for step.
    ///
    /// Exits with 1, and names the first step that differs, if it is not.
    Replay(ReplayArguments),
    /// Compares the state hashes of two runs and names the first tick, world and part that differ.
    ///
    /// Both runs need hashes: train with --hash-every. Exits with 1 if they differ.
    DiffHash(DiffHashArguments),
    /// Lists demonstrations, or writes a new file of them: with fewer episodes, those of several files, or other weights.
    ///
    /// No command changes a file that is there.
    Demonstrations(DemonstrationsArguments),
    /// Reports what this machine has for learning: libtorch, CUDA, GPUs; and what is missing, with the remedy.
    Doctor(DoctorArguments),
}

impl Command {
    /// True if the last line of the output is to be JSON.
    pub const fn is_json(&self) -> bool {
        match self {
            Self::Train(arguments) => arguments.run.json,
            #[cfg(feature = "tune")]
            Self::Tune(arguments) => arguments.run.json,
            Self::Watch(arguments) => arguments.run.json,
            Self::Eval(arguments) => arguments.run.json,
            Self::Ladder(arguments) => arguments.run.json,
            Self::Exploit(arguments) => arguments.run.json,
            Self::Check(arguments) => arguments.run.json,
            Self::Play(arguments) => arguments.run.json,
            Self::Export(arguments) => arguments.run.json,
            Self::Bench(arguments) => arguments.run.json,
            Self::Replay(arguments) => arguments.run.json,
            Self::DiffHash(arguments) => arguments.run.json,
            Self::Demonstrations(arguments) => arguments.run.json,
            Self::Doctor(arguments) => arguments.json,
        }
    }
}

/// Arguments that the commands share.
#[derive(Debug, Default, Args)]
pub struct RunArguments {
    /// Config in RON [default: assets/train/<game>.ron, or that of the run that is named]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Changes the config, such as ppo.clip=0.1 or worlds=2; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Sets an episode parameter, such as `Course.wall_height=4`; may be repeated. Short for --set parameters.NAME=VALUE
    #[arg(long, value_name = "NAME=VALUE")]
    pub parameter: Vec<String>,
    /// The root of all random numbers [default: the config's]
    #[arg(long, value_parser = whole::<u64>)]
    pub seed: Option<u64>,
    /// Number of threads; the result does not depend on it [default: one per core]
    #[arg(long, value_name = "COUNT", value_parser = thread_count)]
    pub threads: Option<NonZeroUsize>,
    /// Folder that contains the folders of all runs
    #[arg(long, value_name = "FOLDER", default_value = "runs")]
    pub runs_dir: PathBuf,
    /// Makes the last line of the output one JSON object
    #[arg(long)]
    pub json: bool,
}

impl RunArguments {
    /// The changes of the config, `key=value`.
    pub fn sets(&self) -> Vec<String> {
        let parameters = self.parameter.iter().map(|parameter| format!("parameters.{}", parameter.trim()));
        self.set.iter().cloned().chain(parameters).collect()
    }
}

/// Arguments of `train`.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct TrainArguments {
    /// Writes a config to start from, with every field explained, and trains nothing
    #[arg(long, conflicts_with_all = ["resume", "initialize_from", "hash_every", "set", "seed"])]
    pub write_config: bool,
    /// Resumes a run: its folder, its name, or `latest`; the config is that of the run, with the changes of --set
    #[arg(long, value_name = "RUN", conflicts_with_all = ["config", "seed"])]
    pub resume: Option<PathBuf>,
    /// Starts from what another run or policy file has learned, with observations and actions matched by name
    #[arg(long, value_name = "RUN", conflicts_with = "resume")]
    pub initialize_from: Option<PathBuf>,
    /// Logs hashes of the worlds' states every so many ticks, for diff-hash
    #[arg(long, value_name = "TICKS", value_parser = whole::<NonZeroU64>)]
    pub hash_every: Option<NonZeroU64>,
    #[command(flatten)]
    pub learner: LearnerArguments,
    #[command(flatten)]
    pub run: RunArguments,
}

/// Arguments of `tune`.
#[cfg(feature = "tune")]
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct TuneArguments {
    /// Keys of the config and their ranges, in RON [default: assets/tune/<game>.ron]
    #[arg(long, value_name = "FILE")]
    pub space: Option<PathBuf>,
    /// Trials to make, besides one of the config as it is [default: 30, or as many as the search had that goes on]
    #[arg(long, value_name = "COUNT", value_parser = whole::<NonZeroU64>)]
    pub trials: Option<NonZeroU64>,
    /// Runs of each trial, each with a seed of its own: the config's seed, and those after it
    #[arg(long, value_name = "COUNT", default_value = "1", value_parser = whole::<NonZeroU32>)]
    pub seeds: NonZeroU32,
    /// Trials at once; with 1, the search is reproducible [default: one per core]
    #[arg(long, value_name = "COUNT", value_parser = thread_count)]
    pub jobs: Option<NonZeroUsize>,
    /// Sampler of the trials' values
    #[arg(long, value_enum, default_value = "tpe")]
    pub sampler: SamplerKind,
    /// Metric that judges a trial, by evaluations with seeds that training doesn't use: return (at the end), area (mean
    /// over the run), steps or seconds (to --goal), or a column of metrics.csv; KIND/return and so on with several kinds
    /// of agents [default: return, or steps with --goal]
    #[arg(long, value_name = "NAME")]
    pub metric: Option<String>,
    /// Mean return of an evaluation at which a run has reached its goal [default: that of the config]
    #[arg(long, value_name = "RETURN", allow_negative_numbers = true)]
    pub goal: Option<f64>,
    /// A column of metrics.csv is better if it is lower
    #[arg(long, requires = "metric")]
    pub minimize: bool,
    /// Episodes of an evaluation [default: 100 at the end of a run; 20 for area, steps and seconds]
    #[arg(long, value_name = "COUNT", value_parser = whole::<NonZeroU32>)]
    pub episodes: Option<NonZeroU32>,
    /// Evaluates with actions that are drawn, as in training, instead of the most probable ones
    #[arg(long)]
    pub sample: bool,
    /// Lets every trial go on to its end, however bad it is
    #[arg(long)]
    pub no_pruning: bool,
    /// Seeds that the search did not use, to train the best trial and the config as it is again; may be 0
    #[arg(long, value_name = "COUNT", default_value = "5", value_parser = whole::<u32>)]
    pub fresh_seeds: u32,
    /// Writes the config of the best trial to this file
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// Goes on with a search: its folder, its name, or `latest`; all but --trials, --jobs and --write are those that it had
    #[arg(long, value_name = "SEARCH", conflicts_with_all = ["space", "seeds", "sampler", "metric", "goal", "minimize",
        "episodes", "sample", "no_pruning", "fresh_seeds", "config", "set", "seed", "learner", "device"])]
    pub resume: Option<PathBuf>,
    #[command(flatten)]
    pub learner: LearnerArguments,
    #[command(flatten)]
    pub run: RunArguments,
}

/// Arguments of `watch`.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct WatchArguments {
    /// A run's folder, its name, `latest`, or a policy file to show [default: none; train live from the window]
    #[arg(value_name = "RUN")]
    pub of: Option<PathBuf>,
    /// Plays an episode again that the run kept: best, worst, or the number of an ordinary one; best-KIND and
    /// worst-KIND with several kinds of agents
    #[arg(long, value_name = "EPISODE", requires = "of")]
    pub replay: Option<String>,
    /// Records the episodes in which you take over from the policy, to a file for each kind of agents in this folder
    #[arg(long, value_name = "FOLDER")]
    pub record: Option<PathBuf>,
    /// Steps in RON that the window carries out by itself, such as `[StartTraining, WaitSeconds(5), Quit]`
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    #[command(flatten)]
    pub learner: LearnerArguments,
    #[command(flatten)]
    pub run: RunArguments,
}

/// The learner, and the device that it computes on.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct LearnerArguments {
    /// The learner [default: torch where there is a GPU and enough to compute, else native]
    #[arg(long, value_enum)]
    pub learner: Option<LearnerKind>,
    /// Device that it computes on: auto, cpu, or a GPU such as cuda:0
    #[arg(long, default_value_t)]
    pub device: DeviceChoice,
}

impl LearnerArguments {
    /// The choice of learner and device that the arguments make.
    pub const fn choice(self) -> LearnerChoice {
        LearnerChoice { learner: self.learner, device: self.device }
    }
}

/// Arguments of `eval`.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct EvalArguments {
    /// A run's folder, its name, `latest`, or a policy file [default: the newest run of this game]
    #[arg(value_name = "RUN")]
    pub of: Option<PathBuf>,
    /// Episodes to score
    #[arg(long, default_value = "100", value_parser = whole::<NonZeroU32>)]
    pub episodes: NonZeroU32,
    /// Draws actions as in training, instead of the most probable ones
    #[arg(long)]
    pub sample: bool,
    /// Plays matches against another policy, from either side in turn: a run's folder, its name, a policy file, `script`
    /// for the game's own opponent, or `random` for random actions. A score is the share of the points: 1 for a victory,
    /// 0.5 for a draw
    #[arg(long, value_name = "OPPONENT", conflicts_with_all = ["record", "demonstrations"])]
    pub against: Option<PathBuf>,
    /// Appends the episodes to a file of demonstrations; with several kinds of agents to a folder, which has a file for
    /// each
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Compares the policy with demonstrations instead of playing: with the episodes that the run held out if it has
    /// learned from the file, else with all of them
    #[arg(long, value_name = "FILE", conflicts_with_all = ["record", "sample", "episodes"])]
    pub demonstrations: Option<PathBuf>,
    #[command(flatten)]
    pub run: RunArguments,
}

/// Arguments of `ladder`.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct LadderArguments {
    /// A run's folder, its name, or `latest` [default: the newest run of this game]
    #[arg(value_name = "RUN")]
    pub of: Option<PathBuf>,
    #[command(flatten)]
    pub run: RunArguments,
}

/// Arguments of `exploit`.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct ExploitArguments {
    /// A run's folder, its name, `latest`, or a policy file [default: the newest run of this game]
    #[arg(value_name = "RUN")]
    pub of: Option<PathBuf>,
    /// Matches by which the best response is scored at its end
    #[arg(long, default_value = "1000", value_parser = whole::<NonZeroU32>)]
    pub episodes: NonZeroU32,
    #[command(flatten)]
    pub learner: LearnerArguments,
    #[command(flatten)]
    pub run: RunArguments,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct CheckArguments {
    /// Ticks to play
    #[arg(long, default_value = "4000", value_parser = whole::<NonZeroU32>)]
    pub ticks: NonZeroU32,
    #[command(flatten)]
    pub run: RunArguments,
}

/// Arguments of `play`.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct PlayArguments {
    /// A run's folder, its name, `latest`, or a policy file [default: assets/policies/<game>.safetensors]
    #[arg(value_name = "RUN")]
    pub of: Option<PathBuf>,
    /// Opens no window, but prints the return of every episode; the default where no window is built in
    #[arg(long)]
    pub headless: bool,
    /// Episodes to play without a window [default: until Ctrl-C]
    #[arg(long, value_parser = whole::<NonZeroU32>)]
    pub episodes: Option<NonZeroU32>,
    /// Draws actions as in training, instead of the most probable ones
    #[arg(long)]
    pub sample: bool,
    /// Lets another policy play all sides but the first: a run's folder, its name, or a policy file, such as one in a
    /// run's `versions`. Without RUN, the first side is yours: the game's own input decides for it
    #[arg(long, value_name = "OPPONENT")]
    pub against: Option<PathBuf>,
    /// Records every episode of every agent, whoever decides in it, to a file for each kind of agents in this folder
    #[arg(long, value_name = "FOLDER")]
    pub record: Option<PathBuf>,
    #[command(flatten)]
    pub run: RunArguments,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct ExportArguments {
    /// A run's folder, its name, `latest`, a checkpoint or a policy file [default: the newest run of this game]
    #[arg(value_name = "RUN")]
    pub of: Option<PathBuf>,
    /// File to write, or folder with several kinds of agents [default: assets/policies/<game>.safetensors, or .onnx]
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// Writes an ONNX graph, with normalisation, masks and heads inside, for other programs than this one
    #[arg(long)]
    pub onnx: bool,
    #[command(flatten)]
    pub run: RunArguments,
}

/// Arguments of `bench`.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct BenchArguments {
    /// Seconds that each section is measured for
    #[arg(long, default_value_t = 3.0, value_parser = positive)]
    pub seconds: f64,
    #[command(flatten)]
    pub learner: LearnerArguments,
    #[command(flatten)]
    pub run: RunArguments,
}

/// Arguments of `replay`.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct ReplayArguments {
    /// A run's folder, its name, `latest`, or an episode's file
    #[arg(value_name = "RUN")]
    pub of: PathBuf,
    /// Name of the run's episode: best, worst, or the number of an ordinary one; best-KIND and worst-KIND with several
    /// kinds of agents, where best and worst mean those of the first kind
    #[arg(value_name = "EPISODE", default_value = "best")]
    pub episode: String,
    #[command(flatten)]
    pub run: RunArguments,
}

/// Arguments of `diff-hash`.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct DiffHashArguments {
    /// A run's folder, its name, or `latest`
    #[arg(value_name = "RUN")]
    pub one: PathBuf,
    /// Another run's folder, its name, or `latest`
    #[arg(value_name = "RUN")]
    pub other: PathBuf,
    #[command(flatten)]
    pub run: RunArguments,
}

/// Arguments of `demonstrations`.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct DemonstrationsArguments {
    /// The task: list, cut, merge or score files anew
    #[command(subcommand)]
    pub task: DemonstrationsTask,
    #[command(flatten)]
    pub run: RunArguments,
}

/// The tasks of `demonstrations`.
#[derive(Debug, Subcommand)]
pub enum DemonstrationsTask {
    /// Shows the episodes of files.
    List {
        /// Files of demonstrations
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Writes some of a file's episodes to a new file.
    Cut {
        /// File of demonstrations
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Numbers of the episodes to keep, such as 1-5,8
        #[arg(long, value_name = "NUMBERS", value_parser = numbers)]
        keep: Numbers,
        /// File to write
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Writes the episodes of several files to a new file.
    Merge {
        /// Files of demonstrations
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        /// File to write
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Writes a file's episodes to a new file with the weights of the config.
    Rescore {
        /// File of demonstrations
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// File to write
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
}

/// Numbers from 1, as ranges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers(Vec<std::ops::RangeInclusive<usize>>);

impl Numbers {
    /// True if the number is one of them.
    pub fn contains(&self, number: usize) -> bool {
        self.0.iter().any(|range| range.contains(&number))
    }

    /// The greatest of them.
    pub fn greatest(&self) -> usize {
        self.0.iter().map(|range| *range.end()).max().unwrap_or(0)
    }
}

/// Numbers such as `1-5,8`.
fn numbers(text: &str) -> Result<Numbers, String> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (1..=last).contains(&first).then_some(first..=last)
    };
    let ranges = text.split(',').map(range).collect::<Option<_>>();
    ranges.map(Numbers).ok_or_else(|| "they must be numbers from 1 and ranges of them, such as 1-5,8".to_owned())
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct DoctorArguments {
    /// Makes the last line of the output one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Most threads: more than any machine has cores. Each has a stack of its own.
const MOST_THREADS: usize = 1024;

fn thread_count(text: &str) -> Result<NonZeroUsize, String> {
    let count = whole::<NonZeroUsize>(text)?;
    if count.get() <= MOST_THREADS { Ok(count) } else { Err(format!("there may be {MOST_THREADS} at most")) }
}

/// A whole number, which may be written as in a config: `100_000` or `1e5`.
fn whole<T: FromStr>(text: &str) -> Result<T, String> {
    let plain = text.replace('_', "");
    let exact = plain.parse::<u64>().ok().or_else(|| whole_float(&plain));
    let number = exact.ok_or_else(|| "it must be a whole number, such as 1000 or 1e3".to_owned())?;
    number
        .to_string()
        .parse()
        .map_err(|_| if number == 0 { "it must be at least 1" } else { "it is too large" }.to_owned())
}

/// The whole number that a float is, if it is one and below 2⁶⁴.
fn whole_float(text: &str) -> Option<u64> {
    let number = text.parse::<f64>().ok()?;
    let is_whole = number.fract() == 0.0 && (0.0..18_446_744_073_709_551_616.0).contains(&number);
    is_whole.then_some(number as u64)
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().map_err(|error| error.to_string())?;
    let is_positive = number.is_finite() && number > 0.0;
    if is_positive { Ok(number) } else { Err("it must be above 0".to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn flags_are_read() {
        let line = ["balance", "eval", "my-run", "--set", "worlds=2", "--set", "arenas=1", "--json", "--episodes", "7"];
        let Command::Eval(eval) = Arguments::parse_from(line).command else { panic!("not eval") };
        assert_eq!(eval.of, Some(PathBuf::from("my-run")));
        assert_eq!(eval.run.set, ["worlds=2", "arenas=1"]);
        assert!(eval.run.json && !eval.sample);
        assert_eq!(eval.episodes.get(), 7);
        assert_eq!(eval.run.runs_dir, PathBuf::from("runs"));
    }

    #[test]
    fn the_last_of_a_flag_counts() {
        let line = ["balance", "bench", "--seconds", "1", "--seconds", "2", "--set", "a=1", "--set", "b=2"];
        let Command::Bench(bench) = Arguments::parse_from(line).command else { panic!("not bench") };
        assert_eq!(bench.seconds, 2.0);
        assert_eq!(bench.run.set.len(), 2, "all that is set counts");
    }

    #[test]
    fn whole_numbers_may_be_written_as_in_a_config() {
        assert_eq!(whole::<NonZeroU32>("1e3").unwrap().get(), 1000);
        assert_eq!(whole::<u64>("100_000"), Ok(100_000));
        assert_eq!(whole::<u64>("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(whole::<u64>("0"), Ok(0));
        let refused = |text: &str, part: &str| {
            let sentence = whole::<NonZeroU32>(text).unwrap_err();
            assert!(sentence.contains(part), "{text}: {sentence}");
        };
        refused("0", "at least 1");
        refused("1e10", "too large");
        for text in ["1.5", "-1", "1e99", "nan", "inf", "many", ""] {
            refused(text, "a whole number, such as 1000 or 1e3");
        }
    }

    #[test]
    fn numbers_of_episodes_are_ranges() {
        let kept = numbers("1-3, 7").unwrap();
        assert_eq!((1..=8).filter(|&number| kept.contains(number)).collect::<Vec<_>>(), [1, 2, 3, 7]);
        assert_eq!(kept.greatest(), 7);
        for wrong in ["", "0", "3-1", "a", "1-", "-1", "1,,2"] {
            assert!(numbers(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn threads_have_a_limit() {
        assert_eq!(thread_count("1024").unwrap().get(), 1024);
        assert_eq!(thread_count("1025").unwrap_err(), "there may be 1024 at most");
        assert!(Arguments::try_parse_from(["balance", "train", "--threads", "1000000"]).is_err());
    }

    #[test]
    fn nonsense_is_refused() {
        const NAN: &[&str] = &["balance", "bench", "--seconds", "nan"];
        for line in [&["balance"][..], &["balance", "look"], &["balance", "train", "--threads", "0"], NAN] {
            assert!(Arguments::try_parse_from(line).is_err(), "{line:?}");
        }
    }
}
