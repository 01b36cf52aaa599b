//! The part of the panel with the table of trials.

use ludus_train::tune::{SearchRecord, TrialRecord};

use crate::egui::{Align, Color32, CursorIcon, FontId, Rect, Response, Sense, TextStyle, Ui, pos2, vec2};
use crate::snapshot::SearchesSnapshot;
use crate::widgets::{Cell, brief, counted, line_in, name_in, width_of};
use crate::{EditorCommand, EditorCommands, theme};

use super::super::training::heading_ui;
use super::SearchUiState;
use super::words::{described, whole};

/// Number of trials that are listed at first, and that each click on the button adds.
const LISTED_AT_ONCE: usize = 50;
/// Side of the square that shows the colour of a trial, and the space beside it [points].
const SWATCH: f32 = 9.0;
const SWATCH_GAP: f32 = 5.0;
/// Widths of the columns: the trial, the metric, the mean return, the steps [points]. They are scaled to the panel.
const WIDTHS: [f32; 4] = [66.0, 82.0, 62.0, 66.0];
/// Width of the column of a key, if there is room for it [points].
const KEY_WIDTH: f32 = 76.0;
/// Space between two columns [points].
const GAP: f32 = 6.0;

/// The name of trial 0 in the table, where it fits.
const AS_IT_IS: &str = "as it is";

/// Draws a line for each trial, the best first. A click on it shows the curves of the trial.
pub(super) fn trials_ui(
    ui: &mut Ui,
    record: &SearchRecord,
    searches: &SearchesSnapshot,
    state: &mut SearchUiState,
    commands: &mut EditorCommands,
) {
    heading_ui(ui, "Trials, the best first");
    let keys = shown_keys(ui.available_width(), record.keys.len());
    head_ui(ui, record, keys);
    state.pointed = None;
    let listed = LISTED_AT_ONCE + state.more;
    for trial in record.trials.iter().take(listed) {
        let number = trial.result.trial;
        let response = row_ui(ui, trial, &Row { record, keys, color: searches.color_of(number) });
        if response.hovered() {
            state.pointed = Some(number);
        }
        if response.clicked() {
            commands.send(EditorCommand::ChooseTrial(number));
        }
        response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(described(trial, &record.metric));
    }
    let rest = record.trials.len().saturating_sub(listed);
    if rest > 0 && ui.button(format!("Show {}", counted(rest.min(LISTED_AT_ONCE) as u64, "worse trial"))).clicked() {
        state.more += LISTED_AT_ONCE;
    }
}

/// Returns the number of keys that have columns: all of them, or none if there is no room for all.
fn shown_keys(width: f32, keys: usize) -> usize {
    let needed = WIDTHS.iter().sum::<f32>() + keys as f32 * (KEY_WIDTH + GAP) + 3.0 * GAP;
    if width >= needed { keys } else { 0 }
}

/// Splits a line into the columns of the table.
fn columns(line: Rect, keys: usize) -> Vec<Rect> {
    let widths: Vec<_> = WIDTHS.into_iter().chain(std::iter::repeat_n(KEY_WIDTH, keys)).collect();
    let room = (line.width() - GAP * (widths.len() - 1) as f32).max(0.0);
    let scale = room / widths.iter().sum::<f32>();
    let mut left = line.left();
    let column = |width: f32| {
        let column = Rect::from_min_size(pos2(left, line.top()), vec2(scale * width, line.height()));
        left = column.right() + GAP;
        column
    };
    widths.into_iter().map(column).collect()
}

fn head_ui(ui: &mut Ui, record: &SearchRecord, keys: usize) {
    let names = [
        ("trial", "Trial 0 is the config as it is, without changes."),
        (record.metric.as_str(), "The metric that the trials are judged by."),
        ("return", "The mean return of training at the end, over the runs."),
        ("steps", "The mean steps of a run."),
    ];
    let keys = record.keys.iter().take(keys).map(|key| (key.name.as_str(), "The value of this key."));
    let (line, _) = ui.allocate_exact_size(vec2(ui.available_width(), theme::SMALL_FONT + 4.0), Sense::hover());
    let font = FontId::proportional(theme::SMALL_FONT);
    let color = ui.visuals().weak_text_color();
    let names: Vec<_> = names.into_iter().chain(keys).collect();
    for (index, (place, (name, hint))) in columns(line, names.len() - WIDTHS.len()).into_iter().zip(names).enumerate() {
        let align = if index == 0 { Align::Min } else { Align::Max };
        name_in(ui.painter(), place, Cell { text: name, font: font.clone(), color, align });
        ui.interact(place, ui.id().with(("head", index)), Sense::hover()).on_hover_text(format!("{name}\n{hint}"));
    }
}

