//! `token inspect`

use std::{
    io,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::Subcommand;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use shared::{
    config::{KeyConfig, ProcessEnvironment, Reader, TokenConfig},
    keys::{KeyUse, Keys},
    secrets::Secrets,
    token::{TokenVerifier, VerifyError},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    answer::{Answer, Failure, shown},
    ask, database,
};

/// The claims that are times (RFC 7519 section 4.1), in the order in which they come.
const TIMES: [&str; 3] = ["iat", "nbf", "exp"];

/// What can be done with tokens.
#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    /// Show what a token says, and whether it is valid
    ///
    /// With `JWT_SECRET`, `JWT_SECRET_FILE` or `JWT_SECRET_ID` set, the token is verified as validate
    /// does it, `JWT_ISSUER` and `JWT_AUDIENCE` included, and the exit status is 1 if it is not
    /// valid. Without, it says so: anybody can have written what it shows.
    Inspect {
        /// The token, or - to read it from standard input
        token: SecretString,
    },
}

/// Shows what a token says, and whether it is valid where there is a key.
pub(crate) async fn inspect(token: SecretString) -> Result<Answer, Failure> {
    let verifier = configured_verifier().await?;
    let token = match token.expose_secret() {
        "-" => ask::first_line(io::stdin().lock())?,
        _ => token,
    };
    describe(token.expose_secret().trim(), verifier.as_ref(), SystemTime::now()).await
}

/// A verifier as `validate` has it, if a key is configured.
async fn configured_verifier() -> Result<Option<TokenVerifier>, Failure> {
    let sources = ["JWT_SECRET", "JWT_SECRET_FILE", "JWT_SECRET_ID"];
    let reader = Reader::new(&ProcessEnvironment);
    if !sources.iter().any(|name| reader.is_set(name)) {
        return Ok(None);
    }
    let (key, token) = database::read(|reader| {
        let key = KeyConfig::read(reader);
        let token = TokenConfig::read(reader);
        Some((key?, token?))
    })?;
    let keys = Keys::fetch(key, KeyUse::Verify, &Secrets::default()).await;
    let keys = keys.map_err(|problem| Failure::configuration(&[problem]))?;
    Ok(Some(TokenVerifier::new(keys, token)))
}

async fn describe(
    token: &str,
    verifier: Option<&TokenVerifier>,
    now: SystemTime,
) -> Result<Answer, Failure> {
    let (header, claims) = parts(token).ok_or_else(|| {
        Failure::because("this is not a token: three parts of Base64url, two of them JSON objects")
    })?;
    let times = times(&claims, now);
    let text = format!("header {}\nclaims {}\n{times}", pretty(header), pretty(claims));
    let Some(verifier) = verifier else {
        let hint = "not verified: set JWT_SECRET, JWT_SECRET_FILE or JWT_SECRET_ID";
        return Ok(Answer::good(format!("{text}{hint}")));
    };
    match verifier.verify(token, now).await {
        Ok(_) => Ok(Answer::good(format!("{text}valid"))),
        Err(VerifyError::Invalid(reason)) => Ok(Answer::bad(format!("{text}invalid: {reason}"))),
        Err(VerifyError::Keys(error)) => Err(Failure::configuration(&[error.into()])),
    }
}

/// Header and claims, unverified.
fn parts(token: &str) -> Option<(Map<String, Value>, Map<String, Value>)> {
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let (header, claims, _signature) = (parts.next()??, parts.next()??, parts.next()??);
    let object = |json: Vec<u8>| serde_json::from_slice(&json).ok();
    parts.next().is_none().then_some((object(header)?, object(claims)?))
}

/// The JSON in lines, without anything that a terminal would obey.
fn pretty(members: Map<String, Value>) -> String {
    let json = format!("{:#}", Value::Object(members));
    json.lines().map(shown).collect::<Vec<_>>().join("\n")
}

/// A line for each time in the claims.
fn times(claims: &Map<String, Value>, now: SystemTime) -> String {
    let line = |name: &&str| {
        let seconds = claims.get(*name)?.as_f64()?;
        let time = Duration::try_from_secs_f64(seconds).ok()?;
        Some(format!("{name} {}{}\n", utc(time)?, remark(name, time, now)))
    };
    TIMES.iter().filter_map(line).collect()
}

fn utc(since_1970: Duration) -> Option<String> {
    let seconds = i64::try_from(since_1970.as_secs()).ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()?.format(&Rfc3339).ok()
}

/// What a reader would have to compute.
fn remark(name: &str, time: Duration, now: SystemTime) -> &'static str {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    match (name, time > now) {
        ("exp", false) => " (behind)",
        ("iat" | "nbf", true) => " (ahead)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn times_are_readable() {
        let claims = r#"{"iat":1767323045,"nbf":1767323045.5,"exp":1767326645}"#;
        let claims: Map<String, Value> = serde_json::from_str(claims).unwrap();
        let lines =
            "iat 2026-01-02T03:04:05Z\nnbf 2026-01-02T03:04:05Z\nexp 2026-01-02T04:04:05Z\n";
        assert_eq!(times(&claims, at(1_767_323_046)), lines);
        assert!(times(&claims, at(1_767_326_645)).ends_with("exp 2026-01-02T04:04:05Z (behind)\n"));
        assert!(times(&claims, at(0)).starts_with("iat 2026-01-02T03:04:05Z (ahead)\n"));
    }

    #[test]
    fn absurd_times_are_left_to_the_json() {
        for time in ["-1", "1e300", "\"1\"", "null", "99999999999999"] {
            let claims = serde_json::from_str(&format!("{{\"exp\":{time}}}")).unwrap();
            assert_eq!(times(&claims, at(0)), "", "{time}");
        }
    }

    #[test]
    fn what_a_token_says_does_not_command_the_terminal() {
        let claims = serde_json::from_str("{\"username\":\"\u{9b}2J\"}").unwrap();
        assert_eq!(pretty(claims), "{\n  \"username\": \"\\u009b2J\"\n}");
    }

    #[tokio::test]
    async fn what_is_no_token_is_refused() {
        // `e30` is `{}`, `W10` is `[]` and `MQ` is `1`.
        for text in ["", "secret", "a.b.c", "e30.e30", "e30.e30.AA.x", "W10.e30.AA", "e30.MQ.AA"] {
            assert!(describe(text, None, at(0)).await.is_err(), "{text}");
        }
        assert!(describe("e30.e30.AA", None, at(0)).await.is_ok());
    }
}
