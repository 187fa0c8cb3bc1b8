//! Light, dark, or what the system says.
//!
//! The choice lives in a cookie, so that the server writes it onto `<html>` and no page flashes in the wrong colours.

use serde::{Deserialize, Serialize};

/// The cookie that carries the choice.
pub const COOKIE: &str = "theme";

/// The attribute of `<html>` that the style sheet looks at.
pub const ATTRIBUTE: &str = "data-theme";

/// Which colours a person wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Theme {
    /// Always light.
    Light,
    /// Always dark.
    Dark,
    /// As the operating system has it.
    #[default]
    System,
}

impl Theme {
    /// All of them, in the order of the switch.
    pub const ALL: [Self; 3] = [Self::Light, Self::Dark, Self::System];

    /// The word of the cookie and of the attribute.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
            Self::System => "system",
        }
    }

    /// What the switch calls it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Light => "Light theme",
            Self::Dark => "Dark theme",
            Self::System => "Theme of the system",
        }
    }

    /// Reads it from a `Cookie` header; anything unknown is the system's theme.
    pub fn from_cookies(header: &str) -> Self {
        header
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == COOKIE)
            .and_then(|(_, word)| Self::ALL.into_iter().find(|theme| theme.as_str() == word))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_words_choose_a_theme() {
        assert_eq!(Theme::from_cookies("theme=dark"), Theme::Dark);
        assert_eq!(
            Theme::from_cookies("__Host-session=abc; theme=light; other=dark"),
            Theme::Light
        );
        assert_eq!(Theme::from_cookies("theme=\"><script>"), Theme::System);
        assert_eq!(Theme::from_cookies("mytheme=dark"), Theme::System);
        assert_eq!(Theme::from_cookies(""), Theme::System);
    }
}
