//! A socket takes what its filter says, and the kernel's stack goes on with everything else on the same interface.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

use xdp::lab;
use xdp::{Filter, QueueId, Receive, Socket};

use super::net::{Addresses, Net, VLAN};
use super::packet::{Network, Packet};
use super::wire::Wire;

const PATIENCE: Duration = Duration::from_secs(20);
const QUIC: u16 = 4433;
const ROUNDS: u32 = 100;

#[test]
fn udp_port_4433_goes_to_the_socket_while_tcp_and_ping_go_on() {
    if !lab::require("udp_port_4433_goes_to_the_socket_while_tcp_and_ping_go_on") {
        return;
    }
    let net = Net::new();
    let addresses = net.addresses();
    let _near = net.near.enter().unwrap();
    let filter = Filter::udp().dst_port(QUIC);
    let mut socket = Socket::open("cable", QueueId(0), Receive::Only(filter)).unwrap();
    thread::scope(|scope| {
        let servers: Vec<_> = addresses
            .iter()
            .map(|at| {
                let listener = TcpListener::bind((at.near, 80)).unwrap();
                // What must not get anything, and what must.
                let [taken, left] = [QUIC, QUIC + 1].map(|port| UdpSocket::bind((at.near, port)).unwrap());
                let echo = scope.spawn(move || echo(&listener));
                let left = scope.spawn(move || count(&left));
                (echo, taken, left)
            })
            .collect();
        let (net, addresses) = (&net, &addresses);
        let far = scope.spawn(move || {
            let _far = net.far.enter().unwrap();
            thread::scope(|scope| {
                for &at in addresses {
                    scope.spawn(move || converse(number_for(at), at));
                }
            });
        });
        // Every datagram arrives, once, in the form that it has on the cable.
        let mut seen = BTreeSet::new();
        let deadline = Instant::now() + PATIENCE;
        while seen.len() < addresses.len() * ROUNDS as usize {
            assert!(Instant::now() < deadline, "{} datagrams", seen.len());
            socket.wait(Duration::from_millis(100)).unwrap();
            for frame in socket.rx().recv(64) {
                assert!(seen.insert(number_of(&frame)), "twice: {frame:02x?}");
            }
        }
        far.join().unwrap();
        for (echo, taken, left) in servers {
            assert_eq!(echo.join().unwrap(), ROUNDS as usize * MESSAGE);
            assert_eq!(left.join().unwrap(), ROUNDS);
            taken.set_nonblocking(true).unwrap();
            assert_eq!(taken.recv(&mut [0; 64]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        }
    });
    assert_eq!(socket.rx().recv(64).count(), 0);
}

/// A VLAN of which the stack itself may know nothing.
#[test]
fn tagged_datagrams_go_to_the_socket_and_other_tagged_frames_to_the_stack() {
    if !lab::require("tagged_datagrams_go_to_the_socket_and_other_tagged_frames_to_the_stack") {
        return;
    }
    let lab = lab::Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let (near, far) = (lab.pair(0).a(), lab.pair(0).b());
    let filter = Filter::udp().dst_port(QUIC).vlan(VLAN);
    let mut socket = Socket::open(near, QueueId(0), Receive::Only(filter)).unwrap();
    let (stack, wire) = (Wire::open(near.index()), Wire::open(far.index()));
    let mut other = Packet::udp4(QUIC);
    if let Network::V4 { payload, .. } = &mut other.network {
        payload.protocol = 6;
    }
    let taken = [Packet::udp4(QUIC).tagged(&[VLAN]), Packet::udp6([], QUIC).tagged(&[VLAN, 9])];
    let left = [Packet::udp4(QUIC), Packet::udp4(QUIC).tagged(&[9, VLAN]), other.tagged(&[VLAN])];
    for packet in taken.iter().chain(&left) {
        wire.send(&packet.bytes());
    }
    for packet in &taken {
        assert!(socket.wait(PATIENCE).unwrap());
        let frame = socket.rx().recv(1).next().unwrap();
        assert_eq!(frame[..], packet.bytes());
    }
    for packet in &left {
        // The kernel takes the outermost tag off before it shows the frame.
        let bytes = packet.bytes();
        let behind = if packet.tags.is_empty() { 12 } else { 16 };
        let seen = stack.receive(PATIENCE).unwrap();
        assert_eq!((&seen[..12], &seen[12..]), (&bytes[..12], &bytes[behind..]));
    }
    assert_eq!(socket.rx().recv(64).count(), 0);
    assert_eq!(stack.receive(Duration::ZERO), None);
}

/// Bytes of a message over TCP.
const MESSAGE: usize = 3000;

/// Sends back what comes in, until the other side ends; how much it was.
fn echo(listener: &TcpListener) -> usize {
    let (mut stream, _) = listener.accept().unwrap();
    let (mut buffer, mut total) = ([0; 4096], 0);
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => return total,
            count => {
                stream.write_all(&buffer[..count]).unwrap();
                total += count;
            }
        }
    }
}

