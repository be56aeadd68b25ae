//! The page that shows a component page by page; what stands beside a page is in `panel.rs`.

use time::UtcOffset;

use crate::http::App;
use crate::http::desk::dossiers::{file_links, moment};
use crate::http::html::{escaped, in_path, sentence};
use crate::http::problem::Problem;
use crate::http::session::Visitor;
use crate::model::{Lang, Quad};
use crate::page::Page;
use crate::service::reason_text;
use crate::store::State;

use super::panel::{SURE, doubt};
use super::pictures::{THUMBNAIL, address_of};
use super::{Found, Reviewed, Sheet, name_of};

/// What is shown.
pub(super) struct Shown<'a> {
    pub(super) reviewed: &'a Reviewed,
    /// Index of the page that is looked at.
    pub(super) current: usize,
    /// That page, or why it cannot be made; `None` where the component has none.
    pub(super) page: Option<&'a Result<Page, String>>,
    /// Whether its capture is shown in its place.
    pub(super) shows_capture: bool,
    pub(super) visitor: &'a Visitor,
    pub(super) offset: UtcOffset,
}

impl Shown<'_> {
    pub(super) fn lang(&self) -> Lang {
        self.visitor.lang
    }

    pub(super) fn id(&self) -> i64 {
        self.reviewed.listed.component.id
    }

    fn sheet(&self) -> Option<&Sheet> {
        self.reviewed.sheets.get(self.current)
    }

    /// The content of the page.
    pub(super) fn body(&self, app: &App) -> Result<String, Problem> {
        let lang = self.lang();
        let view = match self.sheet() {
            Some(sheet) => self.view(app, sheet)?,
            None => format!("<p class=none>{}</p>", lang.pick("Chưa có trang nào.", "There are no pages yet.")),
        };
        let panel = self.sheet().map_or_else(String::new, |sheet| self.panel(sheet));
        Ok(format!(
            "<link rel=stylesheet href=/review.css>{}<div class=review>{}<section class=view aria-label=\"{}\">{view}</section>\
             <aside>{panel}</aside></div><script src=/review.js defer></script>",
            self.head(),
            self.strip(),
            lang.pick("Trang đang xem", "The page looked at"),
        ))
    }

    /// Which component it is, and what concerns all of it.
    fn head(&self) -> String {
        let (lang, listed) = (self.lang(), &self.reviewed.listed);
        let component = &listed.component;
        let (back, name) = match &listed.dossier {
            Some(code) => (format!("/dossiers/{}", in_path(code)), escaped(code)),
            None => ("/unplaced".to_owned(), lang.pick("Chưa xếp", "Not placed").to_owned()),
        };
        let state = component.state;
        let reason = match &component.reason {
            Some(reason) if matches!(state, State::Failed | State::Unplaced) => {
                format!("<p class=note>{}</p>", escaped(&sentence(reason_text(reason, lang))))
            }
            _ => String::new(),
        };
        let older = match component.is_newest {
            true => String::new(),
            false => format!(
                "<p class=note>{}</p>",
                lang.pick(
                    "Đã có phiên bản mới hơn của giấy tờ này; phiên bản này chỉ để xem.",
                    "There is a later version of this paper; this one is only to be looked at."
                )
            ),
        };
        format!(
            "<div class=head><a href=\"{back}\" data-key=g>← {name}</a><h1>{} <span class=dim>V{}</span></h1><span class=\"badge {}\">{}</span>\
             <span class=dim>{}</span>{}<a href=/components/{}/data data-key=d>{}</a>{}{}</div>{reason}{}{older}",
            escaped(&component.title),
            component.version,
            state.code(),
            state.name(lang),
            moment(component.changed, self.offset),
            file_links(component, lang),
            component.id,
            lang.pick("Dữ liệu bóc tách", "Data of the paper"),
            self.beside(),
            self.closing(),
            self.opening(),
        )
    }

    /// Links to the papers before and after this one.
    fn beside(&self) -> String {
        let lang = self.lang();
        let names = [("[", lang.pick("Giấy tờ trước", "Paper before")), ("]", lang.pick("Giấy tờ sau", "Paper after"))];
        let links = names.iter().zip(self.reviewed.beside).filter_map(|((key, name), paper)| {
            Some(format!("<a href=/components/{}/pages data-key=\"{key}\">{name}</a>", paper?))
        });
        links.collect()
    }

    /// The form that lets the component be made at once.
    fn closing(&self) -> String {
        let component = &self.reviewed.listed.component;
        if component.state != State::InWork || !component.is_newest {
            return String::new();
        }
        format!(
            "<form method=post action=/components/{}/close>{}<button data-key=Enter>{}</button></form>",
            self.id(),
            self.proof(),
            self.lang().pick("Xong, tạo tệp ngay", "Done, make the file now"),
        )
    }

    pub(super) fn proof(&self) -> String {
        format!("<input type=hidden name=form value={}>", self.visitor.form_token)
    }

    /// All pages, small.
    fn strip(&self) -> String {
        let lang = self.lang();
        let entry = |(index, sheet): (usize, &Sheet)| {
            let (class, told) = match &sheet.found {
                _ if sheet.wants_a_look() => (" doubt", lang.pick("cần xem", "look at it")),
                Found::Page { blank: true, .. } => (" blank", lang.pick("trắng", "blank")),
                Found::Nothing => ("", lang.pick("đang xử lý", "in work")),
                _ => ("", ""),
            };
            let current = if index == self.current { " aria-current=true" } else { "" };
            format!(
                "<li class=\"sheet{class}\"><a href=\"{}\"{current}><img src=\"{}\" alt=\"\" loading=lazy>\
                 <span>{} {}</span> <b>{told}</b></a></li>",
                self.address(sheet, false),
                self.picture(sheet, "page.jpg", Some(THUMBNAIL)),
                lang.pick("Trang", "Page"),
                index + 1,
            )
        };
        let sheets: String = self.reviewed.sheets.iter().enumerate().map(entry).collect();
        format!(
            "<nav class=strip aria-label=\"{}\"><ol>{sheets}</ol>{}</nav>",
            lang.pick("Các trang của giấy tờ", "Pages of the paper"),
            self.out()
        )
    }

    /// The pages that were left out.
    fn out(&self) -> String {
        let lang = self.lang();
        if self.reviewed.left_out.is_empty() || !self.reviewed.listed.component.is_newest {
            return String::new();
        }
        let entry = |capture: &crate::store::CaptureOf| {
            let name = name_of((capture.id, capture.pages.as_ref().map_or(1, |pages| *pages.start())));
            format!(
                "<li><img src=\"/components/{}/pages/{name}/page.jpg?side={THUMBNAIL}\" alt=\"\" loading=lazy>\
                 <button name=page value={name}>{}</button></li>",
                self.id(),
                lang.pick("Lấy lại", "Put back")
            )
        };
        let entries: String = self.reviewed.left_out.iter().map(entry).collect();
        format!(
            "<details class=out><summary>{} ({})</summary><form method=post action=/components/{}/arrange>{}\
             <input type=hidden name=do value=back><ul>{entries}</ul></form></details>",
            lang.pick("Trang đã bỏ", "Left out"),
            self.reviewed.left_out.len(),
            self.id(),
            self.proof(),
        )
    }

    fn address(&self, sheet: &Sheet, capture: bool) -> String {
        let view = if capture { "&amp;view=capture" } else { "" };
        format!("/components/{}/pages?page={}{view}", self.id(), name_of(sheet.of()))
    }

    fn picture(&self, sheet: &Sheet, name: &str, side: Option<u32>) -> String {
        address_of(self.id(), sheet.of(), &sheet.edit, name, side)
    }

    /// The page that is looked at, large.
    fn view(&self, app: &App, sheet: &Sheet) -> Result<String, Problem> {
        let (lang, last) = (self.lang(), self.reviewed.sheets.len() - 1);
        let step = |index: Option<usize>, key: &str, rel: &str, name: &str| {
            let sheet = index.and_then(|index| self.reviewed.sheets.get(index));
            match sheet {
                Some(sheet) => {
                    format!(
                        "<a href=\"{}\" rel={rel} data-key=\"{key}\">{name}</a>",
                        self.address(sheet, self.shows_capture)
                    )
                }
                None => format!("<span class=dim>{name}</span>"),
            }
        };
        let previous = step(self.current.checked_sub(1), "ArrowLeft k", "prev", lang.pick("← Trước", "← Previous"));
        let next = step(Some(self.current + 1), "ArrowRight j", "next", lang.pick("Sau →", "Next →"));
        let mut after = self.reviewed.sheets.iter().skip(self.current + 1);
        let doubtful = after.find(|sheet| sheet.wants_a_look()).map_or_else(String::new, |sheet| {
            format!(
                "<a href=\"{}\" data-key=n>{}</a>",
                self.address(sheet, false),
                lang.pick("Trang cần xem tiếp", "Next to look at")
            )
        });
        let other = format!(
            "<a href=\"{}\" data-key=o>{}</a>",
            self.address(sheet, !self.shows_capture),
            match self.shows_capture {
                true => lang.pick("Xem trang", "Show the page"),
                false => lang.pick("Ảnh gốc và viền", "Capture and outline"),
            }
        );
        let picture = match (self.page, self.shows_capture) {
            (Some(Ok(page)), true) => self.capture(app, sheet, page)?,
            (Some(Ok(page)), false) => self.page_picture(sheet, page),
            (Some(Err(reason)), _) => format!("<p class=error>{}</p>", escaped(&sentence(reason))),
            (None, _) => String::new(),
        };
        Ok(format!(
            "<div class=tools>{previous}<span aria-live=polite>{} {}/{}</span>{next}{doubtful}{other}\
             <button type=button class=plain data-do=zoom data-key=z aria-pressed=false hidden>{}</button></div>{picture}",
            lang.pick("Trang", "Page"),
            self.current + 1,
            last + 1,
            lang.pick("Phóng to", "Zoom"),
        ))
    }

    /// The page image, with a frame around each word that was not read surely.
    fn page_picture(&self, sheet: &Sheet, page: &Page) -> String {
        let words = page.text.lines.iter().flat_map(|line| &line.words).filter(|word| word.confidence < SURE);
        let frames: String = words
            .map(|word| {
                let (bounds, class) = (word.bounds, doubt(word).unwrap_or_default());
                format!(
                    "<rect class={class} x={} y={} width={} height={} />",
                    bounds.x, bounds.y, bounds.width, bounds.height
                )
            })
            .collect();
        let (width, height) = (page.width, page.height);
        format!(
            "<figure class=picture data-full=\"{}\"><img src=\"{}\" alt=\"{} {}\" width={width} height={height}>\
             <svg viewBox=\"0 0 {width} {height}\" aria-hidden=true>{frames}</svg></figure>",
            self.picture(sheet, "page.jpg", Some(5000)),
            self.picture(sheet, "page.jpg", None),
            self.lang().pick("Trang", "Page"),
            self.current + 1,
        )
    }

    /// The capture with the outline, whose corners can be dragged.
    fn capture(&self, app: &App, sheet: &Sheet, page: &Page) -> Result<String, Problem> {
        let (lang, (width, height)) = (self.lang(), app.capture_size(sheet)?);
        let Quad(corners) = page.geometry.quad.unwrap_or_else(|| Quad::of_frame(width, height));
        let points: Vec<String> = corners.iter().map(|p| format!("{:.1},{:.1}", p.x, p.y)).collect();
        let points = points.join(" ");
        let form = match self.reviewed.listed.component.is_newest {
            false => String::new(),
            true => format!(
                "<form method=post action=/components/{}/pages/{} class=row>{}<input type=hidden name=outline value=\"{points}\">\
                 <input type=hidden name=view value=capture><button name=do value=outline data-key=s disabled>{}</button>\
                 <p class=dim>{}</p></form>",
                self.id(),
                name_of(sheet.of()),
                self.proof(),
                lang.pick("Dùng viền này", "Use this outline"),
                lang.pick(
                    "Kéo bốn góc đến góc tờ giấy; hoặc chọn góc bằng Tab, dời bằng phím mũi tên.",
                    "Drag the four corners to those of the paper; or pick one with Tab and move it with the arrow keys."
                ),
            ),
        };
        Ok(format!(
            "<figure class=picture><img src=\"{}\" alt=\"{} {}\" width={width} height={height}>\
             <svg viewBox=\"0 0 {width} {height}\" data-outline><polygon points=\"{points}\" /></svg></figure>{form}",
            self.picture(sheet, "capture.jpg", None),
            lang.pick("Ảnh gốc của trang", "Capture of page"),
            self.current + 1,
        ))
    }
}
