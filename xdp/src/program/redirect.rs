//! The program that hands every packet to the socket of its queue.

use std::mem::offset_of;

use xdp_sys::bpf::xdp_md;

use super::{Action, Helper, Instruction, Register, Size};

/// `return bpf_redirect_map(map, context->rx_queue_index, otherwise)`
///
/// The flags name what happens where the queue has no socket (Minimum kernel: 5.3): one look into the map instead of
/// a lookup before it.
pub(super) fn redirect_all(otherwise: Action) -> Vec<Instruction> {
    use Register::{R1, R2, R3};
    let queue = offset_of!(xdp_md, rx_queue_index) as i16;
    let [map_low, map_high] = Instruction::load_map(R1);
    vec![
        // First, since the next instruction overwrites the context in r1.
        Instruction::load(Size::Word, R2, R1, queue),
        map_low,
        map_high,
        Instruction::mov(R3, otherwise as i32),
        Instruction::call(Helper::RedirectMap),
        Instruction::exit(),
    ]
}
