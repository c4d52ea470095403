//! `login`: Basic credentials in, JWT out.

mod handler;
mod router;
mod state;

pub use router::router;
pub use state::{LoginConfig, LoginState};

use std::sync::Arc;

use shared::{
    config::{Problem, Reader},
    serve::{DatabaseProbe, Function, GatewayEvent, Health, Platform, Service},
    telemetry::RequestCounter,
    users::UserStore,
};

/// The function.
#[derive(Debug, Clone, Copy)]
pub struct Login;

impl Function for Login {
    const NAME: &'static str = "login";
    const COUNTER: Option<RequestCounter> = Some(RequestCounter::Login);
    type Config = LoginConfig;
    type Event = GatewayEvent;

    fn configure(reader: &mut Reader<'_>) -> LoginConfig {
        LoginConfig::read(reader)
    }

    async fn start(config: LoginConfig, platform: Platform) -> Result<Service, Vec<Problem>> {
        let state = LoginState::start(config, platform).await?;
        let health = Health::new(state.keys(), Some(probe(state.users())));
        let secrets = state.secrets();
        Ok(Service::new(router(state), health).watching(secrets).told_peers())
    }
}

/// Asks the database whether it answers, for `/readyz`.
fn probe(users: Arc<dyn UserStore>) -> DatabaseProbe {
    Arc::new(move || {
        let users = Arc::clone(&users);
        Box::pin(async move { users.ping().await.is_ok() })
    })
}
