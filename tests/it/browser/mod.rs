//! Our pages in a real browser: Chromium is their judge, and axe-core in it that of their accessibility.
//!
//! `client.rs` drives the browser, `scene.rs` sets up a service with people and papers for it, `proxy.rs` is a bad network
//! between the two, `lens.rs` what the browser's camera sees. `pages.rs` has the list of all pages, which each of its tests goes through: a new page is one line there.
//! `scripts/setup --tests` installs browser and axe-core.

mod camera;
mod client;
mod data;
mod desk;
mod flow;
mod lens;
mod network;
mod pages;
mod phone;
mod proxy;
mod review;
mod scene;

pub(crate) use client::{Browser, OFFICE, PHONE};
pub(crate) use scene::Scene;
