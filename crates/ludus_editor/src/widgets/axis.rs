//! Numbers along the axes of a plot.

use std::ops::RangeInclusive;

use egui_plot::{AxisHints, GridMark};

use crate::egui::{FontId, Rangef};
use crate::theme;

use super::scientific;

/// The largest number of marks along an axis; more would be due to invalid bounds.
const MOST_MARKS: f64 = 50.0;
/// The least space between two numbers along an axis [points].
pub(super) const X_SPACING: f32 = 52.0;
pub(super) const Y_SPACING: f32 = 22.0;
/// Half of the size of a number along an axis: closer to the end of the axis it would be cut off [points].
const HALF_WIDTH: f32 = 22.0;
const HALF_HEIGHT: f32 = 7.0;
/// The least extent of an axis, as a part of its greatest number: with less, its numbers could not be told apart.
const LEAST_EXTENT: f64 = 0.01;

/// Returns the x axis of a plot of this width.
pub(super) fn x_axis<'a>(label: &str, width: f32) -> AxisHints<'a> {
    // A number at its left end has room, below the other axis.
    hints(AxisHints::new_x(), label, [0.0, HALF_WIDTH / width])
}

/// Returns the y axis of a plot of this height.
pub(super) fn y_axis<'a>(label: &str, height: f32) -> AxisHints<'a> {
    hints(AxisHints::new_y(), label, [HALF_HEIGHT / height; 2])
}

/// Returns an axis without numbers near its ends: `edges` are the parts of the axis that have none.
fn hints<'a>(axis: AxisHints<'a>, label: &str, edges: [f32; 2]) -> AxisHints<'a> {
    let number = move |mark: GridMark, shown: &RangeInclusive<f64>| {
        let (low, high) = (*shown.start(), *shown.end());
        let margins = edges.map(|edge| (high - low) * f64::from(edge));
        let is_whole = mark.value - low >= margins[0] && high - mark.value >= margins[1];
        if is_whole { axis_number(mark.value, mark.step_size, low.abs().max(high.abs())) } else { String::new() }
    };
    axis.label(label.to_owned())
        .formatter(number)
        .tick_label_font(FontId::proportional(theme::SMALL_FONT))
        .tick_label_color(theme::WEAK)
        // The number of labels is decided by `marks`, so none has to fade.
        .label_spacing(Rangef::new(1.0, 1.5))
}

/// Returns round numbers within the bounds that are at least `spacing` points apart on an axis of `length` points.
pub(super) fn marks((low, high): (f64, f64), length: f32, spacing: f32) -> Vec<GridMark> {
    let step = round_step((high - low) / f64::from(length / spacing).max(1.0));
    let (first, last) = ((low / step).ceil(), (high / step).floor());
    if !(0.0..MOST_MARKS).contains(&(last - first)) {
        return Vec::new();
    }
    let numbers = 0..=(last - first) as u32;
    numbers.map(|number| GridMark { value: (first + f64::from(number)) * step, step_size: step }).collect()
}

/// Returns wider bounds if `low` and `high` are so close together that an axis could not tell them apart.
pub(super) fn widened([low, high]: [f64; 2]) -> Option<[f64; 2]> {
    let size = low.abs().max(high.abs());
    let middle = low.midpoint(high);
    let extent = if size > 0.0 { LEAST_EXTENT * size } else { 2.0 };
    (high - low < extent).then_some([middle - extent / 2.0, middle + extent / 2.0])
}

/// Returns the next of 1, 2, 5, 10, 20, 50, … that is not less; NaN if there is none.
pub(crate) fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power).into_iter().find(|&step| step >= least).unwrap_or(f64::NAN)
}

/// Formats a number along an axis with enough digits to tell it from its neighbours, which are `step` away.
fn axis_number(value: f64, step: f64, greatest: f64) -> String {
    let (unit, suffix) = match greatest {
        _ if !(1e-3..1e9).contains(&greatest) => return with_exponent(value, step),
        1e6.. => (1e6, "M"),
        1e4.. => (1e3, "k"),
        _ => (1.0, ""),
    };
    // The tolerance keeps rounding errors from adding a digit.
    let decimals = (-(step / unit).log10() - 1e-9).ceil().clamp(0.0, 9.0) as usize;
    let number = format!("{:.decimals$}", value / unit);
    if number.trim_matches(['-', '0', '.']).is_empty() { "0".to_owned() } else { number + suffix }
}

