//! Tests of all panels with two kinds of agents.

use std::collections::BTreeMap;
use std::sync::Arc;

use ludus_agent::spec::{ActionField, ActionKind, AgentSpec, RewardTerm};
use ludus_editor::EditorCommand;
use ludus_editor::egui::{Vec2, vec2};
use ludus_editor::panels::agent::{AgentUiState, agent_ui};
use ludus_editor::panels::runs::{RunsUiState, runs_ui};
use ludus_editor::panels::training::{TrainingUiState, training_ui};
use ludus_editor::panels::worlds::{WorldsUiState, worlds_ui};
use ludus_editor::panels::{StripNews, strip_ui};
use ludus_editor::snapshot::{AgentId, Driver, PolicyLabel, RunsSnapshot, SceneKindSnapshot, SceneSnapshot};
use ludus_train::config::{MeanReturn, PolicySource, StopConfig};
use ludus_train::session::{ArenaReturn, KindIteration, KindSnapshot, SessionCommand, TrainingSnapshot};
use ludus_train::{Change, Spread};

use super::recorded::{column, field, long_name, policy, runs, scene, training};
use super::screen::{BELOW, BESIDE, ENLARGED, SMALL_BELOW, SMALL_LEFT, Screen};

/// Size of a screen that is tall enough for all of a panel [points].
const TALL: Vec2 = Vec2::new(BESIDE.x, 1_400.0);
/// Size of the strip in a small window [points].
const STRIP: Vec2 = vec2(884.0, 60.0);

/// The second kind, besides the plate.
fn runner() -> AgentSpec {
    let action = ActionField {
        name: String::new(),
        doc: String::new(),
        parts: ["Left", "Right"].map(str::to_owned).into(),
        kind: ActionKind::Discrete,
    };
    AgentSpec {
        name: "Runner".to_owned(),
        observation: vec![field("wall", &["left", "right"], None)],
        action: vec![action],
        reward: vec![RewardTerm { name: "escaped".to_owned(), doc: String::new(), is_team: false }],
        masked: false,
        teams: Vec::new(),
    }
}

fn two_kinds() -> TrainingSnapshot {
    let mut training = training();
    training.kinds.push(KindSnapshot {
        spec: Arc::new(runner()),
        rows: 512,
        learning_rate: 2e-3,
        weights: vec![7.0],
        returns: (0..256).map(|index| ArenaReturn { world: index / 64, arena: index % 64, last: -40.0 }).collect(),
        return_range: Some([-40.0, -40.0]),
        ..KindSnapshot::default()
    });
    let weights: Arc<[f32]> = [7.0].into();
    let records = training.history.iter().cloned().map(|mut record| {
        record.kinds.push(KindIteration {
            episodes: 5,
            returns: Spread { mean: -40.0, std: 3.0 },
            length: 12.0,
            terms: vec![-5.0],
            weights: weights.clone(),
            metrics: Vec::new(),
        });
        record
    });
    training.history = records.collect();
    training
}

fn two_kinds_on_screen() -> SceneSnapshot {
    let mut scene = scene();
    let policy = Some(PolicyLabel { name: "hunt-2026-11-29-1".to_owned(), steps: 4_096 });
    scene.kinds.push(SceneKindSnapshot {
        spec: Arc::new(runner()),
        weights: vec![7.0],
        policy,
        ..SceneKindSnapshot::default()
    });
    let id = AgentId { kind: 1, row: 3 };
    let mut entry = scene.agents[3].clone();
    (entry.id, entry.name, entry.episode_return) = (id, "Runner 3 · arena 1".to_owned(), -8.25);
    scene.agents.push(entry);
    let agent = scene.selected.as_mut().expect("an agent was picked");
    (agent.id, agent.name) = (id, "Runner 3 · arena 1".to_owned());
    (agent.columns, agent.action) = (vec![column(0.25), column(-0.5)], vec![1.0]);
    agent.heads = vec![ludus_editor::snapshot::HeadSnapshot::Categorical { probabilities: vec![0.2, 0.8] }];
    agent.next_heads.clear();
    agent.episode.terms = vec![-1.5; 345];
    scene.shown_kind = 1;
    scene
}

macro_rules! training_screen {
    ($training:expr, $shown:expr, $size:expr) => {{
        let (training, mut state) = ($training, TrainingUiState::default());
        Screen::new($size, move |ui, commands| training_ui(ui, &training, $shown, &mut state, commands))
    }};
}

#[test]
fn a_run_is_shown_in_the_numbers_of_the_picked_kind() {
    let plate = training_screen!(two_kinds(), 0, TALL);
    for text in ["Plate", "Runner", "79.800 ± 12.000", "2,793", "256 in 4 worlds", "3.00e-4", "weight of balanced"] {
        assert!(plate.shows(text), "no `{text}` in:\n{}", plate.all_text());
    }
    let mut runner = training_screen!(two_kinds(), 1, TALL);
    for text in ["-40.000 ± 3.000", "512 in 4 worlds", "2.00e-3", "weight of escaped", "7.000"] {
        assert!(runner.shows(text), "no `{text}` in:\n{}", runner.all_text());
    }
    assert!(!runner.shows("balanced") && !runner.shows("79.8"), "{}", runner.all_text());
    runner.check_apart();
    runner.click_text("Plate");
    assert_eq!(runner.commands, [EditorCommand::ShowKind(0)]);
}

