//! The parser against damaged and well-formed bytes, the socket against the running kernel.

use std::os::fd::AsFd;

use proptest::collection::vec;
use proptest::prelude::*;
use xdp_sys::netlink::{
    AF_NETLINK, NETLINK_ROUTE, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR,
    NLMSG_NOOP, NLMSGERR_ATTR_MSG, nlmsgerr, nlmsghdr, sockaddr_nl,
};
use xdp_sys::rtnetlink::{RTM_GETLINK, RTM_NEWLINK, ifinfomsg};
use xdp_sys::{Errno, Plain};

use super::messages::{Damaged, Role};
use super::request::Body;
use super::script::attributes;
use super::*;
use crate::sys;

/// A whole message: header with the true length, and payload.
fn message(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
    let header = nlmsghdr {
        nlmsg_len: (size_of::<nlmsghdr>() + payload.len()) as u32,
        nlmsg_type: kind,
        nlmsg_flags: flags,
        ..nlmsghdr::default()
    };
    [header.as_bytes(), payload].concat()
}

fn role(bytes: &[u8]) -> Result<Role, Damaged> {
    Messages::new(bytes).next().expect("one message").and_then(|message| message.role())
}

#[test]
fn a_dump_ends_at_its_mark_even_if_no_message_says_that_there_are_several() {
    let part = message(RTM_NEWLINK, 0, &[0; 16]);
    assert_eq!(role(&part), Ok(Role::Answer));
    assert_eq!(role(&message(NLMSG_DONE, 0, &0_i32.to_ne_bytes())), Ok(Role::End(None)));
    assert_eq!(role(&message(NLMSG_DONE, 0, &[])), Ok(Role::End(None)), "kernels of old send no number");
}

#[test]
fn a_dump_that_ends_in_an_error_failed() {
    let refused = (-Errno::EINTR.raw()).to_ne_bytes();
    assert_eq!(role(&message(NLMSG_DONE, 0, &refused)), Ok(Role::Failed(Errno::EINTR, None)));
}

#[test]
fn the_kernel_s_words_are_found_with_and_without_the_request_before_them() {
    let words = attributes(|body| body.text(NLMSGERR_ATTR_MSG, "Device is down"));
    let request = nlmsghdr { nlmsg_len: 20, ..nlmsghdr::default() };
    let error = nlmsgerr { error: -Errno::EBUSY.raw(), msg: request };
    let expected = Ok(Role::Failed(Errno::EBUSY, Some("Device is down".into())));

    let capped = [error.as_bytes(), &words].concat();
    assert_eq!(role(&message(NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS, &capped)), expected);
    let with_request = [error.as_bytes(), &[0; 4], &words].concat();
    assert_eq!(role(&message(NLMSG_ERROR, NLM_F_ACK_TLVS, &with_request)), expected);
    let without_words = message(NLMSG_ERROR, NLM_F_CAPPED, &capped);
    assert_eq!(
        role(&without_words),
        Ok(Role::Failed(Errno::EBUSY, None)),
        "what is not announced is not read"
    );
}

#[test]
fn what_the_kernel_remarks_about_a_success_is_kept_until_the_next_request() {
    let mut rounds = 0;
    let mut socket = script::scripted(move |question| {
        rounds += 1;
        let remark = attributes(|body| body.text(NLMSGERR_ATTR_MSG, "rounded to 512"));
        let done = [nlmsgerr::default().as_bytes(), &remark].concat();
        let flags = if rounds == 1 { NLM_F_CAPPED | NLM_F_ACK_TLVS } else { NLM_F_CAPPED };
        vec![script::message(NLMSG_ERROR, flags, question, &done)]
    });
    let request = Request::new(RTM_GETLINK, 0);
    assert_eq!(socket.request(&request).expect("done"), []);
    assert_eq!(socket.warning(), Some("rounded to 512"));
    socket.request(&request).expect("done");
    assert_eq!(socket.warning(), None);
}

#[test]
fn an_acknowledgement_is_the_end_and_noise_is_ignored() {
    assert_eq!(role(&message(NLMSG_ERROR, 0, nlmsgerr::default().as_bytes())), Ok(Role::End(None)));
    assert_eq!(role(&message(NLMSG_NOOP, 0, &[])), Ok(Role::Ignored));
    assert_eq!(role(&message(NLMSG_ERROR, 0, &[0; 3])), Err(Damaged), "an error without a number");
}

