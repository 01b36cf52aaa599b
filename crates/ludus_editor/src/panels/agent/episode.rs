//! The part of the agent's panel about its episode so far: value estimates and rewards.

use ludus_agent::spec::Outcome;

use egui_plot::FilledArea;

use crate::egui::{Align, FontId, Label, Rect, RichText, Sense, TextStyle, Ui, pos2, vec2};
use crate::snapshot::{AgentSnapshot, Driver, EpisodeSnapshot, SceneKindSnapshot, SceneSnapshot, ValueSource};
use crate::theme;
use crate::widgets::{
    Cell, Curve, CurvePlot, brief, count, fact_ui, fixed, held, line_in, name_in, percent, split, thinned,
};

use super::super::training::heading_ui;

/// Height of a plot [points].
const HEIGHT: f32 = 110.0;
/// Side of the square that shows a term's colour [points].
const SWATCH: f32 = 9.0;
/// Parts of the width of a term's line: name, weight, sum, share.
const PARTS: [f32; 4] = [0.36, 0.23, 0.23, 0.18];
/// Width below which a term has two lines, with the name on the first one [points].
const NARROW: f32 = 320.0;
/// Parts of the width of the second line: weight, sum, share.
const NUMBERS: [f32; 3] = [0.38, 0.36, 0.26];

const STEPS: &str = "step of the episode";

/// Draws the steps, the return and the outcome of the episode.
pub(super) fn episode_ui(ui: &mut Ui, scene: &SceneSnapshot, agent: &AgentSnapshot) {
    let episode = &agent.episode;
    heading_ui(ui, &format!("Episode {}", episode.number));
    let seconds = f64::from(episode.steps) * f64::from(scene.decision_interval) / scene.tick_rate_hz.max(1e-9);
    fact_ui(ui, "steps", &format!("{} ({} s)", count(episode.steps.into()), fixed(seconds)));
    let entry = scene.agents.iter().find(|entry| entry.id == agent.id);
    fact_ui(ui, "return so far", &entry.map_or("–".to_owned(), |entry| fixed(entry.episode_return.into())));
    fact_ui(ui, "last step", outcome(episode.outcome));
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Running => "goes on",
        Outcome::Waiting => "goes on, without a decision",
        Outcome::Terminated | Outcome::WaitingTerminated => "terminated: the task ended",
        Outcome::Truncated | Outcome::WaitingTruncated => "truncated: cut by the limit",
        Outcome::Restart => "restart",
        Outcome::Vacant => "not the policy's",
        Outcome::Faulty => "not finite",
    }
}

/// Draws the value curve: the policy's estimates over the steps of the episode, and the name of that policy.
pub(super) fn values_ui(ui: &mut Ui, kind: &SceneKindSnapshot, agent: &AgentSnapshot) {
    heading_ui(ui, "Value: the return that is expected from here");
    let (text, hint) = estimated_by(kind, agent);
    ui.add(Label::new(RichText::new(text.as_str()).weak()).truncate()).on_hover_text(format!("{text}. {hint}"));
    let values = &agent.episode.values;
    if values.iter().all(|value| value.is_nan()) {
        return;
    }
    let points = thinned(values.len()).map(|index| [step(&agent.episode, index), f64::from(values[index])]);
    let plot = CurvePlot { id: "values", height: HEIGHT, x: STEPS, y: "discounted" };
    let curve = Curve { name: "value".to_owned(), color: theme::series(0), points: points.collect() };
    plot.show_named(ui, vec![curve]);
}

/// Returns the policy that made the value estimates, and a hint.
fn estimated_by(kind: &SceneKindSnapshot, agent: &AgentSnapshot) -> (String, &'static str) {
    let on_screen = if agent.driver == Driver::Rival { &kind.rival } else { &kind.policy };
    let policy = agent.decided_by.as_ref().or(on_screen.as_ref());
    let has_values = agent.episode.values.iter().any(|value| !value.is_nan());
    if agent.value_source == ValueSource::Missing && !has_values {
        return (
            "No values: its critics are not at hand.".to_owned(),
            "The critics of `sac` are not in policy files. They are shown while a run is trained in this window, and for a \
             run that has a checkpoint with as many steps as the policy.",
        );
    }
    let Some(policy) = policy.filter(|_| has_values) else {
        return ("No policy has seen this episode.".to_owned(), "Without a policy there is no estimate.");
    };
    let policy = format!("{}, step {}", policy.name, count(policy.steps));
    match agent.driver {
        Driver::Log => (
            format!("of the policy on screen: {policy}"),
            "The policy that played the episode is not in its log. The curve is what the policy on screen expects where \
             the agent was.",
        ),
        Driver::Player => {
            (format!("of {policy}; you decide"), "The curve is what the policy expects if it decided from there on.")
        }
        _ => (
            format!("of {policy}"),
            "Each point is of the policy that decided then. Where another one has come on screen meanwhile, the points \
             before are of the earlier one.",
        ),
    }
}

