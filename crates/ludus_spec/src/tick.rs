//! Ticks: how long they last and how many a step has.

use core::ops::RangeInclusive;
use core::time::Duration;

/// The most ticks that a step may have: at 64 Hz a decision every 17 minutes.
pub const LONGEST_STEP: u32 = 1 << 16;

/// The rates that ticks may have \[Hz\]: from eleven days to a nanosecond each.
pub const TICK_RATES_HZ: RangeInclusive<f64> = 1e-6..=1e9;

/// The rate that somebody meant who has ticks of this length \[Hz\]: the one with the fewest digits.
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

/// The rate that somebody meant by one that was worked out from the length of a tick \[Hz\].
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
