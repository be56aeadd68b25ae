//! Legal profiles as data: what a file must satisfy. The writer follows a profile, `sohoa check` judges by it.
//!
//! Each requirement carries the clause it comes from and how sure we are of it ([`Source`]): read in the law's own words,
//! known only from programs that implement the rule, or no law at all but a setting. All values can be changed in
//! `sohoa.toml`; what is changed there is a setting from then on. This is no legal advice.

use serde::{Deserialize, Serialize};

use crate::model::{Lang, Role};
use crate::pdf::writer::PdfaLevel;

/// Largest file of all profiles, bytes. No regulation that we know of names a figure; portals usually take 5 to 20 MB.
pub const MAX_BYTES: u64 = 5_000_000;

/// Where a requirement comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "clause", rename_all = "kebab-case")]
pub enum Source {
    /// A clause of a regulation, seen in its own words or quoted.
    Law(&'static str),
    /// A regulation as other programs implement it; its own words were not compared.
    Practice(&'static str),
    /// No regulation: a value of the profile or of the configuration.
    Setting,
}

impl Source {
    /// The clause for people, with a warning where it was not compared.
    pub fn shown(self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Law(clause), _) => clause.to_owned(),
            (Self::Practice(clause), Lang::Vi) => format!("{clause}, theo cách các phần mềm khác làm"),
            (Self::Practice(clause), Lang::En) => format!("{clause}, as other programs implement it"),
            (Self::Setting, _) => {
                lang.pick("giá trị cấu hình, không phải quy định", "a setting, not a regulation").to_owned()
            }
        }
    }
}

/// A value and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule<T> {
    /// What is required.
    pub value: T,
    /// Why.
    pub source: Source,
}

impl<T> Rule<T> {
    /// A value of ours.
    pub fn setting(value: T) -> Self {
        Self { value, source: Source::Setting }
    }

    /// Takes the value over as a setting, if there is one.
    fn change(&mut self, value: Option<T>) {
        if let Some(value) = value {
            *self = Self::setting(value);
        }
    }
}

/// Corner of the first page for the box of the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Corner {
    /// Top left (*góc trên bên trái*).
    TopLeft,
    /// Top right (*góc trên bên phải*).
    TopRight,
}

impl Corner {
    /// The name for people.
    pub fn shown(self, lang: Lang) -> &'static str {
        match self {
            Self::TopLeft => lang.pick("góc trên bên trái", "top left"),
            Self::TopRight => lang.pick("góc trên bên phải", "top right"),
        }
    }
}

/// A line of the box of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Item {
    /// Name of the person who copied the paper (*người sao chụp*).
    Name,
    /// Form of the copy (*hình thức sao*), for example *Sao y*.
    Form,
    /// Name of the agency (*tên cơ quan*).
    Agency,
    /// Time of signing, ISO 8601 with `+07:00`.
    Time,
}

/// What is seen of the signature.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mark {
    /// Where its box stands on the first page.
    pub corner: Corner,
    /// Its lines, from top to bottom.
    pub lines: Vec<Item>,
    /// Whether the picture of the seal stands beside them.
    pub seal: bool,
}

/// How files are to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileName {
    /// After the component, any name.
    Any,
    /// Code of the dossier, a full stop, number of the document in the dossier: `G09.2021.01.001.001.pdf`.
    DossierOrdinal,
}

impl FileName {
    /// Digits of the ordinal.
    const ORDINAL_DIGITS: usize = 3;

    /// The name, without extension, of the document with this number in a dossier.
    pub fn ordinal(dossier: &str, number: usize) -> String {
        format!("{dossier}.{number:0width$}", width = Self::ORDINAL_DIGITS)
    }

    /// Number of the document in the dossier from a file name with this extension, a version such as `.v2` left aside.
    pub fn number(name: &str) -> Option<usize> {
        let stem = name.strip_suffix(".pdf")?;
        let is_version = |part: &str| part.strip_prefix('v').is_some_and(|number| number.parse::<u32>().is_ok());
        let stem = match stem.rsplit_once('.') {
            Some((before, version)) if is_version(version) => before,
            _ => stem,
        };
        let (dossier, number) = stem.rsplit_once('.')?;
        let of_code = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
        let is_ordinal = number.len() == Self::ORDINAL_DIGITS && number.bytes().all(|byte| byte.is_ascii_digit());
        (is_ordinal && !dossier.is_empty() && dossier.chars().all(of_code)).then(|| number.parse().ok())?
    }

    /// Whether a file may be called so.
    pub fn permits(self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::DossierOrdinal => Self::number(name).is_some(),
        }
    }
}

