//! The part of the training panel with the learning curves.

use ludus_agent::spec::RewardTerm;
use ludus_train::session::{History, IterationRecord, KindIteration, MetricInfo};

use crate::egui::{ComboBox, Ui};
use crate::theme;
use crate::widgets::{Curve, CurvePlot, thinned};

use super::{ShownKind, heading_ui, zoom_hint_ui};

/// Height of a plot [points].
const HEIGHT: f32 = 150.0;

const STEPS: &str = "steps";

/// The kinds of the second plot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Chart {
    /// Reward terms, the default: they explain the return.
    #[default]
    Terms,
    Length,
    Speed,
    /// A metric of the algorithm.
    Metric(MetricInfo),
}

/// Draws the mean return over steps, and a second plot that can be picked.
pub(super) fn charts_ui(ui: &mut Ui, kind: ShownKind<'_>, chart: &mut Chart) {
    heading_ui(ui, "Mean return of the last episodes");
    zoom_hint_ui(ui);
    let plot = CurvePlot { id: "return", height: HEIGHT, x: STEPS, y: "return" };
    let points = points(kind, |came_to| came_to.returns.mean);
    plot.show_named(ui, vec![Curve { name: "mean return".to_owned(), color: theme::series(0), points }]);
    ui.add_space(6.0);
    pick_ui(ui, kind, chart);
    let plot = CurvePlot { id: "chart", height: HEIGHT, x: STEPS, y: chart.unit() };
    plot.show_named(ui, curves(kind, *chart));
}

fn pick_ui(ui: &mut Ui, kind: ShownKind<'_>, chart: &mut Chart) {
    let width = ui.available_width();
    let combo = ComboBox::from_id_salt("pick a chart").width(width).truncate().selected_text(chart.title());
    combo.show_ui(ui, |ui| {
        let metrics = kind.last().map_or(&[][..], |came_to| &came_to.metrics);
        let metrics = metrics.iter().map(|metric| Chart::Metric(metric.info));
        for choice in [Chart::Terms, Chart::Length, Chart::Speed].into_iter().chain(metrics) {
            ui.selectable_value(chart, choice, choice.title());
        }
    });
}

impl Chart {
    const fn title(self) -> &'static str {
        match self {
            Self::Terms => "Reward terms per episode, weighted",
            Self::Length => "Episode length",
            Self::Speed => "Speed",
            Self::Metric(info) => info.title,
        }
    }

    const fn unit(self) -> &'static str {
        match self {
            Self::Terms => "sum",
            Self::Length => "steps",
            Self::Speed => "steps/s",
            Self::Metric(info) => info.unit,
        }
    }
}

fn curves(kind: ShownKind<'_>, chart: Chart) -> Vec<Curve> {
    match chart {
        Chart::Terms => terms(kind),
        Chart::Length => single(chart, points(kind, |came_to| came_to.length)),
        Chart::Speed => single(chart, speeds(&kind.training.history)),
        Chart::Metric(info) => single(chart, points(kind, |came_to| metric(came_to, info))),
    }
}

fn single(chart: Chart, points: Vec<[f64; 2]>) -> Vec<Curve> {
    vec![Curve { name: chart.title().to_owned(), color: theme::series(1), points }]
}

/// Returns the curves of the reward terms. Each is weighted as it was at the time, so that they can be compared and add
/// up to the return.
fn terms(kind: ShownKind<'_>) -> Vec<Curve> {
    let curve = |(index, term): (usize, &RewardTerm)| {
        let sum = |came_to: &KindIteration| match (came_to.terms.get(index), came_to.weights.get(index)) {
            (Some(sum), Some(&weight)) => sum * f64::from(weight),
            _ => f64::NAN,
        };
        Curve { name: term.name.clone(), color: theme::series(index), points: points(kind, sum) }
    };
    kind.terms().iter().enumerate().map(curve).collect()
}

fn points(kind: ShownKind<'_>, of: impl Fn(&KindIteration) -> f64) -> Vec<[f64; 2]> {
    let history = &kind.training.history;
    let records = thinned(history.len()).filter_map(|index| history.get(index));
    records.map(|record| [record.steps as f64, kind.of(record).map_or(f64::NAN, &of)]).collect()
}

/// Returns the speed between each drawn point and the one before \[steps/s\].
fn speeds(history: &History) -> Vec<[f64; 2]> {
    let mut before = (0, 0.0);
    let records = thinned(history.len()).filter_map(|index| history.get(index));
    let speed = |record: &IterationRecord| {
        let (steps, seconds) = std::mem::replace(&mut before, (record.steps, record.seconds));
        let speed = record.steps.saturating_sub(steps) as f64 / (record.seconds - seconds).max(1e-9);
        [record.steps as f64, speed]
    };
    records.map(speed).collect()
}

fn metric(came_to: &KindIteration, info: MetricInfo) -> f64 {
    let found = came_to.metrics.iter().find(|metric| metric.info == info);
    found.map_or(f64::NAN, |metric| f64::from(metric.value))
}
