//! The tree keeps to the tables of `ARCHITECTURE.md`: no upward import, each crate in its home.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The home of crates that may be used in any module.
const EVERYWHERE: &str = "everywhere";

#[test]
fn no_module_imports_upwards() {
    let table = tables().modules;
    let mut wrong = Vec::new();
    for file in source_files() {
        let Some(allowed) = table.get(&file.module) else {
            wrong.push(format!("ARCHITECTURE.md has no row for module `{}` ({})", file.module, file.path));
            continue;
        };
        for (line, used) in our_paths(&file) {
            // The top of lib.rs (re-exports) is no module; what is not in the table there is an item of the crate root.
            if used != file.module && table.contains_key(&used) && !permits(allowed, &used) {
                wrong.push(format!("{}:{line}: `{}` must not use `{used}`", file.path, file.module));
            }
        }
    }
    assert!(wrong.is_empty(), "against ARCHITECTURE.md:\n{}", wrong.join("\n"));
}

#[test]
fn every_crate_stays_at_home() {
    let table = tables().crates;
    let dependencies = dependencies();
    let mut wrong: Vec<String> = dependencies
        .iter()
        .filter(|name| !table.contains_key(*name))
        .map(|name| format!("ARCHITECTURE.md has no row for crate `{name}`"))
        .collect();
    for file in source_files() {
        for (line, first) in external_paths(&file) {
            let Some(name) = dependencies.iter().find(|name| name.replace('-', "_") == first) else { continue };
            let at_home =
                table.get(name).is_some_and(|homes| permits(homes, &file.module) || homes.contains(&file.path[4..]));
            if !at_home {
                wrong.push(format!("{}:{line}: crate `{name}` is not at home here", file.path));
            }
        }
    }
    assert!(wrong.is_empty(), "against ARCHITECTURE.md:\n{}", wrong.join("\n"));
}

#[test]
fn the_tables_name_only_what_exists_and_look_only_upwards() {
    let tables = tables();
    let modules: BTreeSet<String> = source_files().into_iter().map(|file| file.module).collect();
    let dependencies = dependencies();
    let mut stale: Vec<&String> = tables.modules.keys().filter(|name| !modules.contains(*name)).collect();
    stale.extend(tables.crates.keys().filter(|name| !dependencies.contains(*name)));
    assert!(stale.is_empty(), "rows of ARCHITECTURE.md without a counterpart: {stale:?}");
    // An allowance that went round in a circle would make layers meaningless.
    let mut settled: BTreeSet<&String> = BTreeSet::new();
    while settled.len() < tables.modules.len() {
        let next: Vec<&String> = tables
            .modules
            .iter()
            .filter(|(name, uses)| !settled.contains(name) && uses.iter().all(|used| settled.contains(used)))
            .map(|(name, _)| name)
            .collect();
        assert!(!next.is_empty(), "the layers of ARCHITECTURE.md form a circle; settled are {settled:?}");
        settled.extend(next);
    }
}

