//! What became of a request: the name under which it is logged and counted.

use std::borrow::Cow;

/// What happened, attached to a response by `respond`.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub(crate) name: OutcomeName,
    /// The user that it was about, where that is known and verified.
    pub(crate) user_id: Option<String>,
    /// Why, for the operator alone.
    pub reason: Option<Cow<'static, str>>,
}

/// Every outcome that there is: a closed set, so that a counter for each is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutcomeName {
    LoginSuccess,
    LoginFail,
    LoginFailMax,
    TokenVerified,
    AuthzFail,
    KeySet,
    OpenidConfiguration,
    CredentialsMissing,
    ServiceUnavailable,
    MethodNotAllowed,
    NotFound,
    ClientClosedRequest,
}

impl OutcomeName {
    /// The name in logs and metrics, from the OWASP logging vocabulary where it has one.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::LoginSuccess => "authn_login_success",
            Self::LoginFail => "authn_login_fail",
            Self::LoginFailMax => "authn_login_fail_max",
            Self::TokenVerified => "authn_token_verified",
            Self::AuthzFail => "authz_fail",
            Self::KeySet => "key_set",
            Self::OpenidConfiguration => "openid_configuration",
            Self::CredentialsMissing => "authn_credentials_missing",
            Self::ServiceUnavailable => "service_unavailable",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::NotFound => "not_found",
            Self::ClientClosedRequest => "client_closed_request",
        }
    }
}
