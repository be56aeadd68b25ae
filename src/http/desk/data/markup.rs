//! The page with the data of a paper: what wants a look first, then the rest, then what was not found.

use crate::extract::{Band, Value};
use crate::http::data::LONGEST;
use crate::http::desk::keys::CONFIRM;
use crate::http::html::{escaped, in_path, sentence};
use crate::http::session::Visitor;
use crate::model::{Lang, Localized};

use super::cuts::Cuts;
use super::typed::{KEPT, VALUE};
use super::{Field, Known, address};

/// Longest value that has one row to be keyed in, characters.
const ONE_ROW: usize = 36;

/// What is shown.
pub(super) struct Shown<'a> {
    pub(super) known: &'a Known,
    pub(super) cuts: &'a Cuts,
    pub(super) visitor: &'a Visitor,
    /// The word for what is told.
    pub(super) told: &'a str,
}

impl Shown<'_> {
    fn lang(&self) -> Lang {
        self.visitor.lang
    }

    /// Whether this person may say something of this paper.
    fn may_say(&self) -> bool {
        self.visitor.account.role.may_correct_data() && self.known.data.paper.dossier.is_some()
    }

    pub(super) fn body(&self) -> String {
        format!("{}{}{}", self.head(), self.told(), if self.is_empty() { self.nothing() } else { self.form() })
    }

    fn head(&self) -> String {
        let (lang, listed) = (self.lang(), &self.known.listed);
        let (back, name) = match &listed.dossier {
            Some(code) => (format!("/dossiers/{}", in_path(code)), escaped(code)),
            None => ("/unplaced".to_owned(), lang.pick("Chưa xếp", "Not placed").to_owned()),
        };
        let pages = lang.pick("Xem từng trang", "Page by page");
        format!(
            "<p class=ways><a href=\"{back}\">← {name}</a> <a href=/components/{}/pages>{pages}</a></p>\
             <h1><span class=dim>{}</span> {}</h1>",
            listed.component.id,
            lang.pick("Dữ liệu bóc tách", "Data of"),
            escaped(&listed.component.title),
        )
    }

    /// What was done, what is wrong, and what is to be done.
    fn told(&self) -> String {
        let lang = self.lang();
        let note = |class: &str, role: &str, text: &str| format!("<p class=\"{class}\" role={role}>{text}</p>");
        let told = match self.told {
            "saved" => note("note good", "status", lang.pick("Đã lưu.", "Saved.")),
            "kind" => note(
                "note",
                "status",
                lang.pick(
                    "Đã đổi loại giấy tờ: hãy xem các mục của loại này rồi xác nhận.",
                    "The paper is of another kind now: look at its fields, then confirm.",
                ),
            ),
            "misfit" => note(
                "error",
                "alert",
                lang.pick(
                    "Chưa lưu: xem các mục có báo lỗi. Nếu trên giấy ghi đúng như vậy, bấm Xác nhận lần nữa.",
                    "Not saved: look at the fields that are marked. Where the paper has it just so, confirm once more.",
                ),
            ),
            _ => String::new(),
        };
        let mut notes = Vec::new();
        if self.known.data.paper.dossier.is_none() {
            notes.push(lang.pick(
                "Hãy xếp giấy tờ vào hồ sơ trước rồi mới xác nhận dữ liệu.",
                "Place the paper in a dossier before you confirm its data.",
            ));
        }
        if self.known.listed.component.reused.is_some() {
            notes.push(lang.pick(
                "Giấy tờ dùng lại: dữ liệu là của giấy tờ gốc, sửa ở đây là sửa ở đó.",
                "Used again: the data are those of the original, and what is changed here is changed there.",
            ));
        }
        let notes: String = notes.into_iter().map(|text| format!("<p class=note>{text}</p>")).collect();
        told + &notes
    }

    /// Whether there is nothing to see yet.
    fn is_empty(&self) -> bool {
        self.known.data.paper.component.published.is_empty()
    }

    fn nothing(&self) -> String {
        let text = self
            .lang()
            .pick("Chưa có dữ liệu: giấy tờ chưa xử lý xong.", "There are no data yet: the paper is not made.");
        format!("<p class=none>{text}</p>")
    }

    fn form(&self) -> String {
        let lang = self.lang();
        let fields = &self.known.fields;
        let (there, missing): (Vec<&Field>, Vec<&Field>) = fields.iter().partition(|field| is_there(field));
        let (mut doubted, mut sure): (Vec<&Field>, Vec<&Field>) =
            there.into_iter().partition(|field| field.wants_a_look());
        // As the eye goes over the paper.
        for part in [&mut doubted, &mut sure] {
            part.sort_by_key(|field| field.found.as_ref().map(|one| (one.page, one.bounds.y, one.bounds.x)));
        }
        let count = match (doubted.len(), lang) {
            (0, _) => lang.pick("Không có mục nào phải xem.", "Nothing has to be looked at.").to_owned(),
            (count, Lang::Vi) => format!("{count} mục cần xem"),
            (1, Lang::En) => "1 value to look at".to_owned(),
            (count, Lang::En) => format!("{count} values to look at"),
        };
        let part = |title: &str, fields: &[&Field], first: Option<&str>| {
            let rows: String =
                fields.iter().map(|field| self.row(field, first == Some(&field.shape.name[..]))).collect();
            let title = if title.is_empty() { String::new() } else { format!("<h2>{title}</h2>") };
            if rows.is_empty() { rows } else { format!("{title}<ul class=values>{rows}</ul>") }
        };
        let first = doubted.iter().find(|field| field.misfit.is_some()).or(doubted.first());
        let first = first.map(|field| &field.shape.name[..]).filter(|_| self.told != "saved");
        let title = if doubted.is_empty() { "" } else { lang.pick("Không phải xem lại", "Need no look") };
        let missing = match part("", &missing, None) {
            rows if rows.is_empty() => rows,
            rows => format!(
                "<details><summary>{} ({})</summary>{rows}</details>",
                lang.pick("Mục chưa tìm thấy, nhập nếu có trên giấy", "Not found; key in what is on the paper"),
                missing.len(),
            ),
        };
        let content = format!(
            "{}<p class=chosen>{count}</p>{}{}{missing}",
            self.kind(),
            part("", &doubted, first),
            part(title, &sure, None)
        );
        if !self.may_say() {
            return content;
        }
        let is_first = if first.is_none() && self.told != "saved" { " autofocus" } else { "" };
        format!(
            "<form method=post action=\"{}\" class=saying><input type=hidden name=form value={}>{content}\
             <div class=act><button{}{is_first}>{}</button><p class=dim>{}</p></div></form>",
            address(self.known.listed.component.id),
            self.visitor.form_token,
            CONFIRM.attribute(),
            CONFIRM.label(lang),
            lang.pick(
                "Lưu mọi mục như đang hiện. Xóa trắng một mục: trên giấy không có.",
                "Saves all values as they are shown. An emptied one is not on the paper."
            ),
        )
    }

    /// Which kind the paper is.
    fn kind(&self) -> String {
        let (lang, data) = (self.lang(), &self.known.data);
        let kind = data.document.kind.as_ref();
        let name = |one: &crate::extract::Kind| escaped(lang.pick(&one.name, &one.name_en));
        let badge = match (data.statement(None), kind) {
            (Some(_), _) => badge("done", lang.pick("đã xác nhận", "confirmed")),
            (None, Some(kind)) => band(Band::of(kind.confidence), lang),
            (None, None) => band(Band::Retype, lang),
        };
        let title = lang.pick("Loại giấy tờ", "Kind of paper");
        if !self.may_say() {
            let none = lang.pick("chưa rõ", "not known").to_owned();
            let name = kind.map_or(none, |kind| escaped(lang.pick(&kind.name, &kind.name_en)));
            return format!("<p class=kind><b>{title}:</b> {name} {badge}</p>");
        }
        let mut kinds: Vec<_> = self.known.rules.kinds.all().iter().map(|one| (name(one), &one.id)).collect();
        kinds.sort_by_key(|(name, _)| name.to_lowercase());
        let chosen = self.known.chosen.as_deref().or(kind.map(|kind| &kind.id[..]));
        let option = |(name, id): &(String, &String)| {
            let selected = if chosen == Some(&id[..]) { " selected" } else { "" };
            format!("<option value={id}{selected}>{name}</option>")
        };
        let options: String = kinds.iter().map(option).collect();
        let none = lang.pick("— chưa rõ —", "— not known —");
        format!(
            "<div class=kind><label for=loai>{title}</label> {badge}<select id=loai name=kind><option value=\"\">{none}</option>\
             {options}</select><button class=quiet>{}</button></div>",
            lang.pick("Đổi loại", "Change the kind"),
        )
    }

    fn row(&self, field: &Field, is_first: bool) -> String {
        let lang = self.lang();
        let title = lang.pick(&field.shape.title, &field.shape.title_en);
        let cut = field.found.as_ref().map_or_else(String::new, |found| self.cuts.of(found, title));
        let class = if field.wants_a_look() { " class=doubted" } else { "" };
        let (name, shown) = (&field.shape.name, field.shown());
        let typed = field.typed.as_ref().unwrap_or(&shown);
        let wrong = field.misfit.map_or_else(String::new, |fault| {
            format!(
                "<p class=error id=l-{name}>{}</p><input type=hidden name=\"{KEPT}{name}\" value=\"{}\">",
                escaped(&sentence(&field.shape.doubt(fault, lang))),
                escaped(typed),
            )
        });
        let invalid = if wrong.is_empty() { "" } else { " aria-invalid=true" };
        let described = if wrong.is_empty() { format!("g-{name}") } else { format!("l-{name} g-{name}") };
        let more = if is_first { " autofocus" } else { "" };
        let readonly = if self.may_say() { "" } else { " readonly" };
        let attributes = format!(
            "id=m-{name} name=\"{VALUE}{name}\" maxlength={LONGEST} autocomplete=off spellcheck=false lang=vi \
             aria-describedby=\"{described}\"{invalid}{more}{readonly}"
        );
        let input = match typed.chars().count() > ONE_ROW {
            true => format!("<textarea rows=2 {attributes}>{}</textarea>", escaped(typed)),
            false => format!("<input value=\"{}\" {attributes}>", escaped(typed)),
        };
        format!(
            "<li{class}><div class=name><label for=m-{name}>{}</label> {}</div><div class=seen>{cut}</div>\
             <div class=keyed>{input}{wrong}<p class=dim id=g-{name}>{}</p></div></li>",
            escaped(title),
            state(field, lang),
            self.got(field),
        )
    }

    /// How a value was got, and what speaks against it.
    fn got(&self, field: &Field) -> String {
        let lang = self.lang();
        let mut told = Vec::new();
        if let Some(said) = &field.said {
            let by = said.by.as_deref().unwrap_or_else(|| lang.pick("qua API", "over the API"));
            told.push(format!("{}: {}", lang.pick("đã xác nhận", "confirmed by"), escaped(by)));
        }
        match &field.found {
            Some(found) => told.extend(self.of_found(field, found)),
            None if field.said.is_none() => told.push(lang.pick("chưa tìm thấy", "not found").to_owned()),
            None => {}
        }
        told.join(" · ")
    }

    fn of_found(&self, field: &Field, found: &Value) -> Vec<String> {
        let lang = self.lang();
        let mut told = Vec::new();
        if field.said.as_ref().is_some_and(|said| said.value != found.value) {
            let read = crate::extract::as_people_write(&found.value);
            told.push(format!("{} “{}”", lang.pick("máy đọc", "read as"), escaped(&read)));
        }
        told.push(found.method.name(lang).to_owned());
        if found.taught > 0 && field.said.is_none() {
            told.push(match lang {
                Lang::Vi => format!("học từ {} giấy tờ trước", found.taught),
                Lang::En => format!("learnt from {} papers", found.taught),
            });
        }
        if found.handwritten {
            told.push(lang.pick("chữ viết tay", "handwritten").to_owned());
        }
        if field.said.is_none() {
            told.extend(found.faults.iter().map(|fault| format!("<b>{}</b>", fault.message(lang))));
        }
        if self.known.data.found.document.pages > 1 {
            told.push(format!("{} {}", lang.pick("trang", "page"), found.page));
        }
        told
    }
}

/// Whether a value is to be seen: one that was found, or that a person said.
fn is_there(field: &Field) -> bool {
    let is_given = |value: Option<&str>| value.is_some_and(|value| !value.is_empty());
    field.found.is_some() || is_given(field.typed.as_deref()) || is_given(field.value())
}

/// What is to be done with a value.
fn state(field: &Field, lang: Lang) -> String {
    match (&field.said, &field.found) {
        (Some(said), _) if said.value.is_empty() => badge("done", lang.pick("không có trên giấy", "not on the paper")),
        (Some(_), _) => badge("done", lang.pick("đã xác nhận", "confirmed")),
        (None, Some(found)) => band(found.band, lang),
        (None, None) => String::new(),
    }
}

fn band(band: Band, lang: Lang) -> String {
    let class = match band {
        Band::Accept => "done",
        Band::Glance => "rescan",
        Band::Confirm | Band::Retype => "failed",
    };
    badge(class, band.advice(lang))
}

fn badge(class: &str, text: &str) -> String {
    format!("<span class=\"badge {class}\">{text}</span>")
}
