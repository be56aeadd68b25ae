//! The data of a paper: what was found on it, with what people said of it. Whoever uses data of papers has them from here: the desk,
//! codes, the store of owners' papers, the search index, exports and the API.
//!
//! What was found is what lies beside the published file (`NAME.data.json`), which stays as it was written; where nothing lies
//! there, what the file's own words and the codes in its manifest say. A paper that was used again has the data of its original.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value as Json;

use crate::digital_code::PaperData;
use crate::export::Corrected;
use crate::extract::{self, Document, Example, Kinds, Rules, Said, Subject};
use crate::manifest;
use crate::store::{ComponentListed, ComponentShown, DossierShown, Statement, Store, StoreError};

use super::listed;
use super::pages::{self, Read};

/// The rules by which papers are read, with what people taught by what they said of earlier ones.
#[derive(Debug)]
pub struct Taught {
    untaught: Rules,
    renewed: Mutex<(i64, Arc<Rules>)>,
}

impl Taught {
    /// These rules, before anything is taught.
    pub fn new(untaught: Rules) -> Self {
        let renewed = Mutex::new((0, Arc::new(untaught.clone())));
        Self { untaught, renewed }
    }

    /// The rules as they are by now; as they were where the store refuses.
    pub fn rules(&self, store: &Store) -> Arc<Rules> {
        let mut renewed = self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(version) = store.examples_version()
            && version != renewed.0
            && let Ok(texts) = store.examples()
        {
            // What another version of the program wrote and this one cannot read teaches nothing.
            let examples: Vec<Example> = texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
            let kinds = self.untaught.kinds.taught(&examples);
            *renewed = (version, Arc::new(Rules { kinds, records: self.untaught.records.clone() }));
        }
        Arc::clone(&renewed.1)
    }
}

/// What was found on a paper.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// All of it.
    pub document: Document,
    /// Width and height of its pages, in the unit of the boxes.
    pub sizes: Vec<(u32, u32)>,
    /// Pages of the component before its first: of a component with several files the first that has data speaks.
    pub before: usize,
    /// Name of the file.
    pub file: Option<String>,
}

/// The data of a component's paper.
#[derive(Clone, Debug)]
pub struct Data {
    /// The component whose paper it is: that of the original where the paper was used again.
    pub paper: ComponentListed,
    /// What was found.
    pub found: Found,
    /// What people said.
    pub said: Vec<Statement>,
    /// What is known: what was found, with what people said in its place.
    pub document: Document,
}

impl Data {
    /// The data of a component; where none lie beside its file, or they are not what the manifest says, they are read from its words.
    ///
    /// # Errors
    /// When the store refuses.
    pub fn of(store: &Store, component: ComponentListed, kinds: &Kinds) -> Result<Self, StoreError> {
        let paper = original(store, component)?;
        let pages = || all_pages(&paper.component);
        let found = of_file(&paper.component).unwrap_or_else(|| read(&paper.component, &pages(), kinds));
        Self::with(store, paper, found, kinds)
    }

    /// What was found of a paper, with what people said.
    fn with(store: &Store, paper: ComponentListed, mut found: Found, kinds: &Kinds) -> Result<Self, StoreError> {
        let statements = store.said_of_data(paper.component.id)?;
        let said = said(&statements);
        if let Some(kind) = said.kind.as_deref().filter(|kind| found.kind() != Some(*kind)) {
            found = read_as(&paper.component, kind, kinds).unwrap_or(found);
        }
        let mut document = found.document.clone();
        document.correct(&said, kinds);
        Ok(Self { paper, found, said: statements, document })
    }

    /// What was said of a field; `None` = of which kind the paper is.
    pub fn statement(&self, field: Option<&str>) -> Option<&Statement> {
        self.said.iter().find(|one| one.field.as_deref() == field)
    }

