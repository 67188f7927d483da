//! The client against buses that answer, name what is gone by then, fall silent or end.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::Instant;

use super::*;
use crate::init::dbus::frame::{decode, message_length};

const LIMIT: Duration = Duration::from_millis(300);

/// Unique names, with the process of each where the bus tells.
type Owners = &'static [(&'static str, Option<u32>)];

/// What a bus says.
#[derive(Debug, Clone, Copy)]
struct Bus {
    names: &'static [&'static str],
    owners: &'static [(&'static str, &'static str)],
    pids: Owners,
    /// After so many answers it says nothing more.
    answers: usize,
}

fn serve(mut stream: UnixStream, bus: Bus) {
    let mut login = [0; 64];
    let count = stream.read(&mut login).unwrap();
    assert!(login[..count].starts_with(b"\0AUTH EXTERNAL "));
    let guid = "0123456789abcdef0123456789abcdef";
    stream
        .write_all(format!("OK {guid}\r\n").as_bytes())
        .unwrap();
    let (mut inbox, mut buffer, mut answered) = (Vec::new(), [0; 4096], 0);
    loop {
        match message_length(&inbox).unwrap() {
            Some(length) if inbox.len() >= length => {
                let rest = inbox.split_off(length);
                let call = decode(std::mem::replace(&mut inbox, rest)).unwrap();
                answered += 1;
                if answered <= bus.answers {
                    stream.write_all(answer(&call, bus).data()).unwrap();
                }
            }
            Some(_) | None => match stream.read(&mut buffer) {
                Ok(0) | Err(_) => return,
                Ok(count) => inbox.extend_from_slice(&buffer[..count]),
            },
        }
    }
}

fn answer(call: &Message, bus: Bus) -> Message {
    let header = call.header();
    let member = header.member().unwrap().to_string();
    let about = || call.body().deserialize::<String>().unwrap();
    let gone = || {
        let error = Message::error(&header, "org.freedesktop.DBus.Error.NameHasNoOwner");
        error.build(&"gone").unwrap()
    };
    let reply = Message::method_return(&header);
    match member.as_str() {
        "Hello" => reply.build(&":1.9").unwrap(),
        "GetId" => reply.build(&"ab01").unwrap(),
        "ListNames" => reply.build(&bus.names).unwrap(),
        "GetNameOwner" => {
            let about = about();
            let owner = bus.owners.iter().find(|(name, _)| *name == about);
            owner.map_or_else(gone, |(_, owner)| reply.build(owner).unwrap())
        }
        "GetConnectionUnixProcessID" => {
            let about = about();
            match bus.pids.iter().find(|(name, _)| *name == about) {
                None => gone(),
                Some((_, Some(pid))) => reply.build(pid).unwrap(),
                Some((_, None)) => {
                    let name = "org.freedesktop.DBus.Error.UnixProcessIdUnknown";
                    Message::error(&header, name).build(&"?").unwrap()
                }
            }
        }
        other => panic!("{other}"),
    }
}

/// The address of a bus of ours, and the directory that it lives in.
fn address(bus: Bus) -> (BusAddress, tempfile::TempDir) {
    let top = tempfile::tempdir().unwrap();
    let path = top.path().join("bus");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            serve(stream, bus);
        }
    });
    let owner = nix::unistd::geteuid().as_raw();
    (BusAddress { path, owner }, top)
}

const BUSY: Bus = Bus {
    names: &[
        "org.freedesktop.DBus",
        ":1.9",
        ":1.0",
        ":1.1",
        ":1.2",
        ":1.3",
        "org.b",
        "org.a",
        "org.left",
    ],
    owners: &[("org.a", ":1.0"), ("org.b", ":1.0")],
    pids: &[
        (":1.0", Some(7)),
        (":1.1", Some(0)),
        (":1.2", None),
        (":1.9", Some(1)),
    ],
    answers: 1_000,
};

#[test]
fn who_is_connected_is_told_without_us_the_bus_and_what_is_gone_by_then() {
    let (address, _top) = address(BUSY);
    let mut bus = MessageBus::connect(&address, LIMIT).unwrap();
    assert_eq!(bus.id().unwrap(), "ab01");
    let found = bus.connections().unwrap();
    let connected = |pid: Option<u32>, names: &[&str]| Connected {
        pid,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    let expected = [
        connected(Some(7), &["org.b", "org.a"]),
        // A process of another pid namespace, and one that the bus knows nothing of.
        connected(None, &[]),
        connected(None, &[]),
    ];
    assert_eq!(found, expected);
    assert_eq!(bus.connections().unwrap(), expected);
}

#[test]
fn a_bus_that_falls_silent_at_any_question_is_left_at_the_time_limit() {
    for answers in 0..20 {
        let (address, _top) = address(Bus { answers, ..BUSY });
        let begun = Instant::now();
        let result = MessageBus::connect(&address, LIMIT).and_then(|mut bus| bus.connections());
        if answers < 9 {
            let silent = matches!(result, Err(InitError::Silent { .. }));
            assert!(silent, "{answers}: {result:?}");
        } else {
            assert!(result.is_ok(), "{answers}: {result:?}");
        }
        assert!(begun.elapsed() < LIMIT * 20, "{answers}");
    }
}

#[test]
fn somebody_elses_socket_a_link_and_nobody_at_all_are_told_apart() {
    let (address, top) = address(BUSY);
    let strange = BusAddress {
        owner: address.owner + 1,
        ..address.clone()
    };
    let link = top.path().join("link");
    std::os::unix::fs::symlink(&address.path, &link).unwrap();
    let linked = BusAddress {
        path: link,
        ..address.clone()
    };
    for wrong in [strange, linked] {
        let result = MessageBus::connect(&wrong, LIMIT);
        assert!(
            matches!(result, Err(InitError::WrongPeer { .. })),
            "{result:?}"
        );
    }
    let nobody = BusAddress {
        path: top.path().join("none"),
        ..address
    };
    let result = MessageBus::connect(&nobody, LIMIT);
    assert!(result.is_err_and(|error| error.is_away()));
}
