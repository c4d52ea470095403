//! Both functions behind HTTP.

use crate::{
    Environment,
    contract::{ADMIN, ContractRequest, Door, SECRET, USER, check},
    http::Answer,
    service::Service,
};

/// Both functions as HTTP services.
pub struct HttpDoor {
    /// `login`.
    pub login: Service,
    /// `validate`.
    pub validate: Service,
}

impl HttpDoor {
    /// Starts both as processes, with the key of the contract's tokens; `database` is where
    /// `login` finds its users.
    ///
    /// # Panics
    ///
    /// If one ends or isn't ready within 20 s.
    #[must_use]
    pub fn start(database: Environment) -> Self {
        Self::start_with(database, Service::start)
    }

    /// The same, where `start` starts a function with these variables.
    #[must_use]
    pub fn start_with(database: Environment, start: impl Fn(&str, Environment) -> Service) -> Self {
        let key = Environment::from([("JWT_SECRET".into(), SECRET.into())]);
        let mut login = database;
        login.extend(key.clone());
        Self { login: start("login", login), validate: start("validate", key) }
    }

    /// Checks every row of the contract, and that a token of `login` passes `validate`.
    ///
    /// # Panics
    ///
    /// If a row failed.
    pub fn check_contract(&self) {
        check(self, |_, _| true);
        for ((email, password), groups) in [(USER, "users"), (ADMIN, "users,admins")] {
            let request = ContractRequest::new("POST", "/login").basic(email, password);
            let login = self.send("login", &request);
            let request = ContractRequest::new("GET", "/validate").bearer(login.text());
            let validated = self.send("validate", &request);
            assert_eq!(validated.status, 200);
            assert_eq!(validated.header("x-auth-request-user"), Some(email));
            assert_eq!(validated.header("x-auth-request-groups"), Some(groups));
        }
    }
}

impl Door for HttpDoor {
    fn send(&self, function: &str, request: &ContractRequest) -> Answer {
        let service = if function == "login" { &self.login } else { &self.validate };
        let headers = request.headers.iter();
        let request = service.request(request.method, request.path);
        headers.fold(request, |request, (name, value)| request.header(name, value)).send()
    }
}
