//! The config that a command uses, and commands without one.

use std::fs;

use super::program::{Done, run, run_as_it_is};

const WEIGHTS: [&str; 4] = ["--set", "reward.right=1", "--set", "reward.wrong=-1"];
const SHORT: [&str; 4] = ["--set", "stop.steps=100", "--set", "worlds=1"];

/// The line that names the config.
fn config_line(done: &Done) -> &str {
    assert_eq!(done.code, 0, "{}", done.errors);
    done.errors.lines().find(|line| line.starts_with("config: ")).unwrap_or_else(|| panic!("{}", done.errors))
}

#[test]
fn training_without_a_config_is_refused_with_the_path_and_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().canonicalize().unwrap();
    let expected = format!(
        "error: no config `assets/train/arrows.ron` in `{}`; write a starter config with `arrows train --write-config`, \
         or name one with --config\n",
        here.display()
    );
    for arguments in [&["train"][..], &["train", "--set", "reward.right=1"], &["train", "--seed", "2"]] {
        let done = run_as_it_is("arrows", &here, arguments);
        assert_eq!((done.code, done.errors.as_str()), (2, expected.as_str()), "{arguments:?}");
    }
    // A typing mistake in the name is the same.
    fs::create_dir_all(here.join("assets/train")).unwrap();
    fs::write(here.join("assets/train/arrows.ron"), "()").unwrap();
    let done = run_as_it_is("another", &here, &["train"]);
    assert!(done.errors.starts_with("error: no config `assets/train/another.ron` in "), "{}", done.errors);
    assert!(!here.join("runs").exists());
}

#[test]
fn training_with_all_weights_on_the_command_line_needs_no_config_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().canonicalize().unwrap();
    let done = run_as_it_is("arrows", &here, &[&["train", "--json"], &WEIGHTS[..], &SHORT].concat());
    let expected =
        format!("config: no `assets/train/arrows.ron` in `{}`; defaults, with what --set changes", here.display());
    assert_eq!(config_line(&done), expected);
    assert!(done.json().get("config").is_none());
}

#[test]
fn every_command_says_which_config_it_uses() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().canonicalize().unwrap();
    let without =
        format!("config: no `assets/train/arrows.ron` in `{}`; defaults, in which every term", here.display());
    let check_without = |arguments: &[&str]| {
        let done = run_as_it_is("arrows", &here, arguments);
        assert!(config_line(&done).starts_with(&without), "{}", done.errors);
    };
    check_without(&["check", "--ticks", "1e2"]);
    check_without(&["bench", "--seconds", "0.1", "--set", "worlds=1"]);

    fs::create_dir_all(here.join("assets/train")).unwrap();
    let config = "(worlds: 1, agents: {\"Reader\": (reward: {\"right\": 1, \"wrong\": 0})}, stop: (steps: 1e2))";
    fs::write(here.join("assets/train/arrows.ron"), config).unwrap();
    fs::write(here.join("other.ron"), config).unwrap();
    let own = "config: assets/train/arrows.ron";
    let trained = run_as_it_is("arrows", &here, &["train", "--json"]);
    assert_eq!(config_line(&trained), own);
    assert_eq!(trained.json()["config"], "assets/train/arrows.ron");
    let of_run = format!("{}/config.ron", trained.json()["run_dir"].as_str().unwrap());
    let check = |arguments: &[&str], expected: &str| {
        let done = run_as_it_is("arrows", &here, arguments);
        assert_eq!(config_line(&done), expected, "{arguments:?}");
    };
    check(&["check", "--ticks", "100"], own);
    check(&["bench", "--seconds", "0.1"], own);
    check(&["check", "--ticks", "100", "--config", "other.ron"], "config: other.ron");
    check(&["check", "--ticks", "100", "--set", "seed=2"], &format!("{own}, with what --set changes"));
    check(&["train", "--config", "other.ron"], "config: other.ron");
    let run_dir = trained.json()["run_dir"].as_str().unwrap().to_owned();
    check(&["train", "--resume", &run_dir], &format!("config: {of_run}"));
    check(&["eval", &run_dir, "--episodes", "2"], &format!("config: {of_run}"));
    check(&["play", &run_dir, "--episodes", "1"], &format!("config: {of_run}"));
    fs::copy(here.join(&run_dir).join("policy.safetensors"), here.join("alone.safetensors")).unwrap();
    check(&["eval", "alone.safetensors", "--episodes", "2"], own);
}

