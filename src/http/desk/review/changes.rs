//! What a person does to pages, from the forms of the review page. Each form leads back to it; what was made stays, and its
//! next version takes the change up.

use axum::Form;
use axum::extract::rejection::{FormRejection, PathRejection};
use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;

use crate::http::api::{Scrap, code};
use crate::http::arrive::{Incoming, disk, file_name, tidy, write_down};
use crate::http::form::Parts;
use crate::http::html::in_path;
use crate::http::problem::Problem;
use crate::http::session::{Visitor, to, wrong_form};
use crate::http::{App, Shared};
use crate::model::{Edit, Orientation, Point, Quad};
use crate::store::{NewCapture, PageOf};

use super::super::papers::DESK;
use super::{Sheet, name_of, page_of};

/// Longest reason for accepting a page, characters.
pub(super) const REASON_CHARS: usize = 200;
/// Farthest that a corner may lie outside a capture, as a share of the capture's longest side possible, pixels.
const FARTHEST: f64 = 100_000.0;

type Numbers = Result<Path<(i64, String)>, PathRejection>;
pub(super) type Number = Result<Path<i64>, PathRejection>;

/// What is decided of a page.
#[derive(Deserialize)]
pub(super) struct Decision {
    form: String,
    r#do: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    outline: String,
    #[serde(default)]
    view: String,
}

/// Decides something of a page.
pub(super) async fn decide(
    State(app): State<Shared>,
    visitor: Visitor,
    numbers: Numbers,
    headers: HeaderMap,
    decision: Result<Form<Decision>, FormRejection>,
) -> Result<Response, Problem> {
    let Form(decision) = decision.map_err(|_| wrong_form())?;
    visitor.check(&headers, &decision.form)?;
    let (id, page) = numbered(numbers)?;
    app.blocking(move |app| {
        let reviewed = app.reviewed(id, &visitor)?;
        let sheet = reviewed.position(page).map(|index| &reviewed.sheets[index]).ok_or(Problem::NotFound)?;
        let change = app.change(sheet, &decision, &visitor)?;
        let component = app.store.decide(id, page, change, Some(visitor.account.id), app.now())?;
        let view = if decision.view == "capture" { "&view=capture" } else { "" };
        Ok(to(&format!("{}{view}", address(component, page))))
    })
    .await
}

/// What is done to what was decided of a page.
type Change = Box<dyn FnOnce(&mut Edit)>;

impl App {
    /// What a form does to what is decided of a page.
    fn change(&self, sheet: &Sheet, decision: &Decision, visitor: &Visitor) -> Result<Change, Problem> {
        Ok(match &decision.r#do[..] {
            turn @ ("left" | "right" | "over") => {
                let unreadable = |_| Problem::Request("trang này không đọc được", "this page cannot be read");
                let now = self.page(sheet, visitor.lang)?.map_err(unreadable)?.geometry.orientation;
                // Content that is turned clockwise on the capture is turned back: to the right is one turn less of that.
                let by = match turn {
                    "right" => Orientation::Deg270,
                    "left" => Orientation::Deg90,
                    _ => Orientation::Deg180,
                };
                Box::new(move |edit| edit.orientation = Some(now.then(by)))
            }
            "blank" => Box::new(|edit| edit.blank = Some(true)),
            "not-blank" => Box::new(|edit| edit.blank = Some(false)),
            "accept" => {
                let reason: String = decision.reason.trim().chars().take(REASON_CHARS).collect();
                if reason.is_empty() {
                    return Err(Problem::Request(
                        "hãy ghi lý do chấp nhận trang này",
                        "write why this page is good enough",
                    ));
                }
                Box::new(move |edit| edit.accepted = Some(reason))
            }
            "not-accept" => Box::new(|edit| edit.accepted = None),
            "outline" => {
                let wrong = Problem::Request(
                    "bốn góc không tạo thành một tờ giấy; hãy kéo lại",
                    "the four corners are no paper; drag them again",
                );
                let quad = outline(&decision.outline).ok_or(wrong)?;
                Box::new(move |edit| edit.outline = Some(quad))
            }
            "found" => Box::new(|edit| {
                *edit = Edit { accepted: edit.accepted.take(), open: edit.open.take(), ..Edit::default() };
            }),
            _ => return Err(wrong_form()),
        })
    }
}

