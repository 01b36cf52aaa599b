//! Distributions of a policy's actions.

use std::f32::consts::TAU;

use crate::egui::{Align, Color32, FontId, Rect, Sense, Shape, Stroke, TextStyle, Ui, pos2, vec2};
use crate::theme;

use super::{Cell, brief, fixed, line_in, name_in, percent, place_of, split};

/// Heights of a normal distribution and of a choice [points].
const BELL_HEIGHT: f32 = 26.0;
const CHOICE_HEIGHT: f32 = 17.0;
/// Height of the line of text above a bell, if there is no room beside it [points].
const WORDS_HEIGHT: f32 = 16.0;
/// Width below which a bell's texts are above it [points].
const NARROW: f32 = 320.0;
/// Number of intervals between the points of a bell.
const BELL_POINTS: usize = 64;
/// The visible range of the axis: a little more than -1..=1, the range of actions.
const AXIS: [f64; 2] = [-1.25, 1.25];

/// A normal distribution over a dimension of the action.
pub(crate) struct Bell<'a> {
    pub name: &'a str,
    pub mean: f32,
    pub deviation: f32,
    /// The action; NaN if there was none.
    pub action: f32,
    /// The game's values for -1 and 1.
    pub range: [f32; 2],
}

/// One of several choices.
pub(crate) struct ShownChoice<'a> {
    pub name: &'a str,
    pub probability: f32,
    pub is_chosen: bool,
    pub is_allowed: bool,
}

/// Draws a bell over the action's range, with a mark at the action.
pub(crate) fn bell_ui(ui: &mut Ui, bell: &Bell<'_>) {
    let is_narrow = ui.available_width() < NARROW;
    let height = if is_narrow { WORDS_HEIGHT + BELL_HEIGHT } else { BELL_HEIGHT };
    let (line, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let [name, plot, number] = if is_narrow {
        let (words, plot) = line.split_top_bottom_at_y(line.top() + WORDS_HEIGHT);
        let [name, number] = split(words, [0.46, 0.54]);
        [name, plot, number]
    } else {
        split(line, [0.24, 0.42, 0.34])
    };
    let color = ui.visuals().text_color();
    let body = TextStyle::Body.resolve(ui.style());
    name_in(ui.painter(), name, Cell { text: bell.name, font: body, color, align: Align::Min });
    paint_bell(ui, plot, bell);
    let text = format!("{} ± {}", brief(bell.mean.into()), brief(bell.deviation.into()));
    let mono = FontId::monospace(theme::SMALL_FONT);
    line_in(ui.painter(), number, Cell { text: &text, font: mono, color, align: Align::Max });
    response.on_hover_text(format!(
        "{}: mean {} ± {}, action {} of -1 to 1, which the game reads as {} to {}",
        bell.name,
        fixed(bell.mean.into()),
        fixed(bell.deviation.into()),
        fixed(bell.action.into()),
        fixed(bell.range[0].into()),
        fixed(bell.range[1].into()),
    ));
}

fn paint_bell(ui: &Ui, rect: Rect, bell: &Bell<'_>) {
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 2.0, ui.visuals().extreme_bg_color);
    let x_of = |value: f64| rect.left() + place_of(value, AXIS) * rect.width();
    let weak = Stroke::new(1.0, ui.visuals().weak_text_color().gamma_multiply(0.5));
    for value in [-1.0, 0.0, 1.0] {
        painter.vline(x_of(value), rect.y_range(), weak);
    }
    let heights = heights(bell.mean, bell.deviation);
    let point = |(place, height): (f32, f32)| {
        pos2(rect.left() + place * rect.width(), rect.bottom() - height * (rect.height() - 2.0))
    };
    painter.add(Shape::line(heights.into_iter().map(point).collect(), Stroke::new(1.5, theme::series(0))));
    if bell.action.is_finite() {
        painter.vline(x_of(bell.action.into()), rect.y_range(), Stroke::new(2.0, theme::series(1)));
    }
}

