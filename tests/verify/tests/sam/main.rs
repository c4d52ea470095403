//! What an operator deploys on Lambda: the template, and the functions as SAM builds them.

mod access;
mod artefacts;
mod template;
