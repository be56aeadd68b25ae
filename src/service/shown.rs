//! Dossiers and components as programs and people are told of them: by the commands and over the network alike.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::manifest;
use crate::model::Lang;
use crate::store::{ComponentShown, DossierShown, Published};

/// A dossier with its components.
pub fn dossier_json(dossier: &DossierShown) -> Value {
    let components: Vec<Value> = dossier.components.iter().map(component_json).collect();
    json!({"dossier": dossier.code, "components": components})
}

/// A component with its captures and files.
pub fn component_json(component: &ComponentShown) -> Value {
    let captures: Vec<Value> = component
        .captures
        .iter()
        .map(|one| {
            let pages = one.pages.as_ref().map(|pages| [*pages.start(), *pages.end()]);
            json!({"id": one.id, "name": one.name, "sha256": one.sha256, "bytes": one.bytes, "pages": pages})
        })
        .collect();
    let files: Vec<Value> = component
        .published
        .iter()
        .map(|one| {
            let listed = listed(one);
            let sha256 = listed.as_ref().and_then(|listed| Some(&listed.file.as_ref()?.sha256));
            let set_aside = listed.as_ref().map_or(&[][..], |listed| &listed.set_aside);
            let set_aside: Vec<Value> =
                set_aside.iter().map(|aside| json!({"file": aside.file.path, "reason": aside.reason})).collect();
            json!({
                "directory": one.directory, "file": one.file.as_ref().map(|(file, _)| file), "version": one.version,
                "sha256": sha256,
                "set_aside": set_aside,
            })
        })
        .collect();
    json!({
        "id": component.id, "title": component.title, "name": component.name, "version": component.version,
        "newest": component.is_newest, "state": component.state.code(), "reason": component.reason,
        "code": component.code, "result_code": component.result_code, "digital_code": component.digital_code.as_ref().map(|code| &code.text),
        "captures": captures, "files": files,
    })
}

/// What the directory's manifest says of a component, as it is now; nothing where it cannot be read.
pub fn listed(published: &Published) -> Option<manifest::Component> {
    let path = PathBuf::from(&published.directory).join(manifest::FILE_NAME);
    let components = manifest::open(&std::fs::read(path).ok()?).ok()?.manifest.components;
    components.into_iter().find(|one| one.name == published.name && one.version == published.version)
}

/// The word for why a component is not made in which a page bears a mark of secrecy.
pub const SECRET: &str = "secret";

/// Why a component waits or failed.
pub fn reason_text(reason: &str, lang: Lang) -> &str {
    match reason {
        "no-code" => lang.pick("không có mã hồ sơ", "no dossier code"),
        "not-a-code" => lang.pick("mã hồ sơ không đúng", "not a dossier code"),
        "two-codes" => lang.pick("có hai mã hồ sơ khác nhau", "two dossier codes"),
        "capture-damaged" => {
            lang.pick("ảnh gốc trong kho bị hỏng; hãy quét lại", "a stored capture is damaged; scan it again")
        }
        "in-the-way" => lang.pick(
            "thư mục kết quả có tệp lạ cùng tên; hãy chuyển nó đi rồi khởi động lại dịch vụ",
            "a strange file of this name is in the directory; move it and start the service anew",
        ),
        "altered" => lang.pick(
            "thư mục kết quả đã bị sửa; hãy chạy `sohoa verify`, sửa rồi khởi động lại dịch vụ",
            "the directory was altered; run `sohoa verify`, mend it and start the service anew",
        ),
        "other-dossier" => lang.pick("thư mục kết quả là của hồ sơ khác", "the directory is another dossier's"),
        SECRET => lang.pick(
            "có dấu mật: không được số hóa; giao người phụ trách bảo vệ bí mật nhà nước",
            "marked secret: not to be digitised; hand it to whoever is in charge of state secrets",
        ),
        other => other,
    }
}
