//! What a device can, and how to tell it what is wanted. Backends name the same things differently, so the device is asked
//! for its options, in the form in which `scanimage --all-options` prints them:
//!
//! ```text
//!     --source Flatbed|ADF|ADF Duplex [Flatbed]
//!     --resolution 75|150|300dpi [300]
//!     -x 0..215.9mm (in steps of 0.1) [215.9]
//!     --duplex[=(yes|no)] [inactive]
//! ```
//!
//! The names known here are those of the backends of SANE 1.1 and of sane-airscan. What a device lacks is an error that
//! says what it has; nothing is replaced silently.

use std::str::FromStr;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use super::error::{self, Fault};
use super::{Request, device};
use crate::model::{Lang, Localized};

/// A paper may be this much larger than a device's area, millimetres: beds of A4 are 215 to 216 by 296 to 297.5.
const SLACK_MM: f64 = 2.0;

const MM_PER_INCH: f64 = 25.4;

/// Where papers are taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The glass.
    Flatbed,
    /// The feeder, front sides.
    Feeder,
    /// The feeder, front and back of each sheet in turn.
    Duplex,
}

/// Which colours are scanned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// Colour, 8 bits a channel.
    #[default]
    Colour,
    /// Grey, 8 bits.
    Gray,
    /// Black and white, 1 bit.
    Bilevel,
}

/// Size of papers, millimetres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paper {
    /// Across the scanner.
    pub width: f64,
    /// Along the scanner.
    pub height: f64,
}

/// What a device may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// [`Source`].
    Source,
    /// [`Colour`].
    Colour,
    /// Dots per inch.
    Dpi,
    /// [`Paper`].
    Paper,
}

impl Setting {
    pub(super) fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Source => lang.pick("nguồn giấy", "the source"),
            Self::Colour => lang.pick("chế độ màu", "the colours"),
            Self::Dpi => lang.pick("độ phân giải (dpi)", "the resolution (dpi)"),
            Self::Paper => lang.pick("khổ giấy (mm)", "the paper size (mm)"),
        }
    }
}

impl Source {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flatbed => "flatbed",
            Self::Feeder => "feeder",
            Self::Duplex => "duplex",
        }
    }

    /// What a backend's name of a source means; `None` for transparencies, cards, back sides alone.
    fn of(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
        if has(&["back", "rear", "card", "transparen", "slide", "negative", "film"]) {
            None
        } else if has(&["duplex", "both"]) {
            Some(Self::Duplex)
        } else if has(&["adf", "feeder"]) {
            Some(Self::Feeder)
        } else if has(&["flatbed", "flat bed", "platen", "glass", "normal", "document table"]) {
            Some(Self::Flatbed)
        } else {
            None
        }
    }
}

impl Colour {
    fn name(self) -> &'static str {
        match self {
            Self::Colour => "colour",
            Self::Gray => "gray",
            Self::Bilevel => "bilevel",
        }
    }

    /// What a backend's name of a mode means; `None` for halftones, infrared and the like.
    fn of(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
        if has(&["halftone", "diffusion", "infrared", "dither"]) {
            None
        } else if has(&["color", "colour", "rgb"]) {
            Some(Self::Colour)
        } else if has(&["gray", "grey"]) {
            Some(Self::Gray)
        } else if has(&["lineart", "line art", "black & white", "black and white", "binary", "monochrome", "text"]) {
            Some(Self::Bilevel)
        } else {
            None
        }
    }
}

/// The text is no paper size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a paper size: a4, a5, a3, letter, or WIDTHxHEIGHT in mm, from 20 to 1000, such as 86x54")]
pub struct NotAPaper;

impl Localized for NotAPaper {
    fn message(&self, lang: Lang) -> String {
        match lang {
            Lang::Vi => {
                "khổ giấy không đúng: a4, a5, a3, letter, hoặc RỘNGxCAO tính bằng mm, từ 20 đến 1000, ví dụ 86x54"
                    .into()
            }
            Lang::En => self.to_string(),
        }
    }
}