/// What a file must satisfy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Profile {
    /// Name as in `--profile`.
    pub name: &'static str,
    /// Least version of PDF.
    pub least_version: Rule<(u8, u8)>,
    /// PDF/A levels of which the file claims one; empty where none is asked for.
    pub levels: Rule<Vec<PdfaLevel>>,
    /// Whether page images are in colour, 24 bits a pixel.
    pub colour: Rule<bool>,
    /// Least resolution of page images, pixels an inch.
    pub least_dpi: Rule<f64>,
    /// Whether pages have the size of the paper (*tỷ lệ 100%*).
    pub true_scale: Rule<bool>,
    /// Whether the text can be searched (*hai lớp*).
    pub text: Rule<bool>,
    /// Whose signature it has, or has first. No value of the configuration changes it.
    pub signatory: Role,
    /// What is seen of the signature; `None` where no signature is asked for.
    pub mark: Rule<Option<Mark>>,
    /// How the file is called.
    pub file_name: Rule<FileName>,
    /// Largest file, bytes.
    pub max_bytes: Rule<u64>,
}

/// Names of all profiles, the default first.
pub const NAMES: [&str; 5] = ["tt01-2023", "nd30-2020", "tt05-2025", "tt02-2019", "custom"];

/// Values of `[profile]` in `sohoa.toml` that change a profile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// See [`Profile::least_version`].
    pub least_version: Option<(u8, u8)>,
    /// See [`Profile::levels`].
    pub levels: Option<Vec<PdfaLevel>>,
    /// See [`Profile::colour`].
    pub colour: Option<bool>,
    /// See [`Profile::least_dpi`].
    pub least_dpi: Option<f64>,
    /// See [`Profile::true_scale`].
    pub true_scale: Option<bool>,
    /// See [`Profile::text`].
    pub text: Option<bool>,
    /// Whether a visible signature is asked for.
    pub signature: Option<bool>,
    /// See [`Mark::corner`].
    pub corner: Option<Corner>,
    /// See [`Mark::lines`].
    pub lines: Option<Vec<Item>>,
    /// See [`Mark::seal`].
    pub seal: Option<bool>,
    /// See [`Profile::file_name`].
    pub file_name: Option<FileName>,
    /// See [`Profile::max_bytes`].
    pub max_bytes: Option<u64>,
}

impl Profile {
    /// The profile of this name; `None` for a name not in [`NAMES`].
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "tt01-2023" => Self::tt01_2023(),
            "nd30-2020" => Self::nd30_2020(),
            "tt05-2025" => Self::tt05_2025(),
            "tt02-2019" => Self::tt02_2019(),
            "custom" => Self::custom(),
            _ => return None,
        })
    }

    /// A component of a dossier (*thành phần hồ sơ*), signed by the person who digitised it, TT 01/2023/TT-VPCP.
    fn tt01_2023() -> Self {
        const PARAMETERS: Source = Source::Law("TT 01/2023/TT-VPCP Điều 8.2, thông số của TT 02/2019/TT-BNV");
        Self {
            name: "tt01-2023",
            mark: Rule {
                value: Some(Mark { corner: Corner::TopLeft, lines: vec![Item::Name, Item::Time], seal: false }),
                source: Source::Law("TT 01/2023/TT-VPCP Điều 8.1"),
            },
            ..Self::of_scans(PARAMETERS)
        }
    }

    /// An electronic copy (*sao y, sao lục, trích sao*) made by an agency, NĐ 30/2020/NĐ-CP.
    fn nd30_2020() -> Self {
        Self {
            name: "nd30-2020",
            signatory: Role::Agency,
            mark: Rule {
                value: Some(Mark {
                    corner: Corner::TopRight,
                    lines: vec![Item::Form, Item::Agency, Item::Time],
                    seal: false,
                }),
                source: Source::Law("NĐ 30/2020/NĐ-CP Phụ lục I, chữ ký số trên bản sao điện tử"),
            },
            ..Self::of_scans(Source::Law("NĐ 30/2020/NĐ-CP Phụ lục I, Phần II, Mục I.2"))
        }
    }

    /// A document for the digital archive, TT 05/2025/TT-BNV.
    fn tt05_2025() -> Self {
        const SOURCE: Source = Source::Practice("TT 05/2025/TT-BNV");
        Self {
            name: "tt05-2025",
            signatory: Role::Agency,
            levels: Rule { value: ALL_LEVELS.to_vec(), source: SOURCE },
            text: Rule { value: true, source: SOURCE },
            file_name: Rule { value: FileName::DossierOrdinal, source: SOURCE },
            mark: Rule { value: Some(Self::archive_mark()), source: SOURCE },
            ..Self::of_scans(SOURCE)
        }
    }

    /// A document of an archive, TT 02/2019/TT-BNV.
    fn tt02_2019() -> Self {
        const SOURCE: Source = Source::Law("TT 02/2019/TT-BNV");
        Self {
            name: "tt02-2019",
            signatory: Role::Agency,
            file_name: Rule { value: FileName::DossierOrdinal, source: SOURCE },
            mark: Rule { value: Some(Self::archive_mark()), source: SOURCE },
            ..Self::of_scans(SOURCE)
        }
    }

    /// No regulation: what `[profile]` of `sohoa.toml` says, beginning with the values that components have.
    fn custom() -> Self {
        let mark = Rule::setting(Self::tt01_2023().mark.value);
        Self { name: "custom", mark, ..Self::of_scans(Source::Setting) }
    }

    /// The agency's seal in red at true size, name and time (TT 01/2019/TT-BNV, TT 02/2019/TT-BNV).
    fn archive_mark() -> Mark {
        Mark { corner: Corner::TopRight, lines: vec![Item::Agency, Item::Time], seal: true }
    }

    /// What all profiles have in common: PDF 1.4, colour, 200 dpi, 100 %.
    fn of_scans(source: Source) -> Self {
        Self {
            name: "",
            signatory: Role::Clerk,
            least_version: Rule { value: (1, 4), source },
            levels: Rule::setting(ALL_LEVELS.to_vec()),
            colour: Rule { value: true, source },
            least_dpi: Rule { value: 200.0, source },
            true_scale: Rule { value: true, source },
            text: Rule::setting(false),
            mark: Rule::setting(None),
            file_name: Rule::setting(FileName::Any),
            max_bytes: Rule::setting(MAX_BYTES),
        }
    }

    /// The profile with these values instead of its own.
    #[must_use]
    pub fn changed(mut self, changes: Changes) -> Self {
        self.least_version.change(changes.least_version);
        self.levels.change(changes.levels);
        self.colour.change(changes.colour);
        self.least_dpi.change(changes.least_dpi);
        self.true_scale.change(changes.true_scale);
        self.text.change(changes.text);
        self.file_name.change(changes.file_name);
        self.max_bytes.change(changes.max_bytes);
        if changes.signature == Some(false) {
            self.mark = Rule::setting(None);
        }
        if let Some(mark) = &self.mark.value
            && (changes.corner.is_some()
                || changes.lines.is_some()
                || changes.seal.is_some_and(|seal| seal != mark.seal))
        {
            self.mark = Rule::setting(Some(Mark {
                corner: changes.corner.unwrap_or(mark.corner),
                lines: changes.lines.unwrap_or_else(|| mark.lines.clone()),
                seal: changes.seal.unwrap_or(mark.seal),
            }));
        }
        self
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::tt01_2023()
    }
}

