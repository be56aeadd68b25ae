//! A service with a clerk, papers and a phone's link, and a browser before it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64ct::{Base64, Encoding};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};

use crate::desk::{PASSWORD, add};
use crate::http::Desk;
use crate::judges::may_be_asked;
use crate::program::{root, run};
use crate::service::CODE;

use super::Browser;

/// The paper that the phone of the scene brings.
pub(crate) const PAPER: &str = "Giấy khai sinh";

/// A service and a browser.
pub(crate) struct Scene {
    /// Ends first: it has the service's pages open.
    pub(crate) browser: Browser,
    pub(crate) desk: Desk,
    /// Where the service is for the browser, without a slash at the end.
    pub(crate) origin: String,
}

impl Scene {
    /// A service with the clerk `lan`, and a browser with these switches more; nothing where no browser is installed.
    /// `changes` are made to the configuration.
    ///
    /// # Panics
    /// When there is no browser and judges are required.
    pub(crate) fn open(name: &str, changes: &[(&str, &str)], switches: &[&str]) -> Option<Self> {
        let desk = Self::desk(name, changes)?;
        Some(Self::before(desk, "http", switches))
    }

    /// As [`Self::open`], over TLS, with a browser that trusts the certificate which the service has made.
    pub(crate) fn open_trusted(name: &str, changes: &[(&str, &str)], switches: &[&str]) -> Option<Self> {
        let tls = ("[service]", "[http]\ntls = true\n[service]");
        let desk = Self::desk(name, &[&[tls], changes].concat())?;
        let trusted = key_hash(&desk.centre.folder.join("data/server.pem"));
        let trusted = format!("--ignore-certificate-errors-spki-list={trusted}");
        Some(Self::before(desk, "https", &[&[&trusted[..]], switches].concat()))
    }

    fn desk(name: &str, changes: &[(&str, &str)]) -> Option<Desk> {
        let has_browser = Command::new("chromium").arg("--version").output().is_ok();
        if !may_be_asked(has_browser && axe().is_some()) {
            return None;
        }
        let desk = Desk::open(name, changes);
        add(&desk.centre, "lan", "clerk");
        Some(desk)
    }

    fn before(desk: Desk, scheme: &str, switches: &[&str]) -> Self {
        let browser = Browser::start(&desk.centre.folder.join("browser"), switches);
        let origin = format!("{scheme}://{}", desk.address);
        Self { browser, desk, origin }
    }

    /// Opens a page by its path.
    pub(crate) fn go(&mut self, path: &str) {
        self.browser.open(&format!("{}{path}", self.origin));
    }

    /// Logs the clerk in.
    pub(crate) fn log_in(&mut self) {
        self.log_in_as("lan");
    }

    /// Logs a person in.
    pub(crate) fn log_in_as(&mut self, name: &str) {
        self.go("/login");
        self.browser.click("input[name=name]");
        self.browser.type_text(name);
        self.browser.click("input[name=password]");
        self.browser.type_text(PASSWORD);
        self.browser.press("Enter");
        self.browser.wait_for("they are in", "location.pathname === '/' && !!document.querySelector('h1')");
    }

    /// The path of a phone's page, which brings [`PAPER`].
    pub(crate) fn pair(&self) -> String {
        let mut command = self.desk.centre.program(&["dossier", "pair", CODE, "--component", PAPER, "--json"]);
        let paired = run(&mut command);
        let told: Value = serde_json::from_str(&paired.stdout).unwrap_or_else(|_| panic!("{paired:?}"));
        let url = told["url"].as_str().unwrap_or_default();
        url.strip_prefix(&self.origin).expect("the service's address").to_owned()
    }

    /// The newest version of a component of the dossier [`CODE`], once there is one that `is_it` takes.
    pub(crate) fn wait_for_component(&self, title: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.desk.centre.wait_for(title, || self.component(title).filter(&is_it))
    }

    fn component(&self, title: &str) -> Option<Value> {
        let components = self.desk.centre.components(Some(CODE));
        components.into_iter().find(|one| one["title"] == title && one["newest"] == true)
    }

    /// SHA-256 (hex) of the captures that [`PAPER`] has, in page order.
    pub(crate) fn arrived(&self) -> Vec<String> {
        let component = self.component(PAPER).unwrap_or_default();
        let captures = component["captures"].as_array().cloned().unwrap_or_default();
        captures.iter().map(|capture| capture["sha256"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// axe-core's one file, from the judges' environment.
pub(super) fn axe() -> Option<PathBuf> {
    let versions = fs::read_dir(root().join("target/judges/lib")).ok()?.flatten();
    let files = versions.map(|version| version.path().join("site-packages/axe_playwright_python/axe.min.js"));
    files.into_iter().find(|file| file.is_file())
}

/// SHA-256 (Base64) of the public key of the first certificate in a file (PEM).
fn key_hash(pem: &Path) -> String {
    let certificate = CertificateDer::from_pem_file(pem).expect("a certificate");
    let certificate = Certificate::from_der(&certificate).expect("a certificate");
    let key = certificate.tbs_certificate.subject_public_key_info.to_der().expect("it was read");
    Base64::encode_string(&Sha256::digest(key))
}

/// SHA-256 of bytes, hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file of `samples/`.
pub(crate) fn sample(name: &str) -> PathBuf {
    root().join("samples").join(name)
}
