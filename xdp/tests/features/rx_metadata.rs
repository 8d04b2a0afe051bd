//! What an XDP program has put in front of packets, read by layouts that both agree on.

use xdp::metadata::{FromMetadata, HashType, RxHash, RxHints, RxVlan};
use xdp::program::{AluOp, Condition, Helper, Instruction, Program, ProgramBuilder, Register, Size};
use xdp::{AttachMode, ChunkSize, Mode, Rx, Socket, Umem, fake};

use crate::{PATIENCE, QUEUE, enter, frame, lab, next, sender, small_umem};

/// Where the context of a program holds the ends of the packet, and the queue.
const DATA: i16 = 0;
const DATA_META: i16 = 8;
const RX_QUEUE: i16 = 16;

/// A program that puts these bytes in front of every packet, and sends it to the socket of its queue.
fn writer(metadata: &[u8]) -> ProgramBuilder {
    use Register::{R0, R1, R2, R3, R6};
    let mut program = vec![
        Instruction::mov(R6, R1),
        Instruction::mov(R2, -(metadata.len() as i32)),
        Instruction::call(Helper::AdjustMeta),
    ];
    let mut body = vec![
        Instruction::load(Size::Word, R2, R6, DATA_META),
        Instruction::load(Size::Word, R3, R6, DATA),
        Instruction::mov(R1, R2),
        Instruction::alu(AluOp::Add, R1, metadata.len() as i32),
    ];
    // The verifier wants to see that the stores stay below the packet.
    let stores: Vec<_> = metadata
        .chunks(4)
        .enumerate()
        .map(|(i, word)| {
            let word = i32::from_ne_bytes(word.try_into().unwrap());
            Instruction::store(Size::Word, R2, 4 * i as i16, word)
        })
        .collect();
    body.push(Instruction::jump_if(Condition::Greater, R1, R3, stores.len() as i16));
    body.extend(stores);
    program.push(Instruction::jump_if(Condition::NotEqual, R0, 0, body.len() as i16));
    program.extend(body);
    let [low, high] = Instruction::load_map(R1);
    program.extend([
        Instruction::load(Size::Word, R2, R6, RX_QUEUE),
        low,
        high,
        Instruction::mov(R3, 2),
        Instruction::call(Helper::RedirectMap),
        Instruction::exit(),
    ]);
    Program::from_instructions(program).name("metadata")
}

/// A receiver behind that program.
fn receiver(umem: &Umem, interface: &str, program: ProgramBuilder, mode: AttachMode) -> Rx {
    let nic = xdp::Interface::by_name(interface).unwrap();
    let program = program.load().unwrap();
    let attachment = std::sync::Arc::new(program.attach(&nic, mode).unwrap());
    let rx = Socket::builder(umem).mode(Mode::Copy).bind_rx(interface, QUEUE).unwrap();
    rx.register(&attachment).unwrap();
    rx
}

fn hints() -> RxHints {
    let mut hints = RxHints::default();
    hints.timestamp = Some(0x1122_3344_5566_7788);
    hints.hash = Some(RxHash { value: 0xdead_beef, kind: HashType(HashType::IPV4.0 | HashType::UDP.0) });
    hints.vlan = Some(RxVlan { tci: 0x6005, protocol: 0x8100 });
    hints
}

#[test]
fn the_standard_hints_of_a_program_arrive_with_the_packet() {
    let Some(lab) = lab("the_standard_hints_of_a_program_arrive_with_the_packet") else { return };
    let (_inside, a, b) = enter(&lab);
    let (umem, aligned) = (small_umem().build().unwrap(), small_umem().build().unwrap());
    let unaligned = small_umem().chunk_size(ChunkSize::Unaligned(2500)).headroom(36).build().unwrap();
    for (mode, theirs) in [
        (AttachMode::Driver, &aligned),
        (AttachMode::Generic, &aligned),
        (AttachMode::Driver, &unaligned),
        (AttachMode::Generic, &unaligned),
    ] {
        let mut rx = receiver(theirs, &b, writer(&hints().metadata()), mode);
        let mut tx = sender(&umem, &a);
        for i in 0..100u8 {
            let packet = frame(&mut tx, &[i; 60]);
            tx.send(packet).unwrap();
            tx.flush(PATIENCE).unwrap();
            assert!(rx.wait(PATIENCE).unwrap(), "{mode:?}: nothing arrives");
            let batch = rx.seek(1);
            assert_eq!(batch.metadata::<RxHints>(0), Some(hints()), "{mode:?}");
            assert_eq!((batch.peek(0), batch.metadata::<RxHints>(1)), (Some(&[i; 60][..]), None));
            if i % 2 == 0 {
                batch.commit();
                continue;
            }
            let received = next(&mut rx);
            let read = received.metadata::<RxHints>().unwrap();
            assert_eq!((read, read.vlan.unwrap().id()), (hints(), 5));
        }
    }
}

