//! The words of a statement that decide what it is: the first few outside parentheses, and the last two.

use super::kept::Kept;

/// `CREATE TABLE IF NOT EXISTS a.b` has eight; nothing that matters has more before its first parenthesis.
const FIRST: usize = 12;
/// The longest identifier of either engine, in UTF-8.
pub(super) const IDENTIFIER_BYTES: usize = 256;

/// One of the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// As it stands there: a keyword, a number, a name.
    Plain,
    /// A name in quotes.
    Quoted,
    /// The dot between a schema and a name.
    Dot,
}

#[derive(Debug, Clone, Copy)]
struct Token {
    kind: Kind,
    start: usize,
    end: usize,
}

/// A statement as far as it was read.
#[derive(Debug)]
pub(super) struct Statement {
    text: Kept<{ FIRST * IDENTIFIER_BYTES }>,
    tokens: Vec<Token>,
    /// The last two plain words, so that the end of a long statement is known too.
    last: [Kept<16>; 2],
    /// Whether anything was read of it.
    begun: bool,
}

impl Statement {
    pub(super) fn new() -> Self {
        Self {
            text: Kept::new(),
            tokens: Vec::with_capacity(FIRST),
            last: [Kept::new(), Kept::new()],
            begun: false,
        }
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.tokens.clear();
        self.last.iter_mut().for_each(Kept::clear);
        self.begun = false;
    }

    /// Notes that something is there that is no word.
    pub(super) fn begin(&mut self) {
        self.begun = true;
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    pub(super) fn add_word(&mut self, word: &[u8]) {
        self.add(Kind::Plain, word);
        self.last.swap(0, 1);
        self.last[1].clear();
        self.last[1].push(word);
    }

    pub(super) fn add_quoted(&mut self, name: &[u8]) {
        self.add(Kind::Quoted, name);
    }

    pub(super) fn add_dot(&mut self) {
        self.add(Kind::Dot, b".");
    }

    fn add(&mut self, kind: Kind, text: &[u8]) {
        self.begun = true;
        if self.tokens.len() < FIRST {
            let start = self.text.beginning().len();
            self.text.push(text);
            let end = self.text.beginning().len();
            self.tokens.push(Token { kind, start, end });
        }
    }

    /// Whether the statement begins with these keywords.
    pub(super) fn begins_with(&self, keywords: &[&str]) -> bool {
        self.has_at(0, keywords)
    }

    /// Whether it ends with these two keywords.
    pub(super) fn ends_with(&self, keywords: [&str; 2]) -> bool {
        keywords.iter().zip(&self.last).all(|(keyword, last)| {
            last.whole()
                .is_some_and(|word| word.eq_ignore_ascii_case(keyword.as_bytes()))
        })
    }

    /// Whether these keywords stand from the word at `index` on.
    fn has_at(&self, index: usize, keywords: &[&str]) -> bool {
        self.tokens.len() >= index + keywords.len()
            && self.tokens[index..].iter().zip(keywords).all(|(token, keyword)| {
                token.kind == Kind::Plain && self.text_of(token).eq_ignore_ascii_case(keyword.as_bytes())
            })
    }

    fn text_of(&self, token: &Token) -> &[u8] {
        &self.text.beginning()[token.start..token.end]
    }

    /// The word at `index`, whatever it is.
    pub(super) fn word(&self, index: usize) -> Option<&[u8]> {
        self.tokens.get(index).map(|token| self.text_of(token))
    }

    /// The name that follows `keywords`, which stand at the beginning but for `fillers` between and behind them.
    pub(super) fn name_after(&self, keywords: &[&str], fillers: &[&str]) -> Option<Name> {
        let mut index = 0;
        for keyword in keywords {
            index = self.skip(index, fillers);
            if !self.has_at(index, &[keyword]) {
                return None;
            }
            index += 1;
        }
        index = self.skip(index, fillers);
        let mut token = self.tokens.get(index)?;
        let mut schema = None;
        while self
            .tokens
            .get(index + 1)
            .is_some_and(|next| next.kind == Kind::Dot)
        {
            schema = Some(self.text_of(token).to_vec());
            index += 2;
            token = self.tokens.get(index)?;
        }
        (token.kind != Kind::Dot).then(|| Name {
            schema,
            text: self.text_of(token).to_vec(),
            quoted: token.kind == Kind::Quoted,
        })
    }

    fn skip(&self, mut index: usize, fillers: &[&str]) -> usize {
        while fillers.iter().any(|filler| self.has_at(index, &[filler])) {
            index += 1;
        }
        index
    }
}

/// A name of something in a database.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) schema: Option<Vec<u8>>,
    pub(super) text: Vec<u8>,
    pub(super) quoted: bool,
}