#[test]
fn a_starter_config_is_written_once_and_trains_as_soon_as_its_weights_are_filled_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assets/train/arrows.ron");
    let written = run_as_it_is("arrows", folder.path(), &["train", "--write-config", "--json"]);
    assert_eq!(written.code, 0, "{}", written.errors);
    assert!(
        written.out.contains(
            "config: assets/train/arrows.ron was written; fill in the weights of `right`, `wrong`, then train with \
             `arrows train`\n"
        ),
        "{}",
        written.out
    );
    assert_eq!(written.json()["config"], "assets/train/arrows.ron");
    assert!(!folder.path().join("runs").exists());

    let unfilled = run_as_it_is("arrows", folder.path(), &["train"]);
    let lines = unfilled.errors.lines().collect::<Vec<_>>();
    assert_eq!((unfilled.code, lines.len()), (2, 2), "{lines:?}");
    for (line, term) in lines.iter().zip(["right", "wrong"]) {
        assert!(line.starts_with("error: assets/train/arrows.ron:"), "{line}");
        assert!(line.contains(&format!(": `{term}` is to be filled in: replace `FILL_IN` by its weight")), "{line}");
    }

    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"right\": FILL_IN", "\"right\": 1").replace("\"wrong\": FILL_IN", "\"wrong\": -1"))
        .unwrap();
    let trained = run_as_it_is("arrows", folder.path(), &[&["train"], &SHORT[..]].concat());
    assert_eq!(trained.code, 0, "{}", trained.errors);

    let mine = fs::read_to_string(&path).unwrap();
    let again = run_as_it_is("arrows", folder.path(), &["train", "--write-config"]);
    assert_eq!(again.code, 2);
    let expected = "error: `assets/train/arrows.ron` is there already and is not overwritten; edit it, or name another \
                    file with --config\n";
    assert_eq!(again.errors, expected);
    assert_eq!(fs::read_to_string(&path).unwrap(), mine);
    let other = run_as_it_is("arrows", folder.path(), &["train", "--write-config", "--config", "more/other.ron"]);
    assert_eq!(other.code, 0, "{}", other.errors);
    assert_eq!(fs::read_to_string(folder.path().join("more/other.ron")).unwrap(), text);
}

/// As Notepad, Rider and PowerShell 5 save UTF-8.
#[test]
fn a_byte_order_mark_in_a_config_is_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let config =
        "\u{feff}(worlds: 1, agents: {\"Reader\": (reward: {\"right\": 1, \"wrong\": 0})}, stop: (steps: 100))";
    fs::write(folder.path().join("bom.ron"), config).unwrap();
    let done = run_as_it_is("arrows", folder.path(), &["train", "--config", "bom.ron"]);
    assert_eq!(done.code, 0, "{}", done.errors);
    fs::create_dir_all(folder.path().join("assets/train")).unwrap();
    fs::write(folder.path().join("assets/train/arrows.ron"), config).unwrap();
    let done = run_as_it_is("arrows", folder.path(), &["train", "--json"]);
    assert_eq!(done.code, 0, "{}", done.errors);
    // An editor may add one to the config of a run, too.
    let run_dir = done.json()["run_dir"].as_str().unwrap().to_owned();
    let of_run = folder.path().join(&run_dir).join("config.ron");
    fs::write(&of_run, format!("\u{feff}{}", fs::read_to_string(&of_run).unwrap())).unwrap();
    let done = run("arrows", folder.path(), &["train", "--resume", &run_dir, "--set", "stop.steps=2e3"]);
    assert_eq!(done.code, 0, "{}", done.errors);
}

#[test]
fn a_config_in_another_encoding_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let text = "(seed: 1)".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    fs::write(folder.path().join("wide.ron"), [&[0xff, 0xfe], text.as_slice()].concat()).unwrap();
    let done = run("arrows", folder.path(), &["train", "--config", "wide.ron"]);
    assert_eq!((done.code, done.errors.as_str()), (2, "error: wide.ron: it is UTF-16; save it as UTF-8\n"));
}

#[test]
fn a_games_name_that_is_a_path_is_refused() {
    for (game, name) in [("a_path", "demo/level"), ("above", "../up")] {
        let folder = tempfile::tempdir().unwrap();
        for arguments in [&[&["train"], &WEIGHTS[..], &SHORT].concat()[..], &["eval"], &["train", "--write-config"]] {
            let done = run_as_it_is(game, folder.path(), arguments);
            assert_eq!((done.code, done.errors.lines().count()), (2, 1), "{}", done.errors);
            let expected = format!("error: the game's name `{name}` can't be that of a folder and of a config; give ");
            assert!(done.errors.starts_with(&expected), "{}", done.errors);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
