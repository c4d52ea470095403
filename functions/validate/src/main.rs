//! The `validate` function: on Lambda, on Knative, or anywhere.

fn main() -> std::process::ExitCode {
    shared::serve::run::<validate::Validate>(&|name| std::env::var_os(name))
}
