//! The game's command line in a process of its own.
//!
//! The test's own program runs as the game: it starts itself with the one test below, and passes the name of the game
//! and the arguments in environment variables.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use bevy::app::AppExit;
use ludus_train::Ludus;
use serde_json::Value;

#[cfg(feature = "torch")]
use super::networks;
#[cfg(all(unix, feature = "tune"))]
use super::tune;
use super::{absent, breaking, choir, duels, flawed, game, gates, pack, parameters, relay, same, secrets, shootouts};

const GAME: &str = "LUDUS_TEST_GAME";
const ARGUMENTS: &str = "LUDUS_TEST_ARGUMENTS";

/// The output and the exit code of a command.
pub struct Done {
    pub code: i32,
    pub out: String,
    pub errors: String,
}

impl Done {
    /// Parses the last line of the output.
    pub fn json(&self) -> Value {
        let line = self.out.lines().last().unwrap_or_default();
        // The harness's own output is before it on the line if nothing else was printed.
        let line = &line[line.find('{').unwrap_or(0)..];
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in `{line}`; {}", self.errors))
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), out: text(output.stdout), errors: text(output.stderr) }
    }
}

/// Starts a game's command in this folder.
pub fn start(game: &str, folder: &Path, arguments: &[&str]) -> Child {
    prepared(Command::new(std::env::current_exe().unwrap()), game, folder, arguments).spawn().unwrap()
}

/// Runs a game's command in this folder, after these words of a shell.
#[cfg(unix)]
pub fn run_after(shell: &str, game: &str, folder: &Path, arguments: &[&str]) -> Done {
    start_after(shell, game, folder, arguments).wait_with_output().unwrap().into()
}

/// Starts a game's command in this folder, after these words of a shell.
#[cfg(unix)]
pub fn start_after(shell: &str, game: &str, folder: &Path, arguments: &[&str]) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{shell}; exec \"$0\" \"$@\"")]).arg(std::env::current_exe().unwrap());
    prepared(command, game, folder, arguments).spawn().unwrap()
}

