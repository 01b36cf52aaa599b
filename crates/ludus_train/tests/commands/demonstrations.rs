//! Demonstrations: recorded, listed, learned from, compared with, and refused.

use std::fs;
use std::path::Path;

use ludus_train::demonstrations::{DecidedBy, DemonstrationFile, DemonstrationHeader, append};

use super::program::{Done, run};
use super::resume::copy;
use super::work::QUICK;

/// Trains the game, and records episodes of its policy. Returns the file.
fn recorded(folder: &Path, episodes: &str) -> DemonstrationFile {
    let trained = run("arrows", folder, &QUICK);
    assert_eq!(trained.code, 0, "{}", trained.errors);
    let done = run("arrows", folder, &["eval", "--json", "--episodes", episodes, "--record", "arrows.demonstrations"]);
    assert_eq!(done.code, 0, "{}", done.errors);
    assert!(done.out.contains("demonstrations: arrows.demonstrations,"), "{}", done.out);
    DemonstrationFile::read(&folder.join("arrows.demonstrations")).unwrap()
}

/// The arguments of a run that learns from the file alone, or goes on by reward.
fn pretrained<'a>(pretrain: &'a str, steps: &'a str) -> Vec<&'a str> {
    [QUICK.as_slice(), &["--set", pretrain, "--set", steps]].concat()
}

fn told(done: &Done, expected: &str) {
    let all = format!("{}{}", done.out, done.errors);
    assert!(all.contains(expected), "no `{expected}` in {all}");
}

#[test]
fn what_a_policy_shows_is_recorded_and_cloned() {
    let folder = tempfile::tempdir().unwrap();
    let file = recorded(folder.path(), "20");
    assert_eq!((file.episodes.len(), file.header.agent.name.as_str()), (20, "Reader"));
    for episode in &file.episodes {
        assert_eq!((episode.steps(), episode.observations.len()), (8, 9));
        // The greedy policy makes no mistakes.
        let pairs = episode.observations.iter().zip(&episode.actions);
        assert!(pairs.clone().all(|(seen, done)| *done == f32::from(*seen > 0.0)), "{episode:?}");
        assert_eq!((episode.reward(&[1.0, 0.0]), episode.term_sums(2)), (8.0, vec![8.0, 0.0]));
        assert_eq!(episode.info.weights, [1.0, 0.0]);
        assert!(episode.info.origin.is_some());
    }
    let pretrain = "pretrain=(demonstrations: [\"arrows.demonstrations\"], epochs: 60, minibatch: 32, held_out: 0.2)";
    let cloned = run("arrows", folder.path(), &pretrained(pretrain, "stop.steps=1"));
    assert_eq!(cloned.code, 0, "{}", cloned.errors);
    told(&cloned, "cloned 16 episodes, 128 steps: loss 0.");
    told(&cloned, "in 4 that were held out, after epoch ");
    told(&cloned, "learner: native, on the CPU (");
    let run_dir = cloned.json()["run_dir"].as_str().unwrap().to_owned();
    let scored = run("arrows", folder.path(), &["eval", &run_dir, "--json", "--episodes", "50"]);
    assert_eq!(scored.json()["mean_return"], 8.0, "what was shown is learned: {}", scored.errors);

    let arguments = ["eval", &run_dir, "--json", "--demonstrations", "arrows.demonstrations"];
    let compared = run("arrows", folder.path(), &arguments);
    assert_eq!(compared.code, 0, "{}", compared.errors);
    told(&compared, "arrows.demonstrations, the episodes that the run has not learned from");
    told(&compared, "4 episodes, 32 steps: negative log-likelihood 0.");
    let agreement = &compared.json()["agreement"];
    let choices = &agreement["choices"][0];
    assert_eq!((&agreement["episodes"], &choices["accuracy"]), (&4.into(), &1.0.into()));
    assert!(choices["most_frequent_accuracy"].as_f64().unwrap() < 0.8, "{choices}");
    assert_eq!((&choices["confusion"][0][1], &choices["choices"][1]["f1"]), (&0.into(), &1.0.into()));
    let first = format!("{}1", run_dir.strip_suffix('2').unwrap());
    let arguments = ["eval", &first, "--demonstrations", "arrows.demonstrations", "--set", "seed=3"];
    let other = run("arrows", folder.path(), &arguments);
    told(&other, "all episodes; the run has not learned from the file");
}

