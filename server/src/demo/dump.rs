//! The sample's database as `pg_dump` writes it: definitions, rows, keys, indexes, closing line.

use std::io::{self, Write};

use super::{content::Content, rows};

const OPENING: &str = "\
--
-- PostgreSQL database dump
--

-- Dumped from database version 15.5
-- Dumped by pg_dump version 15.5

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

";
const CLOSING: &str = "--\n-- PostgreSQL database dump complete\n--\n\n";

/// Writes the whole dump.
pub(super) fn write(content: &Content, out: &mut impl Write) -> io::Result<()> {
    let tables = rows::tables(content);
    out.write_all(OPENING.as_bytes())?;
    tables.iter().try_for_each(|table| table.write_definition(out))?;
    tables.iter().try_for_each(|table| table.write_rows(out))?;
    tables.iter().try_for_each(|table| table.write_primary_key(out))?;
    tables.iter().try_for_each(|table| table.write_indexes(out))?;
    out.write_all(CLOSING.as_bytes())
}
