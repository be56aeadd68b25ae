//! Who did what on a day (*nhật ký*), for those who answer for the desk and the machine. Words, codes and titles: no document text.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use time::UtcOffset;

use crate::http::Shared;
use crate::http::html::{escaped, in_path};
use crate::http::problem::Problem;
use crate::http::session::Visitor;
use crate::model::Lang;
use crate::store::{Account, EventShown, Wanted};

use super::days::{Day, csv, stamp};
use super::dossiers::moment;
use super::{ENTRIES, page};

/// Rows of a file: many days' work of a centre; the rest of a day that has more is asked for by person or dossier.
const ROWS: u32 = 50_000;

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    day: Option<String>,
    #[serde(default)]
    account: String,
    #[serde(default)]
    dossier: String,
    after: Option<i64>,
}

impl Asked {
    fn wanted(&self, day: Day) -> Wanted {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let (from, until) = day.span();
        Wanted { from, until, account: given(&self.account), dossier: given(&self.dossier) }
    }

    /// The same question as an address.
    fn address(&self, path: &str, day: Day) -> String {
        let (account, dossier) = (in_path(self.account.trim()), in_path(self.dossier.trim()));
        format!("{path}?day={}&account={account}&dossier={dossier}", day.code())
    }
}

/// The events of a day in pages.
pub(super) async fn journal(
    State(app): State<Shared>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let (day, asked, accounts, mut events) = found(&app, &visitor, asked, ENTRIES + 1).await?;
    let has_more = events.len() > ENTRIES as usize;
    events.truncate(ENTRIES as usize);
    let (lang, offset) = (visitor.lang, (app.clock)().offset());
    let rows: String = events.iter().map(|event| row(event, lang, offset)).collect();
    let table = match rows.is_empty() {
        true => format!("<p class=none>{}</p>", lang.pick("Không có việc nào.", "Nothing happened.")),
        false => format!(
            "<div class=wide role=region aria-label=\"{}\" tabindex=0><table class=journal><thead><tr><th>{}<th>{}<th>{}<th>{}<th>{}<tbody>{rows}</table></div>",
            lang.pick("Nhật ký", "Journal"),
            lang.pick("Lúc", "When"),
            lang.pick("Tài khoản", "Account"),
            lang.pick("Việc", "What"),
            lang.pick("Hồ sơ", "Dossier"),
            lang.pick("Giấy tờ", "Paper"),
        ),
    };
    let more = events.last().filter(|_| has_more).map_or_else(String::new, |last| {
        let (next, path) = (lang.pick("Trang sau", "Next page"), escaped(&asked.address("/audit", day)));
        format!("<p><a href=\"{path}&amp;after={}\" rel=next>{next}</a></p>", last.id)
    });
    let title = lang.pick("Nhật ký", "Journal");
    let body = format!(
        "<h1>{title} <span class=dim>{}</span></h1>{}{table}{more}",
        day.name(),
        filter(day, &asked, &accounts, lang),
    );
    Ok(page(StatusCode::OK, lang, title, Some(&visitor), &format!("/audit?day={}", day.code()), &body))
}

/// The same as a table for programs.
pub(super) async fn journal_csv(
    State(app): State<Shared>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let (day, _, _, events) = found(&app, &visitor, asked, ROWS).await?;
    let (lang, offset) = (visitor.lang, (app.clock)().offset());
    let heads = ["time", "account", "event", "what", "dossier", "component", "title"].map(str::to_owned).to_vec();
    let rows = events.into_iter().map(|event| {
        let (component, title) = event.component.map(|(id, title)| (id.to_string(), title)).unwrap_or_default();
        let what = kind(&event.kind, lang).to_owned();
        let time = stamp(event.time, offset);
        let (account, dossier) = (event.account.unwrap_or_default(), event.dossier.unwrap_or_default());
        vec![time, account, event.kind, what, dossier, component, title]
    });
    let rows: Vec<Vec<String>> = [heads].into_iter().chain(rows).collect();
    Ok(csv(&rows, &format!("nhat-ky-{}.csv", day.code())))
}

type Found = (Day, Asked, Vec<Account>, Vec<EventShown>);

