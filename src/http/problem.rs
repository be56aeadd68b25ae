//! What a request cannot have and why, as problem details (RFC 9457): in Vietnamese or English, as the client asks.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::export::ExportError;
use crate::ledger::LedgerError;
use crate::model::{Lang, Localized};
use crate::publish::PublishError;
use crate::scanner::Fault;
use crate::search::SearchError;
use crate::store::StoreError;

/// Why a request is refused.
#[derive(Debug)]
pub(super) enum Problem {
    /// No token, or a wrong one.
    Unauthorized,
    /// Asked by a page of another site, or by a name that is not this machine's.
    Foreign,
    /// People may not log in over plain HTTP.
    NoDesk,
    /// The name or the password is wrong.
    Password,
    /// Too many wrong passwords; seconds until the next try.
    Tries(u32),
    /// The person's role does not open this.
    Role,
    /// A published file is not what was published.
    FileChanged,
    /// The phone's token is wrong.
    NoLink,
    /// The phone's token has expired or was revoked.
    LinkEnded,
    /// Nothing is there.
    NotFound,
    /// The path has no such method.
    Method,
    /// The request is wrong; Vietnamese, English.
    Request(&'static str, &'static str),
    /// A dossier's code is wrong.
    Code,
    /// More bytes than a capture may have.
    TooLarge(u64),
    /// Neither picture nor PDF.
    NotAPicture,
    /// Captures enough wait to be made.
    QueueFull,
    /// The disk is nearly full.
    DiskFull,
    /// Uploads enough are unfinished.
    TooManyUploads,
    /// The phone has sent as many pages as one may.
    TooManyPages,
    /// Another request goes on with this upload.
    Locked,
    /// The upload stands at another byte.
    Offset(u64),
    /// Not version 1.0.0 of tus.
    TusVersion,
    /// A body of another media type is asked for.
    MediaType(&'static str),
    /// The body stopped coming.
    Broken,
    /// A scan has this scanner, or may have it.
    ScannerBusy,
    /// As many scans run as may.
    TooManyScans,
    /// Somebody looks for scanners already.
    Searching,
    /// Scanners cannot be looked for.
    Scanner(Fault),
    /// The person's role does not open the journal.
    NoJournal,
    /// The person's role does not say what stands on papers.
    NoCorrecting,
    /// A dossier cannot be checked or packed: there is nothing of it, somebody writes there, or it was altered.
    Export(ExportError),
    /// A search that has no answer: nothing is asked, or there is no index.
    Search(SearchError),
    /// As many pages stay up to date as may.
    TooManyStreams,
    /// Somebody signs at the desk.
    SigningRuns,
    /// The store refuses.
    Store(StoreError),
    /// A defect of the program.
    Internal,
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Problem {
    /// Status, and the word for programs.
    pub(super) fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::Foreign => (StatusCode::FORBIDDEN, "foreign"),
            Self::NoDesk => (StatusCode::FORBIDDEN, "no-desk"),
            Self::Password => (StatusCode::FORBIDDEN, "password"),
            Self::Tries(_) => (StatusCode::TOO_MANY_REQUESTS, "tries"),
            Self::Role => (StatusCode::FORBIDDEN, "role"),
            Self::FileChanged => (StatusCode::CONFLICT, "file-changed"),
            Self::NoLink => (StatusCode::NOT_FOUND, "no-link"),
            Self::LinkEnded => (StatusCode::GONE, "link-ended"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "method"),
            Self::Request(..) => (StatusCode::BAD_REQUEST, "request"),
            Self::Code => (StatusCode::BAD_REQUEST, "dossier-code"),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
            Self::NotAPicture => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-a-picture"),
            Self::QueueFull => (StatusCode::SERVICE_UNAVAILABLE, "queue"),
            Self::DiskFull => (StatusCode::SERVICE_UNAVAILABLE, "disk"),
            Self::TooManyUploads => (StatusCode::SERVICE_UNAVAILABLE, "uploads"),
            Self::TooManyPages => (StatusCode::FORBIDDEN, "pages"),
            Self::Locked => (StatusCode::LOCKED, "locked"),
            Self::Offset(_) => (StatusCode::CONFLICT, "offset"),
            Self::TusVersion => (StatusCode::PRECONDITION_FAILED, "tus-version"),
            Self::MediaType(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type"),
            Self::Broken => (StatusCode::BAD_REQUEST, "broken"),
            Self::ScannerBusy => (StatusCode::CONFLICT, "busy"),
            Self::TooManyScans => (StatusCode::SERVICE_UNAVAILABLE, "scans"),
            Self::Searching => (StatusCode::SERVICE_UNAVAILABLE, "searching"),
            Self::Scanner(fault) => (StatusCode::SERVICE_UNAVAILABLE, fault.name()),
            Self::NoJournal | Self::NoCorrecting => (StatusCode::FORBIDDEN, "role"),
            Self::Export(ExportError::Nothing) => (StatusCode::CONFLICT, "nothing"),
            Self::Export(error) if is_in_use(error) => (StatusCode::CONFLICT, "in-use"),
            Self::Export(_) => (StatusCode::CONFLICT, "file-changed"),
            Self::Search(SearchError::Nothing | SearchError::Identity) => (StatusCode::BAD_REQUEST, "request"),
            Self::Search(_) => (StatusCode::SERVICE_UNAVAILABLE, "search"),
            Self::TooManyStreams => (StatusCode::SERVICE_UNAVAILABLE, "streams"),
            Self::SigningRuns => (StatusCode::CONFLICT, "signing"),
            Self::Store(StoreError::NoDossier(_) | StoreError::NoComponent(_)) => (StatusCode::NOT_FOUND, "not-found"),
            Self::Store(
                StoreError::NotWaiting(_)
                | StoreError::NotPlaced(_)
                | StoreError::NotFailed(_)
                | StoreError::BeingMade(_)
                | StoreError::NoPage(_)
                | StoreError::PageThere(_)
                | StoreError::Replaced(_)
                | StoreError::SamePaper(_),
            ) => (StatusCode::CONFLICT, "state"),
            Self::Store(error) if error.is_passing() => (StatusCode::SERVICE_UNAVAILABLE, "store"),
            Self::Store(_) | Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// Seconds after which it is worth another try.
    pub(super) fn retry_after(&self) -> Option<u32> {
        match self {
            Self::QueueFull | Self::DiskFull | Self::TooManyUploads | Self::TooManyScans | Self::TooManyStreams => {
                Some(30)
            }
            Self::Search(SearchError::Nothing | SearchError::Identity) => None,
            Self::Search(_) | Self::Searching | Self::ScannerBusy | Self::Scanner(_) | Self::SigningRuns => Some(10),
            Self::Locked => Some(2),
            Self::Tries(seconds) => Some(*seconds),
            Self::Store(StoreError::BeingMade(_)) => Some(30),
            Self::Store(error) if error.is_passing() => Some(10),
            _ => None,
        }
    }

    /// The response that says so.
    pub(super) fn told(&self, lang: Lang) -> Response {
        let (status, code) = self.kind();
        let problem = json!({
            "type": "about:blank", "title": status.canonical_reason(), "status": status.as_u16(), "code": code,
            "detail": self.message(lang),
        });
        let language = HeaderValue::from_static(lang.pick("vi", "en"));
        let mut response = (status, problem.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CONTENT_LANGUAGE, language);
        self.add_headers(&mut response);
        response
    }

    /// What goes with it beside the body.
    pub(super) fn add_headers(&self, response: &mut Response) {
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        match self {
            Self::Unauthorized => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::TusVersion => {
                headers.insert("tus-version", HeaderValue::from_static(super::tus::VERSION));
            }
            Self::Offset(offset) => {
                headers.insert("upload-offset", (*offset).into());
            }
            // What is left of the body is not read, so no other request can follow it.
            Self::TooLarge(_) | Self::Broken => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
    }
}

impl Localized for Problem {
    fn message(&self, lang: Lang) -> String {
        let (vietnamese, english) = match self {
            Self::Unauthorized => (
                "cần mã truy cập: gửi đầu mục `Authorization: Bearer …` với một dòng của tệp http.token_file",
                "a token is needed: send `Authorization: Bearer …` with a line of the file http.token_file",
            ),
            Self::Foreign => (
                "yêu cầu đến từ một trang web khác hoặc qua một tên máy lạ nên bị từ chối",
                "asked by a page of another site or by a strange host name: refused",
            ),
            Self::NoDesk => (
                "chưa được đăng nhập từ máy khác qua HTTP không mã hóa; người quản trị hãy đặt `http.tls = true`",
                "nobody may log in from other machines over plain HTTP; the administrator sets `http.tls = true`",
            ),
            Self::Password => (
                "tên hoặc mật khẩu không đúng, hoặc tài khoản đã bị khóa",
                "the name or the password is wrong, or the account is closed",
            ),
            Self::Tries(seconds) => {
                return match lang {
                    Lang::Vi => format!("sai mật khẩu quá nhiều lần; hãy thử lại sau {seconds} giây"),
                    Lang::En => format!("too many wrong passwords; try again in {seconds} seconds"),
                };
            }
            Self::Role => (
                "vai trò của tài khoản này không được mở giấy tờ; hãy đăng nhập bằng tài khoản khác",
                "the role of this account does not open papers; log in with another",
            ),
            Self::FileChanged => (
                "tệp kết quả bị sửa hoặc mất; người quản trị hãy chạy `sohoa verify`",
                "the file was changed or is gone; the administrator runs `sohoa verify`",
            ),
            Self::NoLink => (
                "liên kết không đúng; hãy quét lại mã QR tại quầy",
                "the link is wrong; scan the QR code at the counter again",
            ),
            Self::LinkEnded => {
                ("mã QR đã hết hạn, xin mã mới tại quầy", "the QR code has expired; ask for a new one at the counter")
            }
            Self::NotFound => ("không có gì ở địa chỉ này", "there is nothing at this address"),
            Self::Method => ("địa chỉ này không nhận phương thức đó", "this address does not take that method"),
            Self::Request(vietnamese, english) => (*vietnamese, *english),
            Self::Code => (
                "mã hồ sơ không đúng; mã có dạng H21.15.25-250701-0012",
                "not a dossier code; it looks like H21.15.25-250701-0012",
            ),
            Self::TooLarge(limit) => {
                let mib = limit >> 20;
                return match lang {
                    Lang::Vi => format!("tệp quá lớn: một tệp được tối đa {mib} MiB (limits.file_mib)"),
                    Lang::En => format!("too large: a file may have {mib} MiB (limits.file_mib)"),
                };
            }
            Self::NotAPicture => {
                ("tệp không phải ảnh hay PDF; hãy gửi ảnh chụp giấy tờ", "neither picture nor PDF; send a picture")
            }
            Self::QueueFull => (
                "đang có quá nhiều trang chờ xử lý; hãy gửi lại sau ít phút",
                "too many pages wait to be processed; send it again in some minutes",
            ),
            Self::DiskFull => (
                "máy chủ sắp hết chỗ trên đĩa; hãy báo người quản trị rồi gửi lại",
                "the server's disk is nearly full; tell its administrator and send it again",
            ),
            Self::TooManyUploads => (
                "đang có quá nhiều tệp gửi dở; hãy gửi lại sau ít phút",
                "too many uploads are unfinished; send it again in some minutes",
            ),
            Self::TooManyPages => (
                "liên kết này đã nhận đủ số trang cho phép; hãy xin mã QR mới tại quầy",
                "this link has taken as many pages as it may; ask for a new QR code at the counter",
            ),
            Self::Locked => {
                ("tệp này đang được gửi bởi một kết nối khác", "another connection goes on with this upload")
            }
            Self::Offset(_) => {
                ("vị trí gửi tiếp không đúng; hãy hỏi lại bằng HEAD", "the upload stands elsewhere; ask with HEAD")
            }
            Self::TusVersion => ("chỉ hỗ trợ tus 1.0.0", "only tus 1.0.0 is spoken here"),
            Self::MediaType(expected) => {
                return match lang {
                    Lang::Vi => format!("nội dung phải có kiểu {expected}"),
                    Lang::En => format!("the body must be {expected}"),
                };
            }
            Self::Broken => ("dữ liệu gửi bị ngắt giữa chừng; hãy gửi lại", "the body broke off; send it again"),
            Self::ScannerBusy => (
                "máy quét này đang quét; hãy đợi xong hoặc dừng lần quét đó",
                "this scanner is scanning; wait for it, or cancel that scan",
            ),
            Self::TooManyScans => (
                "đang có quá nhiều lần quét cùng lúc; hãy thử lại sau ít phút",
                "too many scans run at a time; try again in some minutes",
            ),
            Self::Searching => {
                ("đang tìm máy quét cho yêu cầu khác; hãy hỏi lại sau", "scanners are being looked for; ask again")
            }
            Self::Scanner(fault) => return fault.message(lang),
            Self::NoJournal => (
                "vai trò của tài khoản này không được xem nhật ký; hãy đăng nhập bằng tài khoản khác",
                "the role of this account does not open the journal; log in with another",
            ),
            Self::NoCorrecting => (
                "vai trò của tài khoản này không được sửa dữ liệu; hãy nhờ cán bộ số hóa",
                "the role of this account does not correct data; ask a clerk",
            ),
            Self::Export(error) if is_in_use(error) => (
                "hồ sơ đang được xử lý; hãy thử lại sau ít phút",
                "the dossier is being worked on; try again in some minutes",
            ),
            // Paths of the server are its administrator's matter.
            Self::Export(ExportError::Nothing) => return ExportError::Nothing.message(lang),
            Self::Export(_) => return Self::FileChanged.message(lang),
            Self::Search(SearchError::Nothing) => return SearchError::Nothing.message(lang),
            Self::Search(SearchError::Identity) => return SearchError::Identity.message(lang),
            Self::Search(_) => (
                "chưa tìm kiếm được: chỉ mục đang được lập; hãy thử lại sau ít phút",
                "nothing can be searched yet: the index is being made; try again in some minutes",
            ),
            Self::TooManyStreams => (
                "đang có quá nhiều trang tự cập nhật; trang này vẫn dùng được, hãy tải lại khi cần",
                "too many pages stay up to date by themselves; this one works, load it anew when needed",
            ),
            Self::SigningRuns => (
                "đang có một lượt ký khác; hãy đợi lượt đó xong rồi ký",
                "another act of signing runs; wait until it is over",
            ),
            Self::Store(error) => return error.message(lang),
            Self::Internal => ("lỗi của chương trình; hãy thử lại", "a defect of the program; try again"),
        };
        lang.pick(vietnamese, english).to_owned()
    }
}

/// Whether a dossier's directory is written at this moment.
fn is_in_use(error: &ExportError) -> bool {
    matches!(error, ExportError::Ledger(LedgerError::Publish(PublishError::InUse(_))))
}

/// A problem on its way to [`super::gate`], which knows the client's language.
#[derive(Clone)]
pub(super) struct Untold(pub(super) Arc<Problem>);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.kind().0.into_response();
        response.extensions_mut().insert(Untold(Arc::new(self)));
        response
    }
}
