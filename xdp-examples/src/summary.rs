//! What a program says at its end: a table for people, or one JSON object.

use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table, presets};
use indicatif::HumanCount;
use serde::Serialize;
use xdp::{Accounting, Report, Rx, Statistics, Tx, Umem};

use crate::run::Run;
use crate::traffic::TrafficSummary;

/// Columns of the table, at most: an ordinary terminal.
const WIDTH: u16 = 100;

/// The end of a run.
#[derive(Debug, Serialize)]
pub struct Summary {
    program: &'static str,
    seconds: f64,
    packets: u64,
    packets_per_second: f64,
    system_calls: u64,
    /// None if there were no packets.
    system_calls_per_packet: Option<f64>,
    /// Chunks that are nowhere, over all UMEMs.
    lost_chunks: i64,
    /// Whether every chunk of every UMEM is in exactly one place.
    balanced: bool,
    halves: Vec<HalfSummary>,
    umems: Vec<UmemSummary>,
    traffic: Option<TrafficSummary>,
}

/// One half of a socket.
#[derive(Debug, Serialize)]
struct HalfSummary {
    role: &'static str,
    interface: String,
    queue: u32,
    mode: String,
    why_copy: Option<String>,
    xdp_program: Option<XdpProgram>,
    system_calls: u64,
    /// What the kernel said that made no sense.
    refused: u64,
    /// The kernel's counters, of both halves of the socket.
    statistics: Counters,
    #[serde(skip)]
    statistics_line: String,
}

#[derive(Debug, Serialize)]
struct XdpProgram {
    name: String,
    id: u32,
    mode: String,
    why_generic: Option<String>,
}

#[derive(Debug, Serialize)]
struct Counters {
    rx_dropped: u64,
    rx_invalid: u64,
    tx_invalid: u64,
    rx_ring_full: Option<u64>,
    fill_ring_empty: Option<u64>,
    tx_ring_empty: Option<u64>,
}

/// Where the chunks of a UMEM are.
#[derive(Debug, Clone, Serialize)]
pub struct UmemSummary {
    role: &'static str,
    pool: u32,
    hands: u32,
    fill: u32,
    rx: u32,
    tx: u32,
    completion: u32,
    stranded: u32,
    chunks: u32,
    lost: i64,
    #[serde(skip)]
    line: String,
}

/// Either half of a socket, as far as it tells of itself.
pub trait Half {
    /// What was obtained at the bind.
    fn report(&self) -> &Report;
    /// The kernel's counters.
    fn statistics(&self) -> io::Result<Statistics>;
    /// System calls made.
    fn system_calls(&self) -> u64;
    /// What the kernel said that made no sense.
    fn refused(&self) -> u64;
}

impl Half for Rx {
    fn report(&self) -> &Report {
        self.report()
    }

    fn statistics(&self) -> io::Result<Statistics> {
        self.statistics()
    }

    fn system_calls(&self) -> u64 {
        self.system_calls()
    }

    fn refused(&self) -> u64 {
        self.refused()
    }
}

impl Half for Tx {
    fn report(&self) -> &Report {
        self.report()
    }

    fn statistics(&self) -> io::Result<Statistics> {
        self.statistics()
    }

    fn system_calls(&self) -> u64 {
        self.system_calls()
    }

    fn refused(&self) -> u64 {
        self.refused()
    }
}

impl UmemSummary {
    /// The accounting of a UMEM, now.
    pub fn of(role: &'static str, umem: &Umem) -> Self {
        let now = umem.accounting();
        let Accounting { pool, pooled, hands, fill, rx, tx, completion, stranded, chunks } = now;
        // Free by the table, and in no pool.
        let lost = i64::from(pool) - i64::from(pooled);
        Self { role, pool, hands, fill, rx, tx, completion, stranded, chunks, lost, line: now.to_string() }
    }
}

impl Summary {
    /// Of a run that ends here, and the packets that it was about.
    pub fn new(program: &'static str, run: &Run, packets: u64) -> Self {
        let seconds = run.elapsed().as_secs_f64();
        Self {
            program,
            seconds,
            packets,
            packets_per_second: packets as f64 / seconds,
            system_calls: 0,
            system_calls_per_packet: None,
            lost_chunks: 0,
            balanced: true,
            halves: Vec::new(),
            umems: Vec::new(),
            traffic: None,
        }
    }

