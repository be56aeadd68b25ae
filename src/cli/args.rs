//! The arguments as typed, and their help in both languages.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use sohoa::config::{RawConfig, RawSign};
use sohoa::model::{ComponentName, DossierCode, Lang, Role};
use sohoa::scanner::{Colour, Paper, Source};

/// Turns pictures of papers into signed PDF/A component files
#[derive(Debug, Parser)]
#[command(name = "sohoa", version, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) shared: Shared,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, ClapArgs)]
pub(super) struct Shared {
    /// Language of messages [default: vi]
    #[arg(long, global = true, value_enum, value_name = "vi|en", hide_possible_values = true)]
    pub(super) lang: Option<LangArg>,
    /// Configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Directory of the recognition models
    #[arg(long, global = true, value_name = "DIR", env = "SOHOA_MODELS", hide_env = true)]
    pub(super) models: Option<PathBuf>,
    /// Worker threads [default: one a processor]
    #[arg(long, global = true, value_name = "N")]
    pub(super) jobs: Option<usize>,
    /// Memory for pages in work, MiB [default: half of the machine's]
    #[arg(long, global = true, value_name = "MIB")]
    pub(super) memory: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Digitise pictures and folders into signed components
    Digitize(Digitize),
    /// Whole archives: run, submit, status, pause, resume, retry, report, accept, reject
    Batch(super::batch::Batch),
    /// Make pages of batches that other machines submit, until stopped
    Worker(super::worker::Worker),
    /// Sign PDF files, or the components that wait for their signature
    Sign(Sign),
    /// Check files against their manifest, signatures and structure
    Verify(Verify),
    /// Add timestamps and revocation data to signed files, for their signatures to last
    Upgrade(Upgrade),
    /// Watch folders and digitise what arrives, until stopped
    Serve(super::serve::Serve),
    /// Dossiers in the store: list, show, attach, pair, deliver, export
    Dossier(super::dossier::Dossier),
    /// The store of owners' papers: check, export
    Personal(super::personal::Personal),
    /// Catalogue of procedures: import, list
    Procedures(super::procedures::Procedures),
    /// The store: check, backup, figures, restore
    Store(super::store::StoreCommand),
    /// Accounts of the people at the desk: add, list, passwd, disable
    User(super::user::User),
    /// Look whether everything that is needed is there and fits, and say the cure
    Doctor(super::doctor::Doctor),
    /// Judge PDF files by a legal profile
    Check(Check),
    /// Print the log of an output directory and check it
    Log(Log),
    /// Make archive packages (SIP) of output directories
    Package(super::package::Package),
    /// Take the data out of papers: kind, number, date, names, with checks and confidence
    Extract(Extract),
    /// Say what is seen on pictures, one JSON line each
    Inspect(Inspect),
    /// Scan papers into a folder, with a scanner on this machine or its network
    Scan(Scan),
    /// Find pages by their words and by what is known of the papers
    Search(super::search::Search),
    /// Print cover and separator sheets for stacks of papers
    Sheet(Sheet),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Manpage,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Digitize {
    /// Pictures and folders; a folder's loose pictures are one component, each sub-folder another
    #[arg(required = true, value_name = "INPUT")]
    pub(super) inputs: Vec<PathBuf>,
    /// Directory for the results
    #[arg(long, short, value_name = "DIR")]
    pub(super) out: PathBuf,
    /// Code of the dossier
    #[arg(long, value_name = "CODE")]
    pub(super) dossier: Option<DossierCode>,
    #[command(flatten)]
    pub(super) key: KeyOptions,
    #[command(flatten)]
    pub(super) making: Making,
    /// Tell what each way of storing the pages would cost
    #[arg(long)]
    pub(super) size_report: bool,
    /// Events for programs on standard output, one JSON line each
    #[arg(long)]
    pub(super) json: bool,
    /// No progress bar and no summary
    #[arg(long, short)]
    pub(super) quiet: bool,
}

/// How components are made: options of every command that makes some.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(super) struct Making {
    /// Leave the components unsigned, to be signed later
    #[arg(long, conflicts_with_all = ["key", "token"])]
    pub(super) no_sign: bool,
    /// Legal profile that the files follow: tt01-2023, nd30-2020, tt05-2025, tt02-2019, custom [default: tt01-2023]
    #[arg(long, value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// PDF/A level [default: 2u]
    #[arg(long, value_name = "2u|2b|1b")]
    pub(super) pdfa: Option<String>,
    /// Whether to read the text
    #[arg(long, value_enum, value_name = "on|off", hide_possible_values = true)]
    pub(super) ocr: Option<Switch>,
    /// Files of the text beside each component, separated by commas
    #[arg(long, value_name = "txt,hocr,alto,tsv,data", value_delimiter = ',')]
    pub(super) transcripts: Option<Vec<String>>,
    /// Store pages in layers, print sharp over a coarser picture, where that is smaller
    #[arg(long)]
    pub(super) mrc: bool,
}

