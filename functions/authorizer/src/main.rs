//! The `authorizer` function: on Lambda, for API Gateway.

use std::process::ExitCode;

use zeroizing_alloc::ZeroAlloc;

#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    shared::serve::run::<authorizer::Authorizer>(&|name| std::env::var_os(name))
}
