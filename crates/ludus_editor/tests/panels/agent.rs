//! Tests of the panel of the selected agent.

use std::sync::Arc;

use ludus_agent::spec::ActionKind;
use ludus_editor::EditorCommand;
use ludus_editor::egui::Vec2;
use ludus_editor::panels::agent::{AgentUiState, agent_ui};
use ludus_editor::snapshot::{AgentId, Driver, EpisodeSnapshot, HeadSnapshot, SceneSnapshot};

use super::recorded::{NUMBERS, column, field, long_name, parameter, replay, scene, spec};
use super::screen::{BESIDE, ENLARGED, SMALL_RIGHT, Screen};

/// Size of a screen that is tall enough for all of the panel [points].
const TALL: Vec2 = Vec2::new(360.0, 1_600.0);

macro_rules! screen {
    ($scene:expr) => {
        screen!($scene, TALL)
    };
    ($scene:expr, $size:expr) => {{
        let (scene, mut state) = ($scene, AgentUiState::default());
        Screen::new($size, move |ui, commands| agent_ui(ui, &scene, &mut state, commands))
    }};
}

#[test]
fn without_an_agent_it_says_what_to_do() {
    assert!(screen!(SceneSnapshot::default()).shows("No agent on screen."));
    let mut screen = screen!(SceneSnapshot { selected: None, ..scene() });
    assert!(screen.shows("Click an agent in the scene, or pick one from the list."));
    screen.click_text("pick an agent");
    screen.click_text("Plate 2 · arena 2");
    assert_eq!(screen.commands, [EditorCommand::Select(AgentId { kind: 0, row: 2 })]);
}

#[test]
fn an_agent_is_shown_in_numbers() {
    let screen = screen!(scene());
    let shown = [
        "Plate 3 · arena 3",
        "driven by balance-2026-11-24-1, step 1,638,400",
        "Episode 12",
        "345 (23.000 s)",
        "33.500",
        "Episode parameters",
        "Course.wall_height",
        "1.250",
        "1.250 in this episode; next Uniform(0, 4)",
        "ball_velocity.z",
        "-0.400",
        "0.100 ± 0.250",
        "[-1",
        "1]",
        "rate.x",
        "0.250 ± 0.200",
        "Stay",
        "▶ Low",
        " 70 %",
        "masked",
        "Memory",
        "40 numbers, with which it decided",
        "balanced",
        "× 0.100",
        "34.500",
        " 97 %",
        "-1.000",
        " -3 %",
        "step of the episode",
    ];
    for text in shown {
        assert!(screen.shows(text), "no `{text}` in:\n{}", screen.all_text());
    }
    screen.check_apart();
    screen!(scene(), BESIDE).check_apart();
}

/// The scene with long names, some of which begin or end alike.
fn long_named() -> SceneSnapshot {
    let mut scene = scene();
    let mut spec = spec();
    spec.observation[0].name = "angular_velocity_of_the_left_wheel".to_owned();
    spec.observation[2].name = "angular_velocity_of_the_right_wheel".to_owned();
    spec.action[0].name = "torque_of_the_front_motors".to_owned();
    spec.action[1].parts = ["StayWhereYouAre", "JumpALittle", "JumpAsHighAsYouCan"].map(str::to_owned).into();
    spec.reward[0].name = "distance_to_the_next_waypoint".to_owned();
    scene.kinds[0].spec = Arc::new(spec);
    let agent = scene.selected.as_mut().expect("an agent was picked");
    agent.columns.iter_mut().for_each(|column| {
        *column =
            ludus_editor::snapshot::ColumnSnapshot { value: -1.234e-7, mean: -98_765.4, deviation: 3.3e-5, ..*column };
    });
    scene
}

#[test]
fn in_a_small_window_nothing_is_cut_and_nothing_covers_anything() {
    for scene in [scene(), long_named()] {
        for size in [SMALL_RIGHT, ENLARGED] {
            for height in [size.y, TALL.y] {
                let screen = screen!(scene.clone(), Vec2::new(size.x, height));
                screen.check_apart();
                let numbers = screen.texts().into_iter().filter(|text| text.text.contains(" ± "));
                let is_whole = |text: &str| !text.contains('…');
                assert!(size == ENLARGED || numbers.clone().all(|text| is_whole(&text.text)), "{}", screen.all_text());
            }
        }
    }
}