#[test]
fn a_run_that_imitates_and_is_resumed_twice_learns_the_same() {
    let folder = tempfile::tempdir().unwrap();
    recorded(folder.path(), "10");
    let pretrain = "pretrain=(demonstrations: [\"arrows.demonstrations\"], epochs: 5, critic_warm_up: 2, \
                    weight: Linear(from: 0.5, to: 0.0), gail: (hidden: [8]))";
    let trained = run("arrows", folder.path(), &pretrained(pretrain, "stop.steps=10_000"));
    assert_eq!(trained.code, 0, "{}", trained.errors);
    let run_dir = folder.path().join(trained.json()["run_dir"].as_str().unwrap());
    let table = fs::read_to_string(run_dir.join("metrics.csv")).unwrap();
    let columns = table.lines().next().unwrap();
    for column in ["losses/cloning", "losses/gail", "losses/gail_accuracy", "charts/gail_return"] {
        assert!(columns.contains(column), "{columns}");
    }
    let policy = |name: &str, threads: &str| {
        let copied = folder.path().join(name);
        copy(&run_dir, &copied);
        let arguments = ["train", "--resume", name, "--threads", threads, "--set", "stop.steps=20_000"];
        let done = run("arrows", folder.path(), &arguments);
        assert_eq!(done.code, 0, "{}", done.errors);
        assert!(!done.errors.contains("cloned "), "a resumed run is not pretrained again: {}", done.errors);
        fs::read(copied.join("policy.safetensors")).unwrap()
    };
    let alone = policy("one", "1");
    assert!(alone == policy("two", "1"), "the same bits again");
    assert!(alone == policy("three", "3"), "with another number of threads");
}

#[test]
fn files_are_listed_cut_merged_and_scored_anew() {
    let folder = tempfile::tempdir().unwrap();
    let file = recorded(folder.path(), "4");
    let on = |arguments: &[&str]| {
        let done = run("arrows", folder.path(), &[&["demonstrations"], arguments].concat());
        assert_eq!(done.code, 0, "{}", done.errors);
        done
    };
    let read = |name: &str| DemonstrationFile::read(&folder.path().join(name)).unwrap().episodes;
    told(&on(&["list", "arrows.demonstrations"]), "4 episodes of `Reader` in `arrows`, 1 ticks per step at 64 Hz");
    told(&on(&["list", "arrows.demonstrations"]), "2: 8 steps, return 8.00, Terminated, decided by a policy");
    on(&["cut", "arrows.demonstrations", "--keep", "2-3", "--to", "cut.demonstrations"]);
    assert_eq!(read("cut.demonstrations"), file.episodes[1..3]);
    on(&["merge", "cut.demonstrations", "arrows.demonstrations", "--to", "merged.demonstrations"]);
    assert_eq!(read("merged.demonstrations").len(), 6);
    let arguments = ["rescore", "cut.demonstrations", "--to", "scored.demonstrations"];
    let rescored = run(
        "arrows",
        folder.path(),
        &[&["demonstrations", "--set", "reward={\"right\": 0.5, \"wrong\": -1}"], arguments.as_slice()].concat(),
    );
    told(&rescored, "return 8.00, Terminated, decided by a policy; now return 4.00");
    assert_eq!(read("scored.demonstrations")[0].info.weights, [0.5, -1.0]);

    let again = ["demonstrations", "merge", "cut.demonstrations", "--to", "arrows.demonstrations"];
    let again = run("arrows", folder.path(), &again);
    assert_eq!(again.code, 2);
    told(&again, "`arrows.demonstrations` is there already and is not overwritten; choose another file with --to");
    let beyond = ["demonstrations", "cut", "arrows.demonstrations", "--keep", "5", "--to", "new"];
    told(
        &run("arrows", folder.path(), &beyond),
        "error: `arrows.demonstrations` has 4 episodes, and no episode 5; keep numbers from 1 to 4",
    );
}

/// The files that are shipped with the examples can be listed by any game.
#[test]
fn shipped_files_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/demonstrations");
    for (name, of, by) in [
        ("pillars", "20 episodes of `Rover` in `pillars`", "Terminated, decided by a policy\n"),
        ("pillars-keys", "20 episodes of `Rover` in `pillars`", "Terminated, decided by a script\n"),
        ("pyramids", "6 episodes of `Seeker` in `pyramids`", "Terminated, succeeded, decided by a policy\n"),
    ] {
        let path = shipped.join(name).with_extension("demonstrations");
        let listed = run("arrows", folder.path(), &["demonstrations", "list", path.to_str().unwrap()]);
        assert_eq!(listed.code, 0, "{}", listed.errors);
        told(&listed, &format!("{of}, 5 ticks per step at 50 Hz"));
        told(&listed, by);
    }
}