/// What is asked for, if the person may ask; that they did is written down, once for each look that a person makes.
async fn found(
    app: &Shared,
    visitor: &Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
    limit: u32,
) -> Result<Found, Problem> {
    if !visitor.account.role.may_read_journal() {
        return Err(Problem::NoJournal);
    }
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let day = Day::of(asked.day.as_deref(), (app.clock)());
    let (wanted, after, account) = (asked.wanted(day), asked.after.unwrap_or(0), visitor.account.id);
    let (accounts, events) = app
        .blocking(move |app| {
            let found = (app.store.accounts()?, app.store.journal(&wanted, after, limit)?);
            app.store.did(account, "journal-read", wanted.dossier.as_deref(), Some(&day.code()), app.now())?;
            Ok(found)
        })
        .await?;
    Ok((day, asked, accounts, events))
}

fn filter(day: Day, asked: &Asked, accounts: &[Account], lang: Lang) -> String {
    let chosen = |account: &Account| if account.name == asked.account.trim() { " selected" } else { "" };
    let options: String = accounts
        .iter()
        .map(|account| {
            let name = escaped(&account.name);
            format!("<option value=\"{name}\"{}>{name}</option>", chosen(account))
        })
        .collect();
    format!(
        "<form method=get action=/audit class=search><label for=ngay>{}</label><input id=ngay type=date name=day value={}>\
         <label for=ai>{}</label><select id=ai name=account><option value=\"\">{}</option>{options}</select>\
         <label for=ma>{}</label><input id=ma name=dossier value=\"{}\" autocomplete=off spellcheck=false maxlength=60>\
         <button>{}</button><a href=\"{}\" download>{}</a></form>",
        lang.pick("Ngày", "Day"),
        day.code(),
        lang.pick("Tài khoản", "Account"),
        lang.pick("Tất cả", "All"),
        lang.pick("Mã hồ sơ", "Code of a dossier"),
        escaped(asked.dossier.trim()),
        lang.pick("Xem", "Show"),
        escaped(&asked.address("/audit.csv", day)),
        lang.pick("Tải CSV", "Download CSV"),
    )
}

fn row(event: &EventShown, lang: Lang, offset: UtcOffset) -> String {
    let dossier = event
        .dossier
        .as_ref()
        .map_or_else(String::new, |code| format!("<a href=\"/dossiers/{}\">{}</a>", in_path(code), escaped(code)));
    let component =
        event.component.as_ref().map_or_else(String::new, |(id, title)| format!("{} ({id})", escaped(title)));
    format!(
        "<tr><td>{}<td>{}<td>{}<td>{dossier}<td>{component}",
        moment(event.time, offset),
        escaped(event.account.as_deref().unwrap_or("–")),
        escaped(kind(&event.kind, lang)),
    )
}