#[test]
fn columns_that_deserve_a_look_are_flagged() {
    let mut scene = scene();
    let columns = &mut scene.selected.as_mut().unwrap().columns;
    columns[0].greatest = 1.5;
    columns[3].faults = 2;
    columns[4] = ludus_editor::snapshot::ColumnSnapshot { least: 0.5, greatest: 0.5, ..column(0.5) };
    columns[5].value = f32::NAN;
    let screen = screen!(scene);
    assert!(screen.shows("⚠ 2 not finite, 1 out of range, 1 constant"));
    let flags = ["⚠ not finite", "⚠ out of range", "⚠ constant"];
    assert!(flags.iter().all(|flag| screen.shows(flag)), "{}", screen.all_text());
    screen.check_apart();
}

#[test]
fn pointing_at_a_column_explains_it() {
    let mut screen = screen!(scene());
    let place = screen.find("ball_velocity.z").seen.center();
    screen.point(place);
    assert!(screen.shows("[m]") && screen.shows("the game promises no range"), "{}", screen.all_text());
    assert!(screen.shows("seen -0.900 to 0.900") && screen.shows("over 500 steps"), "{}", screen.all_text());
}

#[test]
fn an_agent_is_taken_over_and_let_go() {
    let mut screen = screen!(scene());
    screen.click_text("Take over");
    assert_eq!(screen.commands, [EditorCommand::TakeOver]);
    let mut taken = scene();
    taken.selected.as_mut().unwrap().driver = Driver::Player;
    let mut screen = screen!(taken);
    assert!(screen.shows("driven by you"));
    screen.click_text("Let go");
    assert_eq!(screen.commands, [EditorCommand::LetGo]);
}

#[test]
fn without_a_policy_it_says_so() {
    let mut scene = scene();
    scene.kinds[0].policy = None;
    let agent = scene.selected.as_mut().unwrap();
    agent.heads.clear();
    agent.episode = EpisodeSnapshot { values: vec![f32::NAN; 3], ..EpisodeSnapshot::default() };
    let screen = screen!(scene);
    let shown = [
        "No policy yet: press Start in Training, or open a run in Runs.",
        "No policy, so no distribution.",
        "No policy has seen this episode.",
        "No step of this episode is over yet.",
    ];
    for text in shown {
        assert!(screen.all_text().replace('\n', "").contains(text), "no `{text}` in:\n{}", screen.all_text());
    }
    screen.check_apart();
}

#[test]
fn an_action_is_shown_with_what_it_was_chosen_from_and_the_next_one_apart() {
    let mut screen = screen!(scene());
    assert!(screen.shows("chosen by balance-2026-11-24-1, step 1,638,400") && screen.shows("5.550"));
    assert!(!screen.shows(" 90 %"), "{}", screen.all_text());
    screen.click_text("Next decision");
    assert!(screen.shows(" 90 %") && screen.shows(" 70 %") && screen.shows("5.250"), "{}", screen.all_text());
    assert_eq!(screen.texts().iter().filter(|text| text.text.starts_with('▶')).count(), 1, "only one was done");
    screen.check_apart();
}

#[test]
fn whose_a_distribution_is_that_did_not_decide_is_said() {
    let mut replayed = scene();
    replayed.selected.as_mut().unwrap().driver = Driver::Log;
    assert!(screen!(replayed).shows("▶ from the log; distribution of balance"));
    let mut taken = scene();
    taken.selected.as_mut().unwrap().driver = Driver::Player;
    assert!(screen!(taken).shows("▶ yours; distribution of balance"));
    let mut idle = scene();
    let agent = idle.selected.as_mut().unwrap();
    (agent.decided_by, agent.heads, agent.action) = (None, Vec::new(), Vec::new());
    assert!(screen!(idle).shows("None: the agent idles while its episode starts."));
}

