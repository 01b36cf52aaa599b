//! Learning curves.

use ludus_train::session::{History, IterationRecord, MetricInfo, TrainingSnapshot};

use crate::egui::{ComboBox, Ui};
use crate::theme;
use crate::widgets::{Curve, CurvePlot, thinned};

use super::{heading_ui, zoom_hint_ui};

/// Height of a plot [points].
const HEIGHT: f32 = 150.0;

const STEPS: &str = "steps";

/// What the second plot shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Chart {
    /// The first one: why the return is as it is.
    #[default]
    Terms,
    Length,
    Speed,
    /// A metric of the algorithm.
    Metric(MetricInfo),
}

/// The return over steps, and one more plot to choose.
pub(super) fn charts_ui(ui: &mut Ui, training: &TrainingSnapshot, chart: &mut Chart) {
    heading_ui(ui, "Mean return of the last episodes");
    zoom_hint_ui(ui);
    let plot = CurvePlot { id: "return", height: HEIGHT, x: STEPS, y: "return" };
    let points = points(&training.history, |record| record.returns.mean);
    plot.show_named(ui, vec![Curve { name: "mean return".to_owned(), color: theme::series(0), points }]);
    ui.add_space(6.0);
    pick_ui(ui, training, chart);
    let plot = CurvePlot { id: "chart", height: HEIGHT, x: STEPS, y: chart.unit() };
    plot.show_named(ui, curves(training, *chart));
}

fn pick_ui(ui: &mut Ui, training: &TrainingSnapshot, chart: &mut Chart) {
    let width = ui.available_width();
    let combo = ComboBox::from_id_salt("pick a chart").width(width).truncate().selected_text(chart.title());
    combo.show_ui(ui, |ui| {
        let metrics = training.history.last().map_or(&[][..], |record| &record.metrics);
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

fn curves(training: &TrainingSnapshot, chart: Chart) -> Vec<Curve> {
    let history = &training.history;
    match chart {
        Chart::Terms => terms(training),
        Chart::Length => single(chart, points(history, |record| record.length)),
        Chart::Speed => single(chart, speeds(history)),
        Chart::Metric(info) => single(chart, points(history, |record| metric(record, info))),
    }
}

fn single(chart: Chart, points: Vec<[f64; 2]>) -> Vec<Curve> {
    vec![Curve { name: chart.title().to_owned(), color: theme::series(1), points }]
}

/// Each weighs what it weighed at the time, so that they can be compared and add up to the return.
fn terms(training: &TrainingSnapshot) -> Vec<Curve> {
    let terms = training.spec.reward.iter().enumerate();
    let curve = |(index, term): (usize, &ludus_agent::spec::RewardTerm)| {
        let sum = |record: &IterationRecord| match (record.terms.get(index), record.weights.get(index)) {
            (Some(sum), Some(&weight)) => sum * f64::from(weight),
            _ => f64::NAN,
        };
        let points = points(&training.history, sum);
        Curve { name: term.name.clone(), color: theme::series(index), points }
    };
    terms.map(curve).collect()
}

fn points(history: &History, of: impl Fn(&IterationRecord) -> f64) -> Vec<[f64; 2]> {
    let records = thinned(history.len()).filter_map(|index| history.get(index));
    records.map(|record| [record.steps as f64, of(record)]).collect()
}

/// Between a point that is drawn and the one before.
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

fn metric(record: &IterationRecord, info: MetricInfo) -> f64 {
    let found = record.metrics.iter().find(|metric| metric.info == info);
    found.map_or(f64::NAN, |metric| f64::from(metric.value))
}
