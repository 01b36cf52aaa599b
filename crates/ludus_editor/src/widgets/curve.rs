//! Curves over steps that can be zoomed.

use std::ops::RangeInclusive;

use egui_plot::{Corner, GridMark, Legend, Line, Plot, PlotPoints};

use crate::egui::{Color32, Ui};

use super::{fixed, scientific};

/// Points of a curve; more can't be told apart in a panel.
const MOST_POINTS: usize = 1_000;
/// Numbers beyond are drawn at this height: one more or less must still be another number, or a plot has no extent.
const HIGHEST: f64 = 1e12;
/// Numbers below are drawn as zero, for the same reason.
const LOWEST: f64 = 1e-12;
/// Numbers along an axis, about.
const X_MARKS: f64 = 3.0;
const Y_MARKS: f64 = 3.0;
/// More would be a mistake of the bounds.
const MOST_MARKS: f64 = 50.0;
/// Share of the width that the longest number below an axis takes.
const NUMBERS_SHARE: f64 = 0.14;
/// Room for the numbers beside the axis [points]: always the same, so that the curves don't jump.
const NUMBERS_WIDTH: f32 = 44.0;

/// A line through points.
pub(crate) struct Curve {
    pub name: String,
    pub color: Color32,
    pub points: Vec<[f64; 2]>,
}

/// A plot of curves.
pub(crate) struct CurvePlot<'a> {
    pub id: &'a str,
    /// \[points\]
    pub height: f32,
    /// What the axes measure, or their units.
    pub x: &'a str,
    pub y: &'a str,
}

impl CurvePlot<'_> {
    /// Draws it. Several curves get a legend in which each can be switched off.
    pub fn show(&self, ui: &mut Ui, curves: Vec<Curve>) {
        let plot = self.plot();
        let plot = if curves.len() > 1 {
            plot.legend(Legend::default().position(Corner::LeftTop).follow_insertion_order(true))
        } else {
            plot
        };
        plot.show(ui, |plot| {
            for curve in curves {
                let points = PlotPoints::from(drawable(curve.points));
                plot.line(Line::new(curve.name, points).color(curve.color).width(1.5));
            }
        });
    }

    /// The empty plot, for whoever draws more than curves in it.
    pub fn plot<'a>(&self) -> Plot<'a> {
        let (x_label, y_label) = (self.x.to_owned(), self.y.to_owned());
        let tip = move |name: &str, point: &egui_plot::PlotPoint| {
            format!("{name}\n{} {x_label}\n{} {y_label}", axis_mark(point.x), fixed(point.y))
        };
        Plot::new(self.id)
            .height(self.height)
            .x_axis_label(self.x)
            .y_axis_label(self.y)
            .x_grid_spacer(|input| marks(input.bounds, X_MARKS))
            .y_grid_spacer(|input| marks(input.bounds, Y_MARKS))
            .x_axis_formatter(|mark, shown| if is_cut_off(mark, shown) { String::new() } else { axis_mark(mark.value) })
            .y_axis_formatter(|mark, _| axis_mark(mark.value))
            .y_axis_min_width(NUMBERS_WIDTH)
            .label_formatter(tip)
            .allow_scroll(false)
            .set_margin_fraction([0.05, 0.08].into())
    }
}

/// Whether a number below the axis would reach over its right end, where the panel ends too.
fn is_cut_off(mark: GridMark, shown: &RangeInclusive<f64>) -> bool {
    (shown.end() - mark.value) < (shown.end() - shown.start()) * NUMBERS_SHARE / 2.0
}

/// Round numbers within the bounds, about so many.
fn marks((low, high): (f64, f64), count: f64) -> Vec<GridMark> {
    let step = round_step((high - low) / count);
    let (first, last) = ((low / step).ceil(), (high / step).floor());
    if !(0.0..MOST_MARKS).contains(&(last - first)) {
        return Vec::new();
    }
    let numbers = 0..=(last - first) as u32;
    numbers.map(|number| GridMark { value: (first + f64::from(number)) * step, step_size: step }).collect()
}

/// The next of 1, 2, 5, 10, 20, 50, … that is not less; NaN where there is none.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power).into_iter().find(|&step| step >= least).unwrap_or(f64::NAN)
}

/// A number beside an axis, five letters at most: `0.25`, `-40`, `12.5k`, `3M`, `1e12`.
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

/// Three significant digits, without zeros at the end.
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

/// What can be drawn: numbers that are none are left out, those beyond all bounds are held within.
pub(crate) fn drawable(points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    let numbers = points.into_iter().filter(|point| !point[0].is_nan() && !point[1].is_nan());
    let mut held = numbers.map(|point| point.map(held)).collect::<Vec<_>>();
    // A line from a point to itself has no direction.
    held.dedup();
    held
}

/// A number within the bounds of what can be drawn; what is none is zero.
pub(crate) fn held(number: f64) -> f64 {
    if number.is_nan() || number.abs() < LOWEST { 0.0 } else { number.clamp(-HIGHEST, HIGHEST) }
}

/// Which of `count` points to draw: all, or every second, fourth, …, and always the last.
///
/// The stride only ever doubles, so that a growing curve keeps its shape.
pub(crate) fn thinned(count: usize) -> impl Iterator<Item = usize> {
    let stride = count.div_ceil(MOST_POINTS).next_power_of_two();
    let last = count.checked_sub(1).filter(|last| !last.is_multiple_of(stride));
    (0..count).step_by(stride).chain(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_short() {
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
            let found = marks(bounds, 3.0).iter().map(|mark| mark.value).collect::<Vec<_>>();
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
    fn long_curves_are_thinned_and_keep_their_ends() {
        for count in [0, 1, 2, 999, 1_000, 1_001, 5_000, 100_001] {
            let shown = thinned(count).collect::<Vec<_>>();
            assert!(shown.len() <= MOST_POINTS + 1 && shown.is_sorted_by(|one, other| one < other), "{count}");
            assert_eq!((shown.first(), shown.last()), ((count > 0).then_some(&0), count.checked_sub(1).as_ref()));
        }
    }

    #[test]
    fn what_is_no_number_is_not_drawn() {
        let points = vec![[0.0, f64::NAN], [1.0, f64::INFINITY], [2.0, 3.0]];
        assert_eq!(drawable(points), [[1.0, HIGHEST], [2.0, 3.0]]);
        assert_eq!([f64::NAN, 1e-30, -1e300].map(held), [0.0, 0.0, -HIGHEST]);
    }
}
