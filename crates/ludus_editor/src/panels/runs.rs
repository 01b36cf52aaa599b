//! The panel of the runs on disk: their curves, checkpoints and episodes.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::egui::{Align, Button, CollapsingHeader, Label, Layout, RichText, ScrollArea, TextStyle, Ui};
use crate::snapshot::{CheckpointEntry, EpisodeEntry, EpisodeResult, KindPolicy, PolicyLabel, RunEntry, RunsSnapshot};
use crate::widgets::{Curve, CurvePlot, count, counted, name_for, notice_ui, returns, width_of};
use crate::{EditorCommand, EditorCommands, RivalPlace, theme};

use super::kinds::pick_kind_ui;
use super::training::{heading_ui, zoom_hint_ui};

/// Height of the plot [points].
const HEIGHT: f32 = 180.0;
/// Number of runs whose curves are shown at first: the newest.
const SHOWN_AT_FIRST: usize = 4;
/// Number of runs that are listed at first, and that each click on the button adds.
const LISTED_AT_ONCE: usize = 50;
/// Width of the signs before a run's name and of the arrow that unfolds it [points].
const SIGNS_WIDTH: f32 = 52.0;
/// Indentation of a run's checkpoints and episodes [points].
const INDENT: f32 = 6.0;

/// The state of the panel: the curves and the runs that are shown.
#[derive(Debug, Default)]
pub struct RunsUiState {
    /// The folders of runs whose curves were switched: off among the first few, on beyond them.
    switched: BTreeSet<PathBuf>,
    /// Number of runs that are listed beyond the first.
    more: usize,
}

/// Draws the panel: the policies on screen, the curves of the runs, and their checkpoints to load and to compare.
pub fn runs_ui(ui: &mut Ui, runs: &RunsSnapshot, state: &mut RunsUiState, commands: &mut EditorCommands) {
    ScrollArea::vertical().id_salt("runs").auto_shrink(false).show(ui, |ui| {
        on_screen_ui(ui, runs, commands);
        if runs.runs.is_empty() {
            return notice_ui(ui, "No runs yet: press Start in Training.");
        }
        curves_ui(ui, runs, state, commands);
        heading_ui(ui, "Runs, newest first");
        let listed = LISTED_AT_ONCE + state.more;
        for (index, run) in runs.runs.iter().enumerate().take(listed) {
            run_ui(ui, runs, index, run, state, commands);
        }
        rest_ui(ui, runs, listed, state);
    });
}

/// Draws a button that lists more runs, and the number of runs that were left out.
fn rest_ui(ui: &mut Ui, runs: &RunsSnapshot, listed: usize, state: &mut RunsUiState) {
    let rest = runs.runs.len().saturating_sub(listed);
    if rest > 0 {
        let more = rest.min(LISTED_AT_ONCE);
        if ui.button(format!("Show {} of {}", count(more as u64), counted(rest as u64, "older run"))).clicked() {
            state.more += more;
        }
    }
    if runs.left_out > 0 {
        ui.weak(format!(
            "{} left out: move runs that are done with elsewhere",
            counted(runs.left_out as u64, "older run")
        ));
    }
}

/// Draws the policies that control the agents on screen, and the reason that the last command could not be carried out.
fn on_screen_ui(ui: &mut Ui, runs: &RunsSnapshot, commands: &mut EditorCommands) {
    let shown = match runs.rivals {
        None => "on screen",
        Some(RivalPlace::Beside) => "left, on screen",
        Some(RivalPlace::OtherSides) => "on the first side",
    };
    if runs.left.is_empty() {
        ui.weak("No policy on screen: load one below.");
    }
    labels_ui(ui, shown, runs, &runs.left);
    // The line is drawn without trouble too, so that nothing moves.
    let trouble = runs.trouble.as_ref().map_or_else(String::new, |trouble| format!("⚠ {trouble}"));
    let line = Label::new(RichText::new(&trouble).color(theme::BAD)).truncate();
    let response = ui.add(line);
    if !trouble.is_empty() {
        response.on_hover_text(trouble);
    }
    rivals_ui(ui, runs, commands);
    if runs.is_training {
        let follow = ui.button("Follow the training").on_hover_text("Shows the newest policy, as it learns.");
        if follow.clicked() {
            commands.send(EditorCommand::FollowTraining);
        }
    }
}