fn step(episode: &EpisodeSnapshot, index: usize) -> f64 {
    f64::from(episode.first_step) + index as f64
}

/// Draws the terms of the reward: stacked over the episode, and with their share of the return.
pub(super) fn rewards_ui(ui: &mut Ui, kind: &SceneKindSnapshot, agent: &AgentSnapshot) {
    heading_ui(ui, "Reward terms, added up");
    let terms = kind.spec.reward.len();
    if terms == 0 || agent.episode.terms.len() < terms {
        ui.weak("No step of this episode is over yet.");
        return;
    }
    stack_ui(ui, kind, &agent.episode);
    let sums = agent.term_sums(terms);
    let size = sums.iter().map(|sum| f64::from(sum.abs())).sum::<f64>();
    for (index, &sum) in sums.iter().enumerate() {
        let share = f64::from(sum) / size;
        term_ui(ui, kind, index, [f64::from(sum), share]);
    }
}

/// Draws the stacked terms. Their names and colours are in the list below.
fn stack_ui(ui: &mut Ui, kind: &SceneKindSnapshot, episode: &EpisodeSnapshot) {
    let Stack { steps, areas, sums } = stacked(episode, kind.spec.reward.len());
    let plot = CurvePlot { id: "terms", height: HEIGHT, x: STEPS, y: "reward" };
    let curves = kind.spec.reward.iter().zip(&sums).enumerate().map(|(index, (term, sums))| Curve {
        name: term.name.clone(),
        color: theme::series(index),
        points: steps.iter().zip(sums).map(|(&step, &sum)| [step, sum]).collect(),
    });
    plot.show_with(ui, curves.collect(), move |plot| {
        for (index, area) in areas.iter().enumerate() {
            let color = theme::series(index);
            let area = FilledArea::new("", &steps, &area.from, &area.to);
            plot.add(area.fill_color(color.gamma_multiply(0.6)).stroke((1.0, color)));
        }
    });
}

/// Running sums of the terms, stacked: those above zero upwards, those below downwards.
struct Stack {
    steps: Vec<f64>,
    areas: Vec<Area>,
    /// The running sum of each term at each step, not stacked.
    sums: Vec<Vec<f64>>,
}

#[derive(Clone, Default)]
struct Area {
    from: Vec<f64>,
    to: Vec<f64>,
}

fn stacked(episode: &EpisodeSnapshot, terms: usize) -> Stack {
    let sums = running_sums(&episode.terms, terms);
    let steps = sums.len() / terms;
    let mut stack = Stack { steps: Vec::new(), areas: vec![Area::default(); terms], sums: vec![Vec::new(); terms] };
    for index in thinned(steps) {
        stack.steps.push(step(episode, index));
        let mut ends = [0.0, 0.0];
        let here = &sums[index * terms..][..terms];
        stack.sums.iter_mut().zip(here).for_each(|(of_term, &sum)| of_term.push(held(sum)));
        for (area, &sum) in stack.areas.iter_mut().zip(here) {
            let end = &mut ends[usize::from(sum < 0.0)];
            area.from.push(held(*end));
            *end += sum;
            area.to.push(held(*end));
        }
    }
    stack
}

/// Returns the running sums `[steps, terms]`; NaN adds nothing.
fn running_sums(rewards: &[f32], terms: usize) -> Vec<f64> {
    let mut sums = vec![0.0_f64; terms];
    let mut running = Vec::with_capacity(rewards.len());
    for step in rewards.chunks_exact(terms) {
        sums.iter_mut().zip(step).for_each(|(sum, &reward)| *sum += held(reward.into()));
        running.extend_from_slice(&sums);
    }
    running
}

