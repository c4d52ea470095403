//! What an operator deploys on Lambda: the template, and the functions as SAM builds them.

mod artefacts;
mod template;
