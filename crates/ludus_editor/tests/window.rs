//! Tests of the real window, controlled by scripts on a virtual screen (Xvfb, with Mesa's software Vulkan).

#![expect(clippy::disallowed_methods, reason = "tests make and read whatever files they like")]
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "all of this is tests, where a panic is the report")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ludus_train::demonstrations::{DecidedBy, Demonstration, DemonstrationFile};
use tempfile::TempDir;

/// Returns the path of the example: examples are beside the folder of the tests.
fn hover() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let profile = test.parent().and_then(|deps| deps.parent()).expect("tests lie in a folder of the profile's");
    profile.join("examples/hover").with_extension(std::env::consts::EXE_EXTENSION)
}

fn without_display(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(hover());
    command.args(arguments).current_dir(folder).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    command.output().expect("the example is built together with this test")
}

/// Runs a script under Xvfb. Prints a sentence and returns `None` if there is no Xvfb.
fn on_hidden_screen(
    script: &str,
    environment: &[(&str, &str)],
    arguments: &[&str],
    folder: &TempDir,
) -> Option<Output> {
    let folder = folder.path();
    fs::write(folder.join("script.ron"), script).unwrap();
    let mut command = Command::new("xvfb-run");
    command
        .args(["-a", "-s", "-screen 0 1280x800x24"])
        .arg(hover())
        .current_dir(folder)
        .envs(environment.iter().copied());
    command.args(["watch", "--script", "script.ron", "--threads", "1"]).args(arguments);
    match command.output() {
        Ok(output) => Some(output),
        Err(error) => {
            println!("skipped: no window was opened, since `xvfb-run` can't be started ({error}); install `xvfb`");
            None
        }
    }
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn without_a_display_a_sentence_names_the_command_that_needs_none() {
    let folder = tempfile::tempdir().unwrap();
    let output = without_display(&["watch"], folder.path());
    let errors = errors(&output);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    let (config, error) = errors.split_once('\n').unwrap();
    assert!(config.starts_with("config: ") && config.ends_with("assets/train/hover.ron"), "{errors}");
    assert_eq!(error.lines().count(), 1, "{errors}");
    assert!(error.contains("no display") && error.contains("`hover train`"), "{errors}");
}

#[test]
fn without_a_display_playing_names_its_own_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let output = without_display(&["play"], folder.path());
    // There is no policy yet; with one, the window is opened.
    assert_eq!(output.status.code(), Some(2), "{}", errors(&output));
    let trained = without_display(&["train", "--set", "stop.steps=2_000"], folder.path());
    assert!(trained.status.success(), "{}", errors(&trained));
    let run = fs::read_dir(folder.path().join("runs")).unwrap().next().unwrap().unwrap().path();
    let output = without_display(&["play", run.to_str().unwrap()], folder.path());
    assert_eq!(output.status.code(), Some(2), "{}", errors(&output));
    let errors = errors(&output);
    assert!(errors.contains("no display") && errors.contains("`hover play --headless`"), "{errors}");
}

#[test]
fn without_a_driver_that_draws_a_sentence_names_what_to_install() {
    let folder = tempfile::tempdir().unwrap();
    let none = "/nonexistent/driver.json";
    let Some(output) =
        on_hidden_screen("[Quit]", &[("VK_DRIVER_FILES", none), ("VK_ICD_FILENAMES", none)], &[], &folder)
    else {
        return;
    };
    let errors = errors(&output);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("mesa-vulkan-drivers") && errors.contains("`hover train`"), "{errors}");
}

#[test]
fn a_mistake_in_a_script_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("script.ron"), "[\n  StartTraining,\n  Dance,\n]").unwrap();
    let output = without_display(&["watch", "--script", "script.ron"], folder.path());
    assert!(errors(&output).contains("script.ron:3: "), "{}", errors(&output));
    let wide = "[Quit]".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    fs::write(folder.path().join("script.ron"), [&[0xff, 0xfe], wide.as_slice()].concat()).unwrap();
    let output = without_display(&["watch", "--script", "script.ron"], folder.path());
    assert!(errors(&output).contains("script.ron: it is UTF-16; save it as UTF-8"), "{}", errors(&output));
    // A byte order mark is skipped: what is missing is the display.
    fs::write(folder.path().join("script.ron"), "\u{feff}[Quit]").unwrap();
    let output = without_display(&["watch", "--script", "script.ron"], folder.path());
    assert!(errors(&output).contains("no display"), "{}", errors(&output));
}

