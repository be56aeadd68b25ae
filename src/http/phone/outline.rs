//! Where the paper is in a frame of the live camera: found here, by the search that finds it on captures, and drawn by the
//! phone. `docs/decisions.md` says why the phone does not search itself.

use std::num::NonZero;
use std::time::Instant;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::http::Shared;
use crate::http::problem::Problem;
use crate::imaging::bounds;
use crate::imaging::decode::{self, Limits};
use crate::imaging::proxy::Proxy;

/// Most bytes of a frame.
pub(super) const FRAME_BYTES: usize = 256 << 10;

/// A frame as the page sends it, with some room: the page's long side is 640 pixels.
const LIMITS: Limits = Limits { max_pixels: 1280 * 960, max_side: 1280, max_bytes: 16 << 20, max_frames: 1 };

/// Frames that are searched at a time: half the processors, as the pages themselves come first.
pub(in crate::http) struct Outlines(Semaphore);

impl Default for Outlines {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self(Semaphore::new((cores / 2).max(1)))
    }
}

/// The outline of the paper on a frame. Without content (204) where all that may be searched are: the next frame is the newer
/// one.
pub(super) async fn outline(
    State(app): State<Shared>,
    Path(token): Path<String>,
    frame: Bytes,
) -> Result<Response, Problem> {
    app.blocking(move |app| app.opened(&token).map(drop)).await?;
    let Ok(_turn) = app.outlines.0.try_acquire() else { return Ok(StatusCode::NO_CONTENT.into_response()) };
    let found = tokio::task::spawn_blocking(move || search(&frame)).await.map_err(|_| Problem::Internal)?;
    Ok(Json(found.ok_or(Problem::NotAPicture)?).into_response())
}

/// The outline as shares of the frame's width and height, from any corner clockwise, with how likely it is right, whether a part
/// of the paper lies outside, and the milliseconds that it took. `None` where it is no picture.
fn search(frame: &[u8]) -> Option<Value> {
    let started = Instant::now();
    let image = decode::decode(frame, 0, &LIMITS).ok()?.image;
    let found = bounds::find(&image, &Proxy::new(&image), None, None).into_iter().next();
    let (width, height) = (f64::from(image.width()), f64::from(image.height()));
    let corner = |point: crate::model::Point| json!([point.x / width, point.y / height]);
    let quad = found.as_ref().map(|sheet| sheet.quad.0.map(corner));
    Some(json!({
        "quad": quad, "confidence": found.as_ref().map(|sheet| sheet.confidence),
        "cut_off": found.as_ref().is_some_and(|sheet| sheet.cut_off),
        "ms": u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    }))
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;
    use crate::imaging::encode;

    #[test]
    fn a_paper_on_a_desk_is_found_and_nonsense_is_none() {
        let desk = RgbImage::from_fn(640, 480, |x, y| {
            let on_paper = (160..480).contains(&x) && (60..420).contains(&y);
            Rgb(if on_paper { [235, 235, 230] } else { [70, 60, 50] })
        });
        let found = search(&encode::jpeg(&desk, 60, 72.0).unwrap()).unwrap();
        let quad: Vec<[f64; 2]> = serde_json::from_value(found["quad"].clone()).unwrap();
        let near = |wanted: [f64; 2]| quad.iter().any(|at| (at[0] - wanted[0]).hypot(at[1] - wanted[1]) < 0.02);
        assert!([[0.25, 0.125], [0.75, 0.125], [0.75, 0.875], [0.25, 0.875]].into_iter().all(near), "{found}");
        assert_eq!(found["cut_off"], false);
        assert!(search(b"no picture").is_none());
        let empty = RgbImage::from_pixel(640, 480, Rgb([70, 60, 50]));
        assert!(search(&encode::jpeg(&empty, 60, 72.0).unwrap()).unwrap()["quad"].is_null());
    }
}