impl Making {
    /// Lays the options over those of the configuration file.
    pub(super) fn overlay(&self, raw: &mut RawConfig) {
        raw.ocr.enabled = self.ocr.map(|ocr| ocr == Switch::On).or(raw.ocr.enabled);
        raw.ocr.transcripts = self.transcripts.clone().unwrap_or(std::mem::take(&mut raw.ocr.transcripts));
        raw.profile.name = self.profile.clone().or(raw.profile.name.take());
        raw.pdf.level = self.pdfa.clone().or(raw.pdf.level.take());
        raw.image.mrc = if self.mrc { Some(true) } else { raw.image.mrc };
        raw.sign.enabled = if self.no_sign { Some(false) } else { raw.sign.enabled };
    }
}

/// Whose key signs: options of every command that signs.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(super) struct KeyOptions {
    /// Signer's PKCS#12 file (.p12, .pfx); `digitize` signs with a development identity where no key is named
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    pub(super) key: Option<PathBuf>,
    /// File whose first line is the key's password [default: SOHOA_KEY_PASSWORD, or asked for]
    #[arg(long, value_name = "FILE")]
    pub(super) key_password_file: Option<PathBuf>,
    /// PKCS#11 module of the signer's token, a shared library (.so)
    #[arg(long, value_name = "MODULE")]
    pub(super) token: Option<PathBuf>,
    /// Number of the slot that holds the token, where there are several
    #[arg(long, value_name = "N", conflicts_with = "token_label")]
    pub(super) slot: Option<u64>,
    /// Label of the token, where there are several
    #[arg(long, value_name = "TEXT")]
    pub(super) token_label: Option<String>,
    /// Label of the key or its certificate on the token, where several could sign
    #[arg(long, value_name = "TEXT")]
    pub(super) key_label: Option<String>,
    /// Certificates (PEM or DER) that the token's descends from, where the token lacks them
    #[arg(long, value_name = "FILE")]
    pub(super) chain: Option<PathBuf>,
    /// File whose first line is the token's PIN, also /dev/fd/N [default: SOHOA_PIN, or asked for]
    #[arg(long, value_name = "FILE")]
    pub(super) pin_file: Option<PathBuf>,
}

impl KeyOptions {
    /// Lays the options over those of the configuration file. A key named here takes the place of the one named there,
    /// with all that belongs to it.
    pub(super) fn overlay(&self, raw: &mut RawSign) {
        if self.key.is_some() || self.token.is_some() {
            *raw = RawSign {
                enabled: raw.enabled,
                key: self.key.clone(),
                token: self.token.clone(),
                slot: None,
                token_label: None,
                key_label: None,
                chain: None,
                ..std::mem::take(raw)
            };
        }
        if self.slot.is_some() || self.token_label.is_some() {
            (raw.slot, raw.token_label) = (self.slot, self.token_label.clone());
        }
        raw.key_label = self.key_label.clone().or(raw.key_label.take());
        raw.chain = self.chain.clone().or(raw.chain.take());
    }
}

