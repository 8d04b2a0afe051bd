//! Diagnosis: what stands in the way of packets on this machine, why, and what to do about it.
//!
//! - [`diagnose`] before the bind (or [`SocketBuilder::diagnose`]): what would go wrong with these settings.
//! - [`BindError::likely_causes`]: what the error of a bind comes from on this machine, the likeliest first.
//! - [`Socket::health`] (and of each half) after the bind: why nothing arrives, or goes.
//! - [`Machine`] and [`Kernel`]: what the thread may do, and what the kernel can.
//!
//! All of it asks and changes nothing, and works in the network namespace of the calling thread. What the thread may not
//! see is left out; a finding is never a guess that the facts contradict.
//!
//! # What is known to go wrong, and where it is caught
//!
//! | what people meet | what becomes of it here |
//! |---|---|
//! | "no buffer space" when the UMEM is registered | told: [`LockedMemory`](FindingKind::LockedMemory), with sizes |
//! | no packets: they arrive at other queues | told: [`OtherQueues`](FindingKind::OtherQueues), [`NotInRssTable`](FindingKind::NotInRssTable), [`SteeredElsewhere`](FindingKind::SteeredElsewhere), [`NoSuchQueue`](FindingKind::NoSuchQueue), [`MacFilter`](FindingKind::MacFilter) |
//! | no packets: program missing or replaced, slot of the map empty | told: [`NoProgram`](FindingKind::NoProgram), [`ProgramElsewhere`](FindingKind::ProgramElsewhere), [`ProgramDetached`](FindingKind::ProgramDetached), [`ProgramReplaced`](FindingKind::ProgramReplaced), [`SlotEmpty`](FindingKind::SlotEmpty), [`SlotTaken`](FindingKind::SlotTaken) |
//! | "not supported" for zero-copy | told before: [`NoZeroCopy`](FindingKind::NoZeroCopy); [`Mode`](crate::Mode) says how much it is wanted |
//! | "not supported" when an old kernel is asked for the mode | prevented: taken for "not known" |
//! | "busy" when a queue is bound again | prevented: rings are unmapped before the close, and the bind is tried for half a second; then [`QueueBusy`](FindingKind::QueueBusy), with the owner where the kernel tells |
//! | "invalid argument" for zero-copy after a kernel update | told: [`ZeroCopyMtu`](FindingKind::ZeroCopyMtu), with the headroom or MTU that works |
//! | silent fallback to copy mode | prevented: the report says the mode and why; told: [`FellBackToCopy`](FindingKind::FellBackToCopy) |
//! | the MTU is too large for a program in the driver | told: [`MtuForbidsDriver`](FindingKind::MtuForbidsDriver) for the drivers whose limit is known, [`FellBackToGeneric`](FindingKind::FellBackToGeneric) |
//! | the link goes down when a program comes or goes | prevented as far as one attachment serves many sockets; told: [`LinkReset`](FindingKind::LinkReset), [`NoCarrier`](FindingKind::NoCarrier) |
//! | nothing is sent until something else happens | told: [`NotKicked`](FindingKind::NotKicked), [`TxStuck`](FindingKind::TxStuck); why a driver sits on packets is out of reach, it tells nobody |
//! | packets left over after a send (a budget of 32) | prevented: a kick goes on while it makes progress, and raises the budget where it can |
//! | the send buffer limits copy mode | prevented where the buffer may be as long as the tx ring; told where it may not: [`SmallSendBuffer`](FindingKind::SmallSendBuffer) |
//! | the fill ring runs empty | prevented as far as the chunks go; told: [`ShortFillRing`](FindingKind::ShortFillRing), [`FillStarved`](FindingKind::FillStarved), [`FillRanEmpty`](FindingKind::FillRanEmpty) |
//! | frames lost, or owned twice | prevented by the types and the custody table; a kernel that breaks the rules is counted: [`Disbelieved`](FindingKind::Disbelieved) |
//! | several buffers in the socket and not in the program, or the other way | prevented: the builder gives both the same, and a program of yours is checked when it is registered: [`BufferMismatch`](FindingKind::BufferMismatch), [`ZeroCopySegments`](FindingKind::ZeroCopySegments); what is too long for one is told: [`FramesTooLong`](FindingKind::FramesTooLong), [`MtuExceedsChunk`](FindingKind::MtuExceedsChunk) |
//! | veth: the peer needs a program or GRO; checksums are missing | told: [`PeerWithoutNapi`](FindingKind::PeerWithoutNapi), [`PartialChecksums`](FindingKind::PartialChecksums), [`PeerDown`](FindingKind::PeerDown) |
//! | faults of drivers and kernels | the known ones are told by version: [`DriverQuirk`](FindingKind::DriverQuirk); whether a distribution repaired an old kernel is out of reach, and so are the unknown ones |
//! | virtio_net: "too few free TX rings" | told: [`FewTxRings`](FindingKind::FewTxRings) |
//! | LRO, hardware GRO or header split forbid programs | told: [`LargeReceiveOffload`](FindingKind::LargeReceiveOffload), [`HeaderSplit`](FindingKind::HeaderSplit) |
//! | two users of one ring | prevented: a half is used through `&mut` and has the rings alone; other processes are out of reach |
//! | "busy" or "exists" when a program is attached | told: [`ForeignProgram`](FindingKind::ForeignProgram), [`ModeConflict`](FindingKind::ModeConflict), [`UpperProgram`](FindingKind::UpperProgram) |
//! | a wait that never ends after the interface was removed | prevented: a wait listens to link messages; told: [`InterfaceGone`](FindingKind::InterfaceGone) |
//! | huge pages missing, memory on the wrong NUMA node | told: [`HugePages`](FindingKind::HugePages), [`FarNode`](FindingKind::FarNode) |
//! | bond, VLAN, bridge instead of the NIC below | told: [`UpperDevice`](FindingKind::UpperDevice), [`HasMaster`](FindingKind::HasMaster) |
//!
//! # Out of reach
//!
//! - How many packets arrived at each queue, where the driver does not count them for the kernel (veth does not):
//!   [`OtherQueues`](FindingKind::OtherQueues) then says that they may be elsewhere, not that they are.
//! - Packets that the kernel drops between program and socket, because the socket is bound to another queue for example: the
//!   tracepoint `xdp:xdp_redirect_err` alone tells.
//! - What somebody else's program decides, and what is in its maps.
//! - How much memory a user has locked already: the limit is known, what is left of it is not.
//! - Packets that the NIC drops or holds back itself, flow control included: `ethtool -S` and `ethtool -a` tell in the words of
//!   each driver.
//!
//! [`SocketBuilder::diagnose`]: crate::SocketBuilder::diagnose
//! [`BindError::likely_causes`]: crate::BindError::likely_causes
//! [`Socket::health`]: crate::Socket::health

mod after;
mod before;
pub(crate) mod causes;
mod config;
mod facts;
mod far_node;
mod finding;
pub(crate) mod flow;
pub(crate) mod kernel;
mod kind;
mod link;
mod machine;
mod mode;
mod programs;
mod queues;
mod quirks;
mod sizes;

pub(crate) use after::health;
pub use before::diagnose;
pub use config::Config;
pub use finding::{Diagnosis, Finding, Severity};
pub use kernel::{Kernel, KernelFeature};
pub use kind::FindingKind;
pub use machine::{Capability, Machine};