/// Datagrams for the socket and for the stack, TCP and ping, in turn.
fn converse(number: usize, at: Addresses) {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((at.near, 80)), PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let udp = UdpSocket::bind((at.far, 0)).unwrap();
    let ping = Ping::open(at);
    for round in 0..ROUNDS {
        for port in [QUIC, QUIC + 1] {
            let payload = format!("{number} {round:04}");
            udp.send_to(payload.as_bytes(), (at.near, port)).unwrap();
        }
        let message: Vec<u8> = (0..MESSAGE).map(|at| (at as u32 ^ round) as u8).collect();
        stream.write_all(&message).unwrap();
        let mut back = vec![0; MESSAGE];
        stream.read_exact(&mut back).unwrap();
        assert_eq!(back, message);
        ping.ask(round as u16);
    }
}

/// A number that says what the frames of a conversation look like: odd over IPv6, from 4 on in the VLAN.
fn number_for(at: Addresses) -> usize {
    let in_vlan = match at.near {
        IpAddr::V4(v4) => u16::from(v4.octets()[2]) == VLAN,
        IpAddr::V6(v6) => v6.segments()[1] == VLAN,
    };
    usize::from(at.near.is_ipv6()) + if in_vlan { 4 } else { 0 }
}

/// Which conversation and round a frame belongs to, after a look at its headers.
fn number_of(frame: &[u8]) -> (usize, u32) {
    let payload = std::str::from_utf8(&frame[frame.len() - 6..]).unwrap();
    let (number, round) = payload.split_once(' ').unwrap();
    let number: usize = number.parse().unwrap();
    let (v4, v6): (&[u8], &[u8]) = (&[8, 0], &[0x86, 0xdd]);
    let tag: &[u8] = if number >= 4 { &[0x81, 0, 0, VLAN as u8] } else { &[] };
    let kind = if number % 2 == 0 { v4 } else { v6 };
    assert!(frame[12..].starts_with(&[tag, kind].concat()), "{number}: {frame:02x?}");
    (number, round.parse().unwrap())
}

/// How many of the datagrams the stack has for a socket, as they come.
fn count(socket: &UdpSocket) -> u32 {
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let has_come = |_: &u32| socket.recv(&mut [0; 64]).is_ok_and(|length| length == 6);
    (0..ROUNDS).take_while(has_come).count() as u32
}

/// A raw socket for echo requests and their answers.
struct Ping {
    socket: OwnedFd,
    at: Addresses,
}

impl Ping {
    fn open(at: Addresses) -> Self {
        let (family, protocol) = match at.near {
            IpAddr::V4(_) => (libc::AF_INET, libc::IPPROTO_ICMP),
            IpAddr::V6(_) => (libc::AF_INET6, libc::IPPROTO_ICMPV6),
        };
        // SAFETY: it takes no memory of ours.
        let fd = unsafe { libc::socket(family, libc::SOCK_RAW | libc::SOCK_CLOEXEC, protocol) };
        assert!(fd >= 0, "{}", io::Error::last_os_error());
        // SAFETY: the call above just made it, and nobody else owns it.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        Self { socket, at }
    }

    /// Asks, and waits for the answer. The standard library's socket is borrowed for its addresses and timeouts: to
    /// send and receive it is the same.
    fn ask(&self, sequence: u16) {
        let socket = UdpSocket::from(self.socket.try_clone().unwrap());
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let v4 = self.at.near.is_ipv4();
        let (question, answer, start) = if v4 { (8, 0, 20) } else { (128, 129, 0) };
        // Of this conversation, among all that have raw sockets here.
        let identity = (self.socket.as_raw_fd() as u16).to_be_bytes();
        let [high, low] = sequence.to_be_bytes();
        let mut packet = [question, 0, 0, 0, identity[0], identity[1], high, low];
        if v4 {
            let checksum = !packet.chunks(2).fold(0_u16, |sum, pair| {
                let (sum, carry) = sum.overflowing_add(u16::from_be_bytes([pair[0], pair[1]]));
                sum + u16::from(carry)
            });
            packet[2..4].copy_from_slice(&checksum.to_be_bytes());
        }
        socket.send_to(&packet, (self.at.near, 0)).unwrap();
        let mut buffer = [0; 256];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).unwrap();
            let reply = &buffer[start..length];
            if from.ip() == self.at.near && reply[0] == answer && reply[4..8] == packet[4..8] {
                return;
            }
        }
    }
}
