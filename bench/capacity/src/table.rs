//! A table in Markdown.

use std::fmt;

/// Rows under headings.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    columns: usize,
    lines: Vec<String>,
}

impl Table {
    /// An empty table with these headings.
    pub(crate) fn new<T: AsRef<str>>(headings: &[T]) -> Self {
        let columns = headings.len();
        let headings: Vec<&str> = headings.iter().map(AsRef::as_ref).collect();
        let rule = format!("|{}", "---|".repeat(columns));
        Self { columns, lines: vec![format!("| {} |", headings.join(" | ")), rule] }
    }

    /// Adds a row.
    ///
    /// # Panics
    ///
    /// If it has more or fewer cells than there are headings.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<String> = cells.into_iter().map(|cell| cell.trim().to_owned()).collect();
        assert_eq!(cells.len(), self.columns, "cells of a row");
        self.lines.push(format!("| {} |", cells.join(" | ")));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new(&["what", "figure"]);
        table.row(["pods".to_owned(), "2 ".to_owned()]);
        assert_eq!(table.to_string(), "| what | figure |\n|---|---|\n| pods | 2 |");
    }
}
