//! Commands that can't be carried out are refused in a sentence, and nothing is written.

use std::fs;

use super::program::run;

#[test]
fn a_wrong_config_names_every_problem_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("assets/train")).unwrap();
    let config =
        "(\n  arena: 3,\n  agents: {\"Reader\": (\n    reward: {\"right\": 1.0},\n    ppo: (gamma: 2.0)),\n  },\n)";
    fs::write(folder.path().join("assets/train/arrows.ron"), config).unwrap();
    let done = run("arrows", folder.path(), &["train", "--set", "worlds=none"]);
    assert_eq!(done.code, 2);
    let lines = done.errors.lines().collect::<Vec<_>>();
    assert_eq!(lines.len(), 4, "{lines:#?}");
    for (line, (start, part)) in lines.iter().zip([
        ("error: assets/train/arrows.ron:2: ", "unknown field `arena`; valid: `seed`"),
        ("error: assets/train/arrows.ron:4: ", "no weight for term `wrong`"),
        ("error: assets/train/arrows.ron:5: ", "`gamma` is 2; it must be from 0 to 1"),
        ("error: --set worlds=none: ", "expected `Auto` or a number from 1, found `none`"),
    ]) {
        assert!(line.starts_with(start) && line.contains(part), "{line}");
    }
    assert!(!folder.path().join("runs").exists());
}

#[test]
fn a_config_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let done = run("arrows", folder.path(), &["train", "--config", "no.ron"]);
    assert_eq!(done.code, 2);
    assert!(done.errors.starts_with("error: no.ron: can't be read: "), "{}", done.errors);
}

#[test]
fn a_network_that_fits_no_memory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let done = run("arrows", folder.path(), &["train", "--set", "network.hidden=[1_000_000_000, 1_000_000_000]"]);
    assert_eq!(done.code, 2);
    assert!(done.errors.lines().any(|line| line.starts_with("error: the network would have ")), "{}", done.errors);
    assert!(!folder.path().join("runs").exists());
}

#[test]
fn evaluation_needs_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let done = run("arrows", folder.path(), &["eval"]);
    assert_eq!(done.code, 2);
    let expected = "error: no run of `arrows` with a policy in `runs`; train one first, or name its folder\n";
    assert_eq!(done.errors, expected);
    let done = run("arrows", folder.path(), &["eval", "other"]);
    assert_eq!(done.code, 2);
    assert_eq!(done.errors, "error: no run `other`, neither as a path nor in `runs`; check the name\n");
}

#[test]
fn evaluation_refuses_a_policy_of_another_layout() {
    let folder = tempfile::tempdir().unwrap();
    run("arrows", folder.path(), &["train", "--set", "stop.steps=100", "--set", "worlds=1", "--runs-dir", "."]);
    let of = |entry: fs::DirEntry| entry.path().join("policy.safetensors");
    let path = of(fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap());
    let mut policy = ludus_policy::PolicyFile::read(&path).unwrap();
    policy.spec.observation[0].name = "sign".to_owned();
    policy.write(&path).unwrap();
    let done = run("arrows", folder.path(), &["eval", "--runs-dir", "."]);
    assert_eq!(done.code, 2);
    let part = "was trained for a different `Reader`: observation field 1 was `sign`, now `arrow`; retrain, or load";
    assert!(done.errors.contains(part) && done.errors.lines().count() == 1, "{}", done.errors);
}

#[test]
fn a_damaged_policy_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("broken.safetensors"), "nonsense, and more of it").unwrap();
    let done = run("arrows", folder.path(), &["eval", "broken.safetensors"]);
    assert_eq!(done.code, 2);
    assert!(done.errors.starts_with("error: `broken.safetensors` is not a whole policy file: "), "{}", done.errors);
}

#[test]
fn an_unknown_command_is_refused_with_the_known_ones() {
    let folder = tempfile::tempdir().unwrap();
    let done = run("arrows", folder.path(), &["look"]);
    assert_eq!(done.code, 2);
    assert!(done.errors.contains("unrecognized subcommand 'look'"), "{}", done.errors);
    assert_eq!(run("arrows", folder.path(), &["help"]).code, 0);
}
