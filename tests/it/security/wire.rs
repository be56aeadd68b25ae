//! Requests that are wrong as bytes: bodies without an end, two lengths at once, old TLS.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use crate::http::{Answer, Desk, TOKEN, answer, sample};
use crate::service::CODE;

use super::{captures, guarded, still_works, stored};

/// More memory than a refused request may cost, MiB. One that is kept whole costs 64.
const SPARE_MIB: u64 = 24;
const MIB: usize = 1 << 20;

/// Sends a head and then pieces, until there is an answer.
fn pour(desk: &Desk, head: &str, pieces: impl Iterator<Item = Vec<u8>>) -> Answer {
    let mut stream = desk.connect();
    stream.write_all(head.as_bytes()).expect("it reads");
    for piece in pieces {
        // Whoever is refused may find the door closed before all is said.
        if stream.write_all(&piece).is_err() {
            break;
        }
    }
    answer(stream)
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

#[test]
fn bodies_without_an_end_are_refused_and_cost_no_memory() {
    let mut desk = guarded("security-bodies", &[("[service]", "[limits]\nfile_mib = 32\n[service]")]);
    desk.token = Some(TOKEN);
    // So that what making a page costs is in the figure before.
    assert_eq!(desk.send(&captures("a"), &[("1.jpg", &sample("bia-ho-so.jpg"))]).status, 201);
    desk.centre.wait_for_states(Some(CODE), &[("a", 1, "done")]);
    let before = desk.centre.peak_mib();
    let part = "--frontier\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n\u{0}";
    let without_end = "--frontier\r\nContent-Disposition: form-data; name=\"";
    let form = "multipart/form-data; boundary=frontier";
    let own = format!("http://{}", desk.address);
    for (path, kind, begin) in [
        (&captures("b")[..], "image/jpeg", ""),
        (&captures("b"), form, part),
        (&captures("b"), form, without_end),
        (&captures("b"), form, ""),
        (&captures("b"), form, "--frontier\r\nContent-Disposition: form-data; name=\"component\"\r\n\r\n"),
        ("/api/v1/dossiers", "application/json", "{\"dossier\": \""),
        ("/login", "application/x-www-form-urlencoded", "name="),
        ("/language", "application/x-www-form-urlencoded", "back="),
    ] {
        let head = |length: &str| {
            format!(
                "POST {path} HTTP/1.1\r\nHost: {0}\r\nOrigin: {own}\r\nAuthorization: Bearer {TOKEN}\r\n\
                 Content-Type: {kind}\r\nConnection: close\r\n{length}\r\n\r\n",
                desk.address
            )
        };
        let pieces = |count: usize| (0..count).map(|_| vec![b'x'; MIB]);
        let declared = head(&format!("Content-Length: {}", begin.len() + 64 * MIB));
        let told = pour(&desk, &declared, std::iter::once(begin.as_bytes().to_vec()).chain(pieces(64)));
        let chunked = head("Transfer-Encoding: chunked");
        let first = std::iter::once(begin.as_bytes()).filter(|begin| !begin.is_empty()).map(chunk);
        let untold = pour(&desk, &chunked, first.chain(pieces(64).map(|piece| chunk(&piece))));
        for refused in [told, untold] {
            assert!([400, 413, 415].contains(&refused.status), "{path} {kind} {begin:?}: {refused:?}");
        }
    }
    // More than an upload said that it would be, and more than one may be.
    let begun = desk.tus("POST", "/api/v1/uploads", &[("Upload-Length", "1000")], b"");
    let place = begun.header("Location").expect("a place").to_owned();
    assert_eq!(desk.append(&place, 0, &vec![0; 8 * MIB]).status, 413);
    assert_eq!(desk.tus("POST", "/api/v1/uploads", &[("Upload-Length", "18446744073709551615")], b"").status, 413);
    assert_eq!(desk.tus("POST", "/api/v1/uploads", &[("Upload-Length", "18446744073709551616")], b"").status, 400);
    let long = "a".repeat(MIB);
    let refused = pour(&desk, "GET /healthz HTTP/1.1\r\nX-Long: ", std::iter::once(long.into_bytes()));
    assert!([400, 431].contains(&refused.status), "{refused:?}");
    let after = desk.centre.peak_mib();
    assert!(after < before + SPARE_MIB, "{before} MiB before, {after} MiB after");
    assert_eq!(stored(&desk), 1);
    still_works(&mut desk);
}

#[test]
fn a_request_has_one_length_and_nothing_hides_behind_it() {
    let mut desk = guarded("security-smuggling", &[]);
    let host = desk.address.to_string();
    let body = format!("{{\"dossier\": \"{CODE}\"}}");
    let count = body.len();
    let hidden = format!("POST /api/v1/dossiers HTTP/1.1\r\nHost: {host}\r\nContent-Length: {count}\r\n\r\n{body}");
    let head = |lengths: &str| {
        format!(
            "POST /api/v1/dossiers HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\n\
             Content-Type: application/json\r\n{lengths}\r\n\r\n"
        )
    };
    let speak = |request: String| {
        let mut stream = TcpStream::connect(desk.address).expect("it listens");
        stream.set_read_timeout(Some(std::time::Duration::from_secs(5))).expect("a socket has a timeout");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answers = Vec::new();
        // An open connection has nothing more to say after a while.
        drop(stream.read_to_end(&mut answers));
        String::from_utf8_lossy(&answers).into_owned()
    };
    for (lengths, rest) in [
        (format!("Content-Length: {count}\r\nContent-Length: 5"), body.clone()),
        (format!("Content-Length: {count}, {}", count + 1), body.clone()),
        (format!("Content-Length: +{count}"), body.clone()),
        (format!("Content-Length: -{count}"), body.clone()),
        (format!("Content-Length : {count}"), body.clone()),
        ("Transfer-Encoding: xchunked".to_owned(), format!("{count:x}\r\n{body}\r\n0\r\n\r\n")),
        ("Transfer-Encoding: chunked, identity".to_owned(), format!("{count:x}\r\n{body}\r\n0\r\n\r\n")),
        ("Transfer-Encoding: chunked".to_owned(), format!("zz\r\n{body}\r\n0\r\n\r\n")),
        ("Transfer-Encoding: chunked".to_owned(), format!("-1\r\n{body}\r\n0\r\n\r\n")),
        ("Transfer-Encoding: chunked".to_owned(), format!("fffffffffffffffff\r\n{body}\r\n0\r\n\r\n")),
        ("Transfer-Encoding: chunked".to_owned(), format!("{:x}\r\n{body}\r\n0\r\n\r\n", count - 3)),
    ] {
        let said = speak(head(&lengths) + &rest);
        assert!(!said.contains("HTTP/1.1 20"), "{lengths}: {said}");
    }
    assert!(desk.centre.components(Some(CODE)).is_empty(), "no dossier was begun");
    // Both lengths: the chunks decide (RFC 9112, 6.3), and what a proxy might take for the body is no request with a token.
    let both = head(&format!("Content-Length: {}\r\nTransfer-Encoding: chunked", hidden.len() + 5));
    let said = speak(both + "0\r\n\r\n" + &hidden);
    assert!(!said.contains("HTTP/1.1 20"), "{said}");
    still_works(&mut desk);
}

#[test]
fn old_versions_of_tls_are_refused() {
    let mut desk = Desk::open("security-tls", &[("[service]", "[http]\ntls = true\n[service]")]);
    let speak = |version: &str| {
        let mut command = Command::new("openssl");
        // Without this openssl itself would refuse to speak the old ones.
        command.args(["s_client", version, "-cipher", "DEFAULT@SECLEVEL=0", "-connect", &desk.address.to_string()]);
        let output = command.stdin(Stdio::null()).output().expect("openssl");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    for old in ["-tls1", "-tls1_1"] {
        let said = speak(old);
        assert!(said.contains(" alert ") && said.contains("Cipher is (NONE)"), "{old}: {said}");
    }
    let said = speak("-tls1_2");
    assert!(said.contains("New, TLSv1.2, Cipher is ECDHE-"), "{said}");
    assert_eq!(desk.centre.stop(), Some(0));
}
