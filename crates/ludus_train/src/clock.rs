//! The only place that reads the wall clock. What is simulated and learned never depends on it.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

static START: LazyLock<Instant> = LazyLock::new(now);

#[expect(clippy::disallowed_methods, reason = "a run's timer: phases and speed are shown to people")]
fn now() -> Instant {
    Instant::now()
}

/// Time since the first call in this process \[ns\]. A [`Clock`](ludus_spec::Clock).
pub fn nanoseconds() -> u64 {
    START.elapsed().as_nanos() as u64
}

/// Time since the first call in this process \[s\], of [`nanoseconds`].
pub fn seconds() -> f64 {
    nanoseconds() as f64 * 1e-9
}

/// Time since 1970 \[s\], for dates and event files.
#[expect(clippy::disallowed_methods, reason = "dates of runs and of metrics, for people")]
pub(crate) fn wall_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64()
}

/// Today in UTC, as `2026-11-23`.
pub(crate) fn today() -> String {
    date((wall_seconds() / 86_400.0) as i64)
}

/// The Gregorian date of a day counted from 1970-01-01.
///
/// # Source
///
/// Hinnant 2021, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn date(day: i64) -> String {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let day_of_era = day.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day_of_month:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(59), "1970-03-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(20_780), "2026-11-23");
    }

    #[test]
    fn time_goes_forward() {
        assert!(nanoseconds() <= nanoseconds());
        assert!(wall_seconds() > 1.7e9);
    }
}
