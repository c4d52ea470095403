//! `validate`: JWT in, claims out.
//!
//! Every gateway asks it whether a request may pass: 200 lets it, anything else does
//! not. It needs no database, and no key that could sign but for HS256.

mod handler;
mod router;
mod state;

pub use handler::validate;
pub use router::router;
pub use state::{ValidateConfig, ValidateState};

use shared::{
    config::{Problem, Reader},
    serve::{Function, GatewayEvent, Health, Platform, Service},
    telemetry::RequestCounter,
};

/// The function.
#[derive(Debug, Clone, Copy)]
pub struct Validate;

impl Function for Validate {
    const NAME: &'static str = "validate";
    const COUNTER: Option<RequestCounter> = Some(RequestCounter::Validate);
    type Config = ValidateConfig;
    type Event = GatewayEvent;

    fn configure(reader: &mut Reader<'_>) -> ValidateConfig {
        ValidateConfig::read(reader)
    }

    async fn start(config: ValidateConfig, platform: Platform) -> Result<Service, Vec<Problem>> {
        let state =
            ValidateState::start(config, platform).await.map_err(|problem| vec![problem])?;
        let health = Health::new(state.keys(), None);
        let secrets = state.secrets();
        Ok(Service::new(router(state), health).watching(secrets))
    }
}
