#[derive(Debug, thiserror::Error)] #[error("x")] pub struct SignatureError;
#[derive(Debug)] pub struct SignatureField { pub signer_name: String, pub reason: Option<String>, pub location: Option<String>, pub contact: Option<String>, pub time: time::OffsetDateTime }
impl Default for SignatureField { fn default() -> Self { unimplemented!() } }
pub struct Prepared; impl Prepared { pub fn digest_input(&self) -> [&[u8]; 2] { [b"", b""] } pub fn fill(&self, _: &[u8]) -> Result<Vec<u8>, SignatureError> { Ok(vec![]) } }
pub fn prepare(_: &[u8], _: &SignatureField, _: usize) -> Result<Prepared, SignatureError> { Ok(Prepared) }
pub struct EmbeddedSignature { pub cms: Vec<u8>, pub covers_whole_file: bool }
impl EmbeddedSignature { pub fn signed_parts<'a>(&self, b: &'a [u8]) -> [&'a [u8]; 2] { [b, b] } }
pub fn list(_: &[u8]) -> Result<Vec<EmbeddedSignature>, SignatureError> { Ok(vec![]) }
