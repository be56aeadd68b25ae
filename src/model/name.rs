//! Names of components.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::{Lang, Localized};

/// Most characters of a name: what portals allow the code of a component.
pub const MAX_COMPONENT_NAME_CHARACTERS: usize = 50;

/// Characters that not every file system takes in a name, and the one that ends a field of a sheet's code.
const FORBIDDEN: &[char] = &['/', '\\', ':', '*', '?', '"', '<', '>', '|'];

/// Name of a dossier component (*thành phần hồ sơ*) as people write it, checked: NFC, one to
/// [`MAX_COMPONENT_NAME_CHARACTERS`] characters, and a name that a folder may have on any file system and that no watcher
/// takes for a temporary file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ComponentName(String);

/// The text is no name of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a name of a component; it has 1 to {MAX_COMPONENT_NAME_CHARACTERS} characters, none of / \\ : * ? \" < > |, and \
     does not start or end with . or ~"
)]
pub struct NotAComponentName;

impl Localized for NotAComponentName {
    fn message(&self, lang: Lang) -> String {
        match lang {
            Lang::Vi => format!(
                "tên thành phần không đúng; tên có từ 1 đến {MAX_COMPONENT_NAME_CHARACTERS} ký tự, không chứa \
                 / \\ : * ? \" < > | và không bắt đầu hoặc kết thúc bằng . hoặc ~"
            ),
            Lang::En => self.to_string(),
        }
    }
}

impl ComponentName {
    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ComponentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ComponentName> for String {
    fn from(name: ComponentName) -> Self {
        name.0
    }
}

impl TryFrom<String> for ComponentName {
    type Error = NotAComponentName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for ComponentName {
    type Err = NotAComponentName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name: String = text.split_whitespace().collect::<Vec<_>>().join(" ").nfc().collect();
        let length = name.chars().count();
        let at_an_end = |c: char| matches!(c, '.' | '~');
        let valid = (1..=MAX_COMPONENT_NAME_CHARACTERS).contains(&length)
            && !name.contains(|c: char| c.is_control() || FORBIDDEN.contains(&c))
            && !name.starts_with(at_an_end)
            && !name.ends_with(at_an_end);
        if valid { Ok(Self(name)) } else { Err(NotAComponentName) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_put_into_one_form() {
        let name = |text: &str| text.parse::<ComponentName>().map(String::from);
        assert_eq!(name("  Giâ\u{301}y   khai sinh "), Ok("Giấy khai sinh".to_owned()));
        assert_eq!(name(&"ấ".repeat(50)), Ok("ấ".repeat(50)));
    }

    #[test]
    fn what_a_folder_cannot_be_called_everywhere_is_no_name() {
        let long = "a".repeat(51);
        for text in ["", " ", "..", ".an", "tạm~", "~tạm", "a.", "a/b", "a\\b", "C:", "a*", "a\u{7}b", &long] {
            assert_eq!(text.parse::<ComponentName>(), Err(NotAComponentName), "{text:?}");
        }
    }
}