impl FromStr for Paper {
    type Err = NotAPaper;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.to_lowercase();
        let (width, height) = match text.as_str() {
            "a5" => (148.0, 210.0),
            "a4" => (210.0, 297.0),
            "a3" => (297.0, 420.0),
            "letter" => (215.9, 279.4),
            other => {
                let sides = other.strip_suffix("mm").unwrap_or(other).split_once('x').ok_or(NotAPaper)?;
                let side = |text: &str| text.trim().parse::<f64>().map_err(|_| NotAPaper);
                (side(sides.0)?, side(sides.1)?)
            }
        };
        let sensible = |side: f64| (20.0..=1000.0).contains(&side);
        if sensible(width) && sensible(height) { Ok(Self { width, height }) } else { Err(NotAPaper) }
    }
}

/// An option that can be set now.
#[derive(Debug, PartialEq)]
struct DeviceOption {
    name: String,
    values: Values,
    current: String,
}

#[derive(Debug, PartialEq)]
enum Values {
    /// One of these.
    Choice(Vec<String>),
    /// A number from the first to the second.
    Range { least: f64, most: f64, in_pixels: bool },
    /// On or off.
    Switch,
    /// Anything else.
    Other,
}

/// How the device is told what is wanted.
#[derive(Debug, PartialEq)]
pub(super) struct Plan {
    /// Where it takes the papers from.
    pub(super) source: Source,
    /// Arguments of `scanimage`, in the order in which they must be set.
    pub(super) arguments: Vec<String>,
}

/// Asks the device what it can, and finds how it is told what the request wants.
pub(super) fn plan(device: &str, request: &Request, cancel: &AtomicBool) -> Result<Plan, Fault> {
    let options = ask(device, &[], cancel)?;
    let (source, mut arguments) = source(&options, request.source)?;
    // Resolutions and areas may be others for another source.
    let options = if arguments.is_empty() { options } else { ask(device, &arguments, cancel)? };
    arguments.extend(colour(&options, request.colour)?);
    arguments.extend(resolution(&options, request.dpi)?);
    arguments.extend(area(&options, request.paper, request.dpi)?);
    Ok(Plan { source, arguments })
}

fn ask(device: &str, arguments: &[String], cancel: &AtomicBool) -> Result<Vec<DeviceOption>, Fault> {
    let device_name = format!("--device-name={device}");
    let all: Vec<String> = [&[device_name], arguments, &["--all-options".to_owned()]].concat();
    let lines = device::answer(&all, cancel)?;
    let options: Vec<DeviceOption> = lines.iter().filter_map(|line| parse(line)).collect();
    let complaint = lines.iter().filter_map(|line| line.strip_prefix("scanimage: ")).next_back();
    match complaint {
        Some(complaint) if options.is_empty() => Err(error::of_complaint(complaint, device)),
        None if options.is_empty() => Err(Fault::CannotOpen(device.to_owned())),
        _ => Ok(options),
    }
}

/// An option of a line, unless it cannot be set.
fn parse(line: &str) -> Option<DeviceOption> {
    let line = line.strip_prefix("    -")?;
    let (left, current) = line.rsplit_once(" [")?;
    let current = current.strip_suffix(']')?;
    if matches!(current, "inactive" | "read-only" | "hardware") {
        return None;
    }
    let left = left.trim_start_matches('-');
    let (name, values) = match left.split_once("[=(") {
        Some((name, values)) if !name.contains(' ') => (name, values.trim_end_matches([')', ']'])),
        _ => left.split_once(' ')?,
    };
    Some(DeviceOption { name: name.to_owned(), values: parse_values(values), current: current.to_owned() })
}