#[test]
fn a_script_that_names_what_there_is_not_says_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let Some(output) = on_hidden_screen(r#"[ShowPanel("Runz"), Quit]"#, &[], &[], &folder) else { return };
    assert!(!output.status.success());
    assert!(errors(&output).contains("there is no `Runz`; valid: Training, Runs"), "{}", errors(&output));
}

/// Start, train, select by a click, take over, screenshot; then the window closes and the run is saved.
#[test]
fn a_session_with_the_window_trains_selects_and_takes_over() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"[
        StartTraining, WaitSteps(2000), ClickAgent(0), TakeOver, Press("→"), WaitTicks(100),
        Release("→"), LetGo, Screenshot("seen.png"),
        StopTraining, WaitForEnd, ResumeRun("latest"), WaitSteps(3000), StopTraining, WaitForEnd,
        Replay("best"), WaitForReplay(2), Pause, SeekReplay(5), StepBack, WaitForReplay(4),
        PlayBackwards, WaitForReplay(0), EndReplay, Quit,
    ]"#;
    let settings = ["--set", "worlds=1", "--set", "arenas=8", "--set", "stop.steps=100_000_000"];
    let Some(output) = on_hidden_screen(script, &[], &settings, &folder) else { return };
    assert!(output.status.success(), "{}", errors(&output));
    let picture = fs::read(folder.path().join("seen.png")).unwrap();
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 20_000, "{} bytes", picture.len());
    let runs: Vec<_> = fs::read_dir(folder.path().join("runs")).unwrap().map(|run| run.unwrap().path()).collect();
    let [run] = &runs[..] else { panic!("a run that is resumed stays in its folder: {runs:?}") };
    let logs = fs::read_dir(run).unwrap().filter(|file| is_event_log(&file.as_ref().unwrap().path())).count();
    assert_eq!(logs, 2, "each time that it was trained has a log of its own");
    assert!(run.join("policy.safetensors").is_file(), "closing the window leaves the newest policy");
    assert!(fs::read_dir(run.join("checkpoints")).unwrap().count() > 0, "and a checkpoint");
}

/// DAgger with a person as the teacher: a lamp is taken over by keys in the window, the episodes are recorded, and a run
/// that goes on from the policy imitates the steps of the keys alone.
#[test]
fn corrections_that_are_made_in_the_window_are_learned_from() {
    let folder = tempfile::tempdir().unwrap();
    let trained = without_display(&["train", "--set", "stop.steps=2_000", "--threads", "1"], folder.path());
    assert!(trained.status.success(), "{}", errors(&trained));
    // Full thrust ends the first episode. In the next one, the policy goes on after the keys.
    let script = r#"[
        WaitTicks(20), Select(0), TakeOver, Press("→"), WaitTicks(150), Release("→"), WaitTicks(160), LetGo,
        WaitTicks(500), Quit,
    ]"#;
    let Some(output) = on_hidden_screen(script, &[], &["latest", "--record", "corrections"], &folder) else { return };
    assert!(output.status.success(), "{}", errors(&output));
    let file = DemonstrationFile::read(&folder.path().join("corrections/Lamp.demonstrations")).unwrap();
    let sources = |episode: &Demonstration, by: DecidedBy| episode.decided_by.contains(&by);
    assert!(file.episodes.iter().all(|episode| sources(episode, DecidedBy::Person)), "others are not recorded");
    assert!(file.episodes.iter().any(|episode| sources(episode, DecidedBy::Policy)), "whole, with the policy's part");
    let imitated = file.episodes.iter().flat_map(Demonstration::imitated).filter(|&is_imitated| is_imitated).count();
    let all = file.episodes.iter().map(Demonstration::steps).sum::<usize>();
    assert!(0 < imitated && imitated < all, "{imitated} of {all} steps");

    let pretrain = r#"pretrain=(demonstrations: ["corrections/Lamp.demonstrations"], epochs: 3, held_out: 0.0)"#;
    let learn = ["train", "--initialize-from", "latest", "--set", pretrain, "--set", "stop.steps=1", "--threads", "1"];
    let learned = without_display(&learn, folder.path());
    assert!(learned.status.success(), "{}", errors(&learned));
    let expected = format!("cloned {} episodes, {imitated} steps: loss", file.episodes.len());
    assert!(errors(&learned).contains(&expected), "no `{expected}` in {}", errors(&learned));
}

