//! Numbers as words, always of the same kind, so that they don't jump while they change.

/// From here on a number with decimals is too long for a column.
const LARGE: f64 = 100_000.0;

/// With three decimals; of other numbers than these, with an exponent: `-0.125`, `2.50e9`, `NaN`, `∞`.
pub(crate) fn fixed(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() || size >= LARGE || (size > 0.0 && size < 0.000_5) {
        return scientific(value);
    }
    format!("{value:.3}")
}

/// With an exponent and two decimals: `3.00e-4`.
pub(crate) fn scientific(value: f64) -> String {
    match value {
        _ if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "∞".to_owned(),
        f64::NEG_INFINITY => "-∞".to_owned(),
        _ => format!("{value:.2e}"),
    }
}

/// With a comma between thousands: `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A part of a whole in percent, three digits wide: ` 42 %`; `–` where there is no whole.
pub(crate) fn percent(part: f64) -> String {
    if part.is_finite() { format!("{:3.0} %", 100.0 * part) } else { "  – %".to_owned() }
}

/// Time as a clock shows it \[s\]: `0:05`, `12:34`, `1:02:03`; `–` of what is no time.
pub(crate) fn duration(seconds: f64) -> String {
    /// A century; what lasts longer is no estimate.
    const LONGEST: f64 = 3.2e9;
    if !(0.0..LONGEST).contains(&seconds) {
        return "–".to_owned();
    }
    let whole = seconds as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{}:{minutes:02}:{seconds:02}", count(hours)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_decimals() {
        let check = |value: f64, expected: &str| assert_eq!(fixed(value), expected);
        check(0.0, "0.000");
        check(-0.125, "-0.125");
        check(99_999.0, "99999.000");
        check(2.5e9, "2.50e9");
        check(1e-7, "1.00e-7");
        check(f64::MAX, "1.80e308");
        check(f64::NAN, "NaN");
        check(f64::NEG_INFINITY, "-∞");
    }

    #[test]
    fn thousands_are_grouped() {
        let check = |number: u64, expected: &str| assert_eq!(count(number), expected);
        check(0, "0");
        check(999, "999");
        check(1_000, "1,000");
        check(1_234_567, "1,234,567");
    }

    #[test]
    fn times_are_those_of_a_clock() {
        let check = |seconds: f64, expected: &str| assert_eq!(duration(seconds), expected);
        check(5.9, "0:05");
        check(754.0, "12:34");
        check(3723.0, "1:02:03");
        check(f64::NAN, "–");
        check(f64::INFINITY, "–");
        check(-1.0, "–");
    }

    #[test]
    fn parts_are_as_wide_as_one_another() {
        assert_eq!([0.0, 0.421, 1.0, f64::NAN].map(percent), ["  0 %", " 42 %", "100 %", "  – %"]);
    }
}