/// What happened, in words; the word itself where it is a later version's.
fn kind(word: &str, lang: Lang) -> &str {
    match word {
        "stored" => lang.pick("nhận ảnh gốc", "capture stored"),
        "duplicate" => lang.pick("nhận ảnh trùng", "duplicate received"),
        "brought" => lang.pick("đưa tệp vào", "brought a file"),
        "looked-for-papers" => lang.pick("xem giấy tờ có thể dùng lại", "looked for papers to use again"),
        "reused" => lang.pick("dùng lại giấy tờ đã có", "used a paper again"),
        "placed" => lang.pick("xếp vào hồ sơ", "placed in a dossier"),
        "made" => lang.pick("xử lý xong", "made"),
        "failed" => lang.pick("xử lý lỗi", "failed"),
        "retried" => lang.pick("xử lý lại", "tried again"),
        "signed" => lang.pick("ký số", "signed"),
        "coded" => lang.pick("cấp mã kết quả số hóa", "code of the result given"),
        "procedure-found" => lang.pick("nhận ra thủ tục trên giấy tờ", "procedure found on a paper"),
        "dossier-described" => lang.pick("ghi thủ tục, chủ hồ sơ", "procedure or owner of the dossier set"),
        "catalogue" => lang.pick("nhập danh mục thủ tục", "catalogue of procedures imported"),
        "divided" => lang.pick("tách chồng giấy", "stack divided"),
        "part" => lang.pick("phần của chồng giấy", "part of a stack"),
        "withdrawn" => lang.pick("dọn bản chờ xếp", "waiting copy removed"),
        "created" => lang.pick("mở hồ sơ", "dossier begun"),
        "viewed" => lang.pick("xem hồ sơ hoặc giấy tờ", "viewed the dossier or a paper of it"),
        "searched" => lang.pick("tìm kiếm", "searched"),
        "data-confirmed" => lang.pick("xác nhận dữ liệu bóc tách", "data of a paper confirmed"),
        "data-corrected" => lang.pick("sửa dữ liệu bóc tách", "data of a paper corrected"),
        "outlined" => lang.pick("vẽ lại viền trang", "outline of a page drawn"),
        "turned" => lang.pick("xoay trang", "page turned"),
        "blanked" => lang.pick("đánh dấu trang trắng", "page marked as blank, or not"),
        "opened" => lang.pick("quyết định giấy tờ không mật", "paper decided to be no secret"),
        "accepted" => lang.pick("chấp nhận trang, hoặc bỏ chấp nhận", "page accepted, or taken back"),
        "arranged" => lang.pick("sắp xếp trang", "pages arranged"),
        "moved" => lang.pick("chuyển trang sang giấy tờ khác", "pages moved to another paper"),
        "replaced" => lang.pick("thay trang", "page replaced"),
        "removed" => lang.pick("điện thoại bỏ trang", "page left out by a phone"),
        "ordered" => lang.pick("điện thoại sắp xếp trang", "pages arranged by a phone"),
        "finished" => lang.pick("điện thoại báo đã gửi xong", "phone has sent all"),
        "downloaded" => lang.pick("tải tệp", "downloaded a file"),
        "exported" => lang.pick("xuất hồ sơ", "exported the dossier"),
        "verified" => lang.pick("kiểm tra hồ sơ: đúng", "verified the dossier: good"),
        "found-faulty" => lang.pick("kiểm tra hồ sơ: có sai lệch", "verified the dossier: not good"),
        "scan-begun" => lang.pick("bắt đầu quét", "began a scan"),
        "scan-stopped" => lang.pick("dừng quét", "stopped a scan"),
        "paired" => lang.pick("cấp mã QR cho điện thoại", "paired a phone"),
        "unpaired" => lang.pick("thu hồi mã QR", "ended a pairing"),
        "delivered" => lang.pick("đã giao", "delivered"),
        "delivery-refused" => lang.pick("nơi nhận từ chối", "delivery refused"),
        "logged-in" => lang.pick("đăng nhập", "logged in"),
        "logged-out" => lang.pick("đăng xuất", "logged out"),
        "login-refused" => lang.pick("đăng nhập bị từ chối", "login refused"),
        "account-added" => lang.pick("tạo tài khoản", "account made"),
        "account-disabled" => lang.pick("khóa tài khoản", "account closed"),
        "account-enabled" => lang.pick("mở lại tài khoản", "account opened again"),
        "password-changed" => lang.pick("đổi mật khẩu", "password changed"),
        "journal-read" => lang.pick("xem nhật ký", "read the journal"),
        "recovered" => lang.pick("dịch vụ khởi động lại sau sự cố", "service recovered"),
        "backed-up" => lang.pick("sao lưu kho", "store backed up"),
        "purged" => lang.pick("xóa ảnh gốc hết hạn lưu", "capture purged by the rule"),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_named_cannot_become_markup() {
        let event = EventShown {
            id: 1,
            time: 0,
            kind: "<later>".to_owned(),
            account: Some("lan".to_owned()),
            dossier: Some("\"><b>".to_owned()),
            component: Some((3, "<i>".to_owned())),
        };
        let text = row(&event, Lang::Vi, UtcOffset::UTC);
        assert!(!text.contains("<b>") && !text.contains("<i>") && !text.contains("<later>"), "{text}");
        let asked = Asked { dossier: "\"><b>".to_owned(), account: "&x".to_owned(), ..Asked::default() };
        let day = Day::of(Some("2026-11-30"), time::OffsetDateTime::UNIX_EPOCH);
        assert!(!filter(day, &asked, &[], Lang::Vi).contains("<b>"));
        assert!(asked.address("/audit", day).ends_with("&account=%26x&dossier=%22%3E%3Cb%3E"));
    }
}
