//! Which activities are asked for, in memory and as the words of an address.

use backup_api::{ActivityGroup, ActivityOutcome};
use jiff::civil::Date;

/// Which activities are asked for; all of them by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActivityFilter {
    /// Only those of a kind.
    pub group: Option<ActivityGroup>,
    /// Only those with this result.
    pub outcome: Option<ActivityOutcome>,
    /// Only those of people whose name holds this, whatever its case; for strangers, whom they said they were.
    pub who: Option<String>,
    /// Only those from this day on, in UTC.
    pub from: Option<Date>,
    /// Only those until the end of this day, in UTC.
    pub to: Option<Date>,
}

/// A word of a filter that means nothing. Leaving it out would show, or hand out, more than was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the filter `{0}` cannot be read")]
pub struct UnreadableFilter(pub &'static str);

const WHAT: &str = "what";
const RESULT: &str = "result";
const WHO: &str = "who";
const FROM: &str = "from";
const TO: &str = "to";

impl ActivityFilter {
    /// Whether it leaves nothing out.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }

    /// From the words of an address: `value` gives the one with a name. Empty ones are left out.
    pub fn from_words(value: impl Fn(&str) -> Option<String>) -> Result<Self, UnreadableFilter> {
        Ok(Self {
            group: read(WHAT, &value, ActivityGroup::from_word)?,
            outcome: read(RESULT, &value, ActivityOutcome::from_word)?,
            who: read(WHO, &value, |text| Some(text.to_owned()))?,
            from: read(FROM, &value, day)?,
            to: read(TO, &value, day)?,
        })
    }

    /// As the words of an address.
    pub fn words(&self) -> Vec<(&'static str, String)> {
        let words = [
            (WHAT, self.group.map(|group| group.to_string())),
            (RESULT, self.outcome.map(|outcome| outcome.to_string())),
            (WHO, self.who.clone()),
            (FROM, self.from.map(|day| day.to_string())),
            (TO, self.to.map(|day| day.to_string())),
        ];
        words
            .into_iter()
            .filter_map(|(name, word)| Some((name, word?)))
            .collect()
    }
}

fn read<T>(
    name: &'static str,
    value: &impl Fn(&str) -> Option<String>,
    meaning: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, UnreadableFilter> {
    let value = value(name).unwrap_or_default();
    let word = value.trim();
    if word.is_empty() {
        return Ok(None);
    }
    meaning(word).map(Some).ok_or(UnreadableFilter(name))
}

/// `2026-11-23` and nothing else that can be read as a day: with a time it would mean less than it says.
fn day(text: &str) -> Option<Date> {
    text.parse().ok().filter(|day: &Date| day.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[(&str, &str)]) -> Result<ActivityFilter, UnreadableFilter> {
        ActivityFilter::from_words(|name| {
            let found = words.iter().find(|(key, _)| *key == name);
            found.map(|(_, word)| (*word).to_owned())
        })
    }

    #[test]
    fn words_are_read_again() {
        let filter = of(&[
            ("what", "downloads"),
            ("result", "ended-early"),
            ("who", " Anna "),
            ("from", "2026-11-01"),
            ("to", "2026-11-30"),
        ])
        .unwrap();
        let words = filter.words();
        let words: Vec<_> = words.iter().map(|(name, word)| (*name, word.as_str())).collect();
        assert_eq!(words[2], ("who", "Anna"));
        assert_eq!(of(&words), Ok(filter));
        assert!(of(&[("what", ""), ("who", "  ")]).unwrap().is_empty());
    }

    #[test]
    fn what_means_nothing_is_named_and_not_left_out() {
        for (name, word) in [
            ("what", "everything"),
            ("result", "Succeeded"),
            ("from", "2026-13-01"),
            ("from", "yesterday"),
            ("to", "2026-11-30T12:00"),
        ] {
            assert_eq!(of(&[(name, word)]).unwrap_err().0, name, "{word}");
        }
    }
}