#[test]
fn settings_are_changed_for_the_picked_kind() {
    let mut screen = training_screen!(two_kinds(), 1, TALL);
    screen.click_text("2.00e-3");
    screen.enter("0.001");
    let place = screen.find_exactly("7.000").seen.center();
    screen.click(place);
    screen.enter("-2.5");
    let expected = [
        SessionCommand::SetLearningRate { kind: 1, rate: 0.001 },
        SessionCommand::SetWeight { kind: 1, term: 0, weight: -2.5 },
    ];
    assert_eq!(screen.commands, expected.map(EditorCommand::Training));
}

/// The test uses the panel's own picker of kinds.
#[test]
fn what_is_typed_for_one_kind_is_not_shown_as_the_others() {
    let (training, mut state, mut shown) = (two_kinds(), TrainingUiState::default(), 1);
    let mut screen = Screen::new(TALL, move |ui, commands| {
        training_ui(ui, &training, shown, &mut state, commands);
        let asked: Vec<_> = commands.drain().collect();
        for command in asked {
            if let EditorCommand::ShowKind(kind) = command {
                shown = kind;
            }
            commands.send(command);
        }
    });
    screen.click_text("2.00e-3");
    screen.enter("0.004");
    assert!(screen.shows("4.00e-3"), "what was asked for is shown until the run follows");
    screen.click_text("Plate");
    assert!(screen.shows("3.00e-4") && !screen.shows("4.00e-3"), "{}", screen.all_text());
    screen.click_text("Runner");
    assert!(screen.shows("4.00e-3"), "{}", screen.all_text());
}

#[test]
fn a_kind_that_learns_nothing_says_why() {
    let check = |policy: PolicySource, expected: &str| {
        let mut training = two_kinds();
        training.kinds[1].policy = policy;
        let mut screen = training_screen!(training, 1, TALL);
        assert!(screen.texts().iter().all(|text| text.text != "learning rate"), "{}", screen.all_text());
        let place = screen.find(&expected[..12]).seen.center();
        assert!(screen.told_at(place).replace('\n', "").contains(expected) || screen.shows(expected));
    };
    check(PolicySource::SameAs("Plate".to_owned()), "It shares the policy of Plate, and its learning rate.");
    check(PolicySource::Frozen("old.safetensors".into()), "Its policy stays as it is: old.safetensors");
    check(PolicySource::External, "The game decides for it");
}

#[test]
fn changes_name_the_kind() {
    let mut training = two_kinds();
    let [setting, was, now] = ["Runner.ppo.learning_rate", "0.002", "0.001"].map(str::to_owned);
    training.changes.push(Change { step: 64, setting, was, now });
    assert!(training_screen!(training, 0, TALL).shows("step 64: Runner.ppo.learning_rate from 0.002 to 0.001"));
}

#[test]
fn an_agent_of_the_second_kind_is_shown_by_its_own_spec() {
    let (scene, mut state) = (two_kinds_on_screen(), AgentUiState::default());
    let mut screen =
        Screen::new(Vec2::new(360.0, 1_600.0), move |ui, commands| agent_ui(ui, &scene, &mut state, commands));
    for text in [
        "Runner 3 · arena 1",
        "driven by hunt-2026-11-29-1, step 4,096",
        "-8.250",
        "wall.left",
        "wall.right",
        "▶ Right",
        " 80 %",
        "escaped",
        "× 7.000",
    ] {
        assert!(screen.shows(text), "no `{text}` in:\n{}", screen.all_text());
    }
    assert!(!screen.shows("ball") && !screen.shows("balanced") && !screen.shows("33.5"), "{}", screen.all_text());
    screen.check_apart();
    screen.click_text("Runner 3 · arena 1");
    screen.click_text("Plate 3 · arena 3");
    assert_eq!(screen.commands, [EditorCommand::Select(AgentId { kind: 0, row: 3 })]);
}

#[test]
fn an_agent_of_the_games_own_can_not_be_taken_over() {
    let mut scene = two_kinds_on_screen();
    (scene.kinds[1].is_external, scene.kinds[1].policy) = (true, None);
    let agent = scene.selected.as_mut().unwrap();
    (agent.driver, agent.decided_by) = (Driver::Game, None);
    agent.heads.clear();
    let mut state = AgentUiState::default();
    let mut screen =
        Screen::new(Vec2::new(360.0, 1_600.0), move |ui, commands| agent_ui(ui, &scene, &mut state, commands));
    assert!(screen.shows("driven by the game") && screen.shows("The game decides."), "{}", screen.all_text());
    assert!(!screen.shows("No policy yet"));
    screen.click_text("Take over");
    assert!(screen.commands.is_empty());
}