fn parse_values(text: &str) -> Values {
    let text = text.split_once(" (in steps of").map_or(text, |(values, _)| values);
    let text = text.strip_prefix("auto|").unwrap_or(text);
    if text == "yes|no" {
        return Values::Switch;
    }
    let range = text.split_once("..").and_then(|(least, most)| Some((number(least)?, number(most)?)));
    match range {
        Some((least, most)) => Values::Range { least, most, in_pixels: text.ends_with("pel") },
        None if text.starts_with('<') => Values::Other,
        None => Values::Choice(text.split('|').map(str::to_owned).collect()),
    }
}

/// A number with a unit behind it.
fn number(text: &str) -> Option<f64> {
    text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%').parse().ok()
}

fn find<'a>(options: &'a [DeviceOption], name: &str) -> Option<&'a DeviceOption> {
    options.iter().find(|option| option.name == name)
}

fn choices<'a>(options: &'a [DeviceOption], name: &str) -> &'a [String] {
    match find(options, name) {
        Some(DeviceOption { values: Values::Choice(choices), .. }) => choices,
        _ => &[],
    }
}

/// The source and the arguments that choose it.
fn source(options: &[DeviceOption], wanted: Option<Source>) -> Result<(Source, Vec<String>), Fault> {
    let names = choices(options, "source");
    let named = |source: Source| names.iter().find(|name| Source::of(name) == Some(source));
    let chosen = |source: Source| named(source).map(|name| format!("--source={name}"));
    // Some backends have both sides as a second option of the feeder.
    let adf_mode = |part: &str| {
        let modes = choices(options, "adf-mode").iter();
        modes.clone().find(|mode| mode.to_lowercase().contains(part)).map(|mode| format!("--adf-mode={mode}"))
    };
    let switch = find(options, "duplex").filter(|option| option.values == Values::Switch);
    let both_sides = || adf_mode("duplex").or_else(|| switch.map(|_| "--duplex=yes".to_owned()));
    let one_side = || adf_mode("simplex").or_else(|| switch.map(|_| "--duplex=no".to_owned()));
    let arguments = |source: Source| -> Option<Vec<String>> {
        match source {
            // A device without a choice of sources has the one that it has.
            Source::Flatbed | Source::Feeder if names.is_empty() => Some(one_side().into_iter().collect()),
            Source::Flatbed => Some(vec![chosen(source)?]),
            Source::Feeder => Some(std::iter::once(chosen(source)?).chain(one_side()).collect()),
            Source::Duplex => match chosen(source) {
                Some(argument) => Some(vec![argument]),
                None => Some(chosen(Source::Feeder).into_iter().chain(Some(both_sides()?)).collect()),
            },
        }
    };
    let all = [Source::Feeder, Source::Flatbed, Source::Duplex];
    let wanted = match wanted {
        Some(wanted) => wanted,
        None if names.is_empty() => Source::Flatbed,
        None => all.into_iter().find(|source| named(*source).is_some()).unwrap_or(Source::Flatbed),
    };
    match arguments(wanted) {
        Some(arguments) => Ok((wanted, arguments)),
        None => {
            let can = all.into_iter().filter(|source| arguments(*source).is_some()).map(Source::name);
            Err(Fault::Unsupported {
                setting: Setting::Source,
                wanted: wanted.name().to_owned(),
                can: listed(can, names),
            })
        }
    }
}

/// What there is in our words, or in the device's where none of ours fits.
fn listed<'a>(ours: impl Iterator<Item = &'a str>, theirs: &[String]) -> String {
    let ours: Vec<&str> = ours.collect();
    if ours.is_empty() { theirs.join(", ") } else { ours.join(", ") }
}

