//! The Service of Knative, with what its webhook and its defaults refuse. From its sources:
//! `pkg/apis/serving/fieldmask.go`, `k8s_validation.go`, `pkg/apis/autoscaling`.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{
        ConfigMapVolumeSource, EmptyDirVolumeSource, EnvFromSource, EnvVar, LocalObjectReference,
        Probe, ProjectedVolumeSource, ResourceRequirements, SecretVolumeSource, SecurityContext,
        VolumeMount,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use serde::Deserialize;
use serde_json::Value;

use crate::document::read;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "that they are there is what matters")]
struct KnativeService {
    api_version: String,
    kind: String,
    metadata: ObjectMeta,
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Spec {
    template: Template,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Template {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: RevisionSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "that they are there is what matters")]
struct RevisionSpec {
    service_account_name: Option<String>,
    automount_service_account_token: Option<bool>,
    enable_service_links: Option<bool>,
    #[serde(default)]
    image_pull_secrets: Vec<LocalObjectReference>,
    container_concurrency: Option<u32>,
    timeout_seconds: Option<u32>,
    containers: Vec<Container>,
    #[serde(default)]
    volumes: Vec<Volume>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "that they are there is what matters")]
struct Container {
    name: String,
    image: String,
    image_pull_policy: Option<String>,
    command: Option<Vec<String>>,
    args: Option<Vec<String>>,
    working_dir: Option<String>,
    #[serde(default)]
    ports: Vec<Port>,
    #[serde(default)]
    env: Vec<EnvVar>,
    #[serde(default)]
    env_from: Vec<EnvFromSource>,
    #[serde(default)]
    volume_mounts: Vec<VolumeMount>,
    readiness_probe: Option<Probe>,
    liveness_probe: Option<Probe>,
    startup_probe: Option<Probe>,
    resources: Option<ResourceRequirements>,
    security_context: Option<SecurityContext>,
    termination_message_path: Option<String>,
    termination_message_policy: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Port {
    #[serde(rename = "containerPort")]
    number: u16,
    name: Option<String>,
    protocol: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "that they are there is what matters")]
struct Volume {
    name: String,
    secret: Option<SecretVolumeSource>,
    config_map: Option<ConfigMapVolumeSource>,
    projected: Option<ProjectedVolumeSource>,
    empty_dir: Option<EmptyDirVolumeSource>,
}

/// What Knative, or the restricted profile of Kubernetes, would refuse.
pub(crate) fn problems(document: &Value) -> Vec<String> {
    let (service, mut problems) = read::<KnativeService>(document);
    if let Some(service) = service {
        let template = service.spec.template;
        check_template(&template, &mut problems);
        for container in &template.spec.containers {
            check_container(container, &template.spec.volumes, &mut problems);
        }
    }
    problems
}

fn check_template(template: &Template, problems: &mut Vec<String>) {
    let mut refuse = |wrong: bool, why: &str| {
        if wrong {
            problems.push(why.into());
        }
    };
    let (metadata, spec) = (&template.metadata, &template.spec);
    refuse(metadata.name.is_some(), "a named revision is refused the second time");
    refuse(spec.timeout_seconds.is_some_and(|seconds| seconds > 600), "timeoutSeconds over 600");
    refuse(spec.container_concurrency.is_some_and(|limit| limit > 1000), "containerConcurrency");
    refuse(spec.automount_service_account_token != Some(false), "a token would be mounted");
    let ports: usize = spec.containers.iter().map(|container| container.ports.len()).sum();
    refuse(ports > 1, "more than one port over all containers");
    refuse(spec.containers.len() != 1, "one container is meant");
    let none = BTreeMap::new();
    let annotations = metadata.annotations.as_ref().unwrap_or(&none);
    let full_duplex = annotations.get("features.knative.dev/http-full-duplex");
    refuse(full_duplex.map(String::as_str) != Some("Enabled"), "queue-proxy waits for bodies");
    let scale = |name: &str| -> Option<Result<u32, _>> {
        annotations.get(&format!("autoscaling.knative.dev/{name}")).map(|value| value.parse())
    };
    match (scale("min-scale"), scale("max-scale")) {
        (Some(Ok(min)), Some(Ok(max))) => refuse(max < min, "min-scale is more than max-scale"),
        (None, _) | (_, None) => refuse(true, "min-scale and max-scale are to be said"),
        _ => refuse(true, "min-scale and max-scale are numbers, 0 or more"),
    }
}