fn with_exponent(value: f64, step: f64) -> String {
    if value.abs() < step / 2.0 {
        return "0".to_owned();
    }
    let digits = (value.abs() / step).log10().max(0.0).ceil().min(9.0) as usize;
    let number = format!("{value:.digits$e}");
    match number.split_once('e') {
        Some((digits, exponent)) if digits.contains('.') => {
            format!("{}e{exponent}", digits.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => number,
    }
}

/// Formats a single number in five characters at most: `0.25`, `-40`, `12.5k`, `3M`, `1e12`.
pub(crate) fn axis_mark(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if !value.is_finite() => scientific(value),
        0.0 => "0".to_owned(),
        _ if size < 0.001 => format!("{value:.0e}"),
        _ if size < 1e3 => trimmed(value),
        _ if size < 1e6 => format!("{}k", trimmed(value * 1e-3)),
        _ if size < 1e9 => format!("{}M", trimmed(value * 1e-6)),
        _ => format!("{value:.0e}"),
    }
}

/// Formats three significant digits, without zeros at the end.
fn trimmed(value: f64) -> String {
    let decimals = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else if value.abs() >= 1.0 {
        2
    } else {
        3
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_alone_are_short() {
        let check = |value: f64, expected: &str| assert_eq!(axis_mark(value), expected);
        check(0.0, "0");
        check(0.25, "0.25");
        check(-40.0, "-40");
        check(12_500.0, "12.5k");
        check(3e6, "3M");
        check(1e12, "1e12");
        check(2e-5, "2e-5");
        check(f64::NAN, "NaN");
    }

    #[test]
    fn axes_have_round_numbers() {
        let check = |bounds, expected: &[f64]| {
            let found = marks(bounds, 3.0, 1.0).iter().map(|mark| mark.value).collect::<Vec<_>>();
            assert_eq!(found, expected, "{bounds:?}");
        };
        check((-3.0, 72.0), &[0.0, 50.0]);
        check((0.0, 30.0), &[0.0, 10.0, 20.0, 30.0]);
        check((-1.0, 1.0), &[-1.0, 0.0, 1.0]);
        check((1.0, 1.0), &[]);
        check((f64::NAN, 1.0), &[]);
        check((-1e300, 1e300), &[-1e300, 0.0, 1e300]);
    }

    #[test]
    fn numbers_along_an_axis_are_distinct() {
        let check = |bounds: (f64, f64), expected: &[&str]| {
            let greatest = bounds.0.abs().max(bounds.1.abs());
            let marks = marks(bounds, 3.0, 1.0);
            let numbers: Vec<_> = marks.iter().map(|mark| axis_number(mark.value, mark.step_size, greatest)).collect();
            assert_eq!(numbers, expected, "{bounds:?}");
        };
        check((49.9, 50.1), &["49.9", "50.0", "50.1"]);
        check((50.001_1, 50.006_8), &["50.002", "50.004", "50.006"]);
        check((0.0, 1_000_000.0), &["0", "0.5M", "1.0M"]);
        check((0.0, 400_000.0), &["0", "200k", "400k"]);
        check((1_234_000.0, 1_235_000.0), &["1.2340M", "1.2345M", "1.2350M"]);
        check((-0.2, 0.2), &["-0.2", "0", "0.2"]);
        check((0.0, 2.9e-5), &["0", "1e-5", "2e-5"]);
        check((0.0, 2.9e12), &["0", "1e12", "2e12"]);
        check((2.998_8e-4, 3.001_2e-4), &["2.999e-4", "3e-4", "3.001e-4"]);
    }

    #[test]
    fn an_axis_has_an_extent() {
        assert_eq!(widened([0.0, 0.0]), Some([-1.0, 1.0]));
        assert_eq!(widened([100.0, 100.0]), Some([99.5, 100.5]));
        assert_eq!(widened([-200.0, -200.0]), Some([-201.0, -199.0]));
        assert_eq!(widened([0.0, 100.0]), None);
    }
}