#[derive(Debug, ClapArgs)]
pub(super) struct Sign {
    /// PDF files, signed where they lie
    #[arg(required_unless_present = "pending", conflicts_with = "pending", value_name = "FILE")]
    pub(super) pdfs: Vec<PathBuf>,
    /// Output directories of `digitize` in which every waiting component is signed
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pub(super) pending: Vec<PathBuf>,
    /// Directory for signed copies; the files themselves stay as they are
    #[arg(long, short, value_name = "DIR", conflicts_with = "pending")]
    pub(super) out: Option<PathBuf>,
    /// For whom the signature stands: the person who made the copy, or the agency, after that person or by a profile that
    /// asks for it alone [default: whose signature the profile has first]
    #[arg(long, value_enum, value_name = "clerk|agency", hide_possible_values = true)]
    pub(super) role: Option<RoleArg>,
    /// Legal profile that says what is seen of the signature: tt01-2023, nd30-2020, tt05-2025, tt02-2019, custom
    /// [default: tt01-2023]
    #[arg(long, value_name = "NAME")]
    pub(super) profile: Option<String>,
    #[command(flatten)]
    pub(super) key: KeyOptions,
    /// Results for programs on standard output, one JSON line each
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Verify {
    /// Output directories and PDF files
    #[arg(required = true, value_name = "DIR|FILE")]
    pub(super) paths: Vec<PathBuf>,
    /// Certificates (PEM or DER) that signers and timestamp services must descend from
    #[arg(long, value_name = "FILE")]
    pub(super) trust: Vec<PathBuf>,
    /// Findings for programs, one JSON line each
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Upgrade {
    /// Output directories and PDF files
    #[arg(required = true, value_name = "DIR|FILE")]
    pub(super) paths: Vec<PathBuf>,
    /// Level to reach [default: b-lta]
    #[arg(long, value_name = "b-t|b-lt|b-lta")]
    pub(super) level: Option<String>,
    /// Address of the timestamp service, http://...
    #[arg(long, value_name = "URL")]
    pub(super) timestamp: Option<String>,
    /// Renew the document timestamp of files that have the level b-lta
    #[arg(long)]
    pub(super) renew: bool,
    /// Certificates (PEM or DER) that signers and timestamp services must descend from
    #[arg(long, value_name = "FILE")]
    pub(super) trust: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) key: KeyOptions,
    /// Events for programs on standard output, one JSON line each
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Check {
    /// PDF files
    #[arg(required = true, value_name = "FILE")]
    pub(super) pdfs: Vec<PathBuf>,
    /// Legal profile that the files follow: tt01-2023, nd30-2020, tt05-2025, tt02-2019, custom [default: tt01-2023]
    #[arg(long, value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// Findings for programs, one JSON line each
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Log {
    /// Output directory of `digitize`
    #[arg(value_name = "DIR")]
    pub(super) directory: PathBuf,
    /// Entries for programs, one JSON line each
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Extract {
    /// Pictures and folders; a folder's loose pictures are one component, each sub-folder another
    #[arg(required_unless_present = "check_kinds", value_name = "INPUT")]
    pub(super) inputs: Vec<PathBuf>,
    /// Directory for the data: NAME.data.json of each component, data.csv and data.xlsx
    #[arg(long, short, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Folder of further kinds of papers, a TOML file each
    #[arg(long, value_name = "DIR")]
    pub(super) kinds: Option<PathBuf>,
    /// Run the tests that the kinds of a folder bring along, and those of the program's own
    #[arg(long, value_name = "DIR", conflicts_with_all = ["inputs", "out", "kinds"])]
    pub(super) check_kinds: Option<PathBuf>,
    /// What people said of other papers, as --teach prints it, a JSON line each: papers are read after it
    #[arg(long, value_name = "FILE")]
    pub(super) examples: Option<PathBuf>,
    /// Print what the papers teach instead of their data; the file has what somebody said of them, a JSON line a component
    #[arg(long, value_name = "FILE", conflicts_with_all = ["out", "json", "check_kinds"])]
    pub(super) teach: Option<PathBuf>,
    /// Data for programs on standard output, one JSON line a component
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Inspect {
    /// Pictures
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Whether to read the text
    #[arg(long, value_enum, value_name = "on|off", hide_possible_values = true)]
    pub(super) ocr: Option<Switch>,
    /// Folder for pictures of what was found on each capture
    #[arg(long, value_name = "DIR")]
    pub(super) debug: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Scan {
    /// List the scanners that there are
    #[arg(long)]
    pub(super) list: bool,
    /// Name of the scanner, where there are several
    #[arg(long, value_name = "NAME")]
    pub(super) device: Option<String>,
    /// Folder for the pages, which go on after those that are there
    #[arg(long, value_name = "FOLDER", required_unless_present = "list")]
    pub(super) to: Option<PathBuf>,
    /// Code of the dossier
    #[arg(long, value_name = "CODE")]
    pub(super) dossier: Option<DossierCode>,
    /// Name of a component
    #[arg(long, value_name = "NAME")]
    pub(super) component: Option<ComponentName>,
    /// Where the papers are [default: the feeder, where there is one]
    #[arg(long, value_enum, value_name = "flatbed|feeder|duplex", hide_possible_values = true)]
    pub(super) source: Option<SourceArg>,
    /// Resolution, dots per inch [default: 300]
    #[arg(long, value_name = "DPI", value_parser = clap::value_parser!(u32).range(50..=2400))]
    pub(super) dpi: Option<u32>,
    /// Which colours to scan [default: colour]
    #[arg(long, value_enum, value_name = "colour|gray|bilevel", hide_possible_values = true)]
    pub(super) colour: Option<ColourArg>,
    /// Size of the papers: a4, a5, a3, letter or millimetres [default: a4]
    #[arg(long, value_name = "a4|WxH")]
    pub(super) paper: Option<Paper>,
    /// Pages to scan [default: until the feeder is empty; one of a flatbed]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(sohoa::scanner::MAX_PAGES)))]
    pub(super) pages: Option<u32>,
    /// Seconds without a page after which the scanner is taken to hang [default: 180]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(super) timeout: Option<u64>,
    /// Digitise the pages right afterwards, into this directory
    #[arg(long, short, value_name = "DIR", conflicts_with = "list")]
    pub(super) out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) key: KeyOptions,
    /// Leave the components unsigned, to be signed later
    #[arg(long, conflicts_with_all = ["key", "token"])]
    pub(super) no_sign: bool,
    /// Events for programs on standard output, one JSON line each
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Sheet {
    /// Code of the dossier
    #[arg(long, value_name = "CODE", required_unless_present = "separator", conflicts_with = "separator")]
    pub(super) dossier: Option<DossierCode>,
    /// Separator sheets instead of a cover
    #[arg(long)]
    pub(super) separator: bool,
    /// Name of a component
    #[arg(long, value_name = "NAME")]
    pub(super) component: Vec<ComponentName>,
    /// Code of the administrative procedure
    #[arg(long, value_name = "CODE", conflicts_with = "separator")]
    pub(super) procedure: Option<String>,
    /// Copies of each sheet
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=500), default_value = "1",
          hide_default_value = true)]
    pub(super) count: u16,
    /// PDF file to write
    #[arg(long, short, value_name = "FILE")]
    pub(super) out: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum SourceArg {
    Flatbed,
    Feeder,
    Duplex,
}

impl From<SourceArg> for Source {
    fn from(arg: SourceArg) -> Self {
        match arg {
            SourceArg::Flatbed => Self::Flatbed,
            SourceArg::Feeder => Self::Feeder,
            SourceArg::Duplex => Self::Duplex,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ColourArg {
    #[value(alias = "color")]
    Colour,
    #[value(alias = "grey")]
    Gray,
    Bilevel,
}

impl From<ColourArg> for Colour {
    fn from(arg: ColourArg) -> Self {
        match arg {
            ColourArg::Colour => Self::Colour,
            ColourArg::Gray => Self::Gray,
            ColourArg::Bilevel => Self::Bilevel,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum LangArg {
    Vi,
    En,
}

impl From<LangArg> for Lang {
    fn from(arg: LangArg) -> Self {
        match arg {
            LangArg::Vi => Self::Vi,
            LangArg::En => Self::En,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum RoleArg {
    Clerk,
    Agency,
}

impl From<RoleArg> for Role {
    fn from(arg: RoleArg) -> Self {
        match arg {
            RoleArg::Clerk => Self::Clerk,
            RoleArg::Agency => Self::Agency,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Switch {
    On,
    Off,
}

/// The language asked for, looked up before the arguments are parsed, so that help and usage errors speak it too.
pub(super) fn wanted_language(args: impl Iterator<Item = OsString>) -> Option<Lang> {
    let args: Vec<String> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
    let after = args.windows(2).find(|pair| pair[0] == "--lang").map(|pair| pair[1].as_str());
    let joined = args.iter().find_map(|arg| arg.strip_prefix("--lang="));
    let from_environment = std::env::var("SOHOA_LANG").ok();
    match after.or(joined).or(from_environment.as_deref()) {
        Some("en") => Some(Lang::En),
        Some("vi") => Some(Lang::Vi),
        _ => None,
    }
}

/// Vietnamese help: command or argument, text. An argument of several commands has one text.
const VIETNAMESE: &[(&str, &str)] = &[
    ("sohoa", "Biến ảnh giấy tờ thành tệp thành phần hồ sơ PDF/A có chữ ký số"),
    ("digitize", "Số hóa ảnh và thư mục ảnh thành các thành phần hồ sơ đã ký"),
    ("batch", "Số hóa hồ sơ tồn: run, submit, status, pause, resume, retry, report, accept, reject"),
    ("run", "Số hóa mọi hồ sơ của một nguồn, hoặc làm tiếp đợt đã bắt đầu"),
    ("submit", "Như run, nhưng các trang do những máy chạy `sohoa worker` làm, qua NATS JetStream"),
    ("worker", "Làm trang cho các đợt số hóa của máy khác, cho đến khi được dừng"),
    ("worker_name", "Tên của máy này [mặc định: tên máy]"),
    ("nats", "Các máy chủ NATS, nats://MÁY:CỔNG hoặc tls://MÁY:CỔNG, cách nhau bằng dấu phẩy"),
    ("nats_creds", "Tệp quyền truy cập của tài khoản NATS"),
    ("nats_ca", "Chứng thư gốc (PEM) của máy chủ [mặc định: của hệ thống]"),
    ("nats_cert", "Chứng thư (PEM) của máy này, khi máy chủ đòi"),
    ("nats_key", "Khóa của chứng thư đó (PEM)"),
    ("replicas", "Số bản sao mọi thứ trong cụm máy chủ, 1 đến 5 [mặc định: 1]"),
    ("in_flight", "Số trang gửi đi cùng lúc [mặc định: 32]"),
    ("detach", "Không đợi: chạy nền, xem bằng batch status"),
    ("status", "Cho biết đợt số hóa đến đâu"),
    ("pause", "Tạm dừng: xong các trang đang làm rồi đợi"),
    ("resume", "Làm tiếp sau khi tạm dừng"),
    ("retry", "Làm lại các hồ sơ lỗi hoặc có tệp không đọc được"),
    ("report", "Lập báo cáo: trang HTML, bảng CSV và JSON"),
    ("accept", "Nghiệm thu một hộp là đạt sau khi xem các trang lấy mẫu"),
    ("reject", "Trả lại một hộp không đạt, kèm lý do"),
    ("run source", "Thư mục nguồn có các hộp hoặc hồ sơ; bỏ trống thì làm tiếp đợt đã bắt đầu"),
    ("submit source", "Thư mục nguồn có các hộp hoặc hồ sơ; bỏ trống thì làm tiếp đợt đã bắt đầu"),
    ("index", "Mục lục hồ sơ (.csv, .xlsx, .xls, .ods) có cột `Mã hồ sơ`"),
    ("layout", "Cách xếp thư mục: auto, box/dossier/component, dossier/component, box/dossier/file, dossier/file"),
    ("sample", "Tỷ lệ phần trăm số trang để người xem kiểm tra [mặc định: 5]"),
    ("plan", "Chỉ đếm hồ sơ, tệp, trang và ước tính thời gian, không làm"),
    ("output", "Thư mục kết quả của đợt số hóa"),
    ("retry name", "Chỉ hồ sơ có mã hoặc thư mục này"),
    ("name", "Tên"),
    ("box_name", "Tên hộp"),
    ("by", "Người nghiệm thu"),
    ("reason", "Lý do"),
    ("sign", "Ký số tệp PDF, hoặc các thành phần đang chờ ký"),
    ("verify", "Kiểm tra tệp theo bản kê khai, chữ ký số và cấu trúc"),
    ("check", "Xét tệp PDF theo một bộ quy định"),
    ("profile", "Bộ quy định cho tệp: tt01-2023, nd30-2020, tt05-2025, tt02-2019, custom [mặc định: tt01-2023]"),
    ("log", "In nhật ký của một thư mục kết quả và kiểm tra nhật ký"),
    ("package", "Đóng gói hồ sơ để nộp lưu trữ (gói tin SIP) từ các thư mục kết quả"),
    ("directories", "Thư mục kết quả của digitize, mỗi thư mục một hồ sơ"),
    ("package out", "Thư mục chứa các gói"),
    ("metadata", "Tệp TOML hoặc CSV đặc tả hồ sơ và tài liệu (docs/packages.md)"),
    (
        "file_name",
        "Tên tệp trong gói: tt05-2025, tt02-2019, cv7197, hoặc mẫu như {dossier}.{number:3} [mặc định: tt05-2025]",
    ),
    ("leave_out", "Bỏ ra ngoài gói các thành phần chưa ký hoặc thiếu trang"),
    ("allow_missing", "Đóng gói kể cả khi còn trường bắt buộc bỏ trống"),
    ("extract", "Bóc tách dữ liệu giấy tờ: loại, số ký hiệu, ngày, họ tên, kèm kiểm tra và độ tin cậy"),
    ("extract out", "Thư mục ghi dữ liệu: TÊN.data.json của mỗi thành phần, data.csv và data.xlsx"),
    ("kinds", "Thư mục có thêm loại giấy tờ, mỗi loại một tệp TOML"),
    ("examples", "Những gì người dùng đã nói về giấy tờ khác, mỗi ví dụ một dòng JSON do --teach in ra: đọc theo đó"),
    (
        "teach",
        "In điều học được từ giấy tờ thay vì dữ liệu; tệp có điều người dùng nói về giấy tờ, mỗi thành phần một dòng JSON",
    ),
    ("check_kinds", "Chạy các phép thử kèm theo loại giấy tờ trong thư mục và trong chương trình"),
    ("inspect", "Cho biết những gì nhận ra trên ảnh, mỗi ảnh một dòng JSON"),
    ("upgrade", "Thêm dấu thời gian và dữ liệu thu hồi vào tệp đã ký để chữ ký có giá trị lâu dài"),
    ("level", "Mức chữ ký cần đạt [mặc định: b-lta]"),
    ("timestamp", "Địa chỉ dịch vụ cấp dấu thời gian, http://..."),
    ("renew", "Gia hạn dấu thời gian của tệp đã ở mức b-lta"),
    ("serve", "Theo dõi thư mục và số hóa những gì đến, cho đến khi được dừng"),
    ("watch", "Thư mục cần theo dõi, thay cho các thư mục trong tệp cấu hình; dùng được nhiều lần"),
    ("listen", "Địa chỉ để trả lời qua HTTP, ví dụ 127.0.0.1:8080; không có thì không mở"),
    ("pair", "Cho điện thoại gửi ảnh vào một hồ sơ bằng mã QR"),
    ("hours", "Số giờ mã QR có hiệu lực, 1 đến 168 [mặc định: 8]"),
    ("url", "Địa chỉ mà điện thoại vào được, http://máy:cổng [mặc định: địa chỉ dịch vụ đang nghe]"),
    ("revoke", "Thu hồi mọi mã QR của hồ sơ thay vì lập mã mới"),
    ("data", "Thư mục của kho [mặc định: /var/lib/sohoa nếu có, nếu không thì sohoa trong thư mục dữ liệu người dùng]"),
    ("sohoa dossier", "Hồ sơ trong kho: list, show, attach, pair, deliver, export"),
    ("list", "Liệt kê hồ sơ và những gì chờ xếp"),
    ("show", "Cho xem các thành phần của một hồ sơ, hoặc những gì chờ xếp"),
    ("attach", "Xếp ảnh gốc đang chờ vào một thành phần hồ sơ"),
    ("export", "Xuất tệp của một hồ sơ cùng bản ghi cho cổng dịch vụ công ra thư mục hoặc tệp zip"),
    ("deliver", "Giao lại những gì nơi nhận đã từ chối hoặc chưa nhận"),
    ("dossier_code", "Mã hồ sơ; show không có mã thì cho xem những gì chờ xếp, deliver thì giao lại mọi hồ sơ"),
    ("component", "Tên thành phần hồ sơ"),
    ("captures", "Số của các ảnh gốc đang chờ, theo thứ tự trang"),
    ("waiting", "Số của một thành phần chờ xếp: lấy mọi ảnh gốc của nó, theo thứ tự"),
    ("component_code", "Mã thành phần hồ sơ trong danh mục của thủ tục"),
    ("result_code", "Mã loại giấy tờ kết quả, nếu là kết quả, ví dụ KQ.G15.000031"),
    ("to", "Thư mục hoặc tệp zip (.zip) nhận hồ sơ"),
    ("personal", "Kho giấy tờ của tổ chức, cá nhân: check, export"),
    ("personal check", "Đọc mọi giấy tờ trong kho và cho biết chỗ hỏng"),
    ("personal export", "Chép giấy tờ của một chủ hoặc mọi chủ ra thư mục và so từng byte"),
    ("papers_to", "Thư mục nhận giấy tờ"),
    ("owner", "Số định danh của một chủ giấy tờ [mặc định: mọi chủ]"),
    ("procedures", "Danh mục thủ tục: import, list"),
    ("import", "Nhập các thủ tục trong một tệp CSV vào danh mục, tất cả hoặc không gì cả"),
    ("table", "Tệp bảng; docs/codes.md nêu các cột"),
    ("procedures list", "Liệt kê các thủ tục trong danh mục, hoặc giấy tờ của một thủ tục"),
    ("procedure_code", "Mã thủ tục"),
    ("store", "Kho: check, backup, figures, restore"),
    ("store check", "Đọc mọi thứ trong kho và cho biết chỗ hỏng"),
    ("backup", "Sao lưu kho, kể cả khi dịch vụ đang chạy"),
    ("target", "Thư mục chứa bản sao lưu; bản cũ ở đó được cập nhật"),
    ("figures", "Đếm hồ sơ đã số hóa và điểm số hóa trong Bộ chỉ số, để tham khảo"),
    ("from", "Ngày tiếp nhận đầu tiên, ví dụ 2026-11-01 [mặc định: đầu tháng này]"),
    ("until", "Ngày tiếp nhận cuối cùng [mặc định: hôm nay]"),
    ("csv", "In bảng cho phần mềm văn phòng"),
    ("restore", "Lập kho từ bản sao lưu"),
    ("copy", "Thư mục chứa bản sao lưu"),
    ("user", "Tài khoản của người dùng tại quầy: add, list, passwd, disable"),
    ("add", "Tạo tài khoản cho một người"),
    ("user list", "Liệt kê các tài khoản"),
    ("passwd", "Đổi mật khẩu của một tài khoản và kết thúc các phiên của tài khoản đó"),
    ("disable", "Khóa một tài khoản và kết thúc các phiên của tài khoản đó"),
    ("account", "Tên tài khoản: chữ cái không dấu, chữ số, `.`, `_`, `-`"),
    (
        "add role",
        "Vai trò: clerk = cán bộ số hóa, officer = cán bộ xử lý, supervisor = người phụ trách, admin = quản trị",
    ),
    ("password_file", "Tệp có dòng đầu là mật khẩu, kể cả /dev/fd/N [mặc định: SOHOA_PASSWORD, hoặc hỏi]"),
    ("undo", "Mở lại tài khoản"),
    ("scan", "Quét giấy tờ vào một thư mục bằng máy quét của máy này hoặc trong mạng"),
    ("scan list", "Liệt kê các máy quét tìm thấy"),
    ("device", "Tên máy quét, khi có nhiều máy"),
    ("scan to", "Thư mục ghi các trang, đánh số tiếp theo các trang đã có"),
    (
        "source",
        "Giấy ở đâu: flatbed = mặt kính, feeder = khay nạp, duplex = khay nạp hai mặt [mặc định: khay nạp nếu có]",
    ),
    ("dpi", "Độ phân giải, điểm trên inch [mặc định: 300]"),
    ("colour", "Màu: colour, gray = xám, bilevel = đen trắng [mặc định: colour]"),
    ("paper", "Khổ giấy: a4, a5, a3, letter, hoặc RỘNGxCAO tính bằng mm [mặc định: a4]"),
    ("pages", "Số trang cần quét [mặc định: đến khi hết giấy trong khay; mặt kính: một trang]"),
    ("timeout", "Số giây không có trang nào thì coi là máy quét bị treo [mặc định: 180]"),
    ("search", "Tìm trang theo chữ trên trang và theo thông tin của giấy tờ"),
    ("words", "Từ cần tìm, có dấu hoặc không dấu; các từ trong ngoặc kép phải đứng liền nhau"),
    ("owner", "Họ tên người có giấy tờ, hoặc vài từ trong đó"),
    ("number", "Số, ký hiệu của giấy tờ"),
    ("identity", "Số định danh của người có giấy tờ, 12 hoặc 9 chữ số"),
    ("kind", "Loại giấy tờ"),
    ("from", "Từ ngày của giấy tờ, dạng 2025-03-14 hoặc 14/03/2025"),
    ("until", "Đến ngày của giấy tờ, dạng 2025-03-14 hoặc 14/03/2025"),
    ("exact", "Chỉ lấy từ có đúng dấu như đã gõ"),
    ("skip", "Bỏ qua số kết quả đầu tiên này [mặc định: 0]"),
    ("most", "Số kết quả cho xem, 1 đến 200 [mặc định: 20]"),
    ("sheet", "In tờ bìa hồ sơ và tờ phân cách để đặt vào tập giấy quét"),
    ("separator", "In tờ phân cách thay cho tờ bìa"),
    ("procedure", "Mã thủ tục hành chính"),
    ("count", "Số bản của mỗi tờ"),
    ("doctor", "Xem mọi thứ cần thiết có đủ và đúng không, và cho biết cách sửa"),
    ("scanner", "Tìm cả máy quét"),
    ("completions", "In phần gợi ý lệnh cho một trình dòng lệnh"),
    ("manpage", "In trang hướng dẫn"),
    ("help", "In hướng dẫn"),
    ("version", "In phiên bản"),
    ("lang", "Ngôn ngữ thông báo [mặc định: vi]"),
    ("config", "Tệp cấu hình"),
    ("models", "Thư mục chứa mô hình nhận dạng chữ"),
    ("jobs", "Số luồng xử lý [mặc định: bằng số bộ xử lý]"),
    ("memory", "Bộ nhớ cho các trang đang xử lý, MiB [mặc định: một nửa bộ nhớ máy]"),
    ("inputs", "Ảnh và thư mục; ảnh nằm lẻ trong thư mục là một thành phần, mỗi thư mục con là một thành phần"),
    ("out", "Thư mục kết quả; sheet: tệp PDF"),
    ("dossier", "Mã hồ sơ"),
    ("key", "Tệp khóa PKCS#12 (.p12, .pfx) của người ký; digitize không có khóa thì ký thử, không có giá trị pháp lý"),
    ("key_password_file", "Tệp có dòng đầu là mật khẩu khóa [mặc định: SOHOA_KEY_PASSWORD, hoặc hỏi]"),
    ("token", "Mô-đun PKCS#11 (.so) của thiết bị ký (token)"),
    ("slot", "Số khe cắm của thiết bị ký, khi có nhiều thiết bị"),
    ("token_label", "Nhãn của thiết bị ký, khi có nhiều thiết bị"),
    ("key_label", "Nhãn của khóa hoặc chứng thư trên thiết bị, khi có nhiều khóa"),
    ("chain", "Tệp chứng thư cấp trên (PEM hoặc DER), khi thiết bị không có sẵn"),
    ("pin_file", "Tệp có dòng đầu là mã PIN, kể cả /dev/fd/N [mặc định: SOHOA_PIN, hoặc hỏi]"),
    ("pdfs", "Tệp PDF; sign ký ngay tại chỗ"),
    ("pending", "Thư mục kết quả của digitize: ký mọi thành phần đang chờ ký"),
    ("role", "Ký với tư cách: clerk = người sao chụp, agency = cơ quan [mặc định: theo bộ quy định]"),
    ("no_sign", "Chưa ký, để ký sau (chờ ký)"),
    ("pdfa", "Mức PDF/A [mặc định: 2u]"),
    ("ocr", "Có nhận dạng chữ hay không"),
    ("transcripts", "Tệp văn bản kèm theo mỗi thành phần, cách nhau bằng dấu phẩy"),
    ("mrc", "Lưu trang theo lớp, chữ in sắc nét trên ảnh nền thưa hơn, nếu nhỏ hơn"),
    ("size_report", "Cho biết dung lượng của từng cách lưu trang"),
    ("json", "Kết quả cho chương trình khác đọc, mỗi sự kiện một dòng JSON"),
    ("quiet", "Không hiện tiến độ và bảng tổng kết"),
    ("paths", "Thư mục kết quả và tệp PDF"),
    ("directory", "Thư mục kết quả của digitize"),
    ("trust", "Chứng thư gốc (PEM hoặc DER) mà người ký và dịch vụ dấu thời gian phải thuộc về"),
    ("files", "Ảnh"),
    ("debug", "Thư mục ghi các hình cho thấy những gì nhận ra trên từng ảnh"),
    ("shell", "Trình dòng lệnh"),
];

fn vietnamese(name: &str) -> Option<&'static str> {
    VIETNAMESE.iter().find(|(key, _)| *key == name).map(|(_, text)| *text)
}

/// The command with its help in the given language.
pub(super) fn localized(command: clap::Command, lang: Lang) -> clap::Command {
    if lang == Lang::En {
        return command;
    }
    // Built first, for clap's own -h, -V and `help` to be there.
    let mut command = command;
    command.build();
    in_vietnamese(command, "")
}

/// `parent` is the command that this one belongs to. Some names mean something else in one command than in others: there
/// the command's name stands before them.
fn in_vietnamese(command: clap::Command, parent: &str) -> clap::Command {
    let name = command.get_name().to_owned();
    let command = match vietnamese(&format!("{parent} {name}")).or_else(|| vietnamese(&name)) {
        Some(text) => command.about(text),
        None => command,
    };
    command
        .help_template(VIETNAMESE_TEMPLATE)
        .subcommand_help_heading("Lệnh")
        .mut_args(|arg| {
            let id = arg.get_id().as_str();
            let arg = match vietnamese(&format!("{name} {id}")).or_else(|| vietnamese(id)) {
                Some(text) => arg.help(text),
                None => arg,
            };
            let heading = if arg.is_positional() { "Đối số" } else { "Tùy chọn" };
            arg.help_heading(heading)
        })
        .mut_subcommands(|sub| in_vietnamese(sub, &name))
}

/// clap's own template with its one English word translated.
const VIETNAMESE_TEMPLATE: &str = "{before-help}{about-with-newline}\nCách dùng: {usage}\n\n{all-args}{after-help}";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn names(command: &clap::Command, found: &mut Vec<String>) {
        found.push(command.get_name().to_owned());
        found.extend(command.get_subcommands().map(|sub| format!("{} {}", command.get_name(), sub.get_name())));
        found.extend(command.get_arguments().map(|arg| format!("{} {}", command.get_name(), arg.get_id())));
        found.extend(command.get_arguments().map(|arg| arg.get_id().to_string()));
        command.get_subcommands().for_each(|sub| names(sub, found));
    }

    #[test]
    fn every_command_and_argument_speaks_vietnamese() {
        let mut found = Vec::new();
        names(&Args::command(), &mut found);
        let is_pair = |name: &&String| name.contains(' ');
        let missing: Vec<_> = found.iter().filter(|name| !is_pair(name) && vietnamese(name).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert!(
            VIETNAMESE.iter().all(|(key, _)| found.iter().any(|name| name == key) || ["help", "version"].contains(key))
        );
    }

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn language_is_found_wherever_it_stands() {
        let of = |args: &[&str]| wanted_language(args.iter().map(OsString::from));
        assert_eq!(of(&["sohoa", "verify", "x", "--lang", "en"]), Some(Lang::En));
        assert_eq!(of(&["sohoa", "--lang=en", "verify"]), Some(Lang::En));
        assert_eq!(of(&["sohoa", "verify", "--lang", "vi"]), Some(Lang::Vi));
    }
}
