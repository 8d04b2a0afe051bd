//! The models under proptest: short, and what fails is shrunk. `models/long-run.sh` runs them for long.

use proptest::collection::vec;
use proptest::prelude::*;

/// Words for a set-up and up to `steps` steps.
fn words(steps: usize) -> impl Strategy<Value = Vec<u64>> {
    vec(any::<u64>(), 1..=steps + 1)
}

/// What fails becomes a test in `regressions.rs`, with a name, rather than a line in a file.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

mod cursor {
    use super::*;

    proptest! {
        #![proptest_config(cases(4000))]

        #[test]
        fn a_producer_never_exceeds_the_ring_and_never_moves_backwards(words in words(300)) {
            xdp_models::cursor::producer(&words);
        }

        #[test]
        fn a_consumer_never_passes_the_producer(words in words(300)) {
            xdp_models::cursor::consumer(&words);
        }

        #[test]
        fn an_impossible_word_is_ignored_and_counted(words in words(300)) {
            xdp_models::cursor::hostile_words(&words);
        }
    }
}

mod ring {
    use super::*;

    proptest! {
        #![proptest_config(cases(4000))]

        #[test]
        fn what_comes_out_of_a_ring_is_what_went_in(words in words(300)) {
            xdp_models::ring::model(&words);
        }
    }
}

mod layout {
    use super::*;

    proptest! {
        #![proptest_config(cases(4000))]

        #[test]
        fn a_place_lies_in_one_chunk_of_the_umem(words in words(300)) {
            xdp_models::layout::aligned(&words);
        }

        #[test]
        fn an_unaligned_place_lies_in_one_chunk_of_the_umem_in_either_encoding(words in words(300)) {
            xdp_models::layout::unaligned(&words);
        }
    }
}

mod packets {
    use super::*;

    proptest! {
        #![proptest_config(cases(4000))]

        #[test]
        fn packets_are_shown_whole_or_not_at_all(words in words(300)) {
            xdp_models::packets::reading(&words);
        }

        #[test]
        fn a_packet_that_passes_the_check_is_one_that_can_be_sent(words in words(300)) {
            xdp_models::packets::checking(&words);
        }
    }
}

mod wake {
    use super::*;

    proptest! {
        #![proptest_config(cases(4000))]

        #[test]
        fn no_work_lies_in_a_ring_while_both_sides_sleep(words in words(300)) {
            xdp_models::wake::model(&words);
        }
    }
}

mod pools {
    use super::*;

    proptest! {
        #![proptest_config(cases(4000))]

        #[test]
        fn pools_and_the_return_path_lose_no_chunk_and_double_none(words in words(300)) {
            xdp_models::pools::model(&words);
        }
    }
}

mod sockets {
    use super::*;

    proptest! {
        #![proptest_config(cases(4000))]

        #[test]
        fn no_packet_and_no_chunk_is_lost_between_two_sockets(words in words(300)) {
            xdp_models::sockets::model(&words);
        }
    }
}

mod shared_queue {
    use super::*;

    proptest! {
        #![proptest_config(cases(4000))]

        #[test]
        fn no_packet_and_no_chunk_is_lost_between_the_members_of_a_shared_queue(words in words(300)) {
            xdp_models::shared_queue::model(&words);
        }
    }
}

mod edits {
    use super::*;

    proptest! {
        #![proptest_config(cases(4000))]

        #[test]
        fn edits_stay_inside_the_chunk_and_show_what_was_there(words in words(200)) {
            xdp_models::edits::model(&words);
        }
    }
}

mod hostile_rings {
    use super::*;

    proptest! {
        #![proptest_config(cases(4000))]

        #[test]
        fn a_hostile_kernel_gets_no_chunk_two_owners(words in words(300)) {
            xdp_models::hostile_rings::model(&words);
        }
    }
}

mod hostile_socket {
    use super::*;

    proptest! {
        #![proptest_config(cases(4000))]

        #[test]
        fn a_hostile_kernel_gets_no_socket_to_lend_or_lose_a_chunk(words in words(300)) {
            xdp_models::hostile_socket::model(&words);
        }
    }
}
