//! The journeys are comparable only if they do the same, and their figures mean something only if nothing is lost.

use super::*;

fn goes_round_without_loss<J: Journey>() {
    FLOWS.into_iter().for_each(goes::<J>);
}

fn goes<J: Journey>(flow: Flow) {
    let mut bed = Bed::<J>::new(flow);
    for batch in crate::BATCHES {
        for _ in 0..16 {
            bed.prepare();
            bed.round(batch);
            assert!(bed.journey.is_whole(), "{flow:?} at batch {batch}");
        }
    }
}

#[test]
fn packets_go_round_by_the_library_without_loss() {
    goes_round_without_loss::<Ours>();
}

#[test]
fn packets_go_round_by_hand_without_loss() {
    goes_round_without_loss::<ByHand>();
}

#[test]
fn a_careful_program_by_hand_receives_and_forwards_without_loss() {
    for flow in [Flow::Borrowed, Flow::Owned] {
        goes::<ByHand<Check>>(flow);
    }
}

#[test]
fn an_answer_has_the_addresses_swapped() {
    let mut packet: Vec<u8> = (0..60).collect();
    swap_macs(&mut packet);
    assert_eq!(packet[..14], [6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 12, 13]);
    let mut short = vec![1; 11];
    swap_macs(&mut short);
    assert_eq!(short, [1; 11]);
}
