//! Why a scan came to no good end, and what a clerk can do about it.

use std::path::PathBuf;
use std::{fmt, io};

use super::options::Setting;
use crate::imaging::decode::DecodeError;
use crate::model::{Lang, Localized, io_reason, shown};

/// A scan that ended before its papers did.
#[derive(Debug)]
pub struct ScanError {
    /// What went wrong.
    pub fault: Fault,
    /// The pages of this scan that lie whole in the folder.
    pub kept: Vec<PathBuf>,
}

impl std::error::Error for ScanError {}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message(Lang::En))
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message(Lang::En))
    }
}

impl From<Fault> for ScanError {
    fn from(fault: Fault) -> Self {
        Self { fault, kept: Vec::new() }
    }
}

/// What goes wrong with scanners.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fault {
    /// There is no `scanimage`.
    NotInstalled,
    /// SANE finds nothing.
    NoDevice,
    /// SANE finds more than one, and none was named.
    SeveralDevices(Vec<String>),
    /// The device of this name cannot be opened.
    CannotOpen(String),
    /// Somebody else uses the device, or it has not finished what it did.
    Busy,
    /// The user may not use the device.
    Denied,
    /// A sheet is stuck in the feeder.
    Jammed,
    /// There is no paper in the feeder.
    Empty,
    /// The driver says that all went well, and gave no page.
    NoPage,
    /// The lid or the feeder's cover is open.
    CoverOpen,
    /// Device and machine do not hear each other any more: unplugged, switched off, a network that is down.
    Io,
    /// Driver or device are out of memory.
    NoMemory,
    /// `scanimage` crashed, or was ended by somebody.
    Killed,
    /// No page came for this long.
    Hanging {
        /// The time allowed.
        seconds: u64,
    },
    /// The caller wanted the scan to end.
    Cancelled,
    /// Somebody pressed the device's stop button.
    CancelledAtDevice,
    /// The device lacks what was asked for.
    Unsupported {
        /// What kind of thing.
        setting: Setting,
        /// What was asked for.
        wanted: String,
        /// What there is.
        can: String,
    },
    /// A page came in part, or as something that is no picture.
    Damaged {
        /// Which page of this scan, from 1.
        page: u32,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// The feeder was empty before the pages asked for had come.
    TooFew {
        /// Pages asked for.
        wanted: u32,
        /// Pages that came.
        got: u32,
    },
    /// The folder for the pages, or a file in it, cannot be read or written.
    Folder {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another scan goes into this folder.
    InUse(PathBuf),
    /// Anything else, in the driver's own words.
    Driver(String),
}

/// The fault behind SANE's text for a status (`sane_strstatus`).
pub(super) fn of_status(status: &str, device: &str) -> Fault {
    match status {
        "Operation was canceled" => Fault::CancelledAtDevice,
        "Device busy" => Fault::Busy,
        "Document feeder jammed" => Fault::Jammed,
        "Document feeder out of documents" => Fault::Empty,
        "Scanner cover is open" => Fault::CoverOpen,
        "Error during device I/O" => Fault::Io,
        "Out of memory" => Fault::NoMemory,
        "Access to resource has been denied" => Fault::Denied,
        other => Fault::Driver(format!("{device}: {other}")),
    }
}

/// The fault behind a complaint of `scanimage` about something that came before the scan.
pub(super) fn of_complaint(complaint: &str, device: &str) -> Fault {
    let opening = complaint.strip_prefix("open of device ").and_then(|text| text.rsplit_once(" failed: "));
    match opening.map(|(_, status)| of_status(status, device)) {
        Some(fault @ (Fault::Busy | Fault::Denied | Fault::NoMemory | Fault::CoverOpen)) => fault,
        Some(_) => Fault::CannotOpen(device.to_owned()),
        None => Fault::Driver(complaint.to_owned()),
    }
}

impl Fault {
    /// A short name for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotInstalled => "not-installed",
            Self::NoDevice => "no-device",
            Self::SeveralDevices(_) => "several-devices",
            Self::CannotOpen(_) => "cannot-open",
            Self::Busy => "busy",
            Self::Denied => "denied",
            Self::Jammed => "jammed",
            Self::Empty => "empty",
            Self::NoPage => "no-page",
            Self::CoverOpen => "cover-open",
            Self::Io => "io-error",
            Self::NoMemory => "no-memory",
            Self::Killed => "killed",
            Self::Hanging { .. } => "hanging",
            Self::Cancelled => "cancelled",
            Self::CancelledAtDevice => "cancelled-at-device",
            Self::Unsupported { .. } => "unsupported",
            Self::Damaged { .. } => "damaged",
            Self::TooFew { .. } => "too-few",
            Self::Folder { .. } => "folder",
            Self::InUse(_) => "in-use",
            Self::Driver(_) => "driver",
        }
    }
}

