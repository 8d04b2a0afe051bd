//! Rules that steer packets: what an interface without them says, and the rules of a NIC that has them.

use xdp::Interface;
use xdp::device::{FlowRule, FlowTarget, SteeringError};

use super::*;

#[test]
fn an_interface_whose_driver_has_no_rules_says_so_and_names_other_ways() {
    let Some(lab) = lab("an_interface_whose_driver_has_no_rules_says_so_and_names_other_ways") else {
        return;
    };
    let (_inside, a, _b) = enter(&lab);
    let rule = FlowRule::udp4().dst_port(4433).to_queue(QUEUE);
    for error in [rule.add(&a).unwrap_err(), FlowRule::list(&a).unwrap_err()] {
        let SteeringError::NoRules { interface, driver } = &error else { panic!("{error}") };
        assert_eq!((interface.as_str(), driver.as_str()), (a.as_str(), "veth"));
        assert!(error.to_string().contains("bind all its queues"), "{error}");
    }
    let error = rule.add("eth7").unwrap_err();
    assert!(error.to_string().contains("no interface is named \"eth7\""), "{error}");
}

/// Needs a NIC with rules, which no virtual one has: run it with the name of one that may be played with, as root.
#[test]
fn the_rules_of_a_nic_are_added_listed_and_removed() {
    let Ok(name) = std::env::var("XDP_TEST_STEERING_NIC") else {
        eprintln!(
            "SKIPPED the_rules_of_a_nic_are_added_listed_and_removed: XDP_TEST_STEERING_NIC names none"
        );
        return;
    };
    let nic = Interface::by_name(&name).unwrap();
    let before = FlowRule::list(&nic).unwrap();
    let queue = QueueId(nic.queues().rx - 1);
    // What the most drivers take.
    let rule = FlowRule::ethernet().ethertype(0x88f7).to_queue(queue);
    let steered = rule.add(&nic).unwrap();
    let list = FlowRule::list(&nic).unwrap();
    assert_eq!(list.len(), before.len() + 1);
    let ours = list.iter().find(|rule| rule.location == steered.location()).unwrap();
    assert_eq!((ours.matches.as_ref(), ours.target), (Some(rule.matches()), FlowTarget::Queue(queue)));
    println!("{ours}");

    let occupied = rule.clone().location(steered.location()).add(&nic).unwrap_err();
    assert!(matches!(occupied, SteeringError::Occupied { .. }), "{occupied}");
    let beyond =
        FlowRule::ethernet().ethertype(0x88f7).to_queue(QueueId(nic.queues().rx)).add(&nic).unwrap_err();
    assert!(matches!(beyond, SteeringError::Queue { .. }), "{beyond}");
    match FlowRule::udp4().dst_port(4433).to_queue(queue).add(&nic) {
        Ok(udp) => udp.remove().unwrap(),
        Err(error) => println!("no UDP rules: {error}"),
    }

    drop(steered);
    assert_eq!(FlowRule::list(&nic).unwrap(), before, "the drop removes it");
    let location = rule.add(&nic).unwrap().leave();
    assert_eq!(FlowRule::list(&nic).unwrap().len(), before.len() + 1, "it stays");
    FlowRule::remove_at(&nic, location).unwrap();
    let missing = FlowRule::remove_at(&nic, location).unwrap_err();
    assert!(matches!(missing, SteeringError::NoSuchRule { .. }), "{missing}");
    assert_eq!(FlowRule::list(&nic).unwrap(), before);
}
