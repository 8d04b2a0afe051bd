//! Sizes that cannot be, or that cost packets.

use xdp_core::layout::{ChunkSize, LayoutError, UmemLayout};

use super::facts::Facts;
use super::{Capability, Config, Finding, FindingKind, Machine, Severity, mode};
use crate::socket::error::RingKind;
use crate::socket::options::{Mode, RingSizes};

/// What is wrong whatever the interface.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    let RingSizes { rx, tx, fill, completion } = config.rings;
    let (receives, sends) = (config.direction.receives(), config.direction.sends());
    for (ring, entries, used) in [
        (RingKind::Rx, rx, receives),
        (RingKind::Tx, tx, sends),
        // These two every socket has, whichever way it is for.
        (RingKind::Fill, fill, true),
        (RingKind::Completion, completion, true),
    ] {
        if used && !(entries.is_power_of_two() && entries <= RingSizes::MOST) {
            found.push(ring_size(ring, entries));
        }
    }
    found.extend(chunks(config));
    if sends && completion < tx {
        found.push(short_completion(completion, tx));
    }
    if let Some(budget) = config.tx_budget.filter(|budget| sends && !(32..=tx).contains(budget)) {
        found.push(tx_budget(budget, tx));
    }
    found
}

pub(super) fn ring_size(ring: RingKind, entries: u32) -> Finding {
    let most = RingSizes::MOST;
    let next = entries.checked_next_power_of_two().map_or(most, |next| next.min(most)).max(1);
    Finding::new(Severity::Blocks, FindingKind::RingSize { ring, entries })
        .what(format!("the {ring} ring cannot have {entries} entries"))
        .why(format!("the kernel wants a power of two, and this library at most {most}"))
        .remedy(format!("{next} entries"))
}

pub(super) fn tx_budget(budget: u32, most: u32) -> Finding {
    Finding::new(Severity::Blocks, FindingKind::TxBudget { budget, most })
        .what(format!("{budget} packets a call cannot be"))
        .why("the kernel takes from 32 to the length of the tx ring")
        .remedy(format!("SocketBuilder::tx_budget from 32 to {most}"))
}

fn chunks(config: &Config) -> Option<Finding> {
    let bytes = config.chunk_size;
    let size = match config.unaligned {
        false => ChunkSize::from_bytes(bytes),
        true => Some(ChunkSize::Unaligned(bytes)).filter(|_| (2048..=4096).contains(&bytes)),
    };
    let Some(size) = size.filter(|_| config.chunks > 0) else {
        return Some(
            Finding::new(Severity::Blocks, FindingKind::ChunkSize { bytes })
                .what(format!("{} chunks of {bytes} bytes cannot be", config.chunks))
                .why(
                    "the kernel takes chunks of 2048 bytes to a page, powers of two, and one or more of them",
                )
                .remedy("chunks of 2048 or 4096 bytes, or unaligned ones of a size between them"),
        );
    };
    match UmemLayout::new(size, config.chunks, config.headroom) {
        Err(LayoutError::Headroom { headroom, most, .. }) => Some(headroom_too_large(headroom, most)),
        Err(LayoutError::Chunks { chunks, most, .. }) => Some(too_many_chunks(chunks, most)),
        _ => None,
    }
}

/// More chunks than addresses can tell apart; or none.
pub(super) fn too_many_chunks(chunks: u32, most: u32) -> Finding {
    Finding::new(Severity::Blocks, FindingKind::ChunkCount { chunks, most })
        .what(format!("a umem of {chunks} chunks cannot be"))
        .why(format!("it has one chunk or more, and this library tells {most} of that size apart"))
        .remedy(format!("1 to {most} chunks (UmemBuilder::chunks)"))
}

pub(super) fn headroom_too_large(headroom: u32, most: u32) -> Finding {
    Finding::new(Severity::Blocks, FindingKind::Headroom { headroom, most })
        .what(format!("a headroom of {headroom} bytes leaves too little of a chunk"))
        .why("the kernel keeps 256 bytes in front, 320 behind and room for a frame; newer ones refuse with \"invalid argument\"")
        .remedy(format!("a headroom of {most} bytes or less"))
        .remedy("larger chunks")
}

pub(super) fn few_chunks(free: u32, wanted: u32) -> Finding {
    Finding::new(Severity::Blocks, FindingKind::FewChunks { free, wanted })
        .what(format!("the umem has {free} free chunks where {wanted} are wanted"))
        .why("each socket needs chunks of its own, and frames in hands count")
        .remedy("build the umem with more (UmemBuilder::chunks)")
        .remedy("give each socket a share (SocketBuilder::chunks)")
}

fn short_completion(completion: u32, tx: u32) -> Finding {
    Finding::new(Severity::Hinders, FindingKind::ShortCompletionRing { completion, tx })
        .what(format!("the completion ring has {completion} entries and the tx ring {tx}"))
        .why("the kernel sends no more than it can report: a full completion ring stops the tx ring")
        .remedy(format!("completion_entries({tx})"))
}

