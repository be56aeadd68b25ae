//! How a page lies before the glass or the lens: page millimetres to capture pixels and back.

use sohoa::model::{Homography, Point, Quad, SizeMm};

/// A page that is bent like a sheet lying on a cylinder, its two straight edges on the desk.
#[derive(Clone, Copy, Debug)]
struct Cylinder {
    /// Millimetres.
    radius: f64,
    /// Length of the sheet around the cylinder.
    length: f64,
    /// Bent from top to bottom rather than from side to side.
    downwards: bool,
}

impl Cylinder {
    /// How high the sheet rises over the desk in its middle.
    fn height(&self, across: f64) -> f64 {
        let edge = self.radius * (self.length / 2.0 / self.radius).cos();
        ((self.radius.powi(2) - across.powi(2)).max(0.0).sqrt() - edge).max(0.0)
    }

    /// Millimetres along the sheet to millimetres along the desk, both from the middle.
    fn to_desk(self, along: f64) -> f64 {
        self.radius * (along / self.radius).sin()
    }

    fn to_sheet(self, across: f64) -> f64 {
        let edge = self.to_desk(self.length / 2.0);
        // Beyond the sheet's edges the desk goes on.
        let beyond = (across.abs() - edge).max(0.0).copysign(across);
        self.radius * (across.clamp(-edge, edge) / self.radius).asin() + beyond
    }
}

/// A pinhole camera over the desk: the page's middle is the origin, `z` points away from the camera.
#[derive(Clone, Copy, Debug)]
struct Camera {
    rotation: [[f64; 3]; 3],
    translation: [f64; 3],
    /// Pixels.
    focal: f64,
    /// The optical axis on the capture.
    middle: Point,
}

impl Camera {
    fn project(&self, [x, y, z]: [f64; 3]) -> Point {
        let [x, y, z] = [0, 1, 2].map(|i| {
            let row = self.rotation[i];
            row[0] * x + row[1] * y + row[2] * z + self.translation[i]
        });
        Point::new(self.middle.x + self.focal * x / z, self.middle.y + self.focal * y / z)
    }

    /// What a vector in the camera's frame is in the desk's.
    fn to_desk(self, v: [f64; 3]) -> [f64; 3] {
        [0, 1, 2].map(|i| (0..3).map(|k| self.rotation[k][i] * v[k]).sum())
    }
}

/// The way from a page to its capture.
#[derive(Clone, Debug)]
pub(crate) struct View {
    size: SizeMm,
    to_capture: Homography,
    to_page: Homography,
    bent: Option<(Camera, Cylinder)>,
}

/// How a camera is held, angles in degrees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pose {
    /// Clockwise turn of the page on the capture.
    pub(crate) roll: f64,
    /// Angle between the optical axis and the desk's normal.
    pub(crate) tilt: f64,
    /// Direction of the tilt.
    pub(crate) towards: f64,
    /// Focal length, pixels.
    pub(crate) focal: f64,
    /// Millimetres from the camera to the page's middle.
    pub(crate) away: f64,
    /// The frame's middle and where the page's middle appears, pixels.
    pub(crate) middle: Point,
    pub(crate) page_middle: Point,
    /// How high the middle of a curled page rises, millimetres, and whether it is bent from top to bottom.
    pub(crate) curl: Option<(f64, bool)>,
}

impl View {
    /// A page on a scanner's bed, turned clockwise about its middle.
    pub(crate) fn flat(size: SizeMm, pixels_per_mm: f64, degrees: f64, middle: Point) -> Self {
        let (sine, cosine) = degrees.to_radians().sin_cos();
        let (a, b) = (cosine * pixels_per_mm, sine * pixels_per_mm);
        let (x, y) = (size.width / 2.0, size.height / 2.0);
        let rows = [[a, -b, middle.x - a * x + b * y], [b, a, middle.y - b * x - a * y], [0.0, 0.0, 1.0]];
        Self::plane(size, Homography(rows))
    }

    fn plane(size: SizeMm, to_capture: Homography) -> Self {
        let to_page = to_capture.inverse().expect("the page is seen from its front");
        Self { size, to_capture, to_page, bent: None }
    }