#[test]
fn an_interrupted_dump_is_seen() {
    let bytes = message(RTM_NEWLINK, NLM_F_DUMP_INTR, &[]);
    assert!(Messages::new(&bytes).next().expect("one").expect("sound").is_interrupted());
}

#[test]
fn the_largest_possible_error_number_does_not_overflow() {
    let error = nlmsgerr { error: i32::MIN, ..nlmsgerr::default() };
    assert_eq!(
        role(&message(NLMSG_ERROR, 0, error.as_bytes())),
        Ok(Role::Failed(Errno::from_raw(i32::MAX), None))
    );
}

#[test]
fn messages_that_state_a_false_length_end_the_datagram() {
    for len in [0, 15, 21, u32::MAX] {
        let mut bytes = message(RTM_NEWLINK, 0, &[0; 4]);
        bytes[..4].copy_from_slice(&len.to_ne_bytes());
        let all: Vec<_> = Messages::new(&bytes).map(|message| message.map(|_| ())).collect();
        assert_eq!(all, [Err(Damaged)], "length {len}");
    }
}

#[test]
fn an_attribute_too_long_for_its_length_is_refused_before_it_is_sent() {
    let request = Request::new(RTM_GETLINK, 0).text(1, &"x".repeat(70_000));
    assert!(matches!(request.bytes(1, 0), Err(NetlinkError::TooLong)));
    let nested = Request::new(RTM_GETLINK, 0).nest(1, |body| {
        body.text(2, &"x".repeat(40_000));
        body.text(3, &"x".repeat(40_000));
    });
    assert!(matches!(nested.bytes(1, 0), Err(NetlinkError::TooLong)));
}

#[test]
fn the_kernel_answers_about_the_loopback_and_refuses_in_words_a_user_can_read() {
    let mut socket = NetlinkSocket::open(Protocol::Route).expect("netlink needs no privilege");
    let question =
        |index| Request::new(RTM_GETLINK, 0).fixed(&ifinfomsg { ifi_index: index, ..Default::default() });
    let answer = socket.request_one(&question(1)).expect("every namespace has a loopback");
    assert_eq!(answer.kind, RTM_NEWLINK);

    let refused = socket.request_one(&question(i32::MAX)).expect_err("no such link");
    assert_eq!(refused.refusal(), Some(Errno::ENODEV));
    assert!(refused.to_string().starts_with("the kernel refused the request"), "{refused}");

    let nothing = socket.request_one(&question(0)).expect_err("neither index nor name");
    assert_eq!(nothing.refusal(), Some(Errno::EINVAL));
    let again = socket.request_one(&question(1)).expect("a refusal leaves the socket in step");
    assert_eq!(again.kind, RTM_NEWLINK);
}

#[test]
fn lists_of_the_kernel_are_read_to_their_end() {
    const RTM_GETADDR: u16 = 22;
    const RTM_GETROUTE: u16 = 26;
    let mut socket = NetlinkSocket::open(Protocol::Route).expect("netlink needs no privilege");
    for kind in [RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE] {
        let list = socket.request(&Request::dump(kind).fixed(&ifinfomsg::default())).expect("listed");
        // The type of an answer is that of making what it tells of.
        assert!(list.iter().all(|answer| answer.kind == kind - 2), "{kind}");
        assert!(kind != RTM_GETLINK || !list.is_empty(), "every namespace has a loopback");
    }
    let answer = socket.request_one(
        &Request::new(RTM_GETLINK, 0).fixed(&ifinfomsg { ifi_index: 1, ..ifinfomsg::default() }),
    );
    assert_eq!(answer.expect("in step").kind, RTM_NEWLINK);
}

/// A link of this index, as a dump lists it.
fn listed(question: nlmsghdr, index: i32, flags: u16) -> Vec<u8> {
    let link = ifinfomsg { ifi_index: index, ..ifinfomsg::default() };
    script::message(RTM_NEWLINK, flags, question, link.as_bytes())
}

fn indexes(answers: &[Answer]) -> Vec<i32> {
    let links = answers.iter().map(|answer| ifinfomsg::read(&answer.payload).expect("a link"));
    links.map(|link| link.ifi_index).collect()
}

