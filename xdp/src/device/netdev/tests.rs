//! Reading answers about queues: those that no interface of a lab gives, and bytes that no kernel sends.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use xdp_sys::netdev::{
    NETDEV_A_DEV_XDP_FEATURES, NETDEV_A_DEV_XDP_ZC_MAX_SEGS, NETDEV_A_NAPI_DEFER_HARD_IRQS,
    NETDEV_A_NAPI_GRO_FLUSH_TIMEOUT, NETDEV_A_NAPI_ID, NETDEV_A_NAPI_THREADED, NETDEV_A_QSTATS_QUEUE_ID,
    NETDEV_A_QSTATS_QUEUE_TYPE, NETDEV_A_QSTATS_RX_BYTES, NETDEV_A_QSTATS_RX_HW_DROPS,
    NETDEV_A_QSTATS_RX_PACKETS, NETDEV_A_QSTATS_TX_HW_DROPS, NETDEV_A_QSTATS_TX_PACKETS,
    NETDEV_A_QUEUE_DMABUF, NETDEV_A_QUEUE_ID, NETDEV_A_QUEUE_IO_URING, NETDEV_A_QUEUE_LEASE,
    NETDEV_A_QUEUE_NAPI_ID, NETDEV_A_QUEUE_TYPE, NETDEV_A_QUEUE_XSK, NETDEV_XDP_ACT_BASIC,
    NETDEV_XDP_ACT_XSK_ZEROCOPY,
};

use super::*;
use crate::QueueId;
use crate::device::netlink::{Attributes, script::attributes};

#[test]
fn a_kernel_that_tells_of_programs_but_not_of_metadata_leaves_that_unknown() {
    // As 6.3 to 6.5 answer.
    let bits = NETDEV_XDP_ACT_BASIC | NETDEV_XDP_ACT_XSK_ZEROCOPY;
    let answer = attributes(|body| body.value(NETDEV_A_DEV_XDP_FEATURES, &bits));
    let told = Capabilities::read(Attributes::new(&answer));
    assert_eq!(told.source(), CapabilitySource::Kernel);
    assert_eq!((told.xdp().zero_copy(), told.xdp().redirect()), (Some(true), Some(false)));
    assert_eq!((told.zero_copy_segments(), told.rx_metadata().hash()), (None, None));
    assert_eq!((told.tx_offloads().checksum(), told.tx_offloads().launch_time()), (None, None));
}

#[test]
fn an_empty_answer_leaves_everything_unknown() {
    let told = Capabilities::read(Attributes::new(&[]));
    assert_eq!((told.xdp().basic(), told.xdp().zero_copy()), (None, None));
}

#[test]
fn zero_copy_segments_are_read() {
    let answer = attributes(|body| body.value(NETDEV_A_DEV_XDP_ZC_MAX_SEGS, &8_u32));
    assert_eq!(Capabilities::read(Attributes::new(&answer)).zero_copy_segments(), Some(8));
}

/// An answer about rx queue 3 with an empty nest more.
fn queue_with(nest: Option<u16>) -> Option<NicQueue> {
    let answer = attributes(|body| {
        body.value(NETDEV_A_QUEUE_ID, &3_u32);
        body.value(NETDEV_A_QUEUE_TYPE, &0_u32);
        body.value(NETDEV_A_QUEUE_NAPI_ID, &8193_u32);
        if let Some(kind) = nest {
            body.nest(kind, |_| {});
        }
    });
    NicQueue::read(Attributes::new(&answer))
}

#[test]
fn whoever_uses_a_queue_is_named_and_then_it_is_not_free() {
    for (nest, user) in [
        (NETDEV_A_QUEUE_XSK, QueueUser::AfXdp),
        (NETDEV_A_QUEUE_DMABUF, QueueUser::DeviceMemory),
        (NETDEV_A_QUEUE_IO_URING, QueueUser::IoUring),
        (NETDEV_A_QUEUE_LEASE, QueueUser::Lease),
    ] {
        let queue = queue_with(Some(nest)).expect("a queue");
        assert_eq!((queue.user(), queue.is_free()), (Some(user), Some(false)));
    }
    let queue = queue_with(None).expect("a queue");
    assert_eq!((queue.user(), queue.is_free()), (None, None), "nobody, or nobody who is told of");
    assert_eq!((queue.id(), queue.side(), queue.napi()), (QueueId(3), QueueSide::Rx, Some(8193)));
}

