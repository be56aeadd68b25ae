//! A component whose pages are all done is assembled, signed and published; one that came signed is kept.

use time::OffsetDateTime;

use crate::budget::{self, Fit};
use crate::component::{ComponentError, SignedPdf, UnsignedPdf};
use crate::gather;
use crate::input::InputError;
use crate::ledger::{self, Became, Ledger, file_entry, rfc3339};
use crate::manifest::{self, ImageForm, State};
use crate::model::{Edit, Lang, Localized, Picture};
use crate::ocr::OcrEngine;
use crate::page::{Page, PageError};
use crate::pdf::signature::{self, EmbeddedSignature};
use crate::pdf::writer::DocumentInfo;
use crate::pool::Pool;
use crate::sign::revocation::Evidence;
use crate::sign::verify::Problem;
use crate::sign::{self, RunKey, SignError};
use crate::transcript::{Format, Transcript, TranscriptPage};

use super::plan::{KeptPlan, Plan};
use super::{DigitizeError, Event, Job, Outcome, TRY_AGAIN};

/// Room that is left in a file for its signatures, bytes: the clerk's and the agency's, each up to 33 KB as hex digits with
/// its box and its timestamp.
const SIGNATURES_BYTES: u64 = 100_000;

/// Assembles, signs and publishes a component whose pages are all done, and writes it into the manifest.
pub(super) fn finish(
    job: &Job<'_>,
    pool: &Pool,
    ledger: &mut Ledger,
    plan: &Plan,
    results: Vec<Result<Page, PageError>>,
    key: &mut RunKey<'_>,
    on_event: &mut dyn FnMut(&Event),
) -> Result<Outcome, DigitizeError> {
    let mut set_aside: Vec<manifest::SetAside> = Vec::new();
    for capture in &plan.files {
        if let Some(error) = &capture.unreadable {
            let (file, reason) = (capture.file.clone(), error.message(Lang::Vi));
            on_event(&Event::SetAside {
                component: plan.name.clone(),
                file: capture.name.clone(),
                reason: reason.clone(),
                reason_en: error.message(Lang::En),
            });
            set_aside.push(manifest::SetAside { file, page: None, reason });
        }
    }
    let mut pages = Vec::new();
    let mut sources = Vec::new();
    let mut decided = Vec::new();
    let mut passing = false;
    for (slot, result) in plan.slots.iter().zip(results) {
        let file = plan.files[slot.file].file.clone();
        match result {
            Ok(page) => {
                decided.push(plan.files[slot.file].edit(slot.frame + 1));
                sources.push(manifest::Source { file, page: slot.frame + 1 });
                pages.push(page);
            }
            Err(error) => {
                passing |= error.is_passing();
                let reason = error.message(Lang::Vi);
                set_aside.push(manifest::SetAside { file, page: Some(slot.frame + 1), reason });
            }
        }
    }

    let state = if set_aside.is_empty() { State::Unsigned } else { State::Incomplete };
    // What failed for a passing reason is tried again by the next run.
    let fingerprint = if passing { TRY_AGAIN.to_owned() } else { plan.fingerprint.clone() };
    let begun = manifest::Component::begun(plan.name.clone(), plan.version, state, fingerprint, rfc3339(job.now));
    let mut component = manifest::Component { profile: Some(job.profile.name.to_owned()), set_aside, ..begun };
    let mut files = Vec::new();
    if !pages.is_empty() {
        let info = DocumentInfo {
            title: plan.name.clone(),
            language: "vi-VN".to_owned(),
            created: job.now,
            producer: format!("sohoa {}", env!("CARGO_PKG_VERSION")),
            subject: ledger.manifest().dossier.clone(),
            keywords: None,
        };
        let (unsigned, too_large) = assemble(job, pool, &plan.name, &mut pages, &info, on_event)?;
        let entries = (1..).zip(sources.into_iter().zip(decided)).zip(&pages);
        component.pages =
            entries.map(|((number, origin), page)| page_entry(number, origin, page, job.engine)).collect();
        component.unsigned_sha256 = Some(manifest::hex(&unsigned.digest()));
        let signer = key.signer().filter(|_| component.state != State::Incomplete);
        let role = job.profile.signatory;
        let signed = match signer.map(|signer| (signer, unsigned.sign(role, job.stamp, signer, job.now))) {
            Some((signer, Ok(signed))) => {
                component.state = State::Signed;
                component.signature = Some(ledger::signature_entry(&signed, role, signer, job.now));
                Some(signed)
            }
            Some((_, Err(ComponentError::Sign(error)))) => {
                stop_signing(key, error, on_event);
                None
            }
            Some((_, Err(error))) => return Err(error.into()),
            None => None,
        };
        let bytes = signed.map_or_else(|| unsigned.into_bytes(), SignedPdf::into_bytes);
        let limit = job.profile.max_bytes.value;
        component.exceeds = (too_large || bytes.len() as u64 > limit).then_some(limit);
        let name = file_name(&plan.stem, component.version, component.state, "pdf");
        files = transcripts(job, (&component, ledger.manifest().dossier.as_deref()), &plan.stem, &name, &pages);
        component.transcripts = files.iter().map(|(name, text)| file_entry(name, text)).collect();
        component.file = Some(file_entry(&name, &bytes));
        files.push((name, bytes));
    }
    record(job, ledger, component, &files, key, on_event)
}

