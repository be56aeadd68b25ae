//! Every pixel kernel on an A4 page at 300 dpi (2480×3508), next to a library's where there is one.
//!
//! `cargo bench --bench kernels`. Pages are made here, so that figures do not depend on files.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pictures made for the bench")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use image::{GrayImage, Luma, Rgb, RgbImage, imageops};
use imageproc::geometric_transformations::{Border, Interpolation, Projection, warp_into};
use sohoa::codes;
use sohoa::imaging::gray::luma;
use sohoa::imaging::{bed, blank, encode, illumination, quality, warp};
use sohoa::model::{Bend, Homography, PageMap, Point, Quad};

const WIDTH: u32 = 2480;
const HEIGHT: u32 = 3508;

/// Lines of strokes on paper under falling light, with the noise of a scanner.
fn page(width: u32, height: u32) -> RgbImage {
    let mut state = 1u32;
    RgbImage::from_fn(width, height, |x, y| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let ink = y % 70 < 34 && (x / 5 + y / 70 * 3) % 4 == 0 && (200..2300).contains(&x);
        let level = if ink { 45.0 } else { 235.0 - 60.0 * f64::from(y) / f64::from(height) };
        let noise = f64::from(state >> 29);
        Rgb([level + noise, level * 0.98 + noise, level * 0.95 + noise].map(|value| value as u8))
    })
}

fn gray(page: &RgbImage) -> GrayImage {
    GrayImage::from_fn(page.width(), page.height(), |x, y| Luma([page.get_pixel(x, y)[1]]))
}

/// A page seen a little askew.
fn quad() -> Quad {
    Quad([Point::new(60.0, 40.0), Point::new(2530.0, 90.0), Point::new(2560.0, 3600.0), Point::new(20.0, 3580.0)])
}

/// A page that bulges by a hundredth of its height.
fn bend() -> Bend {
    let (columns, rows) = (33, 47);
    let down = |column: usize| 0.01 * (column as f32 / (columns - 1) as f32 * std::f32::consts::PI).sin();
    Bend::new(columns, rows, (0..columns * rows).map(|node| [0.0, down(node % columns)]).collect())
}

fn warps(c: &mut Criterion) {
    let source = page(2600, 3700);
    let source_gray = gray(&source);
    let upright = Homography::between(&Quad::of_frame(WIDTH, HEIGHT), &quad()).expect("a proper quad");
    let turned = Homography::between(&Quad::of_frame(HEIGHT, WIDTH), &quad().rotated_start(1)).expect("a proper quad");
    let (flat, turned) = (PageMap::flat(WIDTH, HEIGHT, upright), PageMap::flat(HEIGHT, WIDTH, turned));
    let bent = PageMap { bend: Some(bend()), ..flat.clone() };
    let mut group = c.benchmark_group("warp");
    group.throughput(Throughput::Elements(u64::from(WIDTH * HEIGHT))).sample_size(20);
    group.bench_function("rgb", |b| b.iter(|| warp::rectify(black_box(&source), &flat)));
    group.bench_function("rgb turned by 90°", |b| b.iter(|| warp::rectify(black_box(&source), &turned)));
    group.bench_function("rgb of a bent page", |b| b.iter(|| warp::rectify(black_box(&source), &bent)));
    group.bench_function("gray", |b| b.iter(|| warp::rectify_gray(black_box(&source_gray), &flat)));
    for (name, width, height) in [("2×2 samples", 1500, 2122), ("box and bilinear", 1000, 1414)] {
        let homography = Homography::between(&Quad::of_frame(width, height), &quad()).expect("a proper quad");
        let map = PageMap::flat(width, height, homography);
        group.bench_function(BenchmarkId::new("rgb reduced", name), |b| {
            b.iter(|| warp::rectify(black_box(&source), &map));
        });
    }
    let rows: Vec<f32> = upright.inverse().expect("invertible").0.iter().flatten().map(|&v| v as f32).collect();
    let projection = Projection::from_matrix(rows.try_into().expect("nine entries")).expect("invertible");
    let mut out = RgbImage::new(WIDTH, HEIGHT);
    group.sample_size(10);
    group.bench_function("rgb, imageproc", |b| {
        b.iter(|| {
            warp_into(black_box(&source), projection, Interpolation::Bilinear, Border::Constant(Rgb([0; 3])), &mut out);
        });
    });
    group.finish();
}

fn light(c: &mut Criterion) {
    let original = page(WIDTH, HEIGHT);
    let mut group = c.benchmark_group("illumination");
    group.throughput(Throughput::Elements(u64::from(WIDTH * HEIGHT))).sample_size(20);
    let mut copy = original.clone();
    group.bench_function("rgb, with a copy of the page", |b| {
        b.iter(|| {
            copy.copy_from_slice(&original);
            illumination::normalize(black_box(&mut copy), illumination::Light::Room)
        });
    });
    // A sliver of bed along the left edge.
    let capture = RgbImage::from_fn(WIDTH + 120, HEIGHT + 120, |x, y| {
        let on_page = (66..WIDTH + 60).contains(&x) && (60..HEIGHT + 60).contains(&y);
        if on_page { *original.get_pixel(x - 60, y - 60) } else { Rgb([16; 3]) }
    });
    let shift = Homography([[1.0, 0.0, 60.0], [0.0, 1.0, 60.0], [0.0, 0.0, 1.0]]);
    let map = PageMap::flat(WIDTH, HEIGHT, shift);
    let flat = warp::rectify(&capture, &map);
    group.bench_function("bed, with a copy of the page", |b| {
        b.iter(|| {
            copy.copy_from_slice(&flat);
            bed::fill(black_box(&mut copy), &capture, &map, 300.0)
        });
    });
    group.finish();
}

fn judge_and_encode(c: &mut Criterion) {
    let colour = page(WIDTH, HEIGHT);
    let gray = gray(&colour);
    let mut group = c.benchmark_group("page");
    group.throughput(Throughput::Elements(u64::from(WIDTH * HEIGHT))).sample_size(20);
    group.bench_function("quality", |b| b.iter(|| quality::measure(black_box(&gray), 300.0, 300.0, false)));
    group.bench_function("codes, none on the page", |b| b.iter(|| codes::read(black_box(&gray))));
    group.bench_function("luma", |b| b.iter(|| luma(black_box(&colour))));
    group.bench_function("luma, image", |b| b.iter(|| imageops::grayscale(black_box(&colour))));
    group.bench_function("blank", |b| b.iter(|| blank::is_blank(black_box(&gray), 300.0)));
    group.bench_function("jpeg q85 4:2:0", |b| b.iter(|| encode::jpeg(black_box(&colour), 85, 300.0)));
    group.finish();
}

criterion_group!(benches, warps, light, judge_and_encode);
criterion_main!(benches);
