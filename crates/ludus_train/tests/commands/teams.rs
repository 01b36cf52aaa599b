//! Runs of agents that cooperate: critics that see the team, and agents that die for it.

use std::fs;
use std::path::Path;

use ludus_policy::PolicyFile;
use ludus_train::Checkpoint;
use tempfile::TempDir;

use super::program::{self, Done, run};

/// A short episode, in which the first runner is cheered 10 times if it keeps the baton.
const CONFIG: &str = r#"(
    worlds: 2,
    arenas: 16,
    agents: {
        "Runner": (
            episode_limit: 10,
            reward: { "kept": 0.1, "finished": 5.0 },
            network: (hidden: [16]),
            critic: Team,
            ppo: (rollout_steps: 16, minibatch: 256, epochs: 4, learning_rate: 5e-3, gamma: 0.9, entropy: 0.01),
        ),
    },
    stop: (steps: 40_000),
)"#;

/// The same, with the baseline that leaves out the agent's own action.
fn counterfactual() -> String {
    CONFIG.replace("critic: Team", "critic: Team, baseline: Counterfactual")
}

fn folder(config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("assets/train")).unwrap();
    fs::write(folder.path().join("assets/train/relay.ron"), config).unwrap();
    folder
}

#[track_caller]
fn done(folder: &Path, arguments: &[&str]) -> Done {
    program::done("relay", folder, arguments)
}

/// Trains, and returns the mean return over both runners: 1 if the baton is never passed, 3 if it is passed as soon as it
/// can be: 0.5 for the first runner, who is dead when the second finishes, and 5.5 for the second.
#[track_caller]
fn mean_return(folder: &Path, more: &[&str]) -> f64 {
    done(folder, &[&["train", "--json"], more].concat()).json()["mean_return"].as_f64().unwrap()
}

/// Memory, and the learner on libtorch, go together with a critic that sees the team.
#[test]
fn a_critic_sees_its_team_with_memory_too() {
    let folder = folder(CONFIG);
    let memory = ["--set", "stop.steps=2_000", "--set", "network.memory=MinGru(8)"];
    assert!(mean_return(folder.path(), &memory).is_finite());
}

#[cfg(feature = "torch")]
#[test]
fn a_critic_sees_its_team_on_libtorch_too() {
    let folder = folder(CONFIG);
    let torch = ["--learner", "torch", "--device", "cpu"];
    let trained = mean_return(folder.path(), &torch);
    assert!(trained > 2.6, "{trained}");
}

#[test]
fn an_agent_learns_to_die_for_its_team_if_the_critic_sees_the_team() {
    let folder = folder(CONFIG);
    for seed in ["seed=1", "seed=2", "seed=3", "seed=4", "seed=5"] {
        let with = mean_return(folder.path(), &["--set", seed]);
        assert!(with > 2.6, "{seed}: {with}");
        let without = mean_return(folder.path(), &["--set", seed, "--set", "critic=Agent"]);
        assert!(without < 1.75, "{seed}: a death that bootstraps from 0 is never worth it, but {without}");
    }
}

/// A counterfactual baseline goes together with death for the team, with memory and with values of any size.
#[test]
fn agents_learn_with_a_counterfactual_baseline() {
    let folder = folder(&counterfactual());
    for more in [&["--set", "seed=1"][..], &["--set", "seed=2"], &["--set", "ppo.normalize_values=true"]] {
        let with = mean_return(folder.path(), more);
        assert!(with > 2.6, "{more:?}: {with}");
    }
    let memory = ["--set", "stop.steps=2_000", "--set", "network.memory=MinGru(8)"];
    assert!(mean_return(folder.path(), &memory).is_finite());
}

#[cfg(feature = "torch")]
#[test]
fn a_counterfactual_baseline_is_learned_beside_libtorch_too() {
    let folder = folder(&counterfactual());
    let trained = mean_return(folder.path(), &["--learner", "torch", "--device", "cpu"]);
    assert!(trained > 2.6, "{trained}");
}

#[test]
fn a_counterfactual_baseline_has_a_column_in_the_metrics_and_is_off_by_default() {
    let header = |config: &str| {
        let folder = folder(config);
        let said = done(folder.path(), &["train", "--json", "--set", "stop.steps=1_000"]);
        let run_dir = folder.path().join(said.json()["run_dir"].as_str().unwrap());
        let metrics = fs::read_to_string(run_dir.join("metrics.csv")).unwrap();
        metrics.lines().next().unwrap().to_owned()
    };
    assert!(header(&counterfactual()).contains("losses/baseline_loss"));
    assert!(!header(CONFIG).contains("baseline"));
}

#[test]
fn the_same_bits_with_any_number_of_threads_and_resumed_twice() {
    check_bits(CONFIG);
    check_bits(&counterfactual());
}

fn check_bits(config: &str) {
    let folder = folder(config);
    let policy = |arguments: &[&str]| {
        let said = done(folder.path(), &[&["train", "--json"], arguments].concat());
        let run_dir = folder.path().join(said.json()["run_dir"].as_str().unwrap());
        (fs::read(run_dir.join("policy.safetensors")).unwrap(), run_dir)
    };
    let short = ["--set", "stop.steps=4_000", "--threads"];
    let alone = policy(&[&short[..], &["1"]].concat());
    for threads in ["2", "5"] {
        assert!(policy(&[&short[..], &[threads]].concat()).0 == alone.0, "{threads} threads");
    }
    let resumed = |copy: &str, threads: &str| {
        let to = folder.path().join("runs").join(copy);
        super::kinds::copy_folder(&alone.1, &to);
        policy(&["--resume", to.to_str().unwrap(), "--set", "stop.steps=6_000", "--threads", threads]).0
    };
    assert!(resumed("one", "1") == resumed("two", "2"), "resumed twice");
}

