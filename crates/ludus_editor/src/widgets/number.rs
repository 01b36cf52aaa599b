//! Formats of numbers as text of constant width, so that it does not jump while a number changes.

/// Size from which on a number with decimals is too long for a column.
const LARGE: f64 = 100_000.0;

/// Formats a number with three decimals, or with an exponent if it is too large, too small or not finite: `-0.125`,
/// `2.50e9`, `NaN`, `∞`.
pub(crate) fn fixed(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() || size >= LARGE || (size > 0.0 && size < 0.000_5) {
        return scientific(value);
    }
    format!("{value:.3}")
}

/// Formats a number that can be changed: with three decimals, or with all of its digits if it has more.
pub(crate) fn exact_fixed(value: f32) -> String {
    let (plain, exponent) = (value.to_string(), format!("{value:e}"));
    let long = if plain.len() <= exponent.len() { plain } else { exponent };
    exact(value, fixed(value.into()), long)
}

/// Returns the short text if it stands for exactly this number, else the long one: a number that is only displayed must
/// not change.
pub(crate) fn exact(value: f32, short: String, long: String) -> String {
    if short.parse() == Ok(value) { short } else { long }
}

/// Formats four significant digits in at most seven characters: `-0.125`, `12.35`, `-3.7e-4`, `1.2e5`.
pub(crate) fn brief(value: f64) -> String {
    match value.abs() {
        _ if !value.is_finite() => scientific(value),
        size if size >= 99_999.5 || (size > 0.0 && size < 0.000_5) => format!("{value:.1e}"),
        size if size >= 999.95 => format!("{value:.0}"),
        size if size >= 99.995 => format!("{value:.1}"),
        size if size >= 9.999_5 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Formats a number with an exponent and two decimals: `3.00e-4`.
pub(crate) fn scientific(value: f64) -> String {
    match value {
        _ if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "∞".to_owned(),
        f64::NEG_INFINITY => "-∞".to_owned(),
        _ => format!("{value:.2e}"),
    }
}

/// Formats a number with a comma between thousands: `1,234,567`.
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

/// Formats a number of things: `1 world`, `1,024 worlds`.
pub(crate) fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", count(number), if number == 1 { "" } else { "s" })
}

/// Returns the closest number with this many significant digits.
pub(crate) fn rounded(value: f32, digits: usize) -> f32 {
    if value.is_finite() { format!("{value:.*e}", digits.saturating_sub(1)).parse().unwrap_or(value) } else { value }
}

/// Formats a part of a whole in percent, three digits wide: ` 42 %`; `–` if the part is not finite.
pub(crate) fn percent(part: f64) -> String {
    if part.is_finite() { format!("{:3.0} %", 100.0 * part) } else { "  – %".to_owned() }
}

/// Formats a time \[s\] as on a clock: `0:05`, `12:34`, `1:02:03`; `–` if it is negative, too long or not finite.
pub(crate) fn duration(seconds: f64) -> String {
    /// A century; a longer time is no estimate.
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

/// Formats returns: `return 3.000`, or `return Chaser 3.000, Runner 12.00` for several kinds of agents.
pub(crate) fn returns(of_kinds: &[(String, f32)]) -> String {
    let of_kind = |(kind, value): &(String, f32)| format!("{kind} {}", fixed((*value).into()));
    match of_kinds {
        [(_, only)] => format!("return {}", fixed((*only).into())),
        kinds => format!("return {}", kinds.iter().map(of_kind).collect::<Vec<_>>().join(", ")),
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
    fn brief_numbers_have_seven_letters_at_most() {
        let check = |value: f64, expected: &str| assert_eq!(brief(value), expected);
        check(0.0, "0.000");
        check(-0.125, "-0.125");
        check(9.999_9, "10.00");
        check(-99.999, "-100.0");
        check(-12_345.6, "-12346");
        check(99_999.9, "1.0e5");
        check(-3.71e-4, "-3.7e-4");
        check(f64::NAN, "NaN");
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
    fn one_thing_is_not_several() {
        assert_eq!(
            [0, 1, 2, 1_000].map(|number| counted(number, "world")),
            ["0 worlds", "1 world", "2 worlds", "1,000 worlds"]
        );
    }

    #[test]
    fn numbers_are_rounded_to_digits() {
        assert_eq!(
            [2.999_412_3e-4, -0.987_65, 0.0, 123_456.0].map(|value| rounded(value, 3)),
            [3e-4, -0.988, 0.0, 123_000.0]
        );
        assert!(rounded(f32::NAN, 3).is_nan() && rounded(f32::INFINITY, 3).is_infinite());
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
