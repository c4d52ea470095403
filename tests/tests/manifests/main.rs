//! `k8s-knative/`: every overlay builds, and every document in it is one that Kubernetes and
//! Knative would take. And so are the manifests in `examples/gateways/`.

mod document;
mod examples;
mod knative;
mod kustomize;
mod overlays;
mod planted;
mod references;
mod scripts;
