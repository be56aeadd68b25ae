//! What the browser's camera sees: a file of one frame (Y4M, uncompressed) that the browser reads again for each picture of the
//! camera, so that a test puts another before the lens while it runs.

use std::fs::{self, File};
use std::iter::repeat_n;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use image::RgbImage;

/// Pictures in a second. A camera has more; each is megabytes here.
const RATE: u32 = 5;
/// How long a hand holds a paper in one place.
const HELD: Duration = Duration::from_millis(200);

/// A picture as the camera's file has it: brightness, and both colours at half the size (BT.601, 8 bits).
pub(super) struct Frame {
    width: usize,
    height: usize,
    planes: [Vec<u8>; 3],
}

impl Frame {
    /// # Panics
    /// When a side is odd.
    pub(super) fn of(picture: &RgbImage) -> Self {
        assert!(picture.width().is_multiple_of(2) && picture.height().is_multiple_of(2), "colours have half the size");
        // In 256ths.
        let plane = |step: usize, weights: [i32; 3], offset: i32| -> Vec<u8> {
            let rows = (0..picture.height()).step_by(step);
            let points = rows.flat_map(|y| (0..picture.width()).step_by(step).map(move |x| (x, y)));
            let value = |(x, y)| {
                let colours = picture.get_pixel(x, y).0.into_iter().map(i32::from);
                let sum: i32 = colours.zip(weights).map(|(colour, weight)| colour * weight).sum();
                u8::try_from((sum + 128) / 256 + offset).expect("the weights keep it small")
            };
            points.map(value).collect()
        };
        let brightness = plane(1, [66, 129, 25], 16);
        let colours = [[-38, -74, 112], [112, -94, -18]].map(|weights| plane(2, weights, 128));
        let [blue, red] = colours;
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        Self { width, height, planes: [brightness, blue, red] }
    }

    /// The width in pixels, by which a picture is moved out of sight.
    pub(super) fn width(&self) -> isize {
        self.width as isize
    }

    /// How much brighter or darker the points of another picture of the same size are, in the mean of all.
    ///
    /// # Panics
    /// When it has another size.
    pub(super) fn difference(&self, other: &Self) -> f64 {
        assert_eq!((self.width, self.height), (other.width, other.height));
        let pairs = self.planes[0].iter().zip(&other.planes[0]);
        let sum: u64 = pairs.map(|(one, other)| u64::from(one.abs_diff(*other))).sum();
        sum as f64 / self.planes[0].len() as f64
    }

    /// The picture moved by pixels, of which each number is even; what comes in at an edge is as that edge was.
    pub(super) fn moved(&self, right: isize, down: isize) -> Self {
        let plane = |plane: &[u8], part: usize| {
            let (width, height) = (self.width / part, self.height / part);
            let (right, down) = (right / part as isize, down / part as isize);
            let new = right.unsigned_abs().min(width - 1);
            let mut moved = Vec::with_capacity(plane.len());
            for y in 0..height {
                let row = &plane[y.saturating_add_signed(-down).min(height - 1) * width..][..width];
                if right < 0 {
                    moved.extend_from_slice(&row[new..]);
                    moved.extend(repeat_n(row[width - 1], new));
                } else {
                    moved.extend(repeat_n(row[0], new));
                    moved.extend_from_slice(&row[..width - new]);
                }
            }
            moved
        };
        let planes = [plane(&self.planes[0], 1), plane(&self.planes[1], 2), plane(&self.planes[2], 2)];
        Self { width: self.width, height: self.height, planes }
    }
}

/// The camera.
pub(super) struct Lens {
    file: File,
    path: PathBuf,
    /// Where the frame begins.
    start: u64,
}

impl Lens {
    /// A camera whose pictures have this one's size, and which sees it.
    pub(super) fn new(path: &Path, frame: &Frame) -> Self {
        let head = format!("YUV4MPEG2 W{} H{} F{RATE}:1 Ip A1:1 C420\nFRAME\n", frame.width, frame.height);
        fs::write(path, &head).expect("our own folder");
        let file = File::options().write(true).open(path).expect("our own folder");
        let lens = Self { file, path: path.to_owned(), start: head.len() as u64 };
        lens.show(frame);
        lens
    }

    /// The browser's switches for this camera, to which nobody is asked to agree.
    pub(super) fn switches(&self) -> [String; 3] {
        let file = format!("--use-file-for-fake-video-capture={}", self.path.display());
        ["--use-fake-device-for-media-stream".to_owned(), "--use-fake-ui-for-media-stream".to_owned(), file]
    }

    /// Puts another picture before the lens.
    pub(super) fn show(&self, frame: &Frame) {
        let planes = frame.planes.concat();
        self.file.write_all_at(&planes, self.start).expect("our own folder");
    }

    /// Does something while a hand moves the paper of this picture from place to place; half a minute passes before it is at
    /// one of them again.
    ///
    /// # Panics
    /// When it takes longer than two minutes.
    pub(super) fn while_moving<T>(&self, frame: &Frame, work: impl FnOnce() -> T) -> T {
        // Places lie on a grid, of which no two neighbours are taken for one; the order makes each step a wide one.
        const SIDE: usize = 12;
        // Also when what is done fails the hand rests once.
        const STEPS: usize = 600;
        let apart = |side: usize| (side / 48 / 2 * 2) as isize;
        let place = |number: usize| {
            let at = number * 43 % (SIDE * SIDE);
            let steps = |step: usize| step as isize - (SIDE / 2) as isize;
            (steps(at % SIDE) * apart(frame.width), steps(at / SIDE) * apart(frame.height))
        };
        let is_over = AtomicBool::new(false);
        scope(|scope| {
            let hand = scope.spawn(|| {
                for number in 0..STEPS {
                    if is_over.load(Ordering::Relaxed) {
                        return true;
                    }
                    let (right, down) = place(number);
                    self.show(&frame.moved(right, down));
                    sleep(HELD);
                }
                false
            });
            let done = work();
            is_over.store(true, Ordering::Relaxed);
            assert!(hand.join().expect("it only writes"), "it took too long");
            done
        })
    }
}

#[test]
fn a_moved_picture_has_its_edges_repeated() {
    let picture = RgbImage::from_fn(4, 4, |x, y| image::Rgb([u8::try_from(x * 40 + y * 10).expect("it is small"); 3]));
    let frame = Frame::of(&picture);
    let row = |frame: &Frame, y: usize| frame.planes[0][y * 4..][..4].to_vec();
    let whole = row(&frame, 0);
    for (right, from) in [(2, [0, 0, 0, 1]), (-2, [2, 3, 3, 3]), (4, [0; 4]), (-6, [3; 4]), (0, [0, 1, 2, 3])] {
        let moved = frame.moved(right, 2);
        assert_eq!(row(&moved, 1), from.map(|at| whole[at]), "{right}");
        assert_eq!(moved.planes.map(|plane| plane.len()), [16, 4, 4]);
    }
    assert_eq!(row(&frame.moved(0, -4), 0), row(&frame, 3));
}