/// Draws the second policies, and a button that removes them; nothing without any.
pub(super) fn rivals_ui(ui: &mut Ui, runs: &RunsSnapshot, commands: &mut EditorCommands) {
    let Some(place) = runs.rivals else { return };
    let (what, end) = match place {
        RivalPlace::Beside => ("right, beside it", "Stop comparing"),
        RivalPlace::OtherSides => ("on the other sides", "End the match"),
    };
    labels_ui(ui, what, runs, &runs.right);
    if ui.button(end).clicked() {
        commands.send(EditorCommand::StopComparing);
    }
}

/// Draws the policies of all kinds: in one line if all kinds have the same one, else in a line for each kind.
fn labels_ui(ui: &mut Ui, what: &str, runs: &RunsSnapshot, policies: &[KindPolicy]) {
    let [first, others @ ..] = policies else { return };
    let is_one = policies.len() >= runs.kinds.len() && others.iter().all(|other| other.label == first.label);
    if is_one || runs.kinds.len() < 2 {
        return label_ui(ui, what, &first.label);
    }
    for KindPolicy { kind, label } in policies {
        let name = runs.kinds.get(*kind).map_or("", String::as_str);
        label_ui(ui, &format!("{name} {what}"), label);
    }
}

fn label_ui(ui: &mut Ui, what: &str, policy: &PolicyLabel) {
    let text = format!("{what}: {}, step {}", policy.name, count(policy.steps));
    ui.add(Label::new(text.as_str()).truncate()).on_hover_text(text);
}

fn curves_ui(ui: &mut Ui, runs: &RunsSnapshot, state: &RunsUiState, commands: &mut EditorCommands) {
    heading_ui(ui, "Mean return of the last episodes");
    pick_kind_ui(ui, runs.kinds.iter().map(String::as_str), runs.shown_kind, commands);
    zoom_hint_ui(ui);
    let shown = runs.runs.iter().enumerate().filter(|&(index, run)| state.is_shown(index, run));
    let curves = shown.map(|(index, run)| Curve {
        name: run.name.clone(),
        color: theme::series(index),
        points: run.curves.get(runs.shown_kind).cloned().unwrap_or_default(),
    });
    let plot = CurvePlot { id: "runs", height: HEIGHT, x: "steps", y: "return" };
    let curves = curves.collect();
    ui.push_id(runs.shown_kind, |ui| plot.show(ui, curves));
}

/// Draws a run: a switch for its curve, its name, and the contents of its folder.
fn run_ui(
    ui: &mut Ui,
    runs: &RunsSnapshot,
    index: usize,
    run: &RunEntry,
    state: &mut RunsUiState,
    commands: &mut EditorCommands,
) {
    ui.horizontal(|ui| {
        ui.spacing_mut().indent = INDENT;
        let mut is_shown = state.is_shown(index, run);
        let color = if is_shown { theme::series(index) } else { ui.visuals().weak_text_color() };
        let sign = RichText::new(if is_shown { "■" } else { "□" }).color(color);
        if ui.add(Button::new(sign).frame(false)).on_hover_text("Shows or hides its curve").clicked() {
            is_shown = !is_shown;
            state.show(index, run, is_shown);
        }
        let live = if run.is_live { "▶ " } else { "" };
        let name = name_for(ui, &run.name, ui.available_width() - SIGNS_WIDTH);
        let title = RichText::new(format!("{live}{name}"));
        let header = CollapsingHeader::new(title).id_salt(&run.path).default_open(index == 0);
        let header = header.show(ui, |ui| {
            resume_ui(ui, runs, run, commands);
            resumed_ui(ui, runs, run);
            checkpoints_ui(ui, runs, run, commands);
            episodes_ui(ui, run, commands);
        });
        header.header_response.on_hover_text(run.path.display().to_string());
    });
}

