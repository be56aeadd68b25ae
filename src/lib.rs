//! sohoa turns pictures of papers into signed PDF/A component files.
//!
//! A component (*thành phần hồ sơ*) is one paper of a citizen's dossier (*hồ sơ*). The library is layered: values in
//! [`model`], pure algorithms in [`imaging`], [`codes`], [`ocr`], [`pdf`] and [`sign`], the way of one page in
//! [`page`], the way of one component in [`component`] and [`transcript`], and programs on top. `ARCHITECTURE.md` says which module may
//! use which.

pub mod account;
pub mod batch;
pub mod budget;
pub mod check;
pub mod codes;
pub mod component;
pub mod config;
pub mod connector;
pub mod digitize;
pub mod exit;
pub mod export;
pub mod extract;
pub mod gather;
pub mod grouping;
pub mod http;
pub mod imaging;
pub mod input;
pub mod intake;
pub mod ledger;
pub mod log;
pub mod manifest;
pub mod model;
pub mod ocr;
pub mod online;
pub mod package;
pub mod page;
pub mod pdf;
pub mod pool;
pub mod profile;
pub mod publish;
pub mod scanner;
pub mod search;
pub mod service;
pub mod sheet;
pub mod shelf;
pub mod sign;
pub mod signing;
pub mod stack;
pub mod stamp;
pub mod store;
pub mod token;
pub mod transcript;
pub mod upgrade;
pub mod verify;
