//! The desk's pages as they are: every link is followed, every form is forged, and every answer has its headers.

use std::collections::{BTreeMap, BTreeSet};

use crate::desk::{add, field, see, session};
use crate::http::{Answer, Desk, sample};
use crate::service::CODE;

use super::{guarded, paired, stored};

/// Pages that are followed at most.
const PAGES: usize = 80;

/// What is wrong with a request; its headers; its proof, where it has one.
type Forged<'a> = (&'a str, Vec<(&'a str, &'a str)>, Option<&'a str>);

/// A form of a page that changes something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Posted {
    action: String,
    has_files: bool,
}

/// The values of an attribute on a page, in quotes or not.
fn values(page: &str, attribute: &str) -> Vec<String> {
    let of = |rest: &str| match rest.strip_prefix('"') {
        Some(rest) => rest.split('"').next().unwrap_or_default().replace("&amp;", "&"),
        None => rest.split([' ', '>']).next().unwrap_or_default().to_owned(),
    };
    page.split(&format!(" {attribute}=")).skip(1).map(of).collect()
}

/// Everything that links and pictures lead to from here, by path.
fn walk(desk: &Desk, cookie: &str, from: &[&str]) -> BTreeMap<String, Answer> {
    let mut seen = BTreeMap::new();
    let mut next: Vec<String> = from.iter().map(|path| (*path).to_owned()).collect();
    while let Some(path) = next.pop() {
        if seen.contains_key(&path) || seen.len() >= PAGES {
            continue;
        }
        let answer = see(desk, &path, cookie);
        if answer.header("Content-Type").is_some_and(|kind| kind.starts_with("text/html")) {
            let links = ["href", "src"].iter().flat_map(|name| values(&answer.text(), name)).collect::<BTreeSet<_>>();
            next.extend(links.into_iter().filter(|link| link.starts_with('/')));
        }
        seen.insert(path, answer);
    }
    seen
}

fn forms(pages: &BTreeMap<String, Answer>) -> BTreeSet<Posted> {
    let pages = pages.values().map(Answer::text).collect::<Vec<_>>();
    let tags = pages.iter().flat_map(|page| page.split("<form ").skip(1)).filter_map(|rest| rest.split('>').next());
    let posted = tags.filter(|tag| tag.contains("method=post"));
    posted
        .map(|tag| Posted {
            action: values(&format!(" {tag}"), "action").first().expect("it goes somewhere").clone(),
            has_files: tag.contains("multipart"),
        })
        .collect()
}

/// A service with a paper that is made and one that waits, its clerk, and all that the clerk can see.
fn filled(name: &str) -> (Desk, String, BTreeMap<String, Answer>) {
    let desk = guarded(name, &[]);
    add(&desk.centre, "lan", "clerk");
    desk.centre.drop(&format!("{CODE}/a/1.jpg"), &sample("danh-sach/trang-1.jpg"));
    desk.centre.drop("IMG_1.jpg", &sample("to-khai/trang-1.jpg"));
    desk.centre.wait_for("one is made, one waits", || {
        let is = |code, state: &str| desk.centre.components(code).iter().any(|one| one["state"] == state);
        (is(Some(CODE), "done") && is(None, "unplaced")).then_some(())
    });
    let cookie = session(&desk, "lan");
    let pages = walk(&desk, &cookie, &["/", "/login", "/nowhere", "/dossiers/x"]);
    (desk, cookie, pages)
}

