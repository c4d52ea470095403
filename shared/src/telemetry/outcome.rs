//! What became of a request: the name under which it is logged and counted.

use std::borrow::Cow;

/// What happened, attached to a response by `respond`.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What it is called.
    pub name: OutcomeName,
    /// Who it was about, where that is known and verified.
    pub user_id: Option<String>,
    /// Why, for the operator alone.
    pub reason: Option<Cow<'static, str>>,
}

/// Every outcome that there is. A closed set, so that a counter for each is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeName {
    /// `login`: a token was issued.
    LoginSuccess,
    /// `login`: unknown e-mail, wrong password or unusable hash.
    LoginFail,
    /// `login`: too many failures.
    LoginFailMax,
    /// `validate`: the token is good.
    TokenVerified,
    /// `validate`: the token does not verify.
    AuthzFail,
    /// `validate`: the public keys were given.
    KeySet,
    /// `validate`: the issuer's metadata were given.
    OpenidConfiguration,
    /// There was no usable `Authorization` header.
    CredentialsMissing,
    /// Something was out of reach, or too many waited.
    ServiceUnavailable,
    /// Another method.
    MethodNotAllowed,
    /// Another path.
    NotFound,
    /// The client hung up before its answer.
    ClientClosedRequest,
}

impl OutcomeName {
    /// All of them, each at the place that its discriminant says.
    pub const ALL: [Self; 12] = [
        Self::LoginSuccess,
        Self::LoginFail,
        Self::LoginFailMax,
        Self::TokenVerified,
        Self::AuthzFail,
        Self::KeySet,
        Self::OpenidConfiguration,
        Self::CredentialsMissing,
        Self::ServiceUnavailable,
        Self::MethodNotAllowed,
        Self::NotFound,
        Self::ClientClosedRequest,
    ];

    /// The name in logs and metrics, from the OWASP logging vocabulary where it has one.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_its_own_place_and_text() {
        for (place, name) in OutcomeName::ALL.into_iter().enumerate() {
            assert_eq!(name as usize, place);
            let same = OutcomeName::ALL.iter().filter(|it| it.as_str() == name.as_str());
            assert_eq!(same.count(), 1, "{name:?}");
        }
    }
}
