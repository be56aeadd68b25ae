//! `sohoa inspect` on the pictures of `samples/`, against what `tests/samples/NAME.expected.json` says they are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use crate::program::{files_below, root, run, sohoa};

/// Least overlap of a found page with the true one (intersection over union).
const LEAST_OVERLAP: f64 = 0.95;
/// Most that a found skew may be off, in degrees.
const MOST_SKEW_ERROR: f64 = 0.15;

#[test]
fn every_sample_comes_out_as_expected() {
    let samples = samples();
    let good: Vec<&Path> =
        samples.iter().filter(|(_, expected)| expected["error"].is_null()).map(|(path, _)| path.as_path()).collect();
    assert!(good.len() >= 14, "at least 14 good samples, there are {}", good.len());
    let run = run(sohoa().arg("inspect").args(&good));
    let found: BTreeMap<String, Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("one JSON object a line"))
        .map(|line| (line["file"].as_str().expect("file as given").to_owned(), line))
        .collect();
    assert_eq!(found.len(), good.len(), "one line a capture; standard error: {}", run.stderr);

    let mut wrong = Vec::new();
    for (path, expected) in samples.iter().filter(|(_, expected)| expected["error"].is_null()) {
        let name = path.to_str().expect("our names are ASCII");
        let report = compare(&found[name], expected, &mut |what| wrong.push(format!("{name}: {what}")));
        println!("{name}: {report}");
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_bad_sample_is_named_with_a_reason() {
    for (path, _) in samples().iter().filter(|(_, expected)| !expected["error"].is_null()) {
        let run = run(sohoa().arg("inspect").arg(path));
        assert_ne!(run.code, Some(0));
        let said = run.stdout + &run.stderr;
        assert!(said.contains(path.to_str().expect("our names are ASCII")), "{said}");
    }
}

#[test]
fn every_sample_has_its_expectation_and_the_reverse() {
    let stems = |folder: &str, ending: &str| -> BTreeSet<String> {
        files_below(&root().join(folder), "")
            .iter()
            .filter(|path| !path.ends_with("README.md"))
            .map(|path| path.strip_prefix(root().join(folder)).expect("below it").to_str().expect("ASCII").to_owned())
            .map(|name| match ending {
                "" => name.rsplit_once('.').expect("a picture has an extension").0.to_owned(),
                _ => name.strip_suffix(ending).expect("only expectations").to_owned(),
            })
            .collect()
    };
    assert_eq!(stems("samples", ""), stems("tests/samples", ".expected.json"));
}

/// Pictures, as paths from the root of the repository, with what is expected of them.
fn samples() -> Vec<(PathBuf, Value)> {
    files_below(&root().join("samples"), "")
        .into_iter()
        .filter(|path| !path.ends_with("README.md"))
        .map(|path| {
            let name = path.strip_prefix(root()).expect("below the root").to_owned();
            let expected = root().join("tests").join(name.with_extension("expected.json"));
            let text = fs::read_to_string(&expected).unwrap_or_else(|error| panic!("{}: {error}", expected.display()));
            (name, serde_json::from_str(&text).expect("the expectation is JSON"))
        })
        .collect()
}

/// Names every disagreement to `complain` and returns one line with the figures.
fn compare(found: &Value, expected: &Value, complain: &mut dyn FnMut(String)) -> String {
    let mut figures = Vec::new();
    for key in ["orientation", "blank", "quality"] {
        if !expected[key].is_null() && found[key] != expected[key] {
            complain(format!("{key} is {}, not {}", found[key], expected[key]));
        }
    }
    let (codes, true_codes) = (payloads(&found["qr"]), payloads(&expected["qr"]));
    if codes != true_codes {
        complain(format!("codes are {codes:?}, not {true_codes:?}"));
    }
    if let Some(truth) = quad(&expected["quad"]) {
        let size = [0, 1].map(|i| expected["size"][i].as_f64().expect("width and height"));
        let overlap = quad(&found["quad"]).map_or(0.0, |quad| overlap(&quad, &truth, size));
        figures.push(format!("IoU {overlap:.4}"));
        if overlap < LEAST_OVERLAP {
            complain(format!("the page overlaps the true one by {overlap:.3} only: {}", found["quad"]));
        }
    }
    if let Some(truth) = expected["skew_deg"].as_f64() {
        let error = found["skew_deg"].as_f64().map_or(f64::INFINITY, |skew| (skew - truth).abs());
        figures.push(format!("skew off by {error:.3}°"));
        if error > MOST_SKEW_ERROR {
            complain(format!("the skew is {}, not {truth}", found["skew_deg"]));
        }
    }
    if let Some(limit) = expected["limits"]["cer"].as_f64() {
        let lines = expected["text"].as_array().expect("lines of text");
        let truth: Vec<&str> = lines.iter().map(|line| line.as_str().expect("a line is text")).collect();
        let rate = character_error_rate(found["text"].as_str().unwrap_or_default(), &truth.join("\n"));
        figures.push(format!("CER {rate:.4}"));
        if rate > limit {
            complain(format!("{:.2} % of the characters are wrong, {:.2} % may be", rate * 100.0, limit * 100.0));
        }
    }
    figures.join(", ")
}

fn payloads(codes: &Value) -> BTreeSet<String> {
    let codes = codes.as_array().map(Vec::as_slice).unwrap_or_default();
    codes.iter().filter_map(Value::as_str).map(|payload| payload.nfc().collect()).collect()
}

pub(crate) type Polygon = Vec<[f64; 2]>;

fn quad(value: &Value) -> Option<Polygon> {
    let corners = value.as_array()?;
    let points = corners.iter().map(|corner| Some([corner[0].as_f64()?, corner[1].as_f64()?]));
    points.collect::<Option<Polygon>>().filter(|points| points.len() == 4)
}

/// Intersection over union of two convex polygons, both cut to a picture of this size.
pub(crate) fn overlap(one: &Polygon, other: &Polygon, [width, height]: [f64; 2]) -> f64 {
    let right = width - 0.5;
    let bottom = height - 0.5;
    let frame = vec![[-0.5, -0.5], [right, -0.5], [right, bottom], [-0.5, bottom]];
    let one = cut(&clockwise(one), &frame);
    let other = cut(&clockwise(other), &frame);
    let common = area(&cut(&one, &other));
    common / (area(&one) + area(&other) - common)
}

/// Twice-signed area halved: positive for clockwise corners, as y points down.
fn area(polygon: &Polygon) -> f64 {
    edges(polygon).map(|([x0, y0], [x1, y1])| x0 * y1 - x1 * y0).sum::<f64>() / 2.0
}

fn edges(polygon: &Polygon) -> impl Iterator<Item = ([f64; 2], [f64; 2])> {
    polygon.iter().copied().zip(polygon.iter().copied().cycle().skip(1))
}

fn clockwise(polygon: &Polygon) -> Polygon {
    let mut polygon = polygon.clone();
    if area(&polygon) < 0.0 {
        polygon.reverse();
    }
    polygon
}

/// Sutherland and Hodgman's clipping of a polygon by a convex clockwise one.
fn cut(polygon: &Polygon, by: &Polygon) -> Polygon {
    edges(by).fold(polygon.clone(), |rest, ([ax, ay], [bx, by])| {
        let side = |[x, y]: [f64; 2]| (bx - ax) * (y - ay) - (by - ay) * (x - ax);
        let mut kept = Polygon::new();
        for (from, to) in edges(&rest) {
            if side(from) >= 0.0 {
                kept.push(from);
            }
            if (side(from) >= 0.0) != (side(to) >= 0.0) {
                let share = side(from) / (side(from) - side(to));
                kept.push([from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])]);
            }
        }
        kept
    })
}

