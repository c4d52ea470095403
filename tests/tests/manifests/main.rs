//! `k8s-knative/`: every overlay builds, and every document in it is one that Kubernetes and
//! Knative would take.

mod built;
mod document;
mod knative;
mod overlays;
mod planted;
mod references;
mod scripts;
