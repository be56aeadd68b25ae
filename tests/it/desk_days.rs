//! What a day brought, who did what, a dossier checked and handed on: as people at the desk ask for it.

use std::fs;
use std::process::Command;

use crate::desk::{add, field, post, see, session};
use crate::http::{Answer, Desk};
use crate::program::{root, run, sohoa};
use crate::service::CODE;

fn sample(name: &str) -> Vec<u8> {
    fs::read(root().join("samples").join(name)).expect("a sample")
}

/// A desk with a clerk, a supervisor, an administrator, and a dossier of two components, one of them a result.
fn desk(name: &str) -> Desk {
    let desk = Desk::open(name, &[]);
    for (name, role) in [("lan", "clerk"), ("thu", "supervisor"), ("minh", "admin")] {
        add(&desk.centre, name, role);
    }
    desk.centre.drop(&format!("{CODE}/=Tờ khai/1.jpg"), &sample("to-khai/trang-1.jpg"));
    desk.centre.drop("IMG_1.jpg", &sample("danh-sach/trang-1.jpg"));
    let waiting = desk.centre.wait_for("it waits", || {
        desk.centre.components(None).into_iter().find(|component| component["state"] == "unplaced")
    });
    let capture = waiting["captures"][0]["id"].to_string();
    let mut attach = desk.centre.program(&["dossier", "attach", CODE, "Kết quả", &capture]);
    assert_eq!(run(attach.args(["--result-code", "KQ.G15.000031"])).code, Some(0));
    desk.centre.wait_for("both are made", || {
        let made = desk.centre.components(Some(CODE));
        (made.iter().filter(|component| component["state"] == "done").count() == 2).then_some(())
    });
    desk
}

/// Presses a button of the dossier's page.
fn press(desk: &Desk, cookie: &str, action: &str) -> Answer {
    let form = field(&see(desk, &format!("/dossiers/{CODE}"), cookie).text(), "form");
    post(desk, &format!("/dossiers/{CODE}/{action}"), cookie, &[("form", &form)])
}

/// The number in a table's row.
fn row(page: &str, table: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("<caption>{table}")).unwrap_or_else(|| panic!("no {table}: {page}"));
    let rows = rest.split("</table>").next().unwrap_or_default();
    let (_, value) = rows.split_once(&format!("{name}<td>")).unwrap_or_else(|| panic!("no {name}: {rows}"));
    value.split('<').next().unwrap_or_default().to_owned()
}

