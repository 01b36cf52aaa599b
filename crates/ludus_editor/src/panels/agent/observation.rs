//! The part of the agent's panel about its observation: a line for each column.

use ludus_agent::spec::{AgentSpec, ObservationColumn};

use crate::egui::{
    Align, Checkbox, Color32, FontId, Label, Rect, RichText, ScrollArea, Sense, TextEdit, TextStyle, Ui, vec2,
};
use crate::snapshot::{AgentSnapshot, ColumnSnapshot};
use crate::theme;
use crate::widgets::{Cell, RangeBar, brief, count, fixed, line_in, name_in, range_bar, split};

use super::super::training::heading_ui;

/// Height of a line [points].
const LINE_HEIGHT: f32 = 16.0;
/// The largest number of lines that are visible at once.
const MOST_LINES: usize = 14;
/// Number of columns from which on there is a search box.
const MANY_COLUMNS: usize = 12;
/// Number of steps after which a column that never changed is flagged as constant.
const CONSTANT_STEPS: u64 = 50;
/// Parts of the width of a line: name, range, value, mean and deviation.
const PARTS: [f32; 4] = [0.28, 0.22, 0.17, 0.33];
/// Width below which a column has two lines: name and value, then range, mean and deviation [points].
const NARROW: f32 = 330.0;
/// Parts of the widths of these two lines.
const NAMED: [f32; 2] = [0.68, 0.32];
const RANGED: [f32; 2] = [0.46, 0.54];
/// Width of the search box, and of the checkbox beside it [points].
const SEARCH_WIDTH: f32 = 140.0;
const ONLY_WIDTH: f32 = 78.0;
/// Tolerance of the range for rounding, as a part of its extent.
const TOLERANCE: f32 = 1e-4;

/// The search and the filter of columns.
#[derive(Debug, Default)]
pub(super) struct ObservationState {
    search: String,
    only_flagged: bool,
}

/// The reason that a column is flagged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flag {
    NotFinite,
    OutOfRange,
    Constant,
}

/// A column of the observation, and its statistics.
#[derive(Clone, Copy)]
struct ShownColumn<'a> {
    column: ObservationColumn<'a>,
    numbers: &'a ColumnSnapshot,
}

/// Draws all columns with value, range, running mean and deviation.
pub(super) fn observation_ui(ui: &mut Ui, spec: &AgentSpec, agent: &AgentSnapshot, state: &mut ObservationState) {
    heading_ui(ui, "Observation");
    let all = columns(spec, &agent.columns);
    summary_ui(ui, &all, state);
    let shown = all.into_iter().filter(|column| state.shows(column)).collect::<Vec<_>>();
    if shown.is_empty() {
        ui.weak("no such field");
        return;
    }
    titles_ui(ui);
    let row_height = if is_narrow(ui) { 2.0 * LINE_HEIGHT } else { LINE_HEIGHT };
    let gap = ui.spacing().item_spacing.y;
    let height = (MOST_LINES as f32 * (LINE_HEIGHT + gap)).min(shown.len() as f32 * (row_height + gap));
    let area = ScrollArea::vertical().id_salt("observation").max_height(height).auto_shrink([false, true]);
    area.show_rows(ui, row_height, shown.len(), |ui, lines| {
        shown[lines].iter().for_each(|column| column_ui(ui, column, row_height));
    });
}

fn is_narrow(ui: &Ui) -> bool {
    ui.available_width() < NARROW
}

/// Returns the places of name, range, value, and mean and deviation of a column.
fn places(line: Rect) -> [Rect; 4] {
    if line.height() <= LINE_HEIGHT {
        return split(line, PARTS);
    }
    let (first, second) = line.split_top_bottom_at_y(line.center().y);
    let ([name, value], [range, usual]) = (split(first, NAMED), split(second, RANGED));
    [name, range, value, usual]
}

/// Returns the columns in the order of the spec.
fn columns<'a>(spec: &'a AgentSpec, numbers: &'a [ColumnSnapshot]) -> Vec<ShownColumn<'a>> {
    spec.observation_columns().zip(numbers).map(|(column, numbers)| ShownColumn { column, numbers }).collect()
}

