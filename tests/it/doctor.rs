//! `sohoa doctor`: each thing that is wrong is named, and nothing else.

use std::fs;
use std::path::Path;

use serde_json::Value;
use sohoa::grouping::{Rules, place};
use sohoa::store::{NewCapture, Store};

use crate::program::{fresh, root, run, sohoa};

/// What `doctor` finds that is not as it should be, with the level of each, and the exit code.
type Found = (Vec<(String, String)>, i32);

fn doctor(folder: &Path, config: &str, arguments: &[&str], change: &[(&str, &str)]) -> Found {
    fs::write(folder.join("sohoa.toml"), config).expect("our own folder");
    let mut command = sohoa();
    command.args(["doctor", "--json", "--config"]).arg(folder.join("sohoa.toml")).args(arguments);
    command.envs(change.iter().copied());
    let run = run(&mut command);
    let lines = run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let found: Vec<(String, String)> = lines
        .filter(|line| line["level"] != "ok")
        .map(|line| {
            assert!(!text(&line["message"]).is_empty(), "{line}");
            (text(&line["what"]), text(&line["level"]))
        })
        .collect();
    (found, run.code.expect("it ends by itself"))
}

/// A configuration with which nothing is wrong.
fn good(folder: &Path) -> String {
    fs::create_dir_all(folder.join("in")).expect("our own folder");
    format!(
        "[service]\nout = {:?}\ndata = {:?}\nmin_free_mib = 0\n[sign]\nenabled = false\n[[watch]]\nfolder = {:?}\n",
        folder.join("out"),
        folder.join("data"),
        folder.join("in")
    )
}

fn wrong(what: &str) -> Found {
    (vec![(what.to_owned(), "wrong".to_owned())], 9)
}

fn warning(what: &str) -> Found {
    (vec![(what.to_owned(), "warning".to_owned())], 0)
}

#[test]
fn nothing_is_wrong_and_nothing_is_left_behind() {
    let folder = fresh("doctor");
    let config = good(&folder);
    assert_eq!(doctor(&folder, &config, &[], &[]), (vec![], 0));
    let left = fs::read_dir(&folder).expect("our own folder").count();
    assert_eq!(left, 2, "neither store nor results are made: in and sohoa.toml");
    assert_eq!(fs::read_dir(folder.join("in")).expect("our own folder").count(), 0);
    let shown = run(sohoa().args(["doctor", "--config"]).arg(folder.join("sohoa.toml")));
    assert!(shown.stdout.contains("đồng hồ") && shown.stdout.contains("tốt"), "{shown:?}");
    let shown = run(sohoa().args(["doctor", "--lang", "en", "--config"]).arg(folder.join("sohoa.toml")));
    assert!(shown.stdout.contains("clock"), "{shown:?}");
}

#[test]
fn what_is_wrong_with_configuration_models_and_folders_is_named() {
    let folder = fresh("doctor-places");
    let config = good(&folder);
    let of = |config: &str| doctor(&folder, config, &[], &[]);
    assert_eq!(of("jobz = 1"), wrong("configuration"));
    assert_eq!(of(&config.replace("[sign]", "records = '/nowhere'\n[sign]")), wrong("configuration"));

    let models = folder.join("models");
    fs::create_dir(&models).expect("our own folder");
    let with_models = |config: &str| doctor(&folder, config, &["--models", models.to_str().expect("UTF-8")], &[]);
    assert_eq!(with_models(&config), wrong("models"), "missing");
    fs::write(models.join("vie.traineddata"), b"no model").expect("our own folder");
    assert_eq!(with_models(&config), wrong("models"), "no model");
    let mut bytes = fs::read(root().join("models/vie.traineddata")).expect("it is in the repository");
    bytes.push(0);
    fs::write(models.join("vie.traineddata"), bytes).expect("our own folder");
    assert_eq!(with_models(&config), warning("models"), "another hash");

    let at = |name: &str| format!("{:?}", folder.join(name));
    assert_eq!(of(&config.replace(&at("in"), &at("gone"))), wrong("folder"));
    fs::write(folder.join("file"), b"").expect("our own folder");
    assert_eq!(of(&config.replace(&at("in"), &at("file"))), wrong("folder"));
    assert_eq!(of(&config.replace(&at("out"), &at("in/out"))), wrong("folder"), "results within an input");
    assert_eq!(of(&config.replace(&at("out"), "'/proc/out'")), wrong("output"), "nothing can be written there");
    assert_eq!(of(&config.replace(&at("out"), &at("file/out"))), wrong("output"));
    let little = config.replace("min_free_mib = 0", "min_free_mib = 1048576");
    assert_eq!(of(&little), warning("store"));
    assert_eq!(of(&config.replace("[[watch]]\nfolder", "# [[watch]]\n# folder")), warning("folder"));
}

