//! `examples/gateways`: the real nginx, Caddy, Traefik and Envoy, with the files that are there, in
//! front of an upstream that notes what arrives.

mod checks;
mod passing;
mod planted;
mod requests;
mod setup;
mod tokens;
mod upstream;
mod websocket;

use std::{fs, thread};

use system_tests::{scratch, workspace};

use crate::{
    checks::CHECKS,
    setup::{EXAMPLES, Setup},
};

#[tokio::test]
#[ignore = "needs nginx, Caddy, Traefik and Envoy: make test"]
async fn every_gateway_lets_good_tokens_through_and_nothing_else() {
    let folder = scratch::directory();
    let login = &setup::login(folder.path()).await;
    println!("five gateways at once; Traefik waits 30 s for a silent validate");
    let columns = thread::scope(|scope| {
        let running = EXAMPLES.each_ref().map(|example| {
            scope.spawn(move || {
                let mut setup = Setup::start(example, login, &[]);
                CHECKS.map(|check| check.run(&mut setup))
            })
        });
        running.map(|column| column.join().expect("the gateway starts"))
    });
    assert!(columns.iter().flatten().all(Option::is_some), "see FAILED above");
    let readme = fs::read_to_string(workspace().join("examples/gateways/README.md"));
    let readme = readme.expect("a file");
    let head = line("", EXAMPLES.iter().map(|example| example.name));
    let rows = CHECKS.iter().enumerate().map(|(row, check)| {
        line(check.0, columns.iter().map(|column| column[row].as_deref().unwrap_or("FAILED")))
    });
    for line in [head].into_iter().chain(rows) {
        println!("{line}");
        assert!(readme.contains(&line), "examples/gateways/README.md does not say\n{line}");
    }
}

/// A line of the table, in Markdown.
fn line<'a>(name: &str, cells: impl Iterator<Item = &'a str>) -> String {
    let cells: Vec<_> = cells.map(|cell| format!(" {cell:<15} |")).collect();
    format!("| {name:<20} |{}", cells.concat())
}