#[test]
fn the_reader_of_imports_sees_them_all() {
    let source = r##"
        //! A doc that speaks of crate::cli is not an import.
        use crate::model::Quad;
        use crate::{codes::Code, page, ocr::{self, Word}};
        pub(crate) fn area() -> &'static str { /* crate::sign */ "crate::cli" }
        pub(in crate::imaging) fn lifetime<'a>(quad: &'a str) { crate::pdf::write(r#"crate::cli"#, '"'); }
        use rayon::prelude::*;
        fn nested() { sohoa::input::open(); other::rayon::x(); }
        #[cfg(test)]
        mod proofs;
        use crate::sign::{self, cms};
        fn ours() { cms::detached(); }
        #[cfg(test)]
        #[expect(clippy::unwrap_used, reason = "a test")]
        mod tests { use crate::component::Component; }
    "##;
    let file = SourceFile { path: "src/imaging/warp.rs".into(), module: "imaging".into(), code: code_only(source) };
    let used: Vec<String> = our_paths(&file).into_iter().map(|(_, name)| name).collect();
    assert_eq!(used, ["model", "codes", "ocr", "page", "imaging", "pdf", "input", "sign"]);
    assert!(external_paths(&file).iter().any(|(line, name)| name == "rayon" && *line == 7));
    assert_eq!(external_paths(&file).iter().filter(|(_, name)| name == "rayon").count(), 1);
    assert!(!external_paths(&file).iter().any(|(_, name)| name == "cms"), "this cms is a module of ours");
}

#[test]
fn a_relative_path_out_of_the_module_is_an_import_too() {
    let relative = |path: &str, code: &str| {
        let module = module_of(path);
        our_paths(&SourceFile { path: path.into(), module, code: code.into() })
    };
    assert_eq!(relative("src/imaging/warp.rs", "use super::super::page::Page;"), [(1, "page".to_owned())]);
    assert_eq!(relative("src/imaging/mod.rs", "use super::page::Page;"), [(1, "page".to_owned())]);
    assert_eq!(relative("src/page.rs", "use super::cli;"), [(1, "cli".to_owned())]);
    assert!(relative("src/imaging/warp.rs", "use super::proxy::Proxy;").is_empty());
}

// ---- the tables ----

/// Name to what its row allows.
type Table = BTreeMap<String, BTreeSet<String>>;

struct Tables {
    modules: Table,
    crates: Table,
}

fn tables() -> Tables {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is part of the tree");
    let part = |name: &str| {
        let (_, after) = text.split_once(&format!("<!-- {name} -->")).expect("the table is marked");
        after.split_once(&format!("<!-- /{name} -->")).expect("the table's end is marked").0.to_owned()
    };
    let mut modules = Table::new();
    for row in rows(&part("layers")) {
        let allowed: BTreeSet<String> = match row[2].contains("everything above") {
            true => modules.keys().cloned().collect(),
            false => names(&row[2]),
        };
        modules.extend(names(&row[1]).into_iter().map(|name| (name, allowed.clone())));
    }
    let mut crates = Table::new();
    for row in rows(&part("crates")) {
        let mut homes = names(&row[1]);
        homes.extend((row[1] == "everywhere").then(|| EVERYWHERE.to_owned()));
        crates.extend(names(&row[0]).into_iter().map(|name| (name, homes.clone())));
    }
    Tables { modules, crates }
}

/// The cells of each row of a table, its head left out.
fn rows(table: &str) -> Vec<Vec<String>> {
    let lines = table.lines().filter(|line| line.starts_with('|')).skip(2);
    lines.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// The words in back quotes.
fn names(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn permits(allowed: &BTreeSet<String>, name: &str) -> bool {
    allowed.contains(name) || allowed.contains(EVERYWHERE)
}

/// The crates of `[dependencies]`.
fn dependencies() -> BTreeSet<String> {
    let manifest: toml::Table = fs::read_to_string(root().join("Cargo.toml"))
        .expect("Cargo.toml is part of the tree")
        .parse()
        .expect("cargo reads it, so does toml");
    manifest["dependencies"].as_table().expect("a table").keys().cloned().collect()
}

// ---- the source ----

struct SourceFile {
    /// From the root of the repository: `src/imaging/warp.rs`.
    path: String,
    module: String,
    /// The text with comments, strings and test code blanked; line breaks kept.
    code: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the crate but `lib.rs`, which only lists the modules, and but test modules in files of their own.
fn source_files() -> Vec<SourceFile> {
    let mut folders = vec![root().join("src")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("src is readable") {
            let path = entry.expect("src is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
        .iter()
        .map(|path| (relative(path), fs::read_to_string(path).expect("source is UTF-8")))
        .filter(|(path, _)| path != "src/lib.rs" && !path.ends_with("/tests.rs"))
        .map(|(path, text)| SourceFile { module: module_of(&path), code: code_only(&text), path })
        .collect()
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).expect("below the root").to_str().expect("our names are ASCII").to_owned()
}

/// `src/imaging/warp.rs` and `src/imaging.rs` both belong to `imaging`.
fn module_of(path: &str) -> String {
    let below = path.trim_start_matches("src/");
    below.split('/').next().expect("split yields one").trim_end_matches(".rs").to_owned()
}

/// Top-level modules of ours that a file names, with the line.
fn our_paths(file: &SourceFile) -> Vec<(usize, String)> {
    let below = file.path.trim_start_matches("src/");
    let depth = below.matches('/').count() + usize::from(!below.ends_with("/mod.rs"));
    let root_by_super = "super::".repeat(depth);
    let mut found = Vec::new();
    for prefix in ["crate::", "sohoa::", root_by_super.as_str()] {
        for (at, _) in file.code.match_indices(prefix) {
            if !starts_a_path(&file.code, at) {
                continue;
            }
            let line = line_of(&file.code, at);
            let rest = &file.code[at + prefix.len()..];
            // More `super::` than the file is deep would not compile, so what follows names a module or a group.
            if let Some(group) = rest.strip_prefix('{') {
                found.extend(group_heads(group).into_iter().map(|name| (at, line, name)));
            } else {
                found.push((at, line, identifier(rest)));
            }
        }
    }
    found.sort();
    found.into_iter().map(|(_, line, name)| (line, name)).filter(|(_, name)| !name.is_empty()).collect()
}

/// The first identifier of every path `name::…` that does not continue another path, and of `use name;`.
fn external_paths(file: &SourceFile) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in file.code.match_indices("::") {
        let head = file.code[..at].rfind(|c: char| !is_identifier(c)).map_or(0, |last| last + 1);
        let name = &file.code[head..at];
        if !name.is_empty() && starts_a_path(&file.code, head) {
            found.push((line_of(&file.code, head), name.to_owned()));
        }
    }
    for (at, _) in file.code.match_indices("use ") {
        let name = identifier(&file.code[at + 4..]);
        if starts_a_path(&file.code, at) && file.code[at + 4 + name.len()..].starts_with([';', ' ']) {
            found.push((line_of(&file.code, at), name));
        }
    }
    let ours = imported_from_us(&file.code);
    found.retain(|(_, name)| !ours.contains(name));
    found
}

/// Names that `use` statements of our own paths bring in: a module of ours may be called like a crate.
fn imported_from_us(code: &str) -> BTreeSet<String> {
    let ours = ["crate::", "sohoa::", "super::", "self::"];
    code.split("use ")
        .skip(1)
        .filter(|statement| ours.iter().any(|prefix| statement.starts_with(prefix)))
        .filter_map(|statement| statement.split_once(';'))
        .flat_map(|(path, _)| path.split(|c| !is_identifier(c)).map(str::to_owned))
        .collect()
}

/// Whether the character before `at` neither continues an identifier nor a path.
fn starts_a_path(code: &str, at: usize) -> bool {
    let before = &code[..at];
    !before.ends_with("::") && !before.ends_with(is_identifier)
}

fn is_identifier(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|&c| is_identifier(c)).collect()
}

/// The first identifier of each entry of `a::b, c, d::{e, f}}…`, the text after an opening brace.
fn group_heads(text: &str) -> Vec<String> {
    let mut depth = 0;
    let mut heads = Vec::new();
    let mut entry = String::new();
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(identifier(std::mem::take(&mut entry).trim_start())),
            _ if depth == 0 => entry.push(c),
            _ => {}
        }
    }
    heads.push(identifier(entry.trim_start()));
    heads
}

fn line_of(code: &str, at: usize) -> usize {
    1 + code[..at].matches('\n').count()
}

/// The source with comments and the insides of literals blanked, up to its test module (tests stand last in a file).
fn code_only(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment_length(rest)
        } else if (c == 'r' || c == 'b') && !out.ends_with(is_identifier) && raw_string_length(rest).is_some() {
            raw_string_length(rest).expect("just seen")
        } else if c == '"' {
            quoted_length(rest, '"')
        } else if c == '\'' && is_char_literal(rest) {
            quoted_length(rest, '\'')
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        out.extend(rest[..skipped].chars().filter(|&c| c == '\n'));
        out.push(' ');
        rest = &rest[skipped..];
    }
    let tests = out.match_indices("#[cfg(test)]").map(|(at, _)| at).find(|&at| starts_a_test_module(&out[at..]));
    out.truncate(tests.unwrap_or(out.len()));
    out
}

/// Whether attributes and then `mod name {` follow.
fn starts_a_test_module(text: &str) -> bool {
    let mut rest = text;
    while let Some(after) = rest.strip_prefix("#[") {
        rest = after.split_once(']').map_or("", |(_, after)| after).trim_start();
    }
    rest.strip_prefix("mod ").is_some_and(|after| after.trim_start_matches(is_identifier).trim_start().starts_with('{'))
}

fn block_comment_length(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of `r"…"`, `r#"…"#`, `br"…"` at the start of `text`, or `None` when no raw string starts there.
fn raw_string_length(text: &str) -> Option<usize> {
    let after_r = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = after_r.len() - after_r.trim_start_matches('#').len();
    let body = after_r[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(text.len() - body.len() + body.find(&end)? + end.len())
}

/// The length of a quoted literal at the start of `text`, escapes respected.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// Tells `'x'` and `'\n'` from the lifetime `'a`.
fn is_char_literal(text: &str) -> bool {
    let mut characters = text.chars().skip(1);
    match characters.next() {
        Some('\\') => true,
        Some(_) => characters.next() == Some('\''),
        None => false,
    }
}
