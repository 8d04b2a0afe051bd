//! Who is at the other end of the lab: a thread that sends, or that sends and counts what comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, anyhow};
use serde::Serialize;
use xdp::lab::End;
use xdp::{QueueId, Receive, Rx, Socket, Tx, Umem};

use crate::packet::{NOBODY, Packets};
use crate::run::Run;
use crate::summary::UmemSummary;

/// Packets in flight between two ends of a lab that lose none: a veth keeps 256 that its receiver has not looked at
/// (`VETH_RING_SIZE` in `drivers/net/veth.c`), and drops the next one.
pub const WINDOW: u64 = 256;

/// Packets sent at once.
const BATCH: u32 = 64;

/// How long the other end may keep a packet before it is taken for lost.
const PATIENCE: Duration = Duration::from_millis(100);

/// A thread that makes traffic, or nobody.
#[derive(Debug)]
pub struct Traffic {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<anyhow::Result<TrafficSummary>>>,
}

/// What the thread has done.
#[derive(Debug, Clone, Serialize)]
pub struct TrafficSummary {
    /// Packets sent.
    pub sent: u64,
    /// Packets that came back; none are expected by a thread that only sends.
    pub returned: Option<u64>,
    /// The chunks of its UMEM.
    pub umem: UmemSummary,
}

impl Traffic {
    /// Nobody: the world makes the traffic.
    pub fn none() -> Self {
        Self { stop: Arc::default(), thread: None }
    }

    /// Sends from an end of a lab as fast as it can. The calling thread is inside the lab.
    pub fn blast(end: &End, size: usize) -> anyhow::Result<Self> {
        let umem = Umem::builder().build()?;
        let tx = Socket::builder(&umem).bind_tx(end, QueueId(0))?;
        let packet = Packets::new(end.mac(), NOBODY, size)?.first()?;
        Self::spawn(move |stop| blast(tx, &umem, &packet, stop))
    }

    /// Sends from an end of a lab, no more at once than a veth can hold, and counts what comes back. The calling
    /// thread is inside the lab.
    pub fn ping(end: &End, size: usize) -> anyhow::Result<Self> {
        let umem = Umem::builder().chunks(8192).build()?;
        let (rx, tx) = Socket::builder(&umem).receive(Receive::Everything).bind(end, QueueId(0))?.split();
        let packet = Packets::new(end.mac(), NOBODY, size)?.first()?;
        Self::spawn(move |stop| ping(rx, tx, &umem, &packet, stop))
    }

    fn spawn(
        work: impl FnOnce(&AtomicBool) -> anyhow::Result<TrafficSummary> + Send + 'static,
    ) -> anyhow::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::Builder::new().name("traffic".into()).spawn(move || work(&told));
        Ok(Self { stop, thread: Some(thread.context("cannot start a thread for the traffic")?) })
    }

    /// Whether the program may end: its run is over, and so is the traffic, which then waits for what is still to
    /// come back. Traffic that ended early ends the program too.
    pub fn is_over(&self, run: &Run) -> bool {
        let is_over = run.is_over();
        self.stop.store(is_over, Ordering::Relaxed); // a flag that stands alone
        self.thread.as_ref().map_or(is_over, JoinHandle::is_finished)
    }

    /// What it has done; none if there was nobody.
    pub fn finish(self) -> anyhow::Result<Option<TrafficSummary>> {
        self.stop.store(true, Ordering::Relaxed);
        let Some(thread) = self.thread else { return Ok(None) };
        let ended = thread.join().map_err(|_| anyhow!("the lab's traffic thread panicked"))?;
        ended.map(Some).context("the lab's traffic ended early")
    }
}

fn blast(mut tx: Tx, umem: &Umem, packet: &[u8], stop: &AtomicBool) -> anyhow::Result<TrafficSummary> {
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        let n = send(&mut tx, packet, BATCH)?;
        if n == 0 {
            tx.wait(PATIENCE)?;
        }
        sent += u64::from(n);
    }
    tx.flush(Duration::from_secs(1))?;
    Ok(TrafficSummary { sent, returned: None, umem: UmemSummary::of("traffic", umem) })
}

fn ping(
    mut rx: Rx,
    mut tx: Tx,
    umem: &Umem,
    packet: &[u8],
    stop: &AtomicBool,
) -> anyhow::Result<TrafficSummary> {
    let (mut sent, mut returned, mut in_flight) = (0, 0, 0_u64);
    loop {
        let ending = stop.load(Ordering::Relaxed);
        if ending && in_flight == 0 {
            break;
        }
        let n =
            if !ending && in_flight + u64::from(BATCH) <= WINDOW { send(&mut tx, packet, BATCH)? } else { 0 };
        sent += u64::from(n);
        in_flight += u64::from(n);

        let back = rx.seek(u32::MAX);
        let arrived = u64::from(back.len());
        back.commit();
        returned += arrived;
        in_flight = in_flight.saturating_sub(arrived);
        if n == 0 && arrived == 0 && !rx.wait(PATIENCE)? {
            in_flight = 0; // what is so late was lost
        }
    }
    tx.flush(Duration::from_secs(1))?;
    Ok(TrafficSummary { sent, returned: Some(returned), umem: UmemSummary::of("traffic", umem) })
}

/// Sends the same packet up to `n` times; returns how often.
fn send(tx: &mut Tx, packet: &[u8], n: u32) -> anyhow::Result<u32> {
    let mut batch = tx.seek(n);
    for i in 0..batch.len() {
        batch.peek(i, packet.len())?.copy_from_slice(packet);
    }
    let sent = batch.commit();
    tx.kick()?;
    Ok(sent)
}
