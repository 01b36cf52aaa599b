//! The strip at the window's bottom: a run's goal, its progress, the newest warning and the last error.

use ludus_train::session::{GoalProgress, SessionState, TimeLeft, TrainingSnapshot};

use crate::egui::{Align, Color32, Rect, Response, Sense, TextStyle, Ui, vec2};
use crate::theme;
use crate::widgets::{Cell, count, counted, duration, fixed, line_in, percent, split};

use super::words::{state_words, time_left_text};

/// Number of lines: the goal, the newest warning, the last error.
const LINES: f32 = 3.0;
/// Space between two lines [points].
const GAP: f32 = 2.0;
/// Parts of the first line's width: state, goal, time left, saved.
const PARTS: [f32; 4] = [0.15, 0.49, 0.18, 0.18];
/// Space between the ends of the bar and the text on it [points].
const BAR_MARGIN: f32 = 6.0;

/// Contents of the strip that are not in the snapshot of the run.
#[derive(Clone, Copy, Debug, Default)]
pub struct StripNews<'a> {
    /// The reason that the last command could not be carried out, as a sentence.
    pub trouble: Option<&'a str>,
    /// The time on the clock of [`ludus_train::clock::seconds`] \[s\].
    pub clock_seconds: f64,
}

/// Height of the strip \[points\]. It does not depend on the contents.
pub fn strip_height(ui: &Ui) -> f32 {
    LINES * line_height(ui) + (LINES - 1.0) * GAP
}

/// Draws the strip: state, goal, progress, time left and time since the run was saved; below them the newest warning
/// and the last error.
pub fn strip_ui(ui: &mut Ui, training: &TrainingSnapshot, news: StripNews<'_>) {
    ui.spacing_mut().item_spacing.y = GAP;
    let (line, _) = line(ui);
    let [state, goal, left, saved] = split(line, PARTS);
    let (color, words) = state_words(&training.state);
    part_ui(ui, state, "state", Words { text: &words, color, details: &words });
    goal_ui(ui, goal, training);
    let time = format!("time left {}", time_left_text(training));
    part_ui(
        ui,
        left,
        "time left",
        Words { text: &time, color: weak_or(ui, training), details: time_left_details(training) },
    );
    saved_ui(ui, saved, training, news.clock_seconds);
    warning_ui(ui, training);
    error_ui(ui, training, news.trouble);
}

/// A text, and the details that are shown while the pointer is on it.
struct Words<'a> {
    text: &'a str,
    color: Color32,
    details: &'a str,
}

fn line_height(ui: &Ui) -> f32 {
    ui.text_style_height(&TextStyle::Body) + 2.0
}

fn line(ui: &mut Ui) -> (Rect, Response) {
    ui.allocate_exact_size(vec2(ui.available_width(), line_height(ui)), Sense::hover())
}

fn part_ui(ui: &mut Ui, place: Rect, name: &str, words: Words<'_>) {
    let font = TextStyle::Body.resolve(ui.style());
    line_in(ui.painter(), place, Cell { text: words.text, font, color: words.color, align: Align::Min });
    ui.interact(place, ui.id().with(name), Sense::hover()).on_hover_text(words.details);
}

/// Returns the colour of text, weak as long as no run is active.
fn weak_or(ui: &Ui, training: &TrainingSnapshot) -> Color32 {
    if training.state.is_live() { ui.visuals().text_color() } else { ui.visuals().weak_text_color() }
}

/// Draws the goal on a bar that is filled up to the progress.
fn goal_ui(ui: &mut Ui, place: Rect, training: &TrainingSnapshot) {
    let progress = training.progress();
    let painter = ui.painter();
    painter.rect_filled(place, 2.0, ui.visuals().extreme_bg_color);
    let mut done = place;
    done.set_width(progress.nearest() as f32 * place.width());
    painter.rect_filled(done, 2.0, ui.visuals().selection.bg_fill);
    let (text, details) = (goal_text(training), goal_details(training, &progress));
    let color = ui.visuals().strong_text_color();
    part_ui(ui, place.shrink2(vec2(BAR_MARGIN, 0.0)), "goal", Words { text: &text, color, details: &details });
}

/// Returns the text of all stop conditions, the mean return first. The first condition that holds ends the run.
fn goal_text(training: &TrainingSnapshot) -> String {
    let stop = &training.stop;
    let mut parts = Vec::new();
    let goals: Vec<_> = training.goals().map(|(kind, goal)| kind_goal_text(training, kind, goal)).collect();
    if !goals.is_empty() {
        parts.push(format!("mean return {}", goals.join(", ")));
    }
    parts.push(format!("steps {} / {}", count(training.steps()), count(stop.steps.get())));
    if let Some(limit) = stop.seconds {
        let seconds = training.history.last().map_or(0.0, |last| last.seconds);
        parts.push(format!("time {} / {}", duration(seconds), duration(limit)));
    }
    format!("goal: {}", parts.join(" · "))
}