/// Returns the density over the axis: places and heights, both from 0 to 1, with the highest at 1. Empty if the mean or
/// the deviation is not finite.
fn heights(mean: f32, deviation: f32) -> Vec<(f32, f32)> {
    if !mean.is_finite() || !deviation.is_finite() {
        return Vec::new();
    }
    let [low, high] = AXIS.map(|end| end as f32);
    // A narrower bell would fall between the points.
    let deviation = deviation.abs().max((high - low) / BELL_POINTS as f32);
    let density = |value: f32| (-0.5 * ((value - mean) / deviation).powi(2)).exp() / (deviation * TAU.sqrt());
    let places = (0..=BELL_POINTS).map(|point| point as f32 / BELL_POINTS as f32);
    let peak = density(mean.clamp(low, high)).max(f32::MIN_POSITIVE);
    places.map(|place| (place, (density(low + place * (high - low)) / peak).min(1.0))).collect()
}

/// Draws a bar as long as the choice is probable. The chosen one has a mark.
pub(crate) fn choice_ui(ui: &mut Ui, choice: &ShownChoice<'_>) {
    let (line, response) = ui.allocate_exact_size(vec2(ui.available_width(), CHOICE_HEIGHT), Sense::hover());
    let [name, bar, number] = split(line, [0.40, 0.34, 0.26]);
    let color = if choice.is_allowed { ui.visuals().text_color() } else { ui.visuals().weak_text_color() };
    let sign = if choice.is_chosen { "▶ " } else { "" };
    let body = TextStyle::Body.resolve(ui.style());
    name_in(ui.painter(), name, Cell { text: &format!("{sign}{}", choice.name), font: body, color, align: Align::Min });
    paint_choice(ui, bar, choice);
    let text = if choice.is_allowed { percent(choice.probability.into()) } else { "masked".to_owned() };
    let mono = TextStyle::Monospace.resolve(ui.style());
    line_in(ui.painter(), number, Cell { text: &text, font: mono, color, align: Align::Max });
    let why = if choice.is_allowed { "" } else { ": the game does not allow it now" };
    response.on_hover_text(format!("{} {}{why}", choice.name, percent(choice.probability.into())));
}

fn paint_choice(ui: &Ui, rect: Rect, choice: &ShownChoice<'_>) {
    let painter = ui.painter();
    painter.rect_filled(rect, 2.0, ui.visuals().extreme_bg_color);
    if !choice.is_allowed {
        let stroke = Stroke::new(1.0, ui.visuals().weak_text_color());
        painter.hline(rect.x_range(), rect.center().y, stroke);
        return;
    }
    let part = place_of(choice.probability.into(), [0.0, 1.0]);
    let part = if choice.probability.is_nan() { 0.0 } else { part };
    let filled = Rect::from_min_size(rect.min, vec2(part * rect.width(), rect.height()));
    painter.rect_filled(filled, 2.0, colour(choice));
}

fn colour(choice: &ShownChoice<'_>) -> Color32 {
    if choice.is_chosen { theme::series(1) } else { theme::series(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bells_are_within_their_box() {
        for (mean, deviation) in [(0.0, 1.0), (5.0, 0.1), (0.3, 0.0), (-1e30, 1e30), (0.0, f32::MIN_POSITIVE)] {
            let heights = heights(mean, deviation);
            assert_eq!(heights.len(), BELL_POINTS + 1);
            assert!(heights.iter().all(|(_, height)| (0.0..=1.0).contains(height)), "{mean} ± {deviation}");
        }
        assert!(heights(f32::NAN, 1.0).is_empty() && heights(0.0, f32::INFINITY).is_empty());
        let peak = heights(0.0, 0.2).into_iter().max_by(|one, other| one.1.total_cmp(&other.1));
        assert_eq!(peak, Some((0.5, 1.0)));
    }
}