/// Draws the number of flagged columns, and the search and the filter if there are many columns. The line of flags is
/// there without one too.
fn summary_ui(ui: &mut Ui, all: &[ShownColumn<'_>], state: &mut ObservationState) {
    let flags = all.iter().filter_map(ShownColumn::flag).collect::<Vec<_>>();
    let counted = [Flag::NotFinite, Flag::OutOfRange, Flag::Constant].into_iter().filter_map(|flag| {
        let count = flags.iter().filter(|&&found| found == flag).count();
        (count > 0).then(|| format!("{count} {}", flag.name()))
    });
    let counted = counted.collect::<Vec<_>>().join(", ");
    let (text, color) = if flags.is_empty() {
        ("nothing unusual".to_owned(), theme::WEAK)
    } else {
        (format!("⚠ {counted}"), theme::WARN)
    };
    ui.add(Label::new(RichText::new(&text).color(color)).truncate()).on_hover_text(text);
    if all.len() >= MANY_COLUMNS {
        ui.horizontal(|ui| {
            let width = SEARCH_WIDTH.min(ui.available_width() - ONLY_WIDTH);
            ui.add(TextEdit::singleline(&mut state.search).hint_text("find a field").desired_width(width));
            ui.add(Checkbox::new(&mut state.only_flagged, "only ⚠"));
        });
    }
}

fn titles_ui(ui: &mut Ui) {
    if is_narrow(ui) {
        return;
    }
    let (line, _) = ui.allocate_exact_size(vec2(ui.available_width(), LINE_HEIGHT), Sense::hover());
    let (font, color) = (TextStyle::Small.resolve(ui.style()), ui.visuals().weak_text_color());
    let titles =
        [("field", Align::Min), ("[range]", Align::Center), ("value", Align::Max), ("mean ± deviation", Align::Max)];
    for (place, (text, align)) in places(line).into_iter().zip(titles) {
        line_in(ui.painter(), place, Cell { text, font: font.clone(), color, align });
    }
}

fn column_ui(ui: &mut Ui, column: &ShownColumn<'_>, height: f32) {
    let (line, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let [name, bar, value, usual] = places(line);
    let flag = column.flag();
    let color = flag.map_or(ui.visuals().text_color(), Flag::color);
    let body = FontId::proportional(12.0);
    name_in(ui.painter(), name, Cell { text: &column.name(), font: body, color, align: Align::Min });
    range_bar(ui, bar.shrink2(vec2(0.0, 1.0)), &column.bar(color));
    let mono = FontId::monospace(theme::SMALL_FONT);
    let text = brief(column.numbers.value.into());
    line_in(ui.painter(), value, Cell { text: &text, font: mono.clone(), color, align: Align::Max });
    usual_ui(ui, usual, column, mono, color);
    response.on_hover_ui(|ui| details_ui(ui, column));
}

/// Draws the mean and the deviation, or the name of the flag if there is one.
fn usual_ui(ui: &Ui, place: Rect, column: &ShownColumn<'_>, font: FontId, color: Color32) {
    let text = match column.flag() {
        Some(flag) => format!("⚠ {}", flag.name()),
        None => format!("{} ± {}", brief(column.numbers.mean.into()), brief(column.numbers.deviation.into())),
    };
    line_in(ui.painter(), place, Cell { text: &text, font, color, align: Align::Max });
}

fn details_ui(ui: &mut Ui, column: &ShownColumn<'_>) {
    let numbers = column.numbers;
    ui.strong(column.name());
    let doc = column.column.doc().trim();
    if !doc.is_empty() {
        ui.label(doc);
    }
    if column.column.is_critic() {
        ui.label("for the critic alone: the policy does not read it");
    }
    match column.column.range() {
        Some((low, high)) => ui.label(format!("range {} to {}", fixed(low.into()), fixed(high.into()))),
        None => ui.label("the game promises no range"),
    };
    ui.label(format!("seen {} to {}", fixed(numbers.least.into()), fixed(numbers.greatest.into())));
    ui.label(format!("mean {} over {} steps", column.usual(), count(numbers.count)));
    if numbers.faults > 0 {
        ui.colored_label(theme::BAD, format!("{} times not finite; zero took its place", numbers.faults));
    }
}

impl ShownColumn<'_> {
    fn name(&self) -> String {
        let name = self.column.name();
        if self.column.is_critic() { format!("{name} (critic)") } else { name }
    }

    fn usual(&self) -> String {
        format!("{} ± {}", fixed(self.numbers.mean.into()), fixed(self.numbers.deviation.into()))
    }

    fn flag(&self) -> Option<Flag> {
        let ColumnSnapshot { value, least, greatest, count, faults, .. } = *self.numbers;
        let is_outside = |(low, high): (f32, f32)| {
            let slack = TOLERANCE * (high - low);
            [value, least, greatest].iter().any(|&seen| seen < low - slack || seen > high + slack)
        };
        if faults > 0 || !value.is_finite() {
            Some(Flag::NotFinite)
        } else if self.column.range().is_some_and(is_outside) {
            Some(Flag::OutOfRange)
        } else {
            (count >= CONSTANT_STEPS && least == greatest).then_some(Flag::Constant)
        }
    }

    /// Returns the range bar: between the promised ends, or else between the least and the greatest value so far.
    fn bar(&self, color: Color32) -> RangeBar {
        let (low, high) = self.column.range().unwrap_or((self.numbers.least, self.numbers.greatest));
        RangeBar {
            value: self.numbers.value.into(),
            mean: self.numbers.mean.into(),
            deviation: self.numbers.deviation.into(),
            ends: [low.into(), high.into()],
            is_promised: self.column.range().is_some(),
            color,
        }
    }
}

impl Flag {
    const fn name(self) -> &'static str {
        match self {
            Self::NotFinite => "not finite",
            Self::OutOfRange => "out of range",
            Self::Constant => "constant",
        }
    }

    const fn color(self) -> Color32 {
        match self {
            Self::NotFinite => theme::BAD,
            Self::OutOfRange | Self::Constant => theme::WARN,
        }
    }
}

