//! Starts child processes that the kernel ends together with this process.

use std::{
    io,
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        mpsc::{Sender, channel},
    },
    thread,
};

type Order = (Command, Sender<io::Result<Child>>);

/// A command whose process is killed when this process ends, even if it is killed
/// itself. Where there is no `setpriv` (it is part of util-linux), an orderly end of
/// this process is all that ends the other.
pub(crate) fn command(program: &str) -> Command {
    static SETPRIV: LazyLock<bool> = LazyLock::new(|| {
        let mut probe = Command::new("setpriv");
        probe.args(["--pdeathsig", "KILL", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    });
    if !*SETPRIV {
        return Command::new(program);
    }
    // It replaces itself by the program, so the child's id is the program's.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", program]);
    command
}

/// The kernel's watch is over the thread that started the child, and libtest ends a
/// thread with each test: hence a thread that lives as long as the process.
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    static SPAWNER: LazyLock<Sender<Order>> = LazyLock::new(|| {
        let (sender, orders) = channel::<Order>();
        thread::spawn(move || {
            for (mut command, reply) in orders {
                let _ = reply.send(command.spawn());
            }
        });
        sender
    });
    let (reply, child) = channel();
    SPAWNER.send((command, reply)).expect("the thread never ends");
    child.recv().expect("the thread never ends")
}
