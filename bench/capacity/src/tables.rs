//! All tables of docs/capacity.md, by the names of their places in it.

use crate::{
    costs::MEASURED,
    figure, limits,
    platform::DEFAULTS,
    prices::LIST,
    resources::{keys, logins, validations},
};

/// What stands in one place of the page.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// The name of the place.
    pub(crate) name: &'static str,
    /// Markdown.
    pub(crate) text: String,
}

/// Works all of them out.
pub(crate) fn all() -> Vec<Block> {
    let block = |name, table: &dyn ToString| Block { name, text: table.to_string() };
    vec![
        block("costs", &figure::table("measured", &MEASURED.all())),
        block("platform", &figure::table("set or allowed", &DEFAULTS.all())),
        block("prices", &figure::table("price", &LIST.all())),
        block("logins", &logins::table()),
        block("validations", &validations::table()),
        block("keys", &keys::table()),
        block("limits", &limits::table()),
    ]
}

/// Prints them.
pub(crate) fn print(blocks: &[Block]) {
    for Block { name, text } in blocks {
        println!("{name}\n\n{text}\n");
    }
}
