//! The `login` function: on Lambda, on Knative, or anywhere.

fn main() -> std::process::ExitCode {
    shared::serve::run::<login::Login>(&|name| std::env::var_os(name))
}