impl Localized for ScanError {
    fn message(&self, lang: Lang) -> String {
        let fault = self.fault.message(lang);
        let Some(last) = self.kept.last().and_then(|path| path.file_name()) else { return fault };
        let (count, last) = (self.kept.len(), last.to_string_lossy());
        match lang {
            Lang::Vi => {
                format!(
                    "{fault}; đã giữ {count} trang, trang cuối là {last}: chạy lại lệnh này để quét tiếp các trang sau"
                )
            }
            Lang::En => {
                format!("{fault}; {count} pages are kept, the last is {last}: run this again to scan what follows")
            }
        }
    }
}

impl Localized for Fault {
    fn message(&self, lang: Lang) -> String {
        let [vietnamese, english] = self.in_both_languages();
        match lang {
            Lang::Vi => vietnamese,
            Lang::En => english,
        }
    }
}

impl Fault {
    /// Vietnamese and English; `docs/scanners.md` lists them.
    fn in_both_languages(&self) -> [String; 2] {
        match self {
            Self::NotInstalled => [
                "chưa cài chương trình điều khiển máy quét; hãy chạy: sudo apt install sane-utils sane-airscan".into(),
                "the program that drives scanners is not installed: sudo apt install sane-utils sane-airscan".into(),
            ],
            Self::NoDevice => [
                "không tìm thấy máy quét nào; hãy bật máy, cắm lại cáp hoặc kiểm tra mạng, rồi thử: sohoa scan --list".into(),
                "no scanner found; switch it on, check cable or network, then try: sohoa scan --list".into(),
            ],
            Self::SeveralDevices(names) => {
                let (count, names) = (names.len(), names.join(", "));
                [
                    format!("có {count} máy quét; hãy chọn một máy bằng --device: {names}"),
                    format!("there are {count} scanners; choose one with --device: {names}"),
                ]
            }
            Self::CannotOpen(device) => [
                format!("{device}: không mở được máy quét; hãy kiểm tra tên máy (sohoa scan --list), nguồn điện, cáp hoặc mạng"),
                format!("{device}: cannot be opened; check the name (sohoa scan --list), power, cable or network"),
            ],
            Self::Busy => [
                "máy quét đang bận; hãy đợi việc trước xong và đóng chương trình khác đang dùng máy, nếu vẫn bận thì tắt rồi \
                 bật lại máy"
                    .into(),
                "the scanner is busy; wait, close other programs that use it, or switch it off and on".into(),
            ],
            Self::Denied => [
                "không có quyền dùng máy quét; hãy thêm người dùng vào nhóm scanner (sudo usermod -aG scanner TÊN) rồi đăng \
                 nhập lại"
                    .into(),
                "no permission to use the scanner; add the user to the group scanner (sudo usermod -aG scanner NAME) and \
                 log in again"
                    .into(),
            ],
            Self::Jammed => [
                "kẹt giấy; hãy mở nắp khay nạp, gỡ tờ bị kẹt và đặt lại giấy từ tờ đó".into(),
                "paper jam; open the feeder, free the sheet and put the papers back from that sheet on".into(),
            ],
            Self::Empty => [
                "khay nạp không có giấy; hãy đặt giấy vào khay, hoặc dùng --source flatbed nếu giấy nằm trên mặt kính".into(),
                "the feeder is empty; put papers in, or use --source flatbed for a paper on the glass".into(),
            ],
            Self::NoPage => [
                "máy quét không đưa ra trang nào; hãy kiểm tra giấy rồi quét lại".into(),
                "the scanner gave no page; check the paper and scan again".into(),
            ],
            Self::CoverOpen => [
                "nắp máy quét đang mở; hãy đóng nắp rồi quét lại".into(),
                "the scanner's cover is open; close it and scan again".into(),
            ],
            Self::Io => [
                "mất liên lạc với máy quét; hãy kiểm tra nguồn điện, cáp hoặc mạng, nắp máy và giấy kẹt, rồi quét lại".into(),
                "no connection to the scanner; check power, cable or network, the cover and jammed paper, then scan again"
                    .into(),
            ],
            Self::NoMemory => [
                "máy quét hoặc máy tính hết bộ nhớ; hãy đóng bớt chương trình hoặc quét ở độ phân giải thấp hơn".into(),
                "the scanner or the machine is out of memory; close programs, or scan at a lower resolution".into(),
            ],
            Self::Killed => [
                "chương trình điều khiển máy quét (scanimage) bị dừng đột ngột, trang đang quét bị bỏ; hãy quét lại".into(),
                "the program that drives the scanner (scanimage) ended abruptly, the page in work is dropped; scan again"
                    .into(),
            ],
            Self::Hanging { seconds } => [
                format!(
                    "máy quét không đưa ra trang nào trong {seconds} giây nên đã dừng; hãy tắt rồi bật lại máy, nếu máy chậm \
                     thì tăng --timeout"
                ),
                format!(
                    "no page came for {seconds} seconds, the scan was stopped; switch the scanner off and on, or raise \
                     --timeout for a slow one"
                ),
            ],
            Self::Cancelled => [
                "đã dừng quét theo yêu cầu, trang đang quét bị bỏ".into(),
                "stopped, the page in work is dropped".into(),
            ],
            Self::CancelledAtDevice => [
                "đã bấm dừng trên máy quét, trang đang quét bị bỏ".into(),
                "stopped at the scanner, the page in work is dropped".into(),
            ],
            Self::Unsupported { setting, wanted, can } => [
                format!("máy quét không có {} {wanted}; máy này có: {can}", setting.name(Lang::Vi)),
                format!("the scanner does not have {} {wanted}; it has: {can}", setting.name(Lang::En)),
            ],
            Self::Damaged { page, source } => [
                format!(
                    "trang thứ {page} của lần quét này bị bỏ: {}; hãy đặt lại giấy từ trang đó",
                    source.message(Lang::Vi)
                ),
                format!("page {page} of this scan is dropped: {}; put the papers back from it on", source.message(Lang::En)),
            ],
            Self::TooFew { wanted, got } => [
                format!("khay nạp hết giấy sau {got} trên {wanted} trang; hãy kiểm tra có hai tờ bị kéo vào cùng lúc hay không"),
                format!("the feeder was empty after {got} of {wanted} pages; check whether two sheets were drawn in at once"),
            ],
            Self::Folder { path, source } => {
                [Lang::Vi, Lang::En].map(|lang| format!("{}: {}", shown(path), io_reason(source.kind(), lang)))
            }
            Self::InUse(path) => [
                format!("{}: một lần quét khác đang ghi vào đây; hãy đợi nó xong", shown(path)),
                format!("{}: another scan is writing there; wait for it", shown(path)),
            ],
            Self::Driver(text) => [
                format!("chương trình điều khiển máy quét báo lỗi: {text}; hãy tắt rồi bật lại máy quét và quét lại"),
                format!("the program that drives the scanner says: {text}; switch the scanner off and on, then scan again"),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_about_opening_are_told_apart() {
        let of = |complaint: &str| of_complaint(complaint, "x:1").name();
        assert_eq!(of("open of device x:1 failed: Invalid argument"), "cannot-open");
        assert_eq!(of("open of device x:1 failed: Error during device I/O"), "cannot-open");
        assert_eq!(of("open of device x:1 failed: Device busy"), "busy");
        assert_eq!(of("open of device x:1 failed: Access to resource has been denied"), "denied");
        assert_eq!(of("setting of option --source failed (Invalid argument)"), "driver");
    }

    /// One of each that has no two sides.
    fn all() -> Vec<Fault> {
        vec![
            Fault::NotInstalled,
            Fault::NoDevice,
            Fault::SeveralDevices(vec!["epson2:libusb:001:004".into(), "airscan:e0:May quet".into()]),
            Fault::CannotOpen("airscan:e0:May quet".into()),
            Fault::Busy,
            Fault::Denied,
            Fault::Jammed,
            Fault::Empty,
            Fault::NoPage,
            Fault::CoverOpen,
            Fault::Io,
            Fault::NoMemory,
            Fault::Killed,
            Fault::Hanging { seconds: 180 },
            Fault::Cancelled,
            Fault::CancelledAtDevice,
            Fault::Unsupported { setting: Setting::Dpi, wanted: "600".into(), can: "150, 300".into() },
            Fault::Damaged { page: 3, source: DecodeError::Incomplete(crate::imaging::decode::Format::Tiff) },
            Fault::TooFew { wanted: 10, got: 8 },
            Fault::Folder { path: "quet".into(), source: io::ErrorKind::StorageFull.into() },
            Fault::InUse("quet".into()),
            Fault::Driver("Invalid argument".into()),
        ]
    }

    #[test]
    fn the_manual_lists_every_message() {
        let manual = include_str!("../../docs/scanners.md");
        let row = |fault: &Fault| {
            let [vietnamese, english] = fault.in_both_languages();
            format!("| `{}` | {vietnamese} | {english} |\n", fault.name())
        };
        let missing: String = all().iter().map(row).filter(|row| !manual.contains(row)).collect();
        assert!(missing.is_empty(), "docs/scanners.md lacks:\n{missing}");
    }

    #[test]
    fn what_is_kept_is_said() {
        let error = ScanError { fault: Fault::Jammed, kept: vec!["a/0003.tif".into(), "a/0004.tif".into()] };
        assert!(error.message(Lang::Vi).starts_with("kẹt giấy; "), "{error}");
        assert!(error.message(Lang::Vi).contains("đã giữ 2 trang, trang cuối là 0004.tif"));
        assert!(!ScanError::from(Fault::Jammed).message(Lang::En).contains("kept"));
    }
}
