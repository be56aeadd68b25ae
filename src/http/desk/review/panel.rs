//! What was found on a page, beside its picture, and the forms that decide of it.

use crate::http::html::{escaped, sentence};
use crate::model::{Localized, TextLine, Word};
use crate::page::Page;

use super::markup::Shown;
use super::{Found, Sheet, name_of};

/// Words read with less are marked: of those above, 99 of 100 are right.
pub(super) const SURE: f32 = 0.9;
/// Words read with less are likely wrong.
const DOUBTFUL: f32 = 0.7;

impl Shown<'_> {
    /// What was found on the page, and what can be done with it.
    pub(super) fn panel(&self, sheet: &Sheet) -> String {
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
pub(super) fn doubt(word: &Word) -> Option<&'static str> {
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