fn check_container(container: &Container, volumes: &[Volume], problems: &mut Vec<String>) {
    let mut refuse = |wrong: bool, why: String| {
        if wrong {
            problems.push(why);
        }
    };
    for port in &container.ports {
        let named = matches!(port.name.as_deref(), None | Some("" | "http1" | "h2c"));
        refuse(!named, format!("a port is called http1 or h2c, not {:?}", port.name));
        let reserved = [8012, 8013, 8022, 9090, 9091].contains(&port.number);
        refuse(reserved, format!("{} is queue-proxy's port", port.number));
        refuse(port.protocol.as_deref().unwrap_or("TCP") != "TCP", "a port is TCP".into());
    }
    for variable in &container.env {
        let reserved = ["PORT", "K_SERVICE", "K_CONFIGURATION", "K_REVISION"];
        refuse(
            reserved.contains(&variable.name.as_str()),
            format!("{} is reserved", variable.name),
        );
        let source = variable.value_from.as_ref();
        let refers = source
            .is_some_and(|from| from.field_ref.is_some() || from.resource_field_ref.is_some());
        refuse(refers, format!("{}: the downward API is refused", variable.name));
        let secret = ["JWT_SECRET", "MYSQL_PASSWORD", "DATABASE_URL"];
        let plain = variable.value.is_some() && secret.contains(&variable.name.as_str());
        refuse(plain, format!("{}: a secret in the environment", variable.name));
    }
    for mount in &container.volume_mounts {
        let there = volumes.iter().any(|volume| volume.name == mount.name);
        refuse(!there, format!("{} is no volume", mount.name));
        refuse(mount.read_only != Some(true), format!("{} can be written to", mount.name));
    }
    for (name, probe) in
        [("readiness", &container.readiness_probe), ("liveness", &container.liveness_probe)]
    {
        let Some(probe) = probe else {
            refuse(true, format!("no {name} probe"));
            continue;
        };
        // Without a period queue-proxy asks every 50 ms.
        refuse(probe.period_seconds.is_none(), format!("{name}: no period"));
        refuse(probe.http_get.is_none(), format!("{name}: no path"));
    }
    check_rights(container, &mut refuse);
}

/// The restricted profile, and limits.
fn check_rights(container: &Container, refuse: &mut impl FnMut(bool, String)) {
    let Some(rights) = &container.security_context else {
        refuse(true, "no securityContext".into());
        return;
    };
    let all = rights.capabilities.as_ref().and_then(|them| them.drop.as_deref());
    refuse(all != Some(&["ALL".to_owned()]), "capabilities are kept".into());
    refuse(rights.allow_privilege_escalation != Some(false), "allowPrivilegeEscalation".into());
    refuse(rights.read_only_root_filesystem != Some(true), "the root can be written to".into());
    refuse(rights.run_as_non_root != Some(true), "runAsNonRoot".into());
    refuse(rights.run_as_user.is_none_or(|user| user == 0), "root".into());
    refuse(rights.seccomp_profile.is_none(), "no seccompProfile".into());
    let resources = container.resources.as_ref();
    let has =
        |limits: Option<&BTreeMap<_, _>>| limits.is_some_and(|all| all.contains_key("memory"));
    refuse(!has(resources.and_then(|it| it.limits.as_ref())), "no limit of memory".into());
    refuse(!has(resources.and_then(|it| it.requests.as_ref())), "no request of memory".into());
}