    /// A page before a camera.
    pub(crate) fn photo(size: SizeMm, pose: &Pose) -> Self {
        let camera = camera(pose);
        let corners = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)];
        let sheet = Quad(
            [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)].map(|(x, y)| Point::new(x * size.width, y * size.height)),
        );
        let seen = Quad(corners.map(|(x, y)| camera.project([x * size.width, y * size.height, 0.0])));
        let flat = Self::plane(size, Homography::between(&sheet, &seen).expect("the page is seen from its front"));
        let Some((sag, downwards)) = pose.curl else { return flat };
        let length = if downwards { size.height } else { size.width };
        let cylinder = Cylinder { radius: length.powi(2) / (8.0 * sag), length, downwards };
        Self { bent: Some((camera, cylinder)), ..flat }
    }

    /// Page millimetres from its top left to capture pixels.
    pub(crate) fn to_capture(&self, mm: Point) -> Point {
        let Some((camera, cylinder)) = &self.bent else { return self.to_capture.apply(mm) };
        let (x, y) = (mm.x - self.size.width / 2.0, mm.y - self.size.height / 2.0);
        if cylinder.downwards {
            let across = cylinder.to_desk(y);
            camera.project([x, across, -cylinder.height(across)])
        } else {
            let across = cylinder.to_desk(x);
            camera.project([across, y, -cylinder.height(across)])
        }
    }

    /// Capture pixels to page millimetres; beyond the page's edges, to the desk around it.
    pub(crate) fn to_page(&self, p: Point) -> Point {
        let Some((camera, cylinder)) = &self.bent else { return self.to_page.apply(p) };
        let eye = camera.to_desk(camera.translation.map(|value| -value));
        let ray = [(p.x - camera.middle.x) / camera.focal, (p.y - camera.middle.y) / camera.focal, 1.0];
        let ray = camera.to_desk(ray);
        let at = |z: f64| {
            let far = (z - eye[2]) / ray[2];
            (eye[0] + far * ray[0], eye[1] + far * ray[1])
        };
        let mut place = at(0.0);
        for _ in 0..7 {
            place = at(-cylinder.height(if cylinder.downwards { place.1 } else { place.0 }));
        }
        let (x, y) = match cylinder.downwards {
            true => (place.0, cylinder.to_sheet(place.1)),
            false => (cylinder.to_sheet(place.0), place.1),
        };
        Point::new(x + self.size.width / 2.0, y + self.size.height / 2.0)
    }

    /// Corners of the page on its capture, from the content's top left clockwise.
    pub(crate) fn quad(&self) -> Quad {
        let SizeMm { width, height } = self.size;
        Quad([(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)].map(|(x, y)| self.to_capture(Point::new(x, y))))
    }

    /// Slope of a curled sheet there: how light falls on it.
    pub(crate) fn slope(&self, mm: Point) -> f64 {
        self.bent.map_or(0.0, |(_, cylinder)| {
            let (place, length) = if cylinder.downwards { (mm.y, self.size.height) } else { (mm.x, self.size.width) };
            ((place - length / 2.0) / cylinder.radius).clamp(-0.5, 0.5)
        })
    }
}

fn camera(pose: &Pose) -> Camera {
    let (roll, tilt, towards) = (pose.roll.to_radians(), pose.tilt.to_radians(), pose.towards.to_radians());
    // Rodrigues: a turn by the tilt about an axis that lies in the desk.
    let (u, v, sine, rest) = (towards.cos(), towards.sin(), tilt.sin(), 1.0 - tilt.cos());
    let lean = [
        [1.0 - rest * v * v, rest * u * v, sine * v],
        [rest * u * v, 1.0 - rest * u * u, -sine * u],
        [-sine * v, sine * u, tilt.cos()],
    ];
    let turn = [[roll.cos(), -roll.sin(), 0.0], [roll.sin(), roll.cos(), 0.0], [0.0, 0.0, 1.0]];
    let rotation = [0, 1, 2].map(|i| [0, 1, 2].map(|k| (0..3).map(|j: usize| lean[i][j] * turn[j][k]).sum::<f64>()));
    let aside = |seen: f64, middle: f64| (seen - middle) / pose.focal * pose.away;
    let translation = [aside(pose.page_middle.x, pose.middle.x), aside(pose.page_middle.y, pose.middle.y), pose.away];
    Camera { rotation, translation, focal: pose.focal, middle: pose.middle }
}

#[test]
fn a_view_leads_there_and_back() {
    let size = SizeMm { width: 210.0, height: 297.0 };
    let pose = Pose {
        roll: 100.0,
        tilt: 25.0,
        towards: 70.0,
        focal: 3000.0,
        away: 420.0,
        middle: Point::new(1499.5, 1999.5),
        page_middle: Point::new(1600.0, 1900.0),
        curl: None,
    };
    let views = [
        View::flat(size, 8.0, -33.0, Point::new(1200.0, 1300.0)),
        View::photo(size, &pose),
        View::photo(size, &Pose { curl: Some((12.0, true)), ..pose }),
        View::photo(size, &Pose { curl: Some((8.0, false)), ..pose }),
    ];
    for view in views {
        assert!(view.quad().is_convex(), "{view:?}");
        for (x, y) in [(0.0, 0.0), (30.0, 250.0), (105.0, 148.5), (200.0, 20.0), (210.0, 297.0)] {
            let there = view.to_capture(Point::new(x, y));
            let back = view.to_page(there);
            assert!(back.distance(Point::new(x, y)) < 1e-3, "{x}, {y} became {back:?}");
        }
    }
}