fn two_goals() -> TrainingSnapshot {
    let goals = [("Plate".to_owned(), 100.0), ("Runner".to_owned(), 10.0)];
    let mean_return = Some(MeanReturn::PerKind(BTreeMap::from(goals)));
    let mut training = two_kinds();
    training.stop = StopConfig { mean_return, ..training.stop };
    training
}

#[test]
fn the_strip_names_the_goal_of_each_kind() {
    let training = two_goals();
    let news = StripNews { trouble: None, clock_seconds: 112.0 };
    let mut screen = Screen::new(vec2(1264.0, 60.0), move |ui, _| strip_ui(ui, &training, news));
    let goal = "goal: mean return Plate 100 (now 79.800), Runner 10 (now -40.000) · steps ";
    assert!(screen.shows(goal), "{}", screen.all_text());
    screen.check_apart();
    let place = screen.find("goal: ").seen.center();
    let told = screen.told_at(place);
    for text in ["mean return of Plate: 80 % of the way", "mean return of Runner: 0 % of the way", "all of them"] {
        assert!(told.contains(text), "no `{text}` in:\n{told}");
    }
    let training = two_goals();
    Screen::new(STRIP, move |ui, _| strip_ui(ui, &training, news)).check_apart();
}

#[test]
fn arenas_are_coloured_by_the_picked_kind() {
    for (shown_kind, ends) in [(0, ["0", "140"]), (1, ["-40", "0"])] {
        let (training, mut state) = (two_kinds(), WorldsUiState);
        let scene = SceneSnapshot { shown_kind, ..two_kinds_on_screen() };
        let mut screen = Screen::new(BELOW, move |ui, commands| worlds_ui(ui, &training, &scene, &mut state, commands));
        assert!(ends.iter().all(|end| screen.shows(end)), "{}", screen.all_text());
        screen.check_apart();
        screen.click_text("Runner");
        assert_eq!(screen.commands, [EditorCommand::ShowKind(1)]);
    }
}

fn runs_of_two_kinds() -> RunsSnapshot {
    let mut runs = RunsSnapshot { kinds: vec!["Plate".to_owned(), "Runner".to_owned()], ..runs() };
    for run in &mut runs.runs {
        run.curves.push(vec![[0.0, -5.0], [1e6, -6.0]]);
    }
    runs
}

macro_rules! runs_screen {
    ($runs:expr) => {{
        let (runs, mut state) = ($runs, RunsUiState::default());
        Screen::new(TALL, move |ui, commands| runs_ui(ui, &runs, &mut state, commands))
    }};
}

#[test]
fn runs_say_which_policies_are_on_screen() {
    let name = "hunt-2026-11-29-1";
    let both = RunsSnapshot { left: vec![policy(0, name, 5), policy(1, name, 5)], ..runs_of_two_kinds() };
    let screen = runs_screen!(both);
    assert!(screen.shows("on screen: hunt-2026-11-29-1, step 5") && !screen.shows("Plate on screen"));
    let mixed = RunsSnapshot { left: vec![policy(0, name, 5), policy(1, "old", 9)], ..runs_of_two_kinds() };
    let mut screen = runs_screen!(mixed);
    for text in ["Plate on screen: hunt-2026-11-29-1, step 5", "Runner on screen: old, step 9"] {
        assert!(screen.shows(text), "no `{text}` in:\n{}", screen.all_text());
    }
    screen.check_apart();
    screen.click_text("Plate");
    screen.find_exactly("Runner");
}

#[test]
fn curves_of_runs_are_those_of_the_picked_kind() {
    let shown = |shown_kind| runs_screen!(RunsSnapshot { shown_kind, ..runs_of_two_kinds() }).all_text();
    assert!(shown(1).contains("-6") && !shown(0).contains("-6"), "{}", shown(1));
}

#[test]
fn with_long_names_and_in_small_windows_nothing_covers_anything() {
    let mut training = two_kinds();
    let mut spec = runner();
    spec.name = long_name();
    training.kinds[1].spec = Arc::new(spec);
    for size in [SMALL_LEFT, ENLARGED, BESIDE] {
        training_screen!(training.clone(), 1, size).check_apart();
        training_screen!(two_goals(), 0, size).check_apart();
    }
    for size in [SMALL_BELOW, BESIDE] {
        let (training, scene, mut state) = (training.clone(), two_kinds_on_screen(), WorldsUiState);
        Screen::new(size, move |ui, commands| worlds_ui(ui, &training, &scene, &mut state, commands)).check_apart();
    }
}

#[test]
fn a_game_with_one_kind_has_no_picker() {
    let screen = training_screen!(training(), 0, TALL);
    assert!(screen.texts().iter().all(|text| text.text != "Plate"), "{}", screen.all_text());
}
