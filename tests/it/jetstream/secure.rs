//! A server that asks everybody for a certificate (TLS on both sides) and for the credentials of an account.

use std::fs;
use std::path::Path;
use std::process::Command;

use base64ct::{Base64UrlUnpadded, Encoding};
use nkeys::KeyPair;
use serde_json::{Value, json};

use crate::program::run;

use super::Engine;

/// A token of this claim about `subject`, signed by `by` (NATS JWT, version 2: ed25519 over head and body).
fn token(subject: &KeyPair, by: &KeyPair, claim: &Value) -> String {
    let head = json!({"typ": "JWT", "alg": "ed25519-nkey"});
    let body = json!({"iat": 1, "iss": by.public_key(), "sub": subject.public_key(), "name": "sohoa", "nats": claim});
    let signed = [head, body].map(|part| Base64UrlUnpadded::encode_string(part.to_string().as_bytes())).join(".");
    let signature = by.sign(signed.as_bytes()).expect("it has its seed");
    format!("{signed}.{}", Base64UrlUnpadded::encode_string(&signature))
}

fn openssl(folder: &Path, arguments: &[&str]) {
    let made = run(Command::new("openssl").args(arguments).current_dir(folder));
    assert_eq!(made.code, Some(0), "{arguments:?}: {made:?}");
}

/// An authority, and a certificate for the server and one for its clients, with their keys, as PEM files.
fn certificates(folder: &Path) {
    let new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    let authority = ["-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem"];
    openssl(folder, &[&new[..], &authority].concat());
    for (name, of) in [("server", "subjectAltName=IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")] {
        let (subject, key, file) = (format!("/CN={name}"), format!("{name}.key"), format!("{name}.pem"));
        let signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE"];
        let own = ["-addext", of, "-subj", &subject, "-keyout", &key, "-out", &file];
        openssl(folder, &[&new[..], &signed, &own].concat());
    }
}

/// What the server is told; writes the file with the credentials of a user of its one account.
fn account(folder: &Path) -> String {
    let (operator, system) = (KeyPair::new_operator(), KeyPair::new_account());
    let (account, user) = (KeyPair::new_account(), KeyPair::new_user());
    let all = |disk: i64| {
        json!({"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1,
            "leaf": -1, "mem_storage": disk, "disk_storage": disk, "streams": -1, "consumer": -1})
    };
    let of_account = |disk| json!({"type": "account", "version": 2, "limits": all(disk)});
    let of_operator = json!({"type": "operator", "version": 2, "system_account": system.public_key()});
    let of_user = json!({"type": "user", "version": 2, "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1});
    let told = format!(
        "operator: {}\nresolver: MEMORY\nresolver_preload: {{ {}: {}, {}: {} }}\n",
        token(&operator, &operator, &of_operator),
        system.public_key(),
        token(&system, &operator, &of_account(0)),
        account.public_key(),
        token(&account, &operator, &of_account(-1)),
    );
    let credentials = format!(
        "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        token(&user, &account, &of_user),
        user.seed().expect("it has its seed"),
    );
    fs::write(folder.join("user.creds"), credentials).expect("our own folder");
    told
}

#[test]
fn only_who_has_certificate_and_credentials_gets_pages() {
    let prepare = |folder: &Path| {
        certificates(folder);
        let file = |name: &str| folder.join(name).display().to_string();
        format!(
            "tls {{ cert_file: {:?}, key_file: {:?}, ca_file: {:?}, verify: true }}\n{}",
            file("server.pem"),
            file("server.key"),
            file("ca.pem"),
            account(folder),
        )
    };
    let Some(engine) = Engine::start_with("jetstream-secure", prepare) else { return };
    engine.archive.fill(1, 1, 2);
    let url = format!("tls://127.0.0.1:{}", engine.port);
    let known = ["--nats-ca", "ca.pem"];
    let certified = [&known[..], &["--nats-cert", "client.pem", "--nats-key", "client.key"]].concat();
    let all = [&certified[..], &["--nats-creds", "user.creds"]].concat();

    let submit = |more: &[&str]| {
        let arguments = ["submit", "source", "--no-sign", "--out", "out", "--nats", &url];
        engine.archive.batch(&[&arguments[..], more].concat())
    };
    for (what, more) in [("nothing", &[][..]), ("authority", &known), ("certificate", &certified)] {
        let refused = run(&mut submit(more));
        assert_eq!(refused.code, Some(10), "with {what}: {refused:?}");
        assert!(refused.stderr.contains("127.0.0.1"), "with {what}: {refused:?}");
    }
    let mut worker = crate::program::sohoa();
    worker.args(["worker", "--jobs", "1", "--nats", &url]).args(&all).current_dir(&engine.archive.folder);
    let _worker = super::Running(worker.spawn().expect("it starts"));
    let done = run(&mut submit(&all));
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(engine.archive.files("out").len(), 1);
}
