//! Numbers as people read them: two significant figures, since no input has more.

/// `3208.3` is `3,200`, `0.04533` is `0.045`, `44_250_000` is `44 million`.
pub(crate) fn figure(value: f64) -> String {
    let rounded = two_figures(value);
    match rounded {
        large if large >= 1e9 => format!("{} billion", plain(large / 1e9)),
        large if large >= 1e6 => format!("{} million", plain(large / 1e6)),
        small => plain(small),
    }
}

/// Prices and settings, which are not rounded.
pub(crate) fn exact(value: f64) -> String {
    grouped(&format!("{value}"))
}

/// A count of things that there are none or whole ones of, rounded up first.
pub(crate) fn count(value: f64) -> String {
    figure(value.ceil())
}

/// Dollars.
pub(crate) fn dollars(value: f64) -> String {
    format!("{} USD", figure(value))
}

fn two_figures(value: f64) -> f64 {
    if value <= 0.0 {
        return 0.0;
    }
    // Text and back: exact for what is printed, and without logarithms.
    format!("{value:.1e}").parse().expect("a number that was just written")
}

fn plain(value: f64) -> String {
    grouped(&format!("{}", (value * 1e6).round() / 1e6))
}

fn grouped(number: &str) -> String {
    let (whole, rest) = number.split_once('.').unwrap_or((number, ""));
    let mut grouped = String::new();
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if rest.is_empty() { grouped } else { format!("{grouped}.{rest}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_figures_are_kept_and_thousands_are_parted() {
        for (value, text) in [
            (0.0, "0"),
            (0.045_33, "0.045"),
            (0.5, "0.5"),
            (1.0, "1"),
            (32.08, "32"),
            (3208.3, "3,200"),
            (320_833.0, "320,000"),
            (999_999.0, "1 million"),
            (4_425_000.0, "4.4 million"),
            (44_250_000.0, "44 million"),
            (2_900_000_000.0, "2.9 billion"),
        ] {
            assert_eq!(figure(value), text);
        }
    }

    #[test]
    fn a_price_has_all_its_figures() {
        assert_eq!(exact(0.000_013_333_4), "0.0000133334");
        assert_eq!(exact(16_000.0), "16,000");
    }

    #[test]
    fn a_part_of_a_pod_is_a_pod() {
        assert_eq!(count(0.02), "1");
        assert_eq!(count(1604.2), "1,600");
    }
}
