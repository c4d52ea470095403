//! The command line of whoever looks after users and keys.

use std::process::ExitCode;

use zeroizing_alloc::ZeroAlloc;

#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    auth_admin::run()
}
