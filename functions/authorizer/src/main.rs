//! The `authorizer` function: on Lambda, for API Gateway.

fn main() -> std::process::ExitCode {
    shared::serve::run::<authorizer::Authorizer>(&|name| std::env::var_os(name))
}
