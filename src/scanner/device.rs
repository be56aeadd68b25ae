//! The devices that SANE finds.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::Serialize;

use super::child::{Child, Step};
use super::error::Fault;

/// Longest time for finding devices or asking one for its options: discovery on a network takes some five seconds, a scanner
/// that wakes up thirty.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(90);

/// What a device list puts between its fields; no device has it in its name.
const SEPARATOR: char = '\u{1f}';

/// A scanner as SANE describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Device {
    /// The name to choose it by, for example `airscan:e0:May quet` or `epson2:libusb:001:004`.
    pub name: String,
    /// Who makes it; for network scanners the protocol.
    pub vendor: String,
    /// Model or network name.
    pub model: String,
    /// What kind of device, or its address.
    pub kind: String,
}

/// The devices that SANE finds now, as `scanimage` reports them.
///
/// # Errors
/// When `scanimage` is not installed or does not answer, or `cancel` is set.
pub fn list(cancel: &AtomicBool) -> Result<Vec<Device>, Fault> {
    let format = format!("--formatted-device-list=%d{SEPARATOR}%v{SEPARATOR}%m{SEPARATOR}%t%n");
    let lines = answer(&[format], cancel)?;
    Ok(lines.iter().filter_map(|line| parse(line)).collect())
}

fn parse(line: &str) -> Option<Device> {
    let fields: Vec<&str> = line.split(SEPARATOR).map(str::trim).collect();
    let [name, vendor, model, kind] = fields[..] else { return None };
    Some(Device { name: name.into(), vendor: vendor.into(), model: model.into(), kind: kind.into() })
}

/// The device of this name, or the only one there is. A name is not looked up: devices may be opened that are not found.
pub(super) fn choose(name: Option<&str>, cancel: &AtomicBool) -> Result<String, Fault> {
    if let Some(name) = name {
        return Ok(name.to_owned());
    }
    let mut names: Vec<String> = list(cancel)?.into_iter().map(|device| device.name).collect();
    match (names.pop(), names.is_empty()) {
        (None, _) => Err(Fault::NoDevice),
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            names.push(last);
            Err(Fault::SeveralDevices(names))
        }
    }
}

/// What `scanimage` answers, line by line.
pub(super) fn answer(arguments: &[String], cancel: &AtomicBool) -> Result<Vec<String>, Fault> {
    let mut lines = Vec::new();
    Child::start(arguments, None)?.watch(ANSWER_TIME, cancel, &mut |line| {
        lines.push(line.to_owned());
        Step::None
    })?;
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_of_four_fields_are_devices() {
        let device = parse("airscan:e0:Máy quét\u{1f}eSCL\u{1f}Máy quét\u{1f}ip=127.0.0.1").unwrap();
        assert_eq!((device.name.as_str(), device.kind.as_str()), ("airscan:e0:Máy quét", "ip=127.0.0.1"));
        assert_eq!(parse("Output format is not set, using pnm as a default."), None);
    }
}