/// Draws a button that resumes a run, if that is possible.
fn resume_ui(ui: &mut Ui, runs: &RunsSnapshot, run: &RunEntry, commands: &mut EditorCommands) {
    if run.is_live || run.checkpoints.is_empty() {
        return;
    }
    let button = ui.add_enabled(!runs.is_training, Button::new("Resume").small());
    let hint = "Trains it further from its newest checkpoint; one that has made all its steps, to this window's limit.";
    if button.on_hover_text(hint).on_disabled_hover_text("Stop the training first.").clicked() {
        commands.send(EditorCommand::ResumeRun(run.path.clone()));
    }
}

/// Draws the result of the last command to resume this run. The line is always there, so that nothing moves.
fn resumed_ui(ui: &mut Ui, runs: &RunsSnapshot, run: &RunEntry) {
    let Some(resumed) = runs.resumed.as_ref().filter(|resumed| resumed.run == run.path) else {
        ui.label("");
        return;
    };
    let (color, sign) = if resumed.is_good { (theme::GOOD, "✔") } else { (theme::BAD, "⚠") };
    let text = format!("{sign} {}", resumed.sentence);
    ui.add(Label::new(RichText::new(text.as_str()).color(color)).truncate()).on_hover_text(text);
}

fn checkpoints_ui(ui: &mut Ui, runs: &RunsSnapshot, run: &RunEntry, commands: &mut EditorCommands) {
    if run.checkpoints.is_empty() {
        ui.weak("nothing saved yet");
    }
    for checkpoint in &run.checkpoints {
        checkpoint_ui(ui, runs, checkpoint, commands);
    }
}

fn checkpoint_ui(ui: &mut Ui, runs: &RunsSnapshot, checkpoint: &CheckpointEntry, commands: &mut EditorCommands) {
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let compare = ui.add_enabled(!runs.left.is_empty(), Button::new("Compare").small());
            let hint = "Shows it beside the policy on screen, on the same seeds.";
            if compare.on_hover_text(hint).on_disabled_hover_text("Load a policy first.").clicked() {
                commands.send(EditorCommand::Compare(checkpoint.path.clone()));
            }
            if ui.small_button("Load").on_hover_text("Lets it drive the agents on screen.").clicked() {
                commands.send(EditorCommand::LoadPolicy(checkpoint.path.clone()));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let label = shorter(ui, &checkpoint.label);
                ui.add(Label::new(label).truncate()).on_hover_text(&checkpoint.label);
            });
        });
    });
}

/// Returns a checkpoint's label, or only its number of steps if the label is too long.
fn shorter<'a>(ui: &Ui, label: &'a str) -> &'a str {
    let font = TextStyle::Body.resolve(ui.style());
    let fits = width_of(ui.painter(), label, &font) <= ui.available_width();
    if fits { label } else { label.strip_prefix("step ").unwrap_or(label) }
}

/// Draws the episodes that the run kept.
fn episodes_ui(ui: &mut Ui, run: &RunEntry, commands: &mut EditorCommands) {
    if !run.episodes.is_empty() {
        ui.weak("episodes");
    }
    for episode in &run.episodes {
        ui.horizontal(|ui| episode_ui(ui, episode, commands));
    }
}

fn episode_ui(ui: &mut Ui, episode: &EpisodeEntry, commands: &mut EditorCommands) {
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if ui.small_button("Replay").on_hover_text("Plays it again in the scene.").clicked() {
            commands.send(EditorCommand::Replay(episode.path.clone()));
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            let result = match &episode.result {
                Some(EpisodeResult { returns: of_kinds, steps }) => {
                    format!("{}, {} steps", returns(of_kinds), count((*steps).into()))
                }
                None => "can't be read".to_owned(),
            };
            let text = format!("{}: {result}", episode.name);
            ui.add(Label::new(text.as_str()).truncate()).on_hover_text(text);
        });
    });
}

impl RunsUiState {
    fn is_shown(&self, index: usize, run: &RunEntry) -> bool {
        (index < SHOWN_AT_FIRST) != self.switched.contains(&run.path)
    }

    fn show(&mut self, index: usize, run: &RunEntry, is_shown: bool) {
        if is_shown == (index < SHOWN_AT_FIRST) {
            self.switched.remove(&run.path);
        } else {
            self.switched.insert(run.path.clone());
        }
    }
}