/// The lines of a search's journal about a trial that has failed.
#[cfg(feature = "tune")]
fn failed_trial(number: u64) -> String {
    let began = format!(r#"{{"event":"began","trial":{number},"values":{{"ppo.epochs":"{number}"}}}}"#);
    let ended = format!(r#"{{"event":"ended","trial":{number},"report":{{"failed":"the game panicked"}}}}"#);
    format!("{began}\n{ended}\n")
}

/// The second trial ends after the window has shown the first.
#[cfg(feature = "tune")]
#[test]
fn a_search_is_shown_while_it_goes_on() {
    const SETTINGS: &str = r#"{"event":"search","settings":{"objective":{"metric":"return","kind":"Lamp","is_minimized":false,"goal":null},"trials":2,"seed":1,"sampler":"tpe","seeds":[1],"fresh_seeds":[],"episodes":100,"sampled":false,"rung_steps":[],"learner":null,"device":"auto"}}"#;
    let folder = tempfile::tempdir().unwrap();
    let search = folder.path().join("runs/hover-tune-2026-11-29-1");
    fs::create_dir_all(&search).unwrap();
    fs::write(search.join("space.ron"), r#"{ "ppo.epochs": Int(1, 8) }"#).unwrap();
    let journal = search.join("journal.jsonl");
    let begun = format!("{SETTINGS}\n{}", failed_trial(1));
    fs::write(&journal, &begun).unwrap();
    let first = folder.path().join("first.png");
    let searcher = std::thread::spawn(move || {
        let is_seen = (0..1_200).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            first.is_file()
        });
        fs::write(&journal, begun + &failed_trial(2)).unwrap();
        is_seen
    });
    let script = r#"[
        ShowPanel("Search"), ShowSearch("latest"), ChooseTrial(1), Screenshot("first.png"),
        ChooseTrial(2), Screenshot("second.png"), Quit,
    ]"#;
    let Some(output) = on_hidden_screen(script, &[], &[], &folder) else { return };
    assert!(output.status.success(), "{}", errors(&output));
    assert!(searcher.join().unwrap() && folder.path().join("second.png").is_file());
}

/// The process is started as by `nohup`: Bevy's own signal handler would not be installed.
#[cfg(unix)]
#[test]
fn a_window_whose_hang_up_is_ignored_saves_when_it_is_asked_to_end() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("script.ron"), "[StartTraining, WaitSteps(2000), WaitSeconds(100)]").unwrap();
    let shell = "trap '' HUP; echo $$ > pid; exec \"$0\" \"$@\"";
    let mut command = Command::new("xvfb-run");
    command.args(["-a", "-s", "-screen 0 1280x800x24", "sh", "-c", shell]).arg(hover()).current_dir(folder.path());
    command.args(["watch", "--script", "script.ron", "--threads", "1", "--set", "stop.steps=100_000_000"]);
    let Ok(child) = command.stderr(std::process::Stdio::piped()).spawn() else {
        return println!("skipped: `xvfb-run` can't be started; install `xvfb`");
    };
    let learns = || {
        let run = fs::read_dir(folder.path().join("runs")).ok()?.next()?.ok()?.path();
        let lines = fs::read_to_string(run.join("metrics.csv")).ok()?.lines().count();
        (lines > 2).then_some(run)
    };
    let run = (0..1_200).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        learns()
    });
    let pid = fs::read_to_string(folder.path().join("pid")).unwrap();
    assert!(Command::new("kill").args(["-s", "TERM", pid.trim()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let run = run.unwrap_or_else(|| panic!("nothing was learned: {}", errors(&output)));
    assert!(run.join("policy.safetensors").is_file(), "{}", errors(&output));
    assert!(fs::read_dir(run.join("checkpoints")).unwrap().count() > 0);
}

fn is_event_log(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("events."))
}
