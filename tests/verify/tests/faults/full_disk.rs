//! A disk that takes no more logs.

use super::*;

/// All that the program writes goes to a disk that is full.
const FULL: &str = "exec \"$0\" >/dev/full 2>&1";

#[test]
#[ignore = "needs MariaDB: make verify"]
fn logs_that_nobody_can_write_stop_no_request() {
    let _alone = alone();
    let server = server();
    let mut variables = users::variables(users::quick());
    variables.extend(with_key(server.login_variables()));
    let functions = Functions {
        login: Service::start_by_shell("login", FULL, variables.clone()),
        validate: Service::start_by_shell("validate", FULL, variables),
    };
    let observation = Observation::begin_amid_fault("disk full for logs", &functions);
    observation.suffer();
    observation.recover(Seen::Nothing);
}
