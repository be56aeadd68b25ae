//! One changed byte anywhere in an output directory or in a source is found by `sohoa verify`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::program::{files_below, fresh, root, run, sohoa};

/// Changes tried, each restored afterwards.
const CHANGES: u64 = 200;
/// Where the random sequence starts, so that a failure can be repeated.
const SEED: u64 = 0x50_48_4F_41;

#[test]
fn verify_finds_every_single_changed_byte() {
    let folder = fresh("tamper");
    let (sources, out) = (folder.join("in"), folder.join("out"));
    for sample in ["bia-ho-so.jpg", "can-cuoc/anh-quet.jpg", "to-khai/trang-1.jpg", "to-khai/trang-2.jpg"] {
        let copy = sources.join(sample);
        fs::create_dir_all(copy.parent().expect("in is its parent")).expect("our own folder");
        fs::copy(root().join("samples").join(sample), copy).expect("the sample exists");
    }
    let made = run(sohoa().arg("digitize").arg(&sources).arg("--out").arg(&out));
    assert!(matches!(made.code, Some(0 | 4)), "{made:?}");
    let verify = |out: &Path| run(sohoa().arg("verify").arg(out));
    let clean = verify(&out);
    assert_eq!(clean.code, Some(0), "{clean:?}");

    // A file is drawn first, then a byte of it: else the manifest, a thousandth of the bytes, would hardly be met.
    let files: Vec<PathBuf> = [files_below(&out, ""), files_below(&sources, "")].concat();
    let mut random = SplitMix64(SEED);
    let mut missed = Vec::new();
    let mut unnamed = Vec::new();
    for _ in 0..CHANGES {
        let file = &files[random.below(files.len())];
        let original = fs::read(file).expect("our own file");
        let position = random.below(original.len());
        let mut changed = original.clone();
        changed[position] ^= u8::try_from(1 + random.below(255)).expect("at most 255");
        fs::write(file, &changed).expect("our own file");
        let run = verify(&out);
        fs::write(file, &original).expect("our own file");
        let change = format!("{} byte {position}: {} → {}", file.display(), original[position], changed[position]);
        if run.code != Some(6) {
            missed.push(format!("{change}: exit code {:?}\n{}{}", run.code, run.stdout, run.stderr));
        }
        let name = file.file_name().and_then(|name| name.to_str()).expect("our names are ASCII");
        if !(run.stdout + &run.stderr).contains(name) {
            unnamed.push(change);
        }
    }
    println!("{CHANGES} changes in {} files: {} found", files.len(), CHANGES - missed.len() as u64);
    assert!(missed.is_empty(), "not found:\n{}", missed.join("\n"));
    assert!(unnamed.is_empty(), "found, but the file is not named:\n{}", unnamed.join("\n"));
    let clean = verify(&out);
    assert_eq!(clean.code, Some(0), "everything was restored: {clean:?}");
}

#[test]
fn verify_names_what_is_missing() {
    let folder = fresh("missing");
    let (source, out) = (folder.join("trang.jpg"), folder.join("out"));
    fs::copy(root().join("samples/bia-ho-so.jpg"), &source).expect("the sample exists");
    let made = run(sohoa().args(["digitize", "--ocr", "off"]).arg(&source).arg("--out").arg(&out));
    assert!(matches!(made.code, Some(0 | 4)), "{made:?}");
    // Originals may be taken away once they are digitised: that is a remark, not a fault. Without its manifest a folder is
    // no output directory, which is said with another code.
    for (file, code) in
        [(out.join("trang.pdf"), 6), (out.join("log.jsonl"), 6), (out.join("manifest.json"), 5), (source, 0)]
    {
        let aside = folder.join("aside");
        fs::rename(&file, &aside).expect("our own file");
        let run = run(sohoa().arg("verify").arg(&out));
        fs::rename(&aside, &file).expect("our own file");
        assert_eq!(run.code, Some(code), "{} is missing: {run:?}", file.display());
        let name = file.file_name().and_then(|name| name.to_str()).expect("our names are ASCII");
        assert!((run.stdout + &run.stderr).contains(name), "{name}");
    }
}

/// Vigna's SplitMix64: a repeatable sequence is all that is asked of it.
pub(crate) struct SplitMix64(pub(crate) u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; the bias of the remainder is far below what 200 draws could show.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }
}
