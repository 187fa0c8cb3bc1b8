//! The content of a sample as rows of its tables.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    content::{Article, COMPANY, Content, Document, SITE, User},
    schema,
    table::{
        Definition, Table,
        Value::{self, Null, Number, Text, Truth},
    },
};

/// The tables by name, as `pg_dump` orders them.
pub(super) fn tables(content: &Content) -> Vec<Table> {
    vec![
        table(&schema::COMPANY_TABLE, [company()]),
        table(
            &schema::DOCUMENT_TABLE,
            numbered(&content.documents).map(|(age, one)| document(content, age, one)),
        ),
        table(&schema::SITE_TABLE, [site(content)]),
        table(
            &schema::ARTICLE_TABLE,
            numbered(&content.articles).map(|(age, one)| article(content, age, one)),
        ),
        table(&schema::RELEASE_TABLE, [release()]),
        table(
            &schema::USER_TABLE,
            numbered(&content.users).map(|(age, one)| user(content, age, one)),
        ),
    ]
}

fn table(definition: &'static Definition, rows: impl IntoIterator<Item = Vec<Value>>) -> Table {
    Table {
        definition,
        rows: rows.into_iter().collect(),
    }
}

/// Each with its number, which also makes its age in hours.
fn numbered<T>(things: &[T]) -> impl Iterator<Item = (i64, &T)> {
    (0..).zip(things)
}

fn company() -> Vec<Value> {
    vec![
        Number(COMPANY),
        "liferay.com".into(),
        "lfrjoebloggs.example".into(),
        Truth(true),
    ]
}

fn site(content: &Content) -> Vec<Value> {
    let creator = Number(content.users[0].key);
    vec![
        Number(SITE),
        Number(COMPANY),
        creator,
        "Guest".into(),
        "/guest".into(),
        Truth(true),
    ]
}

fn release() -> Vec<Value> {
    let test = "You take the blue pill; the story ends. -- 'You believe' what you want to believe.";
    vec![
        Number(1),
        "portal".into(),
        "30.1.0".into(),
        Number(7413),
        Truth(true),
        test.into(),
    ]
}

fn document(content: &Content, age: i64, document: &Document) -> Vec<Value> {
    vec![
        Number(document.key),
        Number(COMPANY),
        Number(SITE),
        Number(content.users[document.author].key),
        Text(time_before(content.made_at, age)),
        Number(SITE),
        Number(0),
        Text(document.key.to_string()),
        document.kind.extension().into(),
        document.kind.mime_type().into(),
        Text(document.title.clone()),
        if age % 3 == 0 { Null } else { "".into() },
        "1.0".into(),
        Number(i64::try_from(document.bytes.len()).expect("documents are small")),
    ]
}

fn article(content: &Content, age: i64, article: &Article) -> Vec<Value> {
    let xml = format!(
        "<?xml version=\"1.0\"?>\n<root available-locales=\"en_US\"><static-content><![CDATA[<h1>{}</h1>\n<p>{}</p>]]>\
         </static-content></root>",
        article.title, article.text
    );
    vec![
        Number(article.key),
        Number(article.key + 100_000),
        Number(SITE),
        Number(COMPANY),
        Number(content.users[article.author].key),
        Text(time_before(content.made_at, age)),
        Text(article.key.to_string()),
        Number(1),
        Text(format!("article-{}", age + 1)),
        Text(xml),
        Truth(true),
        Number(0),
    ]
}

fn user(content: &Content, age: i64, user: &User) -> Vec<Value> {
    vec![
        Number(user.key),
        Number(COMPANY),
        Text(time_before(content.made_at, age)),
        Text(user.screen_name.clone()),
        Text(format!("{}@lfrjoebloggs.example", user.screen_name)),
        user.given_name.into(),
        user.family_name.into(),
        if age % 4 == 0 {
            Null
        } else {
            Text(format!("Room {age};\tdesk \\{age}"))
        },
        Number(0),
    ]
}

/// A time some hours before `moment`, as PostgreSQL writes it.
fn time_before(moment: Timestamp, hours: i64) -> String {
    let time = moment
        .saturating_sub(SignedDuration::from_hours(hours))
        .unwrap_or(moment);
    time.to_zoned_datetime(TimeZone::UTC)
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}