/// Makes the file of a component, its page images smaller where it would be too large; also whether it is so even then.
fn assemble(
    job: &Job<'_>,
    pool: &Pool,
    component: &str,
    pages: &mut [Page],
    info: &DocumentInfo,
    on_event: &mut dyn FnMut(&Event),
) -> Result<(UnsignedPdf, bool), ComponentError> {
    let unsigned = UnsignedPdf::assemble(pages, info, job.level)?;
    let (bytes, limit) = (unsigned.bytes().len() as u64, job.profile.max_bytes.value);
    let rest = bytes - pages.iter().map(|page| page.image.picture.bytes() as u64).sum::<u64>();
    if job.size_report {
        let costs = budget::costs(pages, job.settings, pool);
        on_event(&Event::Sizes { component: component.to_owned(), pages: pages.len(), rest, limit, costs });
    }
    let rest = rest + SIGNATURES_BYTES;
    match budget::fit(pages, limit.saturating_sub(rest), job.settings, pool) {
        Fit::Untouched => Ok((unsigned, false)),
        Fit::Smaller => {
            drop(unsigned);
            Ok((UnsignedPdf::assemble(pages, info, job.level)?, false))
        }
        Fit::TooLarge { least } => {
            let (bytes, least) = (bytes + SIGNATURES_BYTES, least + rest);
            on_event(&Event::TooLarge { component: component.to_owned(), bytes, least, limit });
            Ok((unsigned, true))
        }
    }
}

/// Puts a finished component in place and tells of it.
fn record(
    job: &Job<'_>,
    ledger: &mut Ledger,
    component: manifest::Component,
    files: &[(String, Vec<u8>)],
    key: &mut RunKey<'_>,
    on_event: &mut dyn FnMut(&Event),
) -> Result<Outcome, DigitizeError> {
    let had_failed = key.failure().is_some();
    ledger.record(component.clone(), files, key, job.now)?;
    tell_failure(key, had_failed, on_event);
    let outcome = Outcome { component, unchanged: false };
    on_event(&Event::Component(Box::new(outcome.clone())));
    Ok(outcome)
}

/// Gives the key up for the rest of the job and tells why.
fn stop_signing(key: &mut RunKey<'_>, error: SignError, on_event: &mut dyn FnMut(&Event)) {
    let had_failed = key.failure().is_some();
    key.fail(error);
    tell_failure(key, had_failed, on_event);
}

fn tell_failure(key: &RunKey<'_>, had_failed: bool, on_event: &mut dyn FnMut(&Event)) {
    if let Some(error) = key.failure().filter(|_| !had_failed) {
        let (reason, reason_en) = (error.message(Lang::Vi), error.message(Lang::En));
        on_event(&Event::SigningStopped { reason, reason_en });
    }
}

/// Signs a component of an earlier run that waits.
pub(super) fn sign_waiting(
    job: &Job<'_>,
    ledger: &mut Ledger,
    index: usize,
    key: &mut RunKey<'_>,
    on_event: &mut dyn FnMut(&Event),
) -> Result<Outcome, DigitizeError> {
    let had_failed = key.failure().is_some();
    let became = ledger.sign_in_place(index, job.profile.signatory, job.stamp, key, job.now)?;
    tell_failure(key, had_failed, on_event);
    if let Became::Unfit(error) = became {
        return Err(error.into());
    }
    let component = ledger.manifest().components[index].clone();
    let outcome = Outcome { unchanged: component.state == State::Unsigned, component };
    on_event(&Event::Component(Box::new(outcome.clone())));
    Ok(outcome)
}

/// Makes a component of a signed PDF, which is not touched.
pub(super) fn keep(
    job: &Job<'_>,
    ledger: &mut Ledger,
    plan: KeptPlan,
    key: &mut RunKey<'_>,
    on_event: &mut dyn FnMut(&Event),
) -> Result<Outcome, DigitizeError> {
    let source = plan.capture.file;
    let created = rfc3339(job.now);
    let mut component = manifest::Component::begun(plan.name, plan.version, State::Kept, plan.fingerprint, created);
    let read = gather::read(&plan.capture.path, &job.settings.limits);
    match read
        .and_then(|bytes| (manifest::sha256_hex(&bytes) == source.sha256).then_some(bytes).ok_or(InputError::Changed))
    {
        Ok(bytes) => {
            let name = file_name(&plan.stem, component.version, component.state, "pdf");
            component.file = Some(file_entry(&name, &bytes));
            let signatures = found_signatures(&bytes, job.now);
            component.kept = Some(manifest::Kept { source, pages: plan.pages, signatures });
            record(job, ledger, component, &[(name, bytes.to_vec())], key, on_event)
        }
        Err(error) => {
            let (reason, reason_en) = (error.message(Lang::Vi), error.message(Lang::En));
            on_event(&Event::SetAside {
                component: component.name.clone(),
                file: plan.capture.name,
                reason: reason.clone(),
                reason_en,
            });
            component.state = State::Incomplete;
            component.fingerprint = TRY_AGAIN.to_owned();
            component.set_aside.push(manifest::SetAside { file: source, page: None, reason });
            record(job, ledger, component, &[], key, on_event)
        }
    }
}