#[test]
fn a_queue_of_a_kind_to_come_is_passed_over() {
    let answer = attributes(|body| {
        body.value(NETDEV_A_QUEUE_ID, &0_u32);
        body.value(NETDEV_A_QUEUE_TYPE, &7_u32);
    });
    assert_eq!(NicQueue::read(Attributes::new(&answer)), None);
}

#[test]
fn times_of_four_and_of_eight_bytes_are_read() {
    let napi = |fill: &dyn Fn(&mut crate::device::netlink::Body)| {
        let answer = attributes(|body| {
            body.value(NETDEV_A_NAPI_ID, &8193_u32);
            fill(body);
        });
        Napi::read(Attributes::new(&answer)).expect("numbered")
    };
    let short = napi(&|body| body.value(NETDEV_A_NAPI_GRO_FLUSH_TIMEOUT, &200_000_u32));
    let long = napi(&|body| body.value(NETDEV_A_NAPI_GRO_FLUSH_TIMEOUT, &u64::MAX));
    assert_eq!(short.gro_flush_timeout(), Some(Duration::from_micros(200)));
    assert_eq!(long.gro_flush_timeout(), Some(Duration::from_nanos(u64::MAX)));
    let bare = napi(&|body| body.value(NETDEV_A_NAPI_DEFER_HARD_IRQS, &2_u32));
    assert_eq!((bare.defer_hard_irqs(), bare.gro_flush_timeout(), bare.is_threaded()), (Some(2), None, None));
}

#[test]
fn a_way_of_polling_that_is_to_come_is_threaded_and_comes_back_as_it_was() {
    let answer = attributes(|body| {
        body.value(NETDEV_A_NAPI_ID, &8193_u32);
        body.value(NETDEV_A_NAPI_THREADED, &2_u32);
    });
    let napi = Napi::read(Attributes::new(&answer)).expect("numbered");
    assert_eq!(napi.is_threaded(), Some(true));
    let former = napi.change().in_softirq().before(&napi).expect("all of it is known");
    assert_eq!(former.to_string(), "threaded 2 (NAPI 8193)");
    let unknown = napi.change().defer_hard_irqs(2).before(&napi);
    assert_eq!(unknown, None, "what the kernel does not tell could not be put back");
}

#[test]
fn counters_are_those_of_their_side_and_what_is_not_counted_is_unknown() {
    let counters = |side: u32| {
        let answer = attributes(|body| {
            body.value(NETDEV_A_QSTATS_QUEUE_ID, &1_u32);
            body.value(NETDEV_A_QSTATS_QUEUE_TYPE, &side);
            body.value(NETDEV_A_QSTATS_RX_PACKETS, &10_u64);
            body.value(NETDEV_A_QSTATS_TX_PACKETS, &20_u32);
            body.value(NETDEV_A_QSTATS_RX_BYTES, &640_u64);
            body.value(NETDEV_A_QSTATS_RX_HW_DROPS, &3_u64);
            body.value(NETDEV_A_QSTATS_TX_HW_DROPS, &4_u64);
        });
        QueueCounters::read(Attributes::new(&answer))
    };
    let (rx, tx) = (counters(0).expect("rx"), counters(1).expect("tx"));
    assert_eq!((rx.packets(), rx.bytes(), rx.hardware_drops()), (Some(10), Some(640), Some(3)));
    assert_eq!((tx.packets(), tx.bytes(), tx.hardware_drops()), (Some(20), None, Some(4)));
    assert_eq!((rx.allocation_failures(), rx.hardware_overruns(), tx.stops()), (None, None, None));
    assert_eq!(counters(2), None);
}

proptest! {
    #[test]
    fn answers_of_any_bytes_are_read_without_panic(bytes in vec(any::<u8>(), 0..300)) {
        let attributes = Attributes::new(&bytes);
        let told = Capabilities::read(attributes);
        let _ = (told.xdp().basic(), told.rx_metadata().hash(), told.tx_offloads().checksum());
        let _ = (NicQueue::read(attributes), Napi::read(attributes), QueueCounters::read(attributes));
    }

    #[test]
    fn a_queue_cut_anywhere_is_whole_or_none(cut in 0_usize..64) {
        let whole = attributes(|body| {
            body.value(NETDEV_A_QUEUE_ID, &3_u32);
            body.value(NETDEV_A_QUEUE_TYPE, &1_u32);
        });
        let read = NicQueue::read(Attributes::new(&whole[..cut.min(whole.len())]));
        prop_assert_eq!(read.is_some(), cut >= whole.len());
    }
}
