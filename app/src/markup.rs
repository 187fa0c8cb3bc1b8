//! HTML as one string, for what stands in every row of a long table.
//!
//! A view of elements and attributes is made and walked for each row anew, though little of it differs; a template is
//! written once and filled in. Whatever is filled in is escaped unless it is [`Markup`] itself, and a template can name
//! nothing that is not handed to it: [`html!`] has no other way in.

use std::fmt::{self, Arguments, Display, Formatter, Write as _};

use leptos::tachys::html::InertElement;

/// HTML that was written by [`html!`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Markup(String);

impl Markup {
    /// A template of [`html!`], filled in, of about so many bytes.
    pub(crate) fn filled(length: usize, template: Arguments<'_>) -> Self {
        let mut html = String::with_capacity(length);
        html.write_fmt(template).expect("memory takes everything");
        Self(html)
    }

    /// For a view. It has one element outside.
    pub(crate) fn into_element(self) -> InertElement {
        InertElement::new(self.0)
    }
}

/// What can be filled into a template.
pub(crate) trait Piece {
    /// Writes it as HTML, for the inside of an element or of an attribute in double quotes.
    fn write(&self, out: &mut Formatter<'_>) -> fmt::Result;

    /// About how many bytes that will be, so that templates within templates are not moved while they grow.
    fn length(&self) -> usize;
}

impl Piece for Markup {
    fn write(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }

    fn length(&self) -> usize {
        self.0.len()
    }
}

impl<T: Piece> Piece for [T] {
    fn write(&self, out: &mut Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|piece| piece.write(out))
    }

    fn length(&self) -> usize {
        self.iter().map(Piece::length).sum()
    }
}

impl<T: Piece> Piece for Option<T> {
    fn write(&self, out: &mut Formatter<'_>) -> fmt::Result {
        self.as_slice().write(out)
    }

    fn length(&self) -> usize {
        self.as_slice().length()
    }
}

impl<T: Piece, const COUNT: usize> Piece for [T; COUNT] {
    fn write(&self, out: &mut Formatter<'_>) -> fmt::Result {
        self.as_slice().write(out)
    }

    fn length(&self) -> usize {
        self.as_slice().length()
    }
}

impl<T: Piece> Piece for Vec<T> {
    fn write(&self, out: &mut Formatter<'_>) -> fmt::Result {
        self.as_slice().write(out)
    }

    fn length(&self) -> usize {
        self.as_slice().length()
    }
}

impl Piece for str {
    fn write(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let mut rest = self;
        while let Some(found) = rest.bytes().position(|byte| b"&<>\"".contains(&byte)) {
            let (plain, special) = rest.split_at(found);
            out.write_str(plain)?;
            out.write_str(match special.as_bytes()[0] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                _ => "&quot;",
            })?;
            rest = &special[1..];
        }
        out.write_str(rest)
    }

    fn length(&self) -> usize {
        self.len()
    }
}

impl Piece for String {
    fn write(&self, out: &mut Formatter<'_>) -> fmt::Result {
        self.as_str().write(out)
    }

    fn length(&self) -> usize {
        self.len()
    }
}

impl<T: Piece + ?Sized> Piece for &T {
    fn write(&self, out: &mut Formatter<'_>) -> fmt::Result {
        (*self).write(out)
    }

    fn length(&self) -> usize {
        (*self).length()
    }
}

/// A piece in a template.
pub(crate) struct Filled<T>(pub(crate) T);

impl<T: Piece> Display for Filled<T> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        self.0.write(out)
    }
}

/// Markup of a template in one or several pieces, whose `{name}` are filled in with what is handed over as `name = …`.
macro_rules! html {
    ($($template:literal)+ $(, $name:ident = $piece:expr)* $(,)?) => {
        match ($(&$piece,)*) {
            ($($name,)*) => $crate::markup::Markup::filled(
                concat!($($template),+).len() $(+ $crate::markup::Piece::length($name))*,
                // Through `concat!`, so that a template cannot name a variable around it, which would come in as it is.
                format_args!(concat!($($template),+) $(, $name = $crate::markup::Filled($name))*),
            ),
        }
    };
}

pub(crate) use html;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_stays_text() {
        let note = "\"><script>alert('1 & 2')</script>".to_owned();
        assert_eq!(
            html!("<p title=\"{note}\">{note}</p>", note = note).0,
            "<p title=\"&quot;&gt;&lt;script&gt;alert('1 &amp; 2')&lt;/script&gt;\">\
             &quot;&gt;&lt;script&gt;alert('1 &amp; 2')&lt;/script&gt;</p>"
        );
        assert_eq!(html!("<p>{text}</p>", text = "ä – 'ö'").0, "<p>ä – 'ö'</p>");
        assert_eq!(html!("<p>{text}</p>", text = "").0, "<p></p>");
    }

    #[test]
    fn markup_stays_markup() {
        let inner = html!("<b>{text}</b>", text = "<");
        let nothing: Option<Markup> = None;
        let outer = html!("<p>{nothing}{inner}</p>", inner = Some(inner), nothing = nothing);
        assert_eq!(outer.0, "<p><b>&lt;</b></p>");
    }
}