/// The cells of a line of the table besides its trial.
struct Row<'a> {
    record: &'a SearchRecord,
    /// Number of keys that have columns.
    keys: usize,
    /// The index of the trial's colour, if it was chosen.
    color: Option<usize>,
}

fn row_ui(ui: &mut Ui, trial: &TrialRecord, row: &Row<'_>) -> Response {
    let height = ui.text_style_height(&TextStyle::Body);
    let (line, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    if response.hovered() || row.color.is_some() {
        let fill =
            if response.hovered() { ui.visuals().widgets.hovered.weak_bg_fill } else { ui.visuals().extreme_bg_color };
        ui.painter().rect_filled(line.expand2(vec2(3.0, 1.0)), 2.0, fill);
    }
    let color = text_color(ui, trial);
    let mut places = columns(line, row.keys).into_iter();
    let font = TextStyle::Body.resolve(ui.style());
    if let Some(place) = places.next() {
        swatch_ui(ui, place, row.color);
        let place = Rect::from_min_max(pos2(place.left() + SWATCH + SWATCH_GAP, place.top()), place.max);
        let is_whole = width_of(ui.painter(), AS_IT_IS, &font) <= place.width();
        let name =
            if trial.result.trial == 0 && is_whole { AS_IT_IS.to_owned() } else { trial.result.trial.to_string() };
        line_in(ui.painter(), place, Cell { text: &name, font: font.clone(), color, align: Align::Min });
    }
    for (place, text) in places.zip(cells(trial, row)) {
        name_in(ui.painter(), place, Cell { text: &text, font: font.clone(), color, align: Align::Max });
    }
    response
}

/// Returns the texts of a line beside the trial's number.
fn cells(trial: &TrialRecord, row: &Row<'_>) -> impl Iterator<Item = String> {
    let result = &trial.result;
    let nothing = || "–".to_owned();
    let numbers = [
        trial.outcome.clone(),
        result.mean_return.map_or_else(nothing, brief),
        result.steps.map_or_else(nothing, whole),
    ];
    let keys = row.record.keys.iter().take(row.keys);
    let values = keys.map(move |key| result.values.get(&key.name).cloned().unwrap_or_else(nothing));
    numbers.into_iter().chain(values)
}

fn swatch_ui(ui: &Ui, place: Rect, color: Option<usize>) {
    let swatch = Rect::from_center_size(pos2(place.left() + 0.5 * SWATCH, place.center().y), vec2(SWATCH, SWATCH));
    match color {
        Some(color) => ui.painter().rect_filled(swatch, 1.0, theme::series(color)),
        None => ui.painter().rect_stroke(
            swatch,
            1.0,
            (1.0, ui.visuals().weak_text_color()),
            crate::egui::StrokeKind::Inside,
        ),
    };
}

fn text_color(ui: &Ui, trial: &TrialRecord) -> Color32 {
    match trial.result.state {
        "failed" => theme::BAD,
        "pruned" => ui.visuals().weak_text_color(),
        _ => ui.visuals().text_color(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fill_the_line_and_never_overlap() {
        let line = Rect::from_min_size(pos2(10.0, 0.0), vec2(300.0, 10.0));
        for keys in [0, 1, 5] {
            let columns = columns(line, keys);
            assert_eq!(columns.len(), WIDTHS.len() + keys);
            assert!((columns.last().unwrap().right() - line.right()).abs() < 0.01);
            assert!(columns.windows(2).all(|pair| pair[0].right() < pair[1].left()));
        }
        assert!(columns(Rect::from_min_size(pos2(0.0, 0.0), vec2(1.0, 1.0)), 3)[2].width() >= 0.0);
    }

    #[test]
    fn keys_have_columns_where_there_is_room_for_all() {
        assert_eq!([shown_keys(290.0, 4), shown_keys(640.0, 4), shown_keys(640.0, 5)], [0, 4, 0]);
    }
}
