//! Plots of curves over steps that can be zoomed.

#[cfg(feature = "tune")]
use egui_plot::Points;
use egui_plot::{Line, Plot, PlotPoint, PlotPoints, PlotTransform, PlotUi};

use crate::egui::{PopupAnchor, Response, RichText, Stroke, Tooltip, Ui};

use super::axis::{X_SPACING, Y_SPACING, marks, widened, x_axis, y_axis};
use super::{Curve, count, fixed, shown_curves_ui};

/// The largest number of points of a curve, besides the last; more can't be told apart in a panel.
const MOST_POINTS: usize = 1_000;
/// The largest number that is drawn; greater ones are drawn at this height. One more or less must still be another
/// number, or a plot has no extent.
const HIGHEST: f64 = 1e12;
/// The least size of a number that is drawn; smaller ones are drawn as zero, for the same reason.
const LOWEST: f64 = 1e-12;
/// Width of the numbers beside the y axis, always the same so that the curves don't jump [points].
const NUMBERS_WIDTH: f32 = 44.0;
/// Approximate width and height of the axes of a plot [points].
const AXES_WIDTH: f32 = 64.0;
const AXES_HEIGHT: f32 = 34.0;
/// Radius of a dot [points].
#[cfg(feature = "tune")]
const DOT: f32 = 3.5;
/// Distance beyond its ends at which a curve is still read, as a part of the visible range.
const REACH: f64 = 0.02;

/// A plot of curves.
pub(crate) struct CurvePlot<'a> {
    pub id: &'a str,
    /// Height of the plot \[points\].
    pub height: f32,
    /// The quantities or the units of the axes.
    pub x: &'a str,
    pub y: &'a str,
}

impl CurvePlot<'_> {
    /// Draws curves. If there are several, a legend above the plot can hide each of them.
    pub fn show_named(&self, ui: &mut Ui, curves: Vec<Curve>) {
        let shown = if curves.len() > 1 { shown_curves_ui(ui, self.id, curves) } else { curves };
        self.show(ui, shown);
    }

    /// Draws curves without a legend.
    pub fn show(&self, ui: &mut Ui, curves: Vec<Curve>) {
        let lines: Vec<_> = curves.iter().map(|curve| (curve.color, drawable(curve.points.clone()))).collect();
        self.show_with(ui, curves, move |plot| {
            for (color, points) in lines {
                plot.line(Line::new("", PlotPoints::from(points)).color(color).width(1.5));
            }
        });
    }

    /// Draws curves as lines, and the points of others as dots, without a legend.
    #[cfg(feature = "tune")]
    pub fn show_with_dots(&self, ui: &mut Ui, curves: Vec<Curve>, dotted: Vec<Curve>) {
        let points = |curve: &Curve| (curve.color, drawable(curve.points.clone()));
        let lines: Vec<_> = curves.iter().map(points).collect();
        let dots: Vec<_> = dotted.iter().map(points).collect();
        self.show_with(ui, curves.into_iter().chain(dotted).collect(), move |plot| {
            for (color, points) in lines {
                plot.line(Line::new("", PlotPoints::from(points)).color(color).width(1.5));
            }
            for (color, points) in dots {
                plot.points(Points::new("", PlotPoints::from(points)).color(color).radius(DOT));
            }
        });
    }

    /// Draws the plot with what `draw` adds, and shows the values of the curves at the pointer.
    pub fn show_with<'a>(&self, ui: &mut Ui, mut curves: Vec<Curve>, draw: impl FnOnce(&mut PlotUi<'a>) + 'a) {
        for curve in &mut curves {
            curve.points = drawable(std::mem::take(&mut curve.points));
        }
        let shown = self.plot(ui.available_width(), &curves).show(ui, draw);
        self.read_ui(ui, &shown.response, &shown.transform, &curves);
    }

    fn plot<'a>(&self, width: f32, curves: &[Curve]) -> Plot<'a> {
        let (width, height) = ((width - AXES_WIDTH).max(1.0), (self.height - AXES_HEIGHT).max(1.0));
        let mut plot = Plot::new(self.id)
            .height(self.height)
            .custom_x_axes(vec![x_axis(self.x, width)])
            .custom_y_axes(vec![y_axis(self.y, height).min_thickness(NUMBERS_WIDTH)])
            .x_grid_spacer(move |input| marks(input.bounds, width, X_SPACING))
            .y_grid_spacer(move |input| marks(input.bounds, height, Y_SPACING))
            .show_x(false)
            .show_y(false)
            .allow_scroll(false)
            .set_margin_fraction([0.05, 0.08].into());
        for end in extent(curves, 0).and_then(widened).into_iter().flatten() {
            plot = plot.include_x(end);
        }
        for end in extent(curves, 1).and_then(widened).into_iter().flatten() {
            plot = plot.include_y(end);
        }
        plot
    }

    /// Marks the points of the curves at the pointer, and shows their values.
    fn read_ui(&self, ui: &Ui, response: &Response, transform: &PlotTransform, curves: &[Curve]) {
        let Some(pointer) = response.hover_pos() else { return };
        let x = transform.value_from_position(pointer).x;
        let reach = REACH * transform.bounds().width();
        let read = |curve: &Curve, x: f64| nearest(&curve.points, x).filter(|_| curve.spans(x, reach));
        let distance = |point: &[f64; 2]| (point[0] - x).abs();
        let all = curves.iter().filter_map(|curve| read(curve, x));
        let Some([x, _]) = all.min_by(|one, other| distance(one).total_cmp(&distance(other))) else { return };
        let painter = ui.painter().with_clip_rect(response.rect);
        let place = |[x, y]: [f64; 2]| transform.position_from_point(&PlotPoint::new(x, y));
        let line = Stroke::new(1.0, ui.visuals().weak_text_color().gamma_multiply(0.5));
        painter.vline(place([x, 0.0]).x, response.rect.y_range(), line);
        let found: Vec<_> = curves.iter().filter_map(|curve| Some((curve, read(curve, x)?))).collect();
        for (curve, point) in &found {
            painter.circle_filled(place(*point), 3.0, curve.color);
        }
        let tip = Tooltip::always_open(ui.ctx().clone(), response.layer_id, response.id, PopupAnchor::Pointer);
        tip.gap(12.0).show(|ui| {
            ui.label(format!("{} {}", count(x.max(0.0).round() as u64), self.x));
            for (curve, [_, y]) in found {
                ui.horizontal(|ui| {
                    ui.label(RichText::new("■").color(curve.color));
                    ui.label(format!("{} {}", curve.name, fixed(y)));
                });
            }
        });
    }
}

