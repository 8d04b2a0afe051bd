//! The options that all programs have.

use std::time::Duration;

use anyhow::{Context, ensure};
use clap::ValueEnum;
use xdp::{ChunkSize, Mode, NeedWakeup, QueueId, Socket, SocketBuilder, Umem};

use crate::packet::SMALLEST;

/// Bytes that the kernel keeps free in front of a received packet, for XDP programs that prepend
/// (`XDP_PACKET_HEADROOM` in `linux/bpf.h`).
const KERNEL_HEADROOM: u32 = 256;

/// Options of rxdrop, txonly and l2fwd.
#[derive(Debug, Clone, clap::Args)]
pub struct Common {
    /// Queue of the interface, counted from 0.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    queue: u32,
    /// Seconds to run, fractions too; until Ctrl-C if not given.
    #[arg(long, value_name = "SECONDS")]
    duration: Option<f64>,
    /// Packets that are taken or handed over at once.
    #[arg(long, value_name = "PACKETS", default_value_t = 64)]
    batch: u32,
    /// Bytes of a chunk, the slot that one packet lives in: 2048 or 4096.
    #[arg(long, value_name = "BYTES", default_value_t = 4096)]
    frame_size: u32,
    /// How packets get between the NIC and the program's memory.
    #[arg(long, value_enum, default_value_t = ModeName::PreferZeroCopy)]
    mode: ModeName,
    /// Make a system call for every batch, whether the kernel asks to be woken or not.
    #[arg(long)]
    no_need_wakeup: bool,
    /// Bytes of each packet that is sent, Ethernet header included; in programs that only receive, of the lab's
    /// packets.
    #[arg(long, value_name = "BYTES", default_value_t = 64)]
    size: usize,
    /// Look again at once when there is nothing to do, instead of sleeping: a whole core for less delay.
    #[arg(long)]
    busy: bool,
    /// Print one JSON object at the end instead of a table.
    #[arg(long)]
    json: bool,
}

/// The names of [`Mode`] on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModeName {
    /// The NIC reads and writes the memory itself, or the program ends with an error.
    ZeroCopy,
    /// Zero-copy if it can be had, else copy.
    PreferZeroCopy,
    /// The kernel copies packets; works on every interface.
    Copy,
}

impl Common {
    /// The queue.
    pub fn queue(&self) -> QueueId {
        QueueId(self.queue)
    }

    /// How long to run; `None` is until Ctrl-C.
    pub fn duration(&self) -> anyhow::Result<Option<Duration>> {
        let checked = |seconds| {
            Duration::try_from_secs_f64(seconds).with_context(|| format!("cannot run for {seconds} seconds"))
        };
        self.duration.map(checked).transpose()
    }

    /// Packets at once.
    pub fn batch(&self) -> anyhow::Result<u32> {
        ensure!(self.batch > 0, "a batch needs 1 packet or more, not 0");
        Ok(self.batch)
    }

    /// Bytes of each packet.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether to spin instead of sleeping.
    pub fn busy(&self) -> bool {
        self.busy
    }

    /// Whether the summary is to be JSON.
    pub fn json(&self) -> bool {
        self.json
    }

    /// A UMEM with chunks of the size asked for, in which packets of the size asked for can be received.
    pub fn umem(&self, chunks: u32) -> anyhow::Result<Umem> {
        let chunk_size = ChunkSize::from_bytes(self.frame_size).with_context(|| {
            format!("a frame size of {} bytes cannot be: choose 2048 or 4096", self.frame_size)
        })?;
        ensure!(
            self.size >= SMALLEST,
            "a packet of {} bytes cannot be: its headers and its number take {SMALLEST}",
            self.size
        );
        let room = chunk_size.bytes() - KERNEL_HEADROOM;
        ensure!(
            self.size <= room as usize,
            "a packet of {} bytes does not fit a frame of {}, of which the kernel leaves {room}",
            self.size,
            chunk_size.bytes()
        );
        Ok(Umem::builder().chunks(chunks).chunk_size(chunk_size).build()?)
    }

    /// The beginnings of a socket, with the mode and the wakeups asked for.
    pub fn socket(&self, umem: &Umem) -> SocketBuilder {
        let mode = match self.mode {
            ModeName::ZeroCopy => Mode::ZeroCopy,
            ModeName::PreferZeroCopy => Mode::PreferZeroCopy,
            ModeName::Copy => Mode::Copy,
        };
        let need_wakeup = if self.no_need_wakeup { NeedWakeup::Always } else { NeedWakeup::WhenAsked };
        Socket::builder(umem).mode(mode).need_wakeup(need_wakeup)
    }
}
