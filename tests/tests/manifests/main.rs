//! `k8s-knative/`: every overlay builds, and every document in it is one that Kubernetes and
//! Knative would take. And so are the manifests in `examples/gateways/`.

mod built;
mod document;
mod gateway_api;
mod gateways;
mod istio;
mod knative;
mod overlays;
mod planted;
mod references;
mod scripts;
