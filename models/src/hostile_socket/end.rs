//! One socket of the model, and what its rings have seen.

use xdp::fake::{self, FakeNic};
use xdp::{Rx, Tx, Umem};

use crate::Word;

/// One socket, and what its rings have seen.
pub(super) struct End {
    pub(super) rx: Rx,
    pub(super) tx: Tx,
    pub(super) nic: FakeNic,
    pub(super) entries: u32,
    pub(super) start: u32,
    pub(super) share: u32,
    /// Descriptors that were published on the rx ring, and addresses on the completion ring.
    pub(super) published: u64,
    pub(super) completed: u64,
    /// Packets taken, in either flow.
    pub(super) taken: u64,
    /// Packets sent.
    pub(super) sent: u64,
    pub(super) refused: (u64, u64),
    /// Something was forged: no bytes are copied any more.
    pub(super) is_forged: bool,
    /// Chunks that the kernel has taken from the fill and the tx ring and not given back.
    pub(super) to_receive: Vec<u64>,
    pub(super) to_complete: Vec<u64>,
    /// The kernel's indices were forced: what is in the rings is anything from now on.
    pub(super) is_forced: bool,
}

impl End {
    pub(super) fn open(umem: &Umem, share: u32, word: &mut Word) -> Self {
        let (entries, start) = (word.entries(), word.start());
        let opened = fake::socket_with(umem, entries, start, Some(share));
        let (socket, nic) = opened.expect("its chunks are not set aside for anybody else");
        let (rx, tx) = socket.split();
        Self {
            rx,
            tx,
            nic,
            entries,
            start,
            share,
            published: 0,
            completed: 0,
            taken: 0,
            sent: 0,
            refused: (0, 0),
            is_forged: false,
            to_receive: Vec::new(),
            to_complete: Vec::new(),
            is_forced: false,
        }
    }
}
