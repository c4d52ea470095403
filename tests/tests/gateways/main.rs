//! `examples/gateways`: the real nginx, Caddy, Traefik and Envoy, with the files that are there, in
//! front of an upstream that notes what arrives.

mod checks;
mod matrix;
mod planted;
mod setup;
mod tokens;
mod upstream;

use std::thread;

use system_tests::{scratch, service::Service};

use crate::{
    checks::CHECKS,
    matrix::Column,
    setup::{EXAMPLES, Example, Setup},
};

fn column(example: &Example, login: &Service) -> Column {
    let mut setup = Setup::start(example, login, &[]);
    CHECKS.map(|check| check.run(&mut setup))
}

#[tokio::test]
#[ignore = "needs nginx, Caddy, Traefik and Envoy: make test"]
async fn every_gateway_lets_good_tokens_through_and_nothing_else() {
    let folder = scratch::directory();
    let login = setup::login(folder.path()).await;
    println!("five gateways at once; Traefik waits 30 s for a silent validate");
    let columns = thread::scope(|scope| {
        let login = &login;
        let running = EXAMPLES.each_ref().map(|it| scope.spawn(move || column(it, login)));
        running.map(|column| column.join().expect("the gateway starts"))
    });
    println!("{}", matrix::table(&columns));
    assert!(columns.iter().flatten().all(Option::is_some), "see FAILED above");
    matrix::check_readme(&columns);
}
