//! Sizes that cannot be, or that cost packets.

use xdp::diagnosis::{Config, diagnose};
use xdp::{BindError, FindingKind, RingKind, Severity, Socket, Umem};

use crate::{QUEUE, config, enter, find, find_none, lab, umem};

#[test]
fn a_ring_that_is_no_power_of_two_is_told_with_the_next_one() {
    let memory = umem(64);
    let mut odd = config();
    odd.rings.rx = 1000;
    let is_it =
        |kind: &FindingKind| matches!(kind, FindingKind::RingSize { ring: RingKind::Rx, entries: 1000 });
    find!(diagnose("lo", &odd).findings(), kind if is_it(kind), "1024 entries");
    let error = Socket::builder(&memory).rx_entries(1000).bind("lo", QUEUE).map(drop).unwrap_err();
    assert!(matches!(error, BindError::RingSize { .. }), "{error}");
    find!(&error.likely_causes(), kind if is_it(kind), "1024 entries");
}

#[test]
fn a_headroom_that_leaves_too_little_is_told_with_the_largest() {
    let mut large = config();
    large.headroom = 3400;
    let is_it = |kind: &FindingKind| matches!(kind, FindingKind::Headroom { headroom: 3400, most: 3392 });
    find!(diagnose("lo", &large).findings(), kind if is_it(kind), "3392 bytes or less");
    let error = Umem::builder().headroom(3400).build().map(drop).unwrap_err();
    find!(&BindError::from(error).likely_causes(), kind if is_it(kind), "3392 bytes or less");
}

#[test]
fn a_chunk_size_that_the_kernel_does_not_take_is_told() {
    let mut odd = Config::new(QUEUE);
    odd.chunk_size = 3000;
    find!(diagnose("lo", &odd).findings(), FindingKind::ChunkSize { bytes: 3000 }, "2048 or 4096");
}

#[test]
fn a_budget_out_of_range_is_told_with_the_range() {
    let mut small = config();
    small.tx_budget = Some(16);
    let is_it = |kind: &FindingKind| matches!(kind, FindingKind::TxBudget { budget: 16, most: 2048 });
    find!(diagnose("lo", &small).findings(), kind if is_it(kind), "from 32 to 2048");
    let error = Socket::builder(&umem(64)).tx_budget(16).bind("lo", QUEUE).map(drop).unwrap_err();
    find!(&error.likely_causes(), kind if is_it(kind), "from 32 to 2048");
}

#[test]
fn too_few_chunks_for_one_more_socket_are_counted() {
    let Some(lab) = lab("too_few_chunks_for_one_more_socket_are_counted") else { return };
    let (_inside, a, b) = enter(&lab);
    let memory = umem(64);
    let _first = Socket::builder(&memory).chunks(60).bind(&*a, QUEUE).unwrap();
    let error = Socket::builder(&memory).chunks(8).bind(&b, QUEUE).map(drop).unwrap_err();
    assert!(matches!(error, BindError::Chunks { free: 4, wanted: 8 }), "{error}");
    find!(&error.likely_causes(), FindingKind::FewChunks { free: 4, wanted: 8 }, "UmemBuilder::chunks");
}

#[test]
fn a_completion_ring_shorter_than_the_tx_ring_hinders() {
    let mut short = config();
    short.rings.completion = 64;
    let diagnosis = diagnose("lo", &short);
    let finding = find!(
        diagnosis.findings(),
        FindingKind::ShortCompletionRing { completion: 64, tx: 2048 },
        "completion_entries(2048)"
    );
    assert_eq!(finding.severity(), Severity::Hinders);
}

#[test]
fn a_fill_ring_that_a_burst_outruns_is_told_with_one_that_it_does_not() {
    let Some(lab) = lab("a_fill_ring_that_a_burst_outruns_is_told_with_one_that_it_does_not") else { return };
    let (_inside, a, _b) = enter(&lab);
    let mut short = config();
    short.rings.fill = 64;
    let is_it = |kind: &FindingKind| matches!(kind, FindingKind::ShortFillRing { fill: 64, .. });
    find!(diagnose(&a, &short).findings(), kind if is_it(kind), "fill_entries(", "umem of");
    find_none!(diagnose(&a, &config()).findings(), FindingKind::ShortFillRing { .. });
}