#[test]
fn an_interrupted_dump_is_asked_for_again_and_no_part_of_it_is_returned() {
    let mut rounds = 0;
    let mut socket = script::scripted(move |question| {
        rounds += 1;
        let end = script::message(NLMSG_DONE, 0, question, &[0; 4]);
        match rounds {
            // Marked on one part, marked on the end, ended by the error, and then whole: each with links of its own.
            1 => vec![listed(question, 1, 0), [listed(question, 2, NLM_F_DUMP_INTR), end].concat()],
            2 => {
                let end = script::message(NLMSG_DONE, NLM_F_DUMP_INTR, question, &[0; 4]);
                vec![listed(question, 3, 0), end]
            }
            3 => {
                let error = (-Errno::EINTR.raw()).to_ne_bytes();
                vec![listed(question, 4, 0), script::message(NLMSG_DONE, 0, question, &error)]
            }
            _ => vec![listed(question, 5, 0), listed(question, 6, 0), end],
        }
    });
    let answers = socket.request(&Request::dump(RTM_GETLINK)).expect("whole in the end");
    assert_eq!(indexes(&answers), [5, 6]);
}

#[test]
fn what_is_not_wanted_of_a_list_is_not_kept_and_an_interruption_counts_all_the_same() {
    let mut rounds = 0;
    let mut socket = script::scripted(move |question| {
        rounds += 1;
        let interrupted = if rounds == 1 { NLM_F_DUMP_INTR } else { 0 };
        let links = [listed(question, 1, interrupted), listed(question, 2, 0), listed(question, 3, 0)];
        vec![links.concat(), script::message(NLMSG_DONE, 0, question, &[0; 4])]
    });
    let wanted = |payload: &[u8]| ifinfomsg::read(payload).is_some_and(|link| link.ifi_index != 1);
    let answers = socket.request_some(&Request::dump(RTM_GETLINK), wanted).expect("whole in the end");
    assert_eq!(indexes(&answers), [2, 3]);
}

#[test]
fn numbers_of_four_and_of_eight_bytes_are_read_and_no_others() {
    let number = |bytes: &[u8]| {
        let attributes = attributes(|body| body.bytes(1, bytes));
        Attributes::new(&attributes).find(1).expect("there").number()
    };
    assert_eq!(number(&7_u32.to_ne_bytes()), Some(7));
    assert_eq!(number(&(1_u64 << 40).to_ne_bytes()), Some(1 << 40));
    assert_eq!((number(&[]), number(&[1, 2]), number(&[0; 7])), (None, None, None));
}

#[test]
fn a_dump_that_is_always_interrupted_is_given_up() {
    let mut socket =
        script::scripted(|question| vec![script::message(NLMSG_DONE, NLM_F_DUMP_INTR, question, &[0; 4])]);
    let error = socket.request(&Request::dump(RTM_GETLINK)).expect_err("never whole");
    assert!(matches!(error, NetlinkError::Interrupted { attempts: 8 }), "{error}");
}

#[test]
fn a_late_answer_to_an_earlier_request_is_passed_over() {
    let mut socket = script::scripted(|question| {
        let earlier = nlmsghdr { nlmsg_seq: question.nlmsg_seq.wrapping_sub(1), ..question };
        let late_end = script::message(NLMSG_ERROR, 0, earlier, nlmsgerr::default().as_bytes());
        let end = script::message(NLMSG_ERROR, 0, question, nlmsgerr::default().as_bytes());
        vec![listed(earlier, 1, 0), late_end, [listed(earlier, 2, 0), listed(question, 3, 0)].concat(), end]
    });
    for _ in 0..2 {
        let answers = socket.request(&Request::new(RTM_GETLINK, 0)).expect("answered");
        assert_eq!(indexes(&answers), [3]);
    }
}

