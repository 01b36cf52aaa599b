//! Episode parameters and curricula: in training, resumes, evaluations and replays.

use std::fs;
use std::path::Path;

use bevy::prelude::*;
use ludus_agent::{AgentAppExt, Arena, Episode, EpisodeParameters, EpisodeRng, InArena, ScoreAgents, SenseAgents};

use super::game::{self, Answer, Arrow, Marks};
use super::program::{Done, run};

/// The questions of an episode.
#[derive(Component, Reflect, EpisodeParameters)]
struct Exam {
    /// Arrows in it.
    #[parameter(range = 1.0..=32.0)]
    length: u32,
    /// The part that has to be right.
    #[parameter(range = 0.0..=1.0)]
    pass: f32,
}

impl Default for Exam {
    fn default() -> Self {
        Self { length: 8, pass: 1.0 }
    }
}

/// Right answers of an episode so far.
#[derive(Component, Default)]
struct Score(f32);

/// Arrows in exams of a length that a run draws, which are passed or failed.
pub fn exams(app: &mut App) {
    game::unscored(app);
    app.add_episode_parameters::<Arena, Exam>();
    app.register_required_components::<game::Reader, Score>();
    app.add_systems(ScoreAgents, grade).add_systems(SenseAgents, game::sense);
}

fn grade(
    exams: Query<&Exam>,
    mut readers: Query<(&InArena, &mut Arrow, &Answer, &mut Marks, &mut Score, &mut Episode, &mut EpisodeRng)>,
) -> Result {
    for (home, mut arrow, answer, mut marks, mut score, mut episode, mut rng) in &mut readers {
        let exam = exams.get(home.0)?;
        *marks = arrow.judge(answer, &mut rng);
        if !episode.is_running() {
            score.0 = 0.0;
            continue;
        }
        score.0 += marks.right;
        if episode.steps() + 1 >= exam.length {
            match score.0 >= exam.pass * exam.length as f32 {
                true => episode.succeed(),
                false => episode.fail(),
            }
        }
    }
    Ok(())
}

