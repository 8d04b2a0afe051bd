//! Programs and sockets at work.

use xdp::{Mode, QueueId, Receive, Socket, Umem};

use crate::{finding, interface, lab_for, printed, report, run};

#[test]
fn a_program_and_a_socket_at_work_are_shown_with_who_they_are() {
    let Some(lab) = lab_for("a_program_and_a_socket_at_work_are_shown_with_who_they_are", &[]) else {
        return;
    };
    let _inside = lab.enter().unwrap();
    let (a, b) = (lab.pair(0).a().name(), lab.pair(0).b().name());
    let before = report(&[]);
    assert_eq!(interface(&before, a)["programs"].as_array().unwrap().len(), 0);
    assert_eq!(interface(&before, a)["occupied"].as_array().unwrap().len(), 0);

    let umem = Umem::builder().chunks(64).build().unwrap();
    let builder = Socket::builder(&umem).mode(Mode::Copy).receive(Receive::Everything);
    let socket = builder.bind(a, QueueId(0)).unwrap();
    let program = socket.report().program.clone().unwrap();
    let during = report(&[]);
    let shown = &interface(&during, a)["programs"][0];
    assert_eq!(shown["id"], program.id);
    assert_eq!(shown["name"], *program.name);
    assert_eq!(shown["mode"], program.mode.to_string());
    let foreign = finding(interface(&during, a), "ForeignProgram");
    assert_eq!(foreign["severity"], "blocks");
    assert!(
        foreign["remedies"][0].as_str().unwrap().starts_with(&format!("ip link set dev {a} xdp")),
        "{foreign}"
    );
    // The kernel tells of sockets since 6.15.
    let nic = xdp::Interface::by_name(a).unwrap();
    let queues = xdp::device::NicQueue::of(&nic).unwrap().unwrap_or_default();
    if queues.iter().any(|queue| queue.is_free() == Some(false)) {
        assert_eq!(interface(&during, a)["occupied"][0]["queue"], 0);
        assert_eq!(interface(&during, a)["occupied"][0]["by"], "AF_XDP");
        assert_eq!(finding(interface(&during, a), "QueueBusy")["severity"], "blocks");
    }
    assert_eq!(interface(&during, b)["programs"].as_array().unwrap().len(), 0, "the other end has none");
    let text = printed(&run(&["--interface", a]));
    let said = format!("program {} (id {}) in {} mode", program.name, program.id, program.mode);
    assert!(text.contains(&said), "{text}");
}