#[test]
fn the_figures_of_a_day_say_what_is_counted() {
    let mut desk = desk("desk-figures");
    let cookie = session(&desk, "lan");
    let page = see(&desk, "/figures", &cookie);
    assert!(page.status == 200 && page.body.len() < 60_000, "{page:?}");
    let page = page.text();
    assert_eq!(row(&page, "Ảnh gốc nhận được", "Thư mục máy quét"), "2");
    assert_eq!(row(&page, "Trang đã xử lý", "Thư mục máy quét"), "2");
    assert_eq!(row(&page, "Thành phần xử lý xong", "xong"), "2");
    assert_eq!(row(&page, "Từ ảnh gốc đầu tiên đến xử lý xong", "Số thành phần"), "2");
    assert_eq!(row(&page, "Từ xử lý xong đến ký", "Ký ngay khi xử lý"), "2");
    assert_eq!(row(&page, "Đang chờ ký", "Số thành phần"), "0");
    let sides = "Hồ sơ số hóa đủ hai phần";
    assert_eq!(row(&page, sides, "Tỷ lệ"), "100 %");
    assert!(row(&page, sides, "Mốc 80 %") == "Đạt" && page.contains("QĐ 766/QĐ-TTg"), "{page}");
    assert!(page.contains("<svg") && page.contains("aria-hidden=true") && !page.contains(" style="), "{page}");

    // A dossier that lacks its result is named.
    desk.centre.drop("H21.15.25-250701-0013/a/1.jpg", &sample("bia-ho-so.jpg"));
    let page = desk.centre.wait_for("it is counted", || {
        Some(see(&desk, "/figures", &cookie).text()).filter(|page| row(page, sides, "Hồ sơ trong ngày") == "2")
    });
    assert_eq!((row(&page, sides, "Tỷ lệ"), row(&page, sides, "Mốc 80 %")), ("50 %".into(), "Chưa đạt".into()));
    assert!(page.contains("/dossiers/H21.15.25-250701-0013"), "{page}");
    let other = see(&desk, "/figures?day=2001-02-03", &cookie).text();
    assert!(other.contains("03/02/2001") && row(&other, "Ảnh gốc nhận được", "Điện thoại") == "0", "{other}");
    let table = see(&desk, "/figures.csv", &cookie);
    assert_eq!(table.header("Content-Type"), Some("text/csv; charset=utf-8"));
    assert!(table.text().starts_with('\u{feff}') && table.text().contains("Mốc 80 %,Chưa đạt\r\n"), "{}", table.text());
    assert_eq!(desk.get("/figures").status, 303, "not for strangers");
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn the_journal_is_for_those_who_answer_for_it() {
    let mut desk = desk("desk-journal");
    let (clerk, supervisor, keeper) = (session(&desk, "lan"), session(&desk, "thu"), session(&desk, "minh"));
    see(&desk, &format!("/dossiers/{CODE}"), &clerk);
    for path in ["/audit", "/audit.csv"] {
        let refused = see(&desk, path, &clerk);
        assert_eq!((refused.status, refused.text().contains("nhật ký")), (403, true), "{refused:?}");
    }
    assert!(!see(&desk, "/", &clerk).text().contains("/audit"));
    for cookie in [&supervisor, &keeper] {
        let page = see(&desk, "/audit", cookie).text();
        assert!(page.contains("đăng nhập") && page.contains("xem hồ sơ") && page.contains("xếp vào hồ sơ"), "{page}");
        assert!(page.contains(&format!("/dossiers/{CODE}")) && page.contains("=Tờ khai"), "{page}");
    }
    let of_lan = see(&desk, "/audit?account=lan", &supervisor).text();
    assert!(of_lan.contains("xem hồ sơ") && !of_lan.contains("xử lý xong"), "{of_lan}");
    let of_dossier = see(&desk, &format!("/audit?dossier={CODE}"), &supervisor).text();
    assert!(of_dossier.contains("xử lý xong") && !of_dossier.contains("đăng nhập"), "{of_dossier}");
    assert!(see(&desk, "/audit?day=2001-02-03", &supervisor).text().contains("Không có việc nào"));
    let table = see(&desk, "/audit.csv", &supervisor).text();
    assert!(table.contains(",lan,viewed,xem hồ sơ hoặc giấy tờ,") && table.contains(",'=Tờ khai\r\n"), "{table}");
    assert!(
        see(&desk, "/audit?account=thu", &keeper).text().contains("xem nhật ký"),
        "looking is written down as well"
    );
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn a_dossier_is_checked_and_handed_on_at_the_desk() {
    let mut desk = desk("desk-handing");
    let (cookie, keeper) = (session(&desk, "lan"), session(&desk, "minh"));
    let page = see(&desk, &format!("/dossiers/{CODE}"), &keeper).text();
    assert!(!page.contains("/verify") && !page.contains("/export"), "{page}");
    let form = field(&page, "form");
    for action in ["verify", "export"] {
        let path = format!("/dossiers/{CODE}/{action}");
        assert_eq!(post(&desk, &path, &keeper, &[("form", &form)]).status, 403);
        assert_eq!(post(&desk, &path, &cookie, &[("form", "0")]).status, 403);
        assert_eq!(see(&desk, &path, &cookie).status, 405, "a link changes nothing");
    }
    let good = press(&desk, &cookie, "verify");
    assert!(good.status == 200 && good.text().contains("Đúng:") && good.text().contains("2 tệp"), "{good:?}");

    let zip = press(&desk, &cookie, "export");
    assert_eq!((zip.status, zip.header("Content-Type")), (200, Some("application/zip")), "{}", zip.status);
    assert_eq!(zip.header("Content-Disposition"), Some(&format!("attachment; filename={CODE}.zip")[..]));
    assert_eq!(zip.number("Content-Length"), Some(zip.body.len() as u64));
    let (file, to) = (desk.centre.folder.join("x.zip"), desk.centre.folder.join("unzipped"));
    fs::write(&file, &zip.body).expect("our own folder");
    let unzip =
        "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\nz.extractall(sys.argv[2])";
    match Command::new("python3").args(["-c", unzip]).arg(&file).arg(&to).status() {
        Ok(status) => {
            assert!(status.success());
            let verified = run(sohoa().arg("verify").arg(to.join(CODE)));
            assert_eq!(verified.code, Some(0), "an export is whole by itself: {verified:?}");
        }
        Err(error) => println!("skipped: no python3 to open the zip file ({error})"),
    }
    let left = fs::read_dir(desk.centre.folder.join("data/exports")).expect("it is there").count();
    assert_eq!(left, 0, "nothing is left in the store");

    // What was changed is found, and not handed on.
    let out = desk.centre.folder.join("out").join(CODE);
    let pdf = crate::program::files_below(&out, "pdf").remove(0);
    fs::write(pdf, b"%PDF-1.7 another").expect("our own folder");
    let bad = press(&desk, &cookie, "verify");
    assert!(bad.text().contains("Có sai lệch") && bad.text().contains("role=alert"), "{bad:?}");
    assert_eq!(press(&desk, &cookie, "export").status, 409);
    let store = rusqlite::Connection::open(desk.centre.folder.join("data/store.sqlite")).expect("the store");
    let select = "SELECT kind FROM events WHERE account = 1 AND dossier = 1
        AND kind IN ('verified', 'found-faulty', 'exported') ORDER BY id";
    let mut select = store.prepare(select).expect("SQL");
    let kinds: Vec<String> =
        select.query_map([], |row| row.get(0)).expect("the store").collect::<Result<_, _>>().expect("the store");
    assert_eq!(kinds, ["verified", "exported", "found-faulty"]);
    assert_eq!(desk.centre.stop(), Some(0));
}