/// What can be said of the signatures that a file came with; nothing where their structure is not sound.
fn found_signatures(pdf: &[u8], now: OffsetDateTime) -> Vec<manifest::FoundSignature> {
    let found = signature::list(pdf).unwrap_or_default();
    found.iter().map(|signature| found_signature(pdf, signature, now)).collect()
}

fn found_signature(pdf: &[u8], signature: &EmbeddedSignature, now: OffsetDateTime) -> manifest::FoundSignature {
    let verdict = sign::verify::verify(&signature.cms, &signature.digest_input(pdf), &[], &Evidence::default(), now);
    let is_broken = |problem: &Problem| matches!(problem, Problem::ContentChanged | Problem::SignatureInvalid);
    let intact = match verdict.problems.iter().any(is_broken) {
        true => Some(false),
        // Other problems are of forms that are not known here: no verdict.
        false => verdict.is_intact().then_some(true),
    };
    manifest::FoundSignature {
        field: signature.field.clone(),
        format: signature.sub_filter.clone(),
        signer: verdict.signing_certificate.is_some().then_some(verdict.signer),
        certificate_sha256: verdict.signing_certificate.as_ref().map(sign::certificate::sha256_hex),
        time: signature.time.or(verdict.signing_time).map(rfc3339),
        intact,
        covers_whole_file: signature.covers_whole_file,
    }
}

/// `STEM.pdf`, `STEM.v2.pdf` for a rescan, `STEM.incomplete.pdf` for what could be read of a component; its transcripts
/// are called alike.
pub(super) fn file_name(stem: &str, version: u32, state: State, extension: &str) -> String {
    let version = if version > 1 { format!(".v{version}") } else { String::new() };
    let state = if state == State::Incomplete { ".incomplete" } else { "" };
    format!("{stem}{version}{state}.{extension}")
}

/// The text files that are to lie beside a component's PDF, with their names.
fn transcripts(
    job: &Job<'_>,
    (component, dossier): (&manifest::Component, Option<&str>),
    stem: &str,
    pdf: &str,
    pages: &[Page],
) -> Vec<(String, Vec<u8>)> {
    let Some(engine) = job.engine else { return Vec::new() };
    let transcript = Transcript {
        file: pdf,
        title: &component.name,
        engine: engine.name(),
        dossier,
        rules: job.rules,
        pages: pages.iter().map(transcript_page).collect(),
    };
    let name = |format: &Format| file_name(stem, component.version, component.state, format.extension());
    job.transcripts.iter().map(|format| (name(format), format.write(&transcript).into_bytes())).collect()
}

fn transcript_page(page: &Page) -> TranscriptPage<'_> {
    TranscriptPage {
        width: page.width,
        height: page.height,
        dpi: page.geometry.dpi,
        text: &page.text,
        codes: &page.codes,
    }
}

fn page_entry(
    number: usize,
    (source, decided): (manifest::Source, Edit),
    page: &Page,
    engine: Option<&dyn OcrEngine>,
) -> manifest::Page {
    let (geometry, image) = (&page.geometry, &page.image);
    manifest::Page {
        number,
        source,
        image: manifest::Image {
            sha256: manifest::sha256_hex(&image.picture.streams().concat()),
            form: match image.picture {
                Picture::Jpeg(_) => ImageForm::Jpeg,
                Picture::Bilevel(_) => ImageForm::Jbig2,
                Picture::Layers { .. } => ImageForm::Layers,
            },
            quality: image.quality,
            width: image.picture.size().0,
            height: image.picture.size().1,
            dpi: image.dpi,
            size_mm: geometry.size,
        },
        quad: geometry.quad,
        quad_confidence: geometry.quad_confidence,
        skew_deg: geometry.skew_degrees,
        orientation: geometry.orientation,
        blank: page.blank,
        quality: manifest::Quality { flags: page.flags.clone(), measures: page.measures },
        notices: page.notices.clone(),
        codes: page
            .codes
            .iter()
            .map(|code| manifest::Code { kind: code.symbology.name().to_owned(), payload: code.payload.clone() })
            .collect(),
        decided,
        ocr: engine.map(|engine| manifest::Ocr {
            engine: engine.name().to_owned(),
            words: page.text.lines.iter().map(|line| line.words.len()).sum(),
            confidence: page.text.mean_confidence(),
        }),
    }
}