#[test]
fn a_thousand_columns_are_searched() {
    let mut scene = scene();
    let mut spec = spec();
    spec.observation = (0..1_000).map(|index| field(&format!("eye{index}"), &["distance"], None)).collect();
    scene.kinds[0].spec = Arc::new(spec);
    scene.selected.as_mut().unwrap().columns = vec![column(0.25); 1_000];
    let mut screen = screen!(scene);
    assert!(screen.shows("eye0.distance") && !screen.shows("eye999.distance"));
    assert!(screen.texts().len() < 200, "only what is in sight is drawn: {}", screen.texts().len());
    screen.check_apart();
    screen.click_text("find a field");
    screen.enter("EYE99");
    let names: Vec<_> =
        screen.texts().into_iter().map(|text| text.text).filter(|text| text.ends_with(".distance")).collect();
    let numbers = ["99", "990", "991", "992", "993", "994", "995", "996", "997", "998", "999"];
    assert_eq!(names.len(), numbers.len(), "{names:?}");
    assert!(names.iter().zip(numbers).all(|(name, number)| name.contains(number)), "{names:?}");
    screen.click_text("only ⚠");
    assert!(screen.shows("no such field"));
}

#[test]
fn of_many_choices_the_likeliest_are_shown() {
    let mut scene = scene();
    let mut spec = spec();
    spec.action.remove(0);
    spec.action[0].parts = (0..300).map(|index| format!("Key{index}")).collect();
    assert_eq!(spec.action[0].kind, ActionKind::Discrete);
    scene.kinds[0].spec = Arc::new(spec);
    let agent = scene.selected.as_mut().unwrap();
    let mut probabilities = vec![0.001; 300];
    probabilities[250] = 0.701;
    agent.heads = vec![HeadSnapshot::Categorical { probabilities }];
    agent.action = vec![250.0];
    let screen = screen!(scene);
    assert!(screen.shows("▶ Key250") && screen.shows(" 70 %") && screen.shows("and 284 less likely ones"));
}

#[test]
fn every_number_can_be_drawn() {
    for number in NUMBERS {
        println!("with {number}"); // shown if it fails
        let mut scene = scene();
        scene.kinds[0].weights = vec![number; 2];
        scene.tick_rate_hz = number.into();
        let agent = scene.selected.as_mut().unwrap();
        for (index, column) in agent.columns.iter_mut().enumerate() {
            match index {
                0 => column.value = number,
                1 => column.mean = number,
                2 => column.deviation = number,
                3 => (column.least, column.greatest) = (number, number),
                _ => (column.least, column.greatest, column.value) = (-number, number, number),
            }
        }
        agent.heads = vec![
            HeadSnapshot::Gaussian { mean: vec![number; 2], deviation: vec![number, 0.1] },
            HeadSnapshot::Categorical { probabilities: vec![number; 3] },
        ];
        agent.action = vec![number; 3];
        agent.parameters = vec![number; 2];
        agent.episode.values.fill(number);
        agent.episode.terms.fill(number);
        screen!(scene);
    }
}

#[test]
fn numbers_that_do_not_fit_the_spec_are_left_out() {
    let mut scene = scene();
    let agent = scene.selected.as_mut().unwrap();
    agent.columns.truncate(3);
    agent.heads.truncate(1);
    agent.action.clear();
    agent.episode.terms.truncate(3);
    screen!(scene).check_apart();
}

#[test]
fn names_that_are_too_long_are_cut() {
    let mut scene = scene();
    let mut spec = spec();
    spec.observation.iter_mut().for_each(|field| field.name = long_name());
    spec.action.iter_mut().for_each(|field| field.name = long_name());
    spec.action[1].parts = vec![long_name(); 3];
    spec.reward.iter_mut().for_each(|term| term.name = long_name());
    scene.kinds[0].spec = Arc::new(spec);
    scene.selected.as_mut().unwrap().name = long_name();
    scene.kinds[0].policy.as_mut().unwrap().name = long_name();
    scene.parameters = vec![parameter(&long_name(), "Plate")];
    scene.parameters[0].distribution = long_name();
    let screen = screen!(scene);
    assert!(screen.shows("…"));
}

