//! The causes that are known, each with its facts.

use crate::QueueId;
use crate::device::Occupant;
use crate::program::ForeignProgram;
use crate::socket::error::RingKind;

/// What a finding is about: one variant a cause, with its facts as fields.
///
/// The words to it are in the [`Finding`](super::Finding).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FindingKind {
    /// The kernel has no AF_XDP sockets.
    NoAfXdp,
    /// The thread lacks a capability.
    MissingCapability {
        /// Its name, `CAP_NET_RAW` for example.
        capability: &'static str,
        /// What it is needed for.
        needed_for: &'static str,
    },
    /// The thread's capabilities are those of a user namespace, and the initial one's are asked for.
    UserNamespace {
        /// The capability that does not count.
        capability: &'static str,
    },
    /// The UMEM is larger than the memory that may be locked.
    LockedMemory {
        /// Bytes needed.
        needed: u64,
        /// The soft limit in bytes.
        limit: u64,
        /// The hard limit in bytes; none if there is none.
        hard: Option<u64>,
    },
    /// Too few huge pages are free.
    HugePages {
        /// Pages of 2 MiB that are needed.
        needed: u64,
        /// Those that are free; none where it could not be read.
        free: Option<u64>,
    },
    /// The process or the machine has too many files open.
    TooManyFiles,
    /// The kernel has no memory for it.
    OutOfMemory {
        /// What for.
        purpose: &'static str,
    },
    /// The kernel is too old.
    OldKernel {
        /// What it lacks.
        feature: &'static str,
        /// The first version of Linux that has it.
        since: &'static str,
    },
    /// No interface of that name or index is in this network namespace.
    NoSuchInterface,
    /// The interface is in another network namespace than the calling thread.
    OtherNamespace,
    /// The interface was removed, or moved to another network namespace.
    InterfaceGone {
        /// Its name.
        interface: String,
    },
    /// The interface could not be asked.
    InterfaceUnknown,
    /// The interface is set down.
    InterfaceDown {
        /// Its name.
        interface: String,
    },
    /// The interface is up, and the other side of the cable is not there.
    NoCarrier {
        /// Its name.
        interface: String,
    },
    /// The other end of a veth pair is set down.
    PeerDown {
        /// The other end.
        peer: String,
    },
    /// The other end of a veth pair has neither a program nor GRO: frames that an XDP program redirects or bounces
    /// into the pair are dropped.
    PeerWithoutNapi {
        /// The other end; none where it is in another network namespace.
        peer: Option<String>,
    },
    /// The other end of a veth pair leaves checksums to a NIC that is not there.
    PartialChecksums {
        /// The other end.
        peer: String,
    },
    /// The interface is a bond, VLAN, bridge or the like above others.
    UpperDevice {
        /// Its kind.
        kind: String,
        /// The interfaces below it.
        lower: Vec<String>,
    },
    /// The interface is a port of a bridge, bond or the like.
    HasMaster {
        /// The interface above it.
        master: String,
    },
    /// The largest frame of the interface does not fit a chunk.
    MtuExceedsChunk {
        /// The MTU in bytes.
        mtu: u32,
        /// The largest frame of that MTU, in bytes.
        frame: u32,
        /// The largest frame that fits, in bytes.
        fits: u32,
    },
    /// The MTU is too large for a program in the driver.
    MtuForbidsDriver {
        /// The MTU that counts, in bytes; of a veth the peer's.
        mtu: u32,
        /// The largest with which the driver takes a program of one buffer, in bytes.
        most: u32,
    },
    /// The NIC merges packets before a program could see them.
    LargeReceiveOffload {
        /// The name of the feature for `ethtool -K`.
        feature: &'static str,
    },
    /// The NIC splits headers from data.
    HeaderSplit,
    /// The NIC drops packets for other hardware addresses.
    MacFilter {
        /// The interface's own address, as text.
        mac: String,
    },
    /// The interface has no such queue.
    NoSuchQueue {
        /// The queue asked for.
        queue: QueueId,
        /// How many there are.
        queues: u32,
        /// `receive` or `transmit`.
        direction: &'static str,
    },
    /// Another AF_XDP socket has the queue.
    QueueBusy {
        /// The queue.
        queue: QueueId,
        /// Who has it, where the kernel tells.
        occupant: Option<Occupant>,
    },
    /// The interface spreads packets over several queues, and this socket sees one of them.
    OtherQueues {
        /// The queue of the socket.
        queue: QueueId,
        /// Receive queues in use.
        queues: u32,
        /// Queues and the packets that each has received, where that is counted.
        packets: Vec<(u32, u64)>,
    },
    /// The NIC's table of receive queues does not name the queue.
    NotInRssTable {
        /// The queue.
        queue: QueueId,
        /// The queues that it names.
        named: Vec<u32>,
    },
    /// Rules of the NIC send packets to other queues, or drop them.
    SteeredElsewhere {
        /// The queue.
        queue: QueueId,
        /// Where the rules stand in the NIC's table.
        locations: Vec<u32>,
    },
    /// The driver has no zero-copy.
    NoZeroCopy {
        /// The driver, as far as it is known.
        driver: String,
    },
    /// A frame of the interface's MTU does not fit a chunk in zero-copy mode.
    ZeroCopyMtu {
        /// Bytes of the largest frame, as drivers count it.
        needed: u32,
        /// Bytes that fit.
        fits: u32,
        /// The largest headroom with which it would fit, in bytes; none if no headroom makes it fit.
        headroom: Option<u32>,
    },
    /// In zero-copy mode the driver takes no packets of several frames.
    ZeroCopySegments {
        /// The driver, as far as it is known.
        driver: String,
    },
    /// Something else has the memory of the device's queues: io_uring or device memory.
    MemoryProvider,
    /// Copy mode was obtained where zero-copy was preferred.
    FellBackToCopy {
        /// Why.
        reason: String,
    },
    /// The driver has no XDP of its own: programs run in generic mode.
    NoDriverXdp {
        /// The driver, as far as it is known.
        driver: String,
    },
    /// The program runs in generic mode though the driver was preferred.
    FellBackToGeneric {
        /// Why.
        reason: String,
    },
    /// The driver has too few transmit rings left for XDP.
    FewTxRings {
        /// Channels in use.
        channels: u32,
        /// Channels that the driver has.
        most: u32,
        /// Processors.
        processors: u32,
    },
    /// The driver restarts its queues when a program is attached or a socket bound.
    LinkReset {
        /// The driver.
        driver: String,
    },
    /// The driver, or the kernel's version of it, has a known fault.
    DriverQuirk {
        /// The driver.
        driver: String,
        /// What is known.
        fault: &'static str,
    },
    /// The NIC is nearer to other processors than the calling thread's.
    FarNode {
        /// The NIC's node.
        nic: u32,
        /// The thread's.
        thread: u32,
    },
    /// Somebody else's program is on the interface.
    ForeignProgram {
        /// The program.
        program: ForeignProgram,
    },
    /// Our program and another one want to run in two modes at once, which the kernel refuses.
    ModeConflict {
        /// The program that is there.
        program: ForeignProgram,
    },
    /// A program is on the bond, bridge or team above.
    UpperProgram,
    /// Of program and socket one takes packets of several frames and the other does not.
    BufferMismatch {
        /// Whether it is the program that takes them.
        program_takes_several: bool,
    },
    /// The program runs on another interface than the socket's.
    ProgramElsewhere {
        /// The interface that it runs on.
        program: String,
    },
    /// No program sends packets to the socket.
    NoProgram,
    /// Our program was taken off the interface.
    ProgramDetached {
        /// Its id.
        id: u32,
    },
    /// Another program stands where ours was.
    ProgramReplaced {
        /// The id of ours.
        ours: u32,
        /// The one there now.
        program: ForeignProgram,
    },
    /// The slot of the queue in our program's map is empty.
    SlotEmpty {
        /// The queue.
        queue: QueueId,
    },
    /// Another socket is in the queue's slot of our program's map.
    SlotTaken {
        /// The queue.
        queue: QueueId,
    },
    /// A ring cannot have that size.
    RingSize {
        /// The ring.
        ring: RingKind,
        /// The size asked for.
        entries: u32,
    },
    /// The fill ring is short against the rx ring and the NIC's own.
    ShortFillRing {
        /// Its entries.
        fill: u32,
        /// Those that would do.
        enough: u32,
    },
    /// The completion ring is shorter than the tx ring.
    ShortCompletionRing {
        /// Its entries.
        completion: u32,
        /// Those of the tx ring.
        tx: u32,
    },
    /// The number of packets a call is out of range.
    TxBudget {
        /// What was asked for.
        budget: u32,
        /// The most.
        most: u32,
    },
    /// No chunks, or of a size that the kernel does not take.
    ChunkSize {
        /// Bytes asked for.
        bytes: u32,
    },
    /// A UMEM cannot have so many chunks.
    ChunkCount {
        /// Chunks asked for.
        chunks: u32,
        /// The most that works.
        most: u32,
    },
    /// The headroom leaves too little of a chunk.
    Headroom {
        /// Bytes asked for.
        headroom: u32,
        /// The most that works, in bytes.
        most: u32,
    },
    /// There are fewer chunks than the socket needs.
    FewChunks {
        /// Chunks that are free.
        free: u32,
        /// Chunks that are wanted.
        wanted: u32,
    },
    /// In copy mode the send buffer can hold few packets of the tx ring.
    SmallSendBuffer {
        /// Bytes that it can have.
        bytes: u32,
        /// Entries of the tx ring.
        tx: u32,
    },
    /// The kernel has no chunk to receive into.
    FillStarved {
        /// Chunks in your hands.
        in_hands: u32,
        /// Received and not taken.
        received: u32,
    },
    /// Packets were dropped because the fill ring was empty; in zero-copy mode the driver found it so, and may have had
    /// chunks left.
    FillRanEmpty {
        /// How often, since the socket was made.
        packets: u64,
    },
    /// Packets were dropped because the rx ring was full.
    RxRingFull {
        /// How many, since the socket was made.
        packets: u64,
        /// Entries of the ring.
        entries: u32,
    },
    /// Packets were dropped because they are longer than a chunk.
    FramesTooLong {
        /// How many, since the socket was made.
        packets: u64,
        /// The longest that fits, in bytes.
        fits: u32,
    },
    /// Descriptors in the tx ring were invalid.
    InvalidTx {
        /// How many, since the socket was made.
        descriptors: u64,
    },
    /// What the kernel wrote made no sense, and was refused.
    Disbelieved {
        /// How many descriptors and completions.
        descriptors: u64,
    },
    /// Packets wait in the tx ring and nobody woke the kernel.
    NotKicked {
        /// How many.
        packets: u32,
    },
    /// Packets were given to the kernel and have not completed.
    TxStuck {
        /// How many.
        packets: u32,
    },
    /// Packets wait in the rx ring to be taken.
    NotTaken {
        /// How many.
        packets: u32,
    },
}
