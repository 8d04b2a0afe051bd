//! What the tests stand on: the machine's NICs, sockets on them, packets from one to the other.

use std::time::{Duration, Instant};

use xdp::device::{Channels, LinkEvents};
use xdp::{ChunkSize, Interface, Mode, ObtainedMode, QueueId, Receive, Rx, Socket, SocketBuilder, Tx, Umem};

use crate::packet::{self, Route};

/// Longer than anything takes in an emulated machine; only a test that fails waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) const QUEUE: QueueId = QueueId(0);

/// Packets on their way at once: well below the 256 of igb's receive ring, which drops what it has no room for and tells
/// nobody.
pub(crate) const IN_FLIGHT: u64 = 64;

/// A NIC of the machine.
#[derive(Debug, Clone)]
pub(crate) struct Nic {
    pub(crate) name: String,
    pub(crate) mac: [u8; 6],
}

/// The NICs, with one queue each: the first two are linked, and the last two.
pub(crate) fn nics() -> [Nic; 4] {
    nics_of_queues(1)
}

/// The NICs, with so many queues each.
pub(crate) fn nics_of_queues(queues: u32) -> [Nic; 4] {
    assert!(
        std::env::var_os("XDP_VM_NIC").is_some_and(|kind| kind != "none"),
        "this runs in the machines that vm/run makes, and nowhere else"
    );
    ["eth0", "eth1", "eth2", "eth3"].map(|name| {
        let interface = Interface::by_name(name).unwrap();
        if Channels::of(&interface).unwrap().unwrap().combined().current != queues {
            Channels::change().combined(queues).apply(&interface).unwrap();
        }
        await_carrier(name);
        Nic { name: name.to_owned(), mac: interface.mac().unwrap() }
    })
}

/// Waits until a NIC can send and receive: attaching a program resets the link of some.
pub(crate) fn await_carrier(name: &str) {
    let mut events = LinkEvents::of(name).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while !Interface::by_name(name).unwrap().has_carrier() {
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "{name} has no carrier");
        events.next_event(left).unwrap();
    }
}

impl Nic {
    pub(crate) fn route_to(&self, other: &Self) -> Route {
        Route { from: self.mac, to: other.mac, flow: 1 }
    }
}

/// Chunks of 4 KiB: igb receives in whole kibibytes, of which a chunk of 2 KiB has one behind the room that XDP keeps.
pub(crate) fn umem(chunks: u32) -> Umem {
    Umem::builder().chunks(chunks).chunk_size(ChunkSize::K4).build().unwrap()
}

/// A socket without a copy, or the test fails.
pub(crate) fn builder(umem: &Umem) -> SocketBuilder {
    Socket::builder(umem).mode(Mode::ZeroCopy)
}

/// A socket without a copy for both ways on a NIC's first queue, which gets everything that arrives there.
pub(crate) fn open(umem: &Umem, nic: &Nic) -> Socket {
    let socket = builder(umem).receive(Receive::Everything).bind(nic.name.as_str(), QUEUE).unwrap();
    assert_eq!(socket.report().mode, ObtainedMode::ZeroCopy, "{}", socket.report());
    await_carrier(&nic.name);
    socket
}

/// Queues packets `from..to`, as many as there is room for; the number after the last.
pub(crate) fn send(tx: &mut Tx, route: Route, from: u64, to: u64) -> u64 {
    let mut batch = tx.seek((to - from).min(32) as u32);
    for i in 0..batch.len() {
        let number = from + u64::from(i);
        packet::write(batch.peek(i, packet::len(number)).unwrap(), route, number);
    }
    let sent = from + u64::from(batch.commit());
    tx.kick().unwrap();
    sent
}

/// Sends packets `from..to` from one end to the other, where each arrives whole, in order and once.
pub(crate) fn transfer(tx: &mut Tx, rx: &mut Rx, route: Route, from: u64, to: u64) {
    let (mut sent, mut received) = (from, from);
    while received < to {
        if sent < to && sent - received < IN_FLIGHT {
            sent = send(tx, route, sent, to);
        }
        assert!(sent > received, "no chunk to send from: {}", tx.umem().accounting());
        assert!(
            rx.wait(PATIENCE).unwrap(),
            "packet {received} does not arrive, {sent} were sent; rx {}; tx {}",
            rx.statistics().unwrap(),
            tx.statistics().unwrap()
        );
        let batch = rx.seek(64);
        for bytes in batch.iter() {
            assert_eq!(packet::read(bytes, route), received);
            received += 1;
        }
        batch.commit();
    }
}

/// That every chunk is somewhere, none in somebody's hands, and nothing was refused or dropped.
pub(crate) fn check(socket: &Socket) {
    let account = socket.umem().accounting();
    assert!(account.is_balanced() && account.hands == 0, "{account}");
    let kernel = socket.statistics().unwrap();
    assert_eq!((kernel.rx_dropped, kernel.rx_invalid, kernel.tx_invalid), (0, 0, 0), "{kernel}");
}

/// Waits until every chunk has come home from sockets that are closed.
pub(crate) fn await_home(umem: &Umem) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let account = umem.accounting();
        assert!(account.is_balanced(), "{account}");
        if account.pool == umem.chunks() {
            return;
        }
        assert!(Instant::now() < deadline, "{account}");
        std::thread::yield_now(); // the kernel has no event for the release of a socket
    }
}