/// The levels that sohoa writes, the one it prefers first.
pub const ALL_LEVELS: [PdfaLevel; 4] = [PdfaLevel::A2u, PdfaLevel::A2b, PdfaLevel::A1b, PdfaLevel::A3b];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_profile_and_the_first_is_the_default() {
        for name in NAMES {
            assert_eq!(Profile::named(name).unwrap().name, name);
        }
        assert_eq!(Profile::default().name, NAMES[0]);
        assert!(Profile::named("tt99").is_none());
    }

    #[test]
    fn what_is_changed_is_a_setting() {
        let changes = Changes { least_dpi: Some(300.0), corner: Some(Corner::TopRight), ..Changes::default() };
        let profile = Profile::default().changed(changes);
        assert_eq!((profile.least_dpi.value, profile.least_dpi.source), (300.0, Source::Setting));
        assert_eq!(profile.mark.source, Source::Setting);
        assert_eq!(profile.mark.value.unwrap().corner, Corner::TopRight);
        assert_eq!(profile.colour, Profile::default().colour);
        let unsigned = Profile::default().changed(Changes { signature: Some(false), ..Changes::default() });
        assert_eq!(unsigned.mark, Rule::setting(None));
    }

    #[test]
    fn a_custom_profile_claims_no_law() {
        let profile = Profile::named("custom").unwrap();
        assert!(!serde_json::to_string(&profile).unwrap().contains("law"));
    }

    #[test]
    fn ordinals_are_written_and_read() {
        assert_eq!(FileName::ordinal("G09.2021.01.001", 1), "G09.2021.01.001.001");
        for (name, number) in [
            ("G09.2021.01.001.001.pdf", Some(1)),
            ("H21.15.25-261121-0001.012.pdf", Some(12)),
            ("H21.15.25-261121-0001.012.v2.pdf", Some(12)),
            ("to-khai.pdf", None),
            ("H21.15.25-261121-0001.pdf", None),
            ("H21.15.25-261121-0001.12.pdf", None),
            ("h21.012.pdf", None),
            (".012.pdf", None),
            ("H21.012.PDF", None),
        ] {
            assert_eq!(FileName::number(name), number, "{name}");
            assert_eq!(FileName::DossierOrdinal.permits(name), number.is_some());
            assert!(FileName::Any.permits(name));
        }
    }
}
