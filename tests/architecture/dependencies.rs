//! Dependencies between the project's crates, and on others.

use std::collections::BTreeSet;
use std::process::Command;

use crate::in_repository;

/// The project's crates, each with those of them that it may depend on. `ARCHITECTURE.md` draws the same.
const ARROWS: [(&str, &str); 19] = [
    (
        "bevy_ludus",
        "ludus_agent ludus_editor ludus_learn ludus_net ludus_play ludus_policy ludus_rapier ludus_torch ludus_train \
         ludus_worlds",
    ),
    ("ludus_editor", "ludus_agent ludus_policy ludus_spec ludus_train ludus_worlds"),
    (
        "ludus_train",
        "ludus_agent ludus_config ludus_demonstrations ludus_learn ludus_libtorch ludus_torch ludus_net ludus_play \
         ludus_policy ludus_replay ludus_spec ludus_worlds",
    ),
    ("ludus_replay", "ludus_agent ludus_policy ludus_spec ludus_worlds"),
    ("ludus_worlds", "ludus_agent"),
    ("ludus_rapier", "ludus_agent"),
    ("ludus_play", "ludus_agent ludus_demonstrations ludus_policy ludus_spec"),
    ("ludus_agent", "ludus_derive ludus_spec"),
    ("ludus_torch", "ludus_learn ludus_libtorch ludus_net ludus_spec"),
    ("ludus_config", ""),
    ("ludus_libtorch", ""),
    ("ludus_learn", "ludus_net ludus_spec"),
    ("ludus_demonstrations", "ludus_policy ludus_spec"),
    ("ludus_policy", "ludus_net ludus_spec"),
    ("ludus_net", "ludus_spec"),
    ("ludus_derive", ""),
    ("ludus_spec", ""),
    ("ludus_examples", "ludus_torch"),
    ("xtask", "ludus_libtorch"),
];

#[test]
fn arrows_point_down() {
    for package in packages() {
        let allowed = ARROWS.iter().find(|(name, _)| *name == package.name).map(|(_, allowed)| allowed);
        let Some(allowed) = allowed else {
            panic!("`{}` is new: give it a place in `ARROWS` and in ARCHITECTURE.md", package.name)
        };
        for dependency in package.dependencies.iter().filter(|name| ARROWS.iter().any(|(own, _)| own == name)) {
            let is_allowed = allowed.split(' ').any(|name| name == dependency);
            assert!(is_allowed, "`{}` must not depend on `{dependency}`", package.name);
        }
    }
}

#[test]
fn a_shipped_game_has_nothing_of_training() {
    let tree = tree(&["--package", "bevy_ludus"]);
    check_absent(&tree, &["rayon", "clap", "indicatif", "tch", "torch-sys"]);
    check_absent(&tree, &["ludus_learn", "ludus_train", "ludus_worlds", "ludus_rapier", "bevy_rapier3d"]);
    check_present(&tree, &["ludus_agent", "ludus_net", "ludus_play", "ludus_policy", "bevy_ecs"]);
}

/// Bevy's assets have files in RON beside them, so every game with assets has it. None of ours brings it.
#[test]
fn in_a_shipped_game_only_bevy_reads_ron() {
    let arguments = ["tree", "--locked", "--prefix", "depth", "--format", " {p}", "--edges", "normal,build"];
    let listed = cargo(&[&arguments[..], &["--package", "bevy_ludus", "--invert", "ron"]].concat());
    let users = listed.lines().filter_map(|line| line.strip_prefix("1 ")).filter_map(|line| line.split(' ').next());
    assert_eq!(users.collect::<Vec<_>>(), ["bevy_asset"], "{listed}");
}

#[test]
fn learning_and_playing_a_policy_need_no_bevy() {
    for package in ["ludus_demonstrations", "ludus_learn", "ludus_net", "ludus_policy", "ludus_spec"] {
        let tree = tree(&["--package", package, "--all-features"]);
        check_present(&tree, &[package, "serde"]);
        let bevy = tree.iter().find(|name| name.starts_with("bevy"));
        assert_eq!(bevy, None, "below `{package}`");
    }
}

#[test]
fn worlds_know_no_policy() {
    let tree = tree(&["--package", "ludus_worlds", "--all-features"]);
    check_present(&tree, &["ludus_agent"]);
    check_absent(&tree, &["ludus_net", "ludus_learn", "ludus_policy"]);
}

#[test]
fn only_one_crate_names_rapier() {
    let names_rapier = |package: &Package| package.dependencies.iter().any(|name| name.contains("rapier3d"));
    let naming: Vec<_> = packages().into_iter().filter(names_rapier).map(|package| package.name).collect();
    assert_eq!(naming, ["ludus_rapier"]);
}

#[test]
fn only_one_crate_names_libtorch() {
    let names_tch = |package: &Package| package.dependencies.iter().any(|name| name == "tch" || name == "torch-sys");
    let naming: Vec<_> = packages().into_iter().filter(names_tch).map(|package| package.name).collect();
    assert_eq!(naming, ["ludus_torch"]);
}

#[test]
fn training_needs_no_libtorch() {
    let tree = tree(&["--package", "bevy_ludus", "--features", "train"]);
    check_present(&tree, &["ludus_train", "ludus_learn"]);
    check_absent(&tree, &["tch", "torch-sys"]);
}

#[test]
fn training_renders_nothing() {
    let tree = tree(&["--package", "ludus_examples", "--edges", "normal,build,dev"]);
    check_present(&tree, &["bevy_ecs", "rapier3d", "ludus_train"]);
    check_absent(&tree, &["wgpu", "wgpu-core", "wgpu-hal", "naga", "winit", "bevy_winit", "bevy_render", "bevy_audio"]);
}

/// A package of the workspace and everything that it depends on outside its tests, optional or not.
struct Package {
    name: String,
    dependencies: Vec<String>,
}

fn packages() -> Vec<Package> {
    let metadata = metadata();
    let name = |value: &serde_json::Value| value["name"].as_str().unwrap().to_owned();
    let package = |package: &serde_json::Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        Package { name: name(package), dependencies: all.filter(|one| one["kind"] != "dev").map(name).collect() }
    };
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

/// Returns the workspace's packages, as cargo describes them.
pub(crate) fn metadata() -> serde_json::Value {
    serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).unwrap()
}

/// Returns the names of all packages that are built for the arguments' choice, on this machine, without tests.
fn tree(arguments: &[&str]) -> BTreeSet<String> {
    let fixed = ["tree", "--locked", "--prefix", "none", "--format", "{p}"];
    let edges: &[&str] = if arguments.contains(&"--edges") { &[] } else { &["--edges", "normal,build"] };
    let listed = cargo(&[&fixed, edges, arguments].concat());
    listed.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(in_repository("")).output().unwrap();
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn check_absent(tree: &BTreeSet<String>, forbidden: &[&str]) {
    let found: Vec<_> = forbidden.iter().filter(|name| tree.contains(**name)).collect();
    assert!(found.is_empty(), "{found:?} must not be there; `cargo tree --invert NAME` tells who brings it");
}

/// Checks that packages are there, so that a tree that could not be read does not pass.
#[track_caller]
fn check_present(tree: &BTreeSet<String>, expected: &[&str]) {
    let missing: Vec<_> = expected.iter().filter(|name| !tree.contains(**name)).collect();
    assert!(missing.is_empty(), "{missing:?} should be there");
}