#[test]
fn a_policy_plays_without_what_its_critic_saw() {
    let folder = folder(CONFIG);
    let said = done(folder.path(), &["train", "--json", "--set", "stop.steps=2_000"]);
    let run_dir = folder.path().join(said.json()["run_dir"].as_str().unwrap());
    let policy = PolicyFile::read(&run_dir.join("policy.safetensors")).unwrap();
    let names: Vec<_> = policy.spec.observation.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["is_second", "is_there", "is_passed", "team"]);
    assert_eq!(policy.spec.observation_width(), 3 + 3 + 1, "one other member, and the count");
    let scored = done(folder.path(), &["eval", "--json", "--episodes", "20"]).json();
    assert!(scored["mean_return"].as_f64().is_some(), "{scored}");
    let exported = folder.path().join("shipped.safetensors");
    done(folder.path(), &["export", "latest", "--to", exported.to_str().unwrap()]);
    let shipped = PolicyFile::read(&exported).unwrap();
    assert_eq!(shipped.spec.observation.len(), 3);
    let newest = fs::read_dir(run_dir.join("checkpoints")).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    assert_eq!(Checkpoint::read(&newest).unwrap().policies[0].policy.spec, policy.spec);
}

#[test]
fn critics_that_can_t_see_a_team_are_refused_with_line_and_remedy() {
    let refused = |config: &str, expected: &str| {
        let folder = folder(config);
        let done = run("relay", folder.path(), &["train"]);
        assert_eq!(done.code, 2, "{}", done.errors);
        assert!(done.errors.contains(expected), "`{}` has no `{expected}`", done.errors);
    };
    let with = |from: &str, to: &str| CONFIG.replace(from, to);
    let no_ppo = with(
        "ppo: (rollout_steps: 16, minibatch: 256, epochs: 4, learning_rate: 5e-3, gamma: 0.9, entropy: 0.01)",
        "dqn: ()",
    );
    refused(&no_ppo, "relay.ron:9: `dqn` has no critic that could see a team; learn with `ppo`");
    let shared = with("hidden: [16]", "hidden: [16], shared: true");
    refused(&shared, "relay.ron:9: with `shared: true` actor and critic read the same");
    let encoded = with("hidden: [16]", "hidden: [16], encoders: {\"team\": Convolve([8])}");
    refused(&encoded, "use `Pool` or `Attend` for a set");
    let external = with("critic: Team", "critic: Team, pretrain: (demonstrations: [])");
    refused(&external, "demonstrations of `Runner` have no observations of its team");
    let without_team = with("critic: Team", "baseline: Counterfactual");
    let expected = "relay.ron:9: a counterfactual baseline is a value without the agent's own action, in what its team \
                    observes and does, and the critic of `Runner` does not see its team; set `critic: Team`";
    refused(&without_team, expected);
    let folder = tempfile::tempdir().unwrap();
    let alone = run("arrows", folder.path(), &["train", "--set", "critic=Team"]);
    assert!(
        alone.errors.contains("`Reader` is in no team: give terms of its reward `#[reward(team)]`"),
        "{}",
        alone.errors
    );
}

#[test]
fn a_term_that_every_member_writes_for_all_is_found() {
    let findings = |game: &str| {
        let folder = folder(CONFIG);
        let report = run(game, folder.path(), &["check", "--json", "--set", "worlds=1"]).json();
        report["findings"].as_array().unwrap().iter().map(|finding| finding["what"].to_string()).collect::<Vec<_>>()
    };
    let alike = findings("cheered_twice");
    let expected = "all members of a team of `Runner` always wrote the same `kept`";
    assert!(alike.iter().any(|finding| finding.contains(expected)), "{alike:?}");
    assert!(findings("relay").iter().all(|finding| !finding.contains("always wrote the same")));
}

/// The settings of short runs of the choir.
const CHOIR: [&str; 9] = [
    "train",
    "--json",
    "--set",
    "critic=Team",
    "--set",
    "stop.steps=12_000",
    "--set",
    "episode_limit=8",
    "--set=worlds=2",
];

/// The members' grids and sets are numbers for the critic, and its own agent's have their encoders.
#[test]
fn a_critic_sees_grids_and_sets_of_its_team() {
    let folder = tempfile::tempdir().unwrap();
    let encoders = r#"network.encoders={"lines": Convolve([4]), "notes": Pool(8)}"#;
    for more in
        [&[][..], &["--set", "baseline=Counterfactual"], &["--set", encoders, "--set", "baseline=Counterfactual"]]
    {
        let fast = ["--set", "ppo.learning_rate=0.01", "--set", "ppo.minibatch=128", "--set", "arenas=8"];
        let done = program::done("choir", folder.path(), &[&CHOIR[..], &fast, more].concat()).json();
        let mean_return = done["mean_return"].as_f64().unwrap();
        assert!(mean_return > 14.0, "{more:?}: {mean_return} of 16, and 8 by luck");
    }
}

#[test]
fn a_team_that_outgrows_its_critic_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let rows = ["--set", "arenas=2", "--set", "rows=6"];
    let said = program::done("growing_choir", folder.path(), &[&CHOIR[..], &rows].concat());
    let expected = "a team of `Singer` has 4 members, and its critic sees 3 of them";
    assert_eq!(said.errors.matches(expected).count(), 1, "{}", said.errors);
    assert!(said.errors.contains("set `rows` to at least 4 for each arena"), "{}", said.errors);
    let enough = ["--set", "arenas=2", "--set", "rows=8"];
    let said = program::done("growing_choir", folder.path(), &[&CHOIR[..], &enough].concat());
    assert!(!said.errors.contains("its critic sees"), "{}", said.errors);
}
