//! What the counters and rings of a bound socket say.

use super::link::capacity;
use super::{Finding, FindingKind, Severity};
use crate::accounting::Accounting;
use crate::socket::options::ObtainedMode;
use crate::socket::report::Report;
use crate::socket::statistics::Statistics;

/// What the receiving half says of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RxState {
    /// Packets that wait to be taken.
    pub(crate) waiting: u32,
    /// Chunks that the kernel has to receive into.
    pub(crate) to_fill: u32,
    pub(crate) refused: u64,
}

/// What the sending half says of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TxState {
    /// Packets that the kernel has not looked at.
    pub(crate) unsent: u32,
    /// Packets that have not come back, those included.
    pub(crate) outstanding: u32,
    pub(crate) refused: u64,
}

/// What the kernel counted.
pub(super) fn counted(statistics: &Statistics, report: &Report, headroom: u32) -> Vec<Finding> {
    let mut found = Vec::new();
    let rings = statistics.rings.unwrap_or_default();
    if rings.rx_ring_full > 0 {
        found.push(rx_ring_full(rings.rx_ring_full, report.rings.rx));
    }
    if rings.fill_ring_empty > 0 {
        found.push(fill_ran_empty(rings.fill_ring_empty, report.mode));
    }
    // A packet that finds no chunk is counted as dropped, too; and before 5.9 nothing tells the two apart.
    let too_long = statistics.rx_dropped.saturating_sub(rings.fill_ring_empty);
    if too_long > 0 && statistics.rings.is_some() {
        found.push(frames_too_long(too_long, &report.interface, capacity(report.chunks.1, headroom)));
    }
    if statistics.tx_invalid > 0 {
        found.push(invalid_tx(statistics.tx_invalid));
    }
    found
}

fn rx_ring_full(packets: u64, entries: u32) -> Finding {
    Finding::new(Severity::Hinders, FindingKind::RxRingFull { packets, entries })
        .what(format!("{packets} packets were dropped because the rx ring of {entries} entries was full"))
        .why("packets arrive faster than they are taken")
        .remedy(format!("rx_entries({}), for bursts", entries.saturating_mul(2)))
        .remedy("take larger batches (Rx::seek, Rx::recv) more often, or on more threads and queues")
}

fn fill_ran_empty(packets: u64, mode: ObtainedMode) -> Finding {
    let kind = FindingKind::FillRanEmpty { packets };
    let finding = match mode {
        ObtainedMode::Copy => Finding::new(Severity::Hinders, kind)
            .what(format!("{packets} packets found the fill ring empty and were dropped"))
            .why("the kernel had no chunk to receive into: too few chunks, or they came back too slowly"),
        // Drivers ask for chunks ahead of packets, again and again while there are none (`__xp_alloc`).
        ObtainedMode::ZeroCopy => Finding::new(Severity::Note, kind)
            .what(format!("the driver found the fill ring empty {packets} times"))
            .why("it drops packets once the chunks that the NIC holds are used up, too"),
    };
    finding
        .remedy("give frames back sooner (drop them, Rx::recycle, RxBatch::commit)")
        .remedy("more chunks and a longer fill ring (UmemBuilder::chunks, fill_entries)")
}

fn frames_too_long(packets: u64, interface: &str, fits: u32) -> Finding {
    Finding::new(Severity::Hinders, FindingKind::FramesTooLong { packets, fits })
        .what(format!(
            "{packets} packets were dropped because they are longer than a chunk takes ({fits} bytes)"
        ))
        .why("without several buffers for a packet each frame must fit one chunk")
        .remedy(format!("ip link set {interface} mtu {}", fits.saturating_sub(14)))
        .remedy("use larger chunks or less headroom")
        .remedy("SocketBuilder::multi_buffer(MultiBuffer::Prefer)")
}

fn invalid_tx(descriptors: u64) -> Finding {
    Finding::new(Severity::Hinders, FindingKind::InvalidTx { descriptors })
        .what(format!("the kernel refused {descriptors} descriptors of the tx ring"))
        .why("it drops a packet whose address, length or options make no sense; this library writes none")
        .remedy("look at who else writes to the ring (unsafe code, a descriptor passed on)")
}

