//! The resources of Istio, with the fields that are of use here and no others. From its sources:
//! `mesh/v1alpha1/config.proto`, `security/v1beta1/authorization_policy.proto`,
//! `networking/v1alpha3/virtual_service.proto`, `networking/v1alpha3/envoy_filter.proto`.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;

use crate::document::read;

/// A resource with a specification of this type.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "that they are there is what matters")]
pub(crate) struct Resource<T> {
    api_version: String,
    kind: String,
    metadata: ObjectMeta,
    pub(crate) spec: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Operator {
    mesh_config: MeshConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MeshConfig {
    extension_providers: Vec<ExtensionProvider>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "that they are there is what matters")]
struct ExtensionProvider {
    name: String,
    envoy_ext_authz_http: ExtAuthzHttp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "that they are there is what matters")]
struct ExtAuthzHttp {
    service: String,
    port: u16,
    path_prefix: String,
    timeout: String,
    fail_open: bool,
    status_on_error: String,
    include_request_headers_in_check: Vec<String>,
    headers_to_upstream_on_allow: Vec<String>,
    headers_to_downstream_on_deny: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "that they are there is what matters")]
struct AuthorizationPolicy {
    selector: Selector,
    action: Action,
    provider: Named,
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "that they are there is what matters")]
struct Selector {
    match_labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Action {
    Custom,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that it is there is what matters")]
struct Named {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    to: Vec<To>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct To {
    operation: Operation,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Operation {
    not_paths: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that they are there is what matters")]
struct VirtualService {
    gateways: Vec<String>,
    hosts: Vec<String>,
    http: Vec<HttpRoute>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that they are there is what matters")]
struct HttpRoute {
    #[serde(default, rename = "match")]
    matches: Vec<HttpMatch>,
    route: Vec<RouteDestination>,
    timeout: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpMatch {
    uri: StringMatch,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StringMatch {
    exact: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that it is there is what matters")]
struct RouteDestination {
    destination: Destination,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that they are there is what matters")]
struct Destination {
    host: String,
    port: PortSelector,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that it is there is what matters")]
struct PortSelector {
    number: u16,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "that they are there is what matters")]
struct EnvoyFilter {
    workload_selector: WorkloadSelector,
    config_patches: Vec<ConfigPatch>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that they are there is what matters")]
struct WorkloadSelector {
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "that they are there is what matters")]
struct ConfigPatch {
    apply_to: String,
    #[serde(rename = "match")]
    matches: Value,
    patch: Patch,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that they are there is what matters")]
struct Patch {
    operation: String,
    value: Value,
}

/// What Istio would refuse, or what would let somebody through.
pub(crate) fn problems(document: &Value) -> Vec<String> {
    match document["kind"].as_str() {
        Some("IstioOperator") => {
            let (operator, problems) = read::<Resource<Operator>>(document);
            let mesh = operator.map(|operator| operator.spec.mesh_config);
            let providers = mesh.map(|mesh| mesh.extension_providers).unwrap_or_default();
            let wrong = providers.iter().flat_map(|it| provider(&it.envoy_ext_authz_http));
            problems.into_iter().chain(wrong).collect()
        }
        Some("AuthorizationPolicy") => {
            let (policy, mut problems) = read::<Resource<AuthorizationPolicy>>(document);
            let rules = policy.map(|policy| policy.spec.rules).unwrap_or_default();
            let free =
                rules.iter().flat_map(|rule| &rule.to).flat_map(|to| &to.operation.not_paths);
            if !free.eq(["/login"]) {
                problems.push("without a token is more than /login".into());
            }
            problems
        }
        Some("VirtualService") => {
            let (service, mut problems) = read::<Resource<VirtualService>>(document);
            let routes = service.map(|service| service.spec.http).unwrap_or_default();
            let paths = routes.iter().flat_map(|route| &route.matches).map(|it| &it.uri.exact);
            if !paths.eq(["/login"]) {
                problems.push("login is at /login".into());
            }
            problems
        }
        Some("EnvoyFilter") => read::<Resource<EnvoyFilter>>(document).1,
        other => vec![format!("{other:?} is not known here")],
    }
}

fn provider(provider: &ExtAuthzHttp) -> Vec<String> {
    let headers = ["x-auth-request-user", "x-auth-request-groups"];
    let refused = [
        (provider.fail_open, "it fails open"),
        (provider.path_prefix != "/validate", "only below /validate every path asks for a token"),
        (!is_short(&provider.timeout), "no time within 5 s"),
        (provider.status_on_error != "503", "without an answer the status is 503"),
        (provider.include_request_headers_in_check != ["authorization"], "the token alone is sent"),
        (provider.headers_to_upstream_on_allow != headers, "the identity headers are copied"),
    ];
    refused.iter().filter(|(wrong, _)| *wrong).map(|(_, why)| (*why).into()).collect()
}

fn is_short(time: &str) -> bool {
    let seconds = time.strip_suffix('s').and_then(|seconds| seconds.parse::<f64>().ok());
    seconds.is_some_and(|seconds| seconds > 0.0 && seconds <= 5.0)
}
