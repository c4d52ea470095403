//! docs/capacity.md: a place for each table, between two comments.

use std::{fs, process::ExitCode};

use crate::{
    repository,
    tables::{self, Block},
};

const PAGE: &str = "docs/capacity.md";

const END: &str = "<!-- capacity: end -->";

/// Prints what is worked out now, and puts it into the page.
pub(crate) fn write() -> ExitCode {
    let blocks = tables::all();
    tables::print(&blocks);
    let written = current_and_updated(&blocks).and_then(|(_, page)| {
        fs::write(repository::path(PAGE), page).map_err(|error| error.to_string())
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("capacity: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn current_and_updated(blocks: &[Block]) -> Result<(String, String), String> {
    let page = repository::read(PAGE)?;
    let updated = updated(&page, blocks)?;
    Ok((page, updated))
}

/// The page with each block in its place.
fn updated(page: &str, blocks: &[Block]) -> Result<String, String> {
    let mut updated = page.to_owned();
    for Block { name, text } in blocks {
        let start = format!("<!-- capacity: {name} -->");
        let missing = || format!("docs/capacity.md has no place for `{name}`");
        let (before, rest) = updated.split_once(&start).ok_or_else(missing)?;
        let (_, after) = rest.split_once(END).ok_or_else(missing)?;
        updated = format!("{before}{start}\n{text}\n{END}{after}");
    }
    Ok(updated)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str) -> [Block; 1] {
        [Block { name: "pods", text: text.to_owned() }]
    }

    #[test]
    fn a_block_takes_the_place_of_the_one_before() {
        let page = "a\n<!-- capacity: pods -->\nold\n<!-- capacity: end -->\nb\n";
        let expected = "a\n<!-- capacity: pods -->\nnew\n<!-- capacity: end -->\nb\n";
        assert_eq!(updated(page, &block("new")).as_deref(), Ok(expected));
    }

    #[test]
    fn a_page_without_the_place_is_a_problem() {
        assert!(updated("a", &block("new")).is_err());
        assert!(updated("<!-- capacity: pods -->", &block("new")).is_err());
    }

    #[test]
    fn the_page_has_what_is_worked_out() {
        let (current, updated) = current_and_updated(&tables::all()).unwrap();
        assert!(current == updated, "docs/capacity.md is out of date: run `make capacity`");
    }
}
