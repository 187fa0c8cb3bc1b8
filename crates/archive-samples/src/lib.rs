//! Archives for tests, made in memory: sound ones of any size, and small ones with one thing wrong.
//!
//! A test that needs an archive and nothing special in it takes [`database`], [`volume`] or their like of a certain
//! size; [`postgresql_dump`], [`mysql_dump`] and [`document_library`] have in them what readers stumble upon. Broken ones are written by hand, byte by byte where it must be, because programs that pack do not write them. Every
//! crate that takes archives can ask for all of them, so that a new way to break one is tried everywhere.

mod broken;
mod sound;
mod tar;

use std::io::Write as _;

use flate2::{Compression, GzBuilder};

pub use crate::{
    broken::{BrokenArchive, broken_archives},
    sound::{SMALLEST, archive, archive_of, database, database_of, noise, pieces, volume, volume_of},
    tar::{TarBuilder, TarEntry},
};

/// Compresses as one gzip member.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

/// A dump as `pg_dump --format=plain --no-owner --no-acl` writes it, not compressed.
pub fn postgresql_dump() -> String {
    "\
--
-- PostgreSQL database dump
--

\\restrict Yy0lXcVGRaFOO

-- Dumped from database version 15.5 (Debian 15.5-0+deb12u1)
-- Dumped by pg_dump version 15.16

SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);

--
-- Name: accountentry; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.accountentry (
    accountentryid bigint NOT NULL,
    name character varying(250),
    description text
);


--
-- Name: user_; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.user_ (
    userid bigint NOT NULL,
    comments text DEFAULT 'it''s; nothing -- said'::text
);


--
-- Data for Name: accountentry; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.accountentry (accountentryid, name, description) FROM stdin;
1\tAcme; DROP DATABASE lportal;\t-- no comment\\nCREATE TABLE public.\"AccountEntry\" (
2\tO'Neill \"& sons\" \u{1f600}\t\\\\.
3\t\\N\t$$ /* */
\\.


--
-- Data for Name: user_; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.user_ (userid, comments) FROM stdin;
20130\t\\N
\\.


--
-- PostgreSQL database dump complete
--

\\unrestrict Yy0lXcVGRaFOO

"
    .to_owned()
}

/// A dump as `mysqldump --databases --add-drop-database` writes it, not compressed.
pub fn mysql_dump() -> String {
    "\
-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
--
-- Host: localhost    Database: lportal
-- ------------------------------------------------------
-- Server version\t8.0.36

/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!50503 SET NAMES utf8mb4 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;

--
-- Current Database: `lportal`
--

/*!40000 DROP DATABASE IF EXISTS `lportal`*/;

CREATE DATABASE /*!32312 IF NOT EXISTS*/ `lportal` /*!40100 DEFAULT CHARACTER SET utf8 */;

USE `lportal`;

--
-- Table structure for table `AccountEntry`
--

DROP TABLE IF EXISTS `AccountEntry`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
CREATE TABLE `AccountEntry` (
  `accountEntryId` bigint NOT NULL,
  `name` varchar(250) DEFAULT NULL COMMENT 'a; b',
  PRIMARY KEY (`accountEntryId`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `AccountEntry`
--

LOCK TABLES `AccountEntry` WRITE;
/*!40000 ALTER TABLE `AccountEntry` DISABLE KEYS */;
INSERT INTO `AccountEntry` VALUES (1,'Acme; DROP DATABASE lportal;'),(-2,'O\\'Neill \\\"& sons\\\" \u{1f600}'),(3,'-- no comment\\n/*!50003 USE `other` */\\\\'),(4,NULL);
/*!40000 ALTER TABLE `AccountEntry` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `User_`
--

CREATE TABLE `User_` (
  `userId` bigint NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
INSERT INTO `User_` VALUES (20130);
/*!50003 SET sql_mode = '' */ ;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER `t` BEFORE INSERT ON `User_` FOR EACH ROW
BEGIN
  USE `nothing`; SET NEW.userId = 1; # it's a remark
END */;;
DELIMITER ;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;

-- Dump completed on 2026-01-31  1:20:04
"
    .to_owned()
}

/// A document library as `tar -czf volume.tgz document_library` packs it, not compressed.
pub fn document_library() -> Vec<u8> {
    TarBuilder::new()
        .with(TarEntry::folder("document_library/"))
        .with(TarEntry::folder("document_library/20097/"))
        .with(TarEntry::file("document_library/20097/101/1.0", b"a document"))
        .with(TarEntry::file("document_library/20097/102/1.0", &[7; 2000]))
        .finish()
}
