//! The events by which API Gateway asks an authorizer.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Request, Response, header::AUTHORIZATION},
};
use serde::Deserialize;
use shared::serve::{GatewayEvent, InvocationEvent};

use crate::answer::{Answer, Form, Unavailable};

/// An event of an HTTP API (payload 2.0) or of a REST API (`TOKEN` and `REQUEST`).
///
/// All but `TOKEN` describe the whole request, as API Gateway would send it to a function.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerEvent {
    /// `TOKEN` or `REQUEST`.
    r#type: Option<String>,
    /// REST: what is to be invoked.
    method_arn: Option<String>,
    /// `TOKEN`: the value of the header.
    authorization_token: Option<String>,
    /// HTTP API: what the gateway keeps an answer under, if it keeps any.
    #[serde(default)]
    identity_source: IdentitySource,
    #[serde(flatten)]
    request: GatewayEvent,
}

/// A list in payload 2.0, the same joined by commas in 1.0.
#[derive(Deserialize, Default)]
#[serde(untagged)]
enum IdentitySource {
    List(Vec<String>),
    Joined(String),
    #[default]
    None,
}

impl InvocationEvent for AuthorizerEvent {
    type Form = Form;
    type Answer = Answer;
    type Error = Unavailable;

    fn into_request(self) -> (Request<Body>, Form) {
        let form = self.method_arn.as_deref().map_or(Form::Simple, Form::policy);
        let (mut request, _) = self.request.into_request();
        let headers = request.headers_mut();
        if self.r#type.as_deref() == Some("TOKEN") {
            headers.clear();
            let value = self.authorization_token.unwrap_or_default();
            headers.extend(HeaderValue::from_str(&value).ok().map(|value| (AUTHORIZATION, value)));
        } else if !self.identity_source.includes_authorization(headers) {
            headers.remove(AUTHORIZATION);
        }
        (request, form)
    }

    async fn answer(form: Form, response: Response<Body>) -> Result<Answer, Unavailable> {
        form.answer(response).await
    }

    fn answer_unreadable() -> Result<Answer, Unavailable> {
        Ok(Form::Simple.refused())
    }
}

impl IdentitySource {
    /// Whether an answer is kept for this very token. If it were kept under something else,
    /// such as another header, whoever sent that would pass with no token at all.
    fn includes_authorization(&self, headers: &HeaderMap) -> bool {
        let is_kept_under = |value: &str| match self {
            Self::List(values) => values.iter().any(|it| it == value),
            Self::Joined(values) => values.split(',').any(|it| it == value),
            Self::None => true,
        };
        let mut values = headers.get_all(AUTHORIZATION).iter();
        values.all(|value| value.to_str().is_ok_and(is_kept_under))
    }
}