/// A person has corrected a policy that is always wrong in every other step.
#[test]
fn a_corrected_step_is_learned_from_and_the_rest_of_its_episode_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = recorded(folder.path(), "20");
    let mut episodes = file.episodes;
    for episode in &mut episodes {
        for step in (0..episode.steps()).step_by(2) {
            episode.decided_by[step] = DecidedBy::Policy;
            episode.actions[step] = 1.0 - episode.actions[step];
            episode.decided_by[step + 1] = DecidedBy::Person;
        }
    }
    append(&folder.path().join("corrected"), &file.header, &episodes).unwrap();
    let listed = run("arrows", folder.path(), &["demonstrations", "list", "corrected"]);
    told(&listed, "decided by a policy (4) and a person (4), of which 4 steps are imitated");
    let pretrain = "pretrain=(demonstrations: [\"corrected\"], epochs: 60, minibatch: 32, held_out: 0.2)";
    let cloned = run("arrows", folder.path(), &pretrained(pretrain, "stop.steps=1"));
    assert_eq!(cloned.code, 0, "{}", cloned.errors);
    told(&cloned, "cloned 16 episodes, 64 steps: loss 0.");
    let scored = run("arrows", folder.path(), &["eval", "--json", "--episodes", "50"]);
    assert_eq!(scored.json()["mean_return"], 8.0, "{}", scored.errors);
    let compared = run("arrows", folder.path(), &["eval", "latest", "--json", "--demonstrations", "corrected"]);
    told(&compared, "4 episodes, 16 steps: negative log-likelihood 0.");
    assert_eq!(compared.json()["agreement"]["choices"][0]["accuracy"], 1.0, "{}", compared.out);
}

/// A small network learns from a large one, of which it has the file alone.
#[test]
fn a_policy_is_distilled_into_a_smaller_one() {
    let folder = tempfile::tempdir().unwrap();
    let trained = run("arrows", folder.path(), &QUICK);
    assert_eq!(trained.code, 0, "{}", trained.errors);
    let first = trained.json()["run_dir"].as_str().unwrap().to_owned();
    fs::copy(folder.path().join(&first).join("policy.safetensors"), folder.path().join("teacher")).unwrap();
    let taught = |teacher: &str, more: &[&str]| {
        let pretrain = format!("pretrain=(teacher: ({teacher}))");
        let set = ["--set", pretrain.as_str(), "--set", "network.hidden=[4]", "--set", "stop.steps=20_000"];
        // What pays is what the teacher does not do: so nothing but the teacher can have been learned.
        let reward = ["--set", "reward={\"right\": -1, \"wrong\": 1}"];
        run("arrows", folder.path(), &[QUICK.as_slice(), &set, &reward, more].concat())
    };
    let done = taught("policy: \"teacher\", updates: 1000, learning_rate: 0.01", &[]);
    assert_eq!(done.code, 0, "{}", done.errors);
    told(&done, "learning from the teacher `teacher`, and from nothing else in the first 1000 updates");
    told(&done, "learner: native, on the CPU (");
    let run_dir = done.json()["run_dir"].as_str().unwrap().to_owned();
    let table = fs::read_to_string(folder.path().join(&run_dir).join("metrics.csv")).unwrap();
    assert!(table.lines().next().unwrap().contains("losses/distillation"), "{table}");
    let reward = ["--set", "reward={\"right\": 1, \"wrong\": 0}"];
    let scored =
        run("arrows", folder.path(), &[&["eval", &run_dir, "--json", "--episodes", "50"], reward.as_slice()].concat());
    assert_eq!(scored.json()["mean_return"], 8.0, "what the teacher does is learned: {}", scored.errors);

    let refused = |teacher: &str, more: &[&str], expected: &str| {
        let done = taught(teacher, more);
        assert_eq!(done.code, 2, "{}", done.errors);
        told(&done, expected);
    };
    refused("", &[], "there is no teacher; name a policy file, or a run's folder");
    refused("policy: \"none\"", &[], "`none`");
    refused("policy: \"teacher\", weight: -1", &[], "`weight` is -1; it must be at least 0");
    refused("policy: \"teacher\"", &["--set", "decision_interval=4"], "decides every 1 ticks, and `Reader` every 4");
}