const QUICK: [&str; 8] =
    ["train", "--json", "--set", "worlds=2", "--set", "arenas=16", "--set", r#"reward={"right": 1, "wrong": 0}"#];

fn trained(folder: &Path, changes: &[&str]) -> Done {
    let done = run("exams", folder, &[&QUICK[..], changes].concat());
    assert_eq!(done.code, 0, "{}", done.errors);
    done
}

fn run_dir(done: &Done) -> String {
    done.json()["run_dir"].as_str().unwrap().to_owned()
}

/// The numbers of a column of a run's metrics, without empty ones.
fn column(folder: &Path, run: &str, name: &str) -> Vec<f64> {
    let table = fs::read_to_string(folder.join(run).join("metrics.csv")).unwrap();
    let mut lines = table.lines();
    let index = lines.next().unwrap().split(',').position(|column| column == name).unwrap();
    lines.filter_map(|line| line.split(',').nth(index).unwrap().parse().ok()).collect()
}

const CURRICULUM: [&str; 4] = [
    "--set",
    "parameters.Exam.length=Curriculum([(value: 2, until: Success(0.9)), (value: Uniform(6, 10), until: Success(0.9), \
     back: Success(0.1)), (value: 12)])",
    "--set",
    "stop=(steps: 100_000, success: 0.95)",
];

#[test]
fn a_curriculum_goes_from_stage_to_stage_and_an_evaluation_plays_the_last_one() {
    let folder = tempfile::tempdir().unwrap();
    let done = trained(folder.path(), &CURRICULUM);
    assert!(done.errors.contains("`Exam.length` is Uniform(6, 10) from here on, stage 2 of 3"), "{}", done.errors);
    assert!(done.errors.contains("`Exam.length` is 12 from here on, stage 3 of 3"), "{}", done.errors);
    let stages = column(folder.path(), &run_dir(&done), "curriculum/Exam.length");
    assert!(stages.is_sorted() && (stages[0], stages[stages.len() - 1]) == (1.0, 3.0), "{stages:?}");
    let lengths = column(folder.path(), &run_dir(&done), "parameters/Exam.length");
    assert!(lengths[0] == 2.0 && lengths[lengths.len() - 1] > 10.0, "{lengths:?}");
    assert!(column(folder.path(), &run_dir(&done), "charts/success_rate").iter().any(|rate| *rate > 0.9));

    let scored = run("exams", folder.path(), &["eval", "--json"]);
    assert_eq!((scored.code, scored.json()["mean_length"].as_f64()), (0, Some(12.0)), "{}", scored.errors);
    assert!(scored.json()["success"].as_f64().unwrap() > 0.9 && scored.out.contains(", success "), "{}", scored.out);
    let short = run("exams", folder.path(), &["eval", "--json", "--parameter", "Exam.length=3"]);
    assert_eq!(short.json()["mean_length"], 3.0, "{}", short.errors);
    let played = run("exams", folder.path(), &["play", "latest", "--headless", "--json", "--episodes", "3"]);
    assert_eq!(played.json()["mean_length"], 12.0, "{}", played.errors);
}

#[test]
fn a_run_ends_with_its_success_rate() {
    let folder = tempfile::tempdir().unwrap();
    let done =
        trained(folder.path(), &["--set", "parameters.Exam.length=4", "--set", "stop=(steps: 1e6, success: 0.9)"]);
    assert!(done.json()["env_steps"].as_u64().unwrap() < 500_000, "{}", done.out);
    assert!(done.out.contains("reached `stop.success` 0.9 after"), "{}", done.out);
    assert_eq!(done.json()["stop_reason"], "success");
}

#[test]
fn a_resumed_run_goes_on_in_its_stage() {
    let folder = tempfile::tempdir().unwrap();
    let steps = "Curriculum([(value: 2, until: Progress(0.3)), (value: 5, until: Return(99)), (value: 9)])";
    let changes = ["--set", "stop.steps=20_000", "--parameter", &format!("Exam.length={steps}")];
    let done = trained(folder.path(), &changes);
    let run_dir = run_dir(&done);
    let before = column(folder.path(), &run_dir, "curriculum/Exam.length");
    let resumed = |threads: &str, to: &str| {
        super::resume::copy(&folder.path().join(&run_dir), &folder.path().join("runs").join(to));
        let args = ["train", "--resume", to, "--threads", threads, "--set", "stop.steps=40_000", "--json"];
        let done = run("exams", folder.path(), &args);
        assert_eq!(done.code, 0, "{}", done.errors);
        let stages = column(folder.path(), &format!("runs/{to}"), "curriculum/Exam.length");
        let policy = fs::read(folder.path().join("runs").join(to).join("policy.safetensors")).unwrap();
        (stages[before.len()..].to_vec(), policy)
    };
    let (stages, policy) = resumed("1", "exams-20");
    assert!(stages.contains(&before[before.len() - 1]) && !stages.contains(&1.0), "{before:?}, then {stages:?}");
    assert!(resumed("2", "exams-21") == (stages, policy), "twice from one checkpoint it learns the same");
}

#[test]
fn drawn_parameters_are_the_same_with_any_number_of_threads_and_in_replays() {
    let folder = tempfile::tempdir().unwrap();
    let with = |threads: &str| {
        let changes = ["--parameter", "Exam.length=Uniform(2, 9)", "--set", "stop.steps=20_000", "--threads", threads];
        let run = run_dir(&trained(folder.path(), &changes));
        let policy = fs::read(folder.path().join(&run).join("policy.safetensors")).unwrap();
        (run, policy)
    };
    let runs = ["1", "2", "5"].map(with);
    assert!(runs.iter().all(|(_, policy)| *policy == runs[0].1));
    let lengths: Vec<_> = ["best", "worst", "1", "2", "3"]
        .map(|episode| {
            let done = run("exams", folder.path(), &["replay", &runs[0].0, episode, "--json"]);
            assert_eq!(done.code, 0, "{episode}: {}", done.errors);
            done.json()["mean_length"].as_f64().unwrap()
        })
        .into();
    assert!(lengths.iter().any(|length| *length != lengths[0]), "{lengths:?}");
}

#[test]
fn wrong_parameters_are_named_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |value: &str, sentence: &str| {
        let set = format!("parameters.{value}");
        let done = run("exams", folder.path(), &[&QUICK[..], &["--set", &set]].concat());
        assert_eq!(done.code, 2, "{value}: {}", done.errors);
        assert!(done.errors.contains(sentence), "{value}: {}", done.errors);
        assert!(!folder.path().join("runs").exists() || fs::read_dir(folder.path().join("runs")).unwrap().count() == 0);
    };
    refused("Exam.lenth=3", "unknown episode parameter `Exam.lenth`; valid: `Exam.length`, `Exam.pass`");
    refused("Exam.pass=2", "`2` goes beyond the range of `Exam.pass`, which is 0 to 1");
    refused("Exam.pass=Uniform(1, 0)", "`(1, 0)` is no range");
    refused("Exam.pass=Choice([])", "`Choice([])` has no value");
    refused("Exam.pass=Sometimes(1)", "expected a number, `Uniform(…, …)`");
    refused("Exam.length=Curriculum([])", "`Curriculum([])` has no stages");
    refused("Exam.length=Curriculum([(value: 1), (value: 2)])", "stage 1 never ends");
    refused(
        "Exam.length=Curriculum([(value: 1, until: Success(80)), (value: 2)])",
        "`Success(80)` of stage 1 is never",
    );
    refused("Exam.length=Curriculum([(value: 1, until: Success(0.8))])", "stage 1 is the last");
    refused("Exam.length=Curriculum([(value: 1, until: All([])), (value: 2)])", "is an empty list");
    refused(
        "Exam.length=Curriculum([(value: 1, until: Success(0.5), of: \"Writer\"), (value: 2)])",
        "learn are `Reader`",
    );
    let until = |condition: &str| format!("Exam.length=Curriculum([(value: 1, until: {condition}), (value: 2)])");
    refused(&until("Metric(\"charts/luck\", 1)"), "the metric `charts/luck`, which the run does not have");
    refused(&until("Rating(100)"), "asks for a rating, but `Reader` does not play against itself");
    let done = run("arrows", folder.path(), &["train", "--set", "parameters.Exam.length=3"]);
    assert!(done.errors.contains("unknown episode parameter `Exam.length`; the game has none"), "{}", done.errors);
}