#[test]
fn only_the_kernel_is_believed() {
    // Netlink delivers what other processes send to a port, and request numbers are easily guessed.
    let address = |port| sockaddr_nl { nl_family: AF_NETLINK as u16, nl_pid: port, ..sockaddr_nl::default() };
    let open = || sys::socket(AF_NETLINK, libc::SOCK_RAW, NETLINK_ROUTE).expect("netlink needs no privilege");
    let ours = open();
    let port = (0x7ea5_0000..0x7ea6_0000)
        .find(|&port| sys::bind(ours.as_fd(), &address(port)).is_ok())
        .expect("one of many ports is free");
    let stranger = open();
    let question = nlmsghdr { nlmsg_seq: 1, nlmsg_pid: port, ..nlmsghdr::default() };
    let end = script::message(NLMSG_ERROR, 0, question, nlmsgerr::default().as_bytes());
    let forged = [listed(question, 4242, 0), end].concat();
    match sys::send_to(stranger.as_fd(), &forged, &address(port)) {
        Ok(_) => {}
        Err(errno) => {
            assert_ne!(std::env::var("XDP_TEST_REQUIRE").as_deref(), Ok("1"), "must run: {errno}");
            eprintln!(
                "SKIPPED only_the_kernel_is_believed: no message to another port without root: {errno}"
            );
            return;
        }
    }
    let mut socket = NetlinkSocket::over(ours);
    let loopback = Request::new(RTM_GETLINK, 0).fixed(&ifinfomsg { ifi_index: 1, ..ifinfomsg::default() });
    let answers = socket.request(&loopback).expect("every namespace has a loopback");
    assert_eq!(indexes(&answers), [1]);
}

#[test]
fn generic_families_are_found_by_name() {
    let mut socket = NetlinkSocket::open(Protocol::Generic).expect("netlink needs no privilege");
    let control = Family::find(&mut socket, "nlctrl").expect("the controller lists itself");
    assert!(control.has(xdp_sys::genetlink::CTRL_CMD_GETFAMILY));
    assert!(!control.has(200));
    let unknown = Family::find(&mut socket, "nosuchfamily").expect_err("not a family");
    assert_eq!(unknown.refusal(), Some(Errno::ENOENT));
}

/// Attributes as a model: a number with bytes, or a nest of more.
#[derive(Debug, Clone, PartialEq)]
enum Model {
    Bytes(u16, Vec<u8>),
    Nest(u16, Vec<Model>),
}

fn any_model() -> impl Strategy<Value = Model> {
    let leaf = (0_u16..1 << 14, vec(any::<u8>(), 0..40)).prop_map(|(kind, bytes)| Model::Bytes(kind, bytes));
    leaf.prop_recursive(3, 24, 5, |inner| {
        (0_u16..1 << 14, vec(inner, 0..5)).prop_map(|(kind, inner)| Model::Nest(kind, inner))
    })
}

fn write(body: &mut Body, models: &[Model]) {
    for model in models {
        match model {
            Model::Bytes(kind, bytes) => body.bytes(*kind, bytes),
            Model::Nest(kind, inner) => body.nest(*kind, |body| write(body, inner)),
        }
    }
}

fn read_back(attributes: Attributes<'_>, like: &[Model]) -> Vec<Model> {
    attributes
        .zip(like)
        .map(|(attribute, like)| match like {
            Model::Bytes(..) => Model::Bytes(attribute.kind, attribute.payload.to_vec()),
            Model::Nest(_, inner) => Model::Nest(attribute.kind, read_back(attribute.nested(), inner)),
        })
        .collect()
}

proptest! {
    #[test]
    fn what_is_built_is_read_back(models in vec(any_model(), 0..6)) {
        let bytes = attributes(|body| write(body, &models));
        prop_assert_eq!(Attributes::new(&bytes).count(), models.len());
        prop_assert_eq!(read_back(Attributes::new(&bytes), &models), models);
    }

    #[test]
    fn attributes_of_any_bytes_end_and_stay_inside(bytes in vec(any::<u8>(), 0..400)) {
        let mut taken = 0;
        for attribute in Attributes::new(&bytes) {
            taken += 4 + attribute.payload.len();
            prop_assert!(taken <= bytes.len());
            let _ = (attribute.value::<u64>(), attribute.text(), attribute.nested().count());
        }
    }

    #[test]
    fn messages_of_any_bytes_end_and_stay_inside(
        kind in prop_oneof![Just(NLMSG_ERROR), Just(NLMSG_DONE), any::<u16>()],
        flags: u16,
        payload in vec(any::<u8>(), 0..200),
        noise in vec(any::<u8>(), 0..40),
    ) {
        let bytes = [message(kind, flags, &payload), noise].concat();
        let mut taken = 0;
        for message in Messages::new(&bytes) {
            let Ok(message) = message else { break };
            taken += 16 + message.payload.len();
            prop_assert!(taken <= bytes.len());
            let _ = message.role();
        }
    }

    #[test]
    fn an_interface_read_from_any_bytes_does_not_panic(payload in vec(any::<u8>(), 0..300)) {
        let _ = crate::device::Interface::read(&payload);
    }
}
