//! The tables of the sample database: a few of Liferay's, with lower-case names as its PostgreSQL databases have them.

use super::table::Definition;

const KEY: &str = "bigint NOT NULL";
const NUMBER: &str = "bigint";
const TEXT: &str = "text";
const NAME: &str = "character varying(75)";
const TIME: &str = "timestamp without time zone";
const TRUTH: &str = "boolean";

pub(super) static COMPANY_TABLE: Definition = Definition {
    name: "company",
    columns: &[
        ("companyid", KEY),
        ("webid", NAME),
        ("mx", "character varying(200)"),
        ("active_", TRUTH),
    ],
    primary_key: "companyid",
    indexes: &[("ix_ec00543c", "webid")],
};
pub(super) static DOCUMENT_TABLE: Definition = Definition {
    name: "dlfileentry",
    columns: &[
        ("fileentryid", KEY),
        ("companyid", NUMBER),
        ("groupid", NUMBER),
        ("userid", NUMBER),
        ("createdate", TIME),
        ("repositoryid", NUMBER),
        ("folderid", NUMBER),
        ("name", "character varying(255)"),
        ("extension", NAME),
        ("mimetype", NAME),
        ("title", "character varying(255)"),
        ("description", TEXT),
        ("version", NAME),
        ("size_", NUMBER),
    ],
    primary_key: "fileentryid",
    indexes: &[("ix_8f6c75d0", "folderid, name"), ("ix_d9492cf6", "mimetype")],
};
pub(super) static SITE_TABLE: Definition = Definition {
    name: "group_",
    columns: &[
        ("groupid", KEY),
        ("companyid", NUMBER),
        ("creatoruserid", NUMBER),
        ("groupkey", "character varying(150)"),
        ("friendlyurl", "character varying(255)"),
        ("site", TRUTH),
    ],
    primary_key: "groupid",
    indexes: &[("ix_e8d019aa", "companyid, friendlyurl")],
};
pub(super) static ARTICLE_TABLE: Definition = Definition {
    name: "journalarticle",
    columns: &[
        ("id_", KEY),
        ("resourceprimkey", NUMBER),
        ("groupid", NUMBER),
        ("companyid", NUMBER),
        ("userid", NUMBER),
        ("createdate", TIME),
        ("articleid", NAME),
        ("version", "double precision"),
        ("urltitle", "character varying(255)"),
        ("content", TEXT),
        ("indexable", TRUTH),
        ("status", "integer"),
    ],
    primary_key: "id_",
    indexes: &[("ix_4d5cd982", "groupid, articleid, version")],
};
pub(super) static RELEASE_TABLE: Definition = Definition {
    name: "release_",
    columns: &[
        ("releaseid", KEY),
        ("servletcontextname", NAME),
        ("schemaversion", NAME),
        ("buildnumber", "integer"),
        ("verified", TRUTH),
        ("teststring", "character varying(1024)"),
    ],
    primary_key: "releaseid",
    indexes: &[("ix_8bd6bca7", "servletcontextname")],
};
pub(super) static USER_TABLE: Definition = Definition {
    name: "user_",
    columns: &[
        ("userid", KEY),
        ("companyid", NUMBER),
        ("createdate", TIME),
        ("screenname", NAME),
        ("emailaddress", "character varying(254)"),
        ("firstname", NAME),
        ("lastname", NAME),
        ("comments", TEXT),
        ("status", "integer"),
    ],
    primary_key: "userid",
    indexes: &[("ix_615e9f7a", "companyid, emailaddress")],
};