/// Edit distance over the length of the truth, after normalisation.
pub(crate) fn character_error_rate(found: &str, truth: &str) -> f64 {
    let (found, truth) = (normalized(found), normalized(truth));
    let mut previous: Vec<u32> = (0..).take(truth.len() + 1).collect();
    for (row, &c) in (1..).zip(&found) {
        let mut current = vec![row];
        for (column, &wanted) in truth.iter().enumerate() {
            let change = previous[column] + u32::from(c != wanted);
            current.push(change.min(previous[column + 1] + 1).min(current[column] + 1));
        }
        previous = current;
    }
    f64::from(previous[truth.len()]) / f64::from(u32::try_from(truth.len().max(1)).expect("a page of text is short"))
}

/// NFC; dot leaders (three or more of `.` `…` `_` `·`, or one `…`) and runs of white space are one space.
fn normalized(text: &str) -> Vec<char> {
    let composed: Vec<char> = text.nfc().collect();
    let leader = |c: &char| matches!(c, '.' | '…' | '_' | '·');
    let mut spaced = String::new();
    let mut rest = composed.as_slice();
    while let Some(&c) = rest.first() {
        let run = rest.iter().take_while(|c| leader(c)).count();
        match run {
            0 => spaced.push(c),
            1 | 2 => spaced.extend(rest[..run].iter().map(|&c| if c == '…' { ' ' } else { c })),
            _ => spaced.push(' '),
        }
        rest = &rest[run.max(1)..];
    }
    spaced.split_whitespace().collect::<Vec<_>>().join(" ").chars().collect()
}

#[test]
fn the_measures_of_this_file_are_right() {
    let square = |x: f64| vec![[x, 0.0], [x + 2.0, 0.0], [x + 2.0, 2.0], [x, 2.0]];
    let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
    assert!(close(overlap(&square(0.0), &square(1.0), [10.0, 10.0]), 1.0 / 3.0));
    let mut turned = square(0.0);
    turned.reverse();
    assert!(close(overlap(&turned, &square(0.0), [10.0, 10.0]), 1.0));
    assert!(close(overlap(&square(0.0), &square(5.0), [10.0, 10.0]), 0.0));
    assert_eq!(normalized("Họ  tên:.......An….\n1.b"), normalized("Họ tên: An .\n1.b"));
    assert!(close(character_error_rate("Đia chi", "Địa chỉ"), 2.0 / 7.0));
    assert!(close(character_error_rate("", "abcd"), 1.0));
}