#[test]
fn names_that_begin_or_end_alike_are_told_apart() {
    let mut scene = scene();
    let mut spec = spec();
    let eyes = ["left_eye_of_the_head_that_looks_forward", "right_eye_of_the_head_that_looks_forward"];
    spec.observation = eyes.map(|name| field(name, &["near", "far"], None)).into();
    scene.kinds[0].spec = Arc::new(spec);
    scene.selected.as_mut().unwrap().columns = vec![column(0.25); 4];
    for size in [TALL, SMALL_RIGHT] {
        let screen = screen!(scene.clone(), size);
        for (begin, end) in [("left", ".near"), ("left", ".far"), ("right", ".near"), ("right", ".far")] {
            let texts = screen.texts();
            let is_it = |text: &str| text.starts_with(begin) && text.contains('…') && text.ends_with(end);
            assert_eq!(
                texts.iter().filter(|text| is_it(&text.text)).count(),
                1,
                "{begin} {end}: {}",
                screen.all_text()
            );
        }
    }
}

#[test]
fn nothing_moves_when_a_column_gets_a_flag() {
    let place = |scene| screen!(scene).find("ball_velocity.z").rect;
    let mut flagged = scene();
    flagged.selected.as_mut().unwrap().columns[3].faults = 2;
    assert_eq!(place(flagged), place(scene()));
}

#[test]
fn an_axis_has_numbers_that_differ() {
    for values in [[50.0; 345].to_vec(), (0..345).map(|step| 50.0 + 1e-5 * step as f32).collect()] {
        let mut scene = scene();
        scene.selected.as_mut().unwrap().episode.values = values;
        let screen = screen!(scene);
        let beside: Vec<_> = screen.texts().into_iter().filter(|text| text.rect.right() < 75.0).collect();
        let plot = screen.find("discounted").rect;
        let numbers: Vec<_> = beside.iter().filter(|text| plot.y_range().contains(text.rect.center().y)).collect();
        let distinct: std::collections::BTreeSet<_> = numbers.iter().map(|text| &text.text).collect();
        assert_eq!(distinct.len(), numbers.len(), "{}", screen.all_text());
        screen.check_apart();
    }
}

#[test]
fn episode_parameters_are_set_once_they_are_typed() {
    let mut screen = screen!(scene());
    screen.click_text("1.250");
    let elsewhere = screen.find("Episode parameters").seen.center();
    screen.click(elsewhere);
    assert!(screen.commands.is_empty(), "a number that is only looked at stays as it is");
    screen.click_text("1.250");
    screen.enter("3.5");
    let value = Some(3.5);
    assert_eq!(screen.commands, [EditorCommand::SetParameter { name: "Course.wall_height".to_owned(), value }]);
    screen.click_text("reset");
    assert_eq!(screen.commands.len(), 1, "nothing was set by hand that could be reset");
}

#[test]
fn an_episode_parameter_that_was_set_by_hand_can_be_reset() {
    let mut scene = scene();
    scene.parameters[0].by_hand = Some(3.5);
    let mut screen = screen!(scene);
    assert!(screen.shows("3.500") && screen.shows("1.250 in this episode; next by hand"), "{}", screen.all_text());
    screen.click_text("reset");
    let name = "Course.wall_height".to_owned();
    assert_eq!(screen.commands, [EditorCommand::SetParameter { name, value: None }]);
}

#[test]
fn parameters_of_other_kinds_and_of_replays_can_not_be_set() {
    let mut scene = scene();
    scene.parameters[1].owner = "Ball".to_owned();
    assert!(!screen!(scene.clone()).shows("Load.mass"));
    scene.parameters[0].owner = "Ball".to_owned();
    assert!(!screen!(scene.clone()).shows("Episode parameters"), "this kind has none");
    scene.parameters[0].owner = "Arena".to_owned();
    scene.replay = Some(replay());
    let mut screen = screen!(scene);
    assert!(screen.shows("A replay has the values of its log."));
    screen.click_text("1.250");
    screen.enter("3.5");
    assert!(screen.commands.is_empty());
}