/// Returns the goal of a kind, such as `90, now 12.5`. The kind's name is before it if there are several: all of their
/// goals have to be reached.
fn kind_goal_text(training: &TrainingSnapshot, kind: usize, goal: f32) -> String {
    let came_to = training.history.last().and_then(|last| last.kinds.get(kind));
    let now = came_to.map(|came_to| came_to.returns.mean).filter(|mean| mean.is_finite());
    let now = now.map_or("none yet".to_owned(), |now| format!("now {}", fixed(now)));
    match &training.kinds[..] {
        [_] => format!("{goal}, {now}"),
        kinds => format!("{} {goal} ({now})", kinds[kind].spec.name),
    }
}

fn goal_details(training: &TrainingSnapshot, progress: &GoalProgress) -> String {
    let mut lines = vec![goal_text(training)];
    let has_several_goals = training.goals().count() > 1;
    for (kind, goal) in training.goals().filter(|_| has_several_goals) {
        let (name, part) = (&training.kinds[kind].spec.name, percent(training.progress_to(kind, goal)));
        lines.push(format!("mean return of {name}: {} of the way from the first one to the goal", part.trim()));
    }
    if let Some(part) = progress.mean_return.filter(|_| !has_several_goals) {
        lines.push(format!("mean return: {} of the way from the first one to the goal", percent(part).trim()));
    }
    if has_several_goals {
        lines.push("The goals count as one: all of them have to be reached.".to_owned());
    }
    lines.push(format!("steps: {}", percent(progress.steps).trim()));
    if let Some(part) = progress.seconds {
        lines.push(format!("time: {}", percent(part).trim()));
    }
    lines.push("The run ends with whatever comes first.".to_owned());
    lines.join("\n")
}

fn time_left_details(training: &TrainingSnapshot) -> &'static str {
    match training.time_left() {
        TimeLeft::About(_) => "At the speed of the last seconds, and as the mean return rose of late.",
        TimeLeft::AtMost(_) => {
            "Then its limit is reached. It ends sooner if its goal is, but that can't be foreseen from how it goes."
        }
        TimeLeft::Unknown if training.state.is_live() => "Nothing is known before it has learned for a while.",
        TimeLeft::Unknown => "No run is under way.",
    }
}

fn saved_ui(ui: &mut Ui, place: Rect, training: &TrainingSnapshot, now: f64) {
    let (text, details) = match &training.saved {
        None => ("not saved yet".to_owned(), "No checkpoint has been written in this session.".to_owned()),
        Some(saved) => {
            let ago = format!("saved {} ago", duration((now - saved.clock_seconds).max(0.0)));
            let details = format!("{ago}, after {}:\n{}", counted(saved.step, "step"), saved.path.display());
            (ago, details)
        }
    };
    let color = weak_or(ui, training);
    part_ui(ui, place, "saved", Words { text: &text, color, details: &details });
}

/// Draws the newest warning. Its line is there without one too.
fn warning_ui(ui: &mut Ui, training: &TrainingSnapshot) {
    let newest = training.incidents.last().map(|newest| {
        let earlier = match training.incidents.len() - 1 {
            0 => String::new(),
            earlier => format!(" ({} earlier, in Training)", count(earlier as u64)),
        };
        format!("⚠ step {}: {}{earlier}", count(newest.step), newest.sentence)
    });
    said_ui(ui, newest, theme::WARN, "no warnings");
}

/// Draws the last error: the reason that the run failed, and that the last command could not be carried out.
fn error_ui(ui: &mut Ui, training: &TrainingSnapshot, trouble: Option<&str>) {
    let failed = match &training.state {
        SessionState::Failed(sentence) => Some(sentence.as_str()),
        _ => None,
    };
    let all: Vec<_> = failed.into_iter().chain(trouble).collect();
    said_ui(ui, (!all.is_empty()).then(|| format!("✖ {}", all.join(" · "))), theme::BAD, "no errors");
}

fn said_ui(ui: &mut Ui, said: Option<String>, color: Color32, nothing: &str) {
    let (line, response) = line(ui);
    let color = if said.is_some() { color } else { ui.visuals().weak_text_color() };
    let text = said.as_deref().unwrap_or(nothing).replace('\n', " ");
    let font = TextStyle::Body.resolve(ui.style());
    line_in(ui.painter(), line, Cell { text: &text, font, color, align: Align::Min });
    if let Some(said) = said {
        response.on_hover_text(said);
    }
}