impl ObservationState {
    fn shows(&self, column: &ShownColumn<'_>) -> bool {
        let is_found = self.search.is_empty() || column.name().to_lowercase().contains(&self.search.to_lowercase());
        is_found && (!self.only_flagged || column.flag().is_some())
    }
}

#[cfg(test)]
mod tests {
    use ludus_agent::spec::{Block, ObservationField, ObservationKind};

    use super::*;

    fn check(numbers: ColumnSnapshot, range: Option<(f32, f32)>, expected: Option<Flag>) {
        let (name, doc, kind) = ("ball".into(), String::new(), ObservationKind::Number);
        let field = ObservationField { name, doc, block: Block::values(["x"]), range, kind, is_critic: false };
        let column = ShownColumn { column: field.column(0).unwrap(), numbers: &numbers };
        assert_eq!(column.flag(), expected, "{numbers:?} in {range:?}");
    }

    #[test]
    fn columns_that_deserve_a_look_are_flagged() {
        let numbers =
            |value, least, greatest| ColumnSnapshot { value, least, greatest, count: 100, ..Default::default() };
        check(numbers(0.5, -1.0, 1.0), Some((-1.0, 1.0)), None);
        check(numbers(0.5, -1.0, 1.000_01), Some((-1.0, 1.0)), None);
        check(numbers(0.5, -1.0, 1.5), Some((-1.0, 1.0)), Some(Flag::OutOfRange));
        check(numbers(0.5, -1.0, 1.5), None, None);
        check(numbers(0.5, 0.5, 0.5), None, Some(Flag::Constant));
        check(ColumnSnapshot { count: 10, ..numbers(0.5, 0.5, 0.5) }, None, None);
        check(numbers(f32::NAN, -1.0, 1.0), Some((-1.0, 1.0)), Some(Flag::NotFinite));
        check(ColumnSnapshot { faults: 1, ..numbers(0.5, 0.5, 0.5) }, None, Some(Flag::NotFinite));
    }
}
