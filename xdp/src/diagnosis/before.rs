//! Before the bind: what would go wrong.

use super::facts::Facts;
use super::machine::{self, Machine, Wants};
use super::{Config, Diagnosis, Finding, Kernel, far_node, link, mode, programs, queues, sizes};
use crate::device::InterfaceRef;
use crate::umem::HugePages;

/// Says what would go wrong if a socket were bound to an interface with these settings, and what would be worse than
/// need be. Nothing is changed, made or bound.
///
/// It looks at the calling thread's privileges and network namespace. What the thread may not see is not said.
///
/// ```no_run
/// use xdp::QueueId;
/// use xdp::diagnosis::{Config, diagnose};
///
/// for finding in &diagnose("eth0", &Config::new(QueueId(0))) {
///     println!("{finding}");
/// }
/// ```
pub fn diagnose<'a>(interface: impl Into<InterfaceRef<'a>>, config: &Config) -> Diagnosis {
    let machine = Machine::look();
    let mut found = of_machine(&machine, config);
    found.extend(sizes::check(config));
    match Facts::of(interface.into()) {
        Ok(facts) => found.extend(of_interface(&facts, config, &machine)),
        Err(error) => found.push(link::not_found(&error)),
    }
    Diagnosis::new(found)
}

fn of_machine(machine: &Machine, config: &Config) -> Vec<Finding> {
    let wants = Wants {
        program: config.attaches(),
        locked: config.locked_memory(),
        huge_pages: if config.huge_pages == HugePages::Never { 0 } else { config.locked_memory() },
    };
    let mut found = Vec::new();
    found.extend((Kernel::has_af_xdp() == Some(false)).then(machine::no_af_xdp));
    found.extend(machine.check(&wants));
    found
}

fn of_interface(facts: &Facts, config: &Config, machine: &Machine) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(link::state(facts));
    found.extend(queues::check(facts, config));
    found.extend(programs::check(facts, config));
    found.extend(mode::check(facts, config, machine));
    found.extend(link::frame_fits(facts, config));
    found.extend(link::place(facts, config));
    found.extend(sizes::fill_ring(facts, config));
    found.extend(sizes::send_buffer(config, sizes::send_buffer_to_be_had(machine)));
    found.extend(far_node::check(&facts.interface));
    found
}
