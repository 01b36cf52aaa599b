//! Ticks: the limits of their rate and of their count per step.

use core::ops::RangeInclusive;
use core::time::Duration;

/// The greatest count of ticks per step: at 64 Hz that is a decision every 17 minutes.
pub const LONGEST_STEP: u32 = 1 << 16;

/// The range of tick rates \[Hz\]: ticks of eleven days to ticks of a nanosecond.
pub const TICK_RATES_HZ: RangeInclusive<f64> = 1e-6..=1e9;

/// Returns the intended rate of ticks of this length \[Hz\]: the rate with the fewest digits that gives the length.
///
/// Ticks last whole nanoseconds: at 60 Hz 16,666,667 of them, which alone would be 59.9999988 Hz.
///
/// ```
/// # use ludus_spec::tick_rate_hz;
/// # use core::time::Duration;
/// assert_eq!(tick_rate_hz(Duration::from_secs_f64(1.0 / 60.0)), 60.0);
/// assert_eq!(tick_rate_hz(Duration::from_secs_f64(1.0 / 59.94)), 59.94);
/// ```
pub fn tick_rate_hz(tick: Duration) -> f64 {
    let exact = 1.0 / tick.as_secs_f64();
    let rounded = [1.0, 1e3].map(|digits| (exact * digits).round() / digits);
    let is_meant = |rate: &f64| Duration::try_from_secs_f64(1.0 / rate) == Ok(tick);
    rounded.into_iter().find(is_meant).unwrap_or(exact)
}

/// Returns the intended rate for one that was computed from the length of a tick \[Hz\].
pub fn meant_rate_hz(rate_hz: f64) -> f64 {
    Duration::try_from_secs_f64(1.0 / rate_hz).map_or(rate_hz, tick_rate_hz)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_that_were_meant() {
        for rate in [1.0, 30.0, 50.0, 60.0, 64.0, 119.88, 120.0, 144.0, 240.0, 1000.0, 0.25] {
            let tick = Duration::from_secs_f64(1.0 / rate);
            assert_eq!((tick_rate_hz(tick), meant_rate_hz(1.0 / tick.as_secs_f64())), (rate, rate));
        }
        let odd = Duration::from_nanos(12_345_678);
        assert_eq!(tick_rate_hz(odd), 1.0 / odd.as_secs_f64());
        assert_eq!(meant_rate_hz(0.0), 0.0);
    }
}
