//! The `validate` function: on Lambda, on Knative, or anywhere.

use std::process::ExitCode;

use zeroizing_alloc::ZeroAlloc;

#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    shared::serve::run::<validate::Validate>(&|name| std::env::var_os(name))
}
