//! The page that shows a component page by page.

use sha2::{Digest, Sha256};
use time::UtcOffset;

use crate::http::App;
use crate::http::desk::dossiers::{file_links, moment};
use crate::http::html::{escaped, in_path, sentence};
use crate::http::problem::Problem;
use crate::http::session::Visitor;
use crate::model::{Lang, Localized, Quad, TextLine, Word};
use crate::page::Page;
use crate::service::reason_text;
use crate::store::State;

use super::{Found, Reviewed, Sheet, name_of};

/// Words read with less are marked: of those above, 99 of 100 are right.
const SURE: f32 = 0.9;
/// Words read with less are likely wrong.
const DOUBTFUL: f32 = 0.7;
/// Longest side of a thumbnail, pixels.
const THUMBNAIL: u32 = 220;

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
    fn lang(&self) -> Lang {
        self.visitor.lang
    }

    fn id(&self) -> i64 {
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
             <span class=dim>{}</span>{}{}{}</div>{reason}{older}",
            escaped(&component.title),
            component.version,
            state.code(),
            state.name(lang),
            moment(component.changed, self.offset),
            file_links(component, lang),
            self.beside(),
            self.closing(),
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

    fn proof(&self) -> String {
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
            lang.pick("Các trang", "Pages"),
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

    /// The address of a picture. It changes when the page does, as browsers show what they have.
    fn picture(&self, sheet: &Sheet, name: &str, side: Option<u32>) -> String {
        let edit = serde_json::to_vec(&sheet.edit.of_making()).unwrap_or_default();
        let version: String = Sha256::digest(edit)[..4].iter().map(|byte| format!("{byte:02x}")).collect();
        let side = side.map_or_else(String::new, |side| format!("&amp;side={side}"));
        format!("/components/{}/pages/{}/{name}?v={version}{side}", self.id(), name_of(sheet.of()))
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

    /// What was found on the page, and what can be done with it.
    fn panel(&self, sheet: &Sheet) -> String {
        let page = self.page.and_then(|page| page.as_ref().ok());
        let actions = match self.reviewed.listed.component.is_newest {
            true => self.quality(sheet) + &self.lying(sheet, page) + &self.order(sheet) + &self.elsewhere(sheet),
            false => self.doubts(sheet),
        };
        format!("{actions}{}{}", self.codes(page), self.text(page))
    }

    fn doubts(&self, sheet: &Sheet) -> String {
        let lang = self.lang();
        let told: Vec<String> = match &sheet.found {
            Found::Nothing => vec![lang.pick("đang xử lý trang này", "this page is in work").to_owned()],
            Found::Unreadable(reason) => vec![reason.clone()],
            Found::Page { flags, notices, .. } => {
                let flags = flags.iter().map(|flag| flag.message(lang));
                flags.chain(notices.iter().map(|notice| notice.message(lang))).collect()
            }
        };
        let told: String = told.iter().map(|one| format!("<li>{}</li>", escaped(&sentence(one)))).collect();
        match told.is_empty() {
            true => format!("<p class=good>{}</p>", lang.pick("Trang đạt chất lượng.", "The page is good.")),
            false => format!("<ul class=why>{told}</ul>"),
        }
    }

    /// Why the page is doubted, and the form that accepts it all the same.
    fn quality(&self, sheet: &Sheet) -> String {
        let (lang, doubts) = (self.lang(), self.doubts(sheet));
        let action = format!("/components/{}/pages/{}", self.id(), name_of(sheet.of()));
        if let Some(reason) = &sheet.edit.accepted {
            return format!(
                "{doubts}<form method=post action={action} class=row>{}<p>{}: {}</p>\
                 <button name=do value=not-accept class=plain>{}</button></form>",
                self.proof(),
                lang.pick("Đã chấp nhận", "Accepted"),
                escaped(reason),
                lang.pick("Bỏ chấp nhận", "Take back"),
            );
        }
        if !matches!(&sheet.found, Found::Page { flags, .. } if !flags.is_empty()) {
            return doubts;
        }
        let reasons = [
            lang.pick("Bản gốc mờ, không chụp rõ hơn được", "The original is faint; it cannot be captured better"),
            lang.pick("Đọc được đủ nội dung", "All of it can be read"),
            lang.pick("Người dân chỉ có bản này", "The citizen has no other"),
        ];
        let reasons: String = reasons.iter().map(|reason| format!("<option value=\"{reason}\">")).collect();
        format!(
            "{doubts}<form method=post action={action} class=stack>{}<label for=ly-do>{}</label>\
             <input id=ly-do name=reason list=cac-ly-do maxlength=200 autocomplete=off required data-key=a>\
             <datalist id=cac-ly-do>{reasons}</datalist><button name=do value=accept>{}</button></form>",
            self.proof(),
            lang.pick("Lý do chấp nhận trang này", "Why this page is good enough"),
            lang.pick("Chấp nhận trang", "Accept the page"),
        )
    }

    /// How the page lies, and whether it is blank.
    fn lying(&self, sheet: &Sheet, page: Option<&Page>) -> String {
        let lang = self.lang();
        let blank = match page.is_some_and(|page| page.blank) {
            true => ("not-blank", lang.pick("Không phải trang trắng", "Not a blank page")),
            false => ("blank", lang.pick("Trang trắng", "Blank page")),
        };
        let mut buttons = vec![
            ("left", "Shift+R", lang.pick("Xoay trái", "Turn left")),
            ("right", "r", lang.pick("Xoay phải", "Turn right")),
            ("over", "u", lang.pick("Xoay ngược", "Turn over")),
            (blank.0, "b", blank.1),
        ];
        if !sheet.edit.of_making().is_empty() {
            buttons.push(("found", "f", lang.pick("Như máy tìm", "As it was found")));
        }
        let view = if self.shows_capture { "<input type=hidden name=view value=capture>" } else { "" };
        format!(
            "<form method=post action=/components/{}/pages/{} class=row>{}{view}{}</form>",
            self.id(),
            name_of(sheet.of()),
            self.proof(),
            buttons_of(&buttons)
        )
    }

    /// Where the page stands among the others.
    fn order(&self, sheet: &Sheet) -> String {
        let lang = self.lang();
        let buttons = [
            ("up", "Shift+ArrowLeft", lang.pick("Đưa lên trước", "Move up")),
            ("down", "Shift+ArrowRight", lang.pick("Đưa xuống sau", "Move down")),
            ("out", "x", lang.pick("Bỏ trang", "Leave out")),
        ];
        format!(
            "<form method=post action=/components/{}/arrange class=row>{}<input type=hidden name=page value={}>{}</form>",
            self.id(),
            self.proof(),
            name_of(sheet.of()),
            buttons_of(&buttons)
        )
    }

    /// The forms that move pages to another paper, and that put another capture in the page's place.
    fn elsewhere(&self, sheet: &Sheet) -> String {
        let (lang, id, name) = (self.lang(), self.id(), name_of(sheet.of()));
        let titles: String =
            self.reviewed.titles.iter().map(|title| format!("<option value=\"{}\">", escaped(title))).collect();
        let which = [
            ("one", lang.pick("Chỉ trang này", "This page")),
            ("rest", lang.pick("Từ trang này đến hết", "From this page on")),
            ("all", lang.pick("Mọi trang", "All pages")),
        ];
        let which: String =
            which.iter().map(|(value, name)| format!("<option value={value}>{name}</option>")).collect();
        format!(
            "<details class=more><summary data-key=m>{}</summary><form method=post action=/components/{id}/move class=stack>{}\
             <input type=hidden name=page value={name}><label for=trang-nao>{}</label><select id=trang-nao name=which>{which}</select>\
             <label for=giay-nao>{}</label><input id=giay-nao name=title list=cac-giay maxlength=120 autocomplete=off required>\
             <datalist id=cac-giay>{titles}</datalist><label for=ho-so-nao>{}</label>\
             <input id=ho-so-nao name=dossier value=\"{}\" maxlength=60 autocomplete=off spellcheck=false required>\
             <button>{}</button></form></details>\
             <details class=more><summary data-key=t>{}</summary>\
             <form method=post action=/components/{id}/pages/{name}/replacement enctype=multipart/form-data class=stack>{}\
             <label for=tep-moi>{}</label><input id=tep-moi type=file name=file required><button>{}</button></form></details>",
            lang.pick("Chuyển sang giấy tờ khác", "Move to another paper"),
            self.proof(),
            lang.pick("Trang nào", "Which pages"),
            lang.pick("Giấy tờ", "Paper"),
            lang.pick("Mã hồ sơ", "Code of the dossier"),
            escaped(self.reviewed.listed.dossier.as_deref().unwrap_or_default()),
            lang.pick("Chuyển", "Move"),
            lang.pick("Thay bằng ảnh khác", "Put another picture in its place"),
            self.proof(),
            lang.pick("Ảnh quét hoặc chụp lại của trang này", "New scan or photo of this page"),
            lang.pick("Thay trang", "Replace"),
        )
    }

    fn codes(&self, page: Option<&Page>) -> String {
        let codes = page.map_or(&[][..], |page| &page.codes);
        if codes.is_empty() {
            return String::new();
        }
        let codes: String = codes.iter().map(|code| format!("<li>{}</li>", escaped(&code.payload))).collect();
        format!("<h2>{}</h2><ul class=codes>{codes}</ul>", self.lang().pick("Mã đọc được", "Codes read"))
    }

    /// The text that was read, with the words marked that were not read surely.
    fn text(&self, page: Option<&Page>) -> String {
        let lang = self.lang();
        let Some(page) = page.filter(|page| !page.text.lines.is_empty()) else { return String::new() };
        let mut blocks: Vec<Vec<&TextLine>> = Vec::new();
        for line in &page.text.lines {
            match blocks.last_mut().filter(|block| block[0].block == line.block) {
                Some(block) => block.push(line),
                None => blocks.push(vec![line]),
            }
        }
        let word = |word: &Word| match doubt(word) {
            None => escaped(&word.text),
            Some(class) => {
                let bounds = word.bounds;
                format!(
                    "<mark class={class} data-at=\"{} {} {} {}\">{}</mark>",
                    bounds.x,
                    bounds.y,
                    bounds.width,
                    bounds.height,
                    escaped(&word.text)
                )
            }
        };
        let line = |line: &&TextLine| line.words.iter().map(word).collect::<Vec<_>>().join(" ");
        let blocks: String = blocks
            .iter()
            .map(|block| format!("<p>{}</p>", block.iter().map(line).collect::<Vec<_>>().join("<br>")))
            .collect();
        format!(
            "<h2>{}</h2><p class=dim>{}</p><div class=text lang=vi tabindex=0>{blocks}</div>",
            lang.pick("Chữ đọc được", "Text read"),
            lang.pick("Từ tô màu là từ máy đọc chưa chắc.", "Marked words were not read surely."),
        )
    }
}

/// The class of a word that was not read surely.
fn doubt(word: &Word) -> Option<&'static str> {
    match word.confidence {
        ..DOUBTFUL => Some("wrong"),
        ..SURE => Some("unsure"),
        _ => None,
    }
}

/// Buttons: what they do, their key, their name.
fn buttons_of(buttons: &[(&str, &str, &str)]) -> String {
    let button = |(what, key, name): &(&str, &str, &str)| {
        format!("<button name=do value={what} class=plain data-key=\"{key}\">{name}</button>")
    };
    buttons.iter().map(button).collect()
}
