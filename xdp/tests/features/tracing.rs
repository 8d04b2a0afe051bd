//! What a `tracing` subscriber hears: how a socket was set up, and what went wrong; nothing of packets.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use xdp::{BindError, Mode, QueueId, Socket, fake};

use crate::{PATIENCE, QUEUE, enter, frame, lab, next, receiver, sender, small_umem};

/// Writes down everything that it hears.
#[derive(Clone, Default)]
struct Ear {
    heard: Arc<Mutex<Vec<(Level, String)>>>,
    spans: Arc<AtomicU64>,
}

/// The fields of one event or span, one behind the other.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Ear {
    fn write(&self, metadata: &Metadata<'_>, line: Line) {
        self.heard.lock().unwrap().push((*metadata.level(), format!("{} {}", metadata.name(), line.0)));
    }

    fn take(&self) -> Vec<(Level, String)> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }
}

impl Subscriber for Ear {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("xdp")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = Line(String::new());
        span.record(&mut line);
        self.write(span.metadata(), line);
        Id::from_u64(1 + self.spans.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.write(event.metadata(), line);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Comes by the places that tell something, and has it asked again who wants to hear it: a thread without a subscriber that
/// comes by one first, while ours is being made, would have it noted that nobody does.
fn warm_up(ear: &Ear, interface: &str) {
    let umem = small_umem().build().unwrap();
    drop(Socket::builder(&umem).mode(Mode::PreferZeroCopy).bind_tx(interface, QUEUE).unwrap());
    tracing::callsite::rebuild_interest_cache();
    ear.take();
}

#[test]
fn setting_up_and_falling_back_are_told_and_packets_are_not() {
    let Some(lab) = lab("setting_up_and_falling_back_are_told_and_packets_are_not") else { return };
    let (_inside, a, b) = enter(&lab);
    let (umem, theirs) = (small_umem().build().unwrap(), small_umem().build().unwrap());
    let mut rx = receiver(&theirs, &b);
    let ear = Ear::default();
    tracing::subscriber::with_default(ear.clone(), || {
        warm_up(&ear, &a);
        let mut tx = Socket::builder(&umem).mode(Mode::PreferZeroCopy).bind_tx(&a, QUEUE).unwrap();
        let heard = ear.take();
        let told = |level, text: &str| heard.iter().any(|(at, line)| *at == level && line.contains(text));
        assert!(told(Level::INFO, "xdp_bind") && told(Level::INFO, &a), "{heard:?}");
        assert!(told(Level::INFO, "bound: ") && told(Level::INFO, "tx_budget="), "{heard:?}");
        assert!(told(Level::WARN, "copy mode where zero-copy was preferred"), "{heard:?}");
        for _ in 0..100 {
            let packet = frame(&mut tx, &[0; 60]);
            tx.send(packet).unwrap();
            tx.flush(PATIENCE).unwrap();
            drop(next(&mut rx));
        }
        assert_eq!(ear.take(), [], "packets are nobody's business");
        drop(tx);
        let heard = ear.take();
        assert!(matches!(&heard[..], [(Level::DEBUG, line)] if line.contains("closed")), "{heard:?}");
    });
}

#[test]
fn what_goes_wrong_is_told() {
    let Some(lab) = lab("what_goes_wrong_is_told") else { return };
    let (_inside, a, _b) = enter(&lab);
    let umem = small_umem().build().unwrap();
    let ear = Ear::default();
    tracing::subscriber::with_default(ear.clone(), || {
        warm_up(&ear, &a);
        let refused = Socket::builder(&umem).mode(Mode::Copy).bind_tx(&a, QueueId(7)).unwrap_err();
        assert!(matches!(refused, BindError::Queue { .. }));
        let heard = ear.take();
        assert!(
            heard.iter().any(|(at, line)| *at == Level::WARN && line.contains("no queue 7")),
            "{heard:?}"
        );

        let mut tx = sender(&umem, &a);
        ear.take();
        lab.set_down(lab.pair(0).a()).unwrap();
        let packet = frame(&mut tx, &[0; 60]);
        tx.send(packet).unwrap();
        assert!(tx.kick().is_err());
        let heard = ear.take();
        assert!(matches!(&heard[..], [(Level::WARN, line)] if line.contains("kick failed")), "{heard:?}");

        let (mut socket, mut nic) = fake::socket(&small_umem().build().unwrap(), 8).unwrap();
        assert!(nic.forge_completion(u64::MAX));
        socket.tx().reap();
        let heard = ear.take();
        assert!(
            matches!(&heard[..], [(Level::ERROR, line)] if line.contains("outside the umem")),
            "{heard:?}"
        );
    });
}
