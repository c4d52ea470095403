//! `HTTPRoute` and `ReferenceGrant` of the Gateway API, with the fields that are of use here and no
//! others. From its sources, experimental channel: `apis/v1/httproute_types.go`,
//! `apis/v1beta1/referencegrant_types.go`. (The crate `gateway-api` has them all, for another
//! version of `k8s-openapi`, and takes unknown fields.)

use serde::Deserialize;
use serde_json::Value;

use crate::{document::read, istio::Resource};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "that they are there is what matters")]
struct HttpRoute {
    parent_refs: Vec<Reference>,
    hostnames: Vec<String>,
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that they are there is what matters")]
struct Reference {
    name: String,
    namespace: Option<String>,
    port: Option<u16>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "that they are there is what matters")]
struct Rule {
    matches: Vec<Match>,
    #[serde(default)]
    filters: Vec<Filter>,
    backend_refs: Vec<Reference>,
    timeouts: Option<Timeouts>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Match {
    path: PathMatch,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PathMatch {
    #[serde(rename = "type")]
    kind: PathKind,
    value: String,
}

#[derive(Deserialize, PartialEq)]
enum PathKind {
    Exact,
    PathPrefix,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that it is there is what matters")]
struct Timeouts {
    request: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
enum Filter {
    ExternalAuth {
        #[serde(rename = "externalAuth")]
        external_auth: ExternalAuth,
    },
}

/// Without `forwardBody`: no body is sent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "that they are there is what matters")]
struct ExternalAuth {
    protocol: Protocol,
    backend_ref: Reference,
    http: HttpAuth,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Protocol {
    Http,
}

/// Without `allowedHeaders`: of the client's, `Authorization` is sent in any case.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HttpAuth {
    path: String,
    allowed_response_headers: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that they are there is what matters")]
struct ReferenceGrant {
    from: Vec<From>,
    to: Vec<To>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that they are there is what matters")]
struct From {
    group: String,
    kind: String,
    namespace: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that they are there is what matters")]
struct To {
    group: String,
    kind: String,
    name: String,
}

/// What the Gateway API would refuse, or what would let somebody through.
pub(crate) fn problems(document: &Value) -> Vec<String> {
    match document["kind"].as_str() {
        Some("HTTPRoute") => {
            let (route, mut problems) = read::<Resource<HttpRoute>>(document);
            for rule in route.map(|route| route.spec.rules).unwrap_or_default() {
                problems.extend(check(&rule));
            }
            problems
        }
        Some("ReferenceGrant") => read::<Resource<ReferenceGrant>>(document).1,
        other => vec![format!("{other:?} is not known here")],
    }
}

fn check(rule: &Rule) -> Option<String> {
    let is_login = |it: &Match| it.path.kind == PathKind::Exact && it.path.value == "/login";
    let Some(Filter::ExternalAuth { external_auth }) = rule.filters.first() else {
        let free = rule.matches.iter().all(is_login) && !rule.matches.is_empty();
        return (!free).then(|| "without a token is more than /login".into());
    };
    let http = &external_auth.http;
    if http.path != "/validate" {
        return Some("only below /validate every path asks for a token".into());
    }
    let headers = ["X-Auth-Request-User", "X-Auth-Request-Groups"];
    (http.allowed_response_headers != headers).then(|| "the identity headers are copied".into())
}
