//! `~/.lcp` as text: sections, `key = value`, and everything else as it was.
//!
//! The file belongs to the person: other programs write into it and people do by hand, so what is not understood here is
//! kept to the letter, comments and order included.

/// A file of sections with keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ini {
    lines: Vec<String>,
}

impl Ini {
    pub(crate) fn parse(text: &str) -> Self {
        Self {
            lines: text.lines().map(str::to_owned).collect(),
        }
    }

    pub(crate) fn to_text(&self) -> String {
        self.lines.iter().flat_map(|line| [line, "\n"]).collect()
    }

    /// Names of sections of a kind: `lfr.cloud` for `[remote "lfr.cloud"]`.
    pub(crate) fn names<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter_map(move |line| {
            let (found, name) = heading(line)?.split_once(' ')?;
            (found == kind).then(|| name.trim().trim_matches('"'))
        })
    }

    /// The value of a key in the section of a kind and a name; the last one counts.
    pub(crate) fn get(&self, kind: &str, name: &str, key: &str) -> Option<&str> {
        let line = self.places(kind, name, key).last()?;
        let (_, value) = entry(&self.lines[line])?;
        Some(value)
    }

    /// Sets a key, in a section that is made where it is missing.
    pub(crate) fn set(&mut self, kind: &str, name: &str, key: &str, value: &str) {
        let line = format!("{key} = {value}");
        if let Some(place) = self.places(kind, name, key).last() {
            self.lines[place] = line;
            return;
        }
        let section = format!("{kind} \"{name}\"");
        let place = self.lines.iter().position(|line| is_section(line, kind, name));
        if let Some(place) = place {
            self.lines.insert(place + 1, line);
            return;
        }
        if self.lines.last().is_some_and(|last| !last.trim().is_empty()) {
            self.lines.push(String::new());
        }
        self.lines.extend([format!("[{section}]"), line]);
    }

    /// Takes a key away; says whether it was there.
    pub(crate) fn remove(&mut self, kind: &str, name: &str, key: &str) -> bool {
        let places: Vec<_> = self.places(kind, name, key).collect();
        for place in places.iter().rev() {
            self.lines.remove(*place);
        }
        !places.is_empty()
    }

    fn places<'a>(&'a self, kind: &'a str, name: &'a str, key: &'a str) -> impl Iterator<Item = usize> + 'a {
        let mut is_within = false;
        self.lines.iter().enumerate().filter_map(move |(place, line)| {
            if heading(line).is_some() {
                is_within = is_section(line, kind, name);
            }
            (is_within && entry(line).is_some_and(|(found, _)| found == key)).then_some(place)
        })
    }
}

fn heading(line: &str) -> Option<&str> {
    Some(line.trim().strip_prefix('[')?.strip_suffix(']')?.trim())
}

fn is_section(line: &str, kind: &str, name: &str) -> bool {
    heading(line)
        .and_then(|heading| heading.split_once(' '))
        .is_some_and(|(found, rest)| found == kind && rest.trim().trim_matches('"') == name)
}

fn entry(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if line.starts_with(['#', ';', '[']) {
        return None;
    }
    let (key, value) = line.split_once('=')?;
    Some((key.trim(), value.trim().trim_matches('"')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "; mine\ndefault_remote = liferay-cloud\n\n[remote \"liferay-cloud\"]\n    infrastructure = liferay.cloud\n    token=abc\n# the end\n";

    #[test]
    fn what_is_not_understood_is_kept_to_the_letter() {
        let mut file = Ini::parse(TEXT);
        assert_eq!(file.to_text(), TEXT);
        file.set("remote", "liferay-cloud", "token", "new");
        assert_eq!(file.to_text(), TEXT.replace("    token=abc", "token = new"));
        assert!(file.remove("remote", "liferay-cloud", "token"));
        assert!(!file.remove("remote", "liferay-cloud", "token"));
        assert_eq!(file.to_text(), TEXT.replace("    token=abc\n", ""));
    }

    #[test]
    fn keys_belong_to_their_section() {
        let mut file = Ini::parse(TEXT);
        assert_eq!(file.get("remote", "liferay-cloud", "token"), Some("abc"));
        assert_eq!(file.get("remote", "liferay-cloud", "default_remote"), None);
        assert_eq!(file.get("remote", "other", "token"), None);
        file.set("remote", "other", "token", "xyz");
        file.set("remote", "other", "user", "joe");
        assert_eq!(file.get("remote", "other", "token"), Some("xyz"));
        assert_eq!(file.get("remote", "other", "user"), Some("joe"));
        assert_eq!(file.get("remote", "liferay-cloud", "token"), Some("abc"));
        assert_eq!(
            file.names("remote").collect::<Vec<_>>(),
            ["liferay-cloud", "other"]
        );
    }

    #[test]
    fn an_empty_file_gets_its_first_section() {
        let mut file = Ini::default();
        file.set("environment", "abc", "project", "acme");
        assert_eq!(file.to_text(), "[environment \"abc\"]\nproject = acme\n");
    }
}