    /// Adds half of a socket.
    pub fn half(mut self, role: &'static str, half: &impl Half) -> io::Result<Self> {
        let (report, statistics) = (half.report(), half.statistics()?);
        let rings = statistics.rings;
        self.halves.push(HalfSummary {
            role,
            interface: report.interface.clone(),
            queue: report.queue.0,
            mode: report.mode.to_string(),
            why_copy: report.why_copy.clone(),
            xdp_program: report.program.as_ref().map(|program| XdpProgram {
                name: program.name.clone(),
                id: program.id,
                mode: program.mode.to_string(),
                why_generic: program.why_generic.clone(),
            }),
            system_calls: half.system_calls(),
            refused: half.refused(),
            statistics: Counters {
                rx_dropped: statistics.rx_dropped,
                rx_invalid: statistics.rx_invalid,
                tx_invalid: statistics.tx_invalid,
                rx_ring_full: rings.map(|rings| rings.rx_ring_full),
                fill_ring_empty: rings.map(|rings| rings.fill_ring_empty),
                tx_ring_empty: rings.map(|rings| rings.tx_ring_empty),
            },
            statistics_line: statistics.to_string(),
        });
        Ok(self.system_calls(half.system_calls()))
    }

    /// Adds system calls that the program made beside the library.
    pub fn system_calls(mut self, calls: u64) -> Self {
        self.system_calls += calls;
        self.system_calls_per_packet =
            (self.packets > 0).then(|| self.system_calls as f64 / self.packets as f64);
        self
    }

    /// Adds the accounting of a UMEM, as it is now.
    pub fn umem(self, role: &'static str, umem: &Umem) -> Self {
        self.account(UmemSummary::of(role, umem))
    }

    /// Adds what the lab's traffic has done.
    pub fn traffic(mut self, traffic: Option<TrafficSummary>) -> Self {
        let Some(traffic) = traffic else { return self };
        let umem = traffic.umem.clone();
        self.traffic = Some(traffic);
        self.account(umem)
    }

    fn account(mut self, umem: UmemSummary) -> Self {
        self.lost_chunks += umem.lost;
        self.balanced &= umem.lost == 0;
        self.umems.push(umem);
        self
    }

    /// Whether no chunk is lost and the kernel never said anything that made no sense.
    pub fn is_sound(&self) -> bool {
        self.balanced && self.halves.iter().all(|half| half.refused == 0)
    }

    /// Prints itself to standard output, and says whether it is sound.
    pub fn print(&self, json: bool) -> anyhow::Result<bool> {
        let text = if json { serde_json::to_string(self)? } else { self.table().to_string() };
        writeln!(io::stdout(), "{text}")?;
        Ok(self.is_sound())
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
        table.set_header([self.program, &format!("{:.2} s", self.seconds)]);
        let mut row = |what: &str, value: String| {
            table.add_row([what, &value]);
        };
        row("packets", HumanCount(self.packets).to_string());
        row("packets/s", HumanCount(self.packets_per_second as u64).to_string());
        let calls = HumanCount(self.system_calls);
        let per_packet = self.system_calls_per_packet.map(|ratio| format!(", {ratio:.4} per packet"));
        row("system calls", format!("{calls}{}", per_packet.unwrap_or_default()));
        if let Some(traffic) = &self.traffic {
            let sent = HumanCount(traffic.sent);
            let returned = traffic.returned.map(|n| format!(", {} came back", HumanCount(n)));
            row("lab's traffic", format!("{sent} sent{}", returned.unwrap_or_default()));
        }
        for (i, half) in self.halves.iter().enumerate() {
            let HalfSummary { role, interface, queue, mode, .. } = half;
            let why = half.why_copy.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
            row(role, format!("{interface} queue {queue}, {mode} mode{why}"));
            let is_same = |other: &HalfSummary| (&other.interface, other.queue) == (interface, *queue);
            if self.halves[..i].iter().any(is_same) {
                continue; // the other half of the same socket has said the rest
            }
            if let Some(XdpProgram { name, id, mode, why_generic }) = &half.xdp_program {
                let why = why_generic.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
                row("  program", format!("{name} (id {id}) in {mode} mode{why}"));
            }
            row("  kernel's counters", half.statistics_line.clone());
        }
        for umem in &self.umems {
            let verdict = if umem.lost == 0 { "none lost" } else { "CHUNKS ARE LOST" };
            row(&format!("chunks, {}", umem.role), format!("{}: {verdict}", umem.line));
        }
        table
    }
}
