//! The implementations are comparable only if they do the same.

use super::*;

/// What one implementation does over more than two laps: what it took, and what it published.
fn deeds<R: FourRings>() -> (Vec<Taken>, Vec<(u64, Desc)>) {
    let mut rings = R::new();
    let (mut taken, mut published) = (Vec::new(), Vec::new());
    let mut number = 0;
    for batch in [1, 8, 7, 64, 256, 255, 1, 3].into_iter().cycle().take(64) {
        let chunks: Vec<u64> = (number..number + batch).map(chunk).collect();
        let frames: Vec<Desc> = (number..number + batch).map(frame).collect();
        number += batch;
        rings.kernel_completes(batch);
        rings.kernel_receives(batch);
        taken.push(measured::completion(&mut rings, batch));
        taken.push(measured::rx(&mut rings, batch));
        assert_eq!(measured::fill(&mut rings, &chunks), batch);
        assert_eq!(measured::tx(&mut rings, &frames), batch);
        published.extend((0..batch).map(|i| rings.published(number - batch, i)));
        rings.kernel_takes_fill(batch);
        rings.kernel_takes_tx(batch);
    }
    assert!(number > 2 * ENTRIES, "the ring is lapped");
    (taken, published)
}

#[test]
fn every_implementation_does_the_same_work() {
    let floor = deeds::<Floor>();
    assert_eq!(deeds::<Slice>(), floor);
    assert_eq!(deeds::<Ours>(), floor);
}

fn keeps_within_the_ring<R: FourRings>() {
    let mut rings = R::new();
    let chunks: Vec<u64> = (0..ENTRIES + 9).map(chunk).collect();
    assert_eq!(rings.fill(&chunks), ENTRIES);
    assert_eq!(rings.fill(&chunks), 0);
    rings.kernel_receives(5);
    assert_eq!(rings.rx(64).count, 5);
    assert_eq!(rings.rx(64).count, 0);
}

#[test]
fn every_implementation_keeps_within_the_ring() {
    keeps_within_the_ring::<Floor>();
    keeps_within_the_ring::<Slice>();
    keeps_within_the_ring::<Ours>();
}
