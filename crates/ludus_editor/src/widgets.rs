//! Widgets that several panels share, as functions of plain numbers.

mod axis;
mod curve;
mod distribution;
mod grid;
mod legend;
mod number;
#[cfg(feature = "tune")]
mod parallel;
mod pick;
mod range;
mod shares;
mod text;
mod viridis;

pub(crate) use axis::{axis_mark, round_step};
pub(crate) use curve::{CurvePlot, held, thinned};
pub(crate) use distribution::{Bell, ShownChoice, bell_ui, choice_ui};
pub(crate) use grid::{Cells, cells_ui};
pub(crate) use legend::{Curve, shown_curves_ui};
pub(crate) use number::{
    brief, count, counted, duration, exact, exact_fixed, fixed, percent, returns, rounded, scientific,
};
#[cfg(feature = "tune")]
pub(crate) use parallel::{ParallelAxis, ParallelLine, parallel_ui};
pub(crate) use pick::pick_name_ui;
pub(crate) use range::{RangeBar, range_bar};
pub(crate) use shares::{Share, shares_ui};
pub(crate) use text::{Cell, fact_ui, line_in, name_for, name_in, notice_ui, place_of, split, width_of};
pub(crate) use viridis::{legend_ui, viridis};