impl Curve {
    /// True if `x` is between its first and its last point, or at most `reach` beyond them.
    fn spans(&self, x: f64, reach: f64) -> bool {
        let ends = [self.points.first(), self.points.last()].map(|point| point.map_or(f64::NAN, |point| point[0]));
        (ends[0] - reach..=ends[1] + reach).contains(&x)
    }
}

/// Returns the point with the closest x.
fn nearest(points: &[[f64; 2]], x: f64) -> Option<[f64; 2]> {
    let distance = |point: &&[f64; 2]| (point[0] - x).abs();
    points.iter().min_by(|one, other| distance(one).total_cmp(&distance(other))).copied()
}

/// Returns the least and the greatest value of one coordinate.
fn extent(curves: &[Curve], axis: usize) -> Option<[f64; 2]> {
    let numbers = curves.iter().flat_map(|curve| &curve.points).map(|point| point[axis]);
    numbers.fold(None, |ends, number| {
        let [low, high] = ends.unwrap_or([number, number]);
        Some([low.min(number), high.max(number)])
    })
}

/// Returns the points that can be drawn: without NaN, and clamped to the bounds.
pub(crate) fn drawable(points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    let numbers = points.into_iter().filter(|point| !point[0].is_nan() && !point[1].is_nan());
    let mut held = numbers.map(|point| point.map(held)).collect::<Vec<_>>();
    // A line from a point to itself has no direction.
    held.dedup();
    held
}

/// Clamps a number to the bounds of what can be drawn; NaN becomes zero.
pub(crate) fn held(number: f64) -> f64 {
    if number.is_nan() || number.abs() < LOWEST { 0.0 } else { number.clamp(-HIGHEST, HIGHEST) }
}

/// Returns the indices of the points to draw out of `count`: all, or every second, fourth, …, and always the last.
///
/// The stride is a power of two, so that a growing curve keeps its shape.
pub(crate) fn thinned(count: usize) -> impl Iterator<Item = usize> {
    let stride = count.div_ceil(MOST_POINTS).next_power_of_two();
    let last = count.checked_sub(1).filter(|last| !last.is_multiple_of(stride));
    (0..count).step_by(stride).chain(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_curves_are_thinned_and_keep_their_ends() {
        for count in [0, 1, 2, 999, 1_000, 1_001, 5_000, 100_001] {
            let shown = thinned(count).collect::<Vec<_>>();
            assert!(shown.len() <= MOST_POINTS + 1 && shown.is_sorted_by(|one, other| one < other), "{count}");
            assert_eq!((shown.first(), shown.last()), ((count > 0).then_some(&0), count.checked_sub(1).as_ref()));
        }
    }

    #[test]
    fn a_curve_is_read_where_it_has_points() {
        let points = [[0.0, 1.0], [10.0, 2.0], [20.0, 3.0]];
        let check = |x: f64, expected: Option<[f64; 2]>| assert_eq!(nearest(&points, x), expected, "{x}");
        check(4.0, Some([0.0, 1.0]));
        check(6.0, Some([10.0, 2.0]));
        check(1e9, Some([20.0, 3.0]));
        assert_eq!(nearest(&[], 1.0), None);
    }

    #[test]
    fn what_is_no_number_is_not_drawn() {
        let points = vec![[0.0, f64::NAN], [1.0, f64::INFINITY], [2.0, 3.0]];
        assert_eq!(drawable(points), [[1.0, HIGHEST], [2.0, 3.0]]);
        assert_eq!([f64::NAN, 1e-30, -1e300].map(held), [0.0, 0.0, -HIGHEST]);
    }
}
