//! What the ways of storing pages cost, as `sohoa digitize --size-report` tells it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sohoa::budget::{Cost, Way};
use sohoa::digitize::Event;
use sohoa::manifest::{Component, ImageForm};
use sohoa::model::{Lang, Localized};
use sohoa::page::encoding::Step;

/// The event as programs read it.
pub(super) fn event(component: &str, pages: usize, rest: u64, limit: u64, costs: &[Cost]) -> Value {
    let ways: Vec<Value> = costs
        .iter()
        .map(|cost| {
            let (way, quality) = match cost.way {
                None => ("now", None),
                Some(Way::Step(Step::Packed)) => ("packed", None),
                Some(Way::Step(Step::Quality(quality))) => ("quality", Some(quality)),
                Some(Way::Step(Step::LeastResolution(quality))) => ("least-resolution", Some(quality)),
                Some(Way::Layers) => ("layers", None),
            };
            json!({"way": way, "quality": quality, "bytes": cost.bytes + rest})
        })
        .collect();
    json!({"event": "sizes", "component": component, "pages": pages, "limit": limit, "ways": ways})
}

/// The table of one component and what became of its pages; nothing for other events.
pub(super) fn table(event: &Event, components: &[&Component], lang: Lang) -> String {
    let Event::Sizes { component: name, pages, rest, limit, costs } = event else { return String::new() };
    let mut text = match lang {
        Lang::Vi => format!("{name}: {pages} trang, tệp tối đa {}\n", megabytes(*limit)),
        Lang::En => format!("{name}: {pages} pages, files up to {}\n", megabytes(*limit)),
    };
    for cost in costs {
        let way = match cost.way {
            None => lang.pick("không giới hạn dung lượng", "without a limit").to_owned(),
            Some(Way::Step(step)) => step.message(lang),
            Some(Way::Layers) => lang.pick("tách lớp (--mrc)", "in layers (--mrc)").to_owned(),
        };
        let bytes = cost.bytes + rest;
        let fits = match bytes <= *limit {
            true => "",
            false => lang.pick("  quá lớn", "  too large"),
        };
        let a_page = lang.pick("mỗi trang", "a page");
        let each = megabytes(cost.bytes / (*pages).max(1) as u64);
        text.push_str(&format!("  {:>8}  {each:>8} {a_page}  {way}{fits}\n", megabytes(bytes)));
    }
    if let Some(made) = components.iter().find(|made| made.name == *name) {
        text.push_str(&format!("  {}: {}\n", lang.pick("đã chọn", "chosen"), chosen(made, lang)));
    }
    text
}

/// How the pages are stored, equal ones together.
fn chosen(component: &Component, lang: Lang) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for page in &component.pages {
        let image = &page.image;
        let form = match (image.form, image.quality) {
            (ImageForm::Jpeg, Some(quality)) => format!("JPEG {quality}"),
            (ImageForm::Jpeg, None) => lang.pick("JPEG của bản quét", "the capture's JPEG").to_owned(),
            (ImageForm::Jbig2, _) => "JBIG2".to_owned(),
            (ImageForm::Layers, quality) => {
                format!("{} {}", lang.pick("tách lớp", "layers"), quality.unwrap_or_default())
            }
        };
        *counts.entry(format!("{form}, {:.0} dpi", image.dpi)).or_default() += 1;
    }
    let each = counts.iter().map(|(form, count)| format!("{count} × {form}"));
    each.collect::<Vec<_>>().join("; ")
}

/// A size in millions of bytes.
pub(super) fn megabytes(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}