fn colour(options: &[DeviceOption], wanted: Colour) -> Result<Vec<String>, Fault> {
    let modes = choices(options, "mode");
    let depths = choices(options, "depth");
    let named = |colour: Colour| modes.iter().find(|mode| Colour::of(mode) == Some(colour));
    let mode = |name: &String| format!("--mode={name}");
    let has_depth = |depth: &str| depths.iter().any(|found| found.trim_end_matches("bit") == depth);
    let arguments = |colour: Colour| -> Option<Vec<String>> {
        match (colour, named(colour)) {
            (Colour::Bilevel, Some(name)) => Some(vec![mode(name)]),
            (Colour::Bilevel, None) if has_depth("1") => Some(vec![mode(named(Colour::Gray)?), "--depth=1".to_owned()]),
            (_, Some(name)) => {
                let depth = has_depth("8").then(|| "--depth=8".to_owned());
                Some(std::iter::once(mode(name)).chain(depth).collect())
            }
            (_, None) => None,
        }
    };
    let all = [Colour::Colour, Colour::Gray, Colour::Bilevel];
    arguments(wanted).ok_or_else(|| Fault::Unsupported {
        setting: Setting::Colour,
        wanted: wanted.name().to_owned(),
        can: listed(all.into_iter().filter(|colour| arguments(*colour).is_some()).map(Colour::name), modes),
    })
}

fn resolution(options: &[DeviceOption], dpi: u32) -> Result<Option<String>, Fault> {
    let Some(option) = find(options, "resolution") else { return Ok(None) };
    let wanted = f64::from(dpi);
    let (has, can) = match &option.values {
        Values::Choice(choices) => {
            let numbers: Vec<f64> = choices.iter().filter_map(|choice| number(choice)).collect();
            let can: Vec<String> = numbers.iter().map(f64::to_string).collect();
            (numbers.contains(&wanted), can.join(", "))
        }
        Values::Range { least, most, .. } => ((*least..=*most).contains(&wanted), format!("{least} – {most}")),
        Values::Switch | Values::Other => (true, String::new()),
    };
    match has {
        true => Ok(Some(format!("--resolution={dpi}"))),
        false => Err(Fault::Unsupported { setting: Setting::Dpi, wanted: dpi.to_string(), can }),
    }
}