    /// What is learned from all that was said of the paper and these values, JSON; `None` where its words cannot be read. `kinds` are
    /// those by which it was read.
    pub fn example(&self, values: &[(Option<String>, String)], kinds: &Kinds) -> Option<String> {
        let mut said = said(&self.said);
        for (field, value) in values {
            match field {
                None => said.kind = Some(value.clone()),
                Some(field) => drop(said.values.insert(field.clone(), value.clone())),
            }
        }
        let pages = all_pages(&self.paper.component);
        let sheets: Vec<_> = pages.iter().map(Read::sheet).collect();
        match sheets.is_empty() {
            true => None,
            false => serde_json::to_string(&Example::of(&sheets, kinds, &said)).ok(),
        }
    }

    /// The data as `NAME.data.json` has them, with what people said.
    pub fn json(&self, rules: &Rules) -> Json {
        extract::json(&self.document, self.subject(), &rules.records)
    }

    fn subject(&self) -> Subject<'_> {
        let Self { paper, found, .. } = self;
        Subject { component: &paper.component.name, file: found.file.as_deref(), dossier: paper.dossier.as_deref() }
    }
}

impl Found {
    fn kind(&self) -> Option<&str> {
        self.document.kind.as_ref().map(|kind| &kind.id[..])
    }
}

/// What people said as readers of papers take it.
fn said(statements: &[Statement]) -> Said {
    let value = |one: &Statement| Some((one.field.clone()?, one.value.clone()));
    let kind = statements.iter().find(|one| one.field.is_none()).map(|one| one.value.clone());
    Said { kind, values: statements.iter().filter_map(value).collect() }
}

/// The component whose paper a component has.
fn original(store: &Store, component: ComponentListed) -> Result<ComponentListed, StoreError> {
    match &component.component.reused {
        None => Ok(component),
        Some(reused) => match store.component(reused.original) {
            // Its pages have moved to another paper since.
            Err(StoreError::NoComponent(_)) => Ok(component),
            original => original,
        },
    }
}

/// What lies beside the files of a component: of one with several files the first that has some speaks, as they are of one paper.
///
/// # Errors
/// When the manifest does not know a file, or what lies there is not what it says: somebody changes it at this moment, or
/// altered it.
fn beside(component: &ComponentShown) -> io::Result<Option<Found>> {
    let mut before = 0;
    for published in &component.published {
        let directory = Path::new(&published.directory);
        let Some(listed) = listed(published) else {
            match directory.join(manifest::FILE_NAME).exists() {
                true => return Err(io::ErrorKind::InvalidData.into()),
                false => continue,
            }
        };
        let Some(file) = listed.transcripts.iter().find(|file| PaperData::is_named(&file.path)) else {
            before += listed.pages.len();
            continue;
        };
        let bytes = std::fs::read(directory.join(&file.path))?;
        if manifest::sha256_hex(&bytes) != file.sha256 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let sizes = listed.pages.iter().map(|page| (page.image.width, page.image.height)).collect();
        let file = listed.file.map(|file| file.path);
        return Ok(extract::parse(&bytes).map(|document| Found { document, sizes, before, file }));
    }
    Ok(None)
}

/// What lies beside the files of a component, where it is what the manifest says.
fn of_file(component: &ComponentShown) -> Option<Found> {
    beside(component).ok().flatten()
}

/// The pages of all files of a component.
pub(super) fn all_pages(component: &ComponentShown) -> Vec<Read> {
    component.published.iter().flat_map(pages::pages).collect()
}

/// What the words of a component's pages say.
fn read(component: &ComponentShown, pages: &[Read], kinds: &Kinds) -> Found {
    found(component, pages, pages::said(pages, |sheets| extract::read(sheets, kinds)))
}

/// The same of a component that is said to be of this kind; `None` where the kind is not known, or there are no words.
fn read_as(component: &ComponentShown, kind: &str, kinds: &Kinds) -> Option<Found> {
    kinds.get(kind)?;
    let pages = all_pages(component);
    let document = pages::said(&pages, |sheets| extract::read_as(sheets, kinds, kind));
    (!pages.is_empty()).then(|| found(component, &pages, document))
}

fn found(component: &ComponentShown, pages: &[Read], document: Document) -> Found {
    let file = component.published.iter().find_map(|one| one.file.as_ref()).map(|(file, _)| file.clone());
    Found { document, sizes: pages.iter().map(|page| page.size).collect(), before: 0, file }
}

