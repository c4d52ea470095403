//! What an operator deploys on Lambda: the template, and the functions as they are given to it.

mod access;
mod artefacts;
mod template;