/// Whether the fill ring and its chunks keep the NIC's own ring supplied.
pub(super) fn fill_ring(facts: &Facts, config: &Config) -> Option<Finding> {
    if !config.direction.receives() {
        return None;
    }
    // In zero-copy mode the NIC holds as many chunks as its ring has descriptors; in copy mode none. The rx ring holds
    // what is not taken yet.
    let nic = facts.rings.as_ref().and_then(|rings| rings.rx()).map_or(0, |rx| rx.current);
    let held = if mode::may_be_zero_copy(facts, config) { nic } else { 0 };
    let enough = config.rings.rx.saturating_add(held).min(RingSizes::MOST);
    let share = if config.direction.sends() { config.chunks / 2 } else { config.chunks };
    let fill = config.rings.fill.min(share);
    (fill < enough).then(|| short_fill(fill, enough))
}

fn short_fill(fill: u32, enough: u32) -> Finding {
    Finding::new(Severity::Hinders, FindingKind::ShortFillRing { fill, enough })
        .what(format!("the kernel gets at most {fill} chunks to receive into, where {enough} would do"))
        .why("a burst that fills the NIC's ring and the rx ring needs a chunk for each, or packets are dropped")
        .remedy(format!("fill_entries({})", enough.next_power_of_two()))
        .remedy(format!("a umem of {} chunks or more", enough.saturating_mul(2)))
}

/// Whether the send buffer lets the whole tx ring be on its way, in copy mode; `bytes` are those that it can get.
pub(super) fn send_buffer(config: &Config, bytes: Option<u32>) -> Option<Finding> {
    /// What a packet of an MTU of 1500 is counted with: itself and its socket buffer.
    const TRUESIZE: u32 = 2304;
    let (bytes, tx) = (bytes?, config.rings.tx);
    let copies = config.direction.sends() && config.mode != Mode::ZeroCopy;
    (copies && bytes / TRUESIZE < tx.min(64)).then(|| {
        Finding::new(Severity::Hinders, FindingKind::SmallSendBuffer { bytes, tx })
            .what(format!("the send buffer can hold {bytes} bytes, few packets of the tx ring's {tx}"))
            .why("in copy mode the kernel takes no more packets than fit it until some are sent")
            .remedy(format!("sysctl net.core.wmem_max={}", tx.saturating_mul(TRUESIZE)))
            .remedy("grant CAP_NET_ADMIN, which lifts that limit")
    })
}

/// The largest send buffer that a socket of ours gets: they ask for one that takes the tx ring, and the kernel gives
/// twice the limit at most, unless `CAP_NET_ADMIN` lifts it. None where there is no limit, or it cannot be read.
pub(super) fn send_buffer_to_be_had(machine: &Machine) -> Option<u32> {
    if machine.holds(Capability::NetAdmin) != Some(false) {
        return None;
    }
    let limit =
        |name| std::fs::read_to_string(format!("/proc/sys/net/core/{name}")).ok()?.trim().parse().ok();
    let (default, most): (u32, u32) = (limit("wmem_default")?, limit("wmem_max")?);
    Some(default.max(most.saturating_mul(2)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::QueueId;

    #[test]
    fn the_defaults_are_sound() {
        assert_eq!(check(&Config::new(QueueId(0))), []);
    }

    #[test]
    fn every_socket_has_a_fill_and_a_completion_ring() {
        let tx_only = Config { direction: crate::socket::builder::Direction::Tx, ..Config::new(QueueId(0)) };
        let odd = Config { rings: RingSizes { fill: 3, ..tx_only.rings }, ..tx_only };
        let found = check(&odd);
        let kinds: Vec<_> = found.iter().map(Finding::kind).collect();
        assert_eq!(kinds, [&FindingKind::RingSize { ring: RingKind::Fill, entries: 3 }]);
    }

    #[test]
    fn more_chunks_than_can_be_are_not_taken_for_too_few() {
        let found = check(&Config { chunks: u32::MAX, ..Config::new(QueueId(0)) });
        let counted = found.iter().find(|finding| matches!(finding.kind(), FindingKind::ChunkCount { .. }));
        let counted = counted.expect("too many");
        assert!(counted.remedies()[0].starts_with("1 to "), "{counted}");
    }

    #[test]
    fn a_small_send_buffer_is_told_in_copy_mode_and_the_usual_one_is_not() {
        let config = Config::new(QueueId(0));
        assert_eq!(send_buffer(&config, Some(212_992)), None);
        let finding = send_buffer(&config, Some(4608)).expect("two packets");
        assert!(finding.remedies()[0].contains("wmem_max"), "{finding}");
        let without_copies = Config { mode: Mode::ZeroCopy, ..config.clone() };
        assert_eq!(send_buffer(&without_copies, Some(4608)), None);
        assert_eq!(send_buffer(&config, None), None);
    }
}
