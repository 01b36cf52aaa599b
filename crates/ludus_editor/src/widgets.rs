//! Small things that several panels are made of: functions over plain numbers.

mod curve;
mod distribution;
mod grid;
mod number;
mod range;
mod shares;
mod text;
mod viridis;

pub(crate) use curve::{Curve, CurvePlot, axis_mark, held, thinned};
pub(crate) use distribution::{Bell, Choice, bell_ui, choice_ui};
pub(crate) use grid::{Cells, cells_ui};
pub(crate) use number::{count, duration, fixed, percent, scientific};
pub(crate) use range::{RangeBar, range_bar};
pub(crate) use shares::{Share, shares_ui};
pub(crate) use text::{Cell, ending, fact_ui, line_in, notice_ui, place_of, short, split};
pub(crate) use viridis::{legend_ui, viridis};