#[test]
fn what_is_wrong_with_keys_and_the_connector_is_named() {
    let folder = fresh("doctor-keys");
    let config = good(&folder);
    let with_key = |key: &str| config.replace("enabled = false", key);
    let p256 = format!("key = {:?}", root().join("tests/data/sign/p256.p12"));
    let of = |config: &str, password: &str| doctor(&folder, config, &[], &[("SOHOA_KEY_PASSWORD", password)]);
    assert_eq!(doctor(&folder, &with_key(""), &[], &[]), warning("key"), "a development identity");
    assert_eq!(doctor(&folder, &with_key(&p256), &[], &[]), warning("key"), "not without its password");
    assert_eq!(of(&with_key(&p256), "mật khẩu"), (vec![], 0));
    assert_eq!(of(&with_key(&p256), "sai"), wrong("key"));
    assert_eq!(of(&with_key("key = '/nowhere.p12'"), "x"), wrong("key"));
    assert_eq!(of(&with_key("token = '/nowhere.so'"), "x"), wrong("key"));

    let connector = |text: &str| doctor(&folder, &format!("{config}[connector]\n{text}"), &[], &[]);
    assert_eq!(connector("url = 'http://127.0.0.1:1/'"), (vec![], 0), "the other side is not asked");
    assert_eq!(connector("url = 'http://mot-cua.example.vn/'"), warning("connector"));
    assert_eq!(connector("url = 'http://127.0.0.1:1/'\ntoken_file = '/nowhere'"), wrong("connector"));
    assert_eq!(connector("url = 'https://a/'\nca_file = 'Cargo.toml'"), wrong("connector"));
}

#[test]
fn what_is_wrong_with_store_clock_and_scanners_is_named() {
    let folder = fresh("doctor-store");
    let config = good(&folder);
    let of = || doctor(&folder, &config, &[], &[]);
    let data = folder.join("data");
    let enter = |now: i64| {
        let store = Store::open(&data).expect("our own folder");
        fs::write(folder.join("x"), now.to_string()).expect("our own folder");
        let blob = store.blobs().take_in(&folder.join("x"), now.to_string().len() as u64).expect("a whole file");
        let relative = format!("{now}.pdf");
        let place = place("in", &relative, true, &Rules::default());
        let new = NewCapture { blob: &blob, source: "in", relative: &relative, modified: 0, priority: 0 };
        store.accept(&new, &place, 0, now).expect("a good capture");
    };
    enter(1);
    assert_eq!(of(), (vec![], 0));
    enter(32_503_680_000_000);
    assert_eq!(of(), wrong("clock"), "an event of the year 3000");

    let database = data.join("store.sqlite");
    let bytes = fs::read(&database).expect("our own folder");
    let mut newer = bytes.clone();
    // `user_version`: four bytes at 60 of an SQLite file.
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    fs::write(&database, &newer).expect("our own folder");
    assert_eq!(of(), wrong("store"), "of a later version");
    let mut damaged = bytes;
    damaged[4096..12288].fill(0x5A);
    fs::write(&database, &damaged).expect("our own folder");
    let (found, code) = of();
    assert!(found.iter().any(|(what, level)| what == "store" && level == "wrong"), "{found:?}");
    assert_eq!(code, 9);
    fs::write(&database, b"no database at all, but a text of some length").expect("our own folder");
    assert_eq!(of(), wrong("store"));

    fs::remove_dir_all(&data).expect("our own folder");
    assert_eq!(doctor(&folder, &config, &["--scanner"], &[("PATH", "/nowhere")]), wrong("scanner"));
}
