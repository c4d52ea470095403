//! `validate` on one core and on two.

use crate::{
    contender::Contender,
    machine::cores,
    plan::Plan,
    report::{Row, Section, Target, Unit},
    sections::services::validate,
    server::{function, on_cores},
};

const CONNECTIONS: usize = 64;

pub(super) fn measure(section: &mut Section, plan: Plan) {
    if cores() < 2 {
        section.note("There is one core: what a second one brings was not measured.");
        return;
    }
    for algorithm in ["HS256", "ES256"] {
        let start = |place: &str, cores| {
            let name = format!("validate, {algorithm}, {place}");
            validate(&name, &on_cores(cores, &function("validate")), algorithm, "info")
        };
        let mut one = start("on one core", "0");
        let mut two = start("on two cores", "0,1");
        plan.each_round(&format!("{algorithm} on one core and on two"), || {
            one.measure(CONNECTIONS, plan.time);
            two.measure(CONNECTIONS, plan.time);
        });
        rows(section, algorithm, &one, &two);
    }
    section.note(
        "wrk needs a core of its own while validate has one, and shares both while it has two: on \
         a machine of two cores the requests a second tell how much wrk left over. What the second \
         core brings is therefore worked out as 2 × CPU a request on one core ÷ CPU a request on \
         two. A check of ES256 takes longer than wrk's part of a request, so that its requests a \
         second come nearer to that.",
    );
}

fn rows(section: &mut Section, algorithm: &str, one: &Contender, two: &Contender) {
    let contended = two.rate.ratio_to(&one.rate);
    section.rows.push(one.rate_row());
    section.rows.push(two.rate_row().beside(&one.name, &contended));
    section.rows.extend([one.cpu_row(), two.cpu_row()]);
    let scale = one.cpu.ratio_to(&two.cpu).times(2.0);
    let what = format!("validate, {algorithm}, two cores by CPU a request");
    section.rows.push(Row::new(&what, Unit::Times, &scale).target(Target::AtLeast(1.8)));
}