/// Draws a term's line: its colour, its weight, its sum, and its share.
fn term_ui(ui: &mut Ui, kind: &SceneKindSnapshot, index: usize, [sum, share]: [f64; 2]) {
    let term = &kind.spec.reward[index];
    let line_height = ui.text_style_height(&TextStyle::Body);
    let is_narrow = ui.available_width() < NARROW;
    let height = if is_narrow { 2.0 * line_height } else { line_height };
    let (line, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let [name, weight, total, part] = if is_narrow {
        let (name, numbers) = line.split_top_bottom_at_y(line.center().y);
        let [weight, total, part] = split(numbers, NUMBERS);
        [name, weight, total, part]
    } else {
        split(line, PARTS)
    };
    let swatch = Rect::from_center_size(pos2(name.left() + 0.5 * SWATCH, name.center().y), vec2(SWATCH, SWATCH));
    ui.painter().rect_filled(swatch, 1.0, theme::series(index));
    let name = Rect::from_min_max(pos2(swatch.right() + 5.0, name.top()), name.max);
    let (color, weak) = (ui.visuals().text_color(), ui.visuals().weak_text_color());
    let body = TextStyle::Body.resolve(ui.style());
    name_in(ui.painter(), name, Cell { text: &term.name, font: body, color, align: Align::Min });
    let weighs = kind.weights.get(index).copied().unwrap_or(1.0);
    let times = format!("× {}", brief(weighs.into()));
    let mono = FontId::monospace(12.0);
    let cells = [(weight, times, weak), (total, fixed(sum), color), (part, percent(share), color)];
    for (place, text, color) in cells {
        line_in(ui.painter(), place, Cell { text: &text, font: mono.clone(), color, align: Align::Max });
    }
    let doc = term.doc.trim();
    response.on_hover_text(format!(
        "{}: {doc}\nIt weighs {weighs} now; each step was weighed as it was then.\nIts share is of all terms' sizes together.",
        term.name
    ));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::PolicyLabel;

    #[test]
    fn the_value_curve_says_whose_it_is() {
        let check = |driver: Driver, decided_by: Option<&str>, values: &[f32], expected: &str| {
            let label = |name: &str| PolicyLabel { name: name.to_owned(), steps: 2_000 };
            let (policy, rival) = (Some(label("mine")), Some(label("other")));
            let kind = SceneKindSnapshot { policy, rival, ..SceneKindSnapshot::default() };
            let episode = EpisodeSnapshot { values: values.to_vec(), ..EpisodeSnapshot::default() };
            let decided_by = decided_by.map(label);
            let agent = AgentSnapshot { driver, decided_by, episode, ..AgentSnapshot::default() };
            assert_eq!(estimated_by(&kind, &agent).0, expected);
        };
        check(Driver::Log, Some("mine"), &[1.0], "of the policy on screen: mine, step 2,000");
        check(Driver::Policy, Some("older"), &[f32::NAN, 1.0], "of older, step 2,000");
        // In a restart step there is no decision, and the curve is still shown.
        check(Driver::Policy, None, &[1.0], "of mine, step 2,000");
        check(Driver::Rival, None, &[1.0], "of other, step 2,000");
        check(Driver::Player, Some("mine"), &[1.0], "of mine, step 2,000; you decide");
        check(Driver::Log, Some("mine"), &[f32::NAN], "No policy has seen this episode.");
        check(Driver::Policy, None, &[], "No policy has seen this episode.");
    }

    #[test]
    fn values_that_are_not_at_hand_are_told() {
        let episode = EpisodeSnapshot { values: vec![f32::NAN], ..EpisodeSnapshot::default() };
        let agent = AgentSnapshot { episode, value_source: ValueSource::Missing, ..AgentSnapshot::default() };
        let (text, hint) = estimated_by(&SceneKindSnapshot::default(), &agent);
        assert_eq!(text, "No values: its critics are not at hand.");
        assert!(hint.contains("trained in this window"), "{hint}");
    }

    #[test]
    fn terms_are_stacked_away_from_zero() {
        let terms = vec![1.0, -1.0, 2.0, 0.0, -0.5, 1.0, f32::NAN, 0.0, 0.0];
        let episode = EpisodeSnapshot { first_step: 7, terms, ..EpisodeSnapshot::default() };
        let stack = stacked(&episode, 3);
        assert_eq!(stack.steps, [7.0, 8.0, 9.0]);
        assert_eq!((&stack.areas[0].from, &stack.areas[0].to), (&vec![0.0; 3], &vec![1.0; 3]));
        assert_eq!((&stack.areas[1].from, &stack.areas[1].to), (&vec![0.0; 3], &vec![-1.0, -1.5, -1.5]));
        assert_eq!((&stack.areas[2].from, &stack.areas[2].to), (&vec![1.0; 3], &vec![3.0, 4.0, 4.0]));
    }
}