/// Each is refused before training, with the line of the config and the remedy.
#[test]
fn demonstrations_that_can_t_be_learned_from_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = recorded(folder.path(), "2");
    let path = |name: &str| folder.path().join(name);
    let config = |pretrain: &str| {
        format!(
            "(\n  agents: {{\"Reader\": (\n    reward: {{\"right\": 1, \"wrong\": 0}},\n    pretrain: (\n      \
             {pretrain}\n    ),\n  )}},\n)"
        )
    };
    let check = |pretrain: &str, expected: &str| {
        fs::write(path("own.ron"), config(pretrain)).unwrap();
        let done = run("arrows", folder.path(), &["train", "--config", "own.ron"]);
        assert_eq!(done.code, 2, "{}", done.errors);
        told(&done, expected);
        told(&done, "own.ron:");
    };
    let header = |change: fn(&mut DemonstrationHeader), name: &str| {
        let mut header = file.header.clone();
        change(&mut header);
        append(&path(name), &header, &file.episodes).unwrap();
    };
    check("", "no demonstrations; name files that `eval --record` or `play --record` has written");
    check("demonstrations: [\"none\"],", "demonstrations `none` can't be read");
    fs::write(path("text"), "something else").unwrap();
    check("demonstrations: [\"text\"],", "own.ron:5: `text` has no demonstrations that can be read");
    append(&path("empty"), &file.header, &[]).unwrap();
    check("demonstrations: [\"empty\"],", "demonstrations `empty` have no episodes; record some with");
    header(|header| header.agent.name = "Archer".to_owned(), "other");
    check("demonstrations: [\"other\"],", "`other` were recorded of other agents than `Reader`: they are of `Archer`");
    header(|header| header.agent.observation[0].name = "bow".to_owned(), "bow");
    check("demonstrations: [\"bow\"],", "they have no observation `arrow`; record anew");
    header(|header| header.decision_interval = 4.try_into().unwrap(), "slow");
    check("demonstrations: [\"slow\"],", "recorded with 4 ticks per step at 64 Hz, and the game has 1 ticks per step");
    check(
        "demonstrations: [\"arrows.demonstrations\"], held_out: 1.0,",
        "`held_out` is 1; it must be from 0 to below 1",
    );
    check("demonstrations: [\"arrows.demonstrations\"], weight: -1.0,", "`weight` is -1; it must be at least 0");
    check("demonstrations: [\"arrows.demonstrations\"], gail: (gamma: 2.0),", "`gamma` is 2; it must be from 0 to 1");
    let other = config("demonstrations: [\"arrows.demonstrations\"],\n").replace("pretrain", "pqn: (), pretrain");
    fs::write(path("own.ron"), other).unwrap();
    told(
        &run("arrows", folder.path(), &["train", "--config", "own.ron"]),
        "`pqn` can't learn from demonstrations or teachers",
    );
    header(|header| header.tick_rate_hz = 60.0, "fast");
    let fast = pretrained("pretrain=(demonstrations: [\"fast\"])", "stop.steps=1");
    told(
        &run("arrows", folder.path(), &fast),
        "recorded with 1 ticks per step at 60 Hz, and the game has 1 ticks per step at 64",
    );
    assert!(!path("runs").join("arrows-2").exists());
}

#[test]
fn a_game_that_is_played_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let file = recorded(folder.path(), "1");
    let played =
        run("arrows", folder.path(), &["play", "latest", "--headless", "--episodes", "3", "--record", "played"]);
    assert_eq!(played.code, 0, "{}", played.errors);
    told(&played, "recording every episode, whoever decides in it, to `played`");
    let recorded = DemonstrationFile::read(&folder.path().join("played/Reader.demonstrations")).unwrap();
    assert!(recorded.episodes.len() >= 3 && recorded.damage.is_empty());
    assert_eq!(recorded.header, DemonstrationHeader { library: recorded.header.library.clone(), ..file.header });
    for episode in &recorded.episodes {
        assert_eq!((episode.steps(), episode.term_sums(2)), (8, vec![8.0, 0.0]));
        let pairs = episode.observations.iter().zip(&episode.actions);
        assert!(pairs.clone().all(|(seen, done)| *done == f32::from(*seen > 0.0)), "{episode:?}");
    }
}
