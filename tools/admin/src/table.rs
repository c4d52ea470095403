//! Listings: a table for a person, or JSON for a program.

use serde::Serialize;

use crate::answer::{Answer, shown};

/// The rows as a JSON array, or as a table with these columns.
pub(crate) fn listing<T: Serialize, const N: usize>(
    rows: &[T],
    json: bool,
    head: [&str; N],
    cells: impl Fn(&T) -> [String; N],
) -> Answer {
    if json {
        let json = serde_json::to_string_pretty(rows);
        return Answer::good(json.expect("texts and numbers are JSON"));
    }
    Answer::good(table(head, rows.iter().map(cells)))
}

/// One line for each row, the columns as wide as they need to be. Control characters are escaped.
pub(crate) fn table<const N: usize>(
    head: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    let rows = rows.map(|row| row.map(|cell| shown(&cell)));
    let lines: Vec<[String; N]> = [head.map(str::to_owned)].into_iter().chain(rows).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or_default());
    let line = |cells: &[String; N]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    lines.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_control_characters_escaped() {
        let rows = [["ädä@example.com", "yes", "-"], ["a@b\n", "no", "x"]];
        assert_eq!(
            table(["EMAIL", "ADMIN", "ADDED"], rows.map(|row| row.map(str::to_owned)).into_iter()),
            "\
EMAIL            ADMIN  ADDED
ädä@example.com  yes    -
a@b\\u000a        no     x
"
        );
    }
}