/// The body of a form with files: these parts in this order, a file for each without a value.
fn multipart(parts: &[(&str, Option<&str>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in parts {
        let head = format!("--frontier\r\nContent-Disposition: form-data; name=\"{name}\"");
        match value {
            Some(value) => body.extend(format!("{head}\r\n\r\n{value}\r\n").into_bytes()),
            None => {
                body.extend(format!("{head}; filename=\"1.jpg\"\r\n\r\n").into_bytes());
                body.extend([sample("to-khai/trang-1.jpg"), b"\r\n".to_vec()].concat());
            }
        }
    }
    body.extend(b"--frontier--\r\n");
    body
}

#[test]
fn every_form_of_the_desk_is_refused_where_it_is_forged() {
    let (mut desk, cookie, pages) = filled("security-forms");
    let form = field(&pages["/"].text(), "form");
    let of_another = field(&see(&desk, "/", &session(&desk, "lan")).text(), "form");
    let mut found = forms(&pages);
    assert!(found.len() >= 9, "{found:?}");
    assert!(found.iter().any(|form| form.has_files), "{found:?}");
    // These two have proofs of their own, and change nothing of a session that is there.
    found.retain(|form| form.action != "/login" && form.action != "/language");
    let (own, before) = (format!("http://{}", desk.address), stored(&desk));
    let send = |posted: &Posted, headers: &[(&str, &str)], proof: Option<&str>| {
        let (kind, body) = match (posted.has_files, proof) {
            // A file first: nothing is read before the proof.
            (true, None) => ("multipart/form-data; boundary=frontier", multipart(&[("files", None)])),
            (true, Some(proof)) => (
                "multipart/form-data; boundary=frontier",
                multipart(&[("form", Some(proof)), ("component", Some("b")), ("files", None), ("file", None)]),
            ),
            (false, proof) => {
                let rest = "do=right&page=1-1&which=all&title=b&dossier=H21.15.25-250701-0012&component=b";
                let proof = proof.map_or_else(String::new, |proof| format!("form={proof}&"));
                ("application/x-www-form-urlencoded", format!("{proof}{rest}").into_bytes())
            }
        };
        desk.ask("POST", &posted.action, &[&[("Content-Type", kind)], headers].concat(), &body)
    };
    for posted in &found {
        let (cookie, origin) = (("Cookie", &cookie[..]), ("Origin", &own[..]));
        let foreign = ("Origin", "http://example.org");
        let forged: [Forged<'_>; 7] = [
            ("no proof", vec![cookie, origin], None),
            ("an empty proof", vec![cookie, origin], Some("")),
            ("a guessed proof", vec![cookie, origin], Some("0")),
            ("the proof of another session", vec![cookie, origin], Some(&of_another)),
            ("from another site", vec![cookie, foreign], Some(&form)),
            ("from nowhere", vec![cookie], Some(&form)),
            ("by another site, as the browser says", vec![cookie, ("Sec-Fetch-Site", "cross-site")], Some(&form)),
        ];
        for (what, headers, proof) in forged {
            let refused = send(posted, &headers, proof);
            assert!([400, 403].contains(&refused.status), "{what}: {posted:?}: {refused:?}");
        }
        let nobody = send(posted, &[origin], Some(&form));
        assert_eq!(nobody.header("Location"), Some("/login"), "without a session: {posted:?}: {nobody:?}");
        let by_link = see(&desk, &posted.action, cookie.1);
        assert!([200, 404, 405].contains(&by_link.status), "{posted:?}: {by_link:?}");
    }
    assert_eq!(stored(&desk), before, "nothing came in");
    assert_eq!(forms(&walk(&desk, &cookie, &["/", "/login"])).len(), found.len() + 2, "nothing was changed");
    assert_eq!(desk.centre.stop(), Some(0));
}

/// What is wrong with an answer's headers and markup.
fn faults(path: &str, answer: &Answer) -> Vec<String> {
    let mut faults = Vec::new();
    let mut want = |is_so: bool, what: &str| {
        if !is_so {
            faults.push(format!("{path}: {what}"));
        }
    };
    let header = |name| answer.header(name).unwrap_or_default();
    let policy = header("Content-Security-Policy");
    want(policy.starts_with("default-src 'none'"), "the policy forbids what it does not name");
    want(policy.contains("frame-ancestors 'none'"), "no frames");
    want(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'), "a strict policy");
    want(header("X-Content-Type-Options") == "nosniff", "nosniff");
    want(header("Cross-Origin-Resource-Policy") == "same-origin", "not for other sites");
    let is_asset = path.ends_with(".css") || path.ends_with(".js");
    want(is_asset || header("Cache-Control") == "no-store", "not kept");
    if let Some(cookie) = answer.header("Set-Cookie") {
        want(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"), "a cookie for us alone");
    }
    if header("Content-Type").starts_with("text/html") {
        want(policy.contains("base-uri 'none'") && policy.contains("form-action 'self'"), "a page's policy");
        let text = answer.text();
        for tag in text.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
            let mut attributes = tag.split_whitespace().skip(1);
            want(!attributes.any(|one| one.starts_with("style=") || (one.starts_with("on") && one.contains('='))), tag);
            let is_inline = tag == "script" || tag == "style";
            want(!is_inline && !tag.contains("javascript:") && !tag.contains("http://"), tag);
        }
    }
    faults
}

#[test]
fn every_answer_has_its_headers_and_no_page_anything_inline() {
    let (mut desk, cookie, mut pages) = filled("security-headers");
    assert!(pages.len() > 12, "{:?}", pages.keys());
    let phone = paired(&desk, CODE);
    for path in ["/p/0", "/healthz", "/api/v1/status", "/metrics", "/api/v1/nothing", "/components/99/pages"] {
        pages.insert(path.to_owned(), see(&desk, path, &cookie));
    }
    pages.insert("POST /".to_owned(), desk.ask("POST", "/", &[], b""));
    pages.insert("POST /login".to_owned(), crate::desk::log_in(&desk, "lan", crate::desk::PASSWORD));
    pages.insert("POST /login too large".to_owned(), desk.ask("POST", "/login", &[], &vec![b'a'; 1 << 20]));
    let faults: Vec<String> = pages.iter().flat_map(|(path, answer)| faults(path, answer)).collect();
    assert!(faults.is_empty(), "{faults:#?}");

    // The phone's page has its scripts and styles beside it, nothing in it.
    let page = see(&desk, &phone, "");
    let policy = page.header("Content-Security-Policy").unwrap_or_default();
    assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    let scripts = page.text().split("<script").skip(1).map(|rest| rest.starts_with(" src=")).collect::<Vec<_>>();
    assert!(!scripts.is_empty() && scripts.iter().all(|is_beside| *is_beside), "{page:?}");
    assert!(!page.text().contains("<style") && !page.text().contains(" style="), "{page:?}");
    assert_eq!(desk.centre.stop(), Some(0));
}