/// What the receiving half's rings say.
pub(super) fn receiving(state: RxState, report: &Report, accounting: &Accounting) -> Vec<Finding> {
    let mut found = Vec::new();
    if state.to_fill == 0 {
        found.push(starved(state.waiting, accounting.hands));
    }
    if state.waiting > 0 {
        found.push(not_taken(state.waiting, report.rings.rx));
    }
    found.extend(disbelieved(state.refused));
    found
}

fn starved(received: u32, in_hands: u32) -> Finding {
    Finding::new(Severity::Blocks, FindingKind::FillStarved { in_hands, received })
        .what(format!(
            "the fill ring is empty: {in_hands} chunks are in your hands and {received} packets wait to be taken"
        ))
        .why("the kernel drops every packet for which it has no chunk")
        .remedy("give frames back (drop them, Rx::recycle, RxBatch::commit)")
        .remedy("a umem of more chunks (UmemBuilder::chunks)")
}

fn not_taken(packets: u32, entries: u32) -> Finding {
    let severity = if packets >= entries { Severity::Blocks } else { Severity::Note };
    Finding::new(severity, FindingKind::NotTaken { packets })
        .what(format!("{packets} packets wait in the rx ring of {entries} entries to be taken"))
        .why("once the ring is full the kernel drops what arrives")
        .remedy("take them: Rx::seek and commit, or Rx::recv")
}

/// What the sending half's rings say.
pub(super) fn sending(state: TxState) -> Vec<Finding> {
    let mut found = Vec::new();
    if state.unsent > 0 {
        found.push(not_kicked(state.unsent));
    } else if state.outstanding > 0 {
        found.push(stuck(state.outstanding));
    }
    found.extend(disbelieved(state.refused));
    found
}

fn not_kicked(packets: u32) -> Finding {
    Finding::new(Severity::Blocks, FindingKind::NotKicked { packets })
        .what(format!("{packets} packets wait in the tx ring and the kernel was not woken"))
        .why("it looks at the ring only when it is asked to, and stops at a budget or a full completion ring")
        .remedy("Tx::kick after each batch, until it says that all is sent (Tx::flush at the end)")
}

fn stuck(packets: u32) -> Finding {
    Finding::new(Severity::Note, FindingKind::TxStuck { packets })
        .what(format!("{packets} packets are with the NIC, or sent and not taken back"))
        .why("a NIC reports what it has sent when it likes; if the number stays, it does not send")
        .remedy("call Tx::kick now and then, which takes back what is sent")
        .remedy("look at the carrier, and at flow control (ethtool -a)")
}

fn disbelieved(descriptors: u64) -> Option<Finding> {
    (descriptors > 0).then(|| {
        Finding::new(Severity::Hinders, FindingKind::Disbelieved { descriptors })
            .what(format!("{descriptors} descriptors of the kernel made no sense and were dropped"))
            .why("two processes use one ring, or the driver has a fault")
            .remedy("let one process have the rings (no fork without exec)")
            .remedy("report Rx::last_refusal or Tx::last_refusal with the kernel's version")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_that_asks_for_chunks_in_vain_has_not_dropped_a_packet_yet() {
        let (copied, asked) =
            (fill_ran_empty(3, ObtainedMode::Copy), fill_ran_empty(3, ObtainedMode::ZeroCopy));
        assert!(
            copied.summary().starts_with("3 packets") && copied.severity() == Severity::Hinders,
            "{copied}"
        );
        assert!(asked.summary().ends_with("3 times") && asked.severity() == Severity::Note, "{asked}");
    }

    #[test]
    fn packets_that_went_and_did_not_come_back_are_a_note_unless_some_were_not_even_looked_at() {
        let state = |unsent, outstanding| sending(TxState { unsent, outstanding, refused: 0 });
        let kinds = |unsent, outstanding| -> Vec<_> {
            state(unsent, outstanding).iter().map(|finding| finding.kind().clone()).collect()
        };
        assert_eq!(kinds(0, 3), [FindingKind::TxStuck { packets: 3 }]);
        assert_eq!(kinds(2, 3), [FindingKind::NotKicked { packets: 2 }]);
        assert_eq!(kinds(0, 0), []);
        let stuck = &state(0, 3)[0];
        assert_eq!(stuck.severity(), Severity::Note, "a NIC may take its time");
        assert!(stuck.remedies()[0].contains("Tx::kick"), "{stuck}");
    }
}