/// The area of the paper from the corner of the device on. Feeders that hold the papers in their middle also want to know
/// how large these are.
fn area(options: &[DeviceOption], paper: Paper, dpi: u32) -> Result<Vec<String>, Fault> {
    let range = |name: &str| match find(options, name)?.values {
        Values::Range { least, most, in_pixels } => {
            let unit = if in_pixels { f64::from(dpi) / MM_PER_INCH } else { 1.0 };
            Some((least / unit, most / unit, unit))
        }
        _ => None,
    };
    let mut arguments = Vec::new();
    let mut set = |argument: String, (least, most, unit): (f64, f64, f64), wanted: f64| {
        let value = wanted.clamp(least, most) * unit;
        arguments.push(format!("{argument}{}", (value * 100.0).round() / 100.0));
    };
    for (name, side) in [("page-width", paper.width), ("page-height", paper.height)] {
        if let Some(range) = range(name) {
            set(format!("--{name}="), range, side);
        }
    }
    let (Some(width), Some(height)) = (range("x"), range("y")) else { return Ok(arguments) };
    if paper.width > width.1 + SLACK_MM || paper.height > height.1 + SLACK_MM {
        return Err(Fault::Unsupported {
            setting: Setting::Paper,
            wanted: format!("{} × {}", paper.width, paper.height),
            can: format!("{:.0} × {:.0}", width.1, height.1),
        });
    }
    for (name, side) in [("l", 0.0), ("t", 0.0), ("x", paper.width), ("y", paper.height)] {
        if let Some(range) = range(name) {
            set(format!("-{name}"), range, side);
        }
    }
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str) -> Vec<DeviceOption> {
        text.lines().filter_map(parse).collect()
    }

    const AIRSCAN: &str = "
  Standard:
    --resolution 75|150|200|300dpi [300]
        Sets the resolution of the scanned image.
    --mode Color|Gray [Color]
    --source Flatbed|ADF|ADF Duplex [Flatbed]
  Geometry:
    -l 0..215.9mm [0]
    -t 0..297.011mm [0]
    -x 0..215.9mm [215.9]
    -y 0..297.011mm [297.011]
    --adf-justification-x <string> [inactive]";

    const BROTHER: &str = "
    --mode Black & White|Gray[Error Diffusion]|True Gray|24bit Color|24bit Color[Fast] [24bit Color[Fast]]
    --resolution 100|150|200|300|400|600dpi [200]
    --source FlatBed|Automatic Document Feeder(left aligned)|Automatic Document Feeder(left aligned,Duplex) [FlatBed]
    -x 0..215.9mm (in steps of 0.0999908) [215.88]
    -y 0..297mm (in steps of 0.0999908) [297]";

    const EPSON2: &str = "
    --mode Binary|Gray|Color [Binary]
    --depth 8|16 [inactive]
    --resolution 50..1200dpi [50]
    --source Flatbed|Automatic Document Feeder|Transparency Unit [Flatbed]
    --adf-mode Simplex|Duplex [Simplex]
    -x 0..215.9mm [215.9]
    -y 0..297.18mm [297.18]";

    const TEST: &str = "
    --mode Gray|Color [Gray]
    --depth 1|8|16 [8]
    --hand-scanner[=(yes|no)] [no]
    --three-pass[=(yes|no)] [inactive]
    --resolution 1..1200dpi (in steps of 1) [50]
    --source Flatbed|Automatic Document Feeder [Flatbed]
    -x 0..200mm (in steps of 1) [80]
    -y 0..200mm (in steps of 1) [100]";

    const SHEETFED: &str = "
    --mode Lineart|Gray|Color [Lineart]
    --duplex[=(yes|no)] [no]
    --resolution 100..600dpi (in steps of 1) [200]
    --page-width 0..224.846mm (in steps of 0.0211639) [215.872]
    --page-height 0..876.695mm (in steps of 0.0211639) [279.364]
    -x 0..215.872mm (in steps of 0.0211639) [215.872]
    -y 0..279.364mm (in steps of 0.0211639) [279.364]";

    #[test]
    fn lines_of_all_kinds_are_read() {
        let test = options(TEST);
        assert_eq!(test.len(), 7, "all but the inactive one: {test:?}");
        assert_eq!(find(&test, "hand-scanner").unwrap().values, Values::Switch);
        let range = Values::Range { least: 1.0, most: 1200.0, in_pixels: false };
        assert_eq!(find(&test, "resolution").unwrap().values, range);
        assert_eq!(find(&options(BROTHER), "mode").unwrap().current, "24bit Color[Fast]");
        assert_eq!(parse("        Sets the resolution of the scanned image."), None);
        let pixels = parse("    -x 0..2550pel [2550]").unwrap();
        assert_eq!(pixels.values, Values::Range { least: 0.0, most: 2550.0, in_pixels: true });
    }

    #[test]
    fn sources_are_found_under_the_names_of_backends() {
        let of = |text: &str, wanted| source(&options(text), wanted).map_err(|fault| fault.message(Lang::En));
        let one = |argument: &str| vec![argument.to_owned()];
        assert_eq!(of(AIRSCAN, Some(Source::Flatbed)), Ok((Source::Flatbed, one("--source=Flatbed"))));
        assert_eq!(of(AIRSCAN, Some(Source::Duplex)), Ok((Source::Duplex, one("--source=ADF Duplex"))));
        assert_eq!(of(AIRSCAN, None), Ok((Source::Feeder, one("--source=ADF"))), "a feeder comes first");
        let brother = one("--source=Automatic Document Feeder(left aligned,Duplex)");
        assert_eq!(of(BROTHER, Some(Source::Duplex)), Ok((Source::Duplex, brother)));
        let epson = |mode: &str| vec!["--source=Automatic Document Feeder".to_owned(), format!("--adf-mode={mode}")];
        assert_eq!(of(EPSON2, Some(Source::Duplex)), Ok((Source::Duplex, epson("Duplex"))));
        assert_eq!(of(EPSON2, Some(Source::Feeder)), Ok((Source::Feeder, epson("Simplex"))));
        assert_eq!(of(SHEETFED, Some(Source::Duplex)), Ok((Source::Duplex, one("--duplex=yes"))));
        assert_eq!(of(SHEETFED, Some(Source::Feeder)), Ok((Source::Feeder, one("--duplex=no"))));
        let lacks = of(TEST, Some(Source::Duplex)).unwrap_err();
        assert_eq!(lacks, "the scanner does not have the source duplex; it has: feeder, flatbed");
    }

    #[test]
    fn colours_are_found_under_the_names_of_backends() {
        let of = |text: &str, wanted| colour(&options(text), wanted).map_err(|fault| fault.message(Lang::En));
        assert_eq!(of(AIRSCAN, Colour::Colour).unwrap(), ["--mode=Color"]);
        assert_eq!(of(BROTHER, Colour::Colour).unwrap(), ["--mode=24bit Color"]);
        assert_eq!(of(BROTHER, Colour::Gray).unwrap(), ["--mode=True Gray"]);
        assert_eq!(of(BROTHER, Colour::Bilevel).unwrap(), ["--mode=Black & White"]);
        assert_eq!(of(EPSON2, Colour::Bilevel).unwrap(), ["--mode=Binary"]);
        assert_eq!(of(TEST, Colour::Bilevel).unwrap(), ["--mode=Gray", "--depth=1"]);
        assert_eq!(of(TEST, Colour::Colour).unwrap(), ["--mode=Color", "--depth=8"]);
        let lacks = of(AIRSCAN, Colour::Bilevel).unwrap_err();
        assert_eq!(lacks, "the scanner does not have the colours bilevel; it has: colour, gray");
    }

    #[test]
    fn only_resolutions_that_there_are_are_set() {
        let of = |text: &str, dpi| resolution(&options(text), dpi).map_err(|fault| fault.message(Lang::En));
        assert_eq!(of(AIRSCAN, 300), Ok(Some("--resolution=300".to_owned())));
        assert_eq!(of(TEST, 777), Ok(Some("--resolution=777".to_owned())));
        assert!(of(AIRSCAN, 600).unwrap_err().ends_with("600; it has: 75, 150, 200, 300"));
        assert!(of(TEST, 2400).unwrap_err().ends_with("2400; it has: 1 – 1200"));
    }

    #[test]
    fn papers_fit_the_area_or_are_refused() {
        let of = |text: &str, paper: &str| {
            area(&options(text), paper.parse().unwrap(), 300).map_err(|fault| fault.message(Lang::En))
        };
        assert_eq!(of(AIRSCAN, "a4").unwrap(), ["-l0", "-t0", "-x210", "-y297"]);
        assert_eq!(of(EPSON2, "217x298").unwrap(), ["-x215.9", "-y297.18"]);
        assert!(of(AIRSCAN, "a3").unwrap_err().ends_with("297 × 420; it has: 216 × 297"));
        assert_eq!(of(SHEETFED, "a5").unwrap(), ["--page-width=148", "--page-height=210", "-x148", "-y210"]);
        assert_eq!(of("    -x 0..2550pel [0]\n    -y 0..3508pel [0]", "127x254").unwrap(), ["-x1500", "-y3000"]);
        assert!(of("", "a4").unwrap().is_empty());
    }

    #[test]
    fn paper_sizes_are_read() {
        assert_eq!("A4".parse(), Ok(Paper { width: 210.0, height: 297.0 }));
        assert_eq!("85.6x54mm".parse(), Ok(Paper { width: 85.6, height: 54.0 }));
        for text in ["", "a9", "x", "210", "210x", "5x5", "210x2970", "nanx100", "-1x100"] {
            assert_eq!(text.parse::<Paper>(), Err(NotAPaper), "{text}");
        }
    }
}