/// What is known of a component by which it is searched, whose pages are these.
pub(super) fn of_pages(
    store: &Store,
    component: &ComponentListed,
    pages: &[Read],
    kinds: &Kinds,
) -> Result<Document, StoreError> {
    if component.component.reused.is_some() {
        return Ok(Data::of(store, component.clone(), kinds)?.document);
    }
    let found = of_file(&component.component).unwrap_or_else(|| read(&component.component, pages, kinds));
    Ok(Data::with(store, component.clone(), found, kinds)?.document)
}

/// What a component is entered by: what lies beside its files and what people said; nothing where there is neither.
///
/// # Errors
/// The inner one as `beside` has it: it is to be tried again.
pub(super) fn of_files(
    store: &Store,
    component: &ComponentListed,
    kinds: &Kinds,
) -> Result<io::Result<Option<PaperData>>, StoreError> {
    let paper = original(store, component.clone())?;
    let found = match beside(&paper.component) {
        Ok(found) => found,
        Err(error) => return Ok(Err(error)),
    };
    let has_said = || Ok::<_, StoreError>(!store.said_of_data(paper.component.id)?.is_empty());
    if found.is_none() && !has_said()? {
        return Ok(Ok(None));
    }
    let data = Data::with(store, paper, found.unwrap_or_default(), kinds)?;
    Ok(Ok(Some(PaperData::of(data.document))))
}

/// The data of a dossier's newest components of which people said something, by the component's number, to be handed on.
///
/// # Errors
/// When the store refuses.
pub fn corrected(store: &Store, dossier: &DossierShown, rules: &Rules) -> Result<BTreeMap<i64, Corrected>, StoreError> {
    let mut all = BTreeMap::new();
    for component in dossier.components.iter().filter(|one| one.is_newest && !one.published.is_empty()) {
        if store.said_of_data(component.id)?.is_empty() {
            continue;
        }
        let listed = ComponentListed { dossier: dossier.code.clone(), component: component.clone() };
        let data = Data::of(store, listed, &rules.kinds)?;
        let json = extract::text(&data.document, data.subject(), &rules.records);
        all.insert(component.id, Corrected { json, data: PaperData::of(data.document) });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::super::pages::tests::page;
    use super::*;
    use crate::store::Saying;

    #[test]
    fn rules_are_renewed_when_people_teach_and_keep_their_source() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let taught = Taught::new(Rules::shipped());
        let before = taught.rules(&store);
        assert!(Arc::ptr_eq(&before, &taught.rules(&store)), "nothing was taught");
        let code = "H21-250701-0012".parse().unwrap();
        store.create_dossier(&code, 1).unwrap();
        let connection = rusqlite::Connection::open(folder.path().join("store.sqlite")).unwrap();
        let insert = "INSERT INTO components (id, dossier, key, title, name, version, state, priority, created, changed, modified)
            VALUES (7, 1, 'k', 't', 'n', 1, 'done', 0, 1, 1, 1)";
        connection.execute(insert, []).unwrap();
        let sheets = [page("GIẤY BÁO TIN\nKính gửi: Ông Lê Văn Tám", None)];
        let sheets: Vec<_> = sheets.iter().map(Read::sheet).collect();
        let said = Said { kind: Some("thong-bao".to_owned()), ..Said::default() };
        let example = serde_json::to_string(&Example::of(&sheets, &before.kinds, &said)).unwrap();
        let values = [(None, "thong-bao".to_owned())];
        let saying = Saying { values: &values, is_correction: true, example: Some(&example) };
        store.say_of_data(7, saying, None, 2).unwrap();
        let after = taught.rules(&store);
        let kind = |rules: &Rules| extract::read(&sheets, &rules.kinds).kind.map(|kind| kind.id);
        assert_eq!((kind(&before), kind(&after).as_deref()), (None, Some("thong-bao")));
        assert_eq!(before.kinds.source(), after.kinds.source(), "no component is made anew for it");
    }
}
