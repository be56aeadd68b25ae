//! Too much of what is right: logins, connections, uploads that nobody goes on with.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use crate::desk::{PASSWORD, add, log_in, see, session};
use crate::http::{Desk, sample};
use crate::service::CODE;

use super::{guarded, paired, still_works};

/// Connections that the service has at a time, as docs/http.md says.
const CONNECTIONS: usize = 64;
/// Memory of the two passwords that are checked at a time, and what goes with a thousand questions, MiB.
const CHECKS_MIB: u64 = 2 * 64 + 32;

#[test]
fn a_thousand_wrong_passwords_keep_nobody_else_out() {
    let mut desk = Desk::open("security-logins", &[]);
    for name in ["lan", "minh"] {
        add(&desk.centre, name, "clerk");
    }
    let cookie = session(&desk, "minh");
    let (before, started) = (desk.centre.peak_mib(), Instant::now());
    let tried = scope(|scope| {
        let guess = |desk: &Desk, from: usize| -> Vec<u16> {
            (0..125).map(|number| log_in(desk, "lan", &format!("sai mật khẩu {}", from + number)).status).collect()
        };
        let guessers: Vec<_> = (0..8)
            .map(|number| {
                scope.spawn({
                    let desk = &desk;
                    move || guess(desk, number * 125)
                })
            })
            .collect();
        let mut slowest = Duration::ZERO;
        for _ in 0..10 {
            let asked = Instant::now();
            assert_eq!(see(&desk, "/", &cookie).status, 200);
            slowest = slowest.max(asked.elapsed());
            sleep(Duration::from_millis(50));
        }
        assert!(slowest < Duration::from_secs(20), "others wait {slowest:?}");
        guessers.into_iter().flat_map(|guesser| guesser.join().expect("it asks")).collect::<Vec<u16>>()
    });
    let checked = tried.iter().filter(|status| **status == 403).count() as u64;
    assert!(tried.iter().all(|status| [403, 429].contains(status)), "{tried:?}");
    let most = 5 + 1 + started.elapsed().as_secs() / 30;
    assert!((1..=most).contains(&checked), "{checked} were checked, {most} may be");
    let after = desk.centre.peak_mib();
    assert!(after <= before + CHECKS_MIB, "{before} MiB before, {after} MiB after");

    // Their person waits a while, and is let in.
    let refused = log_in(&desk, "lan", PASSWORD);
    assert!(refused.status != 429 || refused.number("Retry-After").is_some_and(|wait| wait <= 30), "{refused:?}");
    let mut answer = refused;
    desk.centre.wait_for("the right password works again", || {
        if answer.status == 429 {
            sleep(Duration::from_secs(answer.number("Retry-After").unwrap_or(1)));
            answer = log_in(&desk, "lan", PASSWORD);
        }
        (answer.status == 303).then_some(())
    });
    assert_eq!(desk.centre.stop(), Some(0));
}

/// Whether the other end closes within this time; what it says is thrown away.
fn closes(stream: &mut TcpStream, within: Duration) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a socket has a timeout");
    let (started, mut thrown) = (Instant::now(), [0; 1024]);
    while started.elapsed() < within {
        match stream.read(&mut thrown) {
            Ok(0) => return true,
            Err(error) if !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                return true;
            }
            _ => {}
        }
    }
    false
}

#[test]
fn connections_that_say_nothing_or_drip_are_closed() {
    let mut desk = guarded("security-slow", &[]);
    // One sends a byte of its request now and then.
    let (mut dripping, started) = (desk.connect(), Instant::now());
    let head = format!("POST /api/v1/captures HTTP/1.1\r\nHost: {}\r\nContent-Length: 1000\r\nX-Drip: ", desk.address);
    dripping.write_all(head.as_bytes()).expect("it reads");
    let mut silent: Vec<TcpStream> = (1..CONNECTIONS).map(|_| desk.connect()).collect();
    let asked = Instant::now();
    assert_eq!(desk.get("/healthz").status, 200);
    assert!(asked.elapsed() < Duration::from_secs(45), "others waited {:?}", asked.elapsed());
    assert!(silent.iter_mut().all(|stream| closes(stream, Duration::from_secs(30))), "all are closed");
    while dripping.write_all(b"a").is_ok() && !closes(&mut dripping, Duration::from_secs(3)) {
        assert!(started.elapsed() < Duration::from_secs(100), "it drips on");
    }
    assert!(started.elapsed() > Duration::from_secs(30), "a slow network is no attack: {:?}", started.elapsed());
    still_works(&mut desk);
}

#[test]
fn one_phone_cannot_take_the_room_of_all_uploads() {
    let mut desk = guarded("security-uploads", &[("[service]", "[limits]\nfile_mib = 32\n[service]")]);
    let (one, other) = (paired(&desk, CODE), paired(&desk, "H21.15.25-250701-0099"));
    let begin = |path: &str, length: usize| {
        desk.tus("POST", &format!("{path}/uploads"), &[("Upload-Length", &length.to_string())], b"")
    };
    let largest = 32 << 20;
    assert_eq!(begin(&one, largest).status, 201);
    let refused = begin(&one, 1);
    assert_eq!((refused.status, &refused.json()["code"]), (503, &"uploads".into()), "more bytes than one file has");
    let statuses: Vec<u16> = (0..40).map(|_| begin(&other, 1).status).collect();
    let begun = statuses.iter().filter(|status| **status == 201).count();
    assert!((1..40).contains(&begun) && statuses.last() == Some(&503), "{begun}");
    let third = paired(&desk, "H21.15.25-250701-0098");
    let picture = sample("danh-sach/trang-1.jpg");
    let upload = begin(&third, picture.len());
    assert_eq!(upload.status, 201, "others go on: {upload:?}");
    assert_eq!(desk.append(upload.header("Location").expect("a place"), 0, &picture).status, 204);
    still_works(&mut desk);
}