/// Prepares `command`, which is this program, to run as the game. Training without a config gets weights.
fn prepared(command: Command, game: &str, folder: &Path, arguments: &[&str]) -> Command {
    let (config, weights) = match game {
        "pack" | "herd" => ("assets/train/pack.ron", "seed=1"),
        "duels" | "endless_duels" => ("assets/train/duels.ron", "seed=1"),
        "shootouts" => ("assets/train/shootouts.ron", "seed=1"),
        "relay" | "cheered_twice" => ("assets/train/relay.ron", "seed=1"),
        "choir" | "growing_choir" => ("assets/train/choir.ron", r#"reward={"in_tune": 1}"#),
        "gates" | "walls" => ("assets/train/gates.ron", r#"reward={"dearest": 1}"#),
        _ => ("assets/train/arrows.ron", r#"reward={"right": 1, "wrong": 1}"#),
    };
    let is_weighed = arguments.iter().any(|&argument| argument == "--resume" || argument == "--config");
    match arguments {
        [command_name @ ("train" | "watch"), rest @ ..] if !is_weighed && !folder.join(config).exists() => {
            with_arguments(command, game, folder, &[&[*command_name, "--set", weights], rest].concat())
        }
        arguments => with_arguments(command, game, folder, arguments),
    }
}

fn with_arguments(mut command: Command, game: &str, folder: &Path, arguments: &[&str]) -> Command {
    // With one thread the harness prints nothing while the game runs, when its pipes may be closed.
    command.args(["--exact", "program::plays_the_game", "--ignored", "--nocapture", "--test-threads=1"]);
    command.env(GAME, game).env(ARGUMENTS, arguments.join("\n")).env_remove("CARGO_MANIFEST_DIR");
    command.current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a game's command in this folder, with nothing added.
pub fn run_as_it_is(game: &str, folder: &Path, arguments: &[&str]) -> Done {
    with_arguments(Command::new(std::env::current_exe().unwrap()), game, folder, arguments).output().unwrap().into()
}

/// Runs a game's command in this folder.
pub fn run(game: &str, folder: &Path, arguments: &[&str]) -> Done {
    start(game, folder, arguments).wait_with_output().unwrap().into()
}

/// Runs a game's command in this folder, which has to succeed.
#[track_caller]
pub fn done(game: &str, folder: &Path, arguments: &[&str]) -> Done {
    let done = run(game, folder, arguments);
    assert_eq!(done.code, 0, "{arguments:?}: {}", done.errors);
    done
}

/// Trains a game; returns the run's folder.
#[track_caller]
pub fn trained(game: &str, folder: &Path, more: &[&str]) -> PathBuf {
    let said = done(game, folder, &[&["train", "--json"], more].concat());
    folder.join(said.json()["run_dir"].as_str().unwrap())
}

#[test]
#[ignore = "the part of the program that the other tests call"]
fn plays_the_game() {
    let (Ok(game), Ok(arguments)) = (std::env::var(GAME), std::env::var(ARGUMENTS)) else { return };
    let game = match game.as_str() {
        "gone" => Ludus::new("arrows", absent::gone),
        "driven" => Ludus::new("arrows", absent::driven),
        "disabled" => Ludus::new("arrows", absent::disabled),
        "senseless" => Ludus::new("arrows", absent::senseless),
        "waves" => Ludus::new("arrows", absent::waves),
        "lone" => Ludus::new("arrows", absent::lone),
        "blind" => Ludus::new("arrows", flawed::blind),
        "constant" => Ludus::new("arrows", flawed::constant),
        "endless" => Ludus::new("arrows", flawed::endless),
        "exploding" => Ludus::new("arrows", flawed::exploding),
        "huge" => Ludus::new("arrows", flawed::huge),
        "one_panics" => Ludus::new("arrows", flawed::one_panics),
        "overwriting" => Ludus::new("arrows", flawed::overwriting),
        "overwriting_by_observer" => Ludus::new("arrows", flawed::overwriting_by_observer),
        "overwriting_exclusively" => Ludus::new("arrows", flawed::overwriting_exclusively),
        "restart_panics" => Ludus::new("arrows", flawed::restart_panics),
        "seeing_more" => Ludus::new("arrows", flawed::seeing_more),
        "two_writers" => Ludus::new("arrows", flawed::two_writers),
        "clearing" => Ludus::new("arrows", breaking::clearing),
        "in_update" => Ludus::new("arrows", breaking::in_update),
        "mazes" => Ludus::new("arrows", breaking::mazes),
        "poisoned" => Ludus::new("arrows", breaking::poisoned),
        "quitting" => Ludus::new("arrows", breaking::quitting),
        "single" => Ludus::new("arrows", breaking::single),
        "slow_to_build" => Ludus::new("arrows", breaking::slow_to_build),
        "staged" => Ludus::new("arrows", breaking::staged),
        "thread_bound" => Ludus::new("arrows", breaking::thread_bound),
        "with_plugins" => Ludus::new("arrows", breaking::with_plugins),
        "faulty" => Ludus::new("arrows", game::faulty),
        "secrets" => Ludus::new("arrows", secrets::secrets),
        "dusty" => Ludus::new("arrows", same::dusty),
        "dustier" => Ludus::new("arrows", same::dustier),
        "doomed" => Ludus::new("arrows", game::doomed),
        "panicking" => Ludus::new("arrows", game::panicking),
        "a_path" => Ludus::new("demo/level", game::arrows),
        "above" => Ludus::new("../up", game::arrows),
        "another" => Ludus::new("another", game::arrows),
        "slow" => Ludus::new("arrows", flawed::slow),
        "exams" => Ludus::new("exams", parameters::exams),
        "pack" => Ludus::new("pack", pack::pack),
        "herd" => Ludus::new("pack", pack::herd),
        "duels" => Ludus::new("duels", duels::duels),
        "endless_duels" => Ludus::new("duels", duels::endless_duels),
        "shootouts" => Ludus::new("shootouts", shootouts::shootouts),
        "gates" => Ludus::new("gates", gates::gates),
        "relay" => Ludus::new("relay", relay::relay),
        "cheered_twice" => Ludus::new("relay", relay::cheered_twice),
        "choir" => Ludus::new("choir", choir::choir),
        "growing_choir" => Ludus::new("choir", choir::growing_choir),
        #[cfg(all(unix, feature = "tune"))]
        "aborting" => Ludus::new("arrows", tune::aborting),
        "walls" => Ludus::new("gates", gates::walls),
        #[cfg(feature = "torch")]
        "own_network" => Ludus::new("arrows", game::arrows).network(networks::narrow).windows(networks::NO_WINDOW),
        #[cfg(feature = "torch")]
        "pictures" => Ludus::new("arrows", networks::pictures).windows(networks::NO_WINDOW),
        #[cfg(feature = "torch")]
        "seen_through" => Ludus::new("arrows", game::arrows).network(|spec, _| networks::Lens::of(spec, 3)),
        #[cfg(feature = "torch")]
        "wider" => Ludus::new("arrows", game::arrows).network(|spec, _| networks::Lens::of(spec, 4)),
        #[cfg(feature = "torch")]
        "windowed" => Ludus::new("arrows", game::arrows).windows(networks::NO_WINDOW),
        _ => Ludus::new("arrows", game::arrows),
    };
    let code = match game.run_with(std::iter::once("arrows").chain(arguments.lines())) {
        AppExit::Success => 0,
        AppExit::Error(code) => i32::from(code.get()),
    };
    // The process exits before the harness prints anything after the program's output.
    std::process::exit(code);
}
