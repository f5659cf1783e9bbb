//! Values of options, parsed and checked.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// Parses a whole number within a range.
pub(super) fn whole<T: FromStr + PartialOrd + Display>(
    range: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone
where
    RangeInclusive<T>: Clone,
{
    move |text| match text.parse::<T>() {
        Ok(number) if range.contains(&number) => Ok(number),
        // The upper limit of an integer type means nothing to the user.
        _ if range.end().to_string().len() > 9 => {
            Err(format!("not a whole number of at least {}", range.start()))
        }
        _ => Err(format!(
            "not a whole number between {} and {}",
            range.start(),
            range.end()
        )),
    }
}

/// Parses a span of time with a unit: `30d`, `12h`, `1d12h`.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "not a time with a unit, such as 30d, 12h, 90m or 2w".to_owned();
    let mut seconds = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, behind) = rest.split_at(digits);
        let unit = match behind.chars().next() {
            Some('w') => 7 * 86_400,
            Some('d') => 86_400,
            Some('h') => 3600,
            Some('m') => 60,
            Some('s') => 1,
            _ => return Err(wrong()),
        };
        let number = number.parse::<u64>().map_err(|_| wrong())?;
        let added = number.checked_mul(unit).ok_or_else(wrong)?;
        seconds = seconds.checked_add(added).ok_or_else(wrong)?;
        rest = behind.get(1..).unwrap_or_default();
    }
    if text.is_empty() {
        return Err(wrong());
    }
    Ok(Duration::from_secs(seconds))
}

/// Parses a number of seconds within the range that a timeout can have.
pub(super) fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.001..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("not a number of seconds between 0.001 and 86400".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_have_a_unit() {
        for (text, seconds) in [
            ("30d", 2_592_000),
            ("12h", 43_200),
            ("1d12h", 129_600),
            ("2w", 1_209_600),
            ("0s", 0),
        ] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "30",
            "d",
            "1.5d",
            "-1d",
            "30D",
            "99999999999999999999d",
            "30d1",
        ] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