/// Four corners, `x,y` each, with spaces between.
fn outline(text: &str) -> Option<Quad> {
    let corner = |pair: &str| {
        let (x, y) = pair.split_once(',')?;
        let (x, y): (f64, f64) = (x.parse().ok()?, y.parse().ok()?);
        (x.abs() <= FARTHEST && y.abs() <= FARTHEST).then(|| Point::new(x, y))
    };
    let corners: Vec<Point> = text.split_whitespace().map(corner).collect::<Option<_>>()?;
    let quad = Quad(corners.try_into().ok()?);
    quad.is_convex().then_some(quad)
}

/// The order of pages, and one to do something with.
#[derive(Deserialize)]
pub(super) struct Arrangement {
    form: String,
    r#do: String,
    #[serde(default)]
    page: String,
    /// With `order`: all pages that stay, in their new order.
    #[serde(default)]
    pages: String,
}

/// Moves a page up or down, leaves it out, puts it back, or puts all into an order.
pub(super) async fn arrange(
    State(app): State<Shared>,
    visitor: Visitor,
    number: Number,
    headers: HeaderMap,
    arrangement: Result<Form<Arrangement>, FormRejection>,
) -> Result<Response, Problem> {
    let Form(arrangement) = arrangement.map_err(|_| wrong_form())?;
    visitor.check(&headers, &arrangement.form)?;
    let Path(id) = number.map_err(|_| Problem::NotFound)?;
    app.blocking(move |app| {
        let pages = app.reviewed(id, &visitor)?.pages();
        let page = page_of(&arrangement.page);
        let (order, out) = arranged(&pages, &arrangement.r#do, page, &arrangement.pages)?;
        let component = app.store.arrange(id, (&order, &out), Some(visitor.account.id), app.now())?;
        let beside = page.filter(|page| order.contains(page)).or_else(|| {
            let place = page.and_then(|page| pages.iter().position(|one| *one == page))?;
            order.get(place).or(order.last()).copied()
        });
        Ok(to(&beside.map_or_else(|| format!("/components/{component}/pages"), |page| address(component, page))))
    })
    .await
}

/// The pages in their new order, and those that are left out.
fn arranged(
    pages: &[PageOf],
    what: &str,
    page: Option<PageOf>,
    order: &str,
) -> Result<(Vec<PageOf>, Vec<PageOf>), Problem> {
    let mut new = pages.to_vec();
    if what == "order" {
        new = order.split_whitespace().map(page_of).collect::<Option<_>>().ok_or_else(wrong_form)?;
    } else {
        let page = page.ok_or_else(wrong_form)?;
        let place = new.iter().position(|one| *one == page);
        match (what, place) {
            ("up", Some(place)) if place > 0 => new.swap(place - 1, place),
            ("down", Some(place)) if place + 1 < new.len() => new.swap(place, place + 1),
            ("up" | "down", Some(_)) => {}
            ("out", Some(_)) if new.len() == 1 => {
                return Err(Problem::Request(
                    "không bỏ được trang duy nhất; hãy chuyển nó sang giấy tờ khác",
                    "the only page cannot be left out; move it to another paper",
                ));
            }
            ("out", Some(place)) => drop(new.remove(place)),
            ("back", None) => new.push(page),
            _ => return Err(wrong_form()),
        }
    }
    let out = pages.iter().copied().filter(|page| !new.contains(page)).collect();
    Ok((new, out))
}

/// Which pages go where.
#[derive(Deserialize)]
pub(super) struct Move {
    form: String,
    page: String,
    /// `one`, `rest` (from this page on) or `all`.
    which: String,
    #[serde(default)]
    dossier: String,
    title: String,
}

/// Moves pages to another paper: divides a component, or puts two together.
pub(super) async fn move_pages(
    State(app): State<Shared>,
    visitor: Visitor,
    number: Number,
    headers: HeaderMap,
    typed: Result<Form<Move>, FormRejection>,
) -> Result<Response, Problem> {
    let Form(typed) = typed.map_err(|_| wrong_form())?;
    visitor.check(&headers, &typed.form)?;
    let Path(id) = number.map_err(|_| Problem::NotFound)?;
    let nameless = Problem::Request("hãy ghi tên giấy tờ", "write what the paper is");
    let title = tidy(&typed.title).ok_or(nameless)?;
    let code = code(typed.dossier.trim())?;
    app.blocking(move |app| {
        let pages = app.reviewed(id, &visitor)?.pages();
        let page = page_of(&typed.page).and_then(|page| pages.iter().position(|one| *one == page));
        let place = page.ok_or(Problem::NotFound)?;
        let goes = |index: usize| match &typed.which[..] {
            "all" => true,
            "rest" => index >= place,
            _ => index == place,
        };
        let (go, stay): (Vec<_>, Vec<_>) = pages.into_iter().enumerate().partition(|(index, _)| goes(*index));
        let of = |pages: Vec<(usize, PageOf)>| pages.into_iter().map(|(_, page)| page).collect::<Vec<_>>();
        let (go, stay) = (of(go), of(stay));
        let paper = app.store.move_pages(id, (&go, &stay), (&code, &title), Some(visitor.account.id), app.now())?;
        Ok(to(&address(paper, go[0])))
    })
    .await
}

/// What a form without fields of its own brings.
#[derive(Deserialize)]
pub(super) struct Closing {
    form: String,
}

/// Lets a component be made at once, and leads to its dossier.
pub(super) async fn close(
    State(app): State<Shared>,
    visitor: Visitor,
    number: Number,
    headers: HeaderMap,
    typed: Result<Form<Closing>, FormRejection>,
) -> Result<Response, Problem> {
    let Form(typed) = typed.map_err(|_| wrong_form())?;
    visitor.check(&headers, &typed.form)?;
    let Path(id) = number.map_err(|_| Problem::NotFound)?;
    app.blocking(move |app| {
        let reviewed = app.reviewed(id, &visitor)?;
        app.store.close(id, app.now())?;
        let dossier = reviewed.listed.dossier.map(|code| format!("/dossiers/{}", in_path(&code)));
        Ok(to(dossier.as_deref().unwrap_or("/unplaced")))
    })
    .await
}

/// Puts the pages back of a component all of whose pages were left out, and leads to it.
pub(super) async fn restore(
    State(app): State<Shared>,
    visitor: Visitor,
    number: Number,
    headers: HeaderMap,
    typed: Result<Form<Closing>, FormRejection>,
) -> Result<Response, Problem> {
    let Form(typed) = typed.map_err(|_| wrong_form())?;
    visitor.check(&headers, &typed.form)?;
    if !visitor.account.role.may_read_papers() {
        return Err(Problem::Role);
    }
    let Path(id) = number.map_err(|_| Problem::NotFound)?;
    app.blocking(move |app| {
        app.store.restore(id, Some(visitor.account.id), app.now())?;
        Ok(to(&format!("/components/{id}/pages")))
    })
    .await
}

/// Puts a new capture in the place of a page.
pub(super) async fn replace(
    State(app): State<Shared>,
    visitor: Visitor,
    numbers: Numbers,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    let (id, page) = numbered(numbers)?;
    if !visitor.account.role.may_read_papers() {
        return Err(Problem::Role);
    }
    let mut form = Parts::of(request, &app).await?;
    let mut is_ours = false;
    while let Some(field) = form.next_field().await.map_err(|_| Problem::Broken)? {
        match field.file_name().map(str::to_owned) {
            None if field.name() == Some("form") => {
                visitor.check(&headers, &field.text().await?)?;
                is_ours = true;
            }
            None => {}
            Some(name) if name.is_empty() => {}
            Some(_) if !is_ours => return Err(Problem::Foreign),
            Some(name) => {
                let name = file_name(&name).unwrap_or_else(|| app.now().to_string());
                let path = app.blocking(|app| app.uploads.direct().map_err(disk)).await?;
                let scrap = Scrap(path.clone());
                let file = std::fs::File::create_new(&path).map_err(disk)?;
                let limit = app.settings.limits.max_bytes;
                write_down(Incoming::Part(Box::new(field)), file, limit, limit, ()).await?;
                let replaced = app.blocking(move |app| {
                    let _scrap = scrap;
                    let pages = app.reviewed(id, &visitor)?.pages();
                    let place = pages.iter().position(|one| *one == page).ok_or(Problem::NotFound)?;
                    let (modified, now) = ((app.clock)().unix_timestamp_nanos(), app.now());
                    let modified = i64::try_from(modified).unwrap_or(i64::MAX);
                    let blob = app.store_capture(&path)?;
                    let new = NewCapture { blob: &blob, source: DESK, relative: &name, modified, priority: 0 };
                    let by = Some(visitor.account.id);
                    let component = app.store.replace_page(id, (&pages, page), &new, by, now)?;
                    Ok((component, place))
                });
                let (component, place) = replaced.await?;
                return Ok(to(&format!("/components/{component}/pages?place={place}")));
            }
        }
    }
    Err(Problem::Request("chưa chọn tệp nào", "no file was chosen"))
}

fn numbered(numbers: Numbers) -> Result<(i64, PageOf), Problem> {
    let Path((id, page)) = numbers.map_err(|_| Problem::NotFound)?;
    Ok((id, page_of(&page).ok_or(Problem::NotFound)?))
}

/// The address of the review of a page.
fn address(component: i64, page: PageOf) -> String {
    format!("/components/{component}/pages?page={}", name_of(page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_is_four_corners_of_a_paper() {
        let quad = outline("10,20 110,20.5 110,220 -3,220").unwrap();
        assert_eq!((quad.0[1].y, quad.0[3].x), (20.5, -3.0));
        for wrong in
            ["", "1,1 2,1 2,2", "0,0 0,9 9,9 9,0", "0,0 9,9 9,0 0,9", "0,0 9,0 9,9 0,9 1,1", "0,0 9,0 nan,9 0,9"]
        {
            assert!(outline(wrong).is_none(), "{wrong}");
        }
        assert!(outline("0,0 1e9,0 1e9,1e9 0,1e9").is_none());
    }

    #[test]
    fn pages_are_put_into_order_and_left_out() {
        let pages = [(1, 1), (2, 1), (2, 2)];
        let order = |what, page| arranged(&pages, what, page, "").map(|(order, _)| order);
        assert_eq!(order("up", Some((2, 1))).unwrap(), [(2, 1), (1, 1), (2, 2)]);
        assert_eq!(order("up", Some((1, 1))).unwrap(), pages);
        assert_eq!(order("down", Some((2, 2))).unwrap(), pages);
        assert_eq!(order("down", Some((1, 1))).unwrap(), [(2, 1), (1, 1), (2, 2)]);
        assert_eq!(arranged(&pages, "out", Some((2, 1)), "").unwrap(), (vec![(1, 1), (2, 2)], vec![(2, 1)]));
        assert_eq!(order("back", Some((9, 1))).unwrap(), [(1, 1), (2, 1), (2, 2), (9, 1)]);
        assert_eq!(arranged(&pages, "order", None, "2-2 1-1").unwrap(), (vec![(2, 2), (1, 1)], vec![(2, 1)]));
        assert!(arranged(&pages[..1], "out", Some((1, 1)), "").is_err());
        for (what, page, text) in
            [("back", Some((1, 1)), ""), ("order", None, "x"), ("?", Some((1, 1)), ""), ("up", None, "")]
        {
            assert!(arranged(&pages, what, page, text).is_err(), "{what}");
        }
    }
}
