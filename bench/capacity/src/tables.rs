//! All tables of docs/capacity.md, by the names of their places in it.

use crate::{
    costs::MEASURED,
    figure, limits,
    platform::DEFAULTS,
    prices::LIST,
    resources::{MODEL, keys, logins, validations},
    storm::{self, scenarios},
};

/// What stands in one place of the page.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// The name of the place.
    pub(crate) name: &'static str,
    /// Markdown.
    pub(crate) text: String,
}

/// Works all of them out. On the way it says on standard error what it simulates.
pub(crate) fn all() -> Vec<Block> {
    let block = |name, table: &dyn ToString| Block { name, text: table.to_string() };
    let mut blocks = vec![
        block("costs", &figure::table("measured", &MEASURED.all())),
        block("platform", &figure::table("set or allowed", &DEFAULTS.all())),
        block("prices", &figure::table("price", &LIST.all())),
        block("logins", &logins::table()),
        block("validations", &validations::table()),
        block("keys", &keys::table()),
        block("limits", &limits::table()),
    ];
    let outcomes: Vec<_> = scenarios(&MODEL)
        .into_iter()
        .map(|scenario| {
            eprintln!("a storm: {}; clients: {}", scenario.door, scenario.behaviour);
            let outcome = storm::run(&scenario);
            (scenario, outcome)
        })
        .collect();
    blocks.push(block("storm", &storm::table(&outcomes)));
    blocks.push(block("plot", &storm::plot(&outcomes)));
    blocks
}

/// Prints them.
pub(crate) fn print(blocks: &[Block]) {
    for Block { name, text } in blocks {
        println!("{name}\n\n{text}\n");
    }
}