/// A layout of its own, up to the longest that a program can write.
#[test]
fn a_layout_of_ones_own_is_read_by_value() {
    struct Own {
        rule: u32,
        marks: [u8; 8],
    }
    impl FromMetadata for Own {
        const LEN: usize = 12;

        fn from_metadata(bytes: &[u8]) -> Option<Self> {
            let (rule, marks) = <(u32, [u8; 8])>::from_metadata(bytes)?;
            (rule != 0).then_some(Self { rule, marks })
        }
    }
    let Some(lab) = lab("a_layout_of_ones_own_is_read_by_value") else { return };
    let (_inside, a, b) = enter(&lab);
    let (umem, theirs) = (small_umem().build().unwrap(), small_umem().headroom(64).build().unwrap());
    let mut tx = sender(&umem, &a);
    let mut exchange = |metadata: &[u8]| {
        let mut rx = receiver(&theirs, &b, writer(metadata), AttachMode::Driver);
        let packet = frame(&mut tx, b"a packet with something in front of it");
        tx.send(packet).unwrap();
        tx.flush(PATIENCE).unwrap();
        next(&mut rx)
    };
    let packet = exchange(&[9, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
    let own = packet.metadata::<Own>().unwrap();
    assert_eq!((own.rule.to_ne_bytes(), own.marks), ([9, 0, 0, 0], [1, 2, 3, 4, 5, 6, 7, 8]));
    assert_eq!(packet.metadata::<RxHints>(), None, "no mark, no hints");
    assert!(exchange(&[0; 12]).metadata::<Own>().is_none(), "the layout has the last word");
    let longest: Vec<u8> = (0..32).collect();
    let packet = exchange(&longest);
    assert_eq!(packet.metadata::<[u8; 32]>().map(|bytes| bytes.to_vec()), Some(longest));
}

/// Whatever address the kernel names, nothing is read from another chunk, or from the headroom that is the user's.
#[test]
fn nothing_is_read_from_where_no_program_writes() {
    let umem = small_umem().headroom(64).build().unwrap();
    let (mut socket, mut nic) = fake::socket(&umem, 32).unwrap();
    for (offset, is_there) in
        [(0, false), (23, false), (64, false), (87, false), (88, true), (320, true), (2047, true)]
    {
        assert!(nic.deliver_at(b"x", offset));
        let rx = socket.rx();
        let batch = rx.seek(1);
        assert_eq!(batch.metadata::<[u8; 24]>(0).is_some(), is_there, "{offset}");
        let frame = rx.recv(1).next().unwrap();
        assert_eq!(frame.metadata::<[u8; 24]>().is_some(), is_there, "{offset}");
        assert_eq!(frame.metadata::<[u8; 0]>().is_some(), offset >= 64, "{offset}");
    }
}

/// The bytes that the far end of the test has written are those in front of the frame, and none of the frame's.
#[test]
fn metadata_ends_where_the_frame_begins() {
    let umem = small_umem().build().unwrap();
    let (mut socket, mut nic) = fake::socket(&umem, 32).unwrap();
    assert!(nic.deliver(b"headframe"));
    let mut frame = socket.rx().recv(1).next().unwrap();
    frame.pop_front(4).unwrap();
    assert_eq!((frame.metadata::<[u8; 4]>(), &frame[..]), (Some(*b"head"), &b"frame"[..]));
}
