//! Schemathesis judges the service by `docs/openapi.json`: what it allows is accepted, what it does not is refused, answers
//! have the described shapes, and nothing makes the service fail.

use std::process::Command;

use crate::http::{Desk, TOKEN, sample};
use crate::judges::{judge_program, judges_are_there};
use crate::program::{fresh, root, run};
use crate::service::{CODE, Centre};

/// A service with a dossier, a paper that is made and one that waits; scanners are not installed for it.
fn desk(name: &str) -> Desk {
    let tokens = fresh(&format!("{name}-token-file")).join("tokens");
    std::fs::write(&tokens, format!("{TOKEN}\n")).expect("our own folder");
    let section = format!("[http]\ntoken_file = {tokens:?}\n[service]");
    let mut centre = Centre::new(name);
    centre.variables.push(("PATH", fresh(&format!("{name}-no-programs"))));
    let mut desk = Desk::of(centre, &[("[service]", &section)]);
    desk.start();
    desk.token = Some(TOKEN);
    for (target, picture) in
        [(format!("?dossier={CODE}&component=a"), "bia-ho-so.jpg"), (String::new(), "can-cuoc/anh-quet.jpg")]
    {
        assert_eq!(desk.send(&format!("/api/v1/captures{target}"), &[("1.jpg", &sample(picture))]).status, 201);
    }
    desk
}

/// Has the judge ask by a description; the exit code, and what it says.
fn judge(desk: &Desk, description: &std::path::Path, more: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(judge_program("schemathesis"));
    command
        .current_dir(fresh("schemathesis-work"))
        .env("SCHEMATHESIS_HOOKS", "schemathesis_hooks")
        .env("PYTHONPATH", root().join("tests/judges"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg("--config-file")
        .arg(root().join("tests/judges/schemathesis.toml"))
        .arg("run")
        .arg(description)
        .args(["--url", &format!("http://{}", desk.address), "-H", &format!("Authorization: Bearer {TOKEN}")])
        .args([
            "--phases",
            "examples,coverage,fuzzing,stateful",
            "--generation-deterministic",
            "--no-shrink",
            "--no-color",
        ])
        .args(["--continue-on-failure", "--warnings", "off"])
        .args(more);
    let run = run(&mut command);
    (run.code, run.stdout + &run.stderr)
}

#[test]
fn the_service_does_what_its_description_says() {
    if !judges_are_there() {
        return;
    }
    let mut desk = desk("schemathesis");
    let (code, said) = judge(&desk, &root().join("docs/openapi.json"), &["--max-examples", "15"]);
    assert_eq!(code, Some(0), "{said}");
    let log = std::fs::read_to_string(desk.centre.folder.join("events.jsonl")).expect("our own folder");
    assert!(!log.contains("panicked"), "{log}");

    // A description that says something else is found out.
    let text = std::fs::read_to_string(root().join("docs/openapi.json")).expect("it is there");
    let wrong = fresh("schemathesis-wrong").join("openapi.json");
    std::fs::write(&wrong, text.replacen("\"required\": [\"dossiers\", \"next\"]", "\"required\": [\"papers\"]", 1))
        .expect("our own folder");
    let only = ["--include-operation-id", "listDossiers", "--max-examples", "2"];
    assert_eq!(judge(&desk, &wrong, &only).0, Some(1), "the judge can fail");
    assert_eq!(desk.centre.stop(), Some(0));
}
