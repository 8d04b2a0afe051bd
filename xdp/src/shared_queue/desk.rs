//! The owner's side of one member.

use std::sync::Arc;

use xdp_core::Entries;
use xdp_core::frames::Holder;
use xdp_core::ring::{self, ConsumerRing, ProducerRing};

use super::{SharedQueue, Tally};
use crate::umem::Umem;

/// Where the owner meets one member.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) number: u8,
    /// Who has the chunks that the member sends.
    pub(super) holder: Holder,
    /// Chunks that the member gives back for receiving: its fill ring.
    pub(super) returned: ConsumerRing<u64>,
    /// What the member has sent: its completion ring.
    pub(super) completed: ProducerRing<u64>,
    /// Entries written to that and not submitted yet.
    pub(super) staged: u32,
    /// Nobody sends here any more: what completes is the owner's to take.
    pub(super) is_sender_gone: bool,
    pub(super) tally: Arc<Tally>,
}

/// The member's ends of the rings of a desk.
#[derive(Debug)]
pub(super) struct Ends {
    pub(super) fill: ProducerRing<u64>,
    pub(super) completion: ConsumerRing<u64>,
}

impl Desk {
    /// A desk with rings that all chunks of the UMEM fit into, so that neither side ever waits for the other.
    pub(super) fn new(umem: &Umem, number: u8, tally: Arc<Tally>) -> (Self, Ends) {
        let entries =
            Entries::new(umem.chunks().next_power_of_two()).expect("a umem has at most 2^31 chunks");
        let (fill, returned) = ring::channel(entries);
        let (completed, completion) = ring::channel(entries);
        let holder = Holder::sending(number);
        let desk = Self { number, holder, returned, completed, staged: 0, is_sender_gone: false, tally };
        (desk, Ends { fill, completion })
    }

    /// Whether neither half is there any more.
    fn is_left(&self) -> bool {
        // The member's port has the other one.
        Arc::strong_count(&self.tally) == 1
    }
}

impl SharedQueue {
    pub(super) fn add_desk(&mut self, desk: Desk) {
        self.desks.push(desk);
        self.number_desks();
    }

    /// Gives up the desks of members that are gone, once everything of theirs is back.
    pub(super) fn clear_desks(&mut self) {
        let is_over = |desk: &Desk| desk.is_left() && desk.is_sender_gone && desk.returned.waiting() == 0;
        if !self.desks.iter().any(is_over) {
            return;
        }
        let counts = self.pool.home_ref().custody.counts();
        let (fed, umem) = (&mut self.fed, self.port.umem());
        self.desks.retain(|desk| {
            let is_over = is_over(desk) && counts[usize::from(desk.holder.byte())] == 0;
            if is_over {
                *fed = fed.wrapping_add(desk.tally.told());
                umem.dismiss(desk.number);
            }
            !is_over
        });
        self.number_desks();
    }

    fn number_desks(&mut self) {
        self.desk_of = [super::NO_DESK; 256];
        for (i, desk) in self.desks.iter().enumerate() {
            self.desk_of[usize::from(desk.holder.byte())] = i as u8;
        }
    }
}
