//! A disk that takes no more logs.

use super::*;

#[test]
#[ignore = "needs MariaDB: make test"]
fn logs_that_nobody_can_write_stop_no_request() {
    let _alone = alone();
    let server = server();
    let mut variables = users::variables(users::quick());
    variables.extend(with_key(server.login_variables()));
    let functions = Functions {
        login: Service::start_logging_to("/dev/full", "login", variables.clone()),
        validate: Service::start_logging_to("/dev/full", "validate", variables),
    };
    let observation = Observation::begin_amid_fault("disk full for logs", &functions);
    observation.suffer();
    observation.recover(Seen::Nothing);
}
