//! Refusals: what is described is what [`Refusal`] says.

use std::collections::BTreeMap;

use axum::http::{HeaderName, HeaderValue};
use serde_json::Value;
use utoipa::openapi::{
    ContentBuilder, Header, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder,
    Type, example::ExampleBuilder,
};

use super::{Responses, always, constant, media_type};
use crate::respond::{PROBLEM, Refusal, TEXT, problem_body};

/// The responses of these refusals, those of one status together.
#[must_use]
pub fn refusals(refusals: &[Refusal]) -> Responses {
    let mut by_status = BTreeMap::<String, Vec<Refusal>>::new();
    for refusal in refusals {
        by_status.entry(refusal.status().as_str().to_owned()).or_default().push(*refusal);
    }
    by_status.into_iter().map(|(status, refusals)| (status, response(&refusals))).collect()
}

/// What the HTTP server itself answers to a head that it does not read. It has no body, and
/// on Lambda it never comes.
#[must_use]
pub fn no_content() -> Responses {
    let response = |description: &str| RefOr::T(Response::new(description));
    Responses::from([
        ("400".into(), response("Over HTTP: the head is not that of an HTTP/1.1 request.")),
        ("431".into(), response("Over HTTP: the head is larger than 16 KiB.")),
    ])
}

/// What the router answers to other methods on a path that has GET alone.
#[must_use]
pub fn allow_get() -> Responses {
    let allow = constant("The methods of this path.", &HeaderValue::from_static("GET,HEAD"));
    let response = ResponseBuilder::new().description("Another method.").header("Allow", allow);
    Responses::from([("405".into(), response.into())])
}

fn response(refusals: &[Refusal]) -> RefOr<Response> {
    let meanings: Vec<String> = refusals
        .iter()
        .map(|refusal| format!("`{}`: {}", refusal.text(), meaning(*refusal)))
        .collect();
    let texts = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(refusals.iter().map(|refusal| refusal.text())));
    let text = examples(texts.into(), refusals, |refusal| refusal.text().into());
    let schema = RefOr::Ref(Ref::from_schema_name("Problem"));
    let problem = examples(schema, refusals, |refusal| {
        serde_json::from_str(&problem_body(refusal.status(), refusal.text())).unwrap_or_default()
    });
    let mut response = ResponseBuilder::new()
        .description(meanings.join("\n\n"))
        .content(media_type(&TEXT), text)
        .content(media_type(&PROBLEM), problem);
    let headers = refusals.iter().filter_map(|refusal| refusal.header());
    for (name, header) in headers.filter_map(|(name, value)| describe(&name, &value)) {
        response = response.header(name, header);
    }
    response.into()
}

/// One example for each refusal, by its text.
fn examples(
    schema: RefOr<utoipa::openapi::Schema>,
    refusals: &[Refusal],
    body: fn(&Refusal) -> Value,
) -> utoipa::openapi::Content {
    let content = ContentBuilder::new().schema(Some(schema));
    match refusals {
        [refusal] => content.example(Some(body(refusal))),
        refusals => content.examples_from_iter(refusals.iter().map(|refusal| {
            let example = ExampleBuilder::new().value(Some(body(refusal)));
            (refusal.text(), example.build())
        })),
    }
    .build()
}

/// A header by its usual spelling. `Connection` is about one hop and not about the answer.
fn describe(name: &HeaderName, value: &HeaderValue) -> Option<(&'static str, Header)> {
    Some(match name.as_str() {
        "www-authenticate" => {
            ("WWW-Authenticate", constant("The scheme that is asked for, and its realm.", value))
        }
        "allow" => ("Allow", constant("The methods of this path.", value)),
        "retry-after" => {
            let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
            let header = HeaderBuilder::new().schema(Some(seconds));
            let header = header.description(Some("Try again after so many seconds."));
            let example: Option<u64> = value.to_str().ok().and_then(|value| value.parse().ok());
            ("Retry-After", always(header.example(example.map(Into::into))))
        }
        _ => return None,
    })
}

/// What it says to a person.
const fn meaning(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::MissingBasic => "there is not exactly one usable header `Authorization: Basic`.",
        Refusal::InvalidCredentials => {
            "nobody has this e-mail, or the password is wrong. Both take as long."
        }
        Refusal::TooManyAttempts(_) => {
            "too many failures in a row for this e-mail, or from this source. Right or wrong, \
             no password is looked at until the time in `Retry-After` is over."
        }
        Refusal::MissingBearer => "there is not exactly one usable header `Authorization: Bearer`.",
        Refusal::NotAuthorized => {
            "the token does not verify: expired, forged, or not a token. The log says which."
        }
        Refusal::ServiceUnavailable => {
            "what this needs is out of reach, or too many wait. Try again."
        }
        Refusal::MethodNotAllowed(_) => "another method.",
        Refusal::NotFound => "there is no such path here.",
    }
}
