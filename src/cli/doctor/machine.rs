//! The machine: its clock, its scanners, what it computes with.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sohoa::service::millis;
use sohoa::store::Millis;
use time::OffsetDateTime;

use super::super::environment;
use super::{Findings, Level};

/// Years in which this program can be run.
const YEARS: std::ops::RangeInclusive<i32> = 2026..=2060;
/// How far a clock may be put back without a word, milliseconds: time services do so.
const SLACK: Millis = 60_000;

/// Memory below which one thread is all that fits, bytes.
const LITTLE_MEMORY: u64 = 1 << 30;

/// How long scanners are looked for: those of the network are waited for by SANE.
const SCANNER_PATIENCE: Duration = Duration::from_secs(30);

/// Whether the clock can be right. `newest` is the time of the newest event of the store.
pub(super) fn clock(now: OffsetDateTime, newest: Option<Millis>, findings: &mut Findings) {
    let time = environment::time_now();
    let cure_vi = "hãy đặt lại đồng hồ (timedatectl set-ntp true)";
    let cure_en = "set the clock (timedatectl set-ntp true)";
    if !YEARS.contains(&now.year()) {
        let (vi, en) = (format!("{time}: năm không thể đúng; {cure_vi}"), format!("{time}: no such year; {cure_en}"));
        findings.say(Level::Wrong, "clock", vi, en);
    } else if newest.is_some_and(|newest| newest > millis(now) + SLACK) {
        findings.say(
            Level::Wrong,
            "clock",
            format!("{time}: sớm hơn việc mới nhất trong kho; {cure_vi}"),
            format!("{time}: before the newest event of the store; {cure_en}"),
        );
    } else {
        let zone = fs::read_link("/etc/localtime").ok();
        let zone = zone.as_deref().and_then(|zone| zone.to_str()?.split_once("zoneinfo/"));
        let zone = zone.map_or("?", |(_, zone)| zone).to_owned();
        findings.say(
            Level::Ok,
            "clock",
            format!("{time} (múi giờ của máy: {zone}; sohoa luôn ghi +07:00)"),
            format!("{time} (the machine's zone is {zone}; sohoa always writes +07:00)"),
        );
    }
}

/// What SANE finds.
pub(super) fn scanner(findings: &mut Findings) {
    let started = Command::new("scanimage")
        .args(["--formatted-device-list", "%d%n"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = started else {
        return findings.say(
            Level::Wrong,
            "scanner",
            "không có scanimage; hãy cài gói sane-utils",
            "there is no scanimage; install the package sane-utils",
        );
    };
    let begin = Instant::now();
    let ended = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status.success(),
            Ok(None) if begin.elapsed() < SCANNER_PATIENCE => std::thread::sleep(Duration::from_millis(50)),
            _ => {
                // It hangs in a driver: what it has said so far is of no use.
                drop(child.kill());
                drop(child.wait());
                break false;
            }
        }
    };
    let mut list = String::new();
    let read = child.stdout.take().map(|mut stdout| stdout.read_to_string(&mut list));
    let devices: Vec<&str> = list.lines().filter(|line| !line.trim().is_empty()).collect();
    match (ended && read.is_some_and(|read| read.is_ok()), devices.is_empty()) {
        (false, _) => findings.say(
            Level::Wrong,
            "scanner",
            "scanimage không trả lời; hãy rút máy quét ra, cắm lại rồi thử lại",
            "scanimage does not answer; unplug the scanner, plug it in and try again",
        ),
        (true, true) => findings.say(
            Level::Wrong,
            "scanner",
            "không thấy máy quét nào; hãy kiểm tra nguồn điện, dây cắm và nhóm `scanner` của người dùng dịch vụ",
            "there is no scanner; check its power, its cable, and that the service's user is in the group `scanner`",
        ),
        (true, false) => findings.add(Level::Ok, "scanner", devices.join(", ")),
    }
}

/// Processors, their instructions, and memory.
pub(super) fn look(findings: &mut Findings) {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = environment::total_memory_bytes();
    let mib = memory >> 20;
    let features = features();
    let english = format!("{processors} processors ({features}), {mib} MiB of memory");
    let vietnamese = format!("{processors} bộ xử lý ({features}), bộ nhớ {mib} MiB");
    match memory < LITTLE_MEMORY {
        false => findings.say(Level::Ok, "machine", vietnamese, english),
        true => findings.say(
            Level::Warning,
            "machine",
            format!("{vietnamese}: ít; hãy đặt jobs = 1"),
            format!("{english}: little; set jobs = 1"),
        ),
    }
}

/// The widest instructions that the program uses here.
fn features() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        match () {
            () if is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512bw") => "AVX-512",
            () if is_x86_feature_detected!("avx2") => "AVX2",
            () if is_x86_feature_detected!("sse4.1") => "SSE4",
            () => "SSE2",
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        std::env::consts::ARCH
    }
}
