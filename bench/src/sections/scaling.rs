//! More cores, more connections, more users.

mod connections;
mod processors;
mod users;

use crate::{plan::Plan, report::Section};

pub(crate) fn measure(plan: Plan) -> Section {
    let mut section = Section::new("scaling");
    processors::measure(&mut section, plan);
    connections::measure(&mut section, plan);
    users::measure(&mut section, plan);
    section
}
