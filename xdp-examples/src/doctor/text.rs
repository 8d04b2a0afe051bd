//! The report for people.

use std::fmt;

use comfy_table::{ContentArrangement, Table, presets};

use super::Report;
use super::finding::FindingReport;
use super::interface::{InterfaceReport, ModesReport};
use super::machine::MachineReport;

/// Columns of the table, at most.
const WIDTH: u16 = 140;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.machine)?;
        for finding in &self.findings {
            write!(f, "{finding}")?;
        }
        writeln!(f, "\n{}", table(&self.interfaces))?;
        for interface in &self.interfaces {
            write!(f, "\n{interface}")?;
            if interface.findings.is_empty() {
                writeln!(f, "  nothing is in the way")?;
            }
            for finding in &interface.findings {
                write!(f, "{finding}")?;
            }
        }
        if !self.unseen.is_empty() {
            writeln!(f, "\nnot seen")?;
        }
        for unseen in &self.unseen {
            writeln!(f, "  {unseen}")?;
        }
        Ok(())
    }
}

impl fmt::Display for MachineReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Linux {}, {} processors", self.kernel, self.processors)?;
        for (answer, label) in [(Some(true), "has"), (Some(false), "lacks"), (None, "not known")] {
            let features = self.features.iter().filter(|feature| feature.present == answer);
            let names: Vec<_> =
                features.map(|feature| format!("{} ({})", feature.name, feature.since)).collect();
            for (number, line) in lines(&names).into_iter().enumerate() {
                writeln!(f, "  {:<14} {line}", if number == 0 { label } else { "" })?;
            }
        }
        for (held, label) in [(Some(true), "may"), (Some(false), "may not"), (None, "perhaps may")] {
            for capability in self.capabilities.iter().filter(|capability| capability.held == held) {
                writeln!(f, "  {label:<14} {} ({})", capability.needed_for, capability.name)?;
            }
        }
        if self.in_initial_user_namespace == Some(false) {
            writeln!(f, "  {:<14} in a user namespace: its privileges do not count for programs", "but")?;
        }
        let kib =
            |bytes: Option<u64>| bytes.map_or("no limit".into(), |bytes| format!("{} KiB", bytes / 1024));
        let (soft, hard) = (kib(self.locked_memory), kib(self.locked_memory_hard));
        writeln!(f, "  {:<14} {soft}, may be raised to: {hard}", "locked memory")?;
        match (self.huge_pages, self.huge_pages_free) {
            (Some(all), Some(free)) => writeln!(f, "  {:<14} {all} of 2 MiB, {free} free", "huge pages")?,
            _ => writeln!(f, "  {:<14} none of 2 MiB", "huge pages")?,
        }
        match self.sockets {
            Some(sockets) => writeln!(f, "  {:<14} {sockets} on AF_XDP", "sockets"),
            None => writeln!(f, "  {:<14} this kernel does not list those of other processes", "sockets"),
        }
    }
}

impl fmt::Display for FindingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {:<8} {}", self.severity, self.summary)?;
        writeln!(f, "  {:<8} {}", "", self.reason)?;
        for remedy in &self.remedies {
            writeln!(f, "  {:<8} -> {remedy}", "")?;
        }
        Ok(())
    }
}

impl fmt::Display for InterfaceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", shown(&self.name))?;
        let mut facts = Vec::new();
        facts.extend(self.mac.clone());
        facts.extend(self.addresses.iter().cloned());
        facts.extend(self.peer.as_ref().map(|peer| format!("peer {}", shown(peer))));
        facts.extend(self.lower.as_ref().map(|lower| format!("above {}", shown(lower))));
        facts.extend(self.master.as_ref().map(|master| format!("port of {}", shown(master))));
        facts.extend(self.numa_node.map(|node| format!("NUMA node {node}")));
        facts.extend(self.has_default_route.then(|| "default route".to_owned()));
        facts.extend(self.rx_ring.as_ref().map(|ring| format!("rx ring {} of {}", ring.current, ring.max)));
        facts.extend(self.tx_ring.as_ref().map(|ring| format!("tx ring {} of {}", ring.current, ring.max)));
        facts.extend(self.programs.iter().map(|program| {
            let name = program.name.as_deref().map_or(String::new(), |name| format!(" {}", shown(name)));
            format!("program{name} (id {}) in {} mode", program.id, program.mode)
        }));
        facts
            .extend(self.occupied.iter().map(|taken| format!("queue {} taken by {}", taken.queue, taken.by)));
        writeln!(f, "  {}", facts.join(", "))
    }
}

/// Words with commas between them, in lines that fit a terminal.
fn lines(words: &[String]) -> Vec<String> {
    const MOST: usize = 100;
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < MOST => {
                line.push_str(", ");
                line.push_str(word);
            }
            Some(line) => {
                line.push(',');
                lines.push(word.clone());
            }
            None => lines.push(word.clone()),
        }
    }
    lines
}

fn table(interfaces: &[InterfaceReport]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header([
            "interface",
            "driver",
            "state",
            "MTU",
            "queues",
            "modes",
            "offloads",
            "program",
            "taken queues",
        ]);
    for interface in interfaces {
        table.add_row([
            shown(&interface.name),
            shown(interface.driver.as_ref().or(interface.kind.as_ref()).map_or("not known", String::as_str)),
            state(interface).to_owned(),
            interface.mtu.to_string(),
            queues(interface),
            interface.modes.as_ref().map_or("not known".into(), modes),
            offloads(interface),
            programs(interface),
            occupied(interface),
        ]);
    }
    table
}

/// A name as a terminal may have it: interfaces may be called anything.
fn shown(name: &str) -> String {
    name.escape_debug().to_string()
}

fn state(interface: &InterfaceReport) -> &'static str {
    match (interface.is_up, interface.has_carrier) {
        (false, _) => "down",
        (true, false) => "no carrier",
        (true, true) => "up",
    }
}

fn queues(interface: &InterfaceReport) -> String {
    let queues = &interface.queues;
    let most = |most: Option<u32>| most.map_or(String::new(), |most| format!(" of {most}"));
    format!("rx {}{}, tx {}{}", queues.rx, most(queues.rx_max), queues.tx, most(queues.tx_max))
}

fn modes(modes: &ModesReport) -> String {
    let answer = |name: &str, held| match held {
        Some(true) => Some(name.to_owned()),
        Some(false) => None,
        None => Some(format!("{name}?")),
    };
    let mut list = vec!["generic".to_owned()];
    list.extend(answer("native", modes.native));
    list.extend(answer("multi-buffer", modes.multi_buffer));
    list.extend(answer("zero-copy", modes.zero_copy));
    list.join(", ")
}

fn offloads(interface: &InterfaceReport) -> String {
    let on: Vec<_> =
        interface.offloads.iter().filter(|offload| offload.is_on).map(|offload| offload.name).collect();
    if on.is_empty() { "-".into() } else { on.join(", ") }
}

fn programs(interface: &InterfaceReport) -> String {
    let each: Vec<_> = interface.programs.iter().map(|program| program.mode).collect();
    if each.is_empty() { "-".into() } else { each.join(", ") }
}

fn occupied(interface: &InterfaceReport) -> String {
    let each: Vec<_> = interface.occupied.iter().map(|taken| taken.queue.to_string()).collect();
    if each.is_empty() { "-".into() } else { each.join(", ") }
}
