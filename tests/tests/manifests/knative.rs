//! The Service of Knative, with what its webhook and its defaults refuse. From its sources:
//! `pkg/apis/serving/fieldmask.go`, `k8s_validation.go`, `pkg/apis/autoscaling`.

use k8s_openapi::{api::core::v1::PodTemplateSpec, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use serde_json::Value;

use crate::document::misfits;

/// Where a document has which members. All but the first three are fewer than Kubernetes has.
const MEMBERS: [(&str, &str); 7] = [
    ("", "apiVersion kind metadata spec"),
    ("/spec", "template"),
    ("/spec/template", "metadata spec"),
    (
        "/spec/template/spec",
        "serviceAccountName automountServiceAccountToken enableServiceLinks imagePullSecrets \
         containerConcurrency timeoutSeconds containers volumes",
    ),
    (
        "/spec/template/spec/containers/0",
        "name image imagePullPolicy command args workingDir ports env envFrom volumeMounts \
         readinessProbe livenessProbe startupProbe resources securityContext \
         terminationMessagePath terminationMessagePolicy",
    ),
    ("/spec/template/spec/containers/0/ports/0", "containerPort name protocol"),
    ("/spec/template/spec/volumes/*", "name secret configMap projected emptyDir"),
];

/// Members of a container, what they have to be, and what it would be otherwise. Among them is the
/// restricted profile of Kubernetes.
const SET: [(&str, &str, &str); 6] = [
    ("/securityContext/allowPrivilegeEscalation", "false", "allowPrivilegeEscalation"),
    ("/securityContext/capabilities/drop", r#"["ALL"]"#, "capabilities are kept"),
    ("/securityContext/readOnlyRootFilesystem", "true", "the root can be written to"),
    ("/securityContext/runAsNonRoot", "true", "runAsNonRoot"),
    ("/securityContext/runAsUser", "65532", "root, or a user that the image does not have"),
    ("/securityContext/seccompProfile/type", r#""RuntimeDefault""#, "no seccompProfile"),
];

/// Members that a container has in any case. Without a period queue-proxy probes every 50 ms.
const THERE: [(&str, &str); 6] = [
    ("/readinessProbe/httpGet/path", "no readiness probe"),
    ("/readinessProbe/periodSeconds", "readiness: no period"),
    ("/livenessProbe/httpGet/path", "no liveness probe"),
    ("/livenessProbe/periodSeconds", "liveness: no period"),
    ("/resources/limits/memory", "no limit of memory"),
    ("/resources/requests/memory", "no request of memory"),
];

/// What Knative, or the restricted profile of Kubernetes, would refuse.
pub(crate) fn problems(document: &Value) -> Vec<String> {
    let (template, spec) = (&document["spec"]["template"], &document["spec"]["template"]["spec"]);
    let container = &spec["containers"][0];
    let mut problems = unknown_members(document);
    problems.extend(misfits::<ObjectMeta>(&document["metadata"]));
    problems.extend(misfits::<PodTemplateSpec>(&without_members_of_knative(template)));
    let mut refuse = |wrong: bool, why: &str| {
        if wrong {
            problems.push(why.to_owned());
        }
    };
    for (path, value, why) in SET {
        let given = container.pointer(path).map(Value::to_string);
        refuse(given.as_deref() != Some(value), why);
    }
    for (path, why) in THERE {
        refuse(container.pointer(path).is_none_or(Value::is_null), why);
    }
    check_template(template, &mut refuse);
    list(&container["env"]).for_each(|variable| check_variable(variable, &mut refuse));
    list(&container["ports"]).for_each(|port| check_port(port, &mut refuse));
    for mount in list(&container["volumeMounts"]) {
        let there = list(&spec["volumes"]).any(|volume| volume["name"] == mount["name"]);
        refuse(!there, "a mount of no volume");
        refuse(mount["readOnly"] != true, "a mount can be written to");
    }
    problems
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn unknown_members(document: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, known) in MEMBERS {
        let places: Vec<&Value> = match path.strip_suffix("/*") {
            Some(all) => document.pointer(all).map_or_else(Vec::new, |them| list(them).collect()),
            None => document.pointer(path).into_iter().collect(),
        };
        let members = places.into_iter().filter_map(Value::as_object).flat_map(|it| it.keys());
        let unknown = members.filter(|member| !known.split(' ').any(|it| it == *member));
        problems.extend(unknown.map(|member| format!("unknown field: {path}/{member}")));
    }
    problems
}

/// What is left is a template of a pod.
fn without_members_of_knative(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(spec) = template["spec"].as_object_mut() {
        spec.retain(|member, _| !["containerConcurrency", "timeoutSeconds"].contains(&&**member));
    }
    template
}

fn check_template(template: &Value, refuse: &mut impl FnMut(bool, &str)) {
    let (metadata, spec) = (&template["metadata"], &template["spec"]);
    refuse(!metadata["name"].is_null(), "a named revision is refused the second time");
    for (name, limit) in [("timeoutSeconds", 600), ("containerConcurrency", 1000)] {
        let is_good = spec[name].is_null() || spec[name].as_u64().is_some_and(|it| it <= limit);
        refuse(!is_good, &format!("{name} is no number up to {limit}"));
    }
    refuse(spec["automountServiceAccountToken"] != false, "a token would be mounted");
    refuse(list(&spec["containers"]).count() != 1, "one container is meant");
    let annotation = |name: &str| metadata["annotations"][name].as_str();
    let full_duplex = annotation("features.knative.dev/http-full-duplex");
    refuse(full_duplex != Some("Enabled"), "queue-proxy waits for bodies");
    let [min, max] = ["min-scale", "max-scale"]
        .map(|name| annotation(&format!("autoscaling.knative.dev/{name}")).map(str::parse::<u32>));
    match (min, max) {
        (Some(Ok(min)), Some(Ok(max))) => refuse(max < min, "min-scale is more than max-scale"),
        (None, _) | (_, None) => refuse(true, "min-scale and max-scale are to be said"),
        _ => refuse(true, "min-scale and max-scale are numbers, 0 or more"),
    }
    refuse(list(&spec["containers"][0]["ports"]).count() > 1, "more than one port");
}

fn check_port(port: &Value, refuse: &mut impl FnMut(bool, &str)) {
    let is_one_of = |member: &str, good: &[&str]| {
        port[member].is_null() || port[member].as_str().is_some_and(|it| good.contains(&it))
    };
    refuse(!is_one_of("name", &["", "http1", "h2c"]), "a port is called http1 or h2c");
    refuse(!is_one_of("protocol", &["TCP"]), "a port is TCP");
    let number = port["containerPort"].as_u64();
    let is_reserved = number.is_some_and(|it| [8012, 8013, 8022, 9090, 9091].contains(&it));
    refuse(is_reserved, "queue-proxy's port");
}

fn check_variable(variable: &Value, refuse: &mut impl FnMut(bool, &str)) {
    let is_one_of =
        |names: &[&str]| variable["name"].as_str().is_some_and(|it| names.contains(&it));
    refuse(is_one_of(&["PORT", "K_SERVICE", "K_CONFIGURATION", "K_REVISION"]), "a reserved name");
    let source = &variable["valueFrom"];
    let refers = source.get("fieldRef").or_else(|| source.get("resourceFieldRef")).is_some();
    refuse(refers, "the downward API is refused");
    let is_secret = is_one_of(&["JWT_SECRET", "MYSQL_PASSWORD", "DATABASE_URL"]);
    refuse(is_secret && !variable["value"].is_null(), "a secret in the environment");
}
